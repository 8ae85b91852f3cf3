package dockerapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"docker-dispatch/wire/http1"
)

// Limits of answers that are read whole, in bytes. Of those that are longer than smallLen there is one at a time.
const (
	rawLen     = 64 << 20  // of what is decoded, as it comes: an inspect of a container with the arguments of a message of 16 MiB
	smallLen   = 256 << 10 // an inspect, and the list of 100 containers
	decodedLen = 2 << 20   // of what is decoded, with strings cut to stringLen: an inspect whose container has 20,000 ports
	shownLen   = 4 << 20   // of what is given out as it is: a list of 3,000 usual containers, which have 1.3 KiB
)

var errRaw = fmt.Errorf("longer than %d MiB", rawLen>>20)

// errNothing is the end of an answer before its beginning: of an Engine that goes down.
var errNothing = &http1.Error{Op: "read", Sent: true, Err: io.ErrUnexpectedEOF}

// Place is that of one who holds a long answer in memory: the others wait. It is taken when an answer turns out to be long.
// Release it when the answer is not needed any more.
type Place struct {
	all  places
	held bool
}

// places has room for as many as hold one.
type places chan struct{}

// Place is not taken yet.
func (c *Client) Place() *Place { return &Place{all: c.held} }

// ReadAll reads r to its end, or limit bytes, at least 256 KiB, and one more.
func (p *Place) ReadAll(ctx context.Context, r io.Reader, limit int) ([]byte, error) {
	return p.readInto(new(bytes.Buffer), ctx, r, limit)
}

// readInto is ReadAll into a buffer, which is empty.
func (p *Place) readInto(b *bytes.Buffer, ctx context.Context, r io.Reader, limit int) ([]byte, error) {
	_, err := b.ReadFrom(io.LimitReader(r, smallLen))
	if err != nil || b.Len() < smallLen {
		return b.Bytes(), err
	}
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	_, err = b.ReadFrom(io.LimitReader(r, int64(limit)+1-smallLen))
	return b.Bytes(), err
}

func (p *Place) take(ctx context.Context) error {
	select {
	case p.all <- struct{}{}:
		p.held = true
		return nil
	case <-ctx.Done():
		return &http1.Error{Op: "read", Sent: true, Err: context.Cause(ctx)}
	}
}

// Release gives the place back, if it is taken, once. Nil is none.
func (p *Place) Release() {
	if p != nil && p.held {
		p.held = false
		<-p.all
	}
}

// buffers are for answers that are decoded at once.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// usualAnswer is as long, in bytes, as nearly all of those answers are: a longer buffer is not kept.
const usualAnswer = 16 << 10

func giveBack(b *bytes.Buffer) {
	if b.Cap() <= usualAnswer {
		b.Reset()
		buffers.Put(b)
	}
}

// reading is how an answer is read.
type reading struct {
	place *Place
	limit int
	tamed *bytes.Buffer // where it is read to, of one that is to be tamed; nil for others
}

func (r reading) all(ctx context.Context, body io.Reader) ([]byte, error) {
	if r.tamed == nil {
		return r.place.ReadAll(ctx, body, r.limit)
	}
	raw := &io.LimitedReader{R: body, N: rawLen + 1}
	text, err := r.place.readInto(r.tamed, ctx, &tamed{src: raw}, r.limit)
	if err == nil && raw.N == 0 {
		err = errRaw
	}
	return text, err
}

func (r reading) tooLong(op call) error {
	return fmt.Errorf("dockerapi: %s: the answer is longer than %d MiB", calls[op].operation, r.limit>>20)
}

package cmds

import (
	"context"
	"errors"
	"fmt"
	"io"

	"docker-dispatch/wire/buffer"
)

// ErrPrinterClosed is what printing returns after Close.
var ErrPrinterClosed = errors.New("cmds: the printer is closed")

// Printer writes the outputs of containers and the results of messages to one writer, whole lines at a time. What a pipe has room
// for is written at once, by whoever prints. What may have to wait is a goroutine's to write, so that a writer that blocks holds up
// whoever prints, as a slow pipe does, but nobody beyond the end of his context. Nothing is buffered.
type Printer struct {
	format   format
	w        io.Writer
	pipe     pipe
	turn     chan struct{} // holds one while nobody writes
	requests chan request  // for whoever writes
	closed   chan struct{}
}

type request struct {
	text    []byte
	written chan<- error // takes one, without blocking
}

// format is how the two kinds of line look: see text.go and json.go.
type format interface {
	// output makes the start of all lines of a stream, which append is then given.
	output(s *Streams, stream string) (prefix string)
	// again adds the word that the output of a container comes from its beginning once more.
	again(dst []byte, s *Streams) []byte
	// append adds lines to a burst, of which each but the last has its newline, or the piece of one, until it is full, and returns
	// how many bytes of lines it took. stamp is the time, in RFC 3339; offset is that of the first byte in the stream.
	append(b *buffer.Buffer, prefix string, stamp []byte, offset int64, lines []byte, more bool) (taken int)
	// result makes the line of a result.
	result(r *Result) []byte
}

// NewPrinter prints to w, as "json" or else as text. Close it.
func NewPrinter(w io.Writer, as string) *Printer {
	p := &Printer{format: textFormat{}, w: w, pipe: pipeOf(w), turn: make(chan struct{}, 1), requests: make(chan request), closed: make(chan struct{})}
	if as == "json" {
		p.format = jsonFormat{}
	}
	p.turn <- struct{}{}
	return p
}

// write writes r, and what is asked for meanwhile. It has the turn.
func (p *Printer) write(r request) {
	for more := true; more; r, more = p.next() {
		_, err := p.w.Write(r.text)
		r.written <- err
	}
}

// next is what waits to be written; with nothing waiting, the turn is given back.
func (p *Printer) next() (r request, more bool) {
	select {
	case r = <-p.requests:
		return r, true
	default:
		p.turn <- struct{}{}
		return request{}, false
	}
}

// Close ends the printer; it waits for a write that is under way, until ctx is done.
func (p *Printer) Close(ctx context.Context) error {
	close(p.closed)
	select {
	case <-p.turn: // for good
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cmds: standard output takes nothing: %w", context.Cause(ctx))
	}
}

// begin writes text, or hands it over to be written, in whose hands it is from then on, even when ctx ends. Written is for end, and
// takes one without blocking.
func (p *Printer) begin(ctx context.Context, text []byte, written chan<- error) error {
	select {
	case <-p.turn:
		p.start(request{text, written})
		return nil
	case p.requests <- request{text, written}:
		return nil
	case <-p.closed:
		return ErrPrinterClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start writes what need not wait, and has the rest, and what is asked for meanwhile, written. It has the turn.
func (p *Printer) start(r request) {
	r.text = r.text[p.pipe.write(r.text):]
	if len(r.text) > 0 {
		go p.write(r)
		return
	}
	r.written <- nil
	if next, more := p.next(); more {
		go p.write(next)
	}
}

// end waits for what begin has begun. When ctx ends the wait, the text may still be written and must not be used again.
func (p *Printer) end(ctx context.Context, written <-chan error) error {
	select {
	case err := <-written:
		if err != nil {
			return &OutputError{err}
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// print writes text.
func (p *Printer) print(ctx context.Context, text []byte) error {
	written := make(chan error, 1)
	if err := p.begin(ctx, text, written); err != nil {
		return err
	}
	return p.end(ctx, written)
}

// OutputError says that standard output takes no more: nothing can be answered any longer.
type OutputError struct{ Err error }

func (e *OutputError) Error() string { return "cmds: writing standard output: " + e.Err.Error() }

func (e *OutputError) Unwrap() error { return e.Err }

// Result prints a result.
func (p *Printer) Result(ctx context.Context, r *Result) error {
	return p.print(ctx, p.format.result(r))
}

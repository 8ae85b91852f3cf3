package dockerapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"docker-dispatch/wire/http1"
)

// Record is one request, and what has come of it so far.
type Record struct {
	Operation string
	Method    string
	Target    string        // path and query, as sent
	Sum       string        // sha256 of the body, in hex; "" without a body, and where nobody admits requests
	Status    int           // 0: no answer
	Bytes     int64         // of the answer's body that were read; of a hijacked connection, from the Engine
	Err       error         // of the connection
	Duration  time.Duration // since it was admitted
}

// account is the record of one request, kept until its answer is over.
type account struct {
	record Record
	begun  time.Time
	bytes  atomic.Int64
	over   func(Record) // who admitted it; nil is nobody
	once   sync.Once    // a stream may be closed twice
}

// admit opens the account of the next request of a span, if it may be sent.
func (c *Client) admit(s *span, req *http1.Request) error {
	if c.draft != nil {
		return c.write(s.op, req)
	}
	s.account.close()
	a := &account{record: Record{Operation: calls[s.op].operation, Method: req.Method, Target: req.Target}}
	if c.Admit != nil {
		if req.Body != nil {
			sum := sha256.Sum256(req.Body)
			a.record.Sum = hex.EncodeToString(sum[:])
		}
		over, err := c.ask(s, a.record)
		switch {
		case err == nil:
			a.over = over
		case s.ctx.Err() != nil:
			return fmt.Errorf("dockerapi: %s: %w", calls[s.op].operation, s.ctx.Err())
		default:
			return &NoAnswer{calls[s.op].operation, false, err}
		}
	}
	a.begun = time.Now()
	s.account = a
	return nil
}

// ask waits for Admit for as long as the row's limit is. The exchange then has as long again.
func (c *Client) ask(s *span, r Record) (over func(Record), err error) {
	ctx := s.ctx
	if limit := calls[s.op].limit; limit != unlimited {
		within, cancel := context.WithTimeoutCause(ctx, limit, http1.ErrLimit)
		defer cancel()
		ctx = within
	}
	return c.Admit(ctx, r)
}

// answered notes the head of an answer, or why there is none, and has what is read of its body counted.
func (a *account) answered(res *http1.Response, err error) Record {
	a.record.Err = err
	a.record.Duration = time.Since(a.begun)
	if res != nil {
		a.record.Status = res.Status
		if res.Body != nil {
			res.Body = a.count(res.Body)
		}
	}
	return a.record
}

// close tells whoever has admitted the request how it went. One that was not admitted has no account.
func (a *account) close() {
	if a == nil || a.over == nil {
		return
	}
	a.once.Do(func() {
		r := a.record
		r.Bytes, r.Duration = a.bytes.Load(), time.Since(a.begun)
		a.over(r)
	})
}

func (a *account) count(body io.ReadCloser) io.ReadCloser { return &counted{body, &a.bytes} }

// counted is a body whose bytes are counted as they are read.
type counted struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// line is a connection that was hijacked, whose bytes are counted as they are read: a stdcopy.Line.
type line struct {
	*http1.Conn
	bytes *atomic.Int64
}

func (l *line) Read(p []byte) (int, error) { return l.count(l.Conn.Read(p)) }

func (l *line) TryRead(p []byte) (int, error) { return l.count(l.Conn.TryRead(p)) }

func (l *line) count(n int, err error) (int, error) {
	l.bytes.Add(int64(n))
	return n, err
}

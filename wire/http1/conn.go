package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"docker-dispatch/wire/socket"
)

// readBuffer is each connection's buffer in bytes: a usual head in one read. Longer reads of a body bypass it.
const readBuffer = 4 << 10

// past is a deadline that has passed: setting it fails whatever blocks on a connection.
var past = time.Unix(1, 0)

// conn is a connection and the exchange that is using it. Between exchanges it lies in its client's idle list.
type conn struct {
	net.Conn
	client    *Client
	r         *bufio.Reader // nil between exchanges, and when a Conn has read what it held
	scratch   []byte        // lines being read; at most a head, see maxFields
	idleSince time.Time     // when it was put into the idle list

	// of the exchange
	ctx     context.Context
	limited bool        // a deadline is set: the request's Limit
	unwatch func() bool // ends the watch of ctx; false: the connection may have been interrupted
	upgrade string      // that the request asks for; "" is none
	reused  bool        // not the connection's first exchange
	sent    bool        // some of the request has left
	cut     bool        // a write failed
	keep    bool        // when the response has been read, another request may follow
}

// readers are those that no connection holds.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}

// alive tells whether an idle connection can carry another request: there is nothing to read. A peer's close, a reset, and bytes
// that answer no request of ours all make it readable.
func alive(nc net.Conn) bool {
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = outer.NetConn()
	}
	s, ok := nc.(*socket.Conn)
	return !ok || s.Idle()
}

// watch begins an exchange under ctx, which ends at the deadline; zero is none. A context that ends sets one in the past: it fails
// the read or write that is blocked and all later ones.
func (c *conn) watch(ctx context.Context, deadline time.Time) {
	c.r = readers.Get().(*bufio.Reader)
	c.r.Reset(c.Conn)
	c.ctx, c.sent, c.cut = ctx, false, false
	if c.limited = !deadline.IsZero(); c.limited {
		c.Conn.SetDeadline(deadline)
	}
	c.unwatch = context.AfterFunc(ctx, func() { c.Conn.SetDeadline(past) })
}

// lift takes the deadline of a Limit away, of an exchange that goes on or of one whose context is not watched any more.
func (c *conn) lift(goesOn bool) {
	if !c.limited {
		return
	}
	c.limited = false
	c.Conn.SetDeadline(time.Time{})
	if goesOn && c.ctx.Err() != nil { // whose deadline may just have been taken away
		c.Conn.SetDeadline(past)
	}
}

// release ends an exchange whose response has been read whole: the connection is kept for the next or closed. Bytes that the
// peer sent beyond the response belong to no request. With a context that has ended, its deadline may be set.
func (c *conn) release() {
	if c.unwatch() && c.ctx.Err() == nil && c.keep && c.r.Buffered() == 0 {
		c.lift(false)
		c.giveBack()
		closeAll(c.client.pushIdle(c))
		return
	}
	c.Conn.Close()
}

// giveBack lets go of the reader, which is empty.
func (c *conn) giveBack() {
	c.r.Reset(nil) // it holds no connection
	readers.Put(c.r)
	c.r = nil
}

// Close ends an exchange and its connection.
func (c *conn) Close() error {
	c.unwatch()
	return c.Conn.Close()
}

// fail is the *Error of an exchange; a read or write that the context interrupted has the context's error.
func (c *conn) fail(op string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrLimit
		if c.ctx.Err() != nil {
			err = cause(c.ctx)
		}
	}
	return &Error{Op: op, Sent: c.sent, Reused: c.reused, Err: err}
}

// Conn is a connection that a response has handed over, after [Client.Hijack]. Its bytes are the peer's own, without framing.
// The context of Hijack still governs it: when that is done, blocked and later Reads and Writes fail with an *Error around
// the context's, and the connection is of no more use. One goroutine may Read while another Writes.
type Conn struct{ c *conn }

// Read reads what the peer sends, first of all what came right behind the head. The peer's end of its direction is io.EOF.
func (c *Conn) Read(p []byte) (n int, err error) {
	if c.behind() {
		return c.c.r.Read(p)
	}
	n, err = c.c.Conn.Read(p)
	return n, c.reading(err)
}

// TryRead reads like Read, and returns 0 and no error where that would wait, or where it cannot be seen whether it would, as with TLS.
func (c *Conn) TryRead(p []byte) (n int, err error) {
	if c.behind() {
		return c.c.r.Read(p)
	}
	s, ok := c.c.Conn.(*socket.Conn)
	if !ok {
		return 0, nil
	}
	n, err = s.TryRead(p)
	return n, c.reading(err)
}

// Wait returns when a Read is not likely to wait, and at once where that cannot be seen. Errors are those of Read, without io.EOF.
// It is for the one who reads.
func (c *Conn) Wait() error {
	s, ok := c.c.Conn.(*socket.Conn)
	if !ok || c.behind() {
		return nil
	}
	return c.reading(s.Wait())
}

// reading is the error of a Read.
func (c *Conn) reading(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return c.c.fail("read", err)
}

// behind says whether there is something left of what came right behind the head. With nothing left the connection needs no
// buffer any more.
func (c *Conn) behind() bool {
	switch {
	case c.c.r == nil:
		return false
	case c.c.r.Buffered() > 0:
		return true
	}
	c.c.giveBack()
	return false
}

// Write sends p.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.c.Conn.Write(p)
	if err != nil {
		err = c.c.fail("write", err)
	}
	return n, err
}

// CloseWrite ends our direction, so that the peer reads an end, and leaves the other open. It is an error where the
// connection that was dialled has no CloseWrite, as TCP, unix and TLS connections have.
func (c *Conn) CloseWrite() error {
	half, ok := c.c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("http1: %T cannot close one direction", c.c.Conn)
	}
	return half.CloseWrite()
}

// Close ends both directions. It may be called while a Read or Write blocks, which then fails.
func (c *Conn) Close() error { return c.c.Close() }

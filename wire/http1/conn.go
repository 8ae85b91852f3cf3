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
	unwatch func() bool // ends the watch of ctx; false: the connection may have been interrupted
	upgrade string      // that the request asks for; "" is none
	reused  bool        // not the connection's first exchange
	sent    bool        // some of the request has left
	cut     bool        // a write failed
	keep    bool        // when the response has been read, another request may follow
}

// readers are those that no connection holds.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}

func newConn(ctx context.Context, nc net.Conn, client *Client) *conn {
	c := &conn{Conn: nc, client: client}
	c.watch(ctx)
	return c
}

// watch begins an exchange under ctx. A context that ends sets a deadline in the past, which fails the read or write that is
// blocked and all later ones; this is the only deadline that is ever set here.
func (c *conn) watch(ctx context.Context) {
	c.r = readers.Get().(*bufio.Reader)
	c.r.Reset(c.Conn)
	c.ctx, c.sent, c.cut = ctx, false, false
	c.unwatch = context.AfterFunc(ctx, func() { c.Conn.SetDeadline(past) })
}

// release ends an exchange whose response has been read whole: the connection is kept for the next or closed. Bytes that the
// peer sent beyond the response belong to no request.
func (c *conn) release() {
	if c.unwatch() && c.keep && c.r.Buffered() == 0 {
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
	if errors.Is(err, os.ErrDeadlineExceeded) && c.ctx.Err() != nil {
		err = cause(c.ctx)
	}
	return &Error{Op: op, Sent: c.sent, Reused: c.reused, Err: err}
}

// Conn is a connection that a response has handed over, after [Client.Hijack]. Its bytes are the peer's own, without framing.
// The context of Hijack still governs it: when that is done, blocked and later Reads and Writes fail with an *Error around
// the context's, and the connection is of no more use. One goroutine may Read while another Writes.
type Conn struct {
	c   *conn
	err error // of a look at the socket, which tells it once; what a Read returns from then on
}

// Read reads what the peer sends, first of all what came right behind the head. The peer's end of its direction is io.EOF.
func (c *Conn) Read(p []byte) (n int, err error) {
	switch {
	case c.behind():
		n, err = c.c.r.Read(p)
	case c.err != nil:
		return 0, c.err
	default:
		n, err = c.c.Conn.Read(p)
	}
	if err != nil && err != io.EOF {
		err = c.c.fail("read", err)
	}
	return n, err
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

// Ready says whether a Read would not wait, since bytes, the end or an error have come. It says no where that cannot be seen, as
// with TLS. It is for the one who reads.
func (c *Conn) Ready() bool {
	if c.behind() || c.err != nil {
		return true
	}
	is, err := ready(c.c.Conn)
	return c.met(err) != nil || is
}

// Wait returns when a Read would not wait, and at once where that cannot be seen. Errors are those of Read. It is for the one who
// reads.
func (c *Conn) Wait() error {
	if c.behind() || c.err != nil {
		return c.err
	}
	return c.met(await(c.c.Conn))
}

func (c *Conn) met(err error) error {
	if err != nil {
		c.err = c.c.fail("read", err)
	}
	return c.err
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

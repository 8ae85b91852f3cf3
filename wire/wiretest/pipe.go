package wiretest

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// pipeConn is one end of an in-memory connection whose directions close separately, as TCP's and a unix socket's do:
// two net.Pipes, one for each direction.
type pipeConn struct {
	in, out net.Conn
	ended   atomic.Bool // its owner has ended its direction, by CloseWrite or Close
}

// Pipe returns the two ends of an in-memory connection. Like net.Pipe it has no buffer and obeys deadlines; unlike
// net.Pipe its ends have CloseWrite, which the other end reads as io.EOF.
func Pipe() (net.Conn, net.Conn) { return newPipe() }

func newPipe() (client, server *pipeConn) {
	upOut, upIn := net.Pipe()
	downOut, downIn := net.Pipe()
	return &pipeConn{in: downIn, out: upOut}, &pipeConn{in: upIn, out: downOut}
}

func (c *pipeConn) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *pipeConn) Write(b []byte) (int, error) { return c.out.Write(b) }

// CloseWrite ends this direction; the other stays open.
func (c *pipeConn) CloseWrite() error {
	c.ended.Store(true)
	return c.out.Close()
}

// Close ends both directions: what the other end still writes fails.
func (c *pipeConn) Close() error {
	c.ended.Store(true)
	return c.shut()
}

// shut is Close by another than the owner. A Read that blocks fails before the other end can answer our end with its own.
func (c *pipeConn) shut() error { return errors.Join(c.in.Close(), c.out.Close()) }

func (c *pipeConn) LocalAddr() net.Addr  { return c.out.LocalAddr() }
func (c *pipeConn) RemoteAddr() net.Addr { return c.out.RemoteAddr() }

func (c *pipeConn) SetReadDeadline(t time.Time) error  { return c.in.SetReadDeadline(t) }
func (c *pipeConn) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }

func (c *pipeConn) SetDeadline(t time.Time) error {
	return errors.Join(c.in.SetReadDeadline(t), c.out.SetWriteDeadline(t))
}

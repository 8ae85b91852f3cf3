// Package socket reads and writes TCP and unix sockets in ways that package net does not offer: a [Conn] can be read
// without waiting, and waited for without a buffer to read into. And its system calls are not announced to Go's scheduler, as those
// of package net are: that is for calls that may block, which those of a socket without data never do, and each announcement wakes
// the runtime's monitor if it sleeps. In a program that mostly waits, that is a sixth of the CPU.
//
// Linux (but for 386, whose sockets have one system call) and macOS have it; elsewhere [New] changes nothing. [DialUnix] connects in the same way, on Linux. What a connection carries is
// not known here.
package socket

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Conn is a connection whose Reads and Writes are done here; all else is its own. One goroutine may read, which are
// Read, TryRead, Wait and Idle, while another writes. Errors are a *net.OpError, as those of package net.
type Conn struct {
	net.Conn
	raw syscall.RawConn

	in     []byte // to be read into
	got    int    // bytes
	waits  bool   // a read does, until there is something
	woken  bool   // from the wait that is under way
	empty  bool   // there was nothing
	met    error  // an error of the socket, which tells it once: that of all reads from then on
	out    []byte // to be written
	failed error  // of the write

	read, await, write func(fd uintptr) (done bool) // of the methods below, bound once
	look               func(fd uintptr)
}

// New returns a *Conn of nc if that is a socket, and otherwise nc. Its Close, deadlines and addresses are nc's.
func New(nc net.Conn) net.Conn {
	sc, ok := nc.(syscall.Conn)
	if !ok || !supported {
		return nc
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nc // it is closed
	}
	c := &Conn{Conn: nc, raw: raw}
	c.read, c.await, c.write, c.look = c.readOnce, c.awaitOnce, c.writeAll, c.lookOnce
	return c
}

// Read reads up to len(p) bytes, and waits for the first. The peer's end of its direction is io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	c.waits = true
	return c.take(p)
}

// TryRead reads like Read, and returns 0 and no error where that would wait.
func (c *Conn) TryRead(p []byte) (int, error) {
	c.waits = false
	return c.take(p)
}

func (c *Conn) take(p []byte) (int, error) {
	if len(p) == 0 || c.met != nil {
		return 0, c.met
	}
	c.in, c.got = p, 0
	err := c.raw.Read(c.read)
	c.in = nil
	if err != nil {
		return 0, c.named("read", err)
	}
	return c.got, c.met
}

func (c *Conn) readOnce(fd uintptr) bool {
	n, err := read(fd, c.in)
	switch {
	case err == syscall.EAGAIN:
		return !c.waits
	case err != 0:
		c.met = c.failure("read", err)
	case n == 0:
		c.met = io.EOF
	default:
		c.got = n
	}
	return true
}

// Wait returns when a Read is not likely to wait: bytes have come, or the end, or an error, which is returned unless it is io.EOF.
func (c *Conn) Wait() error {
	if c.met == io.EOF {
		return nil
	}
	if c.met != nil {
		return c.met
	}
	c.woken = false
	if err := c.raw.Read(c.await); err != nil {
		return c.named("read", err)
	}
	return c.met
}

func (c *Conn) awaitOnce(fd uintptr) bool {
	return c.woken || !c.isEmpty(fd)
}

// isEmpty says whether there is nothing to read, not even the end. Nothing is taken but an error.
func (c *Conn) isEmpty(fd uintptr) bool {
	c.woken = true // for a wait that begins here
	err := peek(fd)
	if err != 0 && err != syscall.EAGAIN {
		c.met = c.failure("read", err)
	}
	return err == syscall.EAGAIN
}

// Idle says whether there is nothing to read on an open connection. A peer's close, a reset, and bytes that nobody has asked for all
// end that.
func (c *Conn) Idle() bool {
	c.empty = false
	err := c.raw.Control(c.look)
	return err == nil && c.empty
}

func (c *Conn) lookOnce(fd uintptr) { c.empty = c.isEmpty(fd) }

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	c.out, c.failed = p, nil
	err := c.raw.Write(c.write)
	n := len(p) - len(c.out)
	c.out = nil
	if err != nil {
		return n, c.named("write", err)
	}
	return n, c.failed
}

func (c *Conn) writeAll(fd uintptr) bool {
	for len(c.out) > 0 {
		n, err := write(fd, c.out)
		switch {
		case err == syscall.EAGAIN:
			return false
		case err != 0:
			c.failed = c.failure("write", err)
			return true
		}
		c.out = c.out[n:]
	}
	return true
}

// CloseWrite ends our direction and leaves the other open.
func (c *Conn) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite() // as every socket of package net
}

// failure is the error of a system call.
func (c *Conn) failure(op string, err error) error {
	return c.wrapped(op, os.NewSyscallError(op, err))
}

// named is an error of a syscall.RawConn, such as that of a deadline, as a net.Conn has it.
func (c *Conn) named(op string, err error) error {
	e, ok := err.(*net.OpError)
	switch {
	case ok:
		e.Op = op
		return err
	case err != os.ErrDeadlineExceeded: // package os does not export what it says of a closed one
		err = net.ErrClosed
	}
	return c.wrapped(op, err)
}

func (c *Conn) wrapped(op string, err error) error {
	return &net.OpError{Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

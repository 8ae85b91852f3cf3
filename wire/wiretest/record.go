package wiretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Record wraps dial so that what passes through its connections is written down, and returns with it a function that gives
// the transcript so far. The client's bytes count as sent when its Write returns and the server's when its Read does, so the
// order of the two directions is the client's own. The connections keep CloseWrite and hide everything else.
func Record(dial func(context.Context) (net.Conn, error)) (recording func(context.Context) (net.Conn, error), transcript func() string) {
	r := &recorder{}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return r.wrap(conn), nil
	}, r.transcript
}

// recorder keeps the connections in the order of their dialling.
type recorder struct {
	mu   sync.Mutex
	list []*exchange
}

func (r *recorder) wrap(conn net.Conn) net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := &exchange{name: fmt.Sprintf("connection %d", len(r.list)+1)}
	r.list = append(r.list, x)
	return &recordedConn{Conn: conn, r: r, x: x}
}

func (r *recorder) add(x *exchange, s step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.add(s)
}

func (r *recorder) transcript() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]exchange, len(r.list))
	for i, x := range r.list {
		list[i] = *x
	}
	return format(list)
}

// recordedConn tells r what its Reads and Writes carried.
type recordedConn struct {
	net.Conn
	r *recorder
	x *exchange
}

func (c *recordedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.r.add(c.x, step{dir: '<', data: bytes.Clone(b[:n])})
	}
	if err == io.EOF {
		c.r.add(c.x, step{dir: '<', eof: true})
	}
	return n, err
}

func (c *recordedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.r.add(c.x, step{dir: '>', data: bytes.Clone(b[:n])})
	}
	return n, err
}

// CloseWrite ends the client's direction where the connection can.
func (c *recordedConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("wiretest: the recorded connection has no CloseWrite")
	}
	c.r.add(c.x, step{dir: '>', eof: true})
	return half.CloseWrite()
}

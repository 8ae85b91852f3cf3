// Package http1 is the client side of HTTP/1.1 ([RFC 9112]) over connections that the caller dials. It knows nothing of
// what the requests mean.
//
// A [Client] sends a [Request] with [Client.Do] and gives back a [Response] whose Body is read from the connection as it
// comes; [Client.Hijack] asks for an upgrade and hands over the connection itself, a [Conn]. A failure to reach the peer or
// to hear it out is an [Error], which says how far the request got; a peer that breaks the protocol is a [ProtocolError]
// within one. No request is ever repeated here.
//
// Responses are read strictly. Refused are: versions other than HTTP/1.0 and 1.1, line ends other than CRLF (section 2.2
// would allow a bare LF), CR within a line, folded lines (section 5.2), blanks before a field's colon (section 5.1), names
// that are no tokens and values with control characters, more than one Content-Length or one that is not plain digits,
// Content-Length together with Transfer-Encoding, any transfer coding but chunked, Transfer-Encoding from HTTP/1.0 (section
// 6.1), a 101 that was not asked for, and everything longer than the limits that stand at the top of response.go and body.go.
// Memory is bounded by those limits and a read buffer of 4 KiB for each connection, whatever sizes the peer announces.
//
// Redirects, cookies, content codings, pipelining, caching, proxies and 100-continue are left out.
//
// [RFC 9112]: https://www.rfc-editor.org/rfc/rfc9112
package http1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// maxIdle is how many idle connections a Client keeps: as many as calls are made at once, so that a burst of them finds them again.
// One that calls rarely has few, since idleLife ends them.
const maxIdle = 1024

// idleLife is how long an idle connection is used again. Servers close theirs after a while without notice (Docker's
// engines after 300 s), and a request that crosses such a close cannot be told from one that was acted on; so ours go long before.
const idleLife = 60 * time.Second

// Client sends requests over connections that Dial opens, and keeps those that are idle for the next requests. It is
// ready for use with Dial and Host set, and safe for concurrent use; its fields are not to be changed after the first request.
type Client struct {
	// Dial opens a connection; it must obey its context. Its connections are reused while they are alive, which can be seen
	// of those that are a *socket.Conn or, like *tls.Conn, have one as their NetConn; others count as alive.
	Dial func(context.Context) (net.Conn, error)

	Host      string // the Host field (RFC 9112 section 3.2)
	UserAgent string // the User-Agent field; empty: none

	mu   sync.Mutex
	idle []*conn // in the order in which they became idle; the last is used first
}

// Do sends req and reads the head of the response. The context governs the whole exchange, until the Body has been read to
// its end or closed: when it is done, whatever blocks fails with an error that wraps ctx.Err() and the context's cause. After the
// request's Limit it fails with ErrLimit. The one thing that neither can interrupt is a Read of the request's own Stream.
//
// A request that cannot be written as HTTP (a control character in its target, a field that is the client's own) is refused
// before anything is dialled, with an error that is not an *Error. Every other error is an *Error.
//
// A peer may answer before it has read the whole request and stop reading. The response is then returned as far as it can
// be read, and only without one is the failed write the error.
func (c *Client) Do(ctx context.Context, req *Request) (*Response, error) {
	obtain := c.acquire
	if req.Close {
		obtain = c.dial
	}
	resp, _, err := c.exchange(ctx, req, "", obtain)
	return resp, err
}

// Hijack sends req, over a fresh connection, with the fields "Connection: Upgrade" and "Upgrade: tcp". When the peer
// switches protocols (101), or answers 200 and an unframed stream as if it knew no upgrades (neither Content-Length nor
// chunked), the connection is the caller's: the *Conn is not nil, and bytes that came right after the head are its first. Any
// other response is returned as from Do, with a nil *Conn and a Body to read. Errors, the context and the Limit are as for Do; the
// context, and no Limit, goes on to govern the Conn until that is closed.
func (c *Client) Hijack(ctx context.Context, req *Request) (*Response, *Conn, error) {
	return c.exchange(ctx, req, "tcp", c.dial)
}

// exchange sends req over the connection that obtain gives. Nothing is sent or dialled when the context is done already.
func (c *Client) exchange(ctx context.Context, req *Request, upgrade string, obtain func(context.Context, time.Time) (*conn, error)) (*Response, *Conn, error) {
	if err := c.check(req); err != nil {
		return nil, nil, err
	}
	if ctx.Err() != nil {
		return nil, nil, &Error{Op: "dial", Err: cause(ctx)}
	}
	conn, err := obtain(ctx, req.deadline())
	if err != nil {
		return nil, nil, err
	}
	conn.upgrade = upgrade
	resp, hijacked, err := conn.roundTrip(req)
	if err != nil {
		conn.Close()
	}
	return resp, hijacked, err
}

// CloseIdle closes the connections that no request is using. The Client stays usable.
func (c *Client) CloseIdle() {
	c.mu.Lock()
	idle := c.lockedOlder(0)
	c.mu.Unlock()
	closeAll(idle)
}

// acquire finds an idle connection that is alive, or dials.
func (c *Client) acquire(ctx context.Context, deadline time.Time) (*conn, error) {
	for {
		conn, old := c.popIdle()
		closeAll(old)
		if conn == nil {
			return c.dial(ctx, deadline)
		}
		if alive(conn.Conn) {
			conn.reused = true
			conn.watch(ctx, deadline)
			return conn, nil
		}
		conn.Conn.Close()
	}
}

func (c *Client) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	nc, err := c.dialWithin(ctx, deadline)
	if err != nil && ctx.Err() != nil {
		err = cause(ctx)
	}
	if err != nil {
		return nil, &Error{Op: "dial", Err: err}
	}
	conn := &conn{Conn: nc, client: c}
	conn.watch(ctx, deadline)
	return conn, nil
}

func (c *Client) dialWithin(ctx context.Context, deadline time.Time) (net.Conn, error) {
	if deadline.IsZero() {
		return c.Dial(ctx)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nc, err := c.Dial(ctx)
	if err != nil && ctx.Err() != nil {
		err = ErrLimit
	}
	return nc, err
}

// popIdle takes the connection that became idle last, nil where there is none, and those that have been idle for too long.
func (c *Client) popIdle() (conn *conn, old []*conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old = c.lockedOlder(idleLife)
	last := len(c.idle) - 1
	if last < 0 {
		return nil, old
	}
	conn = c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	return conn, old
}

// pushIdle keeps a connection, and gives back the one that has been idle longest when that makes too many.
func (c *Client) pushIdle(conn *conn) []*conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn.idleSince = time.Now()
	c.idle = append(c.idle, conn)
	return c.lockedCut(max(0, len(c.idle)-maxIdle))
}

// lockedOlder removes the connections that have been idle for age or longer.
func (c *Client) lockedOlder(age time.Duration) []*conn {
	old := 0
	for old < len(c.idle) && time.Since(c.idle[old].idleSince) >= age {
		old++
	}
	return c.lockedCut(old)
}

// lockedCut removes the n connections that have been idle longest. To close them is for after the lock: a TLS connection may
// take its time over it.
func (c *Client) lockedCut(n int) []*conn {
	cut := slices.Clone(c.idle[:n])
	left := copy(c.idle, c.idle[n:])
	clear(c.idle[left:])
	c.idle = c.idle[:left]
	return cut
}

func closeAll(conns []*conn) {
	for _, conn := range conns {
		conn.Conn.Close()
	}
}

// ErrLimit is the cause of an Error where the request's Limit has passed.
var ErrLimit = errors.New("no answer within the limit")

// Error is an exchange that failed on the way. It records what a caller must know to decide whether to send the request
// again, and decides nothing.
type Error struct {
	Op string // "dial", "write" or "read"

	// Sent: bytes of the request may have reached the peer. False only when surely none did.
	Sent bool

	// Reused: the connection had carried an earlier exchange. A peer may close such a connection at any time, so
	// that a failure before the first byte of the response says little about the peer.
	Reused bool

	Err error // the cause: a ProtocolError, a context's, ErrLimit, io.ErrUnexpectedEOF for a response cut short, or the connection's own
}

// doing is each Op in an error's words.
var doing = map[string]string{
	"dial":  "connecting",
	"write": "sending the request",
	"read":  "reading the response",
}

func (e *Error) Error() string { return fmt.Sprintf("http1: %s: %v", doing[e.Op], e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ProtocolError is a peer that broke RFC 9112; its text says how, with what it sent quoted and cut. It comes wrapped in an
// *Error with Op "read".
type ProtocolError string

func (e ProtocolError) Error() string { return "protocol error: " + string(e) }

func protocolErrorf(format string, args ...any) error {
	return ProtocolError(fmt.Sprintf(format, args...))
}

// cause is why ctx is done: its error, and the cause that was given with it.
func cause(ctx context.Context) error {
	if err, why := ctx.Err(), context.Cause(ctx); err != why {
		return fmt.Errorf("%w: %w", err, why)
	}
	return ctx.Err()
}

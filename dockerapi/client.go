package dockerapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"docker-dispatch/wire"
	"docker-dispatch/wire/http1"
)

const (
	minMinor = 41 // API 1.41 is Engine 20.10: the oldest that is tested
	maxMinor = 55 // the newest whose changes are known to matter nothing here
)

// Client calls the operations of one Engine. It is safe for concurrent use.
type Client struct {
	// OnCall is told of every request after its answer's head has come, or has not. Nil tells nobody. Set it before the
	// first call.
	OnCall func(Record)

	// Admit is asked before every request is sent, under the caller's context. With an error the request is not sent, and the
	// call is a *NoAnswer. What it returns is told, once, how the request went, when all of the answer has come that is wanted. Nil
	// admits all. Set it before the first call.
	Admit func(context.Context, Record) (over func(Record), err error)

	http   http1.Client
	draft  func(Draft) // told of what is then not sent; nil: it is sent
	decode places      // of answers that are decoded
	held   places      // of answers that others hold
	losses atomic.Int64

	mu      sync.Mutex
	version string // "/v1.44", negotiated; "" is not yet, or not any more
}

// New makes the client of the Engine at addr. It dials when it is first used.
func New(addr wire.Addr) *Client {
	return &Client{http: http1.Client{Dial: addr.Dial, Host: "docker", UserAgent: "docker-dispatch"}, decode: make(places, 1), held: make(places, 1)}
}

// Close closes the connections that are kept for reuse.
func (c *Client) Close() { c.http.CloseIdle() }

// Losses counts the connections that have failed so far, those too that a call has made up for by itself. The end of a stream
// looks like its cut; when others were lost with it, it was one.
func (c *Client) Losses() int64 { return c.losses.Load() }

// args are the parts of a request that vary.
type args struct {
	id    string      // what a path with {id} or {name} is about
	query url.Values  //
	body  any         // a tarball is sent as it is, nil is none, and all else is to be sent as JSON
	auth  wire.Secret // X-Registry-Auth; "" is none
}

// tarball is the body of a request that is no JSON.
type tarball []byte

// do makes a unary call and decodes its answer into out, or one whose answer says nothing, with a nil out.
func (c *Client) do(ctx context.Context, op call, a args, out any) error {
	place := &Place{all: c.decode}
	defer place.Release()
	b := buffers.Get().(*bytes.Buffer)
	defer giveBack(b)
	body, err := c.whole(ctx, op, a, reading{place, decodedLen, b})
	if err != nil || out == nil {
		return err
	}
	if err := decode(body, out); err != nil {
		return &Garbled{calls[op].operation, fmt.Errorf("the answer: %w", err)}
	}
	return nil
}

// whole makes a unary or bare call and returns its answer, nil for a bare one. An Engine that goes down ends an answer without
// a byte of it.
func (c *Client) whole(ctx context.Context, op call, a args, r reading) ([]byte, error) {
	s := begin(ctx, op)
	defer s.end()
	res, err := c.send(s, a)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if calls[op].shape == bare {
		return nil, c.skip(s, res.Body, r)
	}
	body, err := r.all(s.ctx, res.Body)
	switch {
	case errors.Is(err, errLiteral), errors.Is(err, errRaw):
		return nil, &Garbled{calls[op].operation, fmt.Errorf("the answer: %w", err)}
	case err != nil:
		return nil, c.lost(s, err)
	case len(body) > r.limit:
		return nil, r.tooLong(op)
	case len(body) == 0 && calls[op].repeat == same:
		return nil, c.lost(s, errNothing)
	}
	return body, nil
}

// skip reads an answer that says nothing to its end: another request follows.
func (c *Client) skip(s *span, body io.Reader, r reading) error {
	n, err := io.Copy(io.Discard, io.LimitReader(body, int64(r.limit)+1))
	switch {
	case err != nil:
		return c.lost(s, err)
	case n > int64(r.limit):
		return r.tooLong(s.op)
	}
	return nil
}

// stream makes a call whose answer is read as it comes. The caller closes it.
func (c *Client) stream(ctx context.Context, op call, a args) (*answer, error) {
	s := begin(ctx, op)
	res, err := c.send(s, a)
	if err != nil {
		s.end()
		return nil, err
	}
	res.Lift()
	return &answer{res.Body, s, res.Header}, nil
}

// hijack makes a call that turns its connection into a stream in both directions, which closing the answer ends. ctx ends
// it too.
func (c *Client) hijack(ctx context.Context, op call, a args) (*line, *answer, error) {
	s := begin(ctx, op)
	conn, err := c.switchOver(s, a)
	if err != nil {
		s.end()
		return nil, nil, err
	}
	l := &line{conn, &s.account.bytes}
	return l, &answer{l, s, nil}, nil
}

func (c *Client) switchOver(s *span, a args) (*http1.Conn, error) {
	req, err := c.request(s, a)
	if err != nil {
		return nil, err
	}
	if err := c.admit(s, req); err != nil {
		return nil, err
	}
	res, conn, err := c.http.Hijack(s.ctx, req)
	c.tell(s.account.answered(res, err))
	if err != nil {
		return nil, c.lost(s, err)
	}
	if conn == nil {
		return nil, s.refuse(res)
	}
	return conn, nil
}

// send makes a call and returns the answer when its row accepts the status. A connection that was kept for reuse and
// turns out to be dead costs one repeat, where the row allows it or nothing was sent.
func (c *Client) send(s *span, a args) (*http1.Response, error) {
	req, err := c.request(s, a)
	if err != nil {
		return nil, err
	}
	if err := c.admit(s, req); err != nil {
		return nil, err
	}
	res, err := c.once(s, req)
	if stale(err, calls[s.op].repeat) && s.ctx.Err() == nil && !errors.Is(err, http1.ErrLimit) {
		c.losses.Add(1)
		c.http.CloseIdle()
		if err := c.admit(s, req); err != nil {
			return nil, err
		}
		res, err = c.once(s, req)
	}
	if err != nil {
		return nil, c.lost(s, err)
	}
	if !slices.Contains(calls[s.op].accept, res.Status) {
		return nil, s.refuse(res)
	}
	return res, nil
}

func (c *Client) once(s *span, req *http1.Request) (*http1.Response, error) {
	res, err := c.http.Do(s.ctx, req)
	c.tell(s.account.answered(res, err))
	return res, err
}

func stale(err error, r repeat) bool {
	var conn *http1.Error
	return errors.As(err, &conn) && conn.Reused && (!conn.Sent || r == same)
}

// lost forgets the negotiated version, since the Engine that comes back may be another one.
func (c *Client) lost(s *span, err error) error {
	c.losses.Add(1)
	c.mu.Lock()
	c.version = ""
	c.mu.Unlock()
	return s.fail(err)
}

func (c *Client) tell(r Record) {
	if c.OnCall != nil {
		c.OnCall(r)
	}
}

// request builds the request of a row: the only place that makes a path.
func (c *Client) request(s *span, a args) (*http1.Request, error) {
	row := &calls[s.op]
	for key := range a.query {
		if !slices.Contains(row.query, key) {
			return nil, fmt.Errorf("dockerapi: %s: query key %q is not in the table", row.operation, key)
		}
	}
	var target strings.Builder
	target.Grow(usualTarget)
	if s.op != systemPing && c.draft == nil {
		version, err := c.negotiated(s.ctx)
		if err != nil {
			return nil, err
		}
		target.WriteString(version)
	}
	if err := writePath(&target, row.path, a.id); err != nil {
		return nil, fmt.Errorf("dockerapi: %s: %w", row.operation, err)
	}
	writeQuery(&target, row.query, a.query)
	req := &http1.Request{Method: row.method, Target: target.String(), Limit: row.limit, Close: s.op == systemPing}
	if err := a.content(req); err != nil {
		return nil, fmt.Errorf("dockerapi: %s: %w", row.operation, err)
	}
	if a.auth != "" {
		req.Header = append(req.Header, http1.Field{Name: "X-Registry-Auth", Value: string(a.auth)})
	}
	return req, nil
}

// content gives req the body.
func (a args) content(req *http1.Request) (err error) {
	kind := "application/json"
	switch body := a.body.(type) {
	case nil:
		return nil
	case tarball:
		kind, req.Body = "application/x-tar", body
	default:
		req.Body, err = appendJSON(make([]byte, 0, usualBody), body)
	}
	req.Header = http1.Header{{Name: "Content-Type", Value: kind}}
	return err
}

// writeQuery writes a query with its keys in the order of their row.
func writeQuery(target *strings.Builder, keys []string, query url.Values) {
	separator := "?"
	for _, key := range keys {
		for _, value := range query[key] {
			target.WriteString(separator)
			target.WriteString(key)
			target.WriteString("=")
			target.WriteString(url.QueryEscape(value))
			separator = "&"
		}
	}
}

// writePath writes a path with what it is about. A name can add neither segment nor query, and cannot climb; Engines take the
// slashes of an image escaped, too.
func writePath(target *strings.Builder, path, id string) error {
	before, rest, found := strings.Cut(path, "{")
	target.WriteString(before)
	if !found {
		return nil
	}
	parameter, after, _ := strings.Cut(rest, "}")
	if id == "" || id == "." || id == ".." {
		return fmt.Errorf("%q is no %s", id, parameter)
	}
	target.WriteString(url.PathEscape(id))
	target.WriteString(after)
	return nil
}

// usualTarget is the length of most targets: of a call about a container, by its id.
const usualTarget = 128

// Negotiate asks the Engine for its API version, and returns an error when it is too old.
func (c *Client) Negotiate(ctx context.Context) error {
	_, err := c.negotiated(ctx)
	return err
}

// Version is the API version that is spoken with the Engine: 44 is 1.44.
func (c *Client) Version(ctx context.Context) (minor int, err error) {
	version, err := c.negotiated(ctx)
	if err != nil {
		return 0, err
	}
	_, digits, _ := strings.Cut(version, ".")
	return strconv.Atoi(digits)
}

// negotiated is the version prefix of paths, asked for once and again after each lost connection.
func (c *Client) negotiated(ctx context.Context) (string, error) {
	c.mu.Lock()
	version := c.version
	c.mu.Unlock()
	if version != "" {
		return version, nil
	}
	offered, err := c.SystemPing(ctx)
	if err != nil {
		return "", notSent(err)
	}
	version, err = chooseVersion(offered)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	c.version = version
	c.mu.Unlock()
	return version, nil
}

// notSent is the error of a call that failed before itself: of the question for the version.
func notSent(err error) error {
	if lost, ok := errors.AsType[*NoAnswer](err); ok {
		lost.Sent = false
	}
	return err
}

// chooseVersion is the lower of what the Engine offers in Api-Version and what is known here.
func chooseVersion(offered string) (string, error) {
	minor, err := strconv.Atoi(strings.TrimPrefix(offered, "1."))
	if err != nil || !strings.HasPrefix(offered, "1.") {
		return "", fmt.Errorf("dockerapi: SystemPing: Api-Version %.20q is not known: is this a Docker Engine?", offered)
	}
	if minor < minMinor {
		return "", fmt.Errorf("dockerapi: the Engine speaks API %.20s at most; 1.%d (Engine 20.10) is the oldest that works", offered, minMinor)
	}
	return fmt.Sprintf("/v1.%d", min(minor, maxMinor)), nil
}

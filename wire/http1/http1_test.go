package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"docker-dispatch/wire/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

// fixed is a connection whose peer has already said all that it ever will.
type fixed struct {
	net.Conn // only what is overridden is called
	in       io.Reader
	out      bytes.Buffer
	closed   int
}

func (f *fixed) Read(b []byte) (int, error)  { return f.in.Read(b) }
func (f *fixed) Write(b []byte) (int, error) { return f.out.Write(b) }
func (f *fixed) Close() error                { f.closed++; return nil }
func (f *fixed) SetDeadline(time.Time) error { return nil }

// dialing gives the connections in turn.
func dialing(conns ...net.Conn) *Client {
	return &Client{Host: "docker", Dial: func(context.Context) (net.Conn, error) {
		if len(conns) == 0 {
			return nil, errors.New("no connection left")
		}
		conn := conns[0]
		conns = conns[1:]
		return conn, nil
	}}
}

// answering is a client whose one connection answers with raw.
func answering(raw string) (*Client, *fixed) {
	f := &fixed{in: strings.NewReader(raw)}
	return dialing(f), f
}

// slowly is answering, a byte at a time.
func slowly(raw string) (*Client, *fixed) {
	f := &fixed{in: iotest.OneByteReader(strings.NewReader(raw))}
	return dialing(f), f
}

func TestRequestBytes(t *testing.T) {
	large := strings.Repeat("x", smallBody+1)
	for _, tt := range []struct {
		name string
		req  Request
		want string
	}{
		{"no body", Request{Method: "GET", Target: "/_ping"},
			"GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\n\r\n"},
		{"fields in their order", Request{Method: "DELETE", Target: "/a?b=%20c", Header: Header{{"B", "2"}, {"A", "1"}, {"b", "\xc3\xa9\t3"}}},
			"DELETE /a?b=%20c HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nB: 2\r\nA: 1\r\nb: \xc3\xa9\t3\r\n\r\n"},
		{"alone on its connection", Request{Method: "GET", Target: "/_ping", Close: true},
			"GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nConnection: close\r\n\r\n"},
		{"body", Request{Method: "POST", Target: "/a", Header: Header{{"Content-Type", "application/json"}}, Body: []byte("{}")},
			"POST /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"},
		{"a method that expects content, without", Request{Method: "PUT", Target: "/a"},
			"PUT /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nContent-Length: 0\r\n\r\n"},
		{"an empty body", Request{Method: "GET", Target: "/a", Body: []byte{}},
			"GET /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nContent-Length: 0\r\n\r\n"},
		{"a large body", Request{Method: "PUT", Target: "/a", Body: []byte(large)},
			fmt.Sprintf("PUT /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nContent-Length: %d\r\n\r\n%s", len(large), large)},
		{"a stream", Request{Method: "POST", Target: "/a", Stream: strings.NewReader(large)},
			fmt.Sprintf("POST /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n%s\r\n1\r\nx\r\n0\r\n\r\n", large[1:])},
		{"a stream in small pieces", Request{Method: "POST", Target: "/a", Stream: iotest.OneByteReader(strings.NewReader("\r\n"))},
			"POST /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n"},
		{"a stream that reads nothing now and then", Request{Method: "POST", Target: "/a", Stream: &hesitant{data: "ab"}},
			"POST /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"},
		{"an empty stream", Request{Method: "POST", Target: "/a", Stream: strings.NewReader("")},
			"POST /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := answering("HTTP/1.1 204 No Content\r\n\r\n")
			c.UserAgent = "test"
			if _, err := c.Do(t.Context(), &tt.req); err != nil {
				t.Fatal(err)
			}
			if got := conn.out.String(); got != tt.want {
				t.Errorf("sent\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// hesitant is a reader that gives nothing and no error before every byte.
type hesitant struct {
	data string
	gave bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.gave = !h.gave; h.gave {
		return 0, nil
	}
	if h.data == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], h.data)
	h.data = h.data[n:]
	return n, nil
}

func TestHijackRequestBytes(t *testing.T) {
	c, conn := answering("HTTP/1.1 101 UPGRADED\r\n\r\n")
	if _, _, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/exec/x/start", Header: Header{{"Content-Type", "application/json"}}, Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	want := "POST /exec/x/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	if got := conn.out.String(); got != want {
		t.Errorf("sent\n%q\nwant\n%q", got, want)
	}
}

// A request that would be read as another one is refused before anything is dialled.
func TestInjection(t *testing.T) {
	get := func(target string) Request { return Request{Method: "GET", Target: target} }
	field := func(name, value string) Request {
		return Request{Method: "GET", Target: "/", Header: Header{{name, value}}}
	}
	for _, tt := range []struct {
		req  Request
		want string
	}{
		{get("/a HTTP/1.1\r\nHost: evil\r\n\r\nGET /b"), `http1: target "/a HTTP/1.1\r\nHost: evil\r\n\r\nGET /b" is not a slash and visible ASCII`},
		{get("/a b"), `http1: target "/a b" is not a slash and visible ASCII`},
		{get("/a\x00"), `http1: target "/a\x00" is not a slash and visible ASCII`},
		{get("/\x7f"), `http1: target "/\x7f" is not a slash and visible ASCII`},
		{get("/é"), `http1: target "/é" is not a slash and visible ASCII`},
		{get(""), `http1: target "" is not a slash and visible ASCII`},
		{get("http://evil/"), `http1: target "http://evil/" is not a slash and visible ASCII`},
		{Request{Method: "GET /b HTTP/1.1\r\nX:", Target: "/"}, `http1: method "GET /b HTTP/1.1\r\nX:" is not a token`},
		{Request{Target: "/"}, `http1: method "" is not a token`},
		{field("A", "b\r\nC: d"), `http1: control character in the field A: "b\r\nC: d"`},
		{field("A", "b\nC: d"), `http1: control character in the field A: "b\nC: d"`},
		{field("A", "b\x00"), `http1: control character in the field A: "b\x00"`},
		{field("A: b\r\nC", "d"), `http1: field name "A: b\r\nC" is not a token`},
		{field("A ", "b"), `http1: field name "A " is not a token`},
		{field("", "b"), `http1: field name "" is not a token`},
		{field("hOST", "evil"), `http1: the field hOST is written by the client`},
		{field("content-length", "5"), `http1: the field content-length is written by the client`},
		{field("Transfer-Encoding", "chunked"), `http1: the field Transfer-Encoding is written by the client`},
		{field("Connection", "close"), `http1: the field Connection is written by the client`},
		{field("Upgrade", "h2c"), `http1: the field Upgrade is written by the client`},
		{Request{Method: "PUT", Target: "/", Body: []byte("a"), Stream: strings.NewReader("b")}, `http1: a request with both Body and Stream`},
	} {
		c := dialing() // nothing to dial
		if _, err := c.Do(t.Context(), &tt.req); err == nil || err.Error() != tt.want {
			t.Errorf("Do: got %v, want %s", err, tt.want)
		}
		if _, _, err := c.Hijack(t.Context(), &tt.req); err == nil || err.Error() != tt.want {
			t.Errorf("Hijack: got %v, want %s", err, tt.want)
		}
	}
	for _, c := range []*Client{{Host: "a\r\nB: c"}, {UserAgent: "a\r\nB: c"}} {
		if _, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"}); err == nil {
			t.Errorf("sent with Host %q and User-Agent %q", c.Host, c.UserAgent)
		}
	}
}

// breaking is a connection whose write fails after n bytes.
type breaking struct {
	fixed
	n int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.n >= len(p) {
		b.n -= len(p)
		return b.fixed.Write(p)
	}
	n, _ := b.fixed.Write(p[:b.n])
	b.n = 0
	return n, errors.New("broken pipe")
}

// What an Error records, for every way in which an exchange can fail.
func TestErrorFacts(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	const size = len("GET / HTTP/1.1\r\nHost: docker\r\n\r\n")
	broken := func(n int, raw string) net.Conn {
		return &breaking{fixed: fixed{in: strings.NewReader(raw)}, n: n}
	}
	for _, tt := range []struct {
		name   string
		conn   net.Conn
		before int // good exchanges on the same connection
		want   Error
		text   string
	}{
		{"refused", nil, 0, Error{Op: "dial"}, "http1: connecting: no connection left"},
		{"nothing written", broken(0, ""), 0, Error{Op: "write"}, "http1: sending the request: broken pipe"},
		{"nothing written on a used connection", broken(size, ok), 1, Error{Op: "write", Reused: true}, "http1: sending the request: broken pipe"},
		{"an answer to nothing", broken(0, ok), 0, Error{Op: "write"}, "http1: sending the request: broken pipe"},
		{"a byte written", broken(1, ""), 0, Error{Op: "write", Sent: true}, "http1: sending the request: broken pipe"},
		{"a byte written on a used connection", broken(size+1, ok), 1, Error{Op: "write", Sent: true, Reused: true}, "http1: sending the request: broken pipe"},
		{"no answer", broken(size, ""), 0, Error{Op: "read", Sent: true}, "http1: reading the response: unexpected EOF"},
		{"no answer on a used connection", broken(2*size, ok), 1, Error{Op: "read", Sent: true, Reused: true}, "http1: reading the response: unexpected EOF"},
		{"no HTTP", broken(size, "SSH-2.0-OpenSSH\r\n"), 0, Error{Op: "read", Sent: true},
			`http1: reading the response: protocol error: status line "SSH-2.0-OpenSSH" is not of HTTP/1.1 or HTTP/1.0`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dialing()
			if tt.conn != nil {
				c = dialing(tt.conn)
			}
			for range tt.before {
				if _, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			if got := (Error{Op: e.Op, Sent: e.Sent, Reused: e.Reused}); got != tt.want || e.Error() != tt.text {
				t.Errorf("got  %+v: %s\nwant %+v: %s", got, e, tt.want, tt.text)
			}
		})
	}
}

func TestStreamFails(t *testing.T) {
	c, conn := answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	stream := io.MultiReader(strings.NewReader("a"), iotest.ErrReader(errors.New("disk gone")))
	_, err := c.Do(t.Context(), &Request{Method: "PUT", Target: "/", Stream: stream})
	if want := "http1: sending the request: reading its body: disk gone"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if sent := conn.out.String(); !strings.HasSuffix(sent, "1\r\na\r\n") || conn.closed != 1 {
		t.Errorf("closed %d times after\n%q", conn.closed, sent)
	}
}

// A write that fails in mid-request doesn't hide the response that explains it, and ends the connection.
func TestEarlyResponse(t *testing.T) {
	for _, req := range []*Request{
		{Method: "PUT", Target: "/", Body: make([]byte, smallBody+1)},
		{Method: "PUT", Target: "/", Body: []byte("small")},
		{Method: "PUT", Target: "/", Stream: strings.NewReader("some")},
	} {
		conn := &breaking{fixed: fixed{in: strings.NewReader("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")}, n: 20}
		resp, err := dialing(conn).Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.Status != 413 || string(body) != "large" || err != nil || conn.closed != 1 {
			t.Errorf("got %d %q, %v, closed %d times", resp.Status, body, err, conn.closed)
		}
	}
}

// get is one exchange, its body read to the end.
func get(t *testing.T, c *Client, method string) string {
	t.Helper()
	resp, err := c.Do(t.Context(), &Request{Method: method, Target: "/"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Which responses leave their connection to the next request.
func TestReuse(t *testing.T) {
	for _, tt := range []struct {
		name, method, raw string
		want              bool
	}{
		{"a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nA: b\r\n\r\n", true},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", true},
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true},
		{"after 100", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", true},
		{"keep-alive", "GET", "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n", true},
		{"close", "GET", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", false},
		{"close in a list", "GET", "HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\nConnection: a , CLOSE\r\n\r\n", false},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab", false},
		{"until close", "GET", "HTTP/1.1 200 OK\r\n\r\nab", false},
		{"more than the response", "GET", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false},
		{"more than the body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := answering(tt.raw)
			get(t, c, tt.method)
			if got := len(c.idle) == 1; got != tt.want || got == (conn.closed > 0) {
				t.Errorf("%d idle, closed %d times", len(c.idle), conn.closed)
			}
		})
	}
}

func TestReuseOfBodies(t *testing.T) {
	const raw = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"
	for _, tt := range []struct {
		name string
		read int64 // bytes read before Close
		want bool
	}{
		{"read to the end", 4, true},
		{"closed before the end", 3, false},
		{"closed unread", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := answering(raw)
			resp, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, resp.Body, tt.read); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := len(c.idle) == 1; got != tt.want || got == (conn.closed > 0) {
				t.Errorf("%d idle, closed %d times", len(c.idle), conn.closed)
			}
			if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != errClosedBody {
				t.Errorf("Read after Close: %d, %v", n, err)
			}
			resp.Body.Close()
			if conn.closed > 1 {
				t.Errorf("closed %d times", conn.closed)
			}
		})
	}
}

// Two exchanges on one connection, then one that has to dial.
func TestKeepAlive(t *testing.T) {
	const transcript = `
		== kept
		> GET / HTTP/1.1
		> Host: docker
		>
		< HTTP/1.1 200 OK
		< Content-Length: 3
		<
		< "one"
		> GET / HTTP/1.1
		> Host: docker
		>
		< HTTP/1.1 200 OK
		< Connection: close
		< Transfer-Encoding: chunked
		<
		< 3
		< two
		< 0
		<
		>EOF
		== dialled
		> GET / HTTP/1.1
		> Host: docker
		>
		< HTTP/1.1 200 OK
		<
		< "three"
		<EOF
		>EOF
	`
	for _, size := range []int{0, 1, 7} {
		c := &Client{Host: "docker", Dial: wiretest.ServerInPieces(t, transcript, size)}
		for _, want := range []string{"one", "two", "three"} {
			if got := get(t, c, "GET"); got != want {
				t.Errorf("pieces of %d: got %q, want %q", size, got, want)
			}
		}
	}
}

// A request that wants a connection of its own neither takes an idle one nor leaves one.
func TestCloseDials(t *testing.T) {
	const transcript = `
		== kept
		> GET / HTTP/1.1
		> Host: docker
		>
		< HTTP/1.1 204 No Content
		<
		>EOF
		== alone
		> GET / HTTP/1.1
		> Host: docker
		> Connection: close
		>
		< HTTP/1.1 204 No Content
		<
		>EOF
	`
	c := &Client{Host: "docker", Dial: wiretest.Server(t, transcript)}
	get(t, c, "GET")
	if _, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/", Close: true}); err != nil {
		t.Fatal(err)
	}
	if len(c.idle) != 1 {
		t.Errorf("%d idle connections, want the first one", len(c.idle))
	}
	c.CloseIdle()
}

func TestIdleLife(t *testing.T) {
	const exchange = `
		> GET / HTTP/1.1
		> Host: docker
		>
		< HTTP/1.1 204 No Content
		<
	`
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Host: "docker", Dial: wiretest.Server(t, "== young"+exchange+exchange+">EOF\n== old"+exchange+">EOF")}
		get(t, c, "GET")
		time.Sleep(idleLife - 1)
		get(t, c, "GET")
		time.Sleep(idleLife)
		get(t, c, "GET")
		c.CloseIdle()
	})
}

func TestMaxIdle(t *testing.T) {
	const raw = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
	var conns []*fixed
	c := &Client{Dial: func(context.Context) (net.Conn, error) {
		conns = append(conns, &fixed{in: strings.NewReader(raw)})
		return conns[len(conns)-1], nil
	}}
	var bodies []io.Reader
	for range maxIdle + 2 {
		resp, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
	}
	for _, body := range bodies {
		io.ReadAll(body)
	}
	for i, conn := range conns {
		if want := i < 2; (conn.closed == 1) != want {
			t.Errorf("connection %d of %d: closed %d times", i, len(conns), conn.closed)
		}
	}
	c.CloseIdle()
	for i, conn := range conns {
		if conn.closed != 1 {
			t.Errorf("after CloseIdle: connection %d of %d: closed %d times", i, len(conns), conn.closed)
		}
	}
}

package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"docker-dispatch/wire/socket"
)

// The tests of this file use real sockets of this machine.

// listen gives a listener and a client that dials it.
func listen(t *testing.T, network string) (net.Listener, *Client) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &Client{Host: "docker", Dial: func(ctx context.Context) (net.Conn, error) {
		return dial(ctx, network, l.Addr().String())
	}}
	t.Cleanup(c.CloseIdle)
	return l, c
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return socket.New(conn), nil
}

// serve lets handle have each connection in turn, and waits for the last when the test ends.
func serve(t *testing.T, l net.Listener, handle func(net.Conn)) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			handle(conn)
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
}

// An idle connection that its peer has closed, or on which it spoke unasked, is not used again.
func TestAlive(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for _, tt := range []struct {
			name   string
			unkind func(net.Conn)
		}{
			{"closed", func(conn net.Conn) { conn.Close() }},
			{"half closed", func(conn net.Conn) { conn.(interface{ CloseWrite() error }).CloseWrite() }},
			{"spoken on", func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\n\r\n") }},
		} {
			t.Run(network+" "+tt.name, func(t *testing.T) {
				l, c := listen(t, network)
				idle, done := make(chan struct{}), make(chan struct{})
				serve(t, l, func(conn net.Conn) {
					readHead(conn)
					io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					<-idle
					tt.unkind(conn)
					done <- struct{}{}
					io.Copy(io.Discard, conn)
				})
				for range 2 {
					get(t, c, "GET")
					if !alive(c.idle[0].Conn) {
						t.Fatal("dead while idle")
					}
					idle <- struct{}{}
					<-done
					for alive(c.idle[0].Conn) { // until the loopback interface has delivered it
					}
				}
				c.CloseIdle()
			})
		}
	}
}

// A server that refuses a large request in the middle and hangs up is heard.
func TestEarlyResponseOnSockets(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for _, req := range []*Request{
			{Method: "PUT", Target: "/", Body: make([]byte, 16<<20)},
			{Method: "PUT", Target: "/", Stream: bytes.NewReader(make([]byte, 16<<20))},
		} {
			t.Run(network, func(t *testing.T) {
				l, c := listen(t, network)
				serve(t, l, func(conn net.Conn) {
					readHead(conn)
					io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
				})
				resp, err := c.Do(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				if resp.Status != 413 || string(body) != "large" || err != nil {
					t.Errorf("got %d %q, %v", resp.Status, body, err)
				}
			})
		}
	}
}

// handler answers as its paths say.
func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusEarlyHints)
		w.Write(body)
		w.(http.Flusher).Flush()
		w.Header().Set("Sum", strconv.Itoa(len(body)))
	})
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "small") })
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, _ := w.(http.Hijacker).Hijack()
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		io.Copy(conn, rw)
	})
	return mux
}

// net/http's server and this client understand each other, over TCP and over TLS, on one connection all along.
func TestNetHTTPServer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		server, c, dials := startServer(t, secure)
		large := strings.Repeat("0123456789abcdef", 1<<16)
		for range 2 {
			for _, tt := range []struct {
				req  Request
				want Response
				body string
			}{
				{Request{Method: "POST", Target: "/echo", Body: []byte(large)}, Response{Status: 200, Trailer: Header{{"Sum", "1048576"}}}, large},
				{Request{Method: "POST", Target: "/echo", Stream: strings.NewReader(large)}, Response{Status: 200, Trailer: Header{{"Sum", "1048576"}}}, large},
				{Request{Method: "POST", Target: "/echo"}, Response{Status: 200, Trailer: Header{{"Sum", "0"}}}, ""},
				{Request{Method: "GET", Target: "/small"}, Response{Status: 200}, "small"},
				{Request{Method: "HEAD", Target: "/small"}, Response{Status: 200}, ""},
				{Request{Method: "GET", Target: "/nothing"}, Response{Status: 204}, ""},
				{Request{Method: "GET", Target: "/a%2Fb"}, Response{Status: 404}, "404 page not found\n"},
			} {
				resp, err := c.Do(t.Context(), &tt.req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.Status != tt.want.Status || sha256.Sum256(body) != sha256.Sum256([]byte(tt.body)) || resp.Trailer.Get("Sum") != tt.want.Trailer.Get("Sum") {
					t.Errorf("%s %s: %d, %d bytes, trailer %v, %v", tt.req.Method, tt.req.Target, resp.Status, len(body), resp.Trailer, err)
				}
			}
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("TLS %v: %d connections", secure, n)
		}
		server.CloseClientConnections()
		for alive(c.idle[0].Conn) {
		}
		if got := get(t, c, "GET"); got != "404 page not found\n" || dials.Load() != 2 {
			t.Errorf("TLS %v: after a close: %q, %d connections", secure, got, dials.Load())
		}
	}
}

func startServer(t *testing.T, secure bool) (*httptest.Server, *Client, *atomic.Int32) {
	server := httptest.NewUnstartedServer(handler())
	var dials atomic.Int32
	c := &Client{Host: "docker", Dial: func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		conn, err := dial(ctx, "tcp", server.Listener.Addr().String())
		if err != nil || !secure {
			return conn, err
		}
		return tls.Client(conn, &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}), nil
	}}
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	t.Cleanup(c.CloseIdle)
	return server, c, &dials
}

func TestHijackNetHTTPServer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		_, c, _ := startServer(t, secure)
		resp, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/hijack"})
		if err != nil || conn == nil {
			t.Fatal(resp, err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			conn.Write(bytes.Repeat([]byte("x"), 1<<20))
			conn.CloseWrite()
		})
		got, err := io.ReadAll(conn)
		wg.Wait()
		if len(got) != 1<<20 || err != nil {
			t.Errorf("TLS %v: %d bytes, %v", secure, len(got), err)
		}
		conn.Close()
	}
}

// Many goroutines share a client; each gets its own answer, and a context that ends takes only its own exchange.
func TestConcurrentUse(t *testing.T) {
	_, c, _ := startServer(t, false)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				ctx, cancel := context.WithCancel(t.Context())
				want := strconv.Itoa(g*1000 + i)
				if i%4 == 3 {
					cancel()
				}
				resp, err := c.Do(ctx, &Request{Method: "POST", Target: "/echo", Body: []byte(want)})
				if err == nil {
					var body []byte
					if body, err = io.ReadAll(resp.Body); string(body) != want {
						t.Errorf("got %q, want %q", body, want)
					}
				}
				if i%4 == 3 != errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", want, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// Whoever reads a hijacked connection can wait for bytes, or the end, without a buffer for them.
func TestHijackWait(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		l, c := listen(t, network)
		say := make(chan string)
		hangUp := sync.OnceFunc(func() { close(say) })
		serve(t, l, func(nc net.Conn) {
			http.ReadRequest(bufio.NewReader(nc))
			io.WriteString(nc, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nbehind")
			for text := range say {
				io.WriteString(nc, text)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, conn, err := c.Hijack(ctx, &Request{Method: "POST", Target: "/"})
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		expect := func(want string, end error) {
			t.Helper()
			if err := conn.Wait(); err != nil {
				t.Errorf("%s: waited: %v", network, err)
			}
			if n, err := conn.TryRead(buf); string(buf[:n]) != want || err != end {
				t.Errorf("%s: read %q, %v; want %q, %v", network, buf[:n], err, want, end)
			}
		}
		expect("behind", nil)
		if n, err := conn.TryRead(buf); n != 0 || err != nil || conn.c.r != nil {
			t.Errorf("%s: read %d bytes of nothing, %v, or holds a buffer", network, n, err)
		}
		var saying sync.WaitGroup
		saying.Go(func() { say <- "more" })
		expect("more", nil)
		saying.Wait()
		if network == "tcp" { // and a wait that the context ends
			time.AfterFunc(time.Millisecond, cancel)
			if err := conn.Wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: a cancelled wait: %v", network, err)
			}
		} else {
			hangUp()
			expect("", io.EOF)
		}
		conn.Close()
		hangUp()
	}
}

// An error of a hijacked connection that a look at it meets is the next Read's, and not lost: a reset is no end.
func TestHijackReset(t *testing.T) {
	for _, look := range []func(*Conn){func(c *Conn) { c.Wait() }, func(c *Conn) {
		for {
			if n, err := c.TryRead(make([]byte, 1)); n != 0 || err != nil {
				return
			}
			runtime.Gosched()
		}
	}} {
		l, c := listen(t, "unix")
		serve(t, l, func(nc net.Conn) {
			http.ReadRequest(bufio.NewReader(nc))
			io.WriteString(nc, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
			nc.Read(make([]byte, 1)) // and leaves the other byte: that makes the close a reset
		})
		_, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"})
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte("ab"))
		look(conn)
		for range 2 {
			if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read %d bytes, %v; want a reset", n, err)
			}
		}
		conn.Close()
	}
}

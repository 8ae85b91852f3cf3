package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire/wiretest"
)

const (
	getRequest  = "GET / HTTP/1.1\r\nHost: docker\r\n\r\n"
	postRequest = "POST / HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
)

var errGivenUp = errors.New("given up")

// phases are the places where an exchange can block. The peer of each takes the request and sends head, and is silent then. Where the
// limit has been lifted, it was one of a minute.
var phases = []struct {
	name string
	head string
	op   string
	do   func(context.Context, *Client, time.Duration) error
}{
	{"dial", "", "dial", func(ctx context.Context, c *Client, limit time.Duration) error {
		c.Dial = func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, errors.New("dial tcp: i/o timeout")
		}
		_, err := c.Do(ctx, &Request{Method: "GET", Target: "/", Limit: limit})
		return err
	}},
	{"write of the body", "", "write", func(ctx context.Context, c *Client, limit time.Duration) error {
		_, err := c.Do(ctx, &Request{Method: "PUT", Target: "/", Body: make([]byte, smallBody+1), Limit: limit})
		return err
	}},
	{"write of a chunk", "", "write", func(ctx context.Context, c *Client, limit time.Duration) error {
		_, err := c.Do(ctx, &Request{Method: "PUT", Target: "/", Stream: strings.NewReader("x"), Limit: limit})
		return err
	}},
	{"status line", "", "read", doAndRead},
	{"inside the status line", "HTTP/1.1 2", "read", doAndRead},
	{"fields", "HTTP/1.1 200 OK\r\nA: b", "read", doAndRead},
	{"after an interim response", "HTTP/1.1 100 Continue\r\n\r\n", "read", doAndRead},
	{"body of a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", "read", doAndRead},
	{"body until close", "HTTP/1.1 200 OK\r\n\r\na", "read", doAndRead},
	{"chunk line", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", "read", doAndRead},
	{"chunk data", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na", "read", doAndRead},
	{"chunk end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na", "read", doAndRead},
	{"trailer section", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "read", doAndRead},
	{"head of a hijack", "HTTP/1.1 101 UPGRADED\r\n", "read", func(ctx context.Context, c *Client, limit time.Duration) error {
		_, _, err := c.Hijack(ctx, &Request{Method: "POST", Target: "/", Limit: limit})
		return err
	}},
	{"read of a hijacked connection", "HTTP/1.1 101 UPGRADED\r\n\r\na", "read", func(ctx context.Context, c *Client, limit time.Duration) error {
		_, conn, err := c.Hijack(ctx, &Request{Method: "POST", Target: "/", Limit: time.Minute})
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = io.ReadAll(conn)
		return err
	}},
	{"write to a hijacked connection", "HTTP/1.1 101 UPGRADED\r\n\r\n", "write", func(ctx context.Context, c *Client, limit time.Duration) error {
		_, conn, err := c.Hijack(ctx, &Request{Method: "POST", Target: "/", Limit: time.Minute})
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("x"))
		return err
	}},
	{"a body without limit", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", "read", func(ctx context.Context, c *Client, limit time.Duration) error {
		resp, err := c.Do(ctx, &Request{Method: "GET", Target: "/", Limit: time.Minute})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		resp.Lift()
		_, err = io.ReadAll(resp.Body)
		return err
	}},
}

func doAndRead(ctx context.Context, c *Client, limit time.Duration) error {
	resp, err := c.Do(ctx, &Request{Method: "GET", Target: "/", Limit: limit})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

// endings are the ways in which an exchange ends, ten minutes after the start.
var endings = []struct {
	name  string
	limit time.Duration
	start func(context.Context) (context.Context, func())
	want  []error
}{
	{"cancelled", 0, func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		timer := time.AfterFunc(10*time.Minute, func() { cancel(errGivenUp) })
		return ctx, func() { timer.Stop(); cancel(nil) }
	}, []error{context.Canceled, errGivenUp}},
	{"timed out", time.Hour, func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
		return ctx, cancel
	}, []error{context.DeadlineExceeded}},
	{"limited", 10 * time.Minute, func(ctx context.Context) (context.Context, func()) {
		return context.WithTimeout(ctx, time.Hour)
	}, []error{ErrLimit}},
}

// lifted are the phases that no limit ends.
var lifted = []string{"read of a hijacked connection", "write to a hijacked connection", "a body without limit"}

// A context that ends, or a limit that has passed, interrupts the exchange wherever it blocks, and nothing is left of it.
func TestContext(t *testing.T) {
	for _, phase := range phases {
		for _, end := range endings {
			if slices.Contains(lifted, phase.name) && end.want[0] == ErrLimit {
				continue
			}
			t.Run(phase.name+", "+end.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := wiretest.Pipe()
					defer server.Close()
					go func() {
						readHead(server)
						io.WriteString(server, phase.head)
					}()
					ctx, stop := end.start(t.Context())
					defer stop()
					start := time.Now()
					err := phase.do(ctx, dialing(client), end.limit)
					var e *Error
					if !errors.As(err, &e) || e.Op != phase.op {
						t.Errorf("got %v, want an *Error with Op %s", err, phase.op)
					}
					for _, want := range end.want {
						if !errors.Is(err, want) {
							t.Errorf("%v is not %v", err, want)
						}
					}
					if took := time.Since(start); took != 10*time.Minute {
						t.Errorf("after %v", took)
					}
					if phase.op != "dial" {
						if _, err := client.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
							t.Errorf("the connection is still open: %v", err)
						}
					}
				})
			})
		}
	}
}

// readHead reads a request's head and nothing behind it.
func readHead(conn net.Conn) (head string) {
	for p := make([]byte, 1); !strings.HasSuffix(head, "\r\n\r\n"); head += string(p) {
		if _, err := conn.Read(p); err != nil {
			return head
		}
	}
	return head
}

func TestContextDoneBefore(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errGivenUp)
	_, err := dialing().Do(ctx, &Request{Method: "GET", Target: "/"})
	if want := "http1: connecting: context canceled: given up"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// On a connection that is idle already.
	conn := &fixed{in: strings.NewReader("HTTP/1.1 204 No Content\r\n\r\n")}
	c := dialing(conn)
	get(t, c, "GET")
	if _, err := c.Do(ctx, &Request{Method: "GET", Target: "/"}); !errors.Is(err, context.Canceled) {
		t.Errorf("on an idle connection: %v", err)
	}
}

// Neither the context nor the limit of an exchange that is over has a hold on the connection.
func TestContextAfterTheEnd(t *testing.T) {
	const exchange = "> GET / HTTP/1.1\n> Host: docker\n>\n< HTTP/1.1 200 OK\n< Content-Length: 1\n<\n< \"x\"\n"
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Host: "docker", Dial: wiretest.Server(t, exchange+exchange)}
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.Do(ctx, &Request{Method: "GET", Target: "/", Limit: idleLife / 3})
		if err != nil {
			t.Fatal(err)
		}
		io.ReadAll(resp.Body)
		cancel()
		time.Sleep(idleLife / 2)
		if got := get(t, c, "GET"); got != "x" {
			t.Errorf("got %q", got)
		}
		c.CloseIdle()
	})
}

func TestHijack(t *testing.T) {
	for _, tt := range []struct {
		name string
		head string
	}{
		{"101", "< HTTP/1.1 101 UPGRADED\n< Content-Type: application/vnd.docker.raw-stream\n< Connection: Upgrade\n< Upgrade: tcp\n<\n"},
		{"101 after 100", "< HTTP/1.1 100 Continue\n<\n< HTTP/1.1 101 UPGRADED\n<\n"},
		{"200", "< HTTP/1.1 200 OK\n< Content-Type: application/vnd.docker.raw-stream\n<\n"},
		{"200 of HTTP/1.0", "< HTTP/1.0 200 OK\n<\n"},
	} {
		transcript := `
			> POST / HTTP/1.1
			> Host: docker
			> Connection: Upgrade
			> Upgrade: tcp
			> Content-Length: 0
			>
			` + tt.head + `
			< "\x01\x00at once\r\n"
			> "in"
			>EOF
			< "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
			<EOF
		`
		for _, size := range []int{0, 1} {
			t.Run(tt.name, func(t *testing.T) {
				c := &Client{Host: "docker", Dial: wiretest.ServerInPieces(t, transcript, size)}
				resp, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"})
				if err != nil || conn == nil {
					t.Fatal(resp, conn, err)
				}
				defer conn.Close()
				if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
					t.Errorf("a body beside the connection: %q, %v", rest, err)
				}
				first := make([]byte, len("\x01\x00at once\r\n"))
				if _, err := io.ReadFull(conn, first); err != nil || string(first) != "\x01\x00at once\r\n" {
					t.Fatalf("first bytes %q, %v", first, err)
				}
				if _, err := conn.Write([]byte("in")); err != nil {
					t.Fatal(err)
				}
				if err := conn.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				rest, err := io.ReadAll(conn)
				if string(rest) != "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" || err != nil {
					t.Errorf("rest %q, %v", rest, err)
				}
			})
		}
	}
}

// A response that hands nothing over is an ordinary one.
func TestHijackRefused(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		status    int
		body      string
		kept      bool
	}{
		{"404 until close", "HTTP/1.1 404 Not Found\r\n\r\nNo such thing\n", 404, "No such thing\n", false},
		{"409 of a length", "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}", 409, "{}", true},
		{"200 of a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", true},
		{"200 in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, "{}", true},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, fixed := answering(tt.raw)
			resp, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"})
			if err != nil || conn != nil {
				t.Fatal(conn, err)
			}
			body, err := io.ReadAll(resp.Body)
			if resp.Status != tt.status || string(body) != tt.body || err != nil {
				t.Errorf("got %d %q, %v", resp.Status, body, err)
			}
			if kept := len(c.idle) == 1; kept != tt.kept || kept == (fixed.closed > 0) {
				t.Errorf("%d idle, closed %d times", len(c.idle), fixed.closed)
			}
		})
	}
}

// A connection that a refused hijack leaves behind grants no upgrade to the next request.
func TestHijackIsForgotten(t *testing.T) {
	c, fixed := answering("HTTP/1.1 204 No Content\r\n\r\n")
	if _, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"}); err != nil || conn != nil {
		t.Fatal(conn, err)
	}
	fixed.in = strings.NewReader("HTTP/1.1 101 UPGRADED\r\n\r\n")
	_, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"})
	if want := "http1: reading the response: protocol error: 101 to a request that asked for no upgrade"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// An idle connection may be about to be closed, and what a hijack asks is rarely safe to ask twice.
func TestHijackDials(t *testing.T) {
	idle := &fixed{in: strings.NewReader("HTTP/1.1 204 No Content\r\n\r\n")}
	fresh := &fixed{in: strings.NewReader("HTTP/1.1 101 UPGRADED\r\n\r\n")}
	c := dialing(idle, fresh)
	get(t, c, "GET")
	if _, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"}); err != nil || conn == nil {
		t.Fatal(conn, err)
	}
	if got := idle.out.String(); got != getRequest {
		t.Errorf("the idle connection got %q", got)
	}
	if got := fresh.out.String(); got != postRequest {
		t.Errorf("the fresh connection got %q", got)
	}
}

func TestCloseWriteMissing(t *testing.T) {
	c, _ := answering("HTTP/1.1 101 UPGRADED\r\n\r\n")
	_, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if err, want := conn.CloseWrite(), "http1: *http1.fixed cannot close one direction"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Close frees a goroutine that reads.
func TestHijackedClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Host: "docker", Dial: wiretest.Server(t, "> "+strings.ReplaceAll(strings.TrimSuffix(postRequest, "\r\n"), "\r\n", "\n> ")+"\n< HTTP/1.1 101 UPGRADED\n<\n>EOF")}
		_, conn, err := c.Hijack(t.Context(), &Request{Method: "POST", Target: "/"})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		conn.Close()
		var e *Error
		if err := <-done; !errors.As(err, &e) || e.Op != "read" {
			t.Errorf("got %v", err)
		}
	})
}

package dockerapi

import (
	"context"
	"errors"
	"net"
	"reflect"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"docker-dispatch/wire/wiretest"
)

// A connection that never comes about, or takes nothing of a request, leaves no doubt.
func TestNotSent(t *testing.T) {
	for _, tt := range []struct {
		name string
		dial func(context.Context) (net.Conn, error)
		want string
	}{
		{"refused", func(context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.ECONNREFUSED}
		}, "no answer, not sent: dockerapi: SystemPing: http1: connecting: dial unix: connection refused"},
		{"closed at once", func(context.Context) (net.Conn, error) {
			near, far := wiretest.Pipe()
			return near, far.Close()
		}, "no answer, not sent: dockerapi: SystemPing: http1: sending the request: io: read/write on closed pipe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &session{t: t, c: client(tt.dial)}
			s.ping()
			s.start("x")
			want := "ping: " + tt.want + "\nstart: " + tt.want + "\n"
			if got := s.known.String(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A call that was cut while it asked for the version was not sent, though the ping was.
func TestNotSentBehindPing(t *testing.T) {
	do := func(s *session) {
		s.ping()
		s.start("x")
	}
	play(t, asksPing+"<EOF\n"+asksPing+"<EOF\n", do, `
ping: no answer, sent: dockerapi: SystemPing: http1: reading the response: unexpected EOF
start: no answer, not sent: dockerapi: SystemPing: http1: reading the response: unexpected EOF
`, 0)
}

// A refused dial is told from the outside too: what the connection reported is in the error.
func TestNoAnswerUnwraps(t *testing.T) {
	c := client(func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED })
	if err := c.Negotiate(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Negotiate: %v, in which there is no %v", err, syscall.ECONNREFUSED)
	}
}

// staleTests are second calls on a connection that the Engine has closed, unseen, after the first.
var staleTests = []struct {
	name       string
	transcript string
	do         func(*session)
	want       string
}{
	{"the same again", starts + answers("304 Not Modified", "") + inspects + "<EOF\n== again\n" + inspects + answers("200 OK", `{"Id":"x","State":{"Status":"exited","ExitCode":3}}`), inspect,
		"inspect: x, exited with 3, labels map[], AutoRemove false"},
	{"the same again, in vain", starts + answers("304 Not Modified", "") + inspects + "<EOF\n== again\n" + inspects + "<EOF\n", inspect,
		"inspect: no answer, sent: dockerapi: ContainerInspect: http1: reading the response: unexpected EOF"},
	{"cut in the answer", starts + answers("304 Not Modified", "") + inspects + "< HTTP/1.1 200 OK\n< Content-Length: 2\n<\n< \"{\"\n<EOF\n", inspect,
		"inspect: no answer, sent: dockerapi: ContainerInspect: http1: reading the response: unexpected EOF"},
	{"another effect", starts + answers("304 Not Modified", "") + starts + "<EOF\n", start,
		"start: no answer, sent: dockerapi: ContainerStart: http1: reading the response: unexpected EOF"},
	{"another answer", starts + answers("304 Not Modified", "") + asks("DELETE /v1.41/containers/x") + "<EOF\n", func(s *session) { s.remove("x", nil) },
		"delete: no answer, sent: dockerapi: ContainerDelete: http1: reading the response: unexpected EOF"},
}

func TestStale(t *testing.T) {
	for _, tt := range staleTests {
		t.Run(tt.name, func(t *testing.T) {
			do := func(s *session) {
				s.start("x")
				tt.do(s)
			}
			play(t, pinged+tt.transcript, do, "\nstart: ok\n"+tt.want+"\n", 0, 1)
		})
	}
}

// One stale connection means that the others are too: the repeat has a new one.
func TestStaleAll(t *testing.T) {
	do := func(s *session) {
		stream := s.logs("x", Streams{Stdout: true, Stderr: true})
		s.start("x") // meanwhile, so over another connection
		s.read(stream)
		s.inspect("x")
	}
	play(t, pinged+logsOf+answers("200 OK", "\x01\x00\x00\x00\x00\x00\x00\x02ab")+inspects+"<EOF\n"+
		"== start\n"+starts+answers("204 No Content", "")+">EOF\n"+
		"== again\n"+inspects+answers("200 OK", `{"Id":"x"}`), do, `
logs: ok
start: ok
read: stdout "ab", stderr ""
inspect: x,  with 0, labels map[], AutoRemove false
`, 0)
}

// breakable is a connection whose Writes fail once it is broken, before a byte has left.
type breakable struct {
	net.Conn
	broken *atomic.Bool
}

func (b breakable) Write(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, syscall.EPIPE
	}
	return b.Conn.Write(p)
}

// Of a stale connection that took nothing, whatever the call would do is done over another.
func TestStaleUnsent(t *testing.T) {
	dial := wiretest.Server(t, pinged+starts+answers("304 Not Modified", "")+"== again\n"+starts+answers("204 No Content", ""))
	var broken atomic.Bool
	s := &session{t: t, c: client(func(ctx context.Context) (net.Conn, error) {
		broken.Store(false)
		conn, err := dial(ctx)
		return breakable{conn, &broken}, err
	})}
	s.start("x")
	broken.Store(true)
	s.start("x")
	if got, want := s.known.String(), "start: ok\nstart: ok\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Behind a connection that was lost may come another Engine.
func TestNegotiateAgain(t *testing.T) {
	const newer = asksPing + "< HTTP/1.1 200 OK\n< Api-Version: 1.44\n< Content-Length: 2\n<\n< \"OK\"\n== call\n"
	again := newer + asks("POST /v1.44/containers/x/wait") + answers("200 OK", `{"StatusCode":3}`)
	for _, tt := range []struct{ name, cut string }{
		{"before the answer", "<EOF\n"},
		{"before the body", "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n<EOF\n"},
		{"in the body", streams(`{"StatusCode":0}`) + "<EOF\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			do := func(s *session) {
				s.wait("x")
				s.wait("x")
			}
			want := "\nwait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF\nwait: 3\n"
			play(t, pinged+waits+tt.cut+again, do, want, 0)
		})
	}
}

// A refusal is an answer: the version stays.
func TestNegotiateOnce(t *testing.T) {
	refused := answers("404 Not Found", `{"message":"no such container"}`)
	do := func(s *session) {
		s.negotiate()
		s.stop("x", nil)
		s.start("x")
	}
	play(t, pinged+asks("POST /v1.41/containers/x/stop")+refused+starts+refused, do, `
negotiate: /v1.41
stop: refused: dockerapi: ContainerStop: 404: no such container
start: refused: dockerapi: ContainerStart: 404: no such container
`, 0)
}

// Each request is told of once, those that are repeated and those that fail too.
func TestOnCall(t *testing.T) {
	const refused = "< HTTP/1.1 404 Not Found\n<\n< No such container: x\n<EOF\n"
	c := client(wiretest.Server(t, pinged+starts+answers("204 No Content", "")+inspects+"<EOF\n"+
		"== again\n"+inspects+answers("404 Not Found", `{"message":"no"}`)+
		"== attach\n"+asksAttach+refused+
		"== attach\n"+asksAttach+"< HTTP/1.1 101 UPGRADED\n<\n"))
	type told struct {
		operation, method, target string
		status                    int
		failed                    bool
	}
	var got []told
	c.OnCall = func(r Record) {
		if r.Duration < 0 || r.Duration > time.Minute {
			t.Errorf("%s took %v", r.Operation, r.Duration)
		}
		got = append(got, told{r.Operation, r.Method, r.Target, r.Status, r.Err != nil})
	}
	s := &session{t: t, c: c}
	s.start("x")
	s.inspect("x")
	s.attach("x", Streams{Stdout: true, Stderr: true})
	stream := s.attach("x", Streams{Stdout: true, Stderr: true})
	s.start("")
	s.attach("..", Streams{})
	stream.Close()
	want := []told{
		{"SystemPing", "GET", "/_ping", 200, false},
		{"ContainerStart", "POST", "/v1.41/containers/x/start", 204, false},
		{"ContainerInspect", "GET", "/v1.41/containers/x/json", 0, true},
		{"ContainerInspect", "GET", "/v1.41/containers/x/json", 404, false},
		{"ContainerAttach", "POST", "/v1.41/containers/x/attach?stream=1&stdout=1&stderr=1", 404, false},
		{"ContainerAttach", "POST", "/v1.41/containers/x/attach?stream=1&stdout=1&stderr=1", 101, false},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("told of\n%v\nwant\n%v", got, want)
	}
}

func TestOnCallCannotDial(t *testing.T) {
	c := client(func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED })
	var got []Record
	c.OnCall = func(r Record) { got = append(got, r) }
	c.ContainerStart(t.Context(), "x")
	if len(got) != 1 || got[0].Operation != "SystemPing" || got[0].Status != 0 || !errors.Is(got[0].Err, syscall.ECONNREFUSED) {
		t.Errorf("told of %v", got)
	}
}

// A done context ends a stream that nobody else ends, in both directions.
func TestCancelAttach(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := client(wiretest.Server(t, pinged[:len(pinged)-len("== call\n")]+"== attach\n"+asksAttach+"< HTTP/1.1 101 UPGRADED\n<\n"))
	stream, err := c.ContainerAttach(ctx, "x", Streams{Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	cancel()
	_, _, err = stream.Next()
	if want := "error: dockerapi: ContainerAttach: http1: reading the response: context canceled"; kind(err)+": "+err.Error() != want || !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
	if _, err := stream.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
}

// Close from elsewhere ends a Next that waits.
func TestCloseAttach(t *testing.T) {
	c := client(wiretest.Server(t, pinged[:len(pinged)-len("== call\n")]+"== attach\n"+asksAttach+"< HTTP/1.1 101 UPGRADED\n<\n>EOF\n"))
	stream, err := c.ContainerAttach(t.Context(), "x", Streams{Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, _, err := stream.Next()
		ended <- err
	}()
	stream.Close()
	if err := <-ended; err == nil {
		t.Error("Next gave something out of a closed stream")
	}
}

func TestCloseIdle(t *testing.T) {
	s := &session{t: t, c: client(wiretest.Server(t, pinged+starts+answers("204 No Content", "")+">EOF\n"))}
	s.start("x")
	s.c.Close()
}

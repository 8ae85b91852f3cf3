package dockerapi

import (
	"context"
	"errors"
	"net"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire/wiretest"
)

// head is all of an answer that comes.
const head = "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n"

// limitTests are calls whose answer does not come, or not whole.
var limitTests = []struct {
	name       string
	transcript string
	do         func(*session)
	after      time.Duration
	want       string
}{
	{"ping", asksPing, (*session).ping, 5 * time.Second,
		"ping: no answer, sent: dockerapi: SystemPing: no answer within 5s"},
	{"half a ping", asksPing + "< HTTP/1.1 200 OK\n< Content-Length: 2\n<\n< \"O\"\n", (*session).ping, 5 * time.Second,
		"ping: no answer, sent: dockerapi: SystemPing: no answer within 5s"},
	{"the ping before a call", asksPing, start, 5 * time.Second,
		"start: no answer, not sent: dockerapi: SystemPing: no answer within 5s"},
	{"start", pinged + starts, start, 5 * time.Minute,
		"start: no answer, sent: dockerapi: ContainerStart: no answer within 5m0s"},
	{"half an inspect", pinged + inspects + head, inspect, time.Minute,
		"inspect: no answer, sent: dockerapi: ContainerInspect: no answer within 1m0s"},
	{"half a refusal", pinged + inspects + "< HTTP/1.1 404 Not Found\n< Content-Length: 99\n<\n", inspect, time.Minute,
		"inspect: no answer, sent: dockerapi: ContainerInspect: no answer within 1m0s"},
	{"a connection that was kept", pinged + starts + answers("204 No Content", "") + inspects,
		func(s *session) {
			s.start("x")
			s.inspect("x")
		}, time.Minute,
		"start: ok\ninspect: no answer, sent: dockerapi: ContainerInspect: no answer within 1m0s"},
	{"logs", pinged + logsOf, logs, time.Minute,
		"logs: no answer, sent: dockerapi: ContainerLogs: no answer within 1m0s"},
	{"attach", pinged + asksAttach, attach, time.Minute,
		"attach: no answer, sent: dockerapi: ContainerAttach: no answer within 1m0s"},
	{"a refused attach", pinged + asksAttach + "< HTTP/1.1 404 Not Found\n<\n", attach, time.Minute,
		"attach: no answer, sent: dockerapi: ContainerAttach: no answer within 1m0s"},
}

// A limit that has passed is no answer, and not the end of anybody's context. The next call has a new connection.
func TestLimits(t *testing.T) {
	for _, tt := range limitTests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &session{t: t, c: client(wiretest.Server(t, tt.transcript+asksPing+answersPing))}
				began := time.Now()
				tt.do(s)
				if took := time.Since(began); took != tt.after {
					t.Errorf("after %v, want %v", took, tt.after)
				}
				s.ping()
				if got, want := s.known.String(), tt.want+"\nping: 1.41\n"; got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// A caller that is told of its own context is not told it by a limit.
func TestLimitIsNoContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := client(wiretest.Server(t, pinged+inspects)).ContainerInspect(t.Context(), "x")
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is a context's error", err)
		}
	})
}

// What was never sent has not been, however long that took.
func TestLimitOfADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &session{t: t, c: client(func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})}
		s.c.version = "/v1.41"
		s.start("x")
		if got, want := s.known.String(), "start: no answer, not sent: dockerapi: ContainerStart: no answer within 5m0s\n"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A caller's context ends every call, with its own error, before its limit and where there is none.
func TestContextEnds(t *testing.T) {
	stops := asks("POST /v1.41/containers/x/stop")
	for _, tt := range []struct {
		name, transcript string
		do               func(context.Context, *Client) error
		after            time.Duration
		want             string
	}{
		{"start", pinged + starts, func(ctx context.Context, c *Client) error { return c.ContainerStart(ctx, "x") },
			time.Minute, "error: dockerapi: ContainerStart: http1: reading the response: context deadline exceeded"},
		{"the ping before a call", asksPing, func(ctx context.Context, c *Client) error { return c.ContainerStart(ctx, "x") },
			time.Second, "error: dockerapi: SystemPing: http1: reading the response: context deadline exceeded"},
		{"wait", pinged + waits + head, func(ctx context.Context, c *Client) error {
			_, err := c.ContainerWait(ctx, "x")
			return err
		}, 1000 * time.Hour, "error: dockerapi: ContainerWait: http1: reading the response: context deadline exceeded"},
		{"stop", pinged + stops, func(ctx context.Context, c *Client) error { return c.ContainerStop(ctx, "x", nil) },
			1000 * time.Hour, "error: dockerapi: ContainerStop: http1: reading the response: context deadline exceeded"},
		{"pull", pinged + pulls, func(ctx context.Context, c *Client) error { return c.ImageCreate(ctx, Pull{Image: "a/b"}, "") },
			1000 * time.Hour, "error: dockerapi: ImageCreate: http1: reading the response: context deadline exceeded"},
		{"pull under way", pinged + pulls + head, func(ctx context.Context, c *Client) error { return c.ImageCreate(ctx, Pull{Image: "a/b"}, "") },
			1000 * time.Hour, "error: dockerapi: ImageCreate: http1: reading the response: context deadline exceeded"},
		{"restart", pinged + asks("POST /v1.41/containers/x/restart"), func(ctx context.Context, c *Client) error {
			_, err := c.Act(ctx, ContainerRestart, Request{ID: "x"})
			return err
		}, 1000 * time.Hour, "error: dockerapi: ContainerRestart: http1: reading the response: context deadline exceeded"},
		{"exec", pinged + startsExec + "< HTTP/1.1 101 UPGRADED\n<\n", func(ctx context.Context, c *Client) error {
			stream, err := c.ExecStart(ctx, "x", Streams{Stdout: true})
			if err != nil {
				return err
			}
			defer stream.Close()
			_, _, err = stream.Next()
			return err
		}, 1000 * time.Hour, "error: dockerapi: ExecStart: http1: reading the response: context deadline exceeded"},
		{"archive", pinged + archives + statted("e30="), func(ctx context.Context, c *Client) error {
			_, tar, err := c.ContainerArchive(ctx, "x", "/a b")
			if err != nil {
				return err
			}
			defer tar.Close()
			_, err = tar.Read(make([]byte, 1))
			return err
		}, 1000 * time.Hour, "error: dockerapi: ContainerArchive: http1: reading the response: context deadline exceeded"},
		{"log", pinged + followsLogs + head, func(ctx context.Context, c *Client) error {
			stream, err := c.ContainerLogs(ctx, "x", Streams{Stdout: true, Stderr: true}, url.Values{"follow": {"1"}})
			if err != nil {
				return err
			}
			defer stream.Close()
			_, _, err = stream.Next()
			return err
		}, 1000 * time.Hour, "error: dockerapi: ContainerLogs: http1: reading the response: context deadline exceeded"},
		{"attach", pinged + asksAttach + "< HTTP/1.1 101 UPGRADED\n<\n", func(ctx context.Context, c *Client) error {
			stream, err := c.ContainerAttach(ctx, "x", Streams{Stdout: true, Stderr: true})
			if err != nil {
				return err
			}
			defer stream.Close()
			_, _, err = stream.Next()
			return err
		}, 1000 * time.Hour, "error: dockerapi: ContainerAttach: http1: reading the response: context deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.after)
				defer cancel()
				began := time.Now()
				err := tt.do(ctx, client(wiretest.Server(t, tt.transcript)))
				if took := time.Since(began); took != tt.after || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after %v, want %v: %v", took, tt.after, err)
				}
				if got := kind(err) + ": " + err.Error(); got != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
			})
		})
	}
}

// Every row of the table has a limit, but for those that wait for a container or a registry.
func TestUnlimited(t *testing.T) {
	waits := map[call]bool{imageCreate: true, containerWait: true, containerStop: true, containerRestart: true}
	for i, r := range calls {
		if (r.limit == unlimited) != waits[call(i)] {
			t.Errorf("%s: limit %v", r.operation, r.limit)
		}
	}
}

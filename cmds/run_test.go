package cmds

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
)

// Input that the sockets on the way hold is there before the container starts; more than that is not waited for.
func TestStdinBeforeStart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes int
		early bool
	}{
		{"none", 0, true},
		{"some", 1000, true},
		{"as much as may be", earlyStdin, true},
		{"more", earlyStdin + 1, false},
		{"much more", testMaxBody / 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []byte
			s := newStage(t, map[string]program{"cat": func(c *container) int {
				rest, err := io.ReadAll(c.stdin)
				c.print(dockerapi.Stdout, fmt.Sprintf("%d bytes, %v\n", len(got)+len(rest), err))
				return 0
			}})
			s.bend("start", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if tt.early {
					got, _ = io.ReadAll(s.all()[0].stdin) // to its end, which has come
				}
				answer(w, r)
			})
			s.give("m", fed(strings.Repeat("x", tt.bytes)))
			s.ends(t, fmt.Sprintf("hello                | %d bytes, <nil>\nhello                = exited 0 in T\nm: ack\n", tt.bytes), wellCalls)
		})
	}
}

// A start whose answer is lost may have been none. A container that waits with input is made anew, since the Engine keeps what
// it was sent; one that has started has its input, if that is short.
func TestStdinStartLost(t *testing.T) {
	for _, tt := range []struct {
		name  string
		how   bend
		calls string
	}{
		{"not done", lostBefore, "ContainerCreate 201, ContainerAttach 101, ContainerStart 0, ContainerInspect 200, ContainerInspect 200, ContainerDelete 204, " + wellCalls},
		{"done", lostAfter, "ContainerCreate 201, ContainerAttach 101, ContainerStart 0, ContainerInspect 200, ContainerLogs 200, ContainerWait 200, ContainerLogs 200, ContainerDelete 204"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"cat": readAll})
			s.bend("start", tt.how)
			s.give("m", fed("abc"))
			s.ends(t, "hello                | 3 bytes, <nil>\nhello                = exited 0 in T\nm: ack\n", tt.calls)
		})
	}
}

// A container ends its input with its client. What has got only a part of it has not come to its own end, whatever its exit code.
func TestStdinCut(t *testing.T) {
	cut := "hello                = interrupted: the container's standard input was cut (exit code 0)\nm: ack\n"
	again := "hello                ~ found again; its output from the beginning\n"
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, s *stage, read func())
		out  string
	}{
		{"with its attach", func(t *testing.T, s *stage, read func()) {
			s.give("m", fed(long))
			until(t, "it runs", func() bool { return s.out.holds("begun") })
			s.all()[0].cutAttach()
			until(t, "it is seen to go on", func() bool { return s.calls.holds("ContainerLogs 200") })
			read()
		}, "hello                | begun\nhello                | cut\n" + cut},
		{"with its attach, of which it ends at once", func(t *testing.T, s *stage, read func()) {
			s.bend("json", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				<-s.all()[0].exited
				answer(w, r)
			})
			s.give("m", fed(long))
			until(t, "it runs", func() bool { return s.out.holds("begun") })
			s.all()[0].cutAttach()
			read()
		}, "hello                | begun\nhello                | cut\n" + cut},
		{"with its Engine", func(t *testing.T, s *stage, read func()) {
			s.give("m", fed(long))
			until(t, "it runs", func() bool { return s.out.holds("begun") })
			s.down()
			read()
			<-s.all()[0].exited
			s.comesBack(t)
		}, "hello                | begun\nhello                | cut\n" + cut},
		{"with its dispatcher", func(t *testing.T, s *stage, read func()) {
			read()
			c := s.made(t, "m", fed(long), "created")
			s.run(c)
			c.input.Close()
			s.giveAgain("m", fed(long))
		}, again + "hello                | begun\nhello                | cut\n" + cut},
		{"with its dispatcher, but it was short", func(t *testing.T, s *stage, read func()) {
			read()
			c := s.made(t, "m", fed("abc"), "created")
			s.background(func() { io.WriteString(c.input, long); c.input.Close() })
			s.run(c)
			s.giveAgain("m", fed("abc"))
		}, again + "hello                | begun\nhello                = exited 0 in T\nm: ack\n"},
		{"with its start's answer", func(t *testing.T, s *stage, read func()) {
			defer read()
			s.bend("start", lostAfter)
			s.give("m", fed(long))
			until(t, "its start is lost", func() bool { return s.calls.holds("ContainerInspect 200") })
		}, "hello                | begun\nhello                | cut\n" + cut},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"cat": func(c *container) int {
				c.print(dockerapi.Stdout, "begun\n")
				<-proceed
				if n, _ := io.CopyN(io.Discard, c.stdin, int64(len(long))); n < int64(len(long)) {
					c.print(dockerapi.Stdout, "cut\n")
				}
				return 0
			}})
			tt.do(t, s, func() { close(proceed) })
			s.ends(t, tt.out, "")
		})
	}
}

// timed is a run of image as hello that may take so long.
func timed(image, seconds string) string {
	return strings.Replace(attached(image), `"Remove":true`, `"Timeout":`+seconds, 1)
}

// A run is stopped when its time is up, and in time otherwise.
func TestTimeout(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": gated(nil), "hello": sayHello})
	s.give("m", timed("sleep", "0.05"))
	s.ends(t, "hello                | begun\nhello                = timeout: stopped after 50ms (exit code 137)\nm: ack\n", "")
	if ran := s.all()[0]; ran.is() != "exited" || time.Since(ran.started) < 50*time.Millisecond {
		t.Errorf("it is %s after %v", ran.is(), time.Since(ran.started))
	}
	s.forget(s.all()[0])
	s.give("n", timed("hello", "3600"))
	s.ends(t, strings.ReplaceAll(helloAll, "m:", "n:"), "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200")
}

// The time of a run that was found began with its container.
func TestTimeoutOfFound(t *testing.T) {
	const again = "hello                ~ found again; its output from the beginning\nhello                | begun\n"
	t.Run("up", func(t *testing.T) {
		s := newStage(t, map[string]program{"sleep": gated(nil)})
		c := s.made(t, "m", timed("sleep", "3600"), "created")
		s.run(c)
		c.change(func() { c.started = c.started.Add(-time.Hour) })
		s.giveAgain("m", timed("sleep", "3600"))
		s.Wait()
		out := s.out.take()
		if !strings.HasPrefix(again, out[:strings.IndexByte(out, '\n')+1]) || !strings.HasSuffix(out, "hello                = timeout: stopped after 1h0m0s (exit code 137)\nm: ack\n") {
			t.Errorf("printed\n%s", out)
		}
	})
	t.Run("exited by itself", func(t *testing.T) {
		s := newStage(t, map[string]program{"hello": sayHello})
		c := s.ran(t, "m", timed("hello", "3600"))
		c.change(func() { c.started = c.started.Add(-2 * time.Hour) })
		s.giveAgain("m", timed("hello", "3600"))
		s.ends(t, helloAgain, "")
	})
}

// A container that comes to its end while somebody is slow to read its output has not taken too long.
func TestTimeoutWhileBlocked(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": func(c *container) int { return sayHello(c) }})
	gate := &gatedWriter{notes: &s.out}
	s.Printer.Close(t.Context())
	s.Printer = NewPrinter(gate, "text")
	s.bend("json", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		answer(w, r)
		close(proceed)
	})
	gate.mu.Lock()
	s.give("m", timed("hello", "0.01"))
	<-proceed // its time is up
	gate.mu.Unlock()
	s.ends(t, helloAll, "")
}

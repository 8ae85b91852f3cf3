package cmds

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
)

func TestSignalOf(t *testing.T) {
	for code, want := range map[int]string{
		0: "", 1: "", 9: "", 127: "", 128: "", 129: "SIGHUP", 130: "SIGINT", 134: "SIGABRT", 137: "SIGKILL", 138: "SIGUSR1", 139: "SIGSEGV", 140: "SIGUSR2",
		141: "SIGPIPE", 143: "SIGTERM", 147: "SIGSTOP", 157: "SIGIO", 159: "SIGSYS", 160: "", 255: "", -1: "", -119: "",
	} {
		if got := signalOf(code); got != want {
			t.Errorf("signalOf(%d) is %q, want %q", code, got, want)
		}
	}
}

// restarting is a run as hello that the Engine restarts twice.
const restarting = `{"Dockercmd":"run","Image":"hello","Options":{"Name":"hello","Attach":["STDOUT","STDERR"],"Restart":"on-failure:2"}}`

// counting says which of its runs it is, on both outputs, and fails by its number.
func counting(c *container) int {
	c.print(dockerapi.Stdout, fmt.Sprintf("run %d\n", c.starts))
	c.print(dockerapi.Stderr, "end\n")
	return 2 + c.starts
}

const firstOutput = "hello                | run 1\nhello                | end\n"

// rests waits until the Engine does not restart the container any more.
func (s *stage) rests(t *testing.T, starts int) {
	t.Helper()
	c := s.all()[0]
	until(t, "the Engine lets it rest", func() bool { return c.is() == "exited" })
	if c.called() != "hello" || c.starts != starts || s.marked(c) != nil {
		t.Errorf("it is called %q and has run %d times, want %d; its claim is %v", c.called(), c.starts, starts, s.marked(c))
	}
}

// The response of a run that the Engine restarts is that of its first exit, and none of its further output is printed.
func TestFirstExit(t *testing.T) {
	var s *stage
	s = newStage(t, map[string]program{"hello": func(c *container) int {
		until(t, "its start is answered", func() bool { return c.starts > 1 || s.calls.holds("ContainerStart 204") })
		return counting(c)
	}})
	s.give("m", restarting)
	s.ends(t, firstOutput+"hello                = exited 3 in T\nm: ack\n",
		"ContainerCreate 201, ContainerWait 200, ContainerAttach 101, ContainerStart 204, ContainerInspect 200")
	s.rests(t, 3)
}

// A run without a restart policy, or detached, is waited for as ever.
func TestOnlyExit(t *testing.T) {
	s := newStage(t, map[string]program{"hello": counting})
	s.give("m", strings.Replace(restarting, "on-failure:2", "no", 1))
	s.ends(t, firstOutput+"hello                = exited 3 in T\nm: ack\n",
		"ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200")
	s.forget(s.all()[0])
	s.give("n", strings.Replace(restarting, `"Attach":["STDOUT","STDERR"],`, "", 1))
	s.ends(t, "hello                = started db0000000000\nn: ack\n", "ContainerCreate 201, ContainerStart 204")
	s.rests(t, 3)
}

// What a cut attach has not brought comes from the log, and nothing of the next run with it.
func TestFirstExitOutputCut(t *testing.T) {
	first := len(frame(dockerapi.Stdout, "run 1\n"))
	for cut := 1; cut < first+len(frame(dockerapi.Stderr, "end\n")); cut += 3 {
		if cut == first {
			continue // looks like the end of the outputs
		}
		s := newStage(t, map[string]program{"hello": func(c *container) int {
			if c.starts == 1 {
				c.mu.Lock()
				c.cut = cut
				c.mu.Unlock()
			}
			return counting(c)
		}})
		s.bend("logs", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			until(t, "the next run", func() bool { return s.all()[0].restarted() })
			answer(w, r)
		})
		s.give("m", restarting)
		t.Logf("cut after %d bytes", cut)
		s.ends(t, firstOutput+"hello                = exited 3 in T\nm: ack\n", "")
		s.rests(t, 3)
	}
}

// awaitEither lets a program go on, or be ended with its test.
func awaitEither(proceed, killed <-chan struct{}) {
	select {
	case <-proceed:
	case <-killed:
	}
}

// restarted says whether the container has been started more than once.
func (c *container) restarted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starts > 1
}

// A log of which it is not known where the first run ends is not printed.
func TestFirstExitLogGoesOn(t *testing.T) {
	s := newStage(t, map[string]program{"hello": func(c *container) int {
		if c.starts == 1 {
			c.mu.Lock()
			c.cut = 3
			c.mu.Unlock()
		}
		return counting(c)
	}})
	s.bend("logs", refusing(500, "not now"))
	s.bend("json", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		until(t, "the last run", func() bool { return s.all()[0].is() == "exited" })
		answer(w, r)
	})
	s.give("m", restarting)
	s.ends(t, "hello                = exited 3 in T (output lost: the container has been restarted, and its log goes on)\nm: ack\n", "")
	s.rests(t, 3)
}

// A container that cannot be started has no exit, and none is waited for.
func TestFirstExitStartRefused(t *testing.T) {
	s := newStage(t, map[string]program{"hello": counting})
	s.bend("start", refusing(400, `exec: "nope": executable file not found in $PATH`))
	s.give("m", restarting)
	s.ends(t, `hello                = error: exec: "nope": executable file not found in $PATH`+"\nm: ack\n",
		"ContainerCreate 201, ContainerWait 200, ContainerAttach 101, ContainerStart 400")
	if got := s.client.Losses(); got != 0 {
		t.Errorf("%d connections count as lost", got)
	}
}

func TestFirstExitRefused(t *testing.T) {
	for operation, calls := range map[string]string{
		"wait":   "ContainerCreate 201, ContainerWait 500",
		"attach": "ContainerCreate 201, ContainerWait 200, ContainerAttach 500",
	} {
		s := newStage(t, map[string]program{"hello": counting})
		s.bend(operation, refusing(500, "not now"))
		s.give("m", restarting)
		s.ends(t, "hello                = error: not now\nm: ack\n", calls)
	}
}

// Lost answers before the start, or of it, lose no exit that is still to come.
func TestFirstExitLostAnswers(t *testing.T) {
	for _, tt := range []struct {
		operation string
		how       bend
	}{
		{"wait", lostBefore}, {"attach", lostBefore}, {"start", lostBefore}, {"start", lostAfter},
	} {
		proceed := make(chan struct{})
		s := newStage(t, map[string]program{"hello": func(c *container) int {
			c.print(dockerapi.Stdout, fmt.Sprintf("run %d\n", c.starts))
			awaitEither(proceed, c.killed)
			c.print(dockerapi.Stderr, "end\n")
			return 2 + c.starts
		}})
		s.bend(tt.operation, tt.how)
		s.give("m", restarting)
		until(t, "it is followed", func() bool { return s.out.holds("run 1") })
		until(t, "its exit is waited for", func() bool { return s.calls.holds("ContainerWait 200") })
		close(proceed)
		s.ends(t, firstOutput+"hello                = exited 3 in T\nm: ack\n", "")
		s.rests(t, 3)
	}
}

// The Engine goes away while the container runs on: its exit is the first one that is seen after that.
func TestFirstExitEngineAway(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": func(c *container) int {
		c.print(dockerapi.Stdout, fmt.Sprintf("run %d\n", c.starts))
		awaitEither(proceed, c.killed)
		c.print(dockerapi.Stderr, "end\n")
		return 2 + c.starts
	}})
	s.give("m", restarting)
	until(t, "it runs", func() bool { return s.out.holds("run 1") })
	s.down()
	s.comesBack(t)
	until(t, "its exit is waited for again", func() bool { return s.calls.count("ContainerWait 200") == 2 })
	close(proceed)
	s.ends(t, firstOutput+"hello                = exited 3 in T\nm: ack\n", "")
	s.rests(t, 3)
}

// A container that is found between two of its runs, or after the last, has the exit that it has had; one that is up has the next.
func TestFirstExitFound(t *testing.T) {
	line := func(run int) string { return strings.Replace(firstOutput, "1", fmt.Sprint(run), 1) }
	for _, tt := range []struct{ state, want string }{
		{"running", line(1) + line(2) + "hello                = exited 4 in T\nm: ack\n"},
		{"restarting", line(1) + "hello                = exited 3 in T\nm: ack\n"},
		{"exited", line(1) + line(2) + line(3) + "hello                = exited 5 in T\nm: ack\n"},
	} {
		t.Run(tt.state, func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"hello": func(c *container) int {
				if c.starts == 2 && tt.state == "running" {
					awaitEither(proceed, c.killed)
				}
				return counting(c)
			}})
			c := s.made(t, "m", restarting, "created")
			c.restarts = 2
			if tt.state == "restarting" {
				c.begin()
				c.end(counting(c))
			} else {
				s.run(c)
				until(t, "it is "+tt.state, func() bool { return c.is() == tt.state && c.restarted() })
			}
			s.giveAgain("m", restarting)
			if tt.state == "running" {
				until(t, "its exit is waited for", func() bool { return s.calls.holds("ContainerWait 200") })
			}
			close(proceed)
			s.ends(t, "hello                ~ found again; its output from the beginning\n"+tt.want, "")
		})
	}
}

// Its Timeout stops a container for good, and the code of its exit is in the response.
func TestFirstExitTimeout(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sleepOn})
	s.speak(t, "json")
	s.give("m", strings.Replace(restarting, `"Restart"`, `"Timeout":0.1,"Restart"`, 1))
	s.Wait()
	out := s.out.take()
	for _, want := range []string{`"Status":"timeout"`, `"ExitCode":137`, `"Signal":"SIGKILL"`} {
		if !strings.Contains(out, want) {
			t.Errorf("printed %s without %s", out, want)
		}
	}
	s.rests(t, 1)
}

// A stop message ends a container that would be restarted.
func TestFirstExitStopped(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sleepOn})
	s.give("m", restarting)
	until(t, "it runs", func() bool { return s.all() != nil && s.all()[0].is() == "running" })
	s.give("n", `{"Dockercmd":"stop","Container":"hello","Options":{"Time":0}}`)
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "hello                = exited 137 (SIGKILL) in ") {
		t.Errorf("printed %s", out)
	}
	s.rests(t, 1)
}

func TestOOMKilled(t *testing.T) {
	for _, options := range []string{attached("hello"), restarting} {
		s := newStage(t, map[string]program{"hello": func(c *container) int {
			c.change(func() { c.oom = true })
			return 137
		}})
		s.give("m", options)
		s.ends(t, "hello                = exited 137 (SIGKILL, out of memory) in T\nm: ack\n", "")
	}
}

// An Engine that is asked in vain leaves it unknown.
func TestOOMKilledUnknown(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.bend("json", refusing(500, "not now"))
	s.give("m", attached("hello"))
	s.ends(t, helloAll, strings.Replace(helloCalls, "Inspect 200", "Inspect 500", 1))
}

// What the Engine restarts is not tried again as well.
func TestRestartRefusals(t *testing.T) {
	const (
		retries   = `Options.Retries: with Restart the Engine itself goes on with the container; leave one of the two out, or set RetryOn to ["engine"]`
		exitCodes = `Options.ExitCodes: with Restart the Engine goes on with the container, whatever its exit code means; leave one of the two out`
	)
	s := newStage(t, nil)
	for _, tt := range []struct{ options, want string }{
		{`"Restart":"always","Retries":1`, retries},
		{`"Restart":"on-failure:3","Retries":1,"RetryOn":["timeout","engine"]`, retries},
		{`"Restart":"unless-stopped","ExitCodes":{"64":"dead"}`, exitCodes},
		{`"Restart":"always","Retries":1,"RetryOn":["engine"]`, "<nil>"},
		{`"Restart":"always","Retries":0,"ExitCodes":{}`, "<nil>"},
		{`"Restart":"no","Retries":1,"ExitCodes":{"64":"dead"}`, "<nil>"},
		{`"Restart":"","Retries":1`, "<nil>"},
	} {
		_, err := s.command("m", `{"Dockercmd":"run","Image":"x","Options":{"Attach":["STDOUT"],`+tt.options+`}}`)
		if got := fmt.Sprint(err); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.options, got, tt.want)
		}
	}
}

// After an exit that is told late the log is read when it is short, or when the container has outlived its attach.
func TestExitAfterOutput(t *testing.T) {
	const busy = 3 * exitAfterOutput
	const calls = "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, "
	line := strings.Repeat("x", 1023) + "\n"
	for _, tt := range []struct {
		name  string
		lines int
		cut   bool // the attach, before the last line
		code  int
		calls string
	}{
		{"little, the Engine is busy", 1, false, 0, calls + "ContainerLogs 200, ContainerDelete 204"},
		{"little, the attach is cut", 1, true, 0, calls + "ContainerLogs 200, ContainerDelete 204"},
		{"much, the Engine is busy", littleOutput >> 10, false, 0, calls + "ContainerInspect 200, ContainerDelete 204"},
		{"much, the Engine is busy, and asked anyway", littleOutput >> 10, false, 3, calls + "ContainerInspect 200, ContainerDelete 204"},
		{"much, the attach is cut", littleOutput>>10 + 1, true, 0, calls + "ContainerInspect 200, ContainerLogs 200, ContainerDelete 204"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			awaited := make(chan struct{})
			s := newStage(t, map[string]program{"hello": func(c *container) int {
				c.print(dockerapi.Stdout, strings.Repeat(line, tt.lines))
				if tt.cut {
					c.cutAttach()
					<-awaited
					time.Sleep(busy)
				} else {
					c.change(func() { c.started = time.Now() }) // however long the start's answer took
				}
				c.print(dockerapi.Stdout, "last\n")
				return tt.code
			}})
			s.host.late = exitAfterOutput
			s.bend("wait", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				close(awaited)
				if !tt.cut {
					time.Sleep(busy)
				}
				answer(w, r)
			})
			s.give("m", attached("hello"))
			const name = "hello                "
			s.ends(t, strings.Repeat(name+"| "+line, tt.lines)+name+"| last\n"+fmt.Sprintf(name+"= exited %d in T\nm: ack\n", tt.code), tt.calls)
		})
	}
}

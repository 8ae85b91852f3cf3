package cmds

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
)

// An answer that is lost is never a reason to do twice what may have been done.
func TestHostLostAnswers(t *testing.T) {
	for _, tt := range []struct {
		name      string
		operation string
		how       bend
		calls     string
	}{
		{"create not done", "create", lostBefore, "ContainerCreate 0, " + helloCalls},
		{"create done", "create", lostAfter, "ContainerCreate 0, ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200, ContainerDelete 204"},
		{"attach", "attach", lostBefore, "ContainerCreate 201, ContainerAttach 0, ContainerInspect 200, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200, ContainerDelete 204"},
		{"start not done", "start", lostBefore, "ContainerCreate 201, ContainerAttach 101, ContainerStart 0, ContainerInspect 200, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200, ContainerDelete 204"},
		{"start done", "start", lostAfter, "ContainerCreate 201, ContainerAttach 101, ContainerStart 0, ContainerInspect 200, ContainerLogs 200, ContainerWait 200, ContainerInspect 200, ContainerLogs 200, ContainerDelete 204"},
		{"removal done", "delete", lostAfter, helloCalls[:len(helloCalls)-3] + "0, ContainerDelete 404"},
		{"removal not done", "delete", lostBefore, helloCalls[:len(helloCalls)-3] + "0, ContainerDelete 204"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var starts []int
			var mu sync.Mutex
			s := newStage(t, map[string]program{"hello": func(c *container) int {
				mu.Lock()
				starts = append(starts, c.starts)
				mu.Unlock()
				return sayHello(c)
			}})
			s.bend(tt.operation, tt.how)
			s.give("m", attached("hello"))
			s.ends(t, helloAll, tt.calls)
			if len(starts) != 1 || len(s.all()) != 0 || s.log.holds("away") {
				t.Errorf("starts %v, %d containers left, log %s", starts, len(s.all()), s.log.take())
			}
		})
	}
}

// A message without an id has nothing but its labels to recognise its container by, and the lost answer.
func TestHostLostCreateWithoutID(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.bend("create", lostAfter)
	s.give("", attached("hello"))
	s.ends(t, helloOutput+"hello                = exited 3 in T\n: ack\n", "")
	if len(s.all()) != 0 {
		t.Errorf("%d containers are left", len(s.all()))
	}
}

// An attach that is cut inside a frame costs no byte, and brings none twice.
func TestHostAttachCut(t *testing.T) {
	first := len(frame(dockerapi.Stdout, "hello world!\n"))
	second := first + len(frame(dockerapi.Stderr, "warning\n"))
	whole := second + len(frame(dockerapi.Stdout, "bye"))
	for cut := 1; cut < whole; cut += 3 {
		if cut == first || cut == second {
			continue // looks like the end of the outputs: see the next test
		}
		s := newStage(t, map[string]program{"hello": func(c *container) int {
			c.mu.Lock()
			c.cut = cut
			c.mu.Unlock()
			return sayHello(c)
		}})
		s.give("m", attached("hello"))
		t.Logf("cut after %d bytes", cut)
		s.ends(t, helloAll, "")
	}
}

// An attach that is cut between two frames looks like the end of the outputs. That another connection is lost with it tells the
// cut from the end: for the next call, which is repeated by itself, or for that too.
func TestHostAttachCutBetweenFrames(t *testing.T) {
	for _, lost := range [][]bend{nil, {lostBefore}} {
		proceed := make(chan struct{})
		s := newStage(t, map[string]program{"hello": func(c *container) int {
			c.print(dockerapi.Stdout, "one\n")
			c.cutAttach()
			c.print(dockerapi.Stdout, "two\n")
			<-proceed
			return 0
		}})
		s.bend("wait", append([]bend{func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			close(proceed)
			lostBefore(w, r, answer)
		}}, lost...)...)
		s.give("m", attached("hello"))
		s.ends(t, "hello                | one\nhello                | two\nhello                = exited 0 in T\nm: ack\n", "")
	}
}

func TestHostOutputLost(t *testing.T) {
	for _, tt := range []struct {
		name string
		how  bend
		out  string
	}{
		{"no log", refusing(501, "configured logging driver does not support reading"), "hello                | one\n" +
			"hello                = exited 0 in T (output lost: configured logging driver does not support reading)\nm: ack\n"},
		{"another log", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Write(frame(dockerapi.Stdout, "ONE\ntwo\n"))
		},
			"hello                | one\nhello                = exited 0 in T (output lost: the container's log is not what it wrote)\nm: ack\n"},
		{"a shorter log", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Write(frame(dockerapi.Stdout, "on"))
		},
			"hello                | one\nhello                = exited 0 in T (output lost: the container's log is not what it wrote: the log has 2 bytes of stdout, and 4 had been read)\nm: ack\n"},
	} {
		s := newStage(t, map[string]program{"hello": func(c *container) int {
			c.print(dockerapi.Stdout, "one\n")
			c.mu.Lock()
			c.cut = 5
			c.mu.Unlock()
			c.print(dockerapi.Stdout, "two\n")
			return 0
		}})
		s.bend("logs", tt.how, tt.how)
		s.give("m", attached("hello"))
		s.ends(t, tt.out, "")
	}
}

// A log that is cut itself is read once more.
func TestHostLogCut(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.bend("start", lostAfter)
	s.bend("logs", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Write(frame(dockerapi.Stdout, "hello world!\n")[:15])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	s.give("m", attached("hello"))
	s.ends(t, helloAll, "")
}

// comesBack waits until an absent daemon is missed, and brings it back.
func (s *stage) comesBack(t *testing.T) {
	t.Helper()
	until(t, "the daemon is missed", func() bool { return s.log.holds("the Docker Engine is away") })
	s.up(t)
}

func TestHostAway(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.down()
	for i := range 3 {
		s.give(fmt.Sprint("m", i), strings.Replace(attached("hello"), "hello", fmt.Sprint("hello", i), 1))
	}
	s.comesBack(t)
	s.Wait()
	if out := s.out.take(); strings.Count(out, "= exited 3") != 3 {
		t.Errorf("printed\n%s", out)
	}
	log := s.log.take()
	if strings.Count(log, "away") != 1 || strings.Count(log, "back") != 1 || !strings.Contains(log, "is dockerd running") {
		t.Errorf("logged\n%s", log)
	}
}

// What is not there is not there, however often the Engine had to be asked.
func TestHostAwayThenMissing(t *testing.T) {
	for _, verb := range []string{"stop", "remove"} {
		s := newStage(t, nil)
		s.down()
		s.give("m", fmt.Sprintf(`{"Dockercmd":%q,"Container":"nope"}`, verb))
		s.comesBack(t)
		s.ends(t, "nope                 = error: no such container: nope\nm: ack\n", "")
	}
}

// A daemon that is going down refuses with all kinds of words, and is asked again when it is back.
func TestHostGoingDown(t *testing.T) {
	for _, operation := range []string{"create", "start", "wait", "pull"} {
		t.Run(operation, func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello, "remote/far:latest": sayHello})
			image := "hello"
			if operation == "pull" {
				image = "far:latest"
			}
			s.bend(operation, func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
				s.listener.Close()
				refuse(w, 500, "grpc: the client connection is closing")
			})
			s.give("m", attached(image))
			s.comesBack(t)
			s.ends(t, helloAll, "")
		})
	}
}

// A daemon that has died while it started a container says later that this was never started, and cannot start it: it is made anew, also
// by a dispatcher that only finds it. One that cannot be started then either has failed.
func TestHostStartLeftBehind(t *testing.T) {
	refusal := refusing(500, "task x: already exists")
	for _, tt := range []struct {
		name   string
		starts []bend
		out    string
	}{
		{"the daemon's fault", []bend{refusal}, helloAll},
		{"the container's", []bend{refusal, refusal}, "hello                = error: task x: already exists\nm: ack\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello})
			s.made(t, "m", attached("hello"), "created")
			s.bend("start", tt.starts...)
			s.giveAgain("m", attached("hello"))
			s.ends(t, tt.out, "")
			if n := len(s.all()); n != 0 {
				t.Errorf("%d containers are left", n)
			}
		})
	}
}

// What another dispatcher could start is not run once more by the one whose start was refused.
func TestHostStartLeftToAnother(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	c := s.made(t, "m", attached("hello"), "created")
	s.bend("start", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		s.run(c)
		until(t, "it has exited", func() bool { return c.is() == "exited" })
		refuse(w, 500, "task x: already exists")
	})
	s.giveAgain("m", attached("hello"))
	s.ends(t, "hello                ~ found again; its output from the beginning\n"+helloAll, "")
	if c.starts != 1 {
		t.Errorf("it was run %d times", c.starts)
	}
}

// The container of a run dies with its Engine: that is not its own exit.
func TestHostInterrupted(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": func(c *container) int {
		c.print(dockerapi.Stdout, "begun\n")
		<-c.killed
		return 0
	}})
	s.give("m", attached("sleep"))
	until(t, "it runs", func() bool { return s.out.holds("begun") })
	s.down()
	s.all()[0].kill()
	s.comesBack(t)
	s.ends(t, "hello                | begun\nhello                = interrupted: the Docker Engine went away while the container ran (exit code 137)\nm: ack\n", "")
	s.host.mu.Lock()
	s.host.gone = s.host.gone.Add(-shakenTime)
	s.host.mu.Unlock()
	s.give("m", attached("sleep"))
	until(t, "it runs", func() bool { return s.out.holds("begun") })
	s.give("n", `{"Dockercmd":"stop","Container":"hello","Options":{"Time":0}}`)
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "hello                = exited 137 (SIGKILL) in ") || !strings.Contains(out, "hello                = stopped\n") {
		t.Errorf("a container that was stopped:\n%s", out)
	}
}

// What the Engine's absence does not end goes on.
func TestHostSurvives(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": func(c *container) int {
		c.print(dockerapi.Stdout, "one\ntw")
		<-proceed
		c.print(dockerapi.Stdout, "o\n")
		return 0
	}})
	s.give("m", attached("hello"))
	until(t, "it runs", func() bool { return s.out.holds("one") })
	s.down()
	close(proceed)
	s.comesBack(t)
	s.ends(t, "hello                | one\nhello                | two\nhello                = exited 0 in T\nm: ack\n", "")
}

// made puts a container there that a dispatcher has made for that message before.
func (s *stage) made(t *testing.T, id, body string, status string) *container {
	t.Helper()
	c, err := s.command(id, body)
	if err != nil {
		t.Fatal(err)
	}
	there, _, problem := s.add(cmp.Or(c.Container, c.Message.name()), c.Body["Image"].(string), c.labels(), c.Remove && !c.Attached())
	if problem != "" {
		t.Fatal(problem)
	}
	there.status = status
	return there
}

// command is that of a message in the queue.
func (s *stage) command(id, body string) (c Command, err error) {
	m, err := Decode(s.out.delivery(id, body), testMaxBody)
	if err == nil {
		err = c.Resolve(m, s.Name)
	}
	return c, err
}

// ran puts a container there that a dispatcher has made for that message before, and that has exited.
func (s *stage) ran(t *testing.T, id, body string) *container {
	t.Helper()
	c := s.made(t, id, body, "created")
	s.run(c)
	<-c.exited
	return c
}

func TestHostNameInUse(t *testing.T) {
	inUse := "hello                = error: Conflict. The container name \"/hello\" is already in use by container \"%s\".\nm: ack\n"
	for _, tt := range []struct {
		name   string
		id     string // of the message that the container was made for
		status string
		out    string
		calls  string
		left   int
	}{
		{"own, never started", "m", "created", helloAll, "ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200, ContainerDelete 204", 0},
		{"own, running", "m", "running", helloAgain, "ContainerCreate 409, " + againCalls, 0},
		{"own, exited", "m", "exited", helloAgain, "ContainerCreate 409, " + againCalls, 0},
		{"another's, running", "o", "running", inUse, "ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerInspect 200", 1},
		{"another's, never started", "o", "created", inUse, "ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerInspect 200", 1},
		{"another's, exited", "o", "exited", inUse, "ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerInspect 200", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"hello": func(c *container) int { <-proceed; return sayHello(c) }})
			c := s.made(t, tt.id, attached("hello"), tt.status)
			switch tt.status {
			case "exited":
				close(proceed)
				s.run(c)
				<-c.exited
			case "running":
				s.run(c)
			}
			s.give("m", attached("hello"))
			if tt.status != "exited" {
				until(t, "the holder is looked at", func() bool { return s.calls.holds("ContainerInspect 200") })
				close(proceed)
			}
			out := tt.out
			if tt.left > 0 {
				out = fmt.Sprintf(out, c.id)
			}
			s.ends(t, out, tt.calls)
			if len(s.all()) != tt.left {
				t.Errorf("%d containers are left, want %d", len(s.all()), tt.left)
			}
		})
	}
}

// A run waits for a name that is about to be free: of a container that is being removed, and of a run that has just ended.
func TestHostNameLeaving(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	c := s.made(t, "o", attached("hello"), "removing")
	s.give("m", attached("hello"))
	until(t, "the holder is looked at", func() bool { return s.calls.holds("ContainerInspect 200") })
	s.forget(c)
	s.ends(t, helloAll, "")

	for _, tt := range []struct {
		name  string
		first bend // of its start
		out   string
	}{
		{"exited", unbent, helloAll},
		{"start refused", refusing(500, "driver failed"), "hello                = error: driver failed\nm: ack\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			release := make(chan struct{})
			s.bend("start", tt.first)
			s.bend("delete", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) { <-release; answer(w, r) })
			s.give("m", attached("hello"))
			until(t, "the first has ended", func() bool { return s.out.holds("m: ack") })
			s.calls.take()
			s.give("n", attached("hello"))
			until(t, "the second has met the first", func() bool { return s.calls.holds("ContainerInspect 200") })
			close(release)
			s.ends(t, tt.out+strings.ReplaceAll(helloAll, "m:", "n:"), "")
		})
	}
}

func TestHostTwoRemovals(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	c := s.made(t, "o", attached("hello"), "removing")
	s.give("m", `{"Dockercmd":"remove","Container":"hello"}`)
	until(t, "it has met the other", func() bool { return s.calls.holds("ContainerDelete 409") })
	s.forget(c)
	s.ends(t, "hello                = removed\nm: ack\n", "")

	s.made(t, "o", attached("hello"), "running")
	s.give("m", `{"Dockercmd":"remove","Container":"hello"}`)
	s.ends(t, "hello                = error: You cannot remove a running container. Stop the container before attempting removal or force remove\nm: ack\n",
		"ContainerDelete 409")
}

// Whoever removes the container of a run lets that have its exit code and its output first.
func TestHostRemovesRun(t *testing.T) {
	for _, body := range []string{
		`{"Dockercmd":"remove","Container":"hello"}`,
		`{"Dockercmd":"remove","Container":"hello","Options":{"Force":true}}`,
	} {
		s := newStage(t, map[string]program{"hello": sayHello})
		release := make(chan struct{})
		s.bend("wait", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			<-release
			answer(w, r)
		})
		s.give("m", attached("hello"))
		until(t, "it has ended", func() bool { return len(s.all()) == 1 && s.all()[0].is() == "exited" })
		s.give("n", body)
		until(t, "it is looked at", func() bool { return s.calls.holds("ContainerInspect 200") })
		close(release)
		s.Wait()
		out := seconds.ReplaceAllString(s.out.take(), " in T")
		var output string
		for line := range strings.Lines(out) {
			if strings.Contains(line, " | ") {
				output += line
			}
		}
		if output != helloOutput || !strings.Contains(out, "hello                = exited 3 in T\n") || !strings.Contains(out, "hello                = removed\n") {
			t.Errorf("printed\n%s", out)
		}
	}
}

// What a container has written is printed when its outputs have ended, however long its exit is in coming, and also when that can never
// be known.
func TestHostOutputBeforeExit(t *testing.T) {
	for _, known := range []bool{true, false} {
		s := newStage(t, map[string]program{"hello": sayHello})
		release := make(chan struct{})
		s.bend("wait", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			<-release
			if !known {
				answer = func(w http.ResponseWriter, r *http.Request) { refusing(404, "no such container")(w, r, nil) }
			}
			answer(w, r)
		})
		s.give("m", attached("hello"))
		until(t, "its lines are printed", func() bool { return s.out.holds("hello                | warning\n") })
		if s.out.holds(" = ") {
			t.Error("there is a response without an exit code")
		}
		close(release)
		s.Wait()
		if out := s.out.take(); !strings.Contains(out, "hello                | hello world!\n") || !strings.Contains(out, "hello                = ") {
			t.Errorf("printed\n%s", out)
		}
	}
}

// A message that has come while a run with Remove was in work finds its container removed, not missing.
func TestHostRemovePending(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": sleepOn})
	all := make(chan struct{})
	s.bend("stop", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		<-all
		answer(w, r)
	})
	s.give("m", attached("sleep"))
	s.give("n", `{"Dockercmd":"stop","Container":"hello","Options":{"Time":0}}`)
	s.give("o", `{"Dockercmd":"remove","Container":"hello"}`)
	close(all)
	s.Wait()
	got := seconds.ReplaceAllString(s.out.take(), " in T")
	for _, want := range []string{"hello                = exited 137 (SIGKILL) in T\n", "hello                = stopped\n", "hello                = removed\n", "m: ack\n", "n: ack\n", "o: ack\n"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("printed\n%s\nwithout %s", got, want)
		}
	}
	if len(s.all()) != 0 {
		t.Errorf("%d containers are left", len(s.all()))
	}
}

// A name may look like the beginning of another container's id.
func TestHostNameLikeID(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": func(c *container) int {
		c.print(dockerapi.Stdout, "begun\n")
		<-c.killed
		return 0
	}})
	s.give("m", attached("sleep"))
	until(t, "it runs", func() bool { return s.out.holds("begun") })
	run := s.all()[0]
	s.give("n", `{"Dockercmd":"run","Image":"sleep","Options":{"Name":"db"}}`)
	until(t, "the other runs", func() bool { return s.out.holds("n: ack") })
	s.out.take()
	s.give("o", `{"Dockercmd":"remove","Container":"db","Options":{"Force":true}}`)
	until(t, "it is removed", func() bool { return s.out.holds("o: ack") })
	if got, want := s.out.take(), "db                   = removed\no: ack\n"; got != want || run.is() != "running" || len(s.all()) != 1 {
		t.Errorf("printed\n%s\nthe run is %s, of %d containers", got, run.is(), len(s.all()))
	}
	s.give("p", fmt.Sprintf(`{"Dockercmd":"stop","Container":%q}`, run.id[:8]))
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "hello                = exited 137 (SIGKILL) in ") {
		t.Errorf("printed\n%s", out)
	}
}

// gatedWriter is a standard output that is read as long as it is open.
type gatedWriter struct {
	notes *notes
	mu    sync.Mutex
}

func (g *gatedWriter) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.notes.Write(p)
}

// An Engine cannot stop a container whose attach nobody reads: the attach is closed, and the rest comes from the log.
func TestHostStopWhileBlocked(t *testing.T) {
	for _, tt := range []struct {
		body string
		lost bool
	}{
		{`{"Dockercmd":"stop","Container":"hello"}`, false},
		{`{"Dockercmd":"remove","Container":"hello","Options":{"Force":true}}`, true}, // the log with the container
	} {
		const lines = 2000
		line := strings.Repeat("y", 1000) + "\n"
		s := newStage(t, map[string]program{"yes": func(c *container) int {
			c.print(dockerapi.Stdout, strings.Repeat(line, lines)) // more than all buffers on the way
			<-c.killed
			return 0
		}})
		gate := &gatedWriter{notes: &s.out}
		s.Printer.Close(t.Context())
		s.Printer = NewPrinter(gate, "text")
		gate.mu.Lock()
		s.give("m", attached("yes"))
		until(t, "it runs", func() bool { return len(s.all()) == 1 && s.all()[0].is() == "running" })
		c := s.all()[0]
		s.give("n", tt.body)
		until(t, "it is done while standard output is blocked", func() bool { return c.is() == "exited" && (!tt.lost || len(s.all()) == 0) })
		gate.mu.Unlock()
		s.Wait()
		out := s.out.take()
		n := strings.Count(out, line)
		if lost := strings.Contains(out, "(output lost: "); lost != tt.lost || lost == (n == lines) {
			t.Errorf("%s: %d lines of %d, said to be lost: %t", tt.body, n, lines, lost)
		}
		if !strings.Contains(out, "hello                = exited 137 (SIGKILL) in ") || strings.Count(out, ": ack\n") != 2 {
			t.Errorf("%s\n%s", tt.body, out[strings.LastIndex(out, "yyy")+3:])
		}
	}
}

// When the dispatcher is told to leave, whatever waits comes back, and nothing is settled.
func TestHostLeaves(t *testing.T) {
	for _, operation := range []string{"create", "attach", "start", "wait", "pull", "stop", "away", "output"} {
		t.Run(operation, func(t *testing.T) {
			reached := make(chan struct{})
			s := newStage(t, map[string]program{"hello": sayHello, "sleep": sleepOn, "yes": func(c *container) int {
				close(reached)
				for {
					select {
					case <-c.killed:
						return 0
					default:
						c.print(dockerapi.Stdout, strings.Repeat("y", 1000)+"\n")
					}
				}
			}})
			hang := func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
				io.Copy(io.Discard, r.Body) // or the server does not see the client go
				close(reached)
				<-r.Context().Done()
			}
			body := attached("sleep")
			switch operation {
			case "pull":
				body = attached("none:1")
			case "wait":
				body = attached("hello")
			case "stop":
				s.made(t, "o", body, "running")
				body = `{"Dockercmd":"stop","Container":"hello"}`
			case "away":
				s.down()
				close(reached)
			case "output":
				body = attached("yes")
				gate := &gatedWriter{notes: &s.out}
				s.Printer.Close(t.Context())
				s.Printer = NewPrinter(gate, "text")
				gate.mu.Lock()
				defer gate.mu.Unlock()
			}
			s.bend(operation, hang)
			s.give("m", body)
			<-reached
			if operation == "away" {
				until(t, "the daemon is missed", func() bool { return s.log.holds("away") })
			}
			start := time.Now()
			s.stop()
			s.Dispatcher.Wait()
			if took := time.Since(start); took > patience/2 {
				t.Errorf("left after %v", took)
			}
			if s.out.holds("ack") || s.out.holds(" = ") {
				t.Errorf("printed\n%s", s.out.take())
			}
		})
	}
}

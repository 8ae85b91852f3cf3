package cmds

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

// claimed puts a container there that a dispatcher has made for that message and claimed.
func (s *stage) claimed(t *testing.T, delivery wire.Delivery) *container {
	t.Helper()
	s.Claim = 0
	j := s.job(t, delivery)
	c, _, problem := s.add(j.command.Container, j.command.Body["Image"].(string), j.command.labels(), false)
	if problem != "" {
		t.Fatal(problem)
	}
	if !s.pack(j) {
		t.Fatal("the message is too long")
	}
	mark := maps.Clone(c.labels)
	mark[labelMessage] = j.label
	s.mu.Lock()
	s.volumes[markPrefix+c.id] = mark
	s.mu.Unlock()
	return c
}

// resume begins where an earlier process has ended.
func (s *stage) resume(t *testing.T, choice Orphans) {
	t.Helper()
	if err := s.Resume(s.ctx, s.ctx, s.host, "jobs", choice); err != nil {
		t.Fatal(err)
	}
}

const (
	found       = "level=INFO msg=\"found of an earlier run\" claimed=%d \"waiting for their messages\"=%d\n"
	resumeCalls = "ContainerList 200, VolumeList 200" // containers; claims and trials
)

// What an earlier process has claimed is finished as that would have done, with its output from the beginning.
func TestResume(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": func(c *container) int {
		code := sayHello(c)
		<-proceed
		return code
	}})
	s.connect()
	c := s.claimed(t, s.out.delivery("m", attached("hello")))
	s.run(c)
	s.resume(t, OrphansLeave)
	until(t, "its output is printed", func() bool { return s.out.holds("warning\n") })
	s.giveAgain("m", attached("hello")) // its ack may have been lost
	until(t, "that is settled", func() bool { return s.out.holds("m: ack\n") })
	close(proceed)
	s.Wait()
	out := seconds.ReplaceAllString(s.out.take(), " in T")
	const again = "level=INFO msg=\"a message has come again and is in work or done\" message=m\nm: ack\n"
	lines := strings.Replace(helloAgain[:len(helloAgain)-len("m: ack\n")], "hello                | bye\n", "", 1) + "hello                | bye\n"
	if want := "place taken\n" + fmt.Sprintf(found, 1, 0) + lines + "place freed\n" + again; sorted(out) != sorted(want) || !strings.HasSuffix(out, "hello                = exited 3 in T\nplace freed\n") {
		t.Errorf("printed\n%s", out)
	}
	if s.marked(c) != nil || len(s.slots) != 0 {
		t.Errorf("the mark is %v, %d slots are taken", s.marked(c), len(s.slots))
	}
	s.gone(t)
}

// sorted is text with its lines in order, for what several goroutines have written.
func sorted(text string) string {
	lines := slices.Sorted(strings.Lines(text))
	return strings.Join(lines, "")
}

// A run is claimed when its container has all of its input: whoever resumes it feeds nothing, and nothing was cut.
func TestResumeFed(t *testing.T) {
	s := newStage(t, map[string]program{"cat": func(c *container) int { c.print(dockerapi.Stdout, "whole\n"); return 0 }})
	s.connect()
	s.run(s.claimed(t, s.out.delivery("m", fed(long))))
	s.resume(t, OrphansLeave)
	s.Wait()
	const want = "hello                ~ found again; its output from the beginning\nhello                | whole\nhello                = exited 0 in T\n"
	if out := seconds.ReplaceAllString(s.out.take(), " in T"); !strings.Contains(out, want) {
		t.Errorf("printed\n%s", out)
	}
}

// A claimed run has ended, or is gone, or was of a message that may be tried again.
func TestResumeOutcomes(t *testing.T) {
	retrying := strings.Replace(attached("hello"), `"Remove":true`, `"Remove":true,"Retries":1`, 1)
	input := strings.Repeat("y", 1<<16)
	gone := "hello                = error: the container was removed before its exit code could be read\n"
	headers := map[string]any{"x": map[string]any{"n": int64(5)}, headerAttempt: int64(2)}
	for _, tt := range []struct {
		name     string
		delivery wire.Delivery
		vanishes bool
		out      string
	}{
		{"exited", wire.Delivery{Body: []byte(attached("hello"))}, false, strings.TrimSuffix(helloAgain, "m: ack\n")},
		{"gone", wire.Delivery{Body: []byte(attached("hello"))}, true, gone},
		{"to be tried again", wire.Delivery{Body: []byte(retrying)}, false,
			strings.Replace(strings.TrimSuffix(helloAgain, "m: ack\n"), " in T", " in T (attempt 1, again in 1s)", 1) + "published: jobs m in 1s map[docker-dispatch-attempt:2] " + retrying + "\n"},
		{"not any more", wire.Delivery{Properties: wire.Properties{Headers: headers}, Body: []byte(retrying)}, false,
			strings.Replace(strings.TrimSuffix(helloAgain, "m: ack\n"), " in T", " in T (attempt 2, to the dead queue)", 1) +
				"published: jobs.dead m in 0s map[docker-dispatch-attempt:3 docker-dispatch-exit-code:3 docker-dispatch-output:hello world!\nwarning\nbye docker-dispatch-queue:jobs " +
				"docker-dispatch-reason:exited 3 in T (attempt 2, to the dead queue) x:map[n:5]] " + retrying + "\n"},
		{"with input, of which it had all", wire.Delivery{Body: []byte(fed(input))}, false,
			"hello                ~ found again; its output from the beginning\nhello                | 65536 bytes, <nil>\nhello                = exited 0 in T\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello, "cat": readAll})
			s.connect()
			tt.delivery.MessageID, tt.delivery.Queue = "m", "jobs"
			c := s.claimed(t, tt.delivery)
			s.out.take()
			s.background(func() {
				c.input.Write([]byte(input))
				c.input.Close()
			})
			s.run(c)
			<-c.exited
			if tt.vanishes {
				s.forget(c)
			}
			s.resume(t, OrphansLeave)
			s.Wait()
			out := seconds.ReplaceAllString(s.out.take(), " in T")
			if want := "place taken\n" + fmt.Sprintf(found, 1, 0) + tt.out + "place freed\n"; out != want && sorted(out) != sorted(want) {
				t.Errorf("printed\n%s\nwant\n%s", out, want)
			}
			if len(s.volumes) != 0 {
				t.Errorf("marks are left: %v", s.volumes)
			}
			s.gone(t)
		})
	}
}

// A claimed run that another dispatcher has finished in the meantime is said by that alone.
func TestResumeDone(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	c := s.claimed(t, s.out.delivery("m", attached("hello")))
	s.bend("json", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		s.forget(c)
		s.unmark(httptest.NewRecorder(), markPrefix+c.id)
		answer(w, r)
	})
	s.resume(t, OrphansLeave)
	s.Wait()
	if out, want := s.out.take(), "place taken\n"+fmt.Sprintf(found, 1, 0)+"place freed\n"; sorted(out) != sorted(want) {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
	if len(s.ledger.entries) != 0 {
		t.Errorf("%d entries are left", len(s.ledger.entries))
	}
}

// A mark that says nothing is left, and its container with it.
func TestResumeUnreadable(t *testing.T) {
	for _, label := range []string{"", "{", `{"Body":"x"}`, `{"Body":"{\"Dockercmd\":\"run\"}"}`} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.connect()
		c := s.claimed(t, s.out.delivery("m", attached("hello")))
		s.marked(c)[labelMessage] = label
		s.resume(t, OrphansRemove)
		s.Wait()
		if out := s.out.take(); strings.Count(out, "level=ERROR msg=\"a claim cannot be read, and its container is left\" container="+c.id+" error=") != 1 || strings.Contains(out, "place") {
			t.Errorf("%q: printed\n%s", label, out)
		}
		if len(s.all()) != 1 || s.marked(c) == nil {
			t.Errorf("%q: it is not left", label)
		}
	}
}

func TestResumeNothing(t *testing.T) {
	s := newStage(t, nil)
	s.connect()
	s.resume(t, OrphansRemove)
	s.ends(t, "", resumeCalls)
}

// strays are containers of which each is left by another kind of end of an earlier process.
var strays = []struct {
	name   string
	body   string
	status string
	bend   func(s *stage, c *container)
	stray  bool
	ended  map[Orphans]string // what becomes of it; "" is nothing, "gone" is removed
}{
	{"created", attached("sleep"), "created", nil, true, map[Orphans]string{OrphansRemove: "gone"}},
	{"running", attached("sleep"), "running", nil, true, map[Orphans]string{OrphansStop: "exited", OrphansRemove: "gone"}},
	{"to be removed", attached("hello"), "exited", nil, true, map[Orphans]string{OrphansLeave: "gone", OrphansStop: "gone", OrphansRemove: "gone"}},
	{"kept", strings.Replace(attached("hello"), `,"Remove":true`, "", 1), "exited", nil, false, nil},
	{"detached, running", `{"Dockercmd":"run","Image":"sleep","Options":{"Name":"hello"}}`, "running", nil, false, nil},
	{"detached, exited", `{"Dockercmd":"run","Image":"hello","Options":{"Name":"hello"}}`, "exited", nil, false, nil},
	{"detached, created", `{"Dockercmd":"run","Image":"sleep","Options":{"Name":"hello"}}`, "created", nil, true, map[Orphans]string{OrphansRemove: "gone"}},
	{"restarted by the Engine", restarting, "exited", func(_ *stage, c *container) { c.status = "restarting" }, false, nil},
	{"being removed", attached("hello"), "exited", func(_ *stage, c *container) { c.status = "removing" }, false, nil},
	{"another dispatcher's", attached("sleep"), "running", func(_ *stage, c *container) { c.labels[labelDispatcher] = "there" }, false, nil},
	{"another queue's", attached("sleep"), "running", func(_ *stage, c *container) { c.labels[labelQueue] = "jobs2" }, false, nil},
	{"a stranger's", attached("sleep"), "running", func(_ *stage, c *container) { clear(c.labels) }, false, nil},
	{"claimed by another dispatcher", attached("sleep"), "running", func(s *stage, c *container) {
		s.volumes[markPrefix+c.id] = map[string]string{labelQueue: "jobs", labelDispatcher: "there"}
	}, false, nil},
}

// stray makes one of the strays.
func (s *stage) stray(t *testing.T, i int) *container {
	t.Helper()
	row := strays[i]
	c := s.made(t, fmt.Sprint("m", i), strings.Replace(row.body, `"Name":"hello"`, fmt.Sprintf(`"Name":"hello%d"`, i), 1), "created")
	if row.status != "created" {
		s.run(c)
	}
	if row.status == "exited" {
		<-c.exited
	}
	if row.bend != nil {
		row.bend(s, c)
	}
	return c
}

func TestStrays(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello, "sleep": sleepOn})
	var want []Stray
	for i, row := range strays {
		if c := s.stray(t, i); row.stray {
			want = append(want, Stray{c.id, fmt.Sprint("hello", i), fmt.Sprint("m", i), row.status, time.Unix(int64(c.number), 0)})
		}
	}
	got, err := s.host.Strays(t.Context(), "jobs", "here")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %v, %v\nwant %v", got, err, want)
	}
}

// What no message comes for is ended as the operator chose, and nothing else is touched.
func TestSweep(t *testing.T) {
	for _, choice := range []Orphans{OrphansLeave, OrphansStop, OrphansRemove} {
		t.Run(string(choice), func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello, "sleep": sleepOn})
			s.connect()
			var all []*container
			before := map[*container]string{}
			for i := range strays {
				c := s.stray(t, i)
				all = append(all, c)
				before[c] = c.is()
			}
			s.resume(t, choice)
			s.out.check(t, "found", fmt.Sprintf(found, 0, 4))
			s.grace(t)
			s.Wait()
			for i, c := range all {
				got, want := c.is(), strays[i].ended[choice]
				if s.find(c.id) == nil {
					got = "gone"
				}
				if want == "" {
					want = before[c]
				}
				if got != want {
					t.Errorf("%s is %s, want %s", strays[i].name, got, want)
				}
			}
			if choice == OrphansLeave {
				const left = "level=WARN msg=\"an orphan is left: its message has not come back; docker-dispatch orphans lists them and ends them\" container=%s name=hello%d message=m%[2]d state=%s\n"
				want := fmt.Sprintf(left, all[0].id, 0, "created") + fmt.Sprintf(left, all[1].id, 1, "running") + fmt.Sprintf(left, all[6].id, 6, "created") +
					"level=INFO msg=\"ending an orphan\" how=remove container=" + all[2].id + " name=hello2 message=m2 state=exited\n"
				if got := s.out.take(); sorted(got) != sorted(want) {
					t.Errorf("said\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// A stray whose message comes back is nobody's orphan.
func TestSweepComesBack(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": gated(proceed)})
	s.connect()
	c := s.made(t, "m", attached("hello"), "created")
	s.run(c)
	s.resume(t, OrphansRemove)
	s.giveAgain("m", attached("hello"))
	until(t, "it is found", func() bool { return s.out.holds("found again") })
	s.grace(t)
	until(t, "the sweep is over", func() bool { return !s.host.hasStrays() })
	if c.is() != "running" {
		t.Errorf("it is %s", c.is())
	}
	close(proceed)
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "= exited 0 in") || strings.Contains(out, "orphan") {
		t.Errorf("printed\n%s", out)
	}
}

// While no slot is free the messages of strays cannot come.
func TestSweepWaitsForSlots(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": gated(proceed), "sleep": sleepOn})
	s.connect()
	s.Slots = 1
	c := s.made(t, "m", attached("sleep"), "created")
	s.run(c)
	s.give("n", strings.Replace(attached("hello"), `"Name":"hello",`, "", 1))
	until(t, "it runs", func() bool { return s.out.holds("begun") })
	s.resume(t, OrphansRemove)
	for range 3 {
		s.grace(t)
		if c.is() != "running" {
			t.Fatal("ended before its message could have come")
		}
	}
	close(proceed)
	until(t, "the slot is free", func() bool { return s.out.holds("n: ack\n") && len(s.slots) == 0 })
	s.untilLater(t, "it is removed", func() bool { return s.find(c.id) == nil })
}

// A stray that ends before it is judged is judged by what it is then: one without Remove is a finished record.
func TestSweepLooksOnceMore(t *testing.T) {
	for _, remove := range []bool{true, false} {
		s := newStage(t, map[string]program{"sleep": sleepOn})
		s.connect()
		body := attached("sleep")
		if !remove {
			body = strings.Replace(body, `,"Remove":true`, "", 1)
		}
		c := s.made(t, "m", body, "created")
		s.run(c)
		s.resume(t, OrphansLeave)
		s.out.check(t, "found", fmt.Sprintf(found, 0, 1))
		c.kill()
		<-c.exited
		s.grace(t)
		s.Wait()
		if kept := s.find(c.id) != nil; kept == remove || s.out.holds("orphan is left") {
			t.Errorf("remove %t: kept %t, and said %q", remove, kept, s.out.take())
		}
	}
}

// A claimed run whose container the Engine will not show has failed, and its mark is not left for the next start.
func TestResumeRefused(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	s.claimed(t, s.out.delivery("m", attached("hello")))
	s.bend("json", refusing(500, "layer does not exist"))
	s.resume(t, OrphansLeave)
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "= error: layer does not exist\n") || len(s.volumes) != 0 {
		t.Errorf("%d marks are left; printed\n%s", len(s.volumes), out)
	}
	s.grace(t)
}

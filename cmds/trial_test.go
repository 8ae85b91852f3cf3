package cmds

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"docker-dispatch/wire"
)

// tried marks a container as if that many processes had died while they worked on it.
func (s *stage) tried(c *container, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range times {
		s.volumes[fmt.Sprint(trialPrefix, c.id, ".", i)] = map[string]string{labelTrial: c.id, labelQueue: "jobs", labelDispatcher: "here"}
	}
}

// A run that its dispatchers have died of too often goes to the dead queue, and no other with it.
func TestTrial(t *testing.T) {
	const alone = "its dispatcher has died several times while it worked on it, so it is taken up alone"
	for _, tt := range []struct {
		times int
		alone bool
		dead  bool
	}{
		{0, false, false},
		{suspicious - 1, false, false},
		{suspicious, true, false},
		{deadly - 1, true, false},
		{deadly, false, true},
		{deadly + 5, false, true},
	} {
		t.Run(fmt.Sprint(tt.times), func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello, "sleep": sleepOn})
			other := s.made(t, "o", `{"Dockercmd":"run","Image":"sleep"}`, "created")
			s.tried(other, 2)
			c := s.ran(t, "m", attached("hello"))
			s.tried(c, tt.times)
			want := helloAgain
			if tt.dead {
				reason := fmt.Sprintf("its dispatcher has died %d times while it worked on it", tt.times)
				want = "hello                = error: " + reason + " (attempt 1, to the dead queue)\n" +
					"published: jobs.dead m in 0s map[docker-dispatch-attempt:2 docker-dispatch-output: docker-dispatch-queue:jobs docker-dispatch-reason:" + reason + "] " + attached("hello") + "\nm: ack\n"
			}
			s.giveAgain("m", attached("hello"))
			s.ends(t, want, "")
			if log := s.log.take(); strings.Contains(log, alone) != tt.alone {
				t.Errorf("logged\n%s", log)
			}
			if len(s.volumes) != 2 || s.find(c.id) != nil {
				t.Errorf("left are the volumes %v, and %v", s.volumes, s.find(c.id))
			}
		})
	}
}

// Two suspicious runs are never in work at once, so that an innocent one is acquitted.
func TestTrialAlone(t *testing.T) {
	proceed := []chan struct{}{make(chan struct{}), make(chan struct{})}
	s := newStage(t, map[string]program{"one": gated(proceed[0]), "two": gated(proceed[1])})
	for i, image := range []string{"one", "two"} {
		c := s.made(t, image, strings.Replace(attached(image), `"hello"`, `"`+image+`"`, 1), "created")
		s.run(c)
		s.tried(c, suspicious)
		s.giveAgain(image, strings.Replace(attached(image), `"hello"`, `"`+image+`"`, 1))
		if i == 0 {
			until(t, "the first is in work", func() bool { return s.out.holds("one                  | begun") })
		}
	}
	until(t, "the second waits", func() bool { return strings.Count(s.logged(), "taken up alone") == 2 })
	if s.out.holds("two ") {
		t.Error("both are in work")
	}
	close(proceed[0])
	until(t, "the second is in work", func() bool { return s.out.holds("two                  | begun") })
	close(proceed[1])
	s.Wait()
	if out := s.out.take(); strings.Count(out, "= exited 0 in") != 2 || len(s.volumes) != 0 {
		t.Errorf("printed\n%s\nvolumes %v", out, s.volumes)
	}
}

// logged is what was logged so far.
func (s *stage) logged() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.text.String()
}

// Whoever leaves in good order has not died of what he was at.
func TestTrialOfLeaver(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": gated(nil)})
	s.run(s.made(t, "m", attached("sleep"), "created"))
	s.giveAgain("m", attached("sleep"))
	until(t, "it is in work", func() bool { return s.out.holds("begun") })
	if len(s.volumes) != 1 {
		t.Errorf("while it is in work there are the volumes %v", s.volumes)
	}
	s.stop()
	s.Wait()
	if len(s.volumes) != 0 || s.all()[0].is() != "running" {
		t.Errorf("volumes %v, it is %s", s.volumes, s.all()[0].is())
	}
}

// A message that was given out without end is not begun once more.
func TestTrialByDeliveries(t *testing.T) {
	for _, tt := range []struct {
		count any
		dead  bool
	}{
		{nil, false},
		{int64(1), false},
		{int64(maxDeliveries), false},
		{int64(maxDeliveries + 1), true},
		{"1001", false},
		{int64(-1), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var n notes
			d := n.dispatcher(engineStops)
			delivery := n.delivery("m", `{"Dockercmd":"stop","Container":"xx"}`)
			delivery.Properties = wire.Properties{MessageID: "m", Headers: map[string]any{"x-delivery-count": tt.count}}
			d.Deliver(t.Context(), delivery)
			d.Wait()
			d.Printer.Close(t.Context())
			want := "xx                   = stopped\nm: ack\n"
			if tt.dead {
				const reason = "given out 1001 times without an outcome; does its dispatcher die of it?"
				want = "m                    = error: " + reason + " (attempt 0, to the dead queue)\n" +
					"published: jobs.dead m in 0s map[docker-dispatch-queue:jobs docker-dispatch-reason:" + reason + ` x-delivery-count:1001] {"Dockercmd":"stop","Container":"xx"}` + "\nm: ack\n"
			}
			n.check(t, fmt.Sprint(tt.count), want)
		})
	}
}

// What counts for a container that is no more is nobody's.
func TestTrialSweep(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": sleepOn})
	s.connect()
	there, gone, foreign := s.made(t, "m", `{"Dockercmd":"run","Image":"sleep"}`, "running"), s.made(t, "n", `{"Dockercmd":"run","Image":"sleep"}`, "created"), s.made(t, "o", `{"Dockercmd":"run","Image":"sleep"}`, "created")
	for _, c := range []*container{there, gone, foreign} {
		s.tried(c, 2)
	}
	for name, labels := range s.volumes {
		if strings.Contains(name, foreign.id) {
			labels[labelDispatcher] = "there"
		}
	}
	s.forget(gone)
	s.forget(foreign)
	s.resume(t, OrphansLeave)
	s.Wait()
	s.left(t, map[*container]int{there: 2, gone: 0, foreign: 2})
	s.forget(there) // another dispatcher has finished its message
	s.Tidy(s.ctx)
	s.left(t, map[*container]int{there: 0, gone: 0, foreign: 2})
}

// The counts of an orphan's trials go with it, also those of another dispatcher, which may have left before.
func TestTrialOfOrphan(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	orphan, other := s.made(t, "m", attached("hello"), "exited"), s.made(t, "n", `{"Dockercmd":"run","Image":"hello"}`, "exited")
	for _, c := range []*container{orphan, other} {
		s.tried(c, 2)
	}
	stray := Stray{ID: orphan.id, Name: orphan.name, MessageID: "m", State: "exited"}
	if err := s.host.End(s.ctx, stray, OrphansRemove); err != nil {
		t.Error(err)
	}
	s.left(t, map[*container]int{orphan: 0, other: 2})
}

// A message that has come back from another dispatcher may have been counted by that, which has died: its counts go with the container.
func TestTrialOfOther(t *testing.T) {
	for _, back := range []bool{false, true} {
		proceed := make(chan struct{})
		s := newStage(t, map[string]program{"hello": gated(proceed)})
		s.connect()
		lost := make(chan struct{})
		delivery := s.out.delivery("m", attached("hello"))
		delivery.Lost = lost
		s.Deliver(s.ctx, delivery)
		until(t, "it is in work", func() bool { return s.out.holds("begun") })
		c := s.all()[0]
		s.tried(c, 2)
		want := 2
		if back {
			close(lost)
			s.giveAgain("m", attached("hello"))
			want = 0
		}
		close(proceed)
		s.Wait()
		s.gone(t)
		s.left(t, map[*container]int{c: want})
	}
}

// left compares the counts of trials that there are.
func (s *stage) left(t *testing.T, counts map[*container]int) {
	t.Helper()
	for c, want := range counts {
		n := 0
		for name := range s.volumes {
			if strings.Contains(name, c.id) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d are left for %s, want %d", n, c.id, want)
		}
	}
}

package cmds

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// waits says whether a container waits for its removal.
func (s *stage) waits() int {
	s.removals.ready()
	return len(s.removals.places)
}

// untilLater lets graces pass until the condition holds.
func (s *stage) untilLater(t *testing.T, what string, condition func() bool) {
	t.Helper()
	until(t, what, func() bool {
		select {
		case s.graces <- struct{}{}:
		default:
		}
		return condition()
	})
}

// gone lets graces pass until no container is there.
func (s *stage) gone(t *testing.T) {
	t.Helper()
	s.untilLater(t, "the containers are removed", func() bool { return len(s.all()) == 0 && s.waits() == 0 })
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if len(s.host.runs) != 0 {
		t.Errorf("%d runs are left", len(s.host.runs))
	}
}

const undoneCalls = "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200"

// A settled message's container is there until the broker is known to have the ack.
func TestRemoval(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	s.give("m", attached("hello"))
	s.ends(t, helloAll, undoneCalls)
	if len(s.all()) != 1 || s.waits() != 1 {
		t.Fatalf("%d containers, %d wait", len(s.all()), s.waits())
	}
	s.grace(t)
	s.gone(t)
	s.ends(t, "", "ContainerDelete 204")
}

// While it waits its name is free, and whoever wants to end it has nothing to do.
func TestRemovalFreesName(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	s.give("m", attached("hello"))
	s.ends(t, helloAll, undoneCalls)
	first := s.all()[0]
	s.give("n", `{"Dockercmd":"stop","Container":"hello"}`)
	s.ends(t, "hello                = stopped\nn: ack\n", "")
	s.give("o", `{"Dockercmd":"remove","Container":"hello"}`)
	s.ends(t, "hello                = removed\no: ack\n", "")
	if calls := s.calls.take(); calls != "" {
		t.Errorf("called\n%s", calls)
	}
	s.give("p", attached("hello"))
	s.ends(t, strings.ReplaceAll(helloAll, "m:", "p:"), "ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerRename 204, "+undoneCalls)
	if first.called() != "docker-dispatch-378208d520d721c1c1a5" || len(s.all()) != 2 {
		t.Errorf("the first is %s, of %d", first.called(), len(s.all()))
	}
	s.gone(t)
}

// Who comes right behind a run of his name does not wait longer than until that is settled.
func TestRemovalFreesNameAtOnce(t *testing.T) {
	s := newStage(t, map[string]program{"quiet": func(*container) int { return 0 }})
	s.connect()
	gate := &gatedWriter{notes: &s.out}
	s.Printer.Close(t.Context())
	s.Printer = NewPrinter(gate, "text")
	gate.mu.Lock()
	s.give("m", attached("quiet"))
	until(t, "the first has exited", func() bool { return len(s.all()) == 1 && s.all()[0].is() == "exited" })
	s.give("n", attached("quiet"))
	until(t, "the second has met the first", func() bool { return s.calls.holds("ContainerInspect 200") })
	gate.mu.Unlock()
	s.Wait()
	out := seconds.ReplaceAllString(s.out.take(), " in T")
	if strings.Count(out, "hello                = exited 0 in T\n") != 2 || len(s.all()) != 2 || !s.calls.holds("ContainerRename 204") {
		t.Errorf("printed\n%s\ncalled\n%s", out, s.calls.take())
	}
}

// Nor does one who has seen him unsettled a moment before.
func TestRemovalFreesNameMeanwhile(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	s.give("m", attached("hello"))
	s.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), removalRound)
	defer cancel()
	if err := s.host.awaitFree(ctx, s.all()[0].id); err != nil {
		t.Error(err)
	}
}

// A message that was published twice, and comes once more when it is done, takes its container over: it is removed once, and later.
func TestRemovalTakenOver(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	for _, out := range []string{helloAll, helloAgain} {
		s.give("m", attached("hello"))
		s.ends(t, out, "")
	}
	s.gone(t)
	if calls := s.calls.take(); strings.Count(calls, "ContainerDelete") != 1 {
		t.Errorf("called\n%s", calls)
	}
}

// A session that ends in the grace may have taken the ack with it: then the message has a while to come again.
func TestRemovalInDoubt(t *testing.T) {
	for _, comes := range []bool{false, true} {
		t.Run(fmt.Sprintf("comes again %t", comes), func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello})
			s.connect()
			first, second := newSession(), newSession()
			s.Deliver(s.ctx, first.delivery("m", attached("hello"), false))
			s.Wait()
			first.end()
			for range comebackGrace / ackGrace {
				s.grace(t)
				if len(s.all()) != 1 {
					t.Fatal("removed in doubt")
				}
			}
			if comes {
				s.Deliver(s.ctx, second.delivery("m", attached("hello"), true))
				second.check(t, "ack m"+attached("hello"))
			}
			s.gone(t)
			if out := s.out.take(); strings.Count(out, "exited") != 1 {
				t.Errorf("printed\n%s", out)
			}
		})
	}
}

// A message that could not be settled comes again, here or to another dispatcher. After a while its container is that one's.
func TestRemovalElsewhere(t *testing.T) {
	for _, comes := range []bool{false, true} {
		t.Run(fmt.Sprintf("comes again %t", comes), func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"hello": func(c *container) int { <-proceed; return sayHello(c) }})
			s.connect()
			first, second := newSession(), newSession()
			s.Deliver(s.ctx, first.delivery("m", attached("hello"), false))
			until(t, "it runs", func() bool { return s.calls.holds("ContainerStart 204") })
			first.end()
			close(proceed)
			s.Wait()
			for range 2 * comebackGrace / ackGrace {
				s.grace(t)
			}
			if len(s.all()) != 1 {
				t.Fatal("removed before the message has come again")
			}
			if comes {
				s.Deliver(s.ctx, second.delivery("m", attached("hello"), true))
				second.check(t, "ack m"+attached("hello"))
				s.gone(t)
				return
			}
			s.ledger.mu.Lock()
			for _, e := range s.ledger.entries {
				e.ended -= rememberLost
			}
			s.ledger.mu.Unlock()
			s.untilLater(t, "it is left", func() bool { return s.waits() == 0 })
			const want = `level=INFO msg="left to whoever gets the message" message=m container=db00000000000000000000000000000000000000000000000000000000000001`
			if len(s.all()) != 1 || !s.out.holds(want) {
				t.Errorf("%d containers; printed\n%s", len(s.all()), s.out.take())
			}
		})
	}
}

// An Engine does only some removals at a time, and more when many wait.
func TestRemovalsAtOnce(t *testing.T) {
	for waiting, want := range map[int]int32{0: removalsAtOnce, manyRemovals: removalsAtOnce + moreAtOnce} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.connect()
		s.removals.ready()
		for range waiting {
			s.removals.places <- struct{}{}
		}
		release := make(chan struct{})
		var working, most atomic.Int32
		for range 2 * want {
			s.bend("delete", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				most.Store(max(most.Load(), working.Add(1)))
				<-release
				working.Add(-1)
				answer(w, r)
			})
		}
		for i := range 2 * want {
			s.give(fmt.Sprint("m", i), strings.Replace(attached("hello"), `"Name":"hello",`, "", 1))
		}
		s.Wait()
		s.untilLater(t, "some are under way", func() bool { return working.Load() == want })
		for range waiting {
			<-s.removals.places
		}
		close(release)
		s.gone(t)
		if most.Load() != want {
			t.Errorf("%d at once of %d waiting, want %d", most.Load(), waiting, want)
		}
	}
}

// When too many wait, the next keeps its slot, until the program leaves.
func TestRemovalsBound(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.connect()
		for range maxRemovals {
			s.waits()
			s.removals.places <- struct{}{}
		}
		s.give("m", attached("hello"))
		until(t, "it is settled", func() bool { return s.out.holds("m: ack\n") })
		if len(s.slots) != 1 {
			t.Error("it has given up its slot")
		}
		if leaves {
			s.stop()
		} else {
			<-s.removals.places
		}
		s.Wait()
		if len(s.slots) != 0 || s.waits() != maxRemovals {
			t.Errorf("leaves %t: %d slots are taken, %d wait", leaves, len(s.slots), s.waits())
		}
	}
}

// Whoever leaves waits for the removals, but not for ever.
func TestTidy(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	s.Tidy(t.Context()) // nothing waits
	s.give("m", attached("hello"))
	s.Wait()
	tidied := make(chan struct{})
	go func() {
		defer close(tidied)
		s.Tidy(t.Context())
	}()
	s.grace(t)
	<-tidied
	s.gone(t)

	s.give("n", attached("hello"))
	s.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Tidy(ctx)
	if len(s.all()) != 1 {
		t.Error("removed before its time")
	}
}

// A removal that the Engine refuses is said, and tried again.
func TestRemovalRefused(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.bend("delete", refusing(500, "device or resource busy"))
	s.give("m", attached("hello"))
	s.ends(t, helloAll+`level=WARN msg="a container could not be removed" container=db00000000000000000000000000000000000000000000000000000000000001 error="dockerapi: ContainerDelete: 500: device or resource busy" "again in"=1s`+"\n",
		undoneCalls+", ContainerDelete 500, ContainerDelete 204")
	s.gone(t)
}

// A removal that the Engine does not answer is let go of with the rest.
func TestTidyEndsARemoval(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.bend("delete", func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		cancel()
		<-r.Context().Done()
	})
	s.give("m", attached("hello"))
	s.Wait()
	tidied := make(chan struct{})
	go func() {
		defer close(tidied)
		s.Tidy(ctx)
	}()
	s.grace(t)
	<-tidied
	if len(s.all()) != 1 {
		t.Error("it is gone")
	}
}

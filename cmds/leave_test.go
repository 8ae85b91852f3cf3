package cmds

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"docker-dispatch/wire"
)

const withdrawn = "level=INFO msg=\"stopped, and given to another dispatcher\" message=m container=db00000000000000000000000000000000000000000000000000000000000001\n"

// Told to leave, a dispatcher leaves its runs to the next start, or ends them and gives their messages to another dispatcher.
func TestOnExit(t *testing.T) {
	left := "hello                | begun\nlevel=INFO msg=\"left unfinished\" message=m container=hello\n"
	kept := strings.Replace(attached("sleep"), `"Remove":true`, `"Remove":false`, 1)
	for _, tt := range []struct {
		name  string
		stops bool
		claim Claim
		body  string
		out   string
		there bool // the container
		marks int
	}{
		{"leave", false, ClaimNever, attached("sleep"), left, true, 0},
		{"leave a claimed one", false, 0, attached("sleep"), "m: claim\n" + left, true, 1},
		{"stop", true, ClaimNever, attached("sleep"), "hello                | begun\n" + withdrawn + "m: requeue\n", false, 0},
		{"stop a kept one", true, ClaimNever, kept, "hello                | begun\n" + withdrawn + "m: requeue\n", false, 0},
		{"stop a claimed one", true, 0, attached("sleep"), "m: claim\nhello                | begun\n" +
			"published: jobs m in 0s map[] " + attached("sleep") + "\n" + withdrawn + "m: ack\n", false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"sleep": gated(nil)})
			s.connect()
			s.Claim, s.StopOnExit = tt.claim, tt.stops
			s.give("m", tt.body)
			until(t, "it runs", func() bool { return s.out.holds("begun") && (tt.claim != 0 || s.out.holds("claim")) })
			s.stop()
			s.Wait()
			if out := s.out.take(); sorted(out) != sorted(tt.out) {
				t.Errorf("printed\n%s\nwant\n%s", out, tt.out)
			}
			if there := len(s.all()) == 1 && s.all()[0].is() == "running"; there != tt.there || !there && len(s.all()) > 0 || len(s.volumes) != tt.marks {
				t.Errorf("%d containers, %d marks", len(s.all()), len(s.volumes))
			}
			if len(s.ledger.entries) != 0 || len(s.host.runs) != 0 {
				t.Errorf("%d entries and %d runs are left", len(s.ledger.entries), len(s.host.runs))
			}
		})
	}
}

// A claimed message whose input went to its container cannot be published again: it stays with that.
func TestOnExitStopCut(t *testing.T) {
	s := newStage(t, map[string]program{"cat": func(c *container) int {
		readAll(c)
		<-c.killed
		return 0
	}})
	s.connect()
	c := s.claimed(t, s.out.delivery("m", fed(long)))
	s.background(func() { c.input.Close() })
	s.run(c)
	s.StopOnExit = true
	s.resume(t, OrphansLeave)
	until(t, "it runs", func() bool { return s.out.holds("0 bytes") })
	s.stop()
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, `level=INFO msg="left unfinished" message=m`) || strings.Contains(out, "published") {
		t.Errorf("printed\n%s", out)
	}
	if c.is() != "running" || len(s.volumes) != 1 {
		t.Errorf("it is %s, %d marks", c.is(), len(s.volumes))
	}
}

// What cannot be given to another dispatcher is left, and said.
func TestOnExitStopFails(t *testing.T) {
	for _, tt := range []struct {
		name, operation, problem string
	}{
		{"stop", "stop", "dockerapi: ContainerStop: 500: no"},
		{"publish", "", "no right to write"},
	} {
		s := newStage(t, map[string]program{"sleep": gated(nil)})
		s.connect()
		s.Claim, s.StopOnExit = 0, true
		s.Publish = func(context.Context, wire.Publishing) error { return errors.New("no right to write") }
		if tt.operation != "" {
			s.bend(tt.operation, refusing(500, "no"))
		}
		s.give("m", attached("sleep"))
		until(t, "it is claimed", func() bool { return s.out.holds("begun") && s.out.holds("claim") })
		s.out.take()
		s.stop()
		s.Wait()
		s.out.check(t, tt.name, fmt.Sprintf("level=WARN msg=\"a run could not be given to another dispatcher and is left\" message=m container=db00000000000000000000000000000000000000000000000000000000000001 error=%q\n", tt.problem))
		if len(s.volumes) != 1 {
			t.Errorf("%s: the mark is gone", tt.name)
		}
	}
}

// A run whose message the broker has taken back goes on, or is ended, since another dispatcher may begin it.
func TestOnLost(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stops bool
		claim Claim
		comes bool // again, to this one, before the stop is done
		goes  bool // on
		first string
		again string
	}{
		{"continue", false, ClaimNever, true, true, "", "ack"},
		{"stop", true, ClaimNever, false, false, "", ""},
		{"stop, come again", true, ClaimNever, true, false, "", "requeue"},
		{"stop, but claimed", true, 0, true, true, "claim, free", "ack"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"hello": gated(proceed)})
			s.connect()
			s.Claim, s.StopOnLost = tt.claim, tt.stops
			first, second := newSession(), newSession()
			s.bend("stop", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if tt.comes {
					s.Deliver(s.ctx, second.delivery("m", attached("hello"), true))
				}
				answer(w, r)
			})
			s.Deliver(s.ctx, first.delivery("m", attached("hello"), false))
			until(t, "it runs", func() bool { return s.out.holds("begun") && (tt.claim != 0 || s.calls.holds("VolumeCreate")) })
			until(t, "it is claimed", func() bool {
				first.mu.Lock()
				defer first.mu.Unlock()
				return tt.claim != 0 || len(first.settled) == 1
			})
			first.end()
			if tt.goes {
				s.Deliver(s.ctx, second.delivery("m", attached("hello"), true))
				close(proceed)
			}
			s.Wait()
			if exits := s.out.holds("= exited 0 in"); exits != tt.goes || s.out.holds(withdrawn) == tt.goes {
				t.Errorf("printed\n%s", s.out.take())
			}
			suffix := " m" + attached("hello")
			verdicts := func(list string) string {
				if list == "" {
					return ""
				}
				return strings.ReplaceAll(list, ",", suffix+",") + suffix
			}
			first.check(t, verdicts(tt.first))
			second.check(t, verdicts(tt.again))
			if !tt.goes && len(s.all()) != 0 {
				t.Errorf("%d containers are left", len(s.all()))
			}
		})
	}
}

// Runs that were not begun go back to the broker when the Engine is away. What comes then does, too, and commands wait.
func TestGiveBack(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	away := make(chan bool, 2)
	s.host.Away = func(is bool) { away <- is }
	s.down()
	s.give("m", attached("hello"))
	s.give("n", `{"Dockercmd":"stop","Container":"nope"}`)
	if !<-away {
		t.Error("it is back before it was away")
	}
	until(t, "it is given back", func() bool { return s.out.holds("m: requeue\n") })
	s.give("o", strings.Replace(attached("hello"), `"Name":"hello",`, "", 1))
	until(t, "what comes then is given back", func() bool { return s.out.holds("o: requeue\n") })
	s.up(t)
	if <-away {
		t.Error("away twice")
	}
	s.Wait()
	out := s.out.take()
	want := "level=INFO msg=\"given back\" message=m\nm: requeue\nlevel=INFO msg=\"given back\" message=o\no: requeue\nnope                 = error: no such container: nope\nn: ack\n"
	if sorted(out) != sorted(want) || len(s.all()) != 0 || len(s.host.idle) != 0 {
		t.Errorf("printed\n%s\nwant\n%s\n%d containers, %d idle", out, want, len(s.all()), len(s.host.idle))
	}
	s.giveAgain("m", attached("hello"))
	s.ends(t, helloAll, "")
}

// A container that was made while its message was given back is used by the redelivery, or removed when that could not find it.
func TestGiveBackTooLate(t *testing.T) {
	for _, id := range []string{"m", ""} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.connect()
		s.host.Away = func(bool) {}
		s.bend("create", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			s.host.tell(true)
			answer(w, r)
			s.host.tell(false)
		})
		s.give(id, attached("hello"))
		s.ends(t, fmt.Sprintf("level=INFO msg=\"given back\" message=%s\n%s: requeue\n", map[bool]string{true: id, false: `""`}[id != ""], id), "")
		if there := len(s.all()) == 1; there != (id != "") || len(s.host.idle)+len(s.host.runs) != 0 {
			t.Errorf("%q: the container is there: %t", id, there)
		}
		s.giveAgain(id, attached("hello"))
		s.ends(t, strings.ReplaceAll(helloAll, "m:", id+":"), "")
	}
}

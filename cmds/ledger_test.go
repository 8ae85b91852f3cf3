package cmds

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire"
)

// session is a broker's session: its deliveries can be settled until it ends, and the places of claimed ones freed after it.
type session struct {
	lost chan struct{}
	err  error // of a settle while the session is there

	mu      sync.Mutex
	settled []string
}

func newSession() *session { return &session{lost: make(chan struct{})} }

func (s *session) end() { close(s.lost) }

func (s *session) note(what ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, strings.Join(what, ""))
}

func (s *session) delivery(id, body string, redelivered bool) wire.Delivery {
	d := wire.Delivery{Properties: wire.Properties{MessageID: id}, Body: []byte(body), Queue: "jobs", Redelivered: redelivered, Lost: s.lost}
	claimed := false
	d.Settle = func(v wire.Verdict) error {
		if claimed {
			s.note("free ", id, body)
			return nil
		}
		select {
		case <-s.lost:
			return wire.ErrStale
		default:
			claimed = v == wire.Claim
			s.note(v.String(), " ", id, body)
			return s.err
		}
	}
	return d
}

func (s *session) check(t *testing.T, want string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.settled, ", "); got != want {
		t.Errorf("settled %q, want %q", got, want)
	}
}

// came adds a delivery, which must be known or not.
func (l *ledger) came(t *testing.T, d wire.Delivery, known bool) *entry {
	t.Helper()
	e, s := l.add(d, nil)
	if s == joined != known {
		t.Errorf("%s %q: standing %d, want known %t", d.MessageID, d.Body, s, known)
	}
	return e
}

func (l *ledger) acked(t *testing.T, e *entry) {
	t.Helper()
	if err := l.settle(e, wire.Ack); err != nil {
		t.Error(err)
	}
}

func TestLedgerJoinsInWork(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	e := l.came(t, first.delivery("m", "x", false), false)
	first.end()
	if got := l.came(t, second.delivery("m", "x", true), true); got != e {
		t.Error("joined another")
	}
	l.came(t, second.delivery("m", "y", true), false)
	l.came(t, second.delivery("n", "x", true), false)
	l.acked(t, e)
	first.check(t, "")
	second.check(t, "ack mx")
}

func TestLedgerJoinsFinished(t *testing.T) {
	for _, id := range []string{"m", ""} {
		var l ledger
		first, second := newSession(), newSession()
		e := l.came(t, first.delivery(id, "x", false), false)
		first.end()
		l.acked(t, e)
		l.came(t, second.delivery(id, "x", true), true)
		second.check(t, "ack "+id+"x")
		l.came(t, second.delivery(id, "x", true), false)
	}
}

// Messages without an id are told apart by their deliveries alone.
func TestLedgerKeepsApart(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	e := l.came(t, first.delivery("", "x", false), false)
	if other := l.came(t, first.delivery("", "x", false), false); other == e {
		t.Error("two messages are one")
	}
	if other := l.came(t, first.delivery("", "x", true), false); other == e {
		t.Error("a message given out before, elsewhere, is one in our hands")
	}
	first.end()
	if other := l.came(t, second.delivery("", "x", false), false); other == e {
		t.Error("a message that was never given out is one that was lost")
	}
	for range 3 {
		l.came(t, second.delivery("", "x", true), true)
	}
	l.came(t, second.delivery("", "x", true), false)
}

// A message that was published twice is done once, and both are settled.
func TestLedgerPublishedTwice(t *testing.T) {
	var l ledger
	s := newSession()
	e := l.came(t, s.delivery("m", "x", false), false)
	l.came(t, s.delivery("m", "x", false), true)
	s.check(t, "")
	l.acked(t, e)
	s.check(t, "ack mx, ack mx")
	l.came(t, s.delivery("m", "x", false), false) // now that it is done, it is published anew
}

// One id for two bodies is a mistake, as long as both are known.
func TestLedgerReused(t *testing.T) {
	var l ledger
	s := newSession()
	e := l.came(t, s.delivery("m", "x", false), false)
	for _, redelivered := range []bool{false, true} {
		other, standing := l.add(s.delivery("m", "y", redelivered), nil)
		if standing != reused || other == e {
			t.Errorf("redelivered %t: standing %d", redelivered, standing)
		}
		l.leave(other)
	}
	later := s.delivery("m", "y", false)
	later.Headers = map[string]any{headerAttempt: int64(2)}
	if _, standing := l.add(later, nil); standing != fresh {
		t.Errorf("another attempt: standing %d", standing)
	}
	l.acked(t, e)
	if _, standing := l.add(s.delivery("m", "y", false), nil); standing != fresh {
		t.Errorf("after the first: standing %d", standing)
	}
}

// A claimed message is acked once, and its place is taken once, however often it was published or comes again.
func TestLedgerClaim(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	e := l.came(t, first.delivery("m", "x", false), false)
	l.came(t, first.delivery("m", "x", false), true)
	if !l.claim(e) || !l.isClaimed(e) {
		t.Error("not claimed")
	}
	first.check(t, "claim mx, ack mx")
	l.came(t, first.delivery("m", "x", false), true)
	first.check(t, "claim mx, ack mx, ack mx")
	first.end()
	l.came(t, second.delivery("m", "x", true), true) // the broker has forgotten the ack
	second.check(t, "ack mx")
	if l.drop(e) {
		t.Error("a claimed message is dropped")
	}
	l.acked(t, e)
	first.check(t, "claim mx, ack mx, ack mx, free mx")
	second.check(t, "ack mx")
}

// What the broker has taken back is not claimed before it has come again.
func TestLedgerClaimLost(t *testing.T) {
	for _, done := range []bool{false, true} {
		var l ledger
		first, second := newSession(), newSession()
		e := l.came(t, first.delivery("m", "x", false), false)
		first.end()
		if !l.isLost(e) || l.claim(e) || l.isClaimed(e) {
			t.Error("claimed")
		}
		if done {
			l.acked(t, e)
		}
		l.came(t, second.delivery("m", "x", true), true)
		want := "ack mx"
		if !done {
			second.check(t, "")
			want = "claim mx"
			if l.isLost(e) || !l.claim(e) {
				t.Error("not claimed")
			}
		}
		first.check(t, "")
		second.check(t, want)
	}
}

// What an earlier process has claimed has a place, and no delivery. The ack of that claim may have been lost, so that it comes again.
func TestLedgerRestore(t *testing.T) {
	for _, comes := range []bool{false, true} {
		var l ledger
		s := newSession()
		released, want := 0, doubtful
		e := l.restore(identify(s.delivery("m", "x", false)), func() { released++ })
		if comes {
			l.came(t, s.delivery("m", "x", true), true)
			s.check(t, "ack mx")
			want = ours
		}
		if released != 0 || l.drop(e) {
			t.Errorf("released %d times before its end", released)
		}
		l.acked(t, e)
		if whose, _, _ := l.custody(e); released != 1 || whose != want {
			t.Errorf("released %d times; custody %d", released, whose)
		}
	}
}

func TestLedgerCustody(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(l *ledger, s *session, e *entry)
		want custody
	}{
		{"settled", func(l *ledger, _ *session, e *entry) { l.acked(t, e) }, ours},
		{"settled, then lost", func(l *ledger, s *session, e *entry) { l.acked(t, e); s.end() }, doubtful},
		{"lost, then settled", func(l *ledger, s *session, e *entry) { s.end(); l.acked(t, e) }, elsewhere},
		{"could not be told", func(l *ledger, s *session, e *entry) { s.err = errors.New("cut"); l.settle(e, wire.Ack) }, elsewhere},
		{"come again, settled", func(l *ledger, s *session, e *entry) {
			s.end()
			l.acked(t, e)
			l.came(t, newSession().delivery("m", "x", true), true)
		}, ours},
		{"claimed, then lost", func(l *ledger, s *session, e *entry) { l.claim(e); s.end(); l.acked(t, e) }, doubtful},
		{"lost, so not claimed", func(l *ledger, s *session, e *entry) { s.end(); l.claim(e); l.acked(t, e) }, elsewhere},
	} {
		synctest.Test(t, func(t *testing.T) {
			var l ledger
			s := newSession()
			e := l.came(t, s.delivery("m", "x", false), false)
			start := time.Now()
			time.Sleep(time.Second)
			tt.do(&l, s, e)
			if whose, since, _ := l.custody(e); whose != tt.want || since.Sub(start) != time.Second {
				t.Errorf("%s: %d since %v, want %d", tt.name, whose, since.Sub(start), tt.want)
			}
		})
	}
}

// What has no id and was settled is forgotten: the next of its kind is another message, even when it comes redelivered.
func TestLedgerForgetsNameless(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	named, nameless := l.came(t, first.delivery("m", "x", false), false), l.came(t, first.delivery("", "x", false), false)
	l.acked(t, named)
	l.acked(t, nameless)
	first.end()
	l.came(t, second.delivery("", "x", true), false)
	l.came(t, second.delivery("m", "x", true), true)
	second.check(t, "ack mx")
}

func TestLedgerDropAndLeave(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	dropped, joined, left := l.came(t, first.delivery("a", "x", false), false), l.came(t, first.delivery("b", "x", false), false), l.came(t, first.delivery("c", "x", false), false)
	if l.drop(dropped) {
		t.Error("dropped with its session alive")
	}
	l.leave(left)
	first.end()
	if !l.drop(dropped) {
		t.Error("not dropped")
	}
	l.came(t, second.delivery("b", "x", true), true)
	if l.drop(joined) {
		t.Error("dropped although it has come again")
	}
	l.came(t, second.delivery("a", "x", true), false)
	l.came(t, second.delivery("c", "x", true), false)
	if len(l.entries) != 3 {
		t.Errorf("%d entries", len(l.entries))
	}
}

func TestLedgerSettleFails(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	first.err = errors.New("cut")
	e := l.came(t, first.delivery("", "x", false), false)
	if err := l.settle(e, wire.Ack); err != first.err {
		t.Errorf("got %v", err)
	}
	first.end()
	l.came(t, second.delivery("", "x", true), true)
	second.check(t, "ack x")
}

func TestLedgerTimes(t *testing.T) {
	settled := func(l *ledger, s *session) { l.acked(t, l.came(t, s.delivery("m", "x", false), false)); s.end() }
	lost := func(l *ledger, s *session) {
		e := l.came(t, s.delivery("m", "x", false), false)
		s.end()
		l.acked(t, e)
	}
	early := func(l *ledger, s *session) { l.acked(t, l.came(t, s.delivery("m", "x", false), false)) }
	for _, tt := range []struct {
		name  string
		end   func(*ledger, *session)
		after time.Duration
		known bool
	}{
		{"settled just now", settled, rememberSettled - time.Second, true},
		{"lost just now", lost, rememberSettled + time.Second, true},
		{"lost for long", lost, rememberLost - time.Second, true},
		{"lost for too long", lost, rememberLost, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var l ledger
			tt.end(&l, newSession())
			time.Sleep(tt.after)
			if _, s := l.add(newSession().delivery("m", "x", true), nil); s == joined != tt.known {
				t.Errorf("%s: after %v: standing %d", tt.name, tt.after, s)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := newSession()
		l.acked(t, delivered(s.delivery("unsigned", "x", false))) // and never entered
		early(&l, s)
		time.Sleep(rememberSettled)
		l.came(t, s.delivery("n", "x", false), false)
		if len(l.entries) != 1 || len(l.ended) != 0 {
			t.Errorf("%d entries, %d ended: a settled message is remembered for ever", len(l.entries), len(l.ended))
		}
	})
	synctest.Test(t, func(t *testing.T) { // an ack on coming again may be forgotten by its broker as well
		var l ledger
		lost(&l, newSession())
		time.Sleep(time.Minute)
		again, last := newSession(), newSession()
		l.came(t, again.delivery("m", "x", true), true)
		l.came(t, again.delivery("n", "x", false), false)
		again.end()
		time.Sleep(rememberSettled - time.Second)
		l.came(t, last.delivery("m", "x", true), true)
		again.check(t, "ack mx")
		last.check(t, "ack mx")
	})
}

func TestLedgerBound(t *testing.T) {
	var l ledger
	s := newSession()
	for i := range 2 * rememberMost {
		l.acked(t, l.came(t, s.delivery(fmt.Sprint(i), "x", false), false))
	}
	l.came(t, s.delivery("last", "x", false), false)
	if len(l.entries) > rememberMost+1 || len(l.ended) > rememberMost {
		t.Errorf("%d entries, %d ended", len(l.entries), len(l.ended))
	}
}

package cmds

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire"
)

// session is a broker's session: its deliveries can be settled until it ends.
type session struct {
	lost    chan struct{}
	settled []string
	err     error // of a settle while the session is there
}

func newSession() *session { return &session{lost: make(chan struct{})} }

func (s *session) end() { close(s.lost) }

func (s *session) delivery(id, body string, redelivered bool) wire.Delivery {
	d := wire.Delivery{Properties: wire.Properties{MessageID: id}, Body: []byte(body), Redelivered: redelivered, Lost: s.lost}
	d.Settle = func(v wire.Verdict) error {
		select {
		case <-s.lost:
			return wire.ErrStale
		default:
			s.settled = append(s.settled, fmt.Sprint(v, " ", id, body))
			return s.err
		}
	}
	return d
}

func (s *session) check(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(s.settled, ", "); got != want {
		t.Errorf("settled %q, want %q", got, want)
	}
}

// enter adds a delivery, which must be known or not.
func (l *ledger) enter(t *testing.T, d wire.Delivery, known bool) *entry {
	t.Helper()
	e, again := l.add(d)
	if again != known {
		t.Errorf("%s %q: again %t, want %t", d.MessageID, d.Body, again, known)
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
	e := l.enter(t, first.delivery("m", "x", false), false)
	first.end()
	if got := l.enter(t, second.delivery("m", "x", true), true); got != e {
		t.Error("joined another")
	}
	l.enter(t, second.delivery("m", "y", true), false)
	l.enter(t, second.delivery("n", "x", true), false)
	l.acked(t, e)
	first.check(t, "")
	second.check(t, "ack mx")
}

func TestLedgerJoinsFinished(t *testing.T) {
	for _, id := range []string{"m", ""} {
		var l ledger
		first, second := newSession(), newSession()
		e := l.enter(t, first.delivery(id, "x", false), false)
		first.end()
		l.acked(t, e)
		l.enter(t, second.delivery(id, "x", true), true)
		second.check(t, "ack "+id+"x")
		l.enter(t, second.delivery(id, "x", true), false)
	}
}

func TestLedgerKeepsApart(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	e := l.enter(t, first.delivery("m", "x", false), false)
	if other := l.enter(t, first.delivery("m", "x", false), false); other == e {
		t.Error("two messages are one")
	}
	if other := l.enter(t, first.delivery("m", "x", true), false); other == e {
		t.Error("a message given out before, elsewhere, is one in our hands")
	}
	first.end()
	if other := l.enter(t, second.delivery("m", "x", false), false); other == e {
		t.Error("a message that was never given out is one that was lost")
	}
	for range 3 {
		l.enter(t, second.delivery("m", "x", true), true)
	}
	l.enter(t, second.delivery("m", "x", true), false)
}

// What has no id and was settled is forgotten: the next of its kind is another message, even when it comes redelivered.
func TestLedgerForgetsNameless(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	named, nameless := l.enter(t, first.delivery("m", "x", false), false), l.enter(t, first.delivery("", "x", false), false)
	l.acked(t, named)
	l.acked(t, nameless)
	first.end()
	l.enter(t, second.delivery("", "x", true), false)
	l.enter(t, second.delivery("m", "x", true), true)
	second.check(t, "ack mx")
}

func TestLedgerDropAndLeave(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	dropped, joined, left := l.enter(t, first.delivery("a", "x", false), false), l.enter(t, first.delivery("b", "x", false), false), l.enter(t, first.delivery("c", "x", false), false)
	if l.drop(dropped) {
		t.Error("dropped with its session alive")
	}
	l.leave(left)
	first.end()
	if !l.drop(dropped) {
		t.Error("not dropped")
	}
	l.enter(t, second.delivery("b", "x", true), true)
	if l.drop(joined) {
		t.Error("dropped although it has come again")
	}
	l.enter(t, second.delivery("a", "x", true), false)
	l.enter(t, second.delivery("c", "x", true), false)
	if len(l.entries) != 3 {
		t.Errorf("%d entries", len(l.entries))
	}
}

func TestLedgerSettleFails(t *testing.T) {
	var l ledger
	first, second := newSession(), newSession()
	first.err = errors.New("cut")
	e := l.enter(t, first.delivery("", "x", false), false)
	if err := l.settle(e, wire.Ack); err != first.err {
		t.Errorf("got %v", err)
	}
	first.end()
	l.enter(t, second.delivery("", "x", true), true)
	second.check(t, "ack x")
}

func TestLedgerTimes(t *testing.T) {
	settled := func(l *ledger, s *session) { l.acked(t, l.enter(t, s.delivery("m", "x", false), false)); s.end() }
	lost := func(l *ledger, s *session) {
		e := l.enter(t, s.delivery("m", "x", false), false)
		s.end()
		l.acked(t, e)
	}
	early := func(l *ledger, s *session) { l.acked(t, l.enter(t, s.delivery("m", "x", false), false)) }
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
			if _, known := l.add(newSession().delivery("m", "x", true)); known != tt.known {
				t.Errorf("%s: after %v: known %t", tt.name, tt.after, known)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := newSession()
		early(&l, s)
		time.Sleep(rememberSettled)
		l.enter(t, s.delivery("n", "x", false), false)
		if len(l.entries) != 1 || len(l.ended) != 0 {
			t.Errorf("%d entries, %d ended: a settled message is remembered for ever", len(l.entries), len(l.ended))
		}
	})
	synctest.Test(t, func(t *testing.T) { // an ack on coming again may be forgotten by its broker as well
		var l ledger
		lost(&l, newSession())
		time.Sleep(time.Minute)
		again, last := newSession(), newSession()
		l.enter(t, again.delivery("m", "x", true), true)
		l.enter(t, again.delivery("n", "x", false), false)
		again.end()
		time.Sleep(rememberSettled - time.Second)
		l.enter(t, last.delivery("m", "x", true), true)
		again.check(t, "ack mx")
		last.check(t, "ack mx")
	})
}

func TestLedgerBound(t *testing.T) {
	var l ledger
	s := newSession()
	for i := range 2 * rememberMost {
		l.acked(t, l.enter(t, s.delivery(fmt.Sprint(i), "x", false), false))
	}
	l.enter(t, s.delivery("last", "x", false), false)
	if len(l.entries) > rememberMost+1 || len(l.ended) > rememberMost {
		t.Errorf("%d entries, %d ended", len(l.entries), len(l.ended))
	}
}

package cmds

import (
	"context"
	"testing"
)

// turn says whether it is p's turn.
func (p *place) turn() bool {
	select {
	case <-p.before:
		return true
	default:
		return false
	}
}

func TestOrder(t *testing.T) {
	var o order
	run, pending := o.take("x", true)
	if pending || !run.turn() {
		t.Error("the first must wait")
	}
	stop, pending := o.take("x", false)
	if !pending || stop.turn() {
		t.Error("the second has its turn before the first has passed")
	}
	remove, pending := o.take("x", false)
	if !pending || remove.turn() {
		t.Error("the third has its turn")
	}
	other, pending := o.take("y", false)
	if pending || !other.turn() {
		t.Error("another container must wait")
	}
	run.pass()
	run.pass()
	if err := stop.wait(t.Context()); err != nil || remove.turn() {
		t.Errorf("the first has passed: the second %v, the third %t", err, remove.turn())
	}
	stop.leave()
	if err := remove.wait(t.Context()); err != nil {
		t.Error(err)
	}
	if last, pending := o.take("x", false); !pending || last.turn() {
		t.Error("the run is in work still")
	} else {
		run.leave()
		remove.leave()
		if !last.turn() || len(o.queues) != 2 {
			t.Errorf("turn %t, %d queues", last.turn(), len(o.queues))
		}
		last.leave()
	}
	other.leave()
	if len(o.queues) != 0 {
		t.Errorf("%d queues are left", len(o.queues))
	}
	if again, pending := o.take("x", false); pending || !again.turn() {
		t.Error("something is left of those who have gone")
	}
}

func TestOrderCountsRemovals(t *testing.T) {
	var o order
	first, _ := o.take("x", true)
	second, _ := o.take("x", true)
	first.leave()
	if third, pending := o.take("x", false); !pending || third.turn() {
		t.Error("the second run is pending")
	}
	second.leave()
	if _, pending := o.take("x", false); pending {
		t.Error("no run is pending")
	}
}

func TestOrderOfNobody(t *testing.T) {
	var o order
	p, pending := o.take("", true)
	if p != nil || pending || p.wait(t.Context()) != nil {
		t.Error("who names no container has no place and need not wait")
	}
	p.pass()
	p.leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestOrderEnds(t *testing.T) {
	var o order
	first, _ := o.take("x", false)
	second, _ := o.take("x", false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second.wait(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	second.leave()
	third, _ := o.take("x", false)
	if !third.turn() {
		t.Error("who waits behind one that has left out of turn is held up for ever")
	}
	first.leave()
	third.leave()
	if len(o.queues) != 0 {
		t.Errorf("%d queues are left", len(o.queues))
	}
}

package cmds

import (
	"context"
	"sync"
)

// order lets the messages that name one container go one after another, as they came. The zero value is ready.
type order struct {
	mu     sync.Mutex
	queues map[string]*queue // by container; gone when nobody is in it
}

// queue is the messages of one container.
type queue struct {
	places   int           // taken and not left
	removing int           // of them runs with Remove
	last     chan struct{} // the passed of the last place
}

// place is one message's place in the order.
type place struct {
	order  *order
	name   string
	remove bool
	before <-chan struct{} // closed when it is this one's turn
	passed chan struct{}   // closed when it is the next one's
	once   sync.Once
}

// take gives the message that came last its place. Pending says that a run with Remove of the same container is in work.
// A message that names none has no place, nil, and need not wait.
func (o *order) take(name string, remove bool) (p *place, pending bool) {
	if name == "" {
		return nil, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.queues[name]
	if q == nil {
		q = &queue{last: make(chan struct{})}
		close(q.last)
		if o.queues == nil {
			o.queues = map[string]*queue{}
		}
		o.queues[name] = q
	}
	p = &place{order: o, name: name, remove: remove, before: q.last, passed: make(chan struct{})}
	pending = q.removing > 0
	q.places++
	if remove {
		q.removing++
	}
	q.last = p.passed
	return p, pending
}

// wait returns when all places before have passed.
func (p *place) wait(ctx context.Context) error {
	if p == nil {
		return ctx.Err()
	}
	select {
	case <-p.before:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass lets the next one go; this one may still be in work.
func (p *place) pass() {
	if p != nil {
		p.once.Do(func() { close(p.passed) })
	}
}

// leave passes, and ends the work.
func (p *place) leave() {
	if p == nil {
		return
	}
	p.pass()
	p.order.mu.Lock()
	defer p.order.mu.Unlock()
	q := p.order.queues[p.name]
	q.places--
	if p.remove {
		q.removing--
	}
	if q.places == 0 {
		delete(p.order.queues, p.name)
	}
}

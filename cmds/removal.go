package cmds

import (
	"context"
	"sync"
	"time"
)

const (
	// ackGrace is how long a session stays healthy after an ack until that is taken for stored: RabbitMQ on a classic queue
	// forgets those of the last 0.3 s when it crashes.
	ackGrace = time.Second

	// comebackGrace is how long after that of a session that has ended: its messages come again at once, or not at all.
	comebackGrace = 10 * time.Second

	removalRound    = 100 * time.Millisecond // what is settled within it waits for the broker together
	maxRemovals     = 8192                   // waiting, for half a KiB of memory each; more hold up the settling of those behind
	removalsAtOnce  = 4                      // at the Engine: dockerd does no more of them at a time, and runs are slower beside more
	manyRemovals    = 1024                   // waiting: an Engine that ends so many runs a second can remove more at once
	moreAtOnce      = 28                     // of those
	removalPatience = time.Minute            // for one, since the program may be leaving
	removalPause    = time.Second            // after a removal that has failed; then twice that, and so on
)

// removal is the container of a settled message, to be removed when the broker is known to have the ack.
type removal struct {
	entry  *entry
	record *running
	doubt  time.Duration // how long a session has been healthy since that of the ack ended
	shared bool          // others may have had the message, and counted trials

	message, queue, user, signer string // see behalf
}

func (r *removal) behalf() behalf { return behalf{r.message, r.queue, r.user, r.signer, "run"} }

// removals are those that wait. The zero value is ready.
type removals struct {
	init    sync.Once
	places  chan struct{} // holds one for each that waits
	due     chan removal  // for who removes, or comes to do so
	workers chan struct{} // holds one for each of those
	helpers chan struct{} // of more of them, while many wait
	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	waiting []removal
	called  bool      // a round will take what waits
	begun   time.Time // the last round was
}

func (q *removals) ready() {
	q.init.Do(func() {
		q.places = make(chan struct{}, maxRemovals)
		q.due = make(chan removal)
		q.workers = make(chan struct{}, removalsAtOnce)
		q.helpers = make(chan struct{}, moreAtOnce)
		q.ctx, q.stop = context.WithCancel(context.Background())
	})
}

// Tidy returns when no container waits for its removal, or when ctx ends: then those that wait are left to the next start. The
// counts of trials go whose container somebody else has removed.
func (d *Dispatcher) Tidy(ctx context.Context) {
	d.removals.ready()
	defer d.removals.work.Wait()
	defer context.AfterFunc(ctx, d.removals.stop)()
	d.removals.work.Wait()
	for _, look := range d.trials {
		look(ctx)
	}
}

// tidy has the container of a settled message removed, as soon as there is a place for it among those that wait.
func (d *Dispatcher) tidy(ctx context.Context, r removal) {
	q := &d.removals
	q.ready()
	if d.Steady == nil {
		d.destroy(r)
		return
	}
	select {
	case q.places <- struct{}{}:
		d.await(q, r)
	case <-ctx.Done(): // the next start finds it
	}
}

// await has a removal wait for the next round.
func (d *Dispatcher) await(q *removals, r removal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
	if q.called {
		return
	}
	q.called = true
	pause := removalRound - time.Since(q.begun)
	q.work.Go(func() { d.round(q, pause) })
}

// round removes what waits, after a pause, of it what is safe to be removed after one grace.
func (d *Dispatcher) round(q *removals, pause time.Duration) {
	if pause > 0 {
		sleep(q.ctx, pause)
	}
	batch, begun := q.take()
	if d.Steady(q.ctx, ackGrace) != nil {
		return
	}
	for _, r := range batch {
		d.consider(q, r, begun)
	}
}

// take begins a round with all that waits.
func (q *removals) take() (batch []removal, begun time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch = q.waiting
	q.waiting, q.called, q.begun = nil, false, time.Now()
	return batch, q.begun
}

// consider decides on one removal after a round that began at that time.
func (d *Dispatcher) consider(q *removals, r removal, begun time.Time) {
	whose, since, shared := d.ledger.custody(r.entry)
	r.shared = shared
	switch {
	case since.After(begun):
		d.await(q, r) // it has come again, and was settled once more
	case whose == doubtful && r.doubt < comebackGrace:
		r.doubt += ackGrace
		d.await(q, r)
	case whose == elsewhere && time.Since(since) < rememberLost:
		d.await(q, r)
	case whose == elsewhere:
		d.Log.Info("left to whoever gets the message", "message", r.message, "container", r.record.id)
		r.record.host.leave(r.record)
		<-q.places
	default:
		d.remove(q, r)
	}
}

// remove hands a removal to whoever becomes free first, or to one more when there are few.
func (d *Dispatcher) remove(q *removals, r removal) {
	helpers := q.helpers
	if len(q.places) < manyRemovals {
		helpers = nil
	}
	select {
	case q.due <- r:
	case q.workers <- struct{}{}:
		q.work.Go(func() { d.removeAll(q, r, q.workers) })
	case helpers <- struct{}{}:
		q.work.Go(func() { d.removeAll(q, r, q.helpers) })
	}
}

// removeAll removes one container after the other, while any are due, as one of workers.
func (d *Dispatcher) removeAll(q *removals, r removal, workers <-chan struct{}) {
	for {
		d.destroy(r)
		<-q.places
		select {
		case r = <-q.due:
		default:
			<-workers
			return
		}
	}
}

// destroy removes the container, also while the program is leaving, and tries again for a while, or until Tidy ends that. What is
// left then is found by the next start. With the container go the counts of its trials by others, who may have looked for the last time.
func (d *Dispatcher) destroy(r removal) {
	ctx, cancel := context.WithTimeout(r.behalf().on(d.removals.ctx), removalPatience)
	defer cancel()
	for delay := removalPause; ; delay *= 2 {
		err := r.record.destroy(ctx)
		if err == nil && r.shared {
			err = r.record.host.acquitAll(ctx, r.record.id)
		}
		if err == nil {
			return
		}
		d.Log.Warn("a container could not be removed", "container", r.record.id, "error", err, "again in", delay)
		if sleep(ctx, delay) != nil {
			return
		}
	}
}

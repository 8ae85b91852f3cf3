package cmds

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"docker-dispatch/wire"
)

// removalTime bounds the removal of a run's container, which goes on while the program is leaving.
const removalTime = time.Minute

// Dispatcher takes deliveries, has them done, prints what becomes of them, and settles them: one way for all. Set its
// fields before the first delivery.
type Dispatcher struct {
	Engine  Engine
	Printer *Printer
	Log     *slog.Logger
	Name    string // of this dispatcher, for labels
	Slots   int    // messages worked on at once
	MaxBody int    // bytes

	// DeadLetter stores a message that can never be done, in the queue that its Publishing names. Nil: there is no such
	// place, and the log says so.
	DeadLetter func(context.Context, wire.Publishing) error

	// Broken is told that results can be printed no more. Nil is nobody.
	Broken func(error)

	init   sync.Once
	slots  chan struct{}
	order  order
	ledger ledger
	work   sync.WaitGroup
	unwell atomic.Bool
	broken atomic.Bool
}

// job is one message on its way.
type job struct {
	entry   *entry
	origin  wire.Delivery // as it came; settled through entry
	message Message
	command Command
	err     error // why it is invalid
	place   *place
	slot    bool
	begun   time.Time
}

// Deliver takes a delivery; it is done in the background. Deliveries are to be given in their queue's order. When ctx ends,
// what is in work is left where it is, unsettled.
func (d *Dispatcher) Deliver(ctx context.Context, delivery wire.Delivery) {
	d.init.Do(func() { d.slots = make(chan struct{}, d.Slots) })
	entry, again := d.ledger.add(delivery)
	if again {
		d.Log.Debug("a message has come again and is in work or done", "message", delivery.MessageID)
		return
	}
	j := d.admit(entry, delivery)
	d.work.Go(func() { d.handle(ctx, j) })
}

// Wait returns when nothing is in work.
func (d *Dispatcher) Wait() { d.work.Wait() }

// Well says whether every message so far came to a good end: a container that exited did so with 0.
func (d *Dispatcher) Well() bool { return !d.unwell.Load() }

// Broke says whether results could not be printed, so that messages were left unsettled.
func (d *Dispatcher) Broke() bool { return d.broken.Load() }

// admit makes a job of a delivery and gives it its place in the order.
func (d *Dispatcher) admit(e *entry, delivery wire.Delivery) *job {
	j := &job{entry: e, origin: delivery, begun: time.Now()}
	if j.message, j.err = Decode(delivery, d.MaxBody); j.err == nil {
		j.command, j.err = Resolve(j.message, d.Name)
	}
	if j.err == nil {
		j.origin.Body, j.message.Arguments, j.message.Options = nil, nil, nil // a long run holds none of it
		j.place, j.command.RemovePending = d.order.take(j.command.Container, j.command.Verb == "run" && j.command.Remove)
	}
	return j
}

// handle is the way of one message, from its turn to its end.
func (d *Dispatcher) handle(ctx context.Context, j *job) {
	defer d.release(j)
	res, err := d.do(ctx, j)
	j.place.pass() // standard output may be blocked: what the next one does is not
	fate := fates[classify(err)]
	if fate.reply {
		d.complete(&res, j, fate, err)
		if err = d.Printer.Result(ctx, &res); err != nil {
			fate = fates[classify(err)]
		}
	}
	if fate.dead {
		if err = d.bury(ctx, j); err != nil {
			fate.ack = false
		}
	}
	if !fate.ack {
		d.keep(j, err)
		return
	}
	if err := d.ledger.settle(j.entry, wire.Ack); err != nil {
		d.Log.Warn("a message could not be settled", "message", j.message.ID, "error", err)
	}
	d.clear(ctx, res)
}

// do waits for the message's turn and for a slot, and has it done.
func (d *Dispatcher) do(ctx context.Context, j *job) (Result, error) {
	if j.err != nil {
		return Result{}, j.err
	}
	if err := j.place.wait(ctx); err != nil {
		return Result{}, err
	}
	select {
	case d.slots <- struct{}{}:
		j.slot = true
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	if d.ledger.drop(j.entry) {
		return Result{}, errLost
	}
	j.begun = time.Now()
	d.Log.Debug("begun", "message", j.message.ID, "command", j.command.Verb, "container", j.command.Container)
	return d.Engine.Do(ctx, &j.command, &Streams{printer: d.Printer, messageID: j.message.ID, onStart: j.place.pass})
}

func (d *Dispatcher) release(j *job) {
	j.place.leave()
	if j.slot {
		<-d.slots
	}
}

// complete makes of a result what is said.
func (d *Dispatcher) complete(res *Result, j *job, f fate, err error) {
	res.MessageID = j.message.ID
	res.Dockercmd = j.command.Verb
	if res.Dockercmd == "" {
		res.Dockercmd = shorten([]byte(j.message.Dockercmd))
	}
	res.Seconds = time.Since(j.begun).Seconds()
	if f.status != "" {
		res.Status = f.status
		res.Error = explain(err)
	}
	if f.status != "" || res.OutputLost != "" || res.ExitCode != nil && *res.ExitCode != 0 {
		d.unwell.Store(true)
	}
}

// The headers that a message has in the dead queue, beside its own.
const (
	headerReason = "docker-dispatch-reason" // why it can never be done
	headerQueue  = "docker-dispatch-queue"  // where it came from
)

// bury puts a message into the dead queue, with the reason. Where there is none, the reason goes to the log.
func (d *Dispatcher) bury(ctx context.Context, j *job) error {
	if d.DeadLetter == nil {
		d.Log.Error("an invalid message", "reason", j.err)
		return nil
	}
	p := wire.Publishing{Properties: j.origin.Properties, Queue: j.origin.Queue + wire.DeadSuffix, Body: j.origin.Body}
	p.Headers = map[string]any{}
	for name, value := range j.origin.Headers {
		p.Headers[name] = value
	}
	p.Headers[headerReason] = j.err.Error()
	p.Headers[headerQueue] = j.origin.Queue
	return d.DeadLetter(ctx, p)
}

// keep leaves a message with the broker, which gives it out again when this session ends.
func (d *Dispatcher) keep(j *job, err error) {
	d.unwell.Store(true)
	d.ledger.leave(j.entry)
	var output *OutputError
	switch {
	case errors.As(err, &output):
		if !d.broken.Swap(true) && d.Broken != nil {
			d.Broken(err)
		}
	case j.err != nil:
		d.Log.Error("an invalid message could not be put into the dead queue and is kept", "message", j.message.ID, "reason", j.err, "error", err)
	default:
		d.Log.Info("left unfinished", "message", j.message.ID, "container", j.command.Container)
	}
}

// clear removes the container of a run with Remove, now that nobody needs its record.
func (d *Dispatcher) clear(ctx context.Context, res Result) {
	if res.leftover == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	removal := removalOf(res.leftover)
	if _, err := d.Engine.Do(ctx, &removal, nil); err != nil {
		d.Log.Warn("a container could not be removed", "container", res.leftover, "error", err)
	}
}

package cmds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"
)

// Dispatcher takes deliveries, has them done, prints what becomes of them, and settles them: one way for all. Set its
// fields before the first delivery.
type Dispatcher struct {
	Engine  Engine
	Printer *Printer
	Log     *logfmt.Logger
	Name    string // of this dispatcher, for labels
	Slots   int    // messages worked on at once
	MaxBody int    // bytes
	Claim   Claim  // when a run is claimed whose message does not say

	Audit *Audit // who is told what the policy says; nil is nobody

	Verifier *Verifier // of the messages that come; nil takes those that nobody has signed

	StopOnExit bool // runs that are not finished when ctx ends are stopped, and their messages given to another dispatcher
	StopOnLost bool // runs whose message the broker has taken back are stopped, since another dispatcher may begin it

	// Publish stores a message in the queue that its Publishing names, now or after its Delay. Nil: there is no broker.
	Publish func(context.Context, wire.Publishing) error

	// Steady returns when the broker has all that was settled, on a session that has been healthy for that time since.
	// Nil: there is no broker.
	Steady func(context.Context, time.Duration) error

	// Reserve takes a place among the deliveries in hand for work that none stands for. Nil: there is no broker.
	Reserve func() (release func())

	// Broken is told that results can be printed no more. Nil is nobody.
	Broken func(error)

	init     sync.Once
	slots    chan struct{}
	order    order
	ledger   ledger
	work     sync.WaitGroup
	removals removals
	trials   []func(context.Context) // look at a count that an earlier process has left, of a container that was there at the start
	unwell   atomic.Bool
	broken   atomic.Bool
	policy   atomic.Pointer[Policy]
}

// Obey has all messages that come from now on held to a policy. Before the first one it is NewPolicy.
func (d *Dispatcher) Obey(p *Policy) { d.policy.Store(p) }

// job is one message on its way.
type job struct {
	entry   *entry
	origin  wire.Delivery // as it came; settled through entry
	message Message
	command Command
	seal    seal
	err     error // why it is invalid, or denied
	judged  bool  // it was asked whether it is allowed
	place   *place
	slot    bool
	begun   time.Time
	streams *Streams
	lasting bool   // its body may be needed at its end
	label   string // of the claim's mark: the message; "" before it is packed
	clipped int    // bytes of its body, of which origin has the first ones only; 0 is all
}

// Deliver takes a delivery; it is done in the background. Deliveries are to be given in their queue's order. When ctx ends,
// what is in work is left where it is, unsettled, or stopped.
func (d *Dispatcher) Deliver(ctx context.Context, delivery wire.Delivery) {
	seal := d.verify(&delivery)
	entry, standing := d.enter(delivery, &seal)
	if standing == joined {
		d.Log.Info("a message has come again and is in work or done", "message", delivery.MessageID)
		return
	}
	j := d.admit(entry, delivery, seal)
	if standing == reused && j.err == nil {
		j.err = j.message.reused()
	}
	d.begin(ctx, j)
}

// begin gives a job its place in the order and does it in the background.
func (d *Dispatcher) begin(ctx context.Context, j *job) {
	if j.err == nil {
		j.place, j.command.RemovePending = d.order.take(j.command.subject(), j.command.Verb == "run" && j.command.Remove)
	}
	d.work.Go(func() { d.handle(j.behalf().on(ctx), j) })
}

func (d *Dispatcher) ready() {
	d.init.Do(func() {
		d.slots = make(chan struct{}, d.Slots)
		d.policy.CompareAndSwap(nil, NewPolicy())
	})
}

// Wait returns when nothing is in work. Containers may wait for their removal: see Tidy.
func (d *Dispatcher) Wait() { d.work.Wait() }

// Well says whether every message so far came to a good end: a container that exited did so with 0.
func (d *Dispatcher) Well() bool { return !d.unwell.Load() }

// Broke says whether results could not be printed, so that messages were left unsettled.
func (d *Dispatcher) Broke() bool { return d.broken.Load() }

// admit makes a job of a delivery.
func (d *Dispatcher) admit(e *entry, delivery wire.Delivery, s seal) *job {
	d.ready()
	j := &job{entry: e, origin: delivery, begun: time.Now(), seal: s}
	d.read(j)
	if j.err == nil {
		j.err = checkDeliveries(delivery.Headers)
	}
	if j.err == nil {
		j.judge(d.policy.Load())
	}
	if j.err != nil {
		j.clip(d.MaxBody)
		return j
	}
	j.command.Redelivered = delivery.Redelivered
	j.lasting = j.command.Retries > 0 || len(j.command.ExitCodes) > 0 || d.StopOnExit
	d.choose(&j.command)
	j.message.Arguments, j.message.Options = nil, nil
	return j
}

// handle is the way of one message, from its turn to its end.
func (d *Dispatcher) handle(ctx context.Context, j *job) {
	defer d.release(j)
	res := new(Result)
	err := d.do(ctx, j, res)
	defer res.place.Release()
	j.place.pass() // standard output may be blocked: what the next one does is not
	step := j.command.next(fates[classify(err)], res.ExitCode)
	if fates[classify(err)].reply {
		d.complete(res, j, step, err)
		if problem := d.Printer.Result(ctx, res); problem != nil {
			step, err = keep, problem
		}
	}
	if problem := d.forward(ctx, j, step, res, err); problem != nil {
		step = keep
		d.Log.Error("a message could not be put into another queue and is kept", "message", j.message.ID, "reason", err, "error", problem)
	}
	if step != keep && d.use(ctx, j) != nil {
		step = keep
	}
	if step == keep {
		d.keep(ctx, j, res, err)
		return
	}
	d.settle(ctx, j, res.record)
}

// do waits for the message's turn and for a slot, and has it done. What comes of it goes to res, which is not handed
// up by value: a silent run keeps the frames of all its callers.
func (d *Dispatcher) do(ctx context.Context, j *job, res *Result) error {
	if err := d.decided(ctx, j, j.err); err != nil || j.err != nil {
		return cmp.Or(err, j.err)
	}
	if err := j.place.wait(ctx); err != nil {
		return err
	}
	if err := d.takeSlot(ctx, j); err != nil {
		return err
	}
	if d.ledger.drop(j.entry) {
		return errLost
	}
	j.begun = time.Now()
	d.Log.Debug("begun", "message", j.message.ID, "command", j.command.Verb, "container", j.command.Container)
	fenced, end := d.fence(ctx, j)
	defer end()
	j.streams = &Streams{printer: d.Printer, messageID: j.message.ID, limit: j.command.Output}
	defer j.streams.Close()
	if d.Reserve != nil && j.command.Verb == "run" && j.command.Resume == "" {
		j.command.GiveBack = func() { d.giveBack(j) }
	}
	if j.lasting {
		j.streams.tail = new(tail)
	}
	defer d.watch(fenced, j)()
	var err error
	*res, err = d.Engine.Do(fenced, &j.command, j.streams)
	switch {
	case classify(err) == unfinished && errors.Is(context.Cause(fenced), errLost):
		err = errLost
	case errors.Is(err, errGone):
		err = d.vanished(ctx, j, res.record)
	case classify(err) == denied:
		err = cmp.Or(d.decided(ctx, j, err), err)
	}
	return err
}

// judge holds the command to a policy.
func (j *job) judge(p *Policy) {
	j.err = p.Apply(&j.command)
	j.judged = true
}

// decided has the audit told what the policy says of a message: nothing is done before that is written. The Engine may have to be asked
// before it can say all.
func (d *Dispatcher) decided(ctx context.Context, j *job, err error) error {
	var forbidden *Denied
	if !j.judged {
		return nil
	}
	if errors.As(err, &forbidden) {
		return d.Audit.Decide(ctx, Decision{forbidden.Error()})
	}
	return d.Audit.Decide(ctx, Decision{})
}

// takeSlot waits for a free slot. A run that was claimed by an earlier process is in work already.
func (d *Dispatcher) takeSlot(ctx context.Context, j *job) error {
	if j.command.Resume != "" {
		return nil
	}
	select {
	case d.slots <- struct{}{}:
		j.slot = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fence ends a job's context with its session, if the operator chose so. The caller ends it.
func (d *Dispatcher) fence(ctx context.Context, j *job) (context.Context, func()) {
	if !d.StopOnLost || j.origin.Lost == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-j.origin.Lost:
			if !d.ledger.isClaimed(j.entry) {
				cancel(errLost)
			}
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		watching.Wait()
	}
}

func (d *Dispatcher) release(j *job) {
	j.place.leave()
	if j.slot {
		<-d.slots
	}
}

// complete makes of a result what is said.
func (d *Dispatcher) complete(res *Result, j *job, s step, err error) {
	res.MessageID = j.message.ID
	res.Dockercmd = j.command.Verb
	if res.Dockercmd == "" {
		res.Dockercmd = shorten([]byte(j.message.Dockercmd))
	}
	res.Seconds = time.Since(j.begun).Seconds()
	if status := fates[classify(err)].status; status != "" {
		res.Status = status
		res.Error = explain(err)
	}
	if j.streams != nil && j.streams.cut {
		res.OutputLost = fmt.Sprintf("the policy's limit is %d bytes (Limits.Output.Max)", j.command.Output)
	}
	switch {
	case s == again:
		res.Next, res.RetryIn = nextRetry, j.message.delay().Seconds()
	case s == bury && !isRefused(err) && d.Publish != nil:
		res.Next = nextDead
	}
	if fates[classify(err)].status != "" || res.OutputLost != "" || res.ExitCode != nil && *res.ExitCode != 0 {
		d.unwell.Store(true)
	}
}

// settle tells the broker that a message is done with, and has its container removed when that is known to hold.
func (d *Dispatcher) settle(ctx context.Context, j *job, record *running) {
	if record != nil && (record.marked.Load() || record.found) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalPatience)
		defer cancel()
		if err := record.unclaim(ctx); err != nil {
			d.Log.Warn("a claim could not be taken back", "message", j.message.ID, "container", record.id, "error", err)
		}
	}
	if err := d.ledger.settle(j.entry, wire.Ack); err != nil {
		d.Log.Warn("a message could not be settled", "message", j.message.ID, "error", err)
	}
	if record != nil && record.remove {
		record.settled()
		d.tidy(ctx, removal{entry: j.entry, record: record, message: j.message.ID, queue: j.message.Queue, user: j.origin.UserID, signer: j.seal.signer})
	}
}

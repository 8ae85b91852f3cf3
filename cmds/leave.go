package cmds

import (
	"context"
	"errors"
	"time"

	"docker-dispatch/wire"
)

// keep leaves a message with the broker, which gives it out again when this session ends. A claimed one is left to the next
// start.
func (d *Dispatcher) keep(ctx context.Context, j *job, res *Result, err error) {
	d.unwell.Store(true)
	lost := errors.Is(err, errLost) && res.record != nil
	if res.record != nil && res.ExitCode == nil && (lost || d.StopOnExit && ctx.Err() != nil) {
		d.withdraw(ctx, j, res.record)
		return
	}
	if res.record != nil {
		res.record.host.leave(res.record)
	}
	d.ledger.leave(j.entry)
	var output *OutputError
	switch {
	case errors.Is(err, errDone):
		d.ledger.settle(j.entry, wire.Ack)
	case errors.Is(err, errGivenBack):
	case errors.As(err, &output):
		if !d.broken.Swap(true) && d.Broken != nil {
			d.Broken(err)
		}
	case classify(err) == unfinished:
		d.Log.Info("left unfinished", "message", j.message.ID, "container", j.command.Container)
	}
}

// vanished says what the end of a run is whose container somebody else has removed: that of its message, unless the broker has
// taken this back. Then the message is another dispatcher's, which has finished the run if its claim's mark is gone too.
func (d *Dispatcher) vanished(ctx context.Context, j *job, record *running) error {
	if !d.ledger.isLost(j.entry) {
		return errGone
	}
	if !d.ledger.isClaimed(j.entry) {
		return errLost
	}
	marked, err := record.isClaimed(ctx, j.origin.Queue)
	switch {
	case err != nil:
		return err
	case marked:
		return errGone
	}
	return errDone
}

// giveBack returns a message that was not begun to the broker.
func (d *Dispatcher) giveBack(j *job) {
	d.Log.Info("given back", "message", j.message.ID)
	d.ledger.settle(j.entry, wire.Requeue)
	d.ledger.leave(j.entry)
}

// withdrawTime bounds what is done for a message that goes to another dispatcher: the Engine's grace before it kills, and some
// calls.
const withdrawTime = 30 * time.Second

// withdraw ends the container of a message that goes to another dispatcher, and gives the message back. A claimed message of
// which only a part is here stays with its container.
func (d *Dispatcher) withdraw(ctx context.Context, j *job, record *running) {
	if d.ledger.isClaimed(j.entry) && !j.lasting {
		d.ledger.leave(j.entry)
		d.Log.Info("left unfinished", "message", j.message.ID, "container", record.id)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTime)
	defer cancel()
	err := record.halt(ctx)
	if err == nil || status(err) == 404 {
		err = record.destroy(ctx)
	}
	if err == nil && record.marked.Load() {
		if d.ledger.isClaimed(j.entry) {
			p := j.republish(j.origin.Queue, j.message.Attempt, nil)
			p.UserID = d.Verifier.login()
			err = d.Publish(ctx, p)
		}
		if err == nil {
			err = record.unclaim(ctx)
		}
	}
	if err != nil {
		d.ledger.leave(j.entry)
		d.Log.Warn("a run could not be given to another dispatcher and is left", "message", j.message.ID, "container", record.id, "error", err)
		return
	}
	d.Log.Info("stopped, and given to another dispatcher", "message", j.message.ID, "container", record.id)
	d.ledger.settle(j.entry, wire.Requeue)
	d.ledger.leave(j.entry)
}

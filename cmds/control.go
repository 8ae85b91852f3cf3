package cmds

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"docker-dispatch/wire"
)

// errForeign ends a control message for a container that is not this dispatcher's: somebody else answers, or nobody.
var errForeign = errors.New("cmds: not a container of this dispatcher")

// Control takes a message that was sent to all dispatchers of the queue. It takes no slot and waits for no other message. The
// one that made the container does it and answers.
func (d *Dispatcher) Control(ctx context.Context, delivery wire.Delivery) {
	d.ready()
	d.work.Go(func() { d.control(ctx, delivery) })
}

func (d *Dispatcher) control(ctx context.Context, delivery wire.Delivery) {
	j := &job{origin: delivery, begun: time.Now()}
	if d.useNow(ctx, j) != nil {
		return
	}
	d.read(j)
	if j.err == nil && !isControl(j.command.Verb) {
		j.err = &Invalid{Key: "Dockercmd", Value: strconv.Quote(j.command.Verb), Problem: "no control message, which one dispatcher of all does at once; send it to the queue"}
	}
	if j.err == nil {
		j.judge(d.policy.Load())
	}
	ctx = j.behalf().on(ctx)
	if d.decided(ctx, j, j.err) != nil {
		return
	}
	if j.err != nil {
		d.Log.Error("a control message that is not done, which every dispatcher got", "message", delivery.MessageID, "error", j.err)
		d.ackControl(delivery)
		return
	}
	j.command.Owned = true
	res, err := d.Engine.Do(ctx, &j.command, nil)
	if classify(err) == denied {
		err = cmp.Or(d.decided(ctx, j, err), err)
	}
	switch {
	case errors.Is(err, errForeign):
	case classify(err) == unfinished:
		return
	default:
		d.complete(&res, j, finish, err)
		if d.Printer.Result(ctx, &res) != nil {
			return
		}
	}
	d.ackControl(delivery)
}

func (d *Dispatcher) ackControl(delivery wire.Delivery) {
	if err := delivery.Settle(wire.Ack); err != nil && !errors.Is(err, wire.ErrStale) {
		d.Log.Warn("a message could not be settled", "message", delivery.MessageID, "error", err)
	}
}

// checkOwner holds a command to a container that was made for a message of the same queue by the same dispatcher.
func (h *Host) checkOwner(ctx context.Context, c *Command) error {
	container, err := h.inspect(ctx, c.Container)
	switch {
	case status(err) == 404:
		return errForeign
	case err != nil:
		return err
	}
	if labels := container.Config.Labels; labels[labelQueue] != c.Message.Queue || labels[labelDispatcher] != c.Dispatcher {
		return errForeign
	}
	c.mean(container.ID)
	return nil
}

package cmds

import (
	"context"
	"maps"

	"docker-dispatch/wire"
)

// The headers that a message has in the dead queue, beside its own.
const (
	headerReason   = "docker-dispatch-reason"    // why it is not done
	headerQueue    = "docker-dispatch-queue"     // where it came from
	headerExitCode = "docker-dispatch-exit-code" // of its last attempt
	headerOutput   = "docker-dispatch-output"    // the last lines that this wrote
)

// forward puts a message that is not done with where its next step is.
func (d *Dispatcher) forward(ctx context.Context, j *job, s step, res *Result, err error) error {
	switch s {
	case again:
		return d.retry(ctx, j, res)
	case bury:
		return d.bury(ctx, j, res, err)
	}
	return nil
}

// retry sends a message to its next attempt, for which its Name is free. Without a broker that is made here.
func (d *Dispatcher) retry(ctx context.Context, j *job, res *Result) error {
	if err := res.setAside(ctx); err != nil {
		return err
	}
	p := j.republish(j.origin.Queue, j.message.Attempt+1, nil)
	if d.Publish != nil {
		p.Delay = j.message.delay()
		return d.Publish(ctx, p)
	}
	d.work.Go(func() {
		if sleep(ctx, j.message.delay()) == nil {
			d.Deliver(ctx, wire.Delivery{Properties: p.Properties, Body: p.Body, Settle: func(wire.Verdict) error { return nil }})
		}
	})
	return nil
}

// bury puts a message into the dead queue, with the reason. Without a broker the reason goes to the log.
func (d *Dispatcher) bury(ctx context.Context, j *job, res *Result, err error) error {
	more := map[string]any{headerQueue: j.origin.Queue, headerReason: res.text()}
	if err != nil {
		more[headerReason] = explain(err)
	}
	if d.Publish == nil {
		d.Log.Error("a message is given up", "message", j.message.ID, "reason", more[headerReason])
		return nil
	}
	attempt := j.message.Attempt
	if j.streams != nil && classify(err) != invalid {
		attempt++ // whoever moves it back to the queue wants it tried again
		more[headerOutput] = j.streams.tail.String()
	}
	if res.ExitCode != nil {
		more[headerExitCode] = int64(*res.ExitCode)
	}
	if err := res.setAside(ctx); err != nil {
		return err
	}
	return d.Publish(ctx, j.republish(j.origin.Queue+wire.DeadSuffix, attempt, more))
}

// setAside frees the Name of a run's container for another.
func (r *Result) setAside(ctx context.Context) error {
	if r.record == nil {
		return nil
	}
	return r.record.setAside(ctx)
}

// republish makes another message of a job's, with the number of that attempt and more headers.
func (j *job) republish(queue string, attempt int, more map[string]any) wire.Publishing {
	p := wire.Publishing{Properties: j.origin.Properties, Queue: queue, Body: j.origin.Body}
	p.Headers = maps.Clone(j.origin.Headers)
	if p.Headers == nil {
		p.Headers = map[string]any{}
	}
	if attempt > 1 {
		p.Headers[headerAttempt] = int64(attempt)
	}
	maps.Copy(p.Headers, more)
	return p
}

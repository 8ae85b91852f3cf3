package cmds

import (
	"bytes"
	"context"
	"encoding/hex"
	"maps"
	"strings"

	"docker-dispatch/wire"
)

// The headers that a message has in the dead queue, beside its own.
const (
	headerReason   = "docker-dispatch-reason"    // why it is not done
	headerQueue    = "docker-dispatch-queue"     // where it came from
	headerExitCode = "docker-dispatch-exit-code" // of its last attempt
	headerOutput   = "docker-dispatch-output"    // the last lines that this wrote
	headerLength   = "docker-dispatch-length"    // bytes of its body, which was too long and is cut to clipLen
	headerSHA256   = "docker-dispatch-sha256"    // of that whole body, hex
)

// ownHeaders are not to be lost among a publisher's.
var ownHeaders = []string{HeaderSignature, headerReason, headerQueue, headerAttempt, headerExitCode, headerOutput, headerLength, headerSHA256}

// reasonLen is as much of a reason as a header has, in bytes: an Engine's refusal may have 64 KiB.
const reasonLen = 4 << 10

// clipLen is as much of a body as is kept of one that is longer than -max-body: enough to see whose it is.
const clipLen = 64 << 10

// clip lets go of a body that is too long to be read.
func (j *job) clip(maxBody int) {
	if size := len(j.origin.Body); size > max(maxBody, clipLen) {
		j.clipped, j.origin.Body = size, bytes.Clone(j.origin.Body[:clipLen])
	}
}

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
		p.Delay, p.UserID = j.message.delay(), d.Verifier.login()
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
	reason := res.text()
	if err != nil {
		reason = explain(err)
	}
	reason = strings.ToValidUTF8(reason[:min(len(reason), reasonLen)], "")
	if d.Publish == nil {
		d.Log.Error("a message is given up", "message", j.message.ID, "reason", reason)
		return nil
	}
	more := map[string]any{headerQueue: j.origin.Queue, headerReason: reason}
	attempt := j.message.Attempt
	if j.streams != nil && !isRefused(err) {
		attempt++ // whoever moves it back to the queue wants it tried again
		more[headerOutput] = j.streams.tail.String()
	}
	if res.ExitCode != nil {
		more[headerExitCode] = int64(*res.ExitCode)
	}
	if j.clipped > 0 {
		more[headerLength], more[headerSHA256] = int64(j.clipped), hex.EncodeToString(j.message.Digest[:])
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
	p.First = ownHeaders
	return p
}

package cmds

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"docker-dispatch/wire"
)

// Claim is when a run that goes on is taken over from the broker: once its container has run for so long.
type Claim time.Duration

// ClaimNever leaves a message with the broker until its outcome is out.
const ClaimNever Claim = -1

// ParseClaim reads a time with its unit, 0, or never.
func ParseClaim(s string) (Claim, error) {
	switch s {
	case "never":
		return ClaimNever, nil
	case "0":
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New(`not a time with its unit ("10s"), "0" or "never"`)
	}
	return Claim(d), nil
}

func readClaim(key string, raw json.RawMessage) (any, error) {
	text := string(raw)
	if raw[0] == '"' {
		var err error
		if text, err = readText(key, raw); err != nil {
			return 0, err
		}
	}
	claim, err := ParseClaim(text)
	if err != nil {
		return 0, &Invalid{key, excerpt(raw), err.Error()}
	}
	return claim, nil
}

// parcelLen bounds the label that holds a message, in bytes: it is in every inspect's answer.
const parcelLen = 32 << 10

// parcel is what the end of a run needs that only its message has. The mark of its claim carries it.
type parcel struct {
	Body       string
	Properties wire.Properties
	Cut        bool `json:",omitempty"` // Body is without standard input, and cannot be published again
}

// choose settles when a run is claimed: never, if nothing is waited for or there is nobody to take it over from.
func (d *Dispatcher) choose(c *Command) {
	if c.Claim == nil {
		c.Claim = &d.Claim
	}
	if c.Verb != "run" || !c.Attached() || d.Reserve == nil || *c.Claim == ClaimNever {
		c.Claim = nil
	}
}

// pack puts the message into a label, if that has room, in place of its body, unless that may be needed at the end. Without
// room the run is never claimed.
func (d *Dispatcher) pack(j *job) bool {
	if j.label == "" {
		label, ok := j.parcel()
		if !ok {
			d.Log.Info("a message is too long for a label, and stays with the broker until its outcome is out", "message", j.message.ID, "bytes", len(j.origin.Body), "limit", parcelLen)
			return false
		}
		j.label = label
	}
	if !j.lasting {
		j.origin.Body = nil
	}
	return true
}

// parcel is the label. One that is too long goes without the standard input, which the container has when it is claimed, unless
// the outcome may need it.
func (j *job) parcel() (label string, ok bool) {
	p := parcel{Body: string(j.origin.Body), Properties: j.origin.Properties}
	if label = p.encode(); len(label) <= parcelLen {
		return label, true
	}
	if j.lasting {
		return "", false
	}
	m, err := Decode(j.origin, len(j.origin.Body))
	if err != nil {
		panic(err) // it has been understood before
	}
	p.Body, p.Cut = m.withoutStdin(), true
	label = p.encode()
	return label, len(label) <= parcelLen
}

// encode is JSON; headers that have no such form, such as bytes, come back as another one.
func (p parcel) encode() string {
	text, err := json.Marshal(p)
	if err != nil { // a header's NaN
		all := p.Properties.Headers
		p.Properties.Headers = map[string]any{headerAttempt: int64(attempt(all))}
		if signed, is := all[HeaderSignature].(string); is {
			p.Properties.Headers[HeaderSignature] = signed
		}
		text, _ = json.Marshal(p)
	}
	return string(text)
}

// unwrap makes the delivery that a parcel was made of, as far as it is needed. Cut says that its body is without standard input.
func unwrap(label string) (d wire.Delivery, cut bool, err error) {
	var p parcel
	decoder := json.NewDecoder(strings.NewReader(label))
	decoder.UseNumber()
	if err := decoder.Decode(&p); err != nil {
		return d, false, err
	}
	integers(p.Properties.Headers)
	return wire.Delivery{Properties: p.Properties, Body: []byte(p.Body)}, p.Cut, nil
}

// integers makes the numbers of a table what AMQP has for them: integers where that is possible.
func integers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = integers(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = integers(inner)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return value
}

// withoutStdin is the message's body without what its container has read.
func (m Message) withoutStdin() string {
	body := map[string]any{"Dockercmd": m.Dockercmd}
	options := map[string]json.RawMessage{}
	for _, o := range m.Options {
		options[o.Key] = o.Value
	}
	body["Options"] = options
	for _, a := range m.Arguments {
		if a.Key != "Stdin" && a.Key != "StdinBase64" {
			body[a.Key] = a.Value
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // valid JSON, taken apart
	}
	return string(text)
}

// watch waits for the claim of a run: until it has gone on for long enough and has all of its standard input. It is no goroutine
// until then, since each would keep a stack.
type watch struct {
	dispatcher *Dispatcher
	ctx        context.Context
	job        *job

	mu       sync.Mutex
	run      *running // nil before it has started, and as soon as it is not waited for any more
	timer    *time.Timer
	due, fed bool
	cancel   context.CancelFunc // of claiming
	claiming sync.WaitGroup
}

// watch has the run of a job claimed when it is time. The caller ends it.
func (d *Dispatcher) watch(ctx context.Context, j *job) (end func()) {
	w := &watch{dispatcher: d, ctx: ctx, job: j, fed: !j.command.Attach.Stdin, cancel: func() {}}
	j.streams.onStart, j.streams.onFed = w.start, w.feed
	return w.end
}

func (w *watch) start(r *running) {
	j := w.job
	j.place.pass()
	switch {
	case j.command.Claim == nil || r.marked.Load():
		if !j.lasting {
			j.origin.Body = nil // a long run holds none of it
		}
		return
	case len(j.origin.Body) > parcelLen && !w.dispatcher.pack(j): // a long standard input is not held until the claim
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.run = r
	w.timer = time.AfterFunc(time.Duration(*j.command.Claim), w.expire)
}

func (w *watch) feed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fed = true
	w.lockedClaim()
}

func (w *watch) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = true
	w.lockedClaim()
}

func (w *watch) lockedClaim() {
	if w.run == nil || !w.due || !w.fed {
		return
	}
	r := w.run
	w.run = nil
	ctx, cancel := context.WithCancel(w.ctx)
	w.cancel = cancel
	w.claiming.Go(func() { w.dispatcher.claim(ctx, w.job, r) })
}

func (w *watch) end() {
	w.mu.Lock()
	w.run = nil
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel()
	w.mu.Unlock()
	w.claiming.Wait()
	w.job.streams.onStart, w.job.streams.onFed = nil, nil // the container's record, which outlives the job, holds the streams
}

// claimPause is between two tries to claim a run whose message the broker has taken back.
const claimPause = time.Second

// claim takes a run over from the broker: first its mark, then the ack. While the broker has the message, since the session has
// ended, it may be another dispatcher's, and is not claimed.
func (d *Dispatcher) claim(ctx context.Context, j *job, r *running) {
	if !d.pack(j) {
		return
	}
	r.labels[labelMessage] = j.label
	for ctx.Err() == nil {
		if d.ledger.isLost(j.entry) {
			sleep(ctx, claimPause)
			continue
		}
		err := r.claim(ctx)
		if err == nil && d.ledger.claim(j.entry) {
			r.labels, j.label = nil, "" // a long run needs no more of them
			d.Log.Debug("claimed", "message", j.message.ID, "container", r.id)
			return
		}
		if err == nil {
			err = r.unclaim(ctx)
		}
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("a run could not be claimed, and stays with the broker", "message", j.message.ID, "container", r.id, "error", err)
			return
		}
	}
}

package cmds

import (
	"context"
	"fmt"

	"docker-dispatch/wire"
)

// verify looks at a delivery's signature before anything else is done with it.
func (d *Dispatcher) verify(delivery *wire.Delivery) seal {
	if d.Verifier == nil {
		return seal{}
	}
	return d.Verifier.verify(delivery, d.MaxBody)
}

// enter gives a delivery to the ledger. One that nobody has signed is kept out of it: it is neither taken for a message in work nor in
// the way of one. One that was signed may be such a message, come again, and is held to the clock, and to be the first of its kind, only
// if it is not.
func (d *Dispatcher) enter(delivery wire.Delivery, s *seal) (*entry, standing) {
	switch {
	case d.Verifier == nil:
		return d.ledger.add(delivery, nil)
	case s.err != nil:
		return delivered(delivery), fresh
	}
	settle := delivery.Settle
	delivery.Settle = func(v wire.Verdict) error {
		if v == wire.Ack && s.err == nil { // a joined one may have been signed once more
			if _, err := d.Verifier.uses.add(s.use); err != nil {
				return err
			}
		}
		return settle(v)
	}
	return d.ledger.add(delivery, func() bool {
		s.err = d.Verifier.stale(*s)
		return s.err == nil
	})
}

// read makes the command of a message, unless its signature is against that.
func (d *Dispatcher) read(j *job) {
	if j.err = j.seal.err; j.err != nil {
		j.message.identity, j.judged = identify(j.origin), true
		return
	}
	j.interpret(d.MaxBody, d.Name)
	if j.err != nil || j.seal.signer == "" {
		return
	}
	if j.err = j.command.checkAttempt(); j.err != nil {
		j.judged = true
	}
	if labels := j.command.labels(); labels != nil {
		labels[labelSigner] = j.seal.signer
	}
}

// interpret makes a command of a delivery, for the dispatcher of that name.
func (j *job) interpret(maxBody int, dispatcher string) {
	if j.message, j.err = Decode(j.origin, maxBody); j.err == nil {
		j.err = j.command.Resolve(j.message, dispatcher)
	}
}

// checkAttempt holds the number of an attempt, which is not signed, to what the message, which is, asks for.
func (c *Command) checkAttempt() error {
	if c.Message.Attempt <= c.Retries+1 {
		return nil
	}
	return badSignature("", fmt.Sprintf("of a message that asks for %d attempts, and this is number %d (%s); send it anew", c.Retries+1, c.Message.Attempt, headerAttempt))
}

// use has it remembered that a message is done with, before it is settled.
func (d *Dispatcher) use(ctx context.Context, j *job) error {
	if d.Verifier == nil || j.seal.signer == "" || j.seal.err != nil {
		return nil
	}
	_, err := d.useUp(ctx, j)
	return err
}

// useUp tries until ctx ends. First says that the signature was good until now.
func (d *Dispatcher) useUp(ctx context.Context, j *job) (first bool, err error) {
	for said := false; ; said = true {
		if first, err = d.Verifier.uses.add(j.seal.use); err == nil {
			return first, nil
		}
		if !said {
			d.Log.Error("a message is kept, since it cannot be written down that its signature is used", "message", j.origin.MessageID, "error", err)
		}
		if err := sleep(ctx, auditPause); err != nil {
			return false, err
		}
	}
}

// useNow looks at the signature of a control message, and uses it before the message is done: the ledger knows nothing of these. An
// error is that it could not be written down.
func (d *Dispatcher) useNow(ctx context.Context, j *job) error {
	if j.seal = d.verify(&j.origin); d.Verifier == nil || j.seal.err != nil {
		return nil
	}
	if j.seal.err = d.Verifier.stale(j.seal); j.seal.err != nil {
		return nil
	}
	first, err := d.useUp(ctx, j)
	if err == nil && !first {
		j.seal.err = errUsed
	}
	return err
}

// reseal is the seal of a claimed run, which was accepted by an earlier process: with a signer, if its signature was looked at.
func reseal(d wire.Delivery, signer string) seal {
	signed, _, problem := parseSignature(d.Headers)
	if signer == "" || problem != "" {
		return seal{}
	}
	return seal{signer: signer, use: signed.use(attempt(d.Headers))}
}

// login is what a message is published again by.
func (v *Verifier) login() string {
	if v == nil {
		return ""
	}
	return v.User
}

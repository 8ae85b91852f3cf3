package amqp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"docker-dispatch/wire/logfmt"
)

const (
	// firstDelay to maxDelay: soon enough for a broker that restarts, slow enough for a hundred dispatchers that wait for it.
	firstDelay = 500 * time.Millisecond
	maxDelay   = 15 * time.Second

	// slowDelay is for what only a person mends.
	slowDelay = 30 * time.Second
)

// outage says once that and why the broker cannot be used, and once that it can be again. It paces the attempts between.
type outage struct {
	log     *logfmt.Logger
	what    string        // that the outage stops
	lasting bool          // and said
	refused bool          // and said: an outage that turns into a refusal is news
	delay   time.Duration // the last one, before jitter
	well    time.Time     // when it was last over
}

// wait says why, and returns when it is time for another attempt, or when ctx is done.
func (o *outage) wait(ctx context.Context, err error) {
	delay := o.next(err)
	o.log.Log(o.news(err), "not "+o.what+", trying again", "error", err, "in", delay.Round(time.Millisecond))
	select {
	case <-time.After(delay):
	case <-ctx.Done():
	}
}

// news is Warn for what has not been said.
func (o *outage) news(err error) logfmt.Level {
	refused := isRefused(err)
	said := o.lasting && (o.refused || !refused)
	o.lasting, o.refused = true, o.refused || refused
	if said {
		return logfmt.Debug
	}
	return logfmt.Warn
}

// next is how long to wait: doubling from firstDelay to maxDelay, and from the start again when all was well for longer.
func (o *outage) next(err error) time.Duration {
	if isSlow(err) {
		return jitter(slowDelay)
	}
	if !o.lasting && time.Since(o.well) > maxDelay {
		o.delay = 0
	}
	o.delay = min(max(2*o.delay, firstDelay), maxDelay)
	return jitter(o.delay)
}

// over says that all is well, for the first time or again.
func (o *outage) over() {
	switch {
	case o.lasting:
		o.log.Info(o.what + " again")
	case o.well.IsZero():
		o.log.Info(o.what)
	}
	o.lasting, o.refused, o.well = false, false, time.Now()
}

func isSlow(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return isRefused(err) || ok && dns.IsNotFound
}

// jitter is three to five quarters of d, so that dispatchers that lost one broker do not come back as one.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }

package amqp

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire"
)

// answering is a keeper whose broker answers at once, until its session is lost.
func answering(w *window) (k *keeper, lose func()) {
	lost := make(chan struct{})
	k = &keeper{window: w, lost: lost, owned: make(chan struct{}), asks: make(chan chan struct{}), changed: make(chan struct{}, 1)}
	go func() {
		defer close(k.owned)
		for {
			select {
			case ask := <-k.asks:
				close(ask)
			case <-lost:
				return
			}
		}
	}()
	w.attach(k)
	return k, func() { close(lost) }
}

// Steady takes a whole second of one session: what a lost one had of it does not count.
func TestSteady(t *testing.T) {
	for _, c := range []struct {
		name         string
		come, gone   []time.Duration // of sessions
		patience     time.Duration
		want         time.Duration
		wantDeadline bool
	}{
		{name: "one session", come: []time.Duration{0}, want: time.Second},
		{name: "none at first", come: []time.Duration{5 * time.Second}, want: 6 * time.Second},
		{name: "lost just before", come: []time.Duration{0, 3 * time.Second}, gone: []time.Duration{999 * time.Millisecond}, want: 4 * time.Second},
		{name: "lost again and again", come: []time.Duration{0, time.Second, 2 * time.Second}, gone: []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond}, want: 3 * time.Second},
		{name: "no session", patience: time.Minute, want: time.Minute, wantDeadline: true},
		{name: "no time", come: []time.Duration{0}, patience: 999 * time.Millisecond, want: 999 * time.Millisecond, wantDeadline: true},
		{name: "no other session", come: []time.Duration{0}, gone: []time.Duration{time.Millisecond}, patience: time.Minute, want: time.Minute, wantDeadline: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newTestBroker(t, Config{URI: "amqp://h"}, nil)
				ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(c.patience, time.Hour))
				defer cancel()
				start, done := time.Now(), make(chan struct{})
				go func() {
					defer close(done)
					for i, come := range c.come {
						time.Sleep(come - time.Since(start))
						_, lose := answering(b.window)
						if i < len(c.gone) {
							time.Sleep(c.gone[i] - time.Since(start))
							lose()
						} else {
							context.AfterFunc(ctx, lose)
						}
					}
				}()
				err := b.Steady(ctx, time.Second)
				if (err != nil) != c.wantDeadline || time.Since(start) != c.want {
					t.Errorf("got %v after %v, want %v", err, time.Since(start), c.want)
				}
				cancel()
				<-done
			})
		})
	}
}

// Steady's error is the context's.
func TestSteadyError(t *testing.T) {
	b := newTestBroker(t, Config{URI: "amqp://h"}, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded)
	const want = "amqp: waiting for the broker to have stored settlements: context deadline exceeded"
	if err := b.Steady(ctx, time.Hour); fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// After Steady the broker has read the settlements: a cut does not bring them back. It holds after Consume has returned, too.
func TestSteadyBeforeCut(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic", Prefetch: 100, Name: queue}, &j)
	deliveries, stop := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
	for i := range 50 {
		publishBehind(t, behind, queue, fmt.Sprint(i))
		if err := next(t, deliveries).Settle(wire.Ack); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Steady(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	cutConnections(t, "docker-dispatch/"+queue)
	eventually(t, func() bool { return strings.Contains(j.loud(), "consuming again") })

	for i := range 50 {
		publishBehind(t, behind, queue, fmt.Sprint(i))
	}
	var held []wire.Delivery
	for range 50 {
		d := next(t, deliveries)
		if d.Redelivered {
			t.Fatalf("message %s is back", d.MessageID)
		}
		held = append(held, d)
	}
	stop()
	for _, d := range held {
		d.Settle(wire.Ack)
	}
	if err := b.Steady(t.Context(), 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	cutConnections(t, "docker-dispatch/"+queue)
	eventually(t, isLost(held[0]))
	if n := ready(t, behind, queue); n != 0 {
		t.Errorf("%d messages are back", n)
	}
}

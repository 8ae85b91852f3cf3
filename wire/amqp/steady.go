package amqp

import (
	"context"
	"fmt"
	"time"
)

// Steady returns nil when the broker has read all settlements that came before the call, has answered after them, and answers
// again d later, on one connection: what it may undo in a crash after an acknowledgement is then stored. When the session ends
// meanwhile, that begins again with the next one, which brings back what was undone. The error is the end of ctx.
//
// It costs two methods on the wire. It is also for after Consume's return, until Close.
func (b *Broker) Steady(ctx context.Context, d time.Duration) error {
	for ctx.Err() == nil {
		k, arrival := b.window.present()
		if k != nil && k.ask(ctx) && k.lasts(ctx, d) && k.ask(ctx) {
			return nil
		}
		select {
		case <-arrival:
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("amqp: waiting for the broker to have stored settlements: %w", context.Cause(ctx))
}

// ask tells whether the broker has answered after all settlements.
func (k *keeper) ask(ctx context.Context) bool {
	answered := make(chan struct{})
	select {
	case k.asks <- answered:
	case <-k.lost:
		return false
	case <-k.owned:
		return false
	case <-ctx.Done():
		return false
	}
	select {
	case <-answered:
		return true
	case <-k.lost:
		return false
	case <-k.owned:
		return false
	case <-ctx.Done():
		return false
	}
}

// lasts tells whether the session does, for d.
func (k *keeper) lasts(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-k.lost:
		return false
	case <-ctx.Done():
		return false
	}
}

// answer sends what is to be settled, and asks for a method's answer: basic.qos, whose value the next consumer replaces.
func (k *keeper) answer(asked chan<- struct{}) error {
	if err := k.turn(); err != nil {
		return err
	}
	if err := k.ch.Qos(max(1, k.credit), 0, global); err != nil {
		return fmt.Errorf("amqp: waiting for the broker to have read all settlements: %w", err)
	}
	close(asked)
	return nil
}

package amqp

import (
	"errors"
	"fmt"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

var errOrder = errors.New("amqp: delivery settled twice, or claimed after that")

// progress is how far the settling of one delivery has come.
type progress uint8

const (
	fresh progress = iota
	claimed
	settled
)

// next is the step that v makes: Ack, or Requeue, or Claim and then Ack. It tells whether v goes to the broker.
func (p *progress) next(v wire.Verdict) (send bool, err error) {
	switch {
	case *p == fresh && v == wire.Claim:
		*p = claimed
		return true, nil
	case *p == fresh:
		*p = settled
		return true, nil
	case *p == claimed && v == wire.Ack:
		*p = settled
		return false, nil
	}
	return false, errOrder
}

// settlement is a verdict on its way to the broker.
type settlement struct {
	tag     uint64
	message string // its id, for the log
	verdict wire.Verdict
}

// hold is a delivery's claim on a place. It may be kept for days, and holds neither the message nor, once claimed, its session.
type hold struct {
	window *window

	// Guarded by window.mu.
	progress progress
	keeper   *keeper
	settlement
}

// settle is wire.Delivery's Settle. The keeper sends the verdict, as soon as the consumer allows.
func (h *hold) settle(v wire.Verdict) error {
	w := h.window
	w.mu.Lock()
	defer w.mu.Unlock()
	send, err := h.progress.next(v)
	switch k := h.keeper; {
	case err != nil:
		return err
	case !send:
		w.taken--
		w.look()
		return nil
	case k.retired || isClosed(k.lost):
		h.progress = settled
		return wire.ErrStale
	default:
		if v == wire.Claim {
			w.taken++
		}
		h.verdict, h.keeper = v, nil
		k.inbox = append(k.inbox, h.settlement)
		k.look()
		return nil
	}
}

// send tells the broker. To fail at that, the library must have lost the channel, and with it the delivery.
func (s settlement) send(ch *amqp091.Channel) error {
	method := func() error { return ch.Ack(s.tag, multiple) }
	if s.verdict == wire.Requeue {
		method = func() error { return ch.Nack(s.tag, multiple, requeue) }
	}
	if err := method(); err != nil {
		return fmt.Errorf("amqp: settling: %w: %w", wire.ErrStale, err)
	}
	return nil
}

// isClosed tells it without waiting.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

const (
	// controlPrefetch is how many control messages are in hand at once: small, since they are short and take no place.
	controlPrefetch = 32

	// lockInterval is the time between two tries to have a name that is taken.
	lockInterval = time.Second
)

// What the bare booleans mean where the control queue differs from the others.
const transient, autoDeleted, ours = false, true, true

// controlQueue is the name of the queue that is also the lock on the dispatcher's name.
func controlQueue(cfg Config) string { return cfg.Queue + wire.ControlSuffix + "." + cfg.Name }

// lock takes the dispatcher's name: its exclusive queue.
func (b *Broker) lock(ctx context.Context, s *session) error {
	if b.cfg.Control == nil {
		return nil
	}
	queue := controlQueue(b.cfg)
	err := b.await(ctx, func() (err error) {
		if s.control, err = openLine(s.conn, controlPrefetch); err != nil {
			return err
		}
		_, err = s.control.ch.QueueDeclare(queue, transient, autoDeleted, ours, noWait, amqp091.Table{amqp091.QueueTypeArg: "classic"})
		return err
	})
	return b.forgo(s, judge(b.doing("declaring", queue), err, b.controlMends()))
}

// forgo lets a user without the right to a control queue go on without it, which is said once.
func (b *Broker) forgo(s *session, err error) error {
	refused, _ := errors.AsType[*Refused](err)
	if refused == nil || refused.Code != amqp091.AccessRefused {
		return err
	}
	s.control = line{}
	if !b.unlocked {
		b.unlocked = true
		b.log.Warn("no control queue: nothing hinders another dispatcher of the same name, and control messages do not arrive", "error", err)
	}
	return nil
}

// controlMends differ from those of other queues: to bind needs the right to write to the queue.
func (b *Broker) controlMends() map[int]string {
	return map[int]string{
		amqp091.AccessRefused:      "let the user declare and bind it: " + b.permissions(),
		amqp091.PreconditionFailed: "another queue or exchange has its name: delete that, or take another -name",
	}
}

// await repeats try for as long as the queue is another's.
func (b *Broker) await(ctx context.Context, try func() error) error {
	for waited := false; ; waited = true {
		err := try()
		switch {
		case replyCode(err) != amqp091.ResourceLocked:
			if waited && err == nil {
				b.log.Info("the name is this dispatcher's", "queue", b.cfg.Queue, "name", b.cfg.Name)
			}
			return err
		case !waited:
			b.log.Warn("waiting for the name: another dispatcher has it, and then give each its own -name; or the broker has not yet noticed that "+
				"this one's last connection is gone, and then it takes up to two heartbeats", "queue", b.cfg.Queue, "name", b.cfg.Name)
		}
		select {
		case <-time.After(lockInterval):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ensureExchange declares the exchange of control messages: durable, fanout. One that somebody else has made will do.
func (b *Broker) ensureExchange(s *session) (err error) {
	exchange := b.cfg.Queue + wire.ControlSuffix
	b.log.Debug("declaring", "exchange", exchange)
	refusal := s.control.ch.ExchangeDeclare(exchange, amqp091.ExchangeFanout, durable, autoDelete, internal, noWait, nil)
	if code := replyCode(refusal); code == amqp091.AccessRefused || code == amqp091.PreconditionFailed {
		if s.control, err = openLine(s.conn, controlPrefetch); err != nil {
			return err
		}
		if s.control.ch.ExchangeDeclarePassive(exchange, amqp091.ExchangeFanout, durable, autoDelete, internal, noWait, nil) == nil {
			return nil
		}
	}
	return judge(b.doing("declaring the exchange of", exchange), refusal, b.controlMends())
}

// listen binds the control queue to the exchange of all dispatchers of the queue, and begins to take from it, if there is one.
func (b *Broker) listen(_ context.Context, s *session) (err error) {
	if s.control.ch == nil {
		return nil
	}
	if err := b.ensureExchange(s); err != nil {
		return b.forgo(s, err)
	}
	queue := controlQueue(b.cfg)
	if err := s.control.ch.QueueBind(queue, "", b.cfg.Queue+wire.ControlSuffix, noWait, nil); err != nil {
		return b.forgo(s, judge(b.doing("binding", queue), err, b.controlMends()))
	}
	if err := s.control.ch.Qos(controlPrefetch, 0, global); err != nil {
		return fmt.Errorf("amqp: setting prefetch: %w", err)
	}
	s.orders, err = s.control.ch.Consume(queue, b.tag(), autoAck, ours, noLocal, noWait, nil)
	if err != nil {
		return fmt.Errorf("amqp: consuming from %.255q: %w", queue, err)
	}
	return nil
}

// obey hands out control messages until ctx is done or the session has ended. The consumer stays, and with it the lock.
func (s *session) obey(ctx context.Context, order func(wire.Delivery)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.lost:
			return
		case d, ok := <-s.orders:
			if !ok {
				return
			}
			order(s.order(d))
		}
	}
}

// order is d for whoever works on it. It takes no place, so a claim is an acknowledgement.
func (s *session) order(d amqp091.Delivery) wire.Delivery {
	var mu sync.Mutex
	var done progress
	ch, queue, lost := s.control.ch, s.queue, s.lost
	order := settlement{tag: d.DeliveryTag, message: d.MessageId}
	return received(d, queue, lost, func(v wire.Verdict) error {
		mu.Lock()
		defer mu.Unlock()
		send, err := done.next(v)
		switch {
		case err != nil || !send:
			return err
		case isClosed(lost):
			return wire.ErrStale
		}
		order.verdict = v
		return order.send(ch)
	})
}

package amqp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

var (
	errCancelled = errors.New("amqp: the broker has cancelled the consumer: its queue was deleted or moved, or a delivery was held for too long")
	errClosed    = errors.New("amqp: connection closed")
	errSettled   = errors.New("amqp: delivery settled twice")
)

// settleTime is what a quorum queue gets to agree on settlements before the end: it does so with some thousands in a tenth of
// a second, 32 at a time, and those that still wait in the channel when it closes are forgotten (rabbitmq-server #10327).
const settleTime = 250 * time.Millisecond

// session is one connection, its one consumer and all that it delivers. The methods of the channel that wait for an answer are
// called by one goroutine at a time: Consume's, then Close's.
type session struct {
	*link
	ch         *amqp091.Channel
	queue, tag string
	deliveries <-chan amqp091.Delivery
	log        *slog.Logger

	lost chan struct{} // closed by watch as soon as the session has ended
	why  error         // of the end; read after lost is closed
	gone chan struct{} // closed by watch when the connection is closed too
}

// open connects, makes sure of the queues and consumes.
func (b *Broker) open(ctx context.Context) (*session, error) {
	l, err := b.dial(ctx, b.connectionName(""))
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, l.cut)()
	s := &session{link: l, queue: b.cfg.Queue, log: b.log, lost: make(chan struct{}), gone: make(chan struct{})}
	if err := b.subscribe(s); err != nil {
		l.close(time.Now().Add(closeTimeout))
		return nil, err
	}
	return s, nil
}

func (b *Broker) subscribe(s *session) (err error) {
	if err := b.ensure(s.conn, s.queue); err != nil {
		return err
	}
	if err := b.ensure(s.conn, s.queue+wire.DeadSuffix); isRefused(err) {
		b.log.Warn("no dead queue: messages that cannot be done will stay in the queue", "error", err)
	} else if err != nil {
		return err
	}
	if s.ch, err = s.conn.Channel(); err != nil {
		return fmt.Errorf("amqp: opening a channel: %w", err)
	}
	b.log.Debug("setting prefetch", "deliveries", b.cfg.Prefetch)
	if err := s.ch.Qos(b.cfg.Prefetch, 0, global); err != nil {
		return fmt.Errorf("amqp: setting prefetch: %w", err)
	}
	return b.consume(s)
}

func (b *Broker) consume(s *session) (err error) {
	connClosed := s.conn.NotifyClose(make(chan *amqp091.Error, 1))
	closed := s.ch.NotifyClose(make(chan *amqp091.Error, 1))
	cancelled := s.ch.NotifyCancel(make(chan string, b.cfg.Prefetch)) // one for each delivery at worst: RabbitMQ 4.3 on a timeout
	s.tag = fmt.Sprintf("docker-dispatch/%s/%s", b.cfg.Name[:min(len(b.cfg.Name), maxName)], rand.Text())
	s.deliveries, err = s.ch.Consume(s.queue, s.tag, autoAck, exclusive, noLocal, noWait, nil)
	if err != nil {
		return judge(b.doing("consuming from", s.queue), err, map[int]string{
			amqp091.AccessRefused: "no other consumer may have the queue for itself, and the user needs the right to read it: " + b.permissions(s.queue),
		})
	}
	b.log.Debug("consuming", "queue", s.queue, "tag", s.tag)
	go s.watch(connClosed, closed, cancelled)
	return nil
}

// watch waits for the first sign of the session's end, whoever gives it, and closes what is left of the connection: the broker
// gives the deliveries to others only then.
func (s *session) watch(connClosed, closed <-chan *amqp091.Error, cancelled <-chan string) {
	defer close(s.gone)
	var reply *amqp091.Error
	select {
	case reply = <-connClosed:
		s.why = lostBy(reply)
	case reply = <-closed:
		s.why = lostBy(reply)
	case _, ok := <-cancelled:
		s.why = errCancelled
		if !ok { // closed with the channel, which has said why before
			s.why = lostBy(<-closed)
		}
	}
	close(s.lost)
	s.link.close(time.Now().Add(closeTimeout))
}

func lostBy(reply *amqp091.Error) error {
	switch {
	case reply == nil:
		return errClosed
	case reply.Reason == amqp091.ErrSyntax.Error():
		return &Refused{"reading what the broker delivers", reply.Code, reply.Reason, "the message at the head of the queue has headers nested over 32 deep, " +
			"or over 8192 of them: take it away with another client, or everything with rabbitmqctl purge_queue"}
	}
	return fmt.Errorf("amqp: connection lost: %w", reply)
}

// ended waits for the end and tells its reason.
func (s *session) ended() error {
	<-s.gone
	return s.why
}

// feed hands out deliveries until ctx is done or the session has ended.
func (s *session) feed(ctx context.Context, deliver func(wire.Delivery)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.lost:
			return
		case d, ok := <-s.deliveries:
			if !ok {
				<-s.lost
				return
			}
			if ctx.Err() != nil {
				s.giveBack(d)
				return
			}
			deliver(s.delivery(d))
		}
	}
}

// drain cancels the consumer and gives back what it has brought and nobody has seen.
func (s *session) drain() {
	defer time.AfterFunc(closeTimeout, s.cut).Stop()
	if err := s.ch.Cancel(s.tag, noWait); err != nil {
		s.log.Debug("cancelling", "error", err)
		s.cut()
		return
	}
	for d := range s.deliveries {
		s.giveBack(d)
	}
	s.log.Info("consuming no more", "queue", s.queue)
}

func (s *session) giveBack(d amqp091.Delivery) {
	if err := d.Nack(multiple, requeue); err != nil {
		s.log.Debug("giving back", "error", err)
	}
}

// close ends the session after the broker has read all settlements, which an answered method shows, and after quorum queues
// have had time to agree on them.
func (s *session) close(deadline time.Time) {
	defer time.AfterFunc(time.Until(deadline), s.cut).Stop()
	if err := s.ch.Qos(1, 0, global); err != nil {
		s.log.Debug("waiting for the broker to have read all settlements", "error", err)
	}
	select {
	case <-time.After(settleTime):
	case <-s.lost:
	}
	s.link.close(deadline)
	<-s.gone
}

// delivery is d for whoever works on it. Its Settle, which may be kept for longer, holds nothing of the message.
func (s *session) delivery(d amqp091.Delivery) wire.Delivery {
	var settled atomic.Bool
	handle := amqp091.Delivery{Acknowledger: d.Acknowledger, DeliveryTag: d.DeliveryTag, MessageId: d.MessageId}
	return wire.Delivery{
		Properties: wire.Properties{
			MessageID:       d.MessageId,
			CorrelationID:   d.CorrelationId,
			ReplyTo:         d.ReplyTo,
			ContentType:     d.ContentType,
			ContentEncoding: d.ContentEncoding,
			Type:            d.Type,
			AppID:           d.AppId,
			Priority:        d.Priority,
			Timestamp:       d.Timestamp,
			Headers:         d.Headers,
		},
		Body:        d.Body,
		Queue:       s.queue,
		Redelivered: d.Redelivered,
		Lost:        s.lost,
		Settle: func(v wire.Verdict) error {
			if settled.Swap(true) {
				return errSettled
			}
			return s.settle(handle, v)
		},
	}
}

// settle tells the broker. To fail at that, the library must have lost the channel, and with it the delivery.
func (s *session) settle(d amqp091.Delivery, v wire.Verdict) error {
	select {
	case <-s.lost:
		return wire.ErrStale
	default:
	}
	s.log.Debug("settling", "tag", d.DeliveryTag, "message", d.MessageId, "verdict", v)
	method := func() error { return d.Nack(multiple, requeue) }
	if v == wire.Ack {
		method = func() error { return d.Ack(multiple) }
	}
	if err := method(); err != nil {
		return fmt.Errorf("amqp: settling: %w: %w", wire.ErrStale, err)
	}
	return nil
}

package amqp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

var (
	errCancelled = errors.New("amqp: the broker has cancelled the consumer: its queue was deleted or moved, or a delivery was held for too long")
	errClosed    = errors.New("amqp: connection closed")
)

// errUndecodable is the end of a session whose library could not read a message. It is waited out slowly, and never final.
var errUndecodable = &Refused{"reading what the broker delivers", amqp091.ErrSyntax.Code, amqp091.ErrSyntax.Reason,
	"the message at the head of the queue has headers nested over 32 deep, or over 8192 of them: take it away with another client, " +
		"or everything with rabbitmqctl purge_queue"}

// settleTime is what a quorum queue gets to agree on settlements before the end: it does so with some thousands in a tenth of
// a second, 32 at a time, and those that still wait in the channel when it closes are forgotten (rabbitmq-server #10327).
const settleTime = 250 * time.Millisecond

// session is one connection and all that it delivers: from the queue by its keeper, and from the control queue.
type session struct {
	*link
	*keeper
	shut    <-chan *amqp091.Error   // the connection is closed
	control line                    // zero without a control queue
	orders  <-chan amqp091.Delivery // from it

	lost chan struct{} // closed by watch as soon as the session has ended
	why  error         // of the end; read after lost is closed
	gone chan struct{} // closed by watch when the connection is closed too
}

// line is a channel that consumes, and what its end looks like.
type line struct {
	ch        *amqp091.Channel
	closed    <-chan *amqp091.Error
	cancelled <-chan string
}

// openLine makes room for as many cancellations as there may be: with RabbitMQ 4.3 one for each delivery held for too long.
func openLine(conn *amqp091.Connection, prefetch int) (l line, err error) {
	if l.ch, err = conn.Channel(); err != nil {
		return line{}, fmt.Errorf("amqp: opening a channel: %w", err)
	}
	l.closed = l.ch.NotifyClose(make(chan *amqp091.Error, 1))
	l.cancelled = l.ch.NotifyCancel(make(chan string, prefetch))
	return l, nil
}

// open connects, makes sure of the queues, takes the lock and consumes.
func (b *Broker) open(ctx context.Context) (*session, error) {
	l, err := b.dial(ctx, b.connectionName(""), &b.dialled)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, l.cut)()
	s := &session{
		link: l,
		shut: l.conn.NotifyClose(make(chan *amqp091.Error, 1)),
		lost: make(chan struct{}),
		gone: make(chan struct{}),
	}
	if err := b.begin(ctx, s); err != nil {
		close(s.lost)
		l.close(time.Now().Add(closeTimeout))
		if reply, ok := errors.AsType[*amqp091.Error](err); ok && isSyntax(reply) {
			return nil, errUndecodable
		}
		return nil, err
	}
	go s.watch()
	go s.own()
	return s, nil
}

// begin waits for the broker's answers side by side where none needs another one's. The lock is had before Ready. It is what RabbitMQ
// takes longest for, and the more so beside others, so that these come after it; none of them is needed before the first delivery.
func (b *Broker) begin(ctx context.Context, s *session) error {
	if err := b.sideBySide(ctx, s, (*Broker).ensureQueue, (*Broker).lock); err != nil {
		return err
	}
	return b.sideBySide(ctx, s, (*Broker).listen, (*Broker).ensureDead, (*Broker).consume)
}

// step is a part of a session's beginning.
type step func(*Broker, context.Context, *session) error

// sideBySide takes steps at once, and returns when all have ended. One that fails ends the context of the others; of several errors
// the first step's counts, so that the one that heeds the context is named last.
func (b *Broker) sideBySide(ctx context.Context, s *session, steps ...step) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var taken sync.WaitGroup
	errs := make([]error, len(steps))
	for i, step := range steps {
		taken.Go(func() {
			if errs[i] = step(b, ctx, s); errs[i] != nil {
				cancel()
			}
		})
	}
	taken.Wait()
	return cmp.Or(errs...)
}

// consume begins to take from the queue, after Ready.
func (b *Broker) consume(ctx context.Context, s *session) error {
	if b.cfg.Ready != nil && !b.readied {
		b.readied = true
		b.cfg.Ready(ctx)
	}
	err := b.keep(s, b.patience(s.conn))
	if b.isTimed(err) {
		b.timed = true
		if err = b.employ(s); err == nil {
			err = b.keep(s, nil)
		}
	}
	return judge(b.doing("consuming from", b.cfg.Queue), err, map[int]string{
		amqp091.AccessRefused: "no other consumer may have the queue for itself, and the user needs the right to read it: " + b.permissions(),
	})
}

// employ gives s a keeper, with a channel of its own.
func (b *Broker) employ(s *session) error {
	main, err := openLine(s.conn, b.cfg.Prefetch)
	if err != nil {
		return err
	}
	s.keeper = newKeeper(b, main, s.link.transport, s.lost)
	return s.keeper.limitTo(b.cfg.Prefetch) // as it will mostly be
}

// keep has the keeper consume with these arguments.
func (b *Broker) keep(s *session, arguments amqp091.Table) error {
	s.arguments = arguments
	b.window.attach(s.keeper)
	return s.turn()
}

// tag is a consumer's, used once: the broker ends a connection that uses one again.
func (b *Broker) tag() string {
	return fmt.Sprintf("docker-dispatch/%s/%s", b.cfg.Name[:min(len(b.cfg.Name), maxName)], rand.Text())
}

// watch waits for the first sign of the session's end, whoever gives it, and closes what is left of the connection: the broker
// gives the deliveries to others only then.
func (s *session) watch() {
	defer close(s.gone)
	select {
	case reply := <-s.shut:
		s.why = lostBy(reply)
	case reply := <-s.line.closed:
		s.why = lostBy(reply)
	case reply := <-s.control.closed:
		s.why = lostBy(reply)
	case _, ok := <-s.line.cancelled:
		s.why = s.line.cancelledBy(ok)
	case _, ok := <-s.control.cancelled:
		s.why = s.control.cancelledBy(ok)
	case s.why = <-s.failed:
	}
	close(s.lost)
	s.link.close(time.Now().Add(closeTimeout))
}

// cancelledBy tells the broker's word from the end of the channel, which has said why before.
func (l line) cancelledBy(broker bool) error {
	if broker {
		return errCancelled
	}
	return lostBy(<-l.closed)
}

func lostBy(reply *amqp091.Error) error {
	switch {
	case reply == nil:
		return errClosed
	case isSyntax(reply):
		return errUndecodable
	}
	return fmt.Errorf("amqp: connection lost: %w", reply)
}

func isSyntax(reply *amqp091.Error) bool { return reply.Reason == amqp091.ErrSyntax.Error() }

// ended waits for the end and tells its reason.
func (s *session) ended() error {
	<-s.owned
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
		case d := <-s.out:
			if ctx.Err() != nil {
				d.Settle(wire.Requeue)
				return
			}
			deliver(d)
		}
	}
}

// halt has the keeper cancel the consumer and give back what nobody has seen. Settlements go on.
func (s *session) halt() {
	defer time.AfterFunc(closeTimeout, s.cut).Stop()
	s.window.change(func() { s.halted = true })
	select {
	case <-s.stopped:
		s.log.Info("consuming no more", "queue", s.queue)
	case <-s.lost:
	}
}

// close ends the session after the broker has read all settlements, which answered methods show, and after quorum queues have
// had time to agree on them.
func (s *session) close(deadline time.Time) {
	defer time.AfterFunc(time.Until(deadline), s.cut).Stop()
	s.retire()
	for _, l := range []line{s.line, s.control} {
		if l.ch == nil {
			continue
		}
		if err := l.ch.Qos(1, 0, global); err != nil {
			s.log.Debug("waiting for the broker to have read all settlements", "error", err)
		}
	}
	select {
	case <-time.After(settleTime):
	case <-s.lost:
	}
	s.link.close(deadline)
	<-s.gone
}

// received is d for whoever works on it.
func received(d amqp091.Delivery, queue string, lost <-chan struct{}, settle func(wire.Verdict) error) wire.Delivery {
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
		Queue:       queue,
		UserID:      d.UserId,
		Redelivered: d.Redelivered,
		Lost:        lost,
		Settle:      settle,
	}
}

package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// maxBody is the largest message that any RabbitMQ takes by default (3.13 and below; 16 MiB from 4.0 on).
const maxBody = 128 << 20

var errNacked = errors.New("the broker would not keep it: the queue is full, or has no majority of its members")

// outlet is the connection that publishes, with one channel in confirm mode.
type outlet struct {
	*link
	ch       *amqp091.Channel // nil before the first
	closed   chan *amqp091.Error
	returned chan amqp091.Return
	gone     chan struct{} // closed when the connection has ended
}

// Publish sends p to its queue, persistent, and returns nil when the broker has confirmed it and a queue has it. Calls take
// turns. Lost connections, alarms and full queues are waited out until ctx is done; the message may then arrive nevertheless,
// and may arrive twice after a loss.
//
// With a Delay the queue is the one in which the message rests, declared when there is none: durable, quorum from RabbitMQ 3.10
// on unless queues are to be classic. One that exists is used as it is.
//
// The error is a *Refused when no such queue exists, the user may not write, the body is too large, or an id is over 255
// bytes: those are refused and not cut, for a cut id is another id. Headers that do not fit a frame, that AMQP has no type for,
// or that would route the message elsewhere (CC, BCC) are left out, and DroppedHeader says so.
func (b *Broker) Publish(ctx context.Context, p wire.Publishing) error {
	if err := check(p); err != nil {
		return err
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return notPublished(ctx, p)
	}
	for {
		final, err := b.attempt(ctx, p)
		switch {
		case final:
			b.mute.over()
			return err
		case b.isFinal(err):
			return err
		case ctx.Err() != nil:
			return notPublished(ctx, p)
		}
		b.mute.wait(ctx, err)
	}
}

func notPublished(ctx context.Context, p wire.Publishing) error {
	return fmt.Errorf("amqp: publishing to %.255q: %w", p.Queue, context.Cause(ctx))
}

// attempt is final when the broker has taken or refused p. Otherwise nobody knows.
func (b *Broker) attempt(ctx context.Context, p wire.Publishing) (final bool, err error) {
	if err := b.connectOutlet(ctx); err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, b.outlet.cut)
	err = b.outlet.open()
	if err == nil {
		b.worked.Store(true)
		err = b.publish(p)
		final = err == nil || isRefused(err)
	}
	if !stop() {
		<-b.outlet.gone
	}
	return final, err
}

// connectOutlet leaves a connection that works, as far as one can know.
func (b *Broker) connectOutlet(ctx context.Context) error {
	if b.outlet != nil && !b.outlet.conn.IsClosed() {
		return nil
	}
	if b.outlet != nil {
		b.outlet.close(time.Now())
		b.outlet = nil
	}
	l, err := b.dial(ctx, b.connectionName("/publish"), &b.tried)
	if err != nil {
		return err
	}
	b.outlet = &outlet{link: l, gone: make(chan struct{})}
	go b.watchAlarms(b.outlet.gone, l.conn.NotifyBlocked(make(chan amqp091.Blocking, 1)))
	return nil
}

// watchAlarms says when the broker stops reading from us, and when it goes on, until the connection has ended.
func (b *Broker) watchAlarms(gone chan<- struct{}, alarms <-chan amqp091.Blocking) {
	defer close(gone)
	for alarm := range alarms {
		if alarm.Active {
			b.log.Warn("publishing waits for the broker, which has an alarm", "reason", alarm.Reason)
		} else {
			b.log.Info("publishing: the broker's alarm is over")
		}
	}
}

func (o *outlet) close(deadline time.Time) {
	o.link.close(deadline)
	<-o.gone
}

// open makes a channel when there is none: every refusal closes the one that it is answered on.
func (o *outlet) open() (err error) {
	if o.ch != nil && !o.ch.IsClosed() {
		return nil
	}
	if o.ch, err = o.conn.Channel(); err != nil {
		return fmt.Errorf("amqp: opening a channel: %w", err)
	}
	o.closed = o.ch.NotifyClose(make(chan *amqp091.Error, 1))
	o.returned = o.ch.NotifyReturn(make(chan amqp091.Return, 1))
	if err := o.ch.Confirm(noWait); err != nil {
		return fmt.Errorf("amqp: asking for confirms: %w", err)
	}
	return nil
}

// publish sends p and waits for the broker's answer.
func (b *Broker) publish(p wire.Publishing) error {
	b.log.Debug("publishing", "queue", address(p), "message", p.MessageID, "bytes", len(p.Body))
	err := b.outlet.send(p)
	if p.UserID != "" && replyCode(err) == amqp091.PreconditionFailed {
		p.UserID = ""
		if err = b.outlet.open(); err == nil {
			err = b.outlet.send(p)
		}
	}
	if p.Delay != 0 && replyCode(err) == amqp091.NoRoute {
		if err := b.declareRetry(b.outlet.conn, p); err != nil {
			return err
		}
		err = b.outlet.send(p)
	}
	return judge(b.doing("publishing to", address(p)), err, map[int]string{
		amqp091.NoRoute:            "create the queue, or name one that exists",
		amqp091.AccessRefused:      "the user needs the right to write to amq.default: " + b.permissions(),
		amqp091.PreconditionFailed: "raise max_message_size on the broker, or send less",
	})
}

// send publishes and waits for the confirm. What the broker has against the message comes before that (basic.return), or
// instead of it (channel.close), read by one goroutine in that order: here it is the error.
func (o *outlet) send(p wire.Publishing) error {
	confirm, err := o.ch.PublishWithDeferredConfirm(amqp091.DefaultExchange, address(p), mandatory, immediate, o.message(p))
	acked := err == nil && confirm.Wait()
	select {
	case r, ok := <-o.returned:
		if ok { // and not closed with the channel
			return &amqp091.Error{Code: int(r.ReplyCode), Reason: r.ReplyText, Server: true}
		}
	default:
	}
	if acked {
		return nil
	}
	select {
	case reply, ok := <-o.closed:
		if ok {
			return reply
		}
	default:
	}
	return cmp.Or(err, errNacked)
}

// message is p as the library sends it. An Expiration is the first publisher's and not set.
func (o *outlet) message(p wire.Publishing) amqp091.Publishing {
	return amqp091.Publishing{
		DeliveryMode:    amqp091.Persistent,
		MessageId:       p.MessageID,
		CorrelationId:   p.CorrelationID,
		ReplyTo:         p.ReplyTo,
		ContentType:     p.ContentType,
		ContentEncoding: p.ContentEncoding,
		Type:            p.Type,
		AppId:           p.AppID,
		Priority:        p.Priority,
		UserId:          p.UserID,
		Timestamp:       p.Timestamp,
		Headers:         boundHeaders(p.Headers, p.First, headersWithin(o.conn.Config.FrameSize)),
		Body:            p.Body,
	}
}

// check refuses what would cost the connection. Names of fields are those of wire.Publishing.
func check(p wire.Publishing) error {
	for _, short := range []struct{ name, value string }{
		{"Queue", address(p)},
		{"MessageID", p.MessageID},
		{"CorrelationID", p.CorrelationID},
		{"ReplyTo", p.ReplyTo},
		{"ContentType", p.ContentType},
		{"ContentEncoding", p.ContentEncoding},
		{"Type", p.Type},
		{"AppID", p.AppID},
		{"UserID", p.UserID},
	} {
		if len(short.value) > maxShortStr {
			return unsendable(p, fmt.Sprintf("%s of %d bytes", short.name, len(short.value)), fmt.Sprintf("AMQP has room for %d", maxShortStr))
		}
	}
	switch {
	case !isRest(p.Delay):
		return unsendable(p, fmt.Sprintf("Delay of %v", p.Delay), fmt.Sprintf("it is a power of two of seconds, up to %v", maxRest))
	case p.Queue == "":
		return unsendable(p, "no queue", "name one")
	case len(p.Body) > maxBody:
		return unsendable(p, fmt.Sprintf("body of %d bytes", len(p.Body)), fmt.Sprintf("no RabbitMQ takes more than %d by default", maxBody))
	}
	return nil
}

func unsendable(p wire.Publishing, reason, mend string) *Refused {
	return &Refused{What: fmt.Sprintf("publishing to %.255q", p.Queue), Reason: reason, Mend: mend}
}

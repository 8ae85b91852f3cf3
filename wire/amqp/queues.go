package amqp

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// ensureQueue is for the queue that is consumed, and employs who does that.
func (b *Broker) ensureQueue(_ context.Context, s *session) error {
	if err := b.employ(s); err != nil {
		return err
	}
	if err := b.ensure(s.conn, s.line.ch, b.cfg.Queue); err != nil || !s.line.ch.IsClosed() {
		return err
	}
	return b.employ(s)
}

// ensureDead is for the queue that one can do without.
func (b *Broker) ensureDead(_ context.Context, s *session) error {
	err := onChannel(s.conn, func(ch *amqp091.Channel) error { return b.ensure(s.conn, ch, b.cfg.Queue+wire.DeadSuffix) })
	if isRefused(err) {
		b.log.Warn("no dead queue: messages that cannot be done will stay in the queue", "error", err)
		return nil
	}
	return err
}

// ensure looks a queue up and, when there is none, declares it on a channel of its own. Not to find it closes ch.
func (b *Broker) ensure(conn *amqp091.Connection, ch *amqp091.Channel, queue string) error {
	b.log.Debug("looking up", "queue", queue)
	_, err := ch.QueueDeclarePassive(queue, durable, autoDelete, exclusive, noWait, nil)
	switch code := replyCode(err); {
	case code == amqp091.NotFound:
		return b.declare(conn, queue)
	case code == amqp091.AccessRefused && queue == b.cfg.Queue: // to consume, the right to read is enough
		return nil
	}
	return judge(b.doing("looking up", queue), err, b.declareMends())
}

// declare makes a durable queue, whose type is said since a vhost may have a default of its own. All else is left to policies.
func (b *Broker) declare(conn *amqp091.Connection, queue string) error {
	return b.declareAs(conn, queue, amqp091.Table{amqp091.QueueTypeArg: b.queueType(versionOf(conn))})
}

func (b *Broker) declareAs(conn *amqp091.Connection, queue string, arguments amqp091.Table) error {
	err := onChannel(conn, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, arguments)
		return err
	})
	if err != nil {
		return judge(b.doing("declaring", queue), err, b.declareMends())
	}
	b.log.Info("declared", "queue", queue, "type", arguments[amqp091.QueueTypeArg])
	return nil
}

func (b *Broker) declareMends() map[int]string {
	return map[int]string{
		amqp091.AccessRefused:      "create it yourself, or let the user do it: " + b.permissions(),
		amqp091.ResourceLocked:     "another connection has it for itself: take another queue",
		amqp091.PreconditionFailed: "create it yourself, or set the queue type to classic or quorum",
	}
}

// onChannel runs one method on a channel of its own.
func onChannel(conn *amqp091.Connection, method func(*amqp091.Channel) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	return method(ch)
}

// doing is the What of a Refused.
func (b *Broker) doing(what, queue string) string {
	uri := b.hosts[0].uri // hosts differ in nothing else
	return fmt.Sprintf("%s queue %.255q in vhost %.255q as %.255q", what, queue, uri.Vhost, uri.Username)
}

// permissions is a command that lets the user do all that this package does: to declare, bind and read the queue and what has its
// name as a prefix, and to write to the default exchange.
func (b *Broker) permissions() string {
	uri, ours := b.hosts[0].uri, "^"+b.cfg.Queue
	return fmt.Sprintf("rabbitmqctl set_permissions -p %q %q %q %q %[3]q (instead of what the user has)",
		uri.Vhost, uri.Username, ours, "^amq.default|"+ours)
}

// queueType is the type of the queues that we declare on a broker of this version.
func (b *Broker) queueType(v version) string {
	switch {
	case b.cfg.QueueType != "":
		return b.cfg.QueueType
	case v.atLeast(4, 0, 0):
		return "quorum"
	default:
		return "classic"
	}
}

// version is a broker's, like 4.0.5.
type version string

func versionOf(conn *amqp091.Connection) version {
	v, _ := conn.Properties["version"].(string)
	return version(v)
}

// atLeast takes a version that it cannot read for the newest.
func (v version) atLeast(major, minor, patch int) bool {
	var is [3]int
	for i, part := range strings.SplitN(string(v), ".", len(is)) {
		part, _, _ = strings.Cut(part, "-") // of 4.3.0-beta.1
		n, err := strconv.Atoi(part)
		if err != nil {
			return i == 0 || slices.Compare(is[:], []int{major, minor, patch}) >= 0
		}
		is[i] = n
	}
	return slices.Compare(is[:], []int{major, minor, patch}) >= 0
}

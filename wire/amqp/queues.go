package amqp

import (
	"fmt"
	"strings"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// ensure looks a queue up and, when there is none, declares it. Each is done on a channel of its own, which a refusal closes.
func (b *Broker) ensure(conn *amqp091.Connection, queue string) error {
	b.log.Debug("looking up", "queue", queue)
	err := onChannel(conn, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclarePassive(queue, durable, autoDelete, exclusive, noWait, nil)
		return err
	})
	switch code := replyCode(err); {
	case code == amqp091.NotFound:
		return b.declare(conn, queue)
	case code == amqp091.AccessRefused && queue == b.cfg.Queue: // to consume, the right to read is enough
		return nil
	}
	return judge(b.doing("looking up", queue), err, b.declareMends(queue))
}

// declare makes a durable queue, whose type is said since a vhost may have a default of its own. All else is left to policies.
func (b *Broker) declare(conn *amqp091.Connection, queue string) error {
	version, _ := conn.Properties["version"].(string)
	kind := b.queueType(version)
	err := onChannel(conn, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, amqp091.Table{amqp091.QueueTypeArg: kind})
		return err
	})
	if err != nil {
		return judge(b.doing("declaring", queue), err, b.declareMends(queue))
	}
	b.log.Info("declared", "queue", queue, "type", kind)
	return nil
}

func (b *Broker) declareMends(queue string) map[int]string {
	return map[int]string{
		amqp091.AccessRefused:      "create it yourself, or let the user do it: " + b.permissions(queue),
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
	return fmt.Sprintf("%s queue %.255q in vhost %.255q as %.255q", what, queue, b.uri.Vhost, b.uri.Username)
}

// permissions is a command that lets the user do all that this package does: to declare and read the queue and what has its
// name as a prefix, and to write to the default exchange.
func (b *Broker) permissions(queue string) string {
	return fmt.Sprintf("rabbitmqctl set_permissions -p %q %q %q %q %[3]q (instead of what the user has)",
		b.uri.Vhost, b.uri.Username, "^"+strings.TrimSuffix(queue, wire.DeadSuffix), "^amq.default")
}

// queueType is the type of the queues that we declare on a broker of this version.
func (b *Broker) queueType(version string) string {
	major, _, _ := strings.Cut(version, ".")
	switch {
	case b.cfg.QueueType != "":
		return b.cfg.QueueType
	case len(major) == 1 && major < "4":
		return "classic"
	default:
		return "quorum"
	}
}

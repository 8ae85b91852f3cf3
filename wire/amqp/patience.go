package amqp

import (
	"github.com/rabbitmq/amqp091-go"
)

// forever is as good as no limit for a delivery in hand: ten years, in milliseconds.
const forever int64 = 10 * 365 * 24 * 60 * 60 * 1000

// patience are the arguments of basic.consume that let deliveries be held for long, if the broker has ears for any
// (https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout): from RabbitMQ 4.3 on a consumer of a quorum queue sets its own
// limit, and a classic queue has none, and refuses that. Brokers before have one limit for all, which is said once.
func (b *Broker) patience(conn *amqp091.Connection) amqp091.Table {
	version := versionOf(conn)
	switch {
	case !b.cfg.Untimed || b.timed:
		return nil
	case version.atLeast(4, 3, 0):
		return amqp091.Table{"x-consumer-timeout": forever}
	case version.atLeast(3, 8, 15) && !b.warned:
		b.warned = true
		b.log.Warn("the broker takes back what is held for longer than its limit, 30 minutes by default: a job that takes longer comes again", "version", version, "mend", limitMend(version))
	}
	return nil
}

// isTimed tells a broker's refusal to hear of forever: that of a classic queue, and of RabbitMQ from 4.3 on.
func (b *Broker) isTimed(err error) bool {
	return b.cfg.Untimed && !b.timed && replyCode(err) == amqp091.PreconditionFailed
}

func limitMend(v version) string {
	const setting = "set consumer_timeout, in milliseconds, in rabbitmq.conf, and restart the broker"
	if v.atLeast(3, 12, 0) {
		return setting + "; or set the policy consumer-timeout for the queue"
	}
	return setting
}

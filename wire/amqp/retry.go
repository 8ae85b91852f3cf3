package amqp

import (
	"fmt"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// maxRest is the longest rest: with each power of two of seconds up to it a queue has eleven queues for retries at most.
const maxRest = 1024 * time.Second

// isRest tells whether d is 0 or a power of two of seconds up to maxRest.
func isRest(d time.Duration) bool {
	n := d / time.Second
	return d == n*time.Second && 0 <= d && d <= maxRest && n&(n-1) == 0
}

// address is the queue that p is sent to first.
func address(p wire.Publishing) string {
	if p.Delay == 0 {
		return p.Queue
	}
	return fmt.Sprint(p.Queue, wire.RetryInfix, int64(p.Delay/time.Second))
}

// declareRetry makes the queue in which p rests: after the queue's own time to live (one of the message would have to wait until it is
// at the head) the broker moves it to p.Queue, by the default exchange. A quorum queue keeps it until that has confirmed it; where
// none can be had, a crash of the broker just then may lose it.
func (b *Broker) declareRetry(conn *amqp091.Connection, p wire.Publishing) error {
	if b.cfg.QueueType != "classic" && versionOf(conn).atLeast(3, 10, 0) {
		err := b.declareAs(conn, address(p), retryArguments(p, "quorum"))
		if err == nil || conn.IsClosed() {
			return err
		}
		b.log.Warn("resting messages go to a classic queue, which may lose them when the broker crashes", "error", err)
	}
	return b.declareAs(conn, address(p), retryArguments(p, "classic"))
}

// retryArguments are x-arguments of queue.declare (https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering).
func retryArguments(p wire.Publishing, kind string) amqp091.Table {
	arguments := amqp091.Table{
		amqp091.QueueTypeArg:        kind,
		amqp091.QueueMessageTTLArg:  p.Delay.Milliseconds(),
		"x-dead-letter-exchange":    amqp091.DefaultExchange,
		"x-dead-letter-routing-key": p.Queue,
	}
	if kind == "quorum" {
		arguments["x-dead-letter-strategy"] = "at-least-once"
		arguments[amqp091.QueueOverflowArg] = amqp091.QueueOverflowRejectPublish
	}
	return arguments
}

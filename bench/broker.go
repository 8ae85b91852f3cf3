package main

import (
	"context"
	"fmt"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

// broker is where the queues of the trials are.
type broker struct {
	conn *amqp.Connection
	ch   *amqp.Channel
}

func dialBroker(uri string) (*broker, error) {
	conn, err := amqp.Dial(uri)
	if err != nil {
		return nil, fmt.Errorf("the broker: %w", err)
	}
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	return &broker{conn, ch}, err
}

func (b *broker) close() { b.conn.Close() }

// declare makes a durable queue.
func (b *broker) declare(queue string) error {
	_, err := b.ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "classic"})
	return err
}

// fill puts n messages into the queue, and returns when the broker has them all.
func (b *broker) fill(queue string, n int, body []byte) error {
	const unconfirmed = 500
	var waiting []*amqp.DeferredConfirmation
	for i := range n {
		c, err := b.ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{
			MessageId: queue + "-" + strconv.Itoa(i), DeliveryMode: amqp.Persistent, ContentType: "application/json", Body: body,
		})
		if err != nil {
			return err
		}
		waiting = append(waiting, c)
		if len(waiting) < unconfirmed && i < n-1 {
			continue
		}
		for _, c := range waiting {
			if ok, err := c.WaitContext(context.Background()); err != nil || !ok {
				return fmt.Errorf("the broker did not take a message: %v", err)
			}
		}
		waiting = waiting[:0]
	}
	return nil
}

// look is how many messages are ready in the queue, and how many consumers it has.
func (b *broker) look(queue string) (messages, consumers int, err error) {
	q, err := b.ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	return q.Messages, q.Consumers, err
}

// drop deletes the queue, and what a dispatcher has declared beside it.
func (b *broker) drop(queue string) error {
	names := []string{queue, queue + ".dead"}
	for seconds := 1; seconds <= 1024; seconds *= 2 {
		names = append(names, fmt.Sprintf("%s.retry.%d", queue, seconds))
	}
	for _, name := range names {
		if _, err := b.ch.QueueDelete(name, false, false, false); err != nil {
			return err
		}
	}
	return b.ch.ExchangeDelete(queue+".control", false, false)
}

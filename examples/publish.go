//go:build ignore

// publish sends each FILE, or else its standard input, as one persistent message to a queue of RabbitMQ, and says which message id
// it has given it. It fails when the broker has not confirmed a message, or has no such queue: docker-dispatch makes its own at start.
//
//	go run examples/publish.go [-q QUEUE] [-url URL] [FILE...]
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// patience bounds the wait for one confirm: a broker that is short of memory or disk gives none until it has some again.
const patience = 30 * time.Second

func main() {
	queue := flag.String("q", "docker-dispatch", "`queue` to publish to")
	uri := flag.String("url", "", "the broker's `URI` (default $AMQP_URL, else amqp://guest:guest@localhost:5672/)")
	flag.Parse()
	if err := run(*queue, firstOf(*uri, os.Getenv("AMQP_URL"), "amqp://guest:guest@localhost:5672/"), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "publish:", err)
		os.Exit(1)
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func run(queue, uri string, files []string) error {
	conn, err := dial(uri)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	returned := ch.NotifyReturn(make(chan amqp.Return, 1))
	if len(files) == 0 {
		files = []string{"/dev/stdin"}
	}
	for _, name := range files {
		if err := publish(ch, returned, queue, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// dial leaves the URI out of its error: it may hold a password.
func dial(uri string) (*amqp.Connection, error) {
	if _, err := amqp.ParseURI(uri); err != nil {
		return nil, errors.New("the broker's URI has a wrong syntax; it is like amqp://user:password@host:5672/vhost")
	}
	return amqp.Dial(uri)
}

// publish sends one file and waits until the broker has it. A message that no queue takes comes back before its confirm.
func publish(ch *amqp.Channel, returned <-chan amqp.Return, queue, name string) error {
	body, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	msg := amqp.Publishing{
		MessageId:    rand.Text(),
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent,
		Timestamp:    time.Now(),
		Body:         body,
	}
	const mandatory, immediate = true, false
	confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, mandatory, immediate, msg)
	if err != nil {
		return err
	}
	acked, err := confirm.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("no confirm from the broker: %w", err)
	}
	if !acked {
		return errors.New("the broker refused the message: is the queue full?")
	}
	select {
	case <-returned:
		return fmt.Errorf("no queue %q: start docker-dispatch -q %s first", queue, queue)
	default:
		fmt.Println(msg.MessageId)
		return nil
	}
}

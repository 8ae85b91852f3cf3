//go:build ignore

// queue asks the broker at $AMQP_URL whether queues exist, or deletes them with the messages they hold.
//
//	go run scripts/queue.go exists|delete NAME...
package main

import (
	"fmt"
	"os"

	amqp "github.com/rabbitmq/amqp091-go"
)

var actions = map[string]func(ch *amqp.Channel, name string) error{
	"exists": exists,
	"delete": remove,
}

func main() {
	if len(os.Args) < 3 || actions[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: queue exists|delete NAME...")
		os.Exit(2)
	}
	if err := run(actions[os.Args[1]], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "queue:", err)
		os.Exit(1)
	}
}

func run(action func(*amqp.Channel, string) error, names []string) error {
	uri := os.Getenv("AMQP_URL")
	if uri == "" {
		uri = "amqp://guest:guest@localhost:5672/"
	}
	conn, err := amqp.Dial(uri)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := action(ch, name); err != nil {
			return err
		}
	}
	return nil
}

func exists(ch *amqp.Channel, name string) error {
	_, err := ch.QueueDeclarePassive(name, false, false, false, false, nil)
	return err
}

func remove(ch *amqp.Channel, name string) error {
	const ifUnused, ifEmpty, noWait = false, false, false
	_, err := ch.QueueDelete(name, ifUnused, ifEmpty, noWait)
	return err
}

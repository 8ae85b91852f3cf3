// Floor is what no loop can be below: the necessary calls over raw sockets, from the queue to the ack, and nothing else. It believes
// every answer, does no other command, and loses a container when anything goes wrong.
//
//	floor [-q QUEUE] [-c N] DOCKERHOST AMQPURL
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	amqp "github.com/rabbitmq/amqp091-go"
)

func main() {
	queue := flag.String("q", "docker-dispatch", "`queue` to consume")
	slots := flag.Int("c", 16, "`number` of messages worked on at once")
	flag.Parse()
	log.SetFlags(0)
	if flag.NArg() != 2 {
		log.Fatal("floor: two arguments: DOCKERHOST AMQPURL")
	}
	if err := consume(flag.Arg(0), flag.Arg(1), *queue, *slots); err != nil {
		log.Fatalf("floor: %v", err)
	}
}

// consume has a worker with a connection of its own for each message in work.
func consume(engine, broker, queue string, slots int) error {
	conn, err := amqp.Dial(broker)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Qos(slots, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "floor", false, false, false, false, nil)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		ch.Cancel("floor", false)
	}()
	var workers sync.WaitGroup
	for range slots {
		workers.Go(func() {
			w := worker{engine: engine}
			for d := range deliveries {
				if err := w.handle(d); err != nil {
					log.Fatalf("floor: message %s: %v", d.MessageId, err)
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// handle does one message.
func (w *worker) handle(d amqp.Delivery) error {
	var job struct {
		Image, Cmd json.RawMessage
	}
	if err := json.Unmarshal(d.Body, &job); err != nil {
		return err
	}
	body := fmt.Appendf(nil, `{"Image":%s,"Cmd":%s,"AttachStdout":true,"AttachStderr":true}`, job.Image, job.Cmd)
	id, err := w.create(body)
	if err != nil {
		return err
	}
	attached, err := w.attach(id)
	if err != nil {
		return err
	}
	if err := w.call("POST", id, "/start", nil); err != nil {
		return err
	}
	if err := w.copyOut(attached); err != nil {
		return err
	}
	if err := w.wait(id); err != nil {
		return err
	}
	if err := w.call("DELETE", id, "", nil); err != nil {
		return err
	}
	return d.Ack(false)
}

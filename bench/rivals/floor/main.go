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
	"strings"
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

// consume gives each message in work a worker, which has a connection and is used again.
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
	idle := make(chan *worker, slots)
	var working sync.WaitGroup
	defer working.Wait()
	for d := range deliveries {
		working.Go(func() {
			w := hire(idle, engine)
			err := w.handle(d.Body)
			idle <- w // before the ack, which brings the next message
			if err == nil {
				err = d.Ack(false)
			}
			if err != nil {
				log.Fatalf("floor: message %s: %v", d.MessageId, err)
			}
		})
	}
	return nil
}

// hire takes a worker that is idle, or a new one.
func hire(idle chan *worker, engine string) *worker {
	select {
	case w := <-idle:
		return w
	default:
		return &worker{engine: engine}
	}
}

// labels are a part of a create's body.
func labels(all []string) string {
	if len(all) == 0 {
		return ""
	}
	key, value, _ := strings.Cut(all[0], "=") // bench has one
	return fmt.Sprintf(`,"Labels":{%q:%q}`, key, value)
}

// handle does one message.
func (w *worker) handle(message []byte) error {
	var job struct {
		Image, Cmd json.RawMessage
		Options    struct{ Label []string }
	}
	if err := json.Unmarshal(message, &job); err != nil {
		return err
	}
	body := fmt.Appendf(nil, `{"Image":%s,"Cmd":%s,"AttachStdout":true,"AttachStderr":true%s}`, job.Image, job.Cmd, labels(job.Options.Label))
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
	return w.call("DELETE", id, "", nil)
}

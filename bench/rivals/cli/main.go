// Cli starts docker run for each message.
//
//	cli [-q QUEUE] [-c N] DOCKERHOST AMQPURL
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
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
		log.Fatal("cli: two arguments: DOCKERHOST AMQPURL")
	}
	if err := consume(flag.Arg(0), flag.Arg(1), *queue, *slots); err != nil {
		log.Fatalf("cli: %v", err)
	}
}

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
	deliveries, err := ch.Consume(queue, "cli", false, false, false, false, nil)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		ch.Cancel("cli", false)
	}()
	var jobs sync.WaitGroup
	defer jobs.Wait()
	for d := range deliveries {
		jobs.Go(func() {
			if err := run(engine, d.Body); err != nil {
				log.Fatalf("cli: message %s: %v", d.MessageId, err)
			}
			if err := d.Ack(false); err != nil {
				log.Fatalf("cli: %v", err)
			}
		})
	}
	return nil
}

// run is one message.
func run(engine string, body []byte) error {
	var job struct {
		Image   string
		Cmd     []string
		Options struct{ Label []string }
	}
	if err := json.Unmarshal(body, &job); err != nil {
		return err
	}
	args := []string{"-H", engine, "run", "--rm", "-a", "stdout", "-a", "stderr"}
	for _, label := range job.Options.Label {
		args = append(args, "--label", label)
	}
	args = append(append(args, job.Image), job.Cmd...)
	c := exec.Command("docker", args...)
	c.Stdout = os.Stdout
	said := &tail{}
	c.Stderr = said
	if err := c.Run(); err != nil {
		return fmt.Errorf("docker run: %w: %s", err, said.text)
	}
	return nil
}

// tail keeps what docker's CLI has to say.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	os.Stdout.Write(b) // a container's standard error, too
	return len(b), nil
}

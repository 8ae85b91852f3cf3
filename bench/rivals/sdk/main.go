// Sdk is the job loop as one writes it on Docker's SDK: github.com/moby/moby/client, with amqp091-go.
//
//	sdk [-tuned] [-q QUEUE] [-c N] DOCKERHOST AMQPURL
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	amqp "github.com/rabbitmq/amqp091-go"
)

// job is a message.
type job struct {
	Dockercmd string
	Image     string
	Cmd       []string
	Options   struct {
		Attach []string
		Label  []string // key=value
		Remove bool
	}
}

func main() {
	queue := flag.String("q", "docker-dispatch", "`queue` to consume")
	slots := flag.Int("c", 16, "`number` of messages worked on at once")
	tuned := flag.Bool("tuned", false, "keep as many connections as there are messages in work")
	flag.Parse()
	log.SetFlags(0)
	if flag.NArg() != 2 {
		log.Fatal("sdk: two arguments: DOCKERHOST AMQPURL")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	docker, err := connect(flag.Arg(0), *tuned, *slots)
	if err != nil {
		log.Fatalf("sdk: %v", err)
	}
	if err := consume(ctx, docker, flag.Arg(1), *queue, *slots); err != nil {
		log.Fatalf("sdk: %v", err)
	}
}

// connect makes the client as it comes. Tuned, its transport is the same but for how many connections it keeps.
func connect(host string, tuned bool, slots int) (*client.Client, error) {
	if !tuned {
		return client.New(client.WithHost(host))
	}
	pool := &http.Transport{MaxIdleConns: 4 * slots, MaxIdleConnsPerHost: 4 * slots}
	return client.New(client.WithHTTPClient(&http.Client{Transport: pool, CheckRedirect: client.CheckRedirect}), client.WithHost(host), client.WithScheme("http"))
}

func consume(ctx context.Context, docker *client.Client, broker, queue string, slots int) error {
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
	deliveries, err := ch.ConsumeWithContext(ctx, queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	var jobs sync.WaitGroup
	defer jobs.Wait()
	for d := range deliveries {
		jobs.Go(func() {
			if err := handle(context.Background(), docker, d); err != nil {
				log.Fatalf("sdk: message %s: %v", d.MessageId, err) // for a comparison: an honest loop would go on
			}
		})
	}
	return nil
}

func handle(ctx context.Context, docker *client.Client, d amqp.Delivery) error {
	var j job
	if err := json.Unmarshal(d.Body, &j); err != nil {
		return err
	}
	if err := run(ctx, docker, &j); err != nil {
		return err
	}
	return d.Ack(false)
}

// run is docker run: attached before the start, waited for from before the start.
func run(ctx context.Context, docker *client.Client, j *job) error {
	options := client.ContainerAttachOptions{Stream: true}
	for _, stream := range j.Options.Attach {
		options.Stdout = options.Stdout || strings.EqualFold(stream, "stdout")
		options.Stderr = options.Stderr || strings.EqualFold(stream, "stderr")
	}
	labels := map[string]string{}
	for _, label := range j.Options.Label {
		key, value, _ := strings.Cut(label, "=")
		labels[key] = value
	}
	created, err := docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config:     &container.Config{Image: j.Image, Cmd: j.Cmd, AttachStdout: options.Stdout, AttachStderr: options.Stderr, Labels: labels},
		HostConfig: &container.HostConfig{},
	})
	if err != nil {
		return err
	}
	attached, err := docker.ContainerAttach(ctx, created.ID, options)
	if err != nil {
		return err
	}
	defer attached.Close()
	wait := docker.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := docker.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if _, err := stdcopy.StdCopy(os.Stdout, os.Stdout, attached.Reader); err != nil {
		return err
	}
	select {
	case err := <-wait.Error:
		return err
	case exit := <-wait.Result:
		if exit.StatusCode != 0 {
			return fmt.Errorf("the container exited with %d", exit.StatusCode)
		}
	}
	if !j.Options.Remove {
		return nil
	}
	_, err = docker.ContainerRemove(ctx, created.ID, client.ContainerRemoveOptions{RemoveVolumes: true})
	return err
}

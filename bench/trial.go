package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"docker-dispatch/bench/instant"
)

// patience is how long a step may take until something is wrong.
const patience = 5 * time.Minute

// work is what a rival has to do.
type work struct {
	slots    int      // messages in work at once
	messages int      //
	image    string   // "" on the instant Engine, which has none
	cmd      []string // of each container
	args     []string // more of the program's own
	late     bool     // the messages come later, by fill
	broker   string   // its URI, if that is another than bench's own
}

// trial is one rival at one work.
type trial struct {
	work
	bench   *bench
	queue   string
	engine  *instant.Engine // nil with the real one
	events  *events         // of the real one
	process *process
	closed  bool
}

var trials int

func (b *bench) newTrial(w work) (*trial, error) {
	trials++
	t := &trial{work: w, bench: b, queue: fmt.Sprintf("bench-%d-%d", os.Getpid(), trials)}
	return t, b.broker.declare(t.queue)
}

// begin starts a rival on the instant Engine.
func (b *bench) begin(r *rival, w work) (*trial, error) {
	t, err := b.newTrial(w)
	if err == nil {
		t.engine, err = instant.Listen(filepath.Join(b.dir, fmt.Sprintf("%d.sock", trials)))
	}
	if err == nil && !w.late {
		err = t.fill()
	}
	if err == nil {
		err = t.start(r, "unix://"+t.engine.Socket)
	}
	if err != nil {
		t.close()
	}
	return t, err
}

// beginReal starts a rival on the real Engine, without messages yet.
func (b *bench) beginReal(r *rival, w work) (*trial, error) {
	t, err := b.newTrial(w)
	if err == nil {
		t.events, err = watchContainers(b.docker, t.label(), w.messages)
	}
	if err == nil {
		err = t.start(r, b.docker)
	}
	if err != nil {
		t.close()
	}
	return t, err
}

func (t *trial) start(r *rival, engine string) (err error) {
	broker := or(t.broker, t.bench.amqp)
	t.process, err = start(r.path, r.commandLine(t.queue, t.slots, engine, broker, t.args...))
	return err
}

// label is that of the trial's containers on the real Engine.
func (t *trial) label() string { return "bench=" + t.queue }

// fill puts the messages into the queue.
func (t *trial) fill() error {
	options := map[string]any{"Attach": []string{"STDOUT", "STDERR"}, "Remove": true}
	if t.events != nil {
		options["Label"] = []string{t.label()}
	}
	body, err := json.Marshal(map[string]any{"Dockercmd": "run", "Image": or(t.image, "instant"), "Cmd": t.cmd, "Options": options})
	if err != nil {
		return err
	}
	return t.bench.broker.fill(t.queue, t.messages, body)
}

// close ends what is left of the trial.
func (t *trial) close() {
	if t.closed {
		return
	}
	t.closed = true
	if t.process != nil {
		t.process.kill()
	}
	if t.engine != nil {
		t.engine.Close()
	}
	if t.events != nil {
		t.events.close()
	}
	t.bench.broker.drop(t.queue)
}

// awaitRemoval returns when every container has been made and removed.
func (t *trial) awaitRemoval() error {
	return t.process.until(patience, func() (bool, error) { return t.engine.Deleted() >= int64(t.messages), nil })
}

// awaitConsumer returns when the rival consumes.
func (t *trial) awaitConsumer() error {
	return t.process.until(patience, func() (bool, error) {
		_, consumers, err := t.bench.broker.look(t.queue)
		return consumers > 0, err
	})
}

// end lets the rival leave, and proves that it has done its work: no message is left, each had one container, and that is gone.
func (t *trial) end() error {
	defer t.close()
	if err := t.leave(); err != nil {
		return err
	}
	stats, n := t.engine.Stats(), int64(t.messages)
	created, deleted := stats.Calls["ContainerCreate"], stats.Calls["ContainerDelete"]
	if created != n || deleted != n || stats.Alive != 0 {
		return t.process.trouble(fmt.Sprintf("%d messages, %d containers made, %d removed, %d left", n, created, deleted, stats.Alive))
	}
	return nil
}

// endReal is end on the real Engine.
func (t *trial) endReal() error {
	defer t.close()
	if err := t.leave(); err != nil {
		return err
	}
	if created, destroyed := t.events.counts(); created != t.messages || destroyed != t.messages {
		return t.process.trouble(fmt.Sprintf("%d messages, %d containers made, %d removed", t.messages, created, destroyed))
	}
	return nil
}

// leave lets the rival leave, and looks for messages that it has not acknowledged.
func (t *trial) leave() error {
	if err := t.process.stop(); err != nil {
		return err
	}
	messages, _, err := t.bench.broker.look(t.queue)
	if err == nil && messages > 0 {
		err = t.process.trouble(fmt.Sprintf("%d messages are left", messages))
	}
	return err
}

// said proves that a rival has printed a line so many times.
func (t *trial) said(text string, times int) error {
	if n := bytes.Count(t.process.out.kept(), []byte(text+"\n")); n != times {
		return t.process.trouble(fmt.Sprintf("%q was written %d times, and printed %d times", text, times, n))
	}
	return nil
}

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

// patience is how long a trial may take until something is wrong.
const patience = 10 * time.Minute

// work is what a rival has to do.
type work struct {
	slots    int      // messages in work at once
	messages int      //
	image    string   //
	cmd      []string // of each container
	args     []string // more of the program's own
	late     bool     // the messages come when it consumes, and are not there before
}

// body is the message.
func (w *work) body() []byte {
	body, err := json.Marshal(map[string]any{
		"Dockercmd": "run", "Image": w.image, "Cmd": w.cmd, "Options": map[string]any{"Attach": []string{"STDOUT", "STDERR"}, "Remove": true},
	})
	if err != nil {
		panic(err)
	}
	return body
}

// trial is one rival at one work.
type trial struct {
	work
	bench   *bench
	queue   string
	engine  *instant.Engine // nil with the real one
	process *process
	closed  bool
}

var trials int

// begin starts a rival on the instant Engine.
func (b *bench) begin(r *rival, w work) (t *trial, err error) {
	trials++
	w.image = "instant"
	t = &trial{work: w, bench: b, queue: fmt.Sprintf("bench-%d-%d", os.Getpid(), trials)}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if t.engine, err = instant.Listen(filepath.Join(b.dir, fmt.Sprintf("%d.sock", trials))); err != nil {
		return t, err
	}
	if err := b.broker.declare(t.queue); err != nil {
		return t, err
	}
	if !w.late {
		if err := b.broker.fill(t.queue, w.messages, w.body()); err != nil {
			return t, err
		}
	}
	t.process, err = start(r.path, r.commandLine(t.queue, w.slots, "unix://"+t.engine.Socket, b.amqp, w.args...))
	return t, err
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
	t.bench.broker.drop(t.queue)
}

// awaitRemoval returns when every container has been made and removed.
func (t *trial) awaitRemoval() error {
	return t.process.until(patience, func() (bool, error) {
		return t.engine.Deleted() >= int64(t.messages), nil
	})
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
	if err := t.process.stop(); err != nil {
		return err
	}
	stats := t.engine.Stats()
	messages, _, err := t.bench.broker.look(t.queue)
	created, deleted := stats.Calls["ContainerCreate"], stats.Calls["ContainerDelete"]
	switch n := int64(t.messages); {
	case err != nil:
		return err
	case messages > 0:
		return t.process.trouble(fmt.Sprintf("%d messages are left", messages))
	case created != n || deleted != n || stats.Alive != 0:
		return t.process.trouble(fmt.Sprintf("%d messages, %d containers made, %d removed, %d left", n, created, deleted, stats.Alive))
	}
	return nil
}

// said proves that a rival has printed the text of every container, once.
func (t *trial) said(text string) error {
	if n := bytes.Count(t.process.out.kept(), []byte(text+"\n")); n != t.messages {
		return t.process.trouble(fmt.Sprintf("%d containers said %q, and %d of these were printed", t.messages, text, n))
	}
	return nil
}

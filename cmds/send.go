package cmds

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"docker-dispatch/wire"
)

// Send puts messages into a queue, and writes the id of each once it is there.
type Send struct {
	Queue   string
	ID      string             // of one message; "" gives each an id of its own
	Key     ed25519.PrivateKey // signs them; nil does not
	MaxBody int                // bytes
	Timeout time.Duration      // for each
	Publish func(context.Context, wire.Publishing) error
	Out     io.Writer

	sent int
}

// Messages sends what a file has, one JSON object after another, up to the first that no dispatcher would understand.
func (s *Send) Messages(file string, r io.Reader) error {
	err := eachMessage(file, r, s.MaxBody, s.message)
	if err != nil {
		return fmt.Errorf("%w (sent before that: %d)", err, s.sent)
	}
	return nil
}

func (s *Send) message(name string, body []byte) error {
	id := s.ID
	switch {
	case id == "":
		id = rand.Text()
	case s.sent > 0:
		return errors.New(name + ": -id is for one message, and this is one more")
	}
	if err := s.send(id, body); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.sent++
	_, err := fmt.Fprintln(s.Out, id)
	return err
}

func (s *Send) send(id string, body []byte) error {
	j := &job{origin: wire.Delivery{Body: body}}
	if j.interpret(s.MaxBody, ""); j.err != nil {
		return j.err
	}
	p := wire.Publishing{Queue: s.Queue, Body: body, Properties: wire.Properties{MessageID: id, ContentType: "application/json"}}
	if s.Key != nil {
		p.Headers = map[string]any{HeaderSignature: Sign(s.Key, s.Queue, id, time.Now(), body)}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), s.Timeout, fmt.Errorf("not within -timeout, %v", s.Timeout))
	defer cancel()
	return s.Publish(ctx, p)
}

// eachMessage reads one JSON object after another from a file, and names each. It ends with an error of do.
func eachMessage(file string, r io.Reader, maxBody int, do func(name string, body []byte) error) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	n := 0
	err := ReadMessages(ctx, r, 1, maxBody, func(d wire.Delivery) {
		n++
		name := file
		if n > 1 {
			name = fmt.Sprintf("%s (%d)", file, n)
		}
		if err := do(name, d.Body); err != nil {
			stop(err)
		}
		d.Settle(wire.Ack)
	})
	return errors.Join(err, context.Cause(ctx))
}

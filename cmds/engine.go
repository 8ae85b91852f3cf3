package cmds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"docker-dispatch/dockerapi"
)

// Engine does commands. A result without an error has its Status; with one it says what is known all the same. What the
// container writes goes to s, which is nil for commands that run none.
type Engine interface {
	Do(ctx context.Context, c *Command, s *Streams) (Result, error)
}

const (
	backoffFirst = 100 * time.Millisecond // an Engine that restarts is away for a second or more
	backoffLast  = 5 * time.Second        // and one that is away for long is asked for this often
)

// Host is the Engine of one Docker daemon. While the daemon is away, commands wait for it.
type Host struct {
	client *dockerapi.Client
	log    *slog.Logger

	probing chan struct{} // holds one: whoever asks whether the daemon is back
	back    time.Time     // when it was last seen to be; guarded by probing

	mu    sync.Mutex
	runs  map[*running]bool // attached runs whose container has not been dealt with
	pulls map[string]*pull  // by image
}

// NewHost makes the Engine of the daemon that client talks to.
func NewHost(client *dockerapi.Client, log *slog.Logger) *Host {
	return &Host{client: client, log: log, probing: make(chan struct{}, 1), runs: map[*running]bool{}, pulls: map[string]*pull{}}
}

// Do does one command. Errors other than ctx's are the daemon's, and final.
func (h *Host) Do(ctx context.Context, c *Command, s *Streams) (Result, error) {
	switch c.Verb {
	case "run":
		return h.run(ctx, c, s)
	case "stop":
		return h.stop(ctx, c)
	case "remove":
		return h.remove(ctx, c)
	}
	return Result{}, fmt.Errorf("cmds: no way to do %q", c.Verb)
}

// Ready returns when the daemon answers, and an error when it will never do.
func (h *Host) Ready(ctx context.Context) error {
	return h.patient(ctx, func(bool) error { return h.client.Negotiate(ctx) })
}

// patient does a step until the daemon has answered it, however long it is away. Done says that the daemon may have done
// it already, when an answer was lost, so that the step can look before it repeats.
func (h *Host) patient(ctx context.Context, step func(done bool) error) error {
	done := false
	for delay := backoffFirst; ; delay = min(2*delay, backoffLast) {
		start := time.Now()
		err := step(done)
		if err == nil || !h.away(ctx, err) {
			return err
		}
		if delay > backoffFirst {
			h.log.Warn("the Docker Engine answers, but not to this; asking again", "error", err)
		}
		done = done || mayBeDone(err)
		if err := h.wait(ctx, start, delay, err); err != nil {
			return err
		}
	}
}

// away says whether an error means that the daemon is not there. One that is going down refuses first, with all kinds of
// words and a status of its own fault, and is not there when it is asked again.
func (h *Host) away(ctx context.Context, err error) bool {
	var lost *dockerapi.NoAnswer
	switch {
	case ctx.Err() != nil:
		return false
	case errors.As(err, &lost):
		return true
	}
	return status(err) >= 499 && !h.alive(ctx)
}

// mayBeDone says whether the daemon may have acted on the call that met err.
func mayBeDone(err error) bool {
	var lost *dockerapi.NoAnswer
	return !errors.As(err, &lost) || lost.Sent
}

// alive says whether the daemon takes new connections and answers.
func (h *Host) alive(ctx context.Context) bool {
	_, err := h.client.SystemPing(ctx)
	return err == nil
}

// wait returns when the daemon has been seen after the failure of a step that began at start, and not before delay, more or
// less. One of all who wait asks, and says so.
func (h *Host) wait(ctx context.Context, start time.Time, delay time.Duration, cause error) error {
	select {
	case h.probing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.probing }()
	if h.back.After(start) {
		return nil
	}
	said := false
	for ; ; delay = min(2*delay, backoffLast) {
		if err := sleep(ctx, delay/2+rand.N(delay/2)); err != nil {
			return err
		}
		if h.alive(ctx) {
			break
		}
		if !said {
			h.log.Warn("the Docker Engine is away; waiting for it", "error", cause, "mend", mendEngine(cause))
			said = true
		}
	}
	if said {
		h.log.Info("the Docker Engine is back")
	}
	h.back = time.Now()
	return nil
}

// mends are what an operator can do about an Engine that is not there.
var mends = []struct {
	cause error
	mend  string
}{
	{fs.ErrPermission, "run as root or as a member of the socket's group, docker"},
	{fs.ErrNotExist, "is dockerd running, and is this its socket?"},
	{syscall.ECONNREFUSED, "is dockerd running, and does it listen there?"},
}

func mendEngine(cause error) string {
	for _, m := range mends {
		if errors.Is(cause, m.cause) {
			return m.mend
		}
	}
	return "start dockerd, or wait for it to restart"
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

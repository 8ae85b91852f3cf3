package cmds

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"
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
	log    *logfmt.Logger

	// Away is told that the daemon is away, and that it is back: runs that were not begun are then given back to the broker. Nil:
	// there is none. Set it before the first command.
	Away func(bool)

	// Credentials are those for the registries that images are pulled from. Set them before the first command.
	Credentials Credentials

	late time.Duration // exitAfterOutput

	turn    chan struct{} // holds one: the run that is taken up alone
	probing chan struct{} // holds one: whoever asks whether the daemon is back
	back    time.Time     // when it was last seen to be; guarded by probing

	mu     sync.Mutex
	absent bool                     // Away has been told so
	idle   map[*Command]bool        // runs that have not been begun, and can be given back
	gone   time.Time                // when the daemon was last seen to be away
	runs   map[*running]bool        // attached runs whose container has not been dealt with
	held   map[*running]bool        // those that are no runs, and have streams of a container
	pulls  map[dockerapi.Pull]*pull // under way
	strays map[string]Stray         // containers of an earlier process that no message has come for yet, by id
}

// NewHost makes the Engine of the daemon that client talks to.
func NewHost(client *dockerapi.Client, log *logfmt.Logger) *Host {
	return &Host{client: client, log: log, late: exitAfterOutput, turn: make(chan struct{}, 1), probing: make(chan struct{}, 1), idle: map[*Command]bool{}, runs: map[*running]bool{}, held: map[*running]bool{}, pulls: map[dockerapi.Pull]*pull{}}
}

// Ready returns when the daemon answers, and an error when it will never do: it is too old, or its certificate or ours is no
// good.
func (h *Host) Ready(ctx context.Context) error {
	return h.patient(ctx, func(bool) error {
		err := h.client.Negotiate(ctx)
		var distrust *wire.Distrust
		if errors.As(err, &distrust) {
			return distrust // alone, it is not waited out
		}
		return err
	})
}

// garbledTries is how often a step is tried that is answered with what cannot be understood: once could be a cut that looks
// like it.
const garbledTries = 3

// patient does a step until the daemon has answered it, however long it is away. Done says that the daemon may have done
// it already, when an answer was lost, so that the step can look before it repeats.
func (h *Host) patient(ctx context.Context, step func(done bool) error) error {
	done, garbled := false, 0
	for delay := backoffFirst; ; delay = min(2*delay, backoffLast) {
		start := time.Now()
		err := step(done)
		if err == nil {
			return nil
		}
		done = done || mayBeDone(err)
		switch {
		case isGarbled(err):
			if garbled++; garbled == garbledTries {
				return err
			}
			h.log.Warn("an answer of the Docker Engine cannot be understood; asking again", "error", err)
			err = sleep(ctx, delay)
		case h.away(ctx, err):
			if delay > backoffFirst {
				h.log.Warn("the Docker Engine answers, but not to this; asking again", "error", err)
			}
			err = h.wait(ctx, start, delay, err)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
}

func isGarbled(err error) bool {
	var garbled *dockerapi.Garbled
	return errors.As(err, &garbled)
}

// away says whether an error means that the daemon is not there. One that is going down refuses first, with all kinds of
// words and a status of its own fault, and is not there when it is asked again.
func (h *Host) away(ctx context.Context, err error) bool {
	var lost *dockerapi.NoAnswer
	switch {
	case ctx.Err() != nil:
		return false
	case errors.As(err, &lost), status(err) >= 499 && !h.alive(ctx):
		h.mu.Lock()
		defer h.mu.Unlock()
		h.gone = time.Now()
		return true
	}
	return false
}

// shakenTime is how long a daemon that goes down may take over it: it ends its containers by SIGTERM and, 15 seconds later,
// by SIGKILL.
const shakenTime = 15 * time.Second

// shaken says whether the daemon is away, or has been just now.
func (h *Host) shaken(ctx context.Context) bool {
	h.mu.Lock()
	gone := h.gone
	h.mu.Unlock()
	return time.Since(gone) < shakenTime || !h.alive(ctx)
}

// own says that a container is in work here.
func (h *Host) own(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.strays, id)
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
	said, doubted := false, isDistrust(cause)
	defer func() {
		if said {
			h.tell(false)
		}
	}()
	audited := !errors.Is(cause, ErrUnaudited) // of what cannot be, the audit tells
	for ; ; delay = min(2*delay, backoffLast) {
		if err := sleep(ctx, delay/2+rand.N(delay/2)); err != nil {
			return err
		}
		_, err := h.client.SystemPing(ctx)
		if err == nil {
			break
		}
		if !said && audited {
			h.log.Warn("the Docker Engine is away; waiting for it", "error", cause, "mend", mendEngine(cause))
		}
		if !said {
			h.tell(true)
			said = true
		}
		if isDistrust(err) && !doubted { // that is for a person to mend, and not for time
			h.log.Warn("the Docker Engine is there, but not to be trusted", "error", err, "mend", mendEngine(err))
			doubted = true
		}
	}
	if said && audited {
		h.log.Info("the Docker Engine is back")
	}
	h.back = time.Now()
	return nil
}

// tell says that the daemon is away or back, and gives back what has not been begun.
func (h *Host) tell(away bool) {
	if h.Away == nil {
		return
	}
	h.Away(away)
	h.mu.Lock()
	h.absent = away
	var idle map[*Command]bool
	if away {
		idle, h.idle = h.idle, map[*Command]bool{}
	}
	h.mu.Unlock()
	for c := range idle {
		c.GiveBack()
	}
}

// await lets a run be given back for as long as it has not been begun.
func (h *Host) await(c *Command) {
	if c.GiveBack == nil {
		return
	}
	h.mu.Lock()
	absent := h.absent
	if !absent {
		h.idle[c] = true
	}
	h.mu.Unlock()
	if absent {
		c.GiveBack()
	}
}

// begins says that a run begins now, and whether it may: it has not been given back.
func (h *Host) begins(c *Command) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.idle[c] {
		delete(h.idle, c)
		c.GiveBack = nil
	}
	return c.GiveBack == nil
}

func (h *Host) isGivenBack(c *Command) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return c.GiveBack != nil && !h.idle[c]
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

// isDistrust tells that the daemon and we do not accept each other's certificates.
func isDistrust(err error) bool {
	var distrust *wire.Distrust
	return errors.As(err, &distrust)
}

func mendEngine(cause error) string {
	if isDistrust(cause) {
		return "renew or replace the certificate; the files are read anew at each attempt"
	}
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

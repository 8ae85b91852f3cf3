package cmds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"docker-dispatch/dockerapi"
)

// exit is how a container has ended.
type exit struct {
	code      int
	oomKilled bool
	cut       bool // the Engine went away meanwhile

	begun, end time.Time // of the run, by the Engine's clock; zero is not known, or not needed
}

// signals are the names of Linux' signals 1 to 31 (signal(7), x86 and ARM).
var signals = [...]string{
	1: "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
	"SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",
	"SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

// signaled is the exit code, less the signal's number, of a process that a signal has ended: Engines and shells say so.
const signaled = 128

// signalOf is the signal that an exit code stands for; "" is none.
func signalOf(code int) string {
	if n := code - signaled; n > 0 && n < len(signals) {
		return signals[n]
	}
	return ""
}

// exit waits until the container of a run has exited: for the first time, if the Engine restarts it.
func (h *Host) exit(ctx context.Context, r *running) (e exit, err error) {
	if r.first != nil {
		<-r.first.known
		e, err = r.first.exit, r.first.err
	} else {
		e, err = h.onlyExit(ctx, r.id)
	}
	if status(err) == 404 {
		if code, known := r.recorded(); known {
			return exit{code: code, cut: e.cut}, nil
		}
		err = errGone
	}
	return e, err
}

func (h *Host) onlyExit(ctx context.Context, id string) (e exit, err error) {
	tries := 0
	err = h.patient(ctx, func(bool) (err error) {
		e.cut = tries > 0
		tries++
		e.code, err = h.client.ContainerWait(ctx, id)
		return err
	})
	if err == nil && e.code != 0 {
		h.examine(ctx, id, &e)
	}
	return e, err
}

// examine notes of a container that has exited what is not in its code. It asks once: of an Engine that is away that stays unknown.
func (h *Host) examine(ctx context.Context, id string, e *exit) {
	container, err := h.client.ContainerInspect(ctx, id)
	if err == nil {
		e.oomKilled, e.begun, e.end = container.State.OOMKilled, container.State.StartedAt, container.State.FinishedAt
	}
}

// isOOMKilled says whether a container that has exited with that code had a process killed for want of memory, as far as is known.
func (h *Host) isOOMKilled(ctx context.Context, container string, code int) bool {
	var e exit
	if code != 0 {
		h.examine(ctx, container, &e)
	}
	return e.oomKilled
}

// firstExit is the exit that a run with a restart policy is answered with, as docker run has it: the first one. Of a container
// that was found, or whose wait was lost with the Engine, it is the first that is seen.
type firstExit struct {
	seen   context.Context // ends with the run that exits: what the log says later is another's
	known  chan struct{}   // closed when exit and err are there
	exit   exit
	err    error
	cancel context.CancelFunc
}

// expectExit begins to wait for the exit of a container that is about to be started, and returns when nothing of it can be missed.
func (h *Host) expectExit(ctx context.Context, r *running) error {
	awaited, err := h.client.ContainerAwaitExit(ctx, r.id)
	if err == nil {
		h.watchExit(ctx, r, awaited)
	}
	return err
}

// watchExit notes the exit, in the background, until r dismisses it. Awaited is nil for a container that was started before.
func (h *Host) watchExit(ctx context.Context, r *running, awaited *dockerapi.Exit) {
	ctx, cancel := context.WithCancel(ctx)
	seen, see := context.WithCancel(context.Background())
	f := &firstExit{seen: seen, known: make(chan struct{}), cancel: cancel}
	r.first = f
	go func() {
		defer close(f.known)
		defer see()
		f.exit, f.err = h.seeExit(ctx, r, awaited, see)
	}()
}

// dismiss ends the waiting for an exit, if there is any.
func (r *running) dismiss() {
	if r.first == nil {
		return
	}
	r.first.cancel()
	<-r.first.known
	r.first = nil
}

// isOver says whether the exit has been seen of a container that may be up again.
func (r *running) isOver() bool { return r.first != nil && r.first.seen.Err() != nil }

// seeExit waits for the exit of awaited or, if that is nil or gets lost, for the next one. It says so by see, at once.
func (h *Host) seeExit(ctx context.Context, r *running, awaited *dockerapi.Exit, see func()) (e exit, err error) {
	before, up := 0, true // runs that have ended before the one whose exit is awaited; it is up
	err = h.patient(ctx, func(bool) (err error) {
		if awaited == nil {
			var container dockerapi.Container
			if awaited, container, err = h.awaitNext(ctx, r); err != nil {
				return err
			}
			if before, up = endedRuns(container), isUp(container); !up {
				e.note(container)
				return awaited.Close()
			}
		}
		e.code, err = awaited.Code(ctx)
		awaited.Close()
		awaited = nil
		e.cut = e.cut || err != nil
		return err
	})
	see()
	if err != nil || !up {
		return e, err
	}
	if container, err := h.glance(ctx, r); err == nil && endedRuns(container) == before+1 {
		e.note(container)
	}
	return e, nil
}

// awaitNext begins to wait for the next exit of a container that has been started, and looks at it only then: either the exit is
// still to come, or the container is not up.
func (h *Host) awaitNext(ctx context.Context, r *running) (*dockerapi.Exit, dockerapi.Container, error) {
	awaited, err := h.client.ContainerAwaitExit(ctx, r.id)
	if err != nil {
		return nil, dockerapi.Container{}, err
	}
	container, err := h.glance(ctx, r)
	if err != nil {
		awaited.Close()
		return nil, container, err
	}
	return awaited, container, nil
}

// glance asks for the container of r once.
func (h *Host) glance(ctx context.Context, r *running) (container dockerapi.Container, err error) {
	err = r.unblocking(func() (err error) {
		container, err = h.client.ContainerInspect(ctx, r.id)
		return err
	})
	return container, err
}

// note takes from a container what is known of its last exit. One that is up again has another state already.
func (e *exit) note(container dockerapi.Container) {
	e.end = container.State.FinishedAt
	if !isUp(container) {
		e.code, e.oomKilled, e.begun = container.State.ExitCode, container.State.OOMKilled, container.State.StartedAt
	}
}

func isUp(container dockerapi.Container) bool {
	return container.State.Status == "running" || container.State.Status == "paused"
}

// endedRuns is how often a container has exited. Docker counts a restart when it is due, and Podman when it is made.
func endedRuns(container dockerapi.Container) int {
	if hasEnded(container.State.Status) {
		return container.RestartCount + 1
	}
	return container.RestartCount
}

// logLag is how much later than a container's exit, in its log's times, its last lines may be. The first lines of its next run are
// later by the 0.1 s, at least, after which it is restarted.
const logLag = 50 * time.Millisecond

var errLogGoesOn = errors.New("the container has been restarted, and its log goes on")

// until is the time up to which a log is that of a run with this exit, as the log's query has it.
func (e exit) until() (string, error) {
	if e.end.IsZero() {
		return "", errLogGoesOn
	}
	last := e.end.Add(logLag)
	return fmt.Sprintf("%d.%09d", last.Unix(), last.Nanosecond()), nil
}

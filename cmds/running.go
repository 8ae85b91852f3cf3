package cmds

import (
	"context"
	"strings"
	"sync"
	"time"

	"docker-dispatch/dockerapi"
)

const (
	stallCheck = 100 * time.Millisecond // how often a container's's output is looked at
	stallTime  = 500 * time.Millisecond // no reader that is alive is slower than this for one write
	goneCheck  = 50 * time.Millisecond  // how often a container that is being removed is looked for
)

// running is an attached run, from its create until its container has been dealt with.
type running struct {
	id      string
	name    string // the container's own, given or derived
	remove  bool
	streams *Streams
	read    chan struct{} // closed by copy when the outputs are read or let go
	gone    chan struct{} // closed by leave

	mu     sync.Mutex
	stream *dockerapi.Stream // while it is attached
	code   *int              // noted by a remove, before the container could no longer be asked
}

func (h *Host) enter(r *running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs[r] = true
}

// leave forgets a run: nothing of it is left to be done.
func (h *Host) leave(r *running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runs[r] {
		delete(h.runs, r)
		close(r.gone)
	}
}

// find is the run whose container has that name, that id, or that short id. Nil is none: an id that is shorter still is for
// the Engine to resolve, which knows all the others.
func (h *Host) find(container string) *running {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.runs {
		if r.name == container || len(container) >= shortID && strings.HasPrefix(r.id, container) {
			return r
		}
	}
	return nil
}

func (r *running) attach(stream *dockerapi.Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream = stream
}

// detach closes the attach, if there is one: whoever reads or writes it comes back.
func (r *running) detach() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stream != nil {
		r.stream.Close()
		r.stream = nil
	}
}

func (r *running) record(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.code = &code
}

func (r *running) recorded() (code int, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.code == nil {
		return 0, false
	}
	return *r.code, true
}

// unblocking makes a call about the container of r. An Engine answers none, nor ends the container, while its attach is not
// read, so the attach is closed as soon as nobody takes what was read; the run then gets the rest of the output from the
// log. R may be nil.
func (r *running) unblocking(call func() error) error {
	if r == nil {
		return call()
	}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(stallCheck)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if r.streams.Stalled(stallTime) {
					r.detach()
				}
			}
		}
	})
	err := call()
	close(done)
	watching.Wait()
	return err
}

// awaitRead returns when the outputs of r have been read, or will not be for now.
func (r *running) awaitRead(ctx context.Context) error {
	for {
		select {
		case <-r.read:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(stallCheck):
			if r.streams.Stalled(stallTime) {
				return nil
			}
		}
	}
}

// leaving says whether a container that has a name in use gives it up by itself: it is being removed, or has ended and is
// about to be.
func (h *Host) leaving(holder dockerapi.Container) bool {
	r := h.find(holder.ID)
	ours := r != nil && r.remove
	switch holder.State.Status {
	case "removing":
		return true
	case "exited":
		return ours || holder.HostConfig.AutoRemove
	case "created": // its start was refused
		return ours
	}
	return false
}

// awaitGone returns when the container is not there any more.
func (h *Host) awaitGone(ctx context.Context, id string) error {
	for {
		if r := h.find(id); r != nil {
			select {
			case <-r.gone:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		holder, err := h.inspect(ctx, id)
		switch {
		case status(err) == 404:
			return nil
		case err != nil:
			return err
		case !h.leaving(holder):
			return nil // its removal has failed; the next create says who holds the name
		}
		if err := sleep(ctx, goneCheck); err != nil {
			return err
		}
	}
}

package cmds

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"docker-dispatch/dockerapi"
)

const (
	stallCheck = 100 * time.Millisecond // how often a container's output is looked at
	stallTime  = 500 * time.Millisecond // no reader that is alive is slower than this for one write
	goneCheck  = 50 * time.Millisecond  // how often a container that is being removed is looked for
)

// running is the container of a run: the record of its message. An attached one is known to the Host from its create until
// it has been dealt with.
type running struct {
	host     *Host
	labels   map[string]string // of its claim
	derived  string            // the name that no other message has
	remove   bool              // it goes when its message is settled
	restarts bool              // the Engine restarts it, and somebody here waits for its first exit
	streams  *Streams          // guarded by mu once others know r; nil when its message is settled

	id        string
	warnings  []string    // the Engine's, about what it has made
	longStdin bool        // more than is written before the start; a claimed run has had it whole
	found     bool        // it was made before; then somebody may have claimed it
	begun     time.Time   // when the answer to its start came; of one that was found, what the Engine says
	first     *firstExit  // of one that restarts, while it is waited for
	fed       atomic.Bool // its standard input is wholly written
	expired   atomic.Bool // its Timeout was up
	marked    atomic.Bool // a claim of it may be in the Engine

	mu     sync.Mutex
	name   string            // the container's own, given or derived
	stream *dockerapi.Stream // while it is attached
	code   *int              // noted by a remove, before the container could no longer be asked
	read   milestone         // the outputs are read or let go
	free   milestone         // its name is: its message is settled, or the run is left
	taken  bool              // settled, and then taken over by another run
	doomed bool              // its removal is under way
}

// milestone is something that happens once. Of most, nobody waits for it.
type milestone struct {
	passed bool
	told   chan struct{} // closed by then; nil until somebody waits
}

// pass says that a milestone of r has been reached.
func (r *running) pass(m *milestone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lockedPass(m)
}

func (r *running) lockedPass(m *milestone) {
	if !m.passed && m.told != nil {
		close(m.told)
	}
	m.passed = true
}

// await is closed when a milestone of r has been reached.
func (r *running) await(m *milestone) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.told == nil {
		m.told = make(chan struct{})
		if m.passed {
			close(m.told)
		}
	}
	return m.told
}

func newRunning(h *Host, c *Command, s *Streams) *running {
	derived := c.Message.name()
	r := &running{
		host:     h,
		labels:   ownLabels(c.labels()),
		derived:  derived,
		name:     cmp.Or(c.Container, derived),
		remove:   c.Remove && c.Attached(),
		restarts: c.restarts() && c.Attached(),
		streams:  s,
		id:       c.Resume,

		longStdin: c.Resume == "" && c.Attach.Stdin && len(c.Stdin) > earlyStdin,
	}
	r.marked.Store(c.Resume != "")
	return r
}

func (h *Host) enter(r *running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs[r] = true
}

// forget takes a run out that is about to get another container.
func (h *Host) forget(r *running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.runs, r)
	r.id = ""
}

// leave forgets a run: nothing of it is left to be done.
func (h *Host) leave(r *running) {
	h.mu.Lock()
	delete(h.runs, r)
	h.mu.Unlock()
	r.pass(&r.free)
}

// settled says that the message of r is: the container is only waiting for its removal. No claim of it comes, of whose labels one
// holds the message.
func (r *running) settled() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.labels, r.streams = nil, nil
	r.lockedPass(&r.free)
}

// isSettled may be asked of no run, nil.
func (r *running) isSettled() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.free.passed
}

func (r *running) isNamed(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.name == name
}

// setAside frees the container's name for another: it gets the one that is its message's alone.
func (r *running) setAside(ctx context.Context) error {
	if r.isNamed(r.derived) {
		return nil
	}
	err := r.host.patient(ctx, func(done bool) error {
		if done {
			if container, err := r.host.client.ContainerInspect(ctx, r.id); err != nil || container.Name == "/"+r.derived {
				return err
			}
		}
		return r.host.client.ContainerRename(ctx, r.id, r.derived)
	})
	if err != nil && status(err) != 404 {
		return err
	}
	r.rename(r.derived)
	return nil
}

func (r *running) rename(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.name = name
}

// claim writes the mark by which a process that is started anew knows that this run is its to finish.
func (r *running) claim(ctx context.Context) error {
	r.marked.Store(true)
	return r.host.patient(ctx, func(bool) error { return r.host.client.VolumeCreate(ctx, markPrefix+r.id, r.labels) })
}

// isClaimed says whether the mark is there.
func (r *running) isClaimed(ctx context.Context, queue string) (bool, error) {
	marks, err := r.host.marks(ctx, labelQueue+"="+queue)
	_, is := marks[r.id]
	return is, err
}

// unclaim removes the mark.
func (r *running) unclaim(ctx context.Context) error { return r.host.unclaim(ctx, r.id) }

// halt stops the container by its stop signal and, after the Engine's grace, kills it.
func (r *running) halt(ctx context.Context) error {
	return r.unblocking(func() error {
		return r.host.patient(ctx, func(bool) error { return r.host.client.ContainerStop(ctx, r.id, nil) })
	})
}

// takeOver says that the settled container is not removed, since its message has come once more. It is too late for that when
// the removal is under way.
func (r *running) takeOver() bool {
	r.mu.Lock()
	r.taken = r.taken || !r.doomed
	taken := r.taken
	r.mu.Unlock()
	if taken {
		r.host.leave(r)
	}
	return taken
}

// doom says that the container is removed now, unless it was taken over.
func (r *running) doom() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doomed = !r.taken
	return r.doomed
}

// withVolumes is the query of a removal that takes the container's anonymous volumes, too.
var withVolumes = url.Values{"v": {"1"}}

// destroy removes the container, with what docker run --rm removes.
func (r *running) destroy(ctx context.Context) error {
	if !r.doom() {
		return nil
	}
	defer r.host.leave(r)
	return gone(r.host.delete(ctx, r.id, withVolumes))
}

// find is the run whose container has that name, that id, or that short id. Nil is none: an id that is shorter still is for
// the Engine to resolve, which knows all the others.
func (h *Host) find(container string) *running {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.runs {
		if r.is(container) {
			return r
		}
	}
	return nil
}

func (r *running) is(container string) bool {
	return r.isNamed(container) || len(container) >= shortID && strings.HasPrefix(r.id, container)
}

// hold has the streams of r known to those who do something to its container. The caller ends it.
func (h *Host) hold(r *running) (end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[r] = true
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.held, r)
	}
}

// holders are all whose streams are those of a container: its run, and what else was attached to it, by whatever name.
func (h *Host) holders(container string) (all []*running) {
	run := h.find(container)
	if run != nil {
		all = append(all, run)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.held {
		if r.is(container) || run != nil && (run.is(r.name) || run.is(r.id)) {
			all = append(all, r)
		}
	}
	return all
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

// unblocking is the Host's for the container of r.
func (r *running) unblocking(call func() error) error { return r.host.unblocking(r.id, call) }

// unblocking makes a call about a container; "" is none. An Engine answers none, nor ends the container, while an attach to it is
// not read, so each is closed as soon as nobody takes what was read; a run then gets the rest of the output from the log.
func (h *Host) unblocking(container string, call func() error) error {
	if container == "" {
		return call()
	}
	var mu sync.Mutex // of the watch, which is no goroutine: most calls are over before its first look
	var watch *time.Timer
	over := false
	look := func() {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return
		}
		for _, r := range h.holders(container) {
			if r.stalled() {
				r.detach()
			}
		}
		watch.Reset(stallCheck)
	}
	mu.Lock()
	watch = time.AfterFunc(stallCheck, look)
	mu.Unlock()
	err := call()
	mu.Lock()
	defer mu.Unlock()
	over = true
	watch.Stop()
	return err
}

// stalled says whether nobody takes what was read.
func (r *running) stalled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams != nil && r.streams.Stalled(stallTime)
}

// awaitRead returns when the outputs of r have been read, or when nobody takes what was read.
func (r *running) awaitRead(ctx context.Context) error {
	for {
		select {
		case <-r.await(&r.read):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(stallCheck):
			if r.stalled() {
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
	case "exited", "stopped":
		return ours || holder.HostConfig.AutoRemove
	case "created": // its start was refused
		return ours
	}
	return false
}

// awaitFree returns when a container that gives its name up has done so, or can be set aside.
func (h *Host) awaitFree(ctx context.Context, id string) error {
	for {
		r := h.find(id)
		switch {
		case r.isSettled() && !r.isNamed(r.derived): // since a moment ago
			return nil
		case r != nil && !r.isSettled():
			select {
			case <-r.await(&r.free):
				return nil
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

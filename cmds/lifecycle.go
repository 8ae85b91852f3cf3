package cmds

import (
	"context"
	"fmt"
	"net/url"
)

// prepare is docker create: a run up to its start, which is somebody else's.
func (h *Host) prepare(ctx context.Context, c *Command, s *Streams) (Result, error) {
	r := newRunning(h, c, s)
	r.pass(&r.read)
	_, err := h.obtain(ctx, c, r)
	return Result{ID: r.id, Name: c.Container, Status: StatusCreated, Warnings: r.warnings}, err
}

// stop is docker stop.
func (h *Host) stop(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusStopped}
	r := h.find(c.target())
	if r.isSettled() {
		return res, nil
	}
	err := h.unblocking(c.Container, func() error {
		return h.patient(ctx, func(bool) error {
			if err := h.fit(ctx, c); err != nil {
				return err
			}
			return h.client.ContainerStop(ctx, c.target(), c.Query)
		})
	})
	return res, missing(c, r, err)
}

// remove is docker rm. The container of a run with Remove is not taken away under the run, which has to learn its exit code,
// and not when it waits for its removal as it is.
func (h *Host) remove(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusRemoved}
	r := h.find(c.target())
	if r.isSettled() {
		return res, nil
	}
	if r != nil {
		if err := h.conclude(ctx, c, r); err != nil {
			return res, err
		}
	}
	err := h.delete(ctx, c.target(), c.Query)
	if err == nil && r != nil {
		h.leave(r)
	}
	return res, missing(c, r, err)
}

// missing turns a container that is not there into the end of the command, when that has just been removed, by this very command
// before it came again too, and otherwise into its error.
func missing(c *Command, r *running, err error) error {
	switch {
	case status(err) != 404:
		return err
	case c.RemovePending || r != nil && r.remove || c.Redelivered && c.Verb == "remove":
		return nil
	}
	return fmt.Errorf("no such container: %s", c.Container)
}

// conclude gets out of a run's container what its removal would destroy: the exit code, and the output that is on its way.
// Force ends the container first.
func (h *Host) conclude(ctx context.Context, c *Command, r *running) error {
	if c.Query.Has("force") {
		err := r.unblocking(func() error {
			return h.patient(ctx, func(bool) error { return h.client.ContainerStop(ctx, r.id, url.Values{"t": {"0"}}) })
		})
		if err != nil && status(err) != 404 {
			return err
		}
	}
	container, err := h.inspect(ctx, r.id)
	switch {
	case status(err) == 404:
		return nil
	case err != nil:
		return err
	case !hasEnded(container.State.Status):
		return nil
	}
	r.record(container.State.ExitCode)
	return r.awaitRead(ctx)
}

// delete removes a container. A removal that is under way already, by whomever, is waited for and taken
// for this one.
func (h *Host) delete(ctx context.Context, container string, query url.Values) error {
	elsewhere := false // the container may have been removed by another call, so that not to find it is no error
	for {
		err := h.unblocking(container, func() error {
			return h.patient(ctx, func(done bool) error {
				elsewhere = elsewhere || done
				return h.client.ContainerDelete(ctx, container, query)
			})
		})
		switch {
		case status(err) == 404 && elsewhere:
			return nil
		case !removalUnderWay(err):
			return err
		}
		elsewhere = true
		if err := sleep(ctx, goneCheck); err != nil {
			return err
		}
	}
}

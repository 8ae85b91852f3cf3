package cmds

import (
	"context"
	"fmt"
	"net/url"
)

// stop is docker stop.
func (h *Host) stop(ctx context.Context, c *Command) (Result, error) {
	r := h.find(c.Container)
	err := r.unblocking(func() error {
		return h.patient(ctx, func(bool) error { return h.client.ContainerStop(ctx, c.Container, c.Query) })
	})
	return Result{Name: c.Container, Status: StatusStopped}, missing(c, r, err)
}

// remove is docker rm.
func (h *Host) remove(ctx context.Context, c *Command) (Result, error) {
	res := Result{Name: c.Container, Status: StatusRemoved}
	r := h.find(c.Container)
	if r != nil && c.leftover {
		defer h.leave(r)
	} else if r != nil {
		if err := h.conclude(ctx, c, r); err != nil {
			return res, err
		}
	}
	err := h.delete(ctx, c, r)
	if err == nil && r != nil {
		h.leave(r)
	}
	return res, missing(c, r, err)
}

// missing turns a container that is not there into the end of the command, when that has just been removed, and otherwise
// into its error.
func missing(c *Command, r *running, err error) error {
	switch {
	case status(err) != 404:
		return err
	case c.RemovePending || r != nil && r.remove:
		return nil
	}
	return fmt.Errorf("no such container: %s", c.Container)
}

// conclude gets out of a run's container what its removal would destroy: the exit code, and the output that is on its way.
// Force ends the container first.
func (h *Host) conclude(ctx context.Context, c *Command, r *running) error {
	if c.Query.Get("force") == "true" {
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
	case container.State.Status != "exited":
		return nil
	}
	r.record(container.State.ExitCode)
	return r.awaitRead(ctx)
}

// delete removes the container. A removal that is under way already, by whomever, is waited for and taken for this one.
func (h *Host) delete(ctx context.Context, c *Command, r *running) error {
	elsewhere := false // the container may have been removed by another call, so that not to find it is no error
	for {
		err := r.unblocking(func() error {
			return h.patient(ctx, func(done bool) error {
				elsewhere = elsewhere || done
				return h.client.ContainerDelete(ctx, c.Container, c.Query)
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

// removalOf is the removal of a run's container, with what docker run --rm removes.
func removalOf(id string) Command {
	return Command{Verb: "remove", Container: id, Query: url.Values{"v": {"true"}}, RemovePending: true, leftover: true}
}

package cmds

import (
	"context"
	"slices"
	"time"

	"docker-dispatch/dockerapi"
)

const outputCut = "its connection was cut"

// codeCut is what Engines of 20.10 have for the exit code of a command that had something to say after its connection was cut.
const codeCut = 126

// exec is docker exec: a command in a container that runs.
func (h *Host) exec(ctx context.Context, c *Command, s *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusStarted}
	var id string
	err := h.patient(ctx, func(bool) (err error) {
		id, err = h.client.ContainerExec(ctx, c.target(), c.Body)
		return err
	})
	if err != nil {
		return res, err
	}
	if c.Detach {
		return res, h.startExec(ctx, id, func() error { return h.client.ExecStartDetached(ctx, id, c.Attach.Tty) })
	}
	var stream *dockerapi.Stream
	err = h.startExec(ctx, id, func() (err error) {
		stream, err = h.client.ExecStart(ctx, id, c.Attach)
		return err
	})
	if err != nil {
		return res, err
	}
	s.Container("", c.Container)
	s.Started(nil)
	whole, err := h.carry(ctx, c, s, stream)
	if err != nil {
		return res, err
	}
	code, err := h.execCode(ctx, id)
	if err != nil {
		return res, err
	}
	res.Status = StatusExited
	res.exit(code)
	if !whole {
		res.OutputLost = outputCut
	}
	if err := s.Flush(ctx); err != nil {
		return res, err
	}
	if !whole && code == codeCut {
		return res, errInterrupted("its connection was cut, and with that its exit code lost")
	}
	return res, nil
}

// startExec starts the command, and looks before it does so once more: a command is not run twice. One that has been started by a
// call whose answer was lost has lost its streams too.
func (h *Host) startExec(ctx context.Context, id string, start func() error) error {
	return h.patient(ctx, func(done bool) error {
		if done {
			exec, err := h.client.ExecInspect(ctx, id)
			if status(err) == 404 {
				return errInterrupted("the Docker Engine went away while the command was started")
			}
			if err != nil {
				return err
			}
			if exec.Running || exec.ExitCode != nil {
				return errInterrupted("the connection was cut while the command was started, and it may have run")
			}
		}
		return start()
	})
}

// execCode waits until the command has ended: its outputs may have ended before, or have been cut. An Engine that has been away
// does not know it any more.
func (h *Host) execCode(ctx context.Context, id string) (code int, err error) {
	for delay := exitAfterOutput / 10; ; delay = min(2*delay, time.Second) {
		var exec dockerapi.Exec
		err := h.patient(ctx, func(bool) (err error) {
			exec, err = h.client.ExecInspect(ctx, id)
			return err
		})
		switch {
		case status(err) == 404:
			return 0, errInterrupted("the container was removed, or the Docker Engine restarted, while the command ran")
		case err != nil:
			return 0, err
		case !exec.Running && exec.ExitCode != nil:
			return *exec.ExitCode, nil
		}
		if err := sleep(ctx, delay); err != nil {
			return 0, err
		}
	}
}

// carry prints the streams of what is no run until they end, by themselves when whole.
func (h *Host) carry(ctx context.Context, c *Command, s *Streams, stream *dockerapi.Stream) (whole bool, err error) {
	r := &running{host: h, id: s.id, name: c.Container, streams: s}
	r.fed.Store(!c.Attach.Stdin)
	if c.Verb != "logs" { // which holds up nobody
		defer h.hold(r)()
	}
	return r.copy(ctx, c, stream)
}

// start is docker start. Attached, it is gone along with until the container has exited.
func (h *Host) start(ctx context.Context, c *Command, s *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusStarted}
	if !c.Attached() {
		return res, h.patient(ctx, func(bool) error { return h.client.ContainerStart(ctx, c.target()) })
	}
	container, err := h.inspect(ctx, c.target())
	if err != nil {
		return res, err
	}
	res.ID, c.Attach.Tty = container.ID, container.Config.Tty
	if c.Attach.Stdin && !container.Config.OpenStdin {
		return res, &Invalid{Key: "Options.Interactive", Problem: "the container " + c.Container + " was made without it"}
	}
	stream, exit, err := h.startAttached(ctx, c, container)
	if classify(err) == failed {
		res.exit(startCode(err))
	}
	if err != nil {
		return res, err
	}
	defer exit.Close()
	s.Container(container.ID, c.Container)
	s.Started(nil)
	whole, err := h.carry(ctx, c, s, stream)
	if err != nil {
		return res, err
	}
	e, err := h.end(ctx, container.ID, exit)
	if err != nil {
		return res, err
	}
	if !whole {
		res.OutputLost = outputCut
	}
	res.Status, res.OOMKilled = StatusExited, e.oomKilled
	res.exit(e.code)
	if err := s.Flush(ctx); err != nil {
		return res, err
	}
	if e.cut && slices.Contains(killedCodes, e.code) {
		return res, errInterrupted("the Docker Engine went away while the container ran")
	}
	return res, nil
}

// end is the exit that is awaited or, when that gets lost with the Engine, the one that is found.
func (h *Host) end(ctx context.Context, id string, awaited *dockerapi.Exit) (e exit, err error) {
	if e.code, err = awaited.Code(ctx); err == nil {
		e.oomKilled = h.isOOMKilled(ctx, id, e.code)
		return e, nil
	}
	if ctx.Err() != nil {
		return e, context.Cause(ctx)
	}
	e, err = h.onlyExit(ctx, id)
	e.cut = true
	return e, err
}

// startAttached attaches, begins to wait for the exit, and starts the container: again when an answer was lost, unless the
// container turns out to have been started.
func (h *Host) startAttached(ctx context.Context, c *Command, before dockerapi.Container) (stream *dockerapi.Stream, exit *dockerapi.Exit, err error) {
	id := before.ID
	err = h.patient(ctx, func(done bool) (err error) {
		if done {
			container, err := h.client.ContainerInspect(ctx, id)
			if err == nil && !container.State.StartedAt.Equal(before.State.StartedAt) {
				err = errInterrupted("the connection was cut while the container was started, and it has run")
			}
			if err != nil {
				return err
			}
		}
		if stream, err = h.client.ContainerAttach(ctx, id, c.Attach); err != nil {
			return err
		}
		if exit, err = h.client.ContainerAwaitExit(ctx, id); err == nil {
			if err = h.client.ContainerStart(ctx, id); err == nil {
				return nil
			}
			exit.Close()
		}
		stream.Close()
		return err
	})
	return stream, exit, err
}

// logs is docker logs.
func (h *Host) logs(ctx context.Context, c *Command, s *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusLogged}
	container, err := h.inspect(ctx, c.target())
	if err != nil {
		return res, err
	}
	res.ID = container.ID
	c.Attach.Tty = container.Config.Tty
	var log *dockerapi.Stream
	err = h.patient(ctx, func(bool) (err error) {
		log, err = h.client.ContainerLogs(ctx, container.ID, c.Attach, c.Query)
		return err
	})
	if err != nil {
		return res, err
	}
	s.Container(container.ID, c.Container)
	if c.Query.Has("follow") {
		s.Started(nil)
	}
	whole, err := h.carry(ctx, c, s, log)
	if err != nil {
		return res, err
	}
	if !whole {
		return res, errInterrupted("the Docker Engine went away while the log was read")
	}
	return res, s.Flush(ctx)
}

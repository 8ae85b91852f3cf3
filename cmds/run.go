package cmds

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"docker-dispatch/dockerapi"
)

// A container ends its outputs when it exits. One that exits much later has closed them itself, or something between us
// and the Engine has cut the attach.
const exitAfterOutput = 500 * time.Millisecond

// killedCodes are the exit codes that an Engine gives to containers that it, and not their own command, has ended: by
// SIGKILL, by SIGTERM, and by losing track of them.
var killedCodes = []int{137, 143, 255}

// run is create, attach, start, output, exit code: docker run. The removal of the container, when that is asked for, is
// left to the caller, since the container is the record of the message until that is settled.
func (h *Host) run(ctx context.Context, c *Command, s *Streams) (Result, error) {
	r := &running{name: containerName(c), remove: c.Remove, streams: s, read: make(chan struct{}), gone: make(chan struct{})}
	res := Result{Name: c.Container, Status: StatusStarted}
	ran, err := h.create(ctx, c, r)
	if err != nil {
		res.exit(codeRefused)
		return res, err
	}
	res.ID = r.id
	s.Container(r.id, c.Container)
	if c.Attached() {
		h.enter(r)
	}
	if c.Attached() && c.Remove {
		res.leftover = r.id
	} else {
		defer h.leave(r)
	}
	var stream *dockerapi.Stream
	if !ran {
		if stream, err = h.begin(ctx, c, r); err != nil {
			res.exit(startCode(err))
			return res, err
		}
	}
	s.Started()
	if c.Attached() {
		err = h.follow(ctx, c, r, stream, &res)
	}
	return res, err
}

// create makes the container, after a pull when its image is missing. Ran says that it found the container of this very
// message instead, and that this one has been started before.
func (h *Host) create(ctx context.Context, c *Command, r *running) (ran bool, err error) {
	pulled, lost := false, false
	for {
		err := h.patient(ctx, func(done bool) (err error) {
			lost = lost || done
			r.id, err = h.client.ContainerCreate(ctx, r.name, c.Body)
			return err
		})
		switch {
		case err == nil:
			return false, nil
		case status(err) == 404 && !pulled:
			pulled = true
			if err := h.pull(ctx, c.Body["Image"].(string)); err != nil {
				return false, err
			}
		case status(err) == 409:
			holder, problem := h.freeName(ctx, r.name, c, lost, err)
			if problem != nil || holder != "" {
				r.id = holder
				return true, problem
			}
		default:
			return false, err
		}
	}
}

// containerName is the Name of a run, or one derived from its queue and message id, so that one Engine never has two
// containers for one message. A message without an id cannot be told from its equal, and has a random name.
func containerName(c *Command) string {
	if c.Container != "" {
		return c.Container
	}
	labels := c.Body["Labels"].(map[string]string)
	unique := rand.Text()
	if id := labels[labelMessageID]; id != "" {
		sum := sha256.Sum256([]byte(labels[labelQueue] + "\x00" + id))
		unique = hex.EncodeToString(sum[:10])
	}
	return "docker-dispatch-" + unique
}

// freeName deals with a create that met a name in use. It returns when the name is free, or the id of the holder when
// that is the container of this very message and has been started before, or conflict. Lost says that the answer to a
// create of ours has been lost.
func (h *Host) freeName(ctx context.Context, name string, c *Command, lost bool, conflict error) (id string, err error) {
	holder, err := h.inspect(ctx, name)
	switch {
	case status(err) == 404:
		return "", nil
	case err != nil:
		return "", err
	}
	fresh := holder.State.Status == "created"
	switch {
	case h.leaving(holder):
		return "", h.awaitGone(ctx, holder.ID)
	case isOwn(holder, c) && fresh && (lost || messageID(c) != ""):
		return "", h.discard(ctx, holder.ID)
	case isOwn(holder, c) && !fresh && messageID(c) != "":
		return holder.ID, nil
	}
	return "", conflict
}

func messageID(c *Command) string { return c.Body["Labels"].(map[string]string)[labelMessageID] }

// isOwn says whether a container was made for the message of c, by this dispatcher.
func isOwn(holder dockerapi.Container, c *Command) bool {
	for label, value := range c.Body["Labels"].(map[string]string) {
		if holder.Config.Labels[label] != value {
			return false
		}
	}
	return true
}

// discard removes a container that was never started.
func (h *Host) discard(ctx context.Context, id string) error {
	err := h.patient(ctx, func(bool) error { return h.client.ContainerDelete(ctx, id, nil) })
	if status(err) == 404 {
		return nil
	}
	return err
}

// begin attaches, when anything is to be attached, and starts the container. The stream is nil when the container turns
// out to have been started by a call whose answer was lost.
func (h *Host) begin(ctx context.Context, c *Command, r *running) (stream *dockerapi.Stream, err error) {
	err = h.patient(ctx, func(done bool) (err error) {
		if done {
			container, err := h.client.ContainerInspect(ctx, r.id)
			if err != nil || container.State.Status != "created" {
				return err
			}
		}
		if c.Attached() {
			if stream, err = h.client.ContainerAttach(ctx, r.id, c.Attach); err != nil {
				return err
			}
		}
		if err = h.client.ContainerStart(ctx, r.id); err != nil && stream != nil {
			stream.Close()
			stream = nil
		}
		return err
	})
	return stream, err
}

// follow prints what the container writes until it has exited, and completes the result. Without a stream, and after
// one that was cut, what the container wrote comes from its log.
func (h *Host) follow(ctx context.Context, c *Command, r *running, stream *dockerapi.Stream, res *Result) error {
	whole, err := r.copy(ctx, c, stream)
	if err != nil {
		return err
	}
	ended := time.Now()
	code, cut, err := h.exitCode(ctx, r)
	if err != nil {
		return err
	}
	res.Status = StatusExited
	res.exit(code)
	whole = whole && !cut
	if !whole || time.Since(ended) > exitAfterOutput {
		err := h.rest(ctx, c, r)
		if classify(err) == unfinished {
			return err
		}
		if err != nil && !whole {
			res.OutputLost = explain(err)
		}
	}
	if err := r.streams.Flush(ctx); err != nil {
		return err
	}
	killed := slices.Contains(killedCodes, code) && (cut || !h.alive(ctx))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case killed:
		return errInterrupted(fmt.Sprintf("the Docker Engine went away while the container ran (exit code %d)", code))
	case stream == nil && c.Attach.Stdin:
		return errInterrupted(fmt.Sprintf("the container's standard input was cut (exit code %d)", code))
	}
	return nil
}

// copy carries the streams of an attach until the outputs end. Whole says that they did so by themselves.
func (r *running) copy(ctx context.Context, c *Command, stream *dockerapi.Stream) (whole bool, err error) {
	defer close(r.read)
	if stream == nil {
		return false, nil
	}
	var feeding sync.WaitGroup
	defer feeding.Wait()
	defer r.detach()
	r.attach(stream)
	if c.Attach.Stdin {
		feeding.Go(func() {
			feed(stream, c.Stdin)
			c.Stdin = nil // a long run needs no more of it
		})
	}
	for {
		o, data, err := stream.Next()
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, ctx.Err()
		case !c.Attach.Has(o): // Podman sends both, whatever is asked for
			continue
		}
		if err := r.streams.Write(ctx, o, data); err != nil {
			return false, err
		}
	}
}

// feed gives a container its standard input. One that ends without having read it all is none the worse, as in a pipe;
// an attach that is cut shows in the outputs.
func feed(stream *dockerapi.Stream, input []byte) {
	if _, err := stream.Write(input); err == nil {
		stream.CloseWrite()
	}
}

// exitCode waits until the container has exited. Cut says that the Engine went away meanwhile.
func (h *Host) exitCode(ctx context.Context, r *running) (code int, cut bool, err error) {
	tries := 0
	err = h.patient(ctx, func(bool) (err error) {
		cut = tries > 0
		tries++
		code, err = h.client.ContainerWait(ctx, r.id)
		return err
	})
	if status(err) == 404 {
		if code, known := r.recorded(); known {
			return code, cut, nil
		}
		err = errors.New("the container was removed before its exit code could be read")
	}
	return code, cut, err
}

// rest reads the outputs once more, from the container's log, and prints what had not been read before.
func (h *Host) rest(ctx context.Context, c *Command, r *running) error {
	wanted := c.Attach
	wanted.Stdin = false
	if wanted == (dockerapi.Streams{}) {
		return nil
	}
	return h.patient(ctx, func(bool) error {
		log, err := h.client.ContainerLogs(ctx, r.id, wanted, false)
		if status(err) == 404 {
			return errors.New("the container was removed before its log could be read")
		}
		if err != nil {
			return err
		}
		defer log.Close()
		r.streams.Rewind()
		for {
			o, data, err := log.Next()
			switch {
			case err == io.EOF:
				return r.streams.ReplayEnd()
			case err != nil:
				return err
			}
			if err := r.streams.Replay(ctx, o, data); err != nil {
				return err
			}
		}
	})
}

// inspect asks for a container until the daemon has answered.
func (h *Host) inspect(ctx context.Context, id string) (container dockerapi.Container, err error) {
	err = h.find(id).unblocking(func() error {
		return h.patient(ctx, func(bool) (err error) {
			container, err = h.client.ContainerInspect(ctx, id)
			return err
		})
	})
	return container, err
}

package cmds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"docker-dispatch/dockerapi"
)

// A container ends its outputs when it exits. One that exits later by more than this has closed them itself, or something between us and
// the Engine has cut the attach: its log is read. The Engine's answer to a wait is no measure of that, since it comes when the exit
// has been dealt with: a twentieth of a second later on an idle machine, half a second on a busy one. So a look at a container that
// has written more than littleOutput, in bytes, spares the log; to read less takes no longer than to look.
const (
	exitAfterOutput = 50 * time.Millisecond
	littleOutput    = 1 << 20
)

// killedCodes are the exit codes that an Engine gives to containers that it, and not their own command, has ended: by
// SIGKILL, by SIGTERM, and by losing track of them.
var killedCodes = []int{137, 143, 255}

// earlyStdin is as much standard input, in bytes, as is written before the start, since a container that has started has it
// whole then: the sockets on the way hold that much.
const earlyStdin = 64 << 10

// run is create, attach, start, output, exit code: docker run. A container that was made for the message before is gone on
// with. Its removal is left to the caller, since the container is the record of the message until that is settled.
func (h *Host) run(ctx context.Context, c *Command, s *Streams) (res Result, err error) {
	r := newRunning(h, c, s)
	defer r.pass(&r.read)
	res.Name, res.Attempt, res.Status = c.Container, c.Message.Attempt, StatusStarted
	h.await(c)
	defer h.begins(c)
	stream, err := h.launch(ctx, c, r)
	res.ID, res.Warnings = r.id, r.warnings
	if r.id == "" {
		if classify(err) == failed {
			res.exit(codeRefused)
		}
		return res, err
	}
	res.record = r
	c.Body = nil // a long run needs no more of it
	if !r.remove {
		defer h.leave(r)
	}
	switch {
	case err != nil && c.Resume != "":
		return res, err
	case err != nil:
		res.exit(startCode(err))
		return res, err
	case r.found:
		end, err := h.try(ctx, r)
		if err != nil {
			return res, err
		}
		defer end()
		s.Again()
	}
	s.Started(r)
	if !c.Attached() {
		return res, nil
	}
	err = h.follow(ctx, c, r, stream, &res)
	return res, err
}

// launch leaves the container of r running, or finds that it has run. The stream is that of its attach, nil when it was not
// this call that started it.
func (h *Host) launch(ctx context.Context, c *Command, r *running) (stream *dockerapi.Stream, err error) {
	for {
		record, err := h.obtain(ctx, c, r)
		switch {
		case err != nil:
			return nil, err
		case !h.begins(c):
			return nil, h.giveUp(ctx, c, r, record == nil)
		}
		r.streams.Container(r.id, c.Container)
		if c.Attached() {
			h.enter(r)
		}
		if record != nil && record.State.Status != "created" {
			r.found, r.begun = c.Attached(), record.State.StartedAt
			return nil, nil
		}
		stream, err := h.begin(ctx, c, r, record != nil && c.Resume == "")
		if !h.spent(ctx, r, err) {
			return stream, err
		}
		h.forget(r)
	}
}

// giveUp ends a run whose message was given back before it began. A container that was made for it meanwhile is used by whoever
// gets the message, if that is on this Engine and the message can be told from others.
func (h *Host) giveUp(ctx context.Context, c *Command, r *running, made bool) error {
	id := r.id
	r.id = ""
	if made && c.Message.ID == "" {
		if err := h.discard(ctx, id); err != nil {
			return err
		}
	}
	return errGivenBack
}

// obtain gets r its container. It returns the record of the message when there was one, nil for a container that it made.
func (h *Host) obtain(ctx context.Context, c *Command, r *running) (record *dockerapi.Container, err error) {
	switch {
	case c.Resume != "":
		record, err = h.recordOfClaim(ctx, c)
	case c.Redelivered:
		record, err = h.record(ctx, c)
	}
	if err == nil && record == nil {
		record, err = h.create(ctx, c, r)
	}
	if record != nil {
		r.id = record.ID
		r.rename(strings.TrimPrefix(record.Name, "/"))
	}
	h.own(r.id)
	return record, err
}

// create makes the container, after a pull as the command has it. It returns the record of the message when there turns out
// to be one.
func (h *Host) create(ctx context.Context, c *Command, r *running) (record *dockerapi.Container, err error) {
	image := dockerapi.Pull{Image: c.Body["Image"].(string), Platform: c.Query.Get("platform")}
	if c.Pull == "always" {
		if err := h.patient(ctx, func(bool) error { return h.fit(ctx, c) }); err != nil {
			return nil, err
		}
		if err := h.pull(ctx, image); err != nil {
			return nil, err
		}
	}
	pulled, lost := c.Pull == "always" || c.Pull == "never", false
	for {
		err := h.patient(ctx, func(done bool) (err error) {
			if lost = lost || done; h.isGivenBack(c) {
				return errGivenBack
			}
			if err := h.fit(ctx, c); err != nil {
				return err
			}
			created, err := h.client.ContainerCreate(ctx, r.name, image.Platform, c.Body)
			r.id, r.warnings = created.ID, created.Warnings
			return err
		})
		switch {
		case err == nil:
			return nil, nil
		case imageMissing(err) && !pulled:
			pulled = true
			if err := h.pull(ctx, image); err != nil {
				return nil, err
			}
		case nameInUse(err):
			record, err := h.freeName(ctx, r.name, c, lost, err)
			if err != nil || record != nil {
				return record, err
			}
		default:
			return nil, err
		}
	}
}

// fit holds a command against the API version that the Engine has now.
func (h *Host) fit(ctx context.Context, c *Command) error {
	minor, err := h.client.Version(ctx)
	if err != nil {
		return err
	}
	return c.fits(minor)
}

// freeName deals with a create that met a name in use. It returns the record of the message when that is what holds the
// name, nothing when the name is free, or conflict. Lost says that the answer to a create of ours has been lost.
func (h *Host) freeName(ctx context.Context, name string, c *Command, lost bool, conflict error) (record *dockerapi.Container, err error) {
	if c.Message.ID != "" {
		if record, err = h.record(ctx, c); err != nil || record != nil {
			return record, err
		}
	}
	holder, err := h.inspect(ctx, name)
	switch {
	case status(err) == 404: // gone, or not yet to be seen: an Engine takes the name first
		return nil, sleep(ctx, goneCheck)
	case err != nil:
		return nil, err
	}
	other := h.find(holder.ID)
	switch {
	case c.Message.ID != "" && c.Message.made(holder.Config.Labels):
		return h.usable(ctx, c, holder.ID)
	case other.isSettled() && !other.isNamed(other.derived):
		return nil, other.setAside(ctx)
	case h.leaving(holder):
		return nil, h.awaitFree(ctx, holder.ID)
	case lost && c.Message.made(holder.Config.Labels) && holder.State.Status == "created":
		return nil, h.discard(ctx, holder.ID)
	}
	if _, err := h.inspect(ctx, holder.ID); status(err) == 404 {
		return nil, nil // a run of ours has just ended
	}
	return nil, conflict
}

// discard removes a container that was never started.
func (h *Host) discard(ctx context.Context, id string) error {
	return gone(h.patient(ctx, func(bool) error { return h.client.ContainerDelete(ctx, id, nil) }))
}

// errSpent says that a container that never started cannot be used any more.
var errSpent = errors.New("cmds: the container cannot be started any more")

// begin attaches, when anything is to be attached, and starts the container. The stream is nil when the container turns
// out to have been started by a call whose answer was lost. Found says that it was made by somebody before, who may have tried to start it.
func (h *Host) begin(ctx context.Context, c *Command, r *running, found bool) (stream *dockerapi.Stream, err error) {
	err = h.patient(ctx, func(done bool) (err error) {
		if done {
			switch begun, err := h.hasBegun(ctx, r); {
			case err != nil || begun:
				return err
			case c.Attach.Stdin: // the Engine may have kept what it was sent
				return errSpent
			}
		}
		if c.Attached() {
			if stream, err = h.connect(ctx, c, r); err != nil {
				return err
			}
		}
		if c.Attach.Stdin && len(c.Stdin) <= earlyStdin {
			r.feed(stream, c.Stdin)
		}
		err = h.client.ContainerStart(ctx, r.id)
		r.begun = time.Now()
		if err != nil && stream != nil {
			stream.Close()
			stream = nil
			r.dismiss() // no exit comes
		}
		if (done || found) && status(err) >= 500 { // the daemon has died of the last start, and takes what is left of that for a container that runs
			return errSpent
		}
		return err
	})
	return stream, err
}

// hasBegun says whether the container has been started.
func (h *Host) hasBegun(ctx context.Context, r *running) (bool, error) {
	container, err := h.client.ContainerInspect(ctx, r.id)
	return container.State.Status != "created", err
}

// connect gets r what it needs before the start: the streams, and the first exit where that need not be the last.
func (h *Host) connect(ctx context.Context, c *Command, r *running) (*dockerapi.Stream, error) {
	if r.restarts {
		if err := h.expectExit(ctx, r); err != nil {
			return nil, err
		}
	}
	stream, err := h.client.ContainerAttach(ctx, r.id, c.Attach)
	if err != nil {
		r.dismiss()
	}
	return stream, err
}

// spent says whether the message needs another container than the one that did not start: that one cannot be used any more, and is
// removed here, or another dispatcher has removed it for that reason. Or this has started it meanwhile, and it is found once more.
func (h *Host) spent(ctx context.Context, r *running, err error) bool {
	unusable := errors.Is(err, errSpent)
	if !unusable && status(err) != 404 {
		return false
	}
	begun := false
	err = h.patient(ctx, func(bool) (err error) {
		begun, err = h.hasBegun(ctx, r)
		return err
	})
	if !unusable || err != nil {
		return status(err) == 404
	}
	if begun {
		return true
	}
	err = h.discard(ctx, r.id)
	return err == nil || status(err) == 409 // it runs
}

// follow prints what the container writes until it has exited, and completes the result. Without a stream, and after
// one that was cut, what the container wrote comes from its log.
func (h *Host) follow(ctx context.Context, c *Command, r *running, stream *dockerapi.Stream, res *Result) error {
	defer r.dismiss()
	if r.restarts && r.first == nil {
		h.watchExit(ctx, r, nil)
	}
	defer h.limit(ctx, c, r)()
	losses := h.client.Losses()
	whole, err := r.copy(ctx, c, stream)
	brought := r.streams.taken()
	unfed := r.longStdin && !r.fed.Load()
	starved := err == nil && unfed && h.starved(ctx, r, stream)
	if err == nil && !whole {
		err = h.tail(ctx, c, r)
	}
	if err != nil {
		return err
	}
	ended := time.Now()
	e, err := h.exit(ctx, r)
	if err != nil {
		return err
	}
	res.Status, res.OOMKilled = StatusExited, e.oomKilled
	res.exit(e.code)
	whole = whole && !e.cut && h.client.Losses() == losses
	if !whole || unfed || time.Since(ended) > h.late && (brought <= littleOutput || h.outlived(ctx, r, e, ended)) {
		err := h.rest(ctx, c, r, e)
		if classify(err) == unfinished {
			return err
		}
		if err != nil && !whole {
			res.OutputLost = explain(err)
		} else if r.streams.replaced {
			res.OutputLost = h.replacedBytes(ctx, r)
		}
		starved = starved || unfed && r.streams.taken() > brought // it was the attach that was cut, and ended the container
	}
	if err := r.streams.Flush(ctx); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.expired.Load():
		return errTimeout(fmt.Sprintf("stopped after %v (exit code %d)", c.Timeout, e.code))
	case slices.Contains(killedCodes, e.code) && (e.cut || h.shaken(ctx)):
		return errInterrupted(fmt.Sprintf("the Docker Engine went away while the container ran (exit code %d)", e.code))
	case starved:
		return errInterrupted(fmt.Sprintf("the container's standard input was cut (exit code %d)", e.code))
	}
	return nil
}

// outlived says whether the container has, as far as is known, exited much later than its outputs had ended. Its life is compared by the
// Engine's clock and the outputs' by ours, since the clocks may differ.
func (h *Host) outlived(ctx context.Context, r *running, e exit, ended time.Time) bool {
	if e.begun.IsZero() && !r.restarts {
		h.examine(ctx, r.id, &e)
	}
	return e.begun.IsZero() || r.begun.IsZero() || e.end.Sub(e.begun) > ended.Sub(r.begun)+h.late
}

// limit stops the container when its Timeout is up. The caller ends it.
func (h *Host) limit(ctx context.Context, c *Command, r *running) (end func()) {
	if c.Timeout == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	left := c.Timeout
	if !r.begun.IsZero() {
		left -= time.Since(r.begun)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if sleep(ctx, max(left, 0)) == nil {
			h.expire(ctx, r)
		}
	})
	return func() {
		cancel()
		waiting.Wait()
	}
}

// expire stops a container whose time is up, unless it has just exited by itself.
func (h *Host) expire(ctx context.Context, r *running) {
	container, err := h.inspect(ctx, r.id)
	if err != nil || !isUp(container) || r.isOver() {
		return
	}
	r.expired.Store(true)
	r.halt(ctx)
}

// copy carries the streams of an attach until the outputs end. Whole says that they did so by themselves.
func (r *running) copy(ctx context.Context, c *Command, stream *dockerapi.Stream) (whole bool, err error) {
	if stream == nil {
		return false, nil
	}
	var feeding sync.WaitGroup
	defer feeding.Wait()
	defer func() { err = cmp.Or(r.streams.Settle(ctx), err) }() // the exit may be long after, or never be known
	defer r.detach()
	defer stream.Done()
	r.attach(stream)
	if c.Attach.Stdin && !r.fed.Load() {
		feeding.Go(func() {
			r.feed(stream, c.Stdin)
			c.Stdin = nil // a long run needs none of it
		})
	}
	for {
		if !stream.Ready() {
			if err := r.streams.Settle(ctx); err != nil {
				return false, err
			}
		}
		o, data, err := stream.Next()
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, context.Cause(ctx)
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
func (r *running) feed(stream *dockerapi.Stream, input []byte) {
	if _, err := stream.Write(input); err != nil {
		return
	}
	stream.CloseWrite()
	r.fed.Store(true)
	r.streams.Fed()
}

// starved says, right after the end of an attach that did not take all of the standard input, whether the container has got only a part
// of that: it still runs, or was not fed here at all. One that has exited by then mostly did not want to read it all.
func (h *Host) starved(ctx context.Context, r *running, stream *dockerapi.Stream) bool {
	if stream == nil {
		return true
	}
	container, err := h.client.ContainerInspect(ctx, r.id) // at once: of one that is away nothing can be known
	return err != nil || endedRuns(container) == 0
}

// tail prints the container's log as it grows, until the container has exited. A followed log loses its end now and then,
// and whatever else goes wrong here shows in rest too.
func (h *Host) tail(ctx context.Context, c *Command, r *running) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	if r.first != nil {
		defer context.AfterFunc(r.first.seen, stop)()
	}
	err := h.readLog(ctx, reading, c, r, url.Values{"follow": {"1"}})
	if classify(err) != unfinished || ctx.Err() == nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// rest reads the outputs once more, from the container's log, and prints what had not been read before.
func (h *Host) rest(ctx context.Context, c *Command, r *running, e exit) error {
	query := url.Values{}
	if r.restarts {
		until, err := e.until()
		if err != nil {
			return err
		}
		query.Set("until", until)
	}
	return h.readLog(ctx, ctx, c, r, query)
}

// readLog prints what is new in a log. What is printed is ctx's, while reading may end before.
func (h *Host) readLog(ctx, reading context.Context, c *Command, r *running, query url.Values) error {
	outputs := c.Attach
	outputs.Stdin = false
	if !outputs.Stdout && !outputs.Stderr {
		return nil
	}
	return h.patient(ctx, func(bool) (err error) {
		log, err := h.client.ContainerLogs(reading, r.id, outputs, query)
		if status(err) == 404 {
			return errors.New("the container was removed before its log could be read")
		}
		if err != nil {
			return err
		}
		defer log.Close()
		defer log.Done()
		defer func() { err = cmp.Or(r.streams.Settle(ctx), err) }()
		r.streams.Rewind()
		for {
			if !log.Ready() {
				if err := r.streams.Settle(ctx); err != nil {
					return err
				}
			}
			o, data, err := log.Next()
			switch {
			case err == io.EOF && query.Has("follow"):
				return nil
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

// replacedBytes says what a log driver may have changed, "" when the container wrote it so.
func (h *Host) replacedBytes(ctx context.Context, r *running) string {
	container, err := h.inspect(ctx, r.id)
	if err != nil || container.HostConfig.LogConfig.Type != "json-file" {
		return ""
	}
	return "bytes that are not UTF-8: the log driver json-file has U+FFFD for them"
}

// inspect asks for a container until the daemon has answered.
func (h *Host) inspect(ctx context.Context, id string) (container dockerapi.Container, err error) {
	err = h.unblocking(id, func() error {
		return h.patient(ctx, func(bool) (err error) {
			container, err = h.client.ContainerInspect(ctx, id)
			return err
		})
	})
	return container, err
}

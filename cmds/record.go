package cmds

import (
	"context"
	"errors"

	"docker-dispatch/dockerapi"
)

// markPrefix and a container's id name the empty volume that marks its run as claimed: what can be set after the create, and
// outlives this process, the daemon and the host's restart.
const markPrefix = "docker-dispatch.claim."

// errGone ends a run whose container somebody else has removed.
var errGone = errors.New("the container was removed before its exit code could be read")

// record looks up the container that was made for the message of c before, by whatever dispatcher, under whatever name. Nil
// is none. The message with that id may turn out to have been another one, which is *Invalid.
func (h *Host) record(ctx context.Context, c *Command) (*dockerapi.Container, error) {
	if c.Message.ID == "" {
		return h.recordByName(ctx, c)
	}
	var list []dockerapi.Summary
	err := h.patient(ctx, func(bool) (err error) {
		list, err = h.client.ContainerList(ctx, recordLabels, c.Message.filter()...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, summary := range list {
		if !c.Message.made(summary.Labels) {
			return nil, c.Message.reused()
		}
		record, err := h.usable(ctx, c, summary.ID)
		if err != nil || record != nil {
			return record, err
		}
	}
	return nil, nil
}

// recordByName is record for a message without an id: it is known by its Name and its body.
func (h *Host) recordByName(ctx context.Context, c *Command) (*dockerapi.Container, error) {
	if c.Container == "" {
		return nil, nil
	}
	holder, err := h.inspect(ctx, c.Container)
	switch {
	case status(err) == 404:
		return nil, nil
	case err != nil:
		return nil, err
	case !c.Message.made(holder.Config.Labels):
		return nil, nil
	}
	return h.usable(ctx, c, holder.ID)
}

// usable is a record that can be gone on with, or nil after the removal of one that cannot: a container that never started
// and has standard input, since the Engine keeps what it was sent before.
func (h *Host) usable(ctx context.Context, c *Command, id string) (*dockerapi.Container, error) {
	for {
		record, err := h.inspect(ctx, id)
		switch {
		case status(err) == 404:
			return nil, nil
		case err != nil:
			return nil, err
		}
		if waiting := h.find(id); waiting.isSettled() && !waiting.takeOver() {
			return nil, h.awaitFree(ctx, id)
		}
		if record.State.Status != "created" || !c.Attach.Stdin {
			return &record, nil
		}
		switch err := h.discard(ctx, id); {
		case err == nil:
			return nil, h.unclaim(ctx, id) // another dispatcher may have started it meanwhile: it learns so that the run is not its any more
		case status(err) != 409: // it runs, started by another dispatcher
			return nil, err
		}
	}
}

// recordOfClaim is the container of a claimed run.
func (h *Host) recordOfClaim(ctx context.Context, c *Command) (*dockerapi.Container, error) {
	record, err := h.inspect(ctx, c.Resume)
	switch {
	case status(err) == 404:
		return nil, errGone
	case err != nil:
		return nil, err
	}
	return &record, nil
}

// unclaim removes the mark of a container's claim, if there is one.
func (h *Host) unclaim(ctx context.Context, id string) error {
	return h.deleteVolume(ctx, markPrefix+id)
}

// volumes lists the volumes that have all of these labels.
func (h *Host) volumes(ctx context.Context, labels ...string) (list []dockerapi.Volume, err error) {
	err = h.patient(ctx, func(bool) (err error) {
		list, err = h.client.VolumeList(ctx, markLabels, labels...)
		return err
	})
	return list, err
}

// deleteVolume removes a volume, if it is there.
func (h *Host) deleteVolume(ctx context.Context, name string) error {
	return gone(h.patient(ctx, func(bool) error { return h.client.VolumeDelete(ctx, name) }))
}

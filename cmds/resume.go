package cmds

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"docker-dispatch/dockerapi"
)

// Orphans is what is done with a container of this dispatcher that nobody works on: nobody has claimed it, and its message
// has not come back.
type Orphans string

const (
	OrphansLeave  Orphans = "leave"  // it is said
	OrphansStop   Orphans = "stop"   // it is stopped, and stays for whoever wants to look at it
	OrphansRemove Orphans = "remove" // it is removed
)

// orphanGrace is how long the broker has, with a consumer that has room, to bring the messages of what was found: it gives
// out again at once what was taken.
const orphanGrace = 30 * time.Second

// Resume goes on where an earlier process with this queue and name ended: it finishes what that had claimed, under work, and
// says what else there is. Of that, what no message comes for is dealt with as the operator chose, while take lasts. It is
// called once, before the first delivery.
func (d *Dispatcher) Resume(take, work context.Context, h *Host, queue string, choice Orphans) error {
	d.ready()
	strays, marks, err := h.remains(take, queue, d.Name)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.strays = map[string]Stray{}
	for _, s := range strays {
		h.strays[s.ID] = s
	}
	h.mu.Unlock()
	resumed := 0
	for _, mark := range marks {
		id, claim := strings.CutPrefix(mark.Name, markPrefix)
		switch {
		case mark.Labels[labelDispatcher] != d.Name: // another's
		case !claim:
			if !h.sweepTrial(take, mark) {
				d.trials = append(d.trials, func(ctx context.Context) { h.sweepTrial(ctx, mark) })
			}
		case d.resume(work, queue, id, mark.Labels):
			resumed++
		}
	}
	if resumed+len(strays) > 0 {
		d.Log.Info("found of an earlier run", "claimed", resumed, "waiting for their messages", len(strays))
	}
	d.work.Go(func() { d.sweep(take, h, choice) })
	return nil
}

// resume finishes a run that was claimed, by what its mark carries.
func (d *Dispatcher) resume(ctx context.Context, queue, id string, labels map[string]string) bool {
	j, err := d.reopen(queue, labels)
	if err != nil {
		d.Log.Error("a claim cannot be read, and its container is left", "container", id, "error", err)
		return false
	}
	j.command.Resume = id
	d.policy.Load().bound(&j.command)
	j.entry = d.ledger.restore(j.message.identity, d.Reserve())
	d.begin(ctx, j)
	return true
}

// reopen makes the job of a claimed message once more.
func (d *Dispatcher) reopen(queue string, labels map[string]string) (*job, error) {
	delivery, cut, err := unwrap(labels[labelMessage])
	if err != nil {
		return nil, err
	}
	delivery.Queue = queue
	j := &job{origin: delivery, begun: time.Now(), lasting: !cut, seal: reseal(delivery, labels[labelSigner])}
	if j.message, err = Decode(delivery, d.MaxBody); err != nil {
		return nil, err
	}
	if digest, err := hex.DecodeString(labels[labelDigest]); err == nil && len(digest) == len(j.message.Digest) {
		j.message.Digest = [len(j.message.Digest)]byte(digest) // of the whole body
	}
	return j, j.command.Resolve(j.message, d.Name)
}

// marks are the claims with these labels: all labels of each, by container.
func (h *Host) marks(ctx context.Context, labels ...string) (map[string]map[string]string, error) {
	volumes, err := h.volumes(ctx, labels...)
	return claims(volumes), err
}

// claims are those among marks: the labels of each, by container.
func claims(marks []dockerapi.Volume) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, v := range marks {
		if id, is := strings.CutPrefix(v.Name, markPrefix); is {
			all[id] = v.Labels
		}
	}
	return all
}

// Stray is a container of a dispatcher that nobody has claimed, and that is not a finished record: it was created, runs, or
// should have been removed.
type Stray struct {
	ID, Name, MessageID, State string
	Created                    time.Time
}

// Strays lists those of a queue and dispatcher, the oldest first.
func (h *Host) Strays(ctx context.Context, queue, dispatcher string) ([]Stray, error) {
	strays, _, err := h.remains(ctx, queue, dispatcher)
	return strays, err
}

// remains are a dispatcher's strays, the oldest first, and the marks of all its queue's dispatchers, as they are after that.
func (h *Host) remains(ctx context.Context, queue, dispatcher string) (strays []Stray, marks []dockerapi.Volume, err error) {
	var containers []dockerapi.Summary
	err = h.patient(ctx, func(bool) (err error) {
		containers, err = h.client.ContainerList(ctx, recordLabels, labelQueue+"="+queue, labelDispatcher+"="+dispatcher)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if marks, err = h.volumes(ctx, labelQueue+"="+queue); err != nil {
		return nil, nil, err
	}
	claimed := claims(marks)
	for i := len(containers) - 1; i >= 0; i-- { // the Engine has the newest first
		c := containers[i]
		if _, is := claimed[c.ID]; !is && isStray(c) {
			strays = append(strays, Stray{c.ID, firstName(c), c.Labels[labelMessageID], c.State, time.Unix(c.Created, 0)})
		}
	}
	return strays, marks, nil
}

// firstName is the container's own; more than that are links.
func firstName(c dockerapi.Summary) string {
	if len(c.Names) == 0 {
		return ""
	}
	return strings.TrimPrefix(c.Names[0], "/")
}

func isStray(c dockerapi.Summary) bool {
	switch {
	case c.State == "created":
		return c.Labels[labelDetached] != detachedCreate
	case c.Labels[labelDetached] != "", c.State == "removing":
		return false
	}
	return !hasEnded(c.State) || c.Labels[labelRemove] != ""
}

// sweep waits until the messages of what Resume has found would have come, and does with the rest as the operator chose. What
// has exited and was to be removed is removed in any case. It returns when that is done, or when ctx ends.
func (d *Dispatcher) sweep(ctx context.Context, h *Host, choice Orphans) {
	d.ready()
	for h.hasStrays() {
		full := len(d.slots) == cap(d.slots)
		if d.Steady(ctx, orphanGrace) != nil {
			return
		}
		if !full && len(d.slots) < cap(d.slots) {
			break
		}
	}
	for _, s := range h.takeStrays() {
		if err := d.endStray(ctx, h, s, choice); err != nil && ctx.Err() == nil {
			d.Log.Warn("an orphan could not be ended", "container", s.ID, "name", s.Name, "message", s.MessageID, "error", err)
		}
	}
}

// hasEnded says whether a container has run, by the word for its state. Podman has one of its own.
func hasEnded(state string) bool { return state == "exited" || state == "dead" || state == "stopped" }

// endStray looks once more, since the container may have ended in the meantime: a record without Remove is then finished.
func (d *Dispatcher) endStray(ctx context.Context, h *Host, s Stray, choice Orphans) error {
	container, err := h.inspect(ctx, s.ID)
	if err != nil {
		return gone(err)
	}
	s.State = container.State.Status
	done := hasEnded(s.State)
	switch {
	case done && container.Config.Labels[labelRemove] == "":
		return nil
	case !done && choice == OrphansLeave:
		d.Log.Warn("an orphan is left: its message has not come back; docker-dispatch orphans lists them and ends them", "container", s.ID, "name", s.Name, "message", s.MessageID, "state", s.State)
		return nil
	case done:
		choice = OrphansRemove
	}
	d.Log.Info("ending an orphan", "how", choice, "container", s.ID, "name", s.Name, "message", s.MessageID, "state", s.State)
	return h.End(ctx, s, choice)
}

// End stops or removes a stray, and with it the counts of its trials: whoever has made them may have looked for the last time.
func (h *Host) End(ctx context.Context, s Stray, choice Orphans) error {
	ctx = behalf{messageID: s.MessageID}.on(ctx)
	if s.State != "created" {
		err := h.patient(ctx, func(bool) error { return h.client.ContainerStop(ctx, s.ID, nil) })
		if err != nil && status(err) != 404 {
			return err
		}
	}
	if choice != OrphansRemove {
		return nil
	}
	if err := gone(h.delete(ctx, s.ID, withVolumes)); err != nil {
		return err
	}
	return h.acquitAll(ctx, s.ID)
}

func (h *Host) hasStrays() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.strays) > 0
}

// takeStrays are those that no message has come for.
func (h *Host) takeStrays() (left map[string]Stray) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left, h.strays = h.strays, nil
	return left
}

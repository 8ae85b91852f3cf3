package cmds

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"docker-dispatch/dockerapi"
)

// way is how a Host does a command that has a story of its own.
type way struct {
	verb string
	do   func(*Host, context.Context, *Command, *Streams) (Result, error)
}

var ways = [...]way{
	{"run", (*Host).run},
	{"create", (*Host).prepare},
	{"start", (*Host).start},
	{"stop", (*Host).stop},
	{"remove", (*Host).remove},
	{"wait", (*Host).awaitExit},
	{"exec", (*Host).exec},
	{"logs", (*Host).logs},
	{"rename", (*Host).rename},
	{"update", (*Host).update},
	{"pull", (*Host).fetch},
	{"cp", (*Host).copy},
	{"network create", (*Host).createNetwork},
}

// action is a command that is one call.
type action struct {
	verb   string
	object string // the kind of object that the verb is for; "" is any
	call   *dockerapi.Action
	status Status
	data   bool   // the answer is in the result
	gone   bool   // what is not there is as it should be, where the call may have been made before
	done   string // words of a refusal that say the same
}

var actions = [...]action{
	{verb: "restart", call: &dockerapi.ContainerRestart, status: StatusRestarted},
	{verb: "kill", call: &dockerapi.ContainerKill, status: StatusKilled, done: "not running"},
	{verb: "pause", call: &dockerapi.ContainerPause, status: StatusPaused, done: "already paused"},
	{verb: "unpause", call: &dockerapi.ContainerUnpause, status: StatusUnpaused, done: "not paused"},
	{verb: "rename", call: &dockerapi.ContainerRename, status: StatusRenamed},
	{verb: "update", call: &dockerapi.ContainerUpdate, status: StatusUpdated, data: true},
	{verb: "inspect", object: "image", call: &dockerapi.ImageInspect, status: StatusInspected, data: true},
	{verb: "inspect", object: "network", call: &dockerapi.NetworkInspect, status: StatusInspected, data: true},
	{verb: "inspect", object: "volume", call: &dockerapi.VolumeInspect, status: StatusInspected, data: true},
	{verb: "inspect", call: &dockerapi.ContainerInspect, status: StatusInspected, data: true},
	{verb: "ps", call: &dockerapi.ContainerList, status: StatusListed, data: true},
	{verb: "rmi", call: &dockerapi.ImageDelete, status: StatusRemoved, data: true, gone: true},
	{verb: "volume create", call: &dockerapi.VolumeCreate, status: StatusCreated, data: true},
	{verb: "volume rm", call: &dockerapi.VolumeDelete, status: StatusRemoved, gone: true},
	{verb: "network create", call: &dockerapi.NetworkCreate, status: StatusCreated, data: true},
	{verb: "network rm", call: &dockerapi.NetworkDelete, status: StatusRemoved, gone: true},
	{verb: "network connect", call: &dockerapi.NetworkConnect, status: StatusConnected, done: "already"},
	{verb: "network disconnect", call: &dockerapi.NetworkDisconnect, status: StatusDisconnected, done: "not connected"},
}

// Do does one command. Errors other than ctx's are the daemon's, and final.
func (h *Host) Do(ctx context.Context, c *Command, s *Streams) (Result, error) {
	if c.Owned {
		if err := h.checkOwner(ctx, c); err != nil {
			return Result{}, err
		}
	}
	if err := h.reach(ctx, c); err != nil {
		return h.unreached(c, err)
	}
	for i := range ways {
		if ways[i].verb == c.Verb {
			return ways[i].do(h, ctx, c, s)
		}
	}
	return h.act(ctx, c)
}

// action is that of a verb which is one call.
func (c *Command) action() *action {
	for i := range actions {
		if a := &actions[i]; a.verb == c.Verb && (a.object == "" || a.object == c.ObjectKind) {
			return a
		}
	}
	panic("cmds: no way to do " + c.Verb) // every verb has one: a test holds the tables together
}

// act makes the one call of an action.
func (h *Host) act(ctx context.Context, c *Command) (Result, error) {
	a := c.action()
	res := Result{Name: c.name(), Status: a.status, place: h.client.Place()}
	request := c.request()
	request.Place = res.place
	var answer json.RawMessage
	err := h.unblocking(c.Container, func() error {
		return h.patient(ctx, func(done bool) (err error) {
			if err := h.fit(ctx, c); err != nil {
				return err
			}
			answer, err = h.client.Act(ctx, *a.call, request)
			if done || c.Redelivered && !c.Query.Has("signal") { // only the standard one does what is found
				err = a.excuse(err)
			}
			c.Redelivered = c.Redelivered || done
			return err
		})
	})
	if a.data {
		res.Data = answer
	}
	if c.Missing {
		err = gone(err)
	}
	return res, err
}

// excuse takes a refusal for no error that says that things are as the action wants them.
func (a *action) excuse(err error) error {
	var refused *dockerapi.Error
	if errors.As(err, &refused) && (a.gone && refused.Status == 404 || a.done != "" && strings.Contains(refused.Message, a.done)) {
		return nil
	}
	return err
}

// name is whom or what a command is for, in its result.
func (c *Command) name() string {
	if c.Container != "" {
		return c.Container
	}
	return c.Object
}

// request is that of the command's one call.
func (c *Command) request() dockerapi.Request {
	r := dockerapi.Request{ID: cmp.Or(c.objectID, c.Object), Query: c.Query}
	if r.ID == "" {
		r.ID = c.target()
	}
	switch {
	case c.Verb == "update":
		r.Body = c.Body["HostConfig"]
	case len(c.Body) > 0:
		r.Body = c.Body
	}
	return r
}

// rename is docker rename.
func (h *Host) rename(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	holders := h.holders(c.target())
	res, err := h.act(ctx, c)
	if c.Redelivered && (status(err) == 404 || status(err) == 400) { // it may have the new name already
		if _, missing := h.inspect(ctx, c.NewName); missing == nil {
			err = nil
		}
	}
	if err == nil {
		for _, r := range holders {
			r.rename(c.NewName)
		}
	}
	return res, err
}

// update is docker update.
func (h *Host) update(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	res, err := h.act(ctx, c)
	var answer struct{ Warnings []string }
	if err == nil && json.Unmarshal(res.Data, &answer) == nil {
		res.Warnings = answer.Warnings
	}
	res.Data = nil
	return res, err
}

// awaitExit is docker wait.
func (h *Host) awaitExit(ctx context.Context, c *Command, s *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusExited}
	err := h.patient(ctx, func(bool) error {
		end, err := h.client.ContainerAwaitEnd(ctx, c.target())
		if err != nil {
			return err
		}
		defer end.Close()
		s.Started(nil)
		code, err := end.Code(ctx)
		res.exit(code)
		return err
	})
	if err != nil {
		return Result{Name: c.Container}, err
	}
	res.OOMKilled = h.isOOMKilled(ctx, c.target(), *res.ExitCode)
	return res, nil
}

// fetch is docker pull.
func (h *Host) fetch(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	p := dockerapi.Pull{Image: c.Object, Platform: c.Query.Get("platform"), AllTags: c.AllTags}
	return Result{Name: c.Object, Status: StatusPulled}, h.pull(ctx, p)
}

// createNetwork is docker network create. One of that name that was made for this very message is it.
func (h *Host) createNetwork(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	res, err := h.act(ctx, c)
	if status(err) != 409 || c.Message.ID == "" {
		return res, err
	}
	var network struct {
		ID     string `json:"Id"`
		Labels map[string]string
	}
	answer, unknown := h.client.Act(ctx, dockerapi.NetworkInspect, dockerapi.Request{ID: c.Object})
	if unknown != nil || json.Unmarshal(answer, &network) != nil || !c.Message.made(network.Labels) {
		return res, err
	}
	res.Data, err = json.Marshal(map[string]string{"Id": network.ID})
	return res, err
}

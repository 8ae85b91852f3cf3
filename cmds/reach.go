package cmds

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"docker-dispatch/dockerapi"
)

// door is what a policy lets messages through by: a verb, or what a verb does to one kind of object.
type door struct {
	name   string
	object string  // the key of what it reaches, which may be own or known by its name; "" is nothing that could be told apart
	usual  *permit // nil lets nothing through
	makes  bool    // the object is not there yet

	operations string // what it may come to beside unasked, by operationId in moby's api/swagger.yaml
}

var owned = permit{own: true}

var doors = [...]door{
	{name: "run", usual: &everything, operations: "ImageCreate ContainerCreate ContainerAttach ContainerStart ContainerWait ContainerLogs ContainerRename VolumeCreate"},
	{name: "create", usual: &everything, operations: "ImageCreate ContainerCreate ContainerRename"},
	{name: "start", object: "Container", usual: &owned, operations: "ContainerAttach ContainerStart ContainerWait"},
	{name: "stop", object: "Container", usual: &everything},
	{name: "restart", object: "Container", usual: &owned, operations: "ContainerRestart"},
	{name: "kill", object: "Container", usual: &owned, operations: "ContainerKill"},
	{name: "pause", object: "Container", usual: &owned, operations: "ContainerPause"},
	{name: "unpause", object: "Container", usual: &owned, operations: "ContainerUnpause"},
	{name: "remove", object: "Container", usual: &everything},
	{name: "wait", object: "Container", usual: &owned, operations: "ContainerWait"},
	{name: "exec", object: "Container", usual: &owned, operations: "ContainerExec ExecStart ExecInspect"},
	{name: "logs", object: "Container", usual: &owned, operations: "ContainerLogs"},
	{name: "inspect", object: "Container", usual: &owned},
	{name: "inspect image", operations: "ImageInspect"},
	{name: "inspect network", object: "Network", operations: "NetworkInspect"},
	{name: "inspect volume", object: "Volume", operations: "VolumeInspect"},
	{name: "rename", object: "Container", usual: &owned, operations: "ContainerRename"},
	{name: "update", object: "Container", usual: &owned, operations: "ContainerUpdate"},
	{name: "pull", usual: &everything, operations: "ImageCreate"},
	{name: "ps", object: "Container", usual: &owned},
	{name: "cp", object: "Container", usual: &owned, operations: "ContainerArchive"},
	{name: "cp into", object: "Container", operations: "PutContainerArchive"},
	{name: "rmi", operations: "ImageDelete"},
	{name: "volume create", object: "Volume", makes: true, operations: "VolumeCreate"},
	{name: "volume rm", object: "Volume", operations: "VolumeInspect"},
	{name: "network create", object: "Network", makes: true, operations: "NetworkCreate NetworkInspect"},
	{name: "network rm", object: "Network", operations: "NetworkDelete NetworkInspect"},
	{name: "network connect", object: "Network", operations: "NetworkConnect NetworkInspect"},
	{name: "network disconnect", object: "Network", operations: "NetworkDisconnect NetworkInspect"},
}

// standard is what it lets through where no policy says.
func (d *door) standard() permit {
	if d.usual == nil {
		return permit{}
	}
	return *d.usual
}

func (d *door) rule() string { return "Verbs." + join("", d.name) }

// door is that of a command.
func (c *Command) door() *door {
	name := c.Verb
	switch {
	case c.Verb == "inspect" && c.ObjectKind != "":
		name += " " + c.ObjectKind
	case c.Verb == "cp" && c.Tar != nil:
		name += " into"
	}
	for i := range doors {
		if doors[i].name == name {
			return &doors[i]
		}
	}
	panic("cmds: no door for " + name) // every verb has one: a test holds the tables together
}

// target is the container for the Engine: by its id when somebody has looked whose it is, so that the name cannot have become another's.
func (c *Command) target() string {
	return cmp.Or(c.id, c.Container)
}

// reach holds a command to what its policy lets it reach, as the Engine has it now. What is reached is meant by its id from then
// on.
func (h *Host) reach(ctx context.Context, c *Command) error {
	if c.Reach == nil || c.Reach.all {
		return nil
	}
	d := c.door()
	switch {
	case c.Verb == "ps":
		return c.listOwn()
	case d.object == "" || d.makes:
		return nil
	case d.object == "Container":
		return h.reachContainer(ctx, c, d, *c.Reach)
	}
	inspect := dockerapi.VolumeInspect
	if d.object == "Network" {
		inspect = dockerapi.NetworkInspect
	}
	found, err := h.lookUp(ctx, inspect, c.Object)
	if err != nil {
		return err
	}
	c.objectID = cmp.Or(found.ID, found.Name)
	if err := c.holds(d, *c.Reach, c.Object, found.Name, found.Labels); err != nil || c.Container == "" {
		return err
	}
	return h.reachContainer(ctx, c, d, owned)
}

// reachContainer looks whose a container is. One that is to be in a network or not is own.
func (h *Host) reachContainer(ctx context.Context, c *Command, d *door, reach permit) error {
	container, err := h.inspect(ctx, c.Container)
	if status(err) == 404 && c.Verb == "rename" && c.Redelivered {
		container, err = h.inspect(ctx, c.NewName)
	}
	if err != nil {
		return err
	}
	c.mean(container.ID)
	return c.holds(d, reach, c.Container, strings.TrimPrefix(container.Name, "/"), container.Config.Labels)
}

// mean has the Engine told a container's id where the message has a name.
func (c *Command) mean(id string) {
	c.id = id
	if c.Body["Container"] != nil {
		c.set("Container", id)
	}
}

// labelled is what is known of a network or a volume, which has no id.
type labelled struct {
	Name   string
	ID     string `json:"Id"`
	Labels map[string]string
}

func (h *Host) lookUp(ctx context.Context, inspect dockerapi.Action, name string) (found labelled, err error) {
	err = h.patient(ctx, func(bool) error {
		answer, err := h.client.Act(ctx, inspect, dockerapi.Request{ID: name})
		if err != nil {
			return err
		}
		return json.Unmarshal(answer, &found)
	})
	return found, err
}

// unreached is the result of a command that may not reach what it is for, or that finds nothing there: it may have been done before.
func (h *Host) unreached(c *Command, err error) (Result, error) {
	res := Result{Name: c.name()}
	if status(err) != 404 {
		return res, err
	}
	switch c.Verb {
	case "stop":
		res.Status = StatusStopped
		return res, missing(c, h.find(c.Container), err)
	case "remove":
		res.Status = StatusRemoved
		return res, missing(c, h.find(c.Container), err)
	}
	for _, a := range actions {
		if a.verb == c.Verb && (c.Missing || c.Redelivered && a.gone) {
			res.Status = a.status
			return res, nil
		}
	}
	return res, err
}

// holds says whether what has that name and those labels is reached. The message names it as it likes.
func (c *Command) holds(d *door, reach permit, named, name string, labels map[string]string) error {
	if reach.own && labels[labelQueue] == c.Message.Queue && labels[labelDigest] != "" || reach.admits(name) {
		return nil
	}
	problem := "it was not made for a message of this queue"
	if !reach.own {
		problem = "its name is none that the policy grants"
	}
	return &Denied{d.object, excerptText(named), problem + " to " + d.name, d.rule()}
}

// listOwn has the Engine list what was made for messages of the same queue.
func (c *Command) listOwn() error {
	filters := map[string]any{}
	if text := c.Query.Get("filters"); text != "" {
		if err := json.Unmarshal([]byte(text), &filters); err != nil {
			return err
		}
	}
	inner(filters, "label")[labelQueue+"="+c.Message.Queue] = true
	c.Query.Set("filters", asJSON(filters))
	return nil
}

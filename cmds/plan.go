package cmds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

// someID stands for the id of a container or of an exec, which only the Engine knows.
const someID = "ID"

// Check says what a dispatcher with a policy would make of messages, and sends nothing.
type Check struct {
	Policy     *Policy
	Dispatcher string // its name
	Queue      string // that the messages come from
	MaxBody    int    // bytes
	Out        io.Writer

	Refused int // messages so far that would not be done
}

// Messages reads what a file has, which is named in what is said, one JSON object after another.
func (k *Check) Messages(file string, r io.Reader) error {
	return eachMessage(file, r, k.MaxBody, k.Message)
}

// Message writes a line that says whether a message is allowed, invalid or denied, and a line for each call that it would make: when it is
// not made in any case, the operation, method, path and query, and the body.
func (k *Check) Message(name string, body []byte) error {
	c, err := k.judge(body)
	var forbidden *Denied
	verdict := "allowed"
	switch {
	case errors.As(err, &forbidden):
		verdict = "denied: " + err.Error()
	case err != nil:
		verdict = "invalid: " + err.Error()
	}
	if err != nil {
		k.Refused++
	}
	if _, problem := fmt.Fprintf(k.Out, "%s: %s\n", name, verdict); problem != nil || err != nil {
		return problem
	}
	return k.write(c.plan())
}

func (k *Check) judge(body []byte) (*Command, error) {
	j := &job{origin: wire.Delivery{Queue: k.Queue, Body: body}}
	if j.interpret(k.MaxBody, k.Dispatcher); j.err == nil {
		j.judge(k.Policy)
	}
	return &j.command, j.err
}

func (k *Check) write(steps []planned) error {
	for _, s := range steps {
		line := fmt.Sprintf("  %s%s %s %s", s.when, s.Operation, s.Method, s.Target)
		if s.Body != nil {
			line += " " + string(appendVisible(nil, s.Body))
		}
		if _, err := fmt.Fprintln(k.Out, line); err != nil {
			return err
		}
	}
	return nil
}

// planned is one call of a plan.
type planned struct {
	when string // it is made, with a colon; "" is always
	dockerapi.Draft
}

// planner writes down the calls of a command.
type planner struct {
	*dockerapi.Client
	when  string
	steps []planned
}

// plan is the calls that a command makes on an Engine where all goes well. What it looks up after a lost answer, and for messages that come again,
// is not in it.
func (c *Command) plan() []planned {
	p := new(planner)
	p.Client = dockerapi.Drafts(func(d dockerapi.Draft) { p.steps = append(p.steps, planned{p.when, d}) })
	ctx := context.Background()
	p.look(ctx, c)
	switch c.Verb {
	case "run", "create":
		p.make(ctx, c)
	case "start":
		p.start(ctx, c)
	case "stop":
		p.ContainerStop(ctx, c.target(), c.Query)
	case "remove":
		p.ContainerDelete(ctx, c.target(), c.Query)
	case "wait":
		p.ContainerAwaitEnd(ctx, c.target())
	case "exec":
		p.exec(ctx, c)
	case "logs":
		p.ContainerInspect(ctx, c.target())
		p.ContainerLogs(ctx, someID, c.Attach, c.Query)
	case "pull":
		p.ImageCreate(ctx, dockerapi.Pull{Image: c.Object, Platform: c.Query.Get("platform"), AllTags: c.AllTags}, "")
	case "cp":
		p.copy(ctx, c)
	default:
		p.Act(ctx, *c.action().call, c.request())
	}
	return p.steps
}

// look is the question whose it is that a command is for, which is meant by its id from then on.
func (p *planner) look(ctx context.Context, c *Command) {
	d := c.door()
	switch {
	case c.Verb == "ps" && !c.Reach.all:
		c.listOwn() // the filters are our own JSON
		return
	case c.Reach.all, d.makes, d.object == "":
		return
	case d.object == "Network":
		p.Act(ctx, dockerapi.NetworkInspect, dockerapi.Request{ID: c.Object})
		c.objectID = someID
	case d.object == "Volume":
		p.Act(ctx, dockerapi.VolumeInspect, dockerapi.Request{ID: c.Object})
	}
	if c.Container != "" {
		p.ContainerInspect(ctx, c.Container)
		c.mean(someID)
	}
}

// make is a create, and of a run all that follows.
func (p *planner) make(ctx context.Context, c *Command) {
	image := dockerapi.Pull{Image: c.Body["Image"].(string), Platform: c.Query.Get("platform")}
	if c.Pull == "always" {
		p.ImageCreate(ctx, image, "")
	}
	p.ContainerCreate(ctx, cmp.Or(c.Container, "docker-dispatch-"+someID), image.Platform, c.Body)
	if c.Pull != "always" && c.Pull != "never" {
		p.only("if the image is missing, and the create again", func() { p.ImageCreate(ctx, image, "") })
	}
	if c.Verb == "create" {
		return
	}
	if c.Attached() && c.restarts() {
		p.ContainerAwaitExit(ctx, someID)
	}
	if c.Attached() {
		p.ContainerAttach(ctx, someID, c.Attach)
	}
	p.ContainerStart(ctx, someID)
	if c.Attached() {
		p.end(ctx, c)
	}
}

// end is what an attached run makes of its exit.
func (p *planner) end(ctx context.Context, c *Command) {
	p.only("when it is claimed", func() { p.VolumeCreate(ctx, markPrefix+someID, ownLabels(c.labels())) })
	if c.Timeout > 0 {
		p.only("after "+c.Timeout.String(), func() { p.ContainerStop(ctx, someID, nil) })
	}
	if !c.restarts() {
		p.ContainerWait(ctx, someID)
	}
	p.only("if the exit comes long after the end of the outputs", func() { p.ContainerLogs(ctx, someID, c.Attach, nil) })
	p.only("if its exit code is not 0", func() { p.ContainerInspect(ctx, someID) })
	p.only("when it was claimed", func() { p.VolumeDelete(ctx, markPrefix+someID) })
	if c.Remove {
		p.ContainerDelete(ctx, someID, withVolumes)
	}
}

// start is docker start, which has to know the container when it is attached.
func (p *planner) start(ctx context.Context, c *Command) {
	if !c.Attached() {
		p.ContainerStart(ctx, c.target())
		return
	}
	p.ContainerInspect(ctx, c.target())
	p.ContainerAttach(ctx, someID, c.Attach)
	p.ContainerAwaitExit(ctx, someID)
	p.ContainerStart(ctx, someID)
}

func (p *planner) exec(ctx context.Context, c *Command) {
	p.ContainerExec(ctx, c.target(), c.Body)
	if c.Detach {
		p.ExecStartDetached(ctx, someID, c.Attach.Tty)
		return
	}
	p.ExecStart(ctx, someID, c.Attach)
	p.ExecInspect(ctx, someID)
}

func (p *planner) copy(ctx context.Context, c *Command) {
	if c.Tar != nil {
		p.PutContainerArchive(ctx, c.target(), c.Query, c.Tar)
		return
	}
	p.ContainerArchive(ctx, c.target(), c.Query.Get("path"))
	if c.FollowLink {
		p.only("where a symbolic link leads to", func() { p.ContainerArchive(ctx, c.target(), "TARGET") })
	}
}

// only has calls made on a condition.
func (p *planner) only(when string, calls func()) {
	p.when = when + ": "
	calls()
	p.when = ""
}

package cmds

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"docker-dispatch/dockerapi"
)

// verb is what Dockercmd may say: docker's commands, in its words.
type verb struct {
	name     string
	aliases  []string
	required string                        // the arguments that cannot be left out, with blanks between
	check    func(*Command, Message) error // joint rules of its keys; nil is none
	control  bool                          // a control message may have it
}

var verbs = [...]verb{
	{name: "run", required: "Image", check: checkRun},
	{name: "create", required: "Image", check: checkCreate},
	{name: "start", required: "Container", check: checkStart},
	{name: "stop", required: "Container", check: checkTime, control: true},
	{name: "restart", required: "Container", check: checkTime, control: true},
	{name: "kill", required: "Container", control: true},
	{name: "pause", required: "Container", control: true},
	{name: "unpause", required: "Container", control: true},
	{name: "remove", aliases: []string{"rm"}, required: "Container", check: checkRemove, control: true},
	{name: "wait", required: "Container"},
	{name: "exec", required: "Container Cmd", check: checkExec},
	{name: "logs", required: "Container", check: checkLogs},
	{name: "inspect", check: checkInspect},
	{name: "rename", required: "Container NewName"},
	{name: "update", required: "Container", check: checkUpdate},
	{name: "pull", required: "Image", check: checkPull},
	{name: "ps", check: checkPs},
	{name: "cp", required: "Container Path", check: checkCp},
	{name: "rmi", required: "Image"},
	{name: "volume create", check: checkVolume},
	{name: "volume rm", aliases: []string{"volume remove"}, required: "Volume"},
	{name: "network create", required: "Network", check: checkNetwork},
	{name: "network rm", aliases: []string{"network remove"}, required: "Network"},
	{name: "network connect", required: "Network Container"},
	{name: "network disconnect", required: "Network Container"},
}

// detachKeys are what the Engine takes, in the input of a terminal, for the wish to leave it: ctrl-p and ctrl-q.
const detachKeys = "\x10\x11"

const detachedProblem = `nobody waits for the container's exit; add "STDOUT" or "STDERR" to Options.Attach`

func checkRun(c *Command, m Message) error {
	if err := c.complete(has(m.Options, "Attach")); err != nil {
		return err
	}
	if err := c.checkStdin(m, `nobody would read it; add "STDIN" to Options.Attach`); err != nil {
		return err
	}
	switch {
	case c.Retries == 0 && slices.Contains(slices.Collect(maps.Values(c.ExitCodes)), again):
		return &Invalid{Key: "Options.ExitCodes", Problem: `"retry" needs Options.Retries, which says how often`}
	case c.Retries == 0 && c.RetryOn.given:
		return &Invalid{Key: "Options.RetryOn", Problem: "it needs Options.Retries, which says how often"}
	case c.Attached():
		return nil
	}
	for _, key := range []string{"Timeout", "Claim", "ExitCodes"} {
		if has(m.Options, key) {
			return &Invalid{Key: join("Options", key), Problem: detachedProblem}
		}
	}
	if c.Retries > 0 && c.RetryOn.needsExit() {
		return &Invalid{Key: "Options.Retries", Problem: detachedProblem + `, or set Options.RetryOn to ["engine"]`}
	}
	if c.Remove {
		c.set("HostConfig.AutoRemove", true) // nobody here learns of its exit
	}
	return nil
}

// checkStdin holds the input of a message against the streams of its command. Unread says what to do where nobody reads it.
func (c *Command) checkStdin(m Message, unread string) error {
	given := "Stdin"
	if has(m.Arguments, "StdinBase64") {
		given = "StdinBase64"
	}
	switch {
	case has(m.Arguments, "Stdin") && has(m.Arguments, "StdinBase64"):
		return &Invalid{Key: "StdinBase64", Problem: "given together with Stdin; one of them is enough"}
	case has(m.Arguments, given) && !c.Attach.Stdin:
		return &Invalid{Key: given, Problem: unread}
	case c.Attach.Tty && bytes.Contains(c.Stdin, []byte(detachKeys)):
		return &Invalid{Key: given, Problem: "it has ctrl-p and ctrl-q, by which a terminal is left; leave Options.Tty out"}
	}
	return nil
}

// checkCreate makes a container as docker create does, for whoever starts it. Nothing of it is attached here.
func checkCreate(c *Command, m Message) error {
	if !has(m.Options, "Attach") {
		c.Attach = dockerapi.Streams{Stdin: c.Body["OpenStdin"] == true, Stdout: true, Stderr: true}
	}
	if err := c.complete(true); err != nil {
		return err
	}
	if c.Remove {
		c.set("HostConfig.AutoRemove", true)
	}
	c.Attach = dockerapi.Streams{}
	return nil
}

// checkStart has the outputs attached together with the input, as docker start has it.
func checkStart(c *Command, m Message) error {
	if c.Attach.Stdin {
		c.Attach.Stdout, c.Attach.Stderr = true, true
	}
	return c.checkStdin(m, "nobody would read it; set Options.Interactive")
}

// checkExec has the outputs attached unless the command is left to itself, as docker exec has it.
func checkExec(c *Command, m Message) error {
	if cmd, _ := c.Body["Cmd"].([]string); len(cmd) == 0 {
		return &Invalid{Key: "Cmd", Problem: `exec needs a command (["executable","param1"])`}
	}
	c.Attach.Tty = c.Body["Tty"] == true
	if c.Detach {
		c.set("Detach", true)
		c.Attach = dockerapi.Streams{Tty: c.Attach.Tty}
		return c.checkStdin(m, "nobody would read it; leave Options.Detach out")
	}
	c.Attach.Stdout, c.Attach.Stderr = true, true
	c.put("AttachStdin", c.Attach.Stdin)
	c.set("AttachStdout", true)
	c.set("AttachStderr", true)
	return c.checkStdin(m, "nobody would read it; set Options.Interactive")
}

// isControl says whether a control message may have a verb: one for a container that is there, and that does not go on.
func isControl(name string) bool {
	for i := range verbs {
		if verbs[i].name == name {
			return verbs[i].control
		}
	}
	return false
}

func checkTime(_ *Command, m Message) error {
	if has(m.Options, "Time") && has(m.Options, "Timeout") {
		return &Invalid{Key: "Options.Time", Problem: "given together with Timeout, which it is another name of"}
	}
	return nil
}

func checkRemove(c *Command, _ Message) error {
	if strings.Contains(c.Container, "/") && !c.Query.Has("link") {
		return &Invalid{"Container", excerptText(c.Container), "a link, which is removed with Options.Link"}
	}
	return nil
}

func checkLogs(c *Command, _ Message) error {
	c.Attach = dockerapi.Streams{Stdout: true, Stderr: true}
	if !c.Query.Has("tail") {
		c.Query.Set("tail", "all")
	}
	return nil
}

// checkInspect takes the kind of the object from the key that names it.
func checkInspect(c *Command, m Message) error {
	if len(m.Arguments) != 1 {
		return &Invalid{Problem: "inspect needs one of Container, Image, Network and Volume"}
	}
	if c.Query.Has("size") && m.Arguments[0].Key != "Container" {
		return &Invalid{Key: "Options.Size", Problem: "only a Container has it"}
	}
	return nil
}

func checkUpdate(c *Command, m Message) error {
	if len(m.Options) == 0 {
		return &Invalid{Key: "Options", Problem: "update needs one at least"}
	}
	return c.agree()
}

func checkPull(c *Command, _ Message) error {
	name := c.Object[strings.LastIndexByte(c.Object, '/')+1:]
	if c.AllTags && strings.ContainsAny(name, ":@") {
		return &Invalid{Key: "Options.AllTags", Problem: "Image has a tag or a digest"}
	}
	return nil
}

func checkPs(c *Command, m Message) error {
	if c.Query.Get("limit") == "0" {
		c.Query.Del("limit")
	}
	if has(m.Options, "Last") && has(m.Options, "Latest") {
		return &Invalid{Key: "Options.Latest", Problem: "given together with Last; it is Last 1"}
	}
	return nil
}

func checkCp(c *Command, m Message) error {
	into := has(m.Arguments, "TarBase64")
	switch {
	case into && has(m.Options, "FollowLink"):
		return &Invalid{Key: "Options.FollowLink", Problem: "it is for a copy out of the container, without TarBase64"}
	case !into && has(m.Options, "Archive"):
		return &Invalid{Key: "Options.Archive", Problem: "it is for a copy into the container, with TarBase64; a tar that is copied out has all owners"}
	case into:
		c.Query.Set("noOverwriteDirNonDir", "true")
	}
	return nil
}

// checkVolume completes the body as docker volume create does. A volume without a name gets one of its message's own, so that there is
// one of it however often the message comes.
func checkVolume(c *Command, m Message) error {
	if c.Object == "" {
		c.Object = m.name()
		c.set("Name", c.Object)
	}
	if c.Body["Driver"] == nil {
		c.set("Driver", "local")
	}
	c.label(m)
	return nil
}

// subject is what the messages that name it take their turns by; "" is nothing.
func (c *Command) subject() string {
	if c.Container != "" || c.Object == "" {
		return c.Container
	}
	return c.ObjectKind + " " + c.Object
}

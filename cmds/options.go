package cmds

import (
	"time"

	"docker-dispatch/dockerapi"
)

// option is one key of a message, what its value looks like, and what it sets. Exactly one of body, query and set says
// the latter.
type option struct {
	verb string
	name string
	kind kind

	body  string              // path in the body of ContainerCreate
	query string              // key in the query of the verb's own call
	set   func(*Command, any) // for what is neither
}

// arguments are the keys at the top of a message, beside Dockercmd and Options.
var arguments = [...]option{
	{verb: "run", name: "Image", kind: kindImage, body: "Image"},
	{verb: "run", name: "Cmd", kind: kindWords, body: "Cmd"},
	{verb: "run", name: "Stdin", kind: kindText, set: func(c *Command, v any) { c.Stdin = []byte(v.(string)) }},
	{verb: "run", name: "StdinBase64", kind: kindBase64, set: func(c *Command, v any) { c.Stdin = v.([]byte) }},
	{verb: "stop", name: "Container", kind: kindContainer, set: setContainer},
	{verb: "remove", name: "Container", kind: kindContainer, set: setContainer},
}

// options are the keys of the object Options.
var options = [...]option{
	{verb: "run", name: "Name", kind: kindName, set: func(c *Command, v any) { c.Container = v.(string) }},
	{verb: "run", name: "Entrypoint", kind: kindArgv, body: "Entrypoint"},
	{verb: "run", name: "Attach", kind: kindStreams, set: setAttach},
	{verb: "run", name: "Remove", kind: kindFlag, set: func(c *Command, v any) { c.Remove = v.(bool) }},
	{verb: "run", name: "Timeout", kind: kindTimeout, set: func(c *Command, v any) { c.Timeout = v.(time.Duration) }},
	{verb: "run", name: "Claim", kind: kindClaim, set: func(c *Command, v any) { claim := v.(Claim); c.Claim = &claim }},
	{verb: "run", name: "Retries", kind: kindRetries, set: func(c *Command, v any) { c.Retries = v.(int) }},
	{verb: "run", name: "RetryOn", kind: kindRetryOn, set: func(c *Command, v any) { c.RetryOn = v.(retryOn) }},
	{verb: "run", name: "ExitCodes", kind: kindExitCodes, set: func(c *Command, v any) { c.ExitCodes = v.(map[int]step) }},
	{verb: "stop", name: "Time", kind: kindSeconds, query: "t"},
	{verb: "remove", name: "Volumes", kind: kindFlag, query: "v"},
	{verb: "remove", name: "Force", kind: kindFlag, query: "force"},
}

func setContainer(c *Command, v any) { c.Container = v.(string) }

// setAttach opens the container's standard input when that is attached: once, so that the end of ours is the end of its.
func setAttach(c *Command, v any) {
	c.Attach = v.(dockerapi.Streams)
	c.set("AttachStdin", c.Attach.Stdin)
	c.set("AttachStdout", c.Attach.Stdout)
	c.set("AttachStderr", c.Attach.Stderr)
	c.set("OpenStdin", c.Attach.Stdin)
	c.set("StdinOnce", c.Attach.Stdin)
}

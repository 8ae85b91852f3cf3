package dockerapi

import "context"

// Exec is the part of the inspect of an exec's answer that is used.
type Exec struct {
	Running  bool
	ExitCode *int // nil until it has exited
}

// execStarted is the body of ExecStart. Its Tty repeats that of ContainerExec.
type execStarted struct{ Detach, Tty bool }

// ContainerExec says, with the operation's request body, what is to be run in a container, and returns the id of the exec. It
// does not run yet. A container that does not run is *Error 409.
func (c *Client) ContainerExec(ctx context.Context, container string, body map[string]any) (id string, err error) {
	var exec struct {
		ID string `json:"Id"`
	}
	err = c.do(ctx, containerExec, args{id: container, body: body}, &exec)
	if err == nil && exec.ID == "" {
		err = errNoID(containerExec)
	}
	return exec.ID, err
}

// ExecStart runs an exec, once, and connects to the streams that ContainerExec has asked for; of s, Tty counts, and has to be what
// was said there. A command that cannot be run has the reason as its output, and an exit code; one that has run already is
// refused in its output, too. ctx ends the stream, and not the command.
func (c *Client) ExecStart(ctx context.Context, id string, s Streams) (*Stream, error) {
	conn, answer, err := c.hijack(ctx, execStart, args{id: id, body: execStarted{Tty: s.Tty}})
	if err != nil {
		return nil, err
	}
	return s.over(conn, answer), nil
}

// ExecStartDetached runs an exec, once, and leaves it alone. Tty is what ContainerExec has said.
func (c *Client) ExecStartDetached(ctx context.Context, id string, tty bool) error {
	return c.do(ctx, execStartDetached, args{id: id, body: execStarted{Detach: true, Tty: tty}}, nil)
}

// ExecInspect tells how an exec goes. One that is not there, as after its container's end, is *Error 404.
func (c *Client) ExecInspect(ctx context.Context, id string) (Exec, error) {
	var exec Exec
	err := c.do(ctx, execInspect, args{id: id}, &exec)
	return exec, err
}

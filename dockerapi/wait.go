package dockerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"docker-dispatch/wire/http1"
)

// exited is what the Engine answers when a container has exited. Error comes with an answer to somebody who does not wait any
// more, and after a failed start.
type exited struct {
	StatusCode *int
	Error      *struct{ Message string }
}

func (e exited) code() (int, error) {
	operation := calls[containerWait].operation
	switch {
	case e.StatusCode == nil:
		return 0, &Garbled{operation, errors.New("the answer has no StatusCode")}
	case e.Error != nil && e.Error.Message != "":
		return 0, fmt.Errorf("dockerapi: %s: %.1000s", operation, e.Error.Message)
	}
	return *e.StatusCode, nil
}

// ContainerWait waits until the container does not run and returns the exit code of its last run. One that never ran
// has 0: wait for what has been started. One that is about to be restarted by its policy counts as one that runs.
func (c *Client) ContainerWait(ctx context.Context, id string) (exitCode int, err error) {
	var e exited
	if err := c.do(ctx, containerWait, args{id: id}, &e); err != nil {
		return 0, err
	}
	return e.code()
}

// Exit is the next exit of a container, which is waited for. Close it.
type Exit struct {
	client *Client
	answer *answer
	cancel context.CancelCauseFunc
}

// ContainerAwaitExit begins to wait for the next exit of a container, and returns when the Engine does so: an exit after that is
// not missed, also of a container that is started then. One whose start fails has none, and the wait goes on. ctx governs the
// Exit too, until that is closed.
func (c *Client) ContainerAwaitExit(ctx context.Context, id string) (*Exit, error) {
	return c.awaitExit(ctx, id, url.Values{"condition": {"next-exit"}})
}

// ContainerAwaitEnd is ContainerAwaitExit for a container of which nobody knows whether it runs: as ContainerWait has it, one
// that does not has exited.
func (c *Client) ContainerAwaitEnd(ctx context.Context, id string) (*Exit, error) {
	return c.awaitExit(ctx, id, nil)
}

func (c *Client) awaitExit(ctx context.Context, id string, query url.Values) (*Exit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	answer, err := c.stream(ctx, containerAwaitExit, args{id: id, query: query})
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return &Exit{c, answer, cancel}, nil
}

// exitedLen bounds the answer: a number, and the words of a failed start.
const exitedLen = errorBodyLen

// Code returns the exit code when the container has exited, or has been removed. It is called once.
func (e *Exit) Code(ctx context.Context) (int, error) {
	defer context.AfterFunc(ctx, func() { e.cancel(context.Cause(ctx)) })()
	body, err := io.ReadAll(io.LimitReader(e.answer, exitedLen))
	if err == nil && len(body) == 0 { // of an Engine that goes down
		err = &http1.Error{Op: "read", Sent: true, Err: io.ErrUnexpectedEOF}
	}
	operation := calls[containerAwaitExit].operation
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, fmt.Errorf("dockerapi: %s: %w", operation, err)
	case err != nil:
		return 0, e.client.lost(e.answer.span, err)
	}
	var ended exited
	if err := json.Unmarshal(body, &ended); err != nil {
		return 0, &Garbled{operation, fmt.Errorf("the answer: %w", err)}
	}
	return ended.code()
}

// Close ends the wait.
func (e *Exit) Close() error {
	defer e.cancel(nil)
	return e.answer.Close()
}

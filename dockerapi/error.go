package dockerapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"docker-dispatch/wire/http1"
)

// errorBodyLen is as much of an error's body as is read: an Engine's longest messages, those of the OCI runtime, have
// a few KiB.
const errorBodyLen = 64 << 10

// Error is an answer with which the Engine refuses a call.
type Error struct {
	Operation string // operation id, as in the calls table
	Status    int    // one that the call does not accept; 200 where a pull has failed within its stream
	Message   string // the Engine's words, at most 64 KiB of them; they are not ours to trust
}

func (e *Error) Error() string {
	return fmt.Sprintf("dockerapi: %s: %d: %.1000s", e.Operation, e.Status, e.Message)
}

// NoAnswer says that the Engine could not be reached, or that the connection was cut before its answer was whole.
type NoAnswer struct {
	Operation string
	Sent      bool  // the Engine may have got the request, and may have acted
	Err       error // as the connection reported it
}

func (e *NoAnswer) Error() string { return fmt.Sprintf("dockerapi: %s: %v", e.Operation, e.Err) }

func (e *NoAnswer) Unwrap() error { return e.Err }

// refusal turns an answer that is not accepted into an *Error: {"message": …}, or plain text from an attach and from
// the HTTP server itself.
func refusal(operation string, res *http1.Response) error {
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, errorBodyLen))
	if err != nil && len(text) == 0 {
		return wireError(operation, err)
	}
	var body struct{ Message string }
	if json.Unmarshal(text, &body) != nil || body.Message == "" {
		body.Message = strings.TrimSpace(string(text))
	}
	if body.Message == "" {
		body.Message = res.Reason
	}
	return &Error{operation, res.Status, body.Message}
}

// wireError names the operation that a failure of the connection belongs to. A peer that does not speak HTTP is there,
// and asking it again will not help: that is no NoAnswer.
func wireError(operation string, err error) error {
	var broken http1.ProtocolError
	var conn *http1.Error
	if errors.As(err, &conn) && !errors.As(err, &broken) {
		return &NoAnswer{operation, conn.Sent, err}
	}
	return fmt.Errorf("dockerapi: %s: %w", operation, err)
}

package dockerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"docker-dispatch/wire/http1"
)

// span is one call, from its first request on: for as long as the caller's context lives, and until the row's limit has passed without
// an answer. Whatever fails within it gets its name and its meaning here.
type span struct {
	op      call
	ctx     context.Context
	account *account // of the request that was sent last; nil is none
}

// begin starts the span of a call. Whoever begins it ends it.
func begin(ctx context.Context, op call) *span { return &span{op: op, ctx: ctx} }

// end says that the exchange is over.
func (s *span) end() { s.account.close() }

// fail is the error of a call that the connection has failed, by itself or because the span is over. A peer that does not
// speak as it should is there: that is Garbled, and no NoAnswer. Nor is the end of the caller's context.
func (s *span) fail(err error) error {
	operation := calls[s.op].operation
	var broken http1.ProtocolError
	var conn *http1.Error
	switch {
	case errors.Is(err, s.ctx.Err()):
		return fmt.Errorf("dockerapi: %s: %w", operation, err)
	case !errors.As(err, &conn), errors.As(err, &broken):
		return &Garbled{operation, err}
	case errors.Is(err, http1.ErrLimit):
		return &NoAnswer{operation, conn.Sent, fmt.Errorf("no answer within %v", calls[s.op].limit)}
	}
	return &NoAnswer{operation, conn.Sent, err}
}

// refuse turns an answer that is not accepted into an *Error: {"message": …}, or plain text from an attach and from the
// HTTP server itself.
func (s *span) refuse(res *http1.Response) error {
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, errorBodyLen))
	if err != nil && len(text) == 0 {
		return s.fail(err)
	}
	var body struct{ Message string }
	if json.Unmarshal(text, &body) != nil || body.Message == "" {
		body.Message = strings.TrimSpace(string(text))
	}
	if body.Message == "" {
		body.Message = res.Reason
	}
	return &Error{calls[s.op].operation, res.Status, body.Message}
}

// answer is the body of a stream's answer. To close it ends its span.
type answer struct {
	io.ReadCloser
	*span
	header http1.Header // of a stream
}

// Close ends the answer, whether it has been read whole or not.
func (a *answer) Close() error {
	defer a.end()
	return a.ReadCloser.Close()
}

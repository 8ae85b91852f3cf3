package dockerapi

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"docker-dispatch/wire/http1"
)

// A peer that breaks the protocol is there, and a request that cannot be written was never on its way: neither is a NoAnswer.
func TestFail(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&http1.Error{Op: "read", Sent: true, Err: http1.ProtocolError("bare LF")},
			"error: dockerapi: SystemPing: http1: reading the response: protocol error: bare LF"},
		{fmt.Errorf("http1: target %q", "x"), `error: dockerapi: SystemPing: http1: target "x"`},
		{&http1.Error{Op: "write", Err: syscall.EPIPE},
			"no answer, not sent: dockerapi: SystemPing: http1: sending the request: broken pipe"},
		{&http1.Error{Op: "write", Sent: true, Err: syscall.EPIPE},
			"no answer, sent: dockerapi: SystemPing: http1: sending the request: broken pipe"},
	} {
		err := begin(t.Context(), systemPing).fail(tt.err)
		if got := kind(err) + ": " + err.Error(); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("fail(%v)\ngot  %s\nwant %s", tt.err, got, tt.want)
		}
	}
}

// Whatever a refusal's body is, the refusal has its status and no more words than it has reason to.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{
		"",
		"\r\n",
		"null",
		"{}",
		"No such container: x\r\n",
		`{"message":"No such container: x"}`,
		`{"message":""}`,
		`{"message":["no"]}`,
		`{"cause":"no such file","message":"crun: not found","response":500}`,
		`{"message":"a"}{"message":"b"}`,
		"<html>\xff</html>",
	} {
		f.Add([]byte(body), 500, "Internal Server Error")
	}
	f.Fuzz(func(t *testing.T, body []byte, status int, reason string) {
		s := begin(t.Context(), containerStart)
		defer s.end()
		err := s.refuse(&http1.Response{Status: status, Reason: reason, Body: io.NopCloser(strings.NewReader(string(body)))})
		var refused *Error
		if !errors.As(err, &refused) || refused.Operation != "ContainerStart" || refused.Status != status {
			t.Fatalf("refusal of %q: %v", body, err)
		}
		if len(refused.Message) > max(3*errorBodyLen, len(reason)) { // a byte that is not UTF-8 becomes three in a JSON string
			t.Errorf("refusal of %d bytes has a message of %d", len(body), len(refused.Message))
		}
		if refused.Message == "" && reason != "" {
			t.Errorf("refusal of %q, %q has no words", body, reason)
		}
	})
}

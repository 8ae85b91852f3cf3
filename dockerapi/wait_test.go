package dockerapi

import (
	"context"
	"strings"
	"testing"

	"docker-dispatch/wire/wiretest"
)

var awaits = asks("POST /v1.41/containers/x/wait?condition=next-exit")

func (s *session) awaitExit(id string) *Exit {
	exit, err := s.c.ContainerAwaitExit(s.t.Context(), id)
	s.note("await exit", err, "ok")
	return exit
}

func (s *session) code(exit *Exit) {
	if exit == nil {
		return
	}
	code, err := exit.Code(s.t.Context())
	s.note("code", err, "%d", code)
	exit.Close()
}

func TestContainerAwaitExit(t *testing.T) {
	const head = "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n"
	const cut = "await exit: ok\ncode: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"
	for _, tt := range []struct{ name, answer, want string }{
		{"Engine 20.10", streams(`{"Error":null,"StatusCode":3}`+"\n") + end, "await exit: ok\ncode: 3"},
		{"newer Engines", streams(`{"StatusCode":137}`+"\n") + end, "await exit: ok\ncode: 137"},
		{"whole", answers("200 OK", `{"StatusCode":0}`), "await exit: ok\ncode: 0"},
		{"no such container", answers("404 Not Found", `{"message":"No such container: x"}`), "await exit: refused: dockerapi: ContainerWait: 404: No such container: x"},
		{"a client that went", answers("200 OK", `{"Error":{"Message":"context canceled"},"StatusCode":-1}`), "await exit: ok\ncode: error: dockerapi: ContainerWait: context canceled"},
		{"no code", answers("200 OK", `{}`), "await exit: ok\ncode: error: dockerapi: ContainerWait: the answer has no StatusCode"},
		{"no JSON", answers("200 OK", `gone`), "await exit: ok\ncode: error: dockerapi: ContainerWait: the answer: invalid character 'g' looking for beginning of value"},
		{"ended without a chunk", head + end, cut},
		{"ended without a body", answers("200 OK", ""), cut},
		{"cut before a chunk", head + "<EOF\n", cut},
		{"cut after the chunk", streams(`{"StatusCode":0}`) + "<EOF\n", cut},
		{"cut before its head", "<EOF\n", "await exit: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			do := func(s *session) { s.code(s.awaitExit("x")) }
			play(t, pinged+awaits+tt.answer, do, "\n"+tt.want+"\n", 0, 1, 7)
		})
	}
}

// The head is all that is waited for before the start.
func TestContainerAwaitExitThenStart(t *testing.T) {
	const head = "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n"
	do := func(s *session) {
		exit := s.awaitExit("x")
		s.start("x")
		exit.Close()
	}
	play(t, pinged+awaits+head+">EOF\n== start\n"+starts+answers("204 No Content", ""), do, "\nawait exit: ok\nstart: ok\n", 0)
}

// What is longer than it has reason to be is not read.
func TestContainerAwaitExitIsBounded(t *testing.T) {
	answer := "< HTTP/1.1 200 OK\n< Content-Length: 104857600\n<\n< \"" + strings.Repeat(" ", exitedLen) + "\"\n"
	do := func(s *session) { s.code(s.awaitExit("x")) }
	play(t, pinged+awaits+answer, do, "\nawait exit: ok\ncode: error: dockerapi: ContainerWait: the answer: unexpected end of JSON input\n", 0)
}

// The context ends what waits for a code.
func TestContainerAwaitExitCancelled(t *testing.T) {
	c := client(wiretest.Server(t, pinged+awaits+"< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n>EOF\n"))
	exit, err := c.ContainerAwaitExit(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer exit.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := exit.Code(ctx); kind(err) != "error" || err.Error() != "dockerapi: ContainerWait: http1: reading the response: context canceled" {
		t.Errorf("got %v", err)
	}
}

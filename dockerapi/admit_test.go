package dockerapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"docker-dispatch/wire/wiretest"
)

// admitAll has all that Admit learns written down.
func admitAll(c *Client, known *strings.Builder) {
	c.Admit = func(_ context.Context, r Record) (func(Record), error) {
		fmt.Fprintf(known, "%s %s %s body %.8s\n", r.Operation, r.Method, r.Target, r.Sum)
		return func(r Record) {
			fmt.Fprintf(known, "%s is over: %d, %d bytes, failed %v\n", r.Operation, r.Status, r.Bytes, r.Err != nil)
		}, nil
	}
}

// Each request is admitted before it is sent, and told of once when its answer is over: those that are repeated, refused and cut too.
func TestAdmit(t *testing.T) {
	const body = `{"Image":"a"}`
	creates := "> POST /v1.41/containers/create?name=x HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> Content-Type: application/json\n" +
		fmt.Sprintf("> Content-Length: %d\n>\n> %q\n", len(body), body)
	c := client(wiretest.Server(t, pinged+creates+answers("201 Created", `{"Id":"1"}`)+inspects+"<EOF\n"+
		"== again\n"+inspects+answers("404 Not Found", `{"message":"no"}`)+starts+"< HTTP/1.1 204 No Content\n<\n<EOF\n"+
		"== attach\n"+asksAttach+"< HTTP/1.1 101 UPGRADED\n<\n< \"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x03abc\"\n<EOF\n"))
	var known strings.Builder
	admitAll(c, &known)
	c.ContainerCreate(t.Context(), "x", "", map[string]any{"Image": "a"})
	c.ContainerInspect(t.Context(), "x")
	c.ContainerStart(t.Context(), "x")
	stream, err := c.ContainerAttach(t.Context(), "x", Streams{Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, data, err := stream.Next(); err != nil || string(data) != "abc" {
		t.Errorf("Next: %q, %v", data, err)
	}
	known.WriteString("it is closed\n")
	stream.Close()
	stream.Close()
	sum := sha256.Sum256([]byte(body))
	want := `SystemPing GET /_ping body 
SystemPing is over: 200, 2 bytes, failed false
ContainerCreate POST /v1.41/containers/create?name=x body ` + hex.EncodeToString(sum[:4]) + `
ContainerCreate is over: 201, 10 bytes, failed false
ContainerInspect GET /v1.41/containers/x/json body 
ContainerInspect is over: 0, 0 bytes, failed true
ContainerInspect GET /v1.41/containers/x/json body 
ContainerInspect is over: 404, 16 bytes, failed false
ContainerStart POST /v1.41/containers/x/start body 
ContainerStart is over: 204, 0 bytes, failed false
ContainerAttach POST /v1.41/containers/x/attach?stream=1&stdout=1&stderr=1 body 
it is closed
ContainerAttach is over: 101, 11 bytes, failed false
`
	if known.String() != want {
		t.Errorf("got\n%s\nwant\n%s", known.String(), want)
	}
}

// What is not admitted is not sent, nor is anything dialled; that is no loss of a connection.
func TestNotAdmitted(t *testing.T) {
	full := errors.New("full")
	c := client(func(context.Context) (net.Conn, error) { t.Error("dialled"); return nil, io.EOF })
	c.version = "/v1.41"
	c.Admit = func(context.Context, Record) (func(Record), error) { return nil, full }
	for name, call := range map[string]func() error{
		"unary":  func() error { return c.ContainerStart(t.Context(), "x") },
		"stream": func() error { _, err := c.ContainerLogs(t.Context(), "x", Streams{}, nil); return err },
		"hijack": func() error { _, err := c.ContainerAttach(t.Context(), "x", Streams{}); return err },
	} {
		var lost *NoAnswer
		if err := call(); !errors.As(err, &lost) || lost.Sent || !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.Losses() != 0 || c.version == "" {
		t.Errorf("%d losses, version %q", c.Losses(), c.version)
	}
}

// A call that waits to be admitted ends with its context, or with its limit.
func TestAdmissionWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(nil)
		c.version = "/v1.41"
		c.Admit = func(ctx context.Context, _ Record) (func(Record), error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := c.ContainerStart(ctx, "x")
		var lost *NoAnswer
		if !errors.Is(err, context.Canceled) || errors.As(err, &lost) {
			t.Errorf("cancelled: %v", err)
		}
		if err := c.ContainerStart(t.Context(), "x"); !errors.As(err, &lost) || lost.Sent {
			t.Errorf("at its limit: %v", err)
		}
	})
}

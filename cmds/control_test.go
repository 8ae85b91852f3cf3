package cmds

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"docker-dispatch/wire"
)

// order gives the dispatcher a control message.
func (s *stage) order(id, body string) { s.Control(s.ctx, s.out.delivery(id, body)) }

// A control message is for the dispatcher that has made the container, and no other says anything.
func TestControl(t *testing.T) {
	const (
		stop   = `{"Dockercmd":"stop","Container":"hello"}`
		remove = `{"Dockercmd":"remove","Container":"hello","Options":{"Force":true}}`
		wrong  = "level=ERROR msg=\"a control message that is not done, which every dispatcher got\" message=c error=%q\nc: ack\n"
	)
	for _, tt := range []struct {
		name   string
		bend   func(c *container)
		body   string
		out    string
		calls  string
		status string // of the container then; "" is gone
	}{
		{"stop", nil, stop, "hello                = stopped\nc: ack\n", "ContainerInspect 200, ContainerStop 204", "exited"},
		{"remove", nil, remove, "hello                = removed\nc: ack\n", "ContainerInspect 200, ContainerDelete 204", ""},
		{"by its id", nil, strings.Replace(stop, "hello", "db00000000000000000000000000000000000000000000000000000000000001", 1),
			"db00000000000000000000000000000000000000000000000000000000000001 = stopped\nc: ack\n", "ContainerInspect 200, ContainerStop 204", "exited"},
		{"remove what runs", nil, strings.Replace(remove, "true", "false", 1),
			"hello                = error: You cannot remove a running container. Stop the container before attempting removal or force remove\nc: ack\n", "ContainerInspect 200, ContainerDelete 409", "running"},
		{"another dispatcher's", func(c *container) { c.labels[labelDispatcher] = "there" }, stop, "c: ack\n", "ContainerInspect 200", "running"},
		{"another queue's", func(c *container) { c.labels[labelQueue] = "jobs2" }, stop, "c: ack\n", "ContainerInspect 200", "running"},
		{"a stranger's", func(c *container) { clear(c.labels) }, stop, "c: ack\n", "ContainerInspect 200", "running"},
		{"none", nil, strings.Replace(stop, "hello", "nope", 1), "c: ack\n", "ContainerInspect 404", "running"},
		{"a run", nil, attached("hello"), fmt.Sprintf(wrong, `Dockercmd: "run": no control message, which one dispatcher of all does at once; send it to the queue`), "", "running"},
		{"no message", nil, "x\n = stopped", fmt.Sprintf(wrong, "not JSON: line 1, column 1: invalid character 'x' looking for beginning of value"), "", "running"},
		{"unknown", nil, `{"Dockercmd":"plugin","Container":"hello"}`, fmt.Sprintf(wrong, `Dockercmd: "plugin": unknown command (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`), "", "running"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"sleep": sleepOn})
			c := s.made(t, "m", strings.Replace(attached("sleep"), `,"Remove":true`, "", 1), "created")
			s.run(c)
			if tt.bend != nil {
				tt.bend(c)
			}
			s.order("c", tt.body)
			s.ends(t, tt.out, tt.calls)
			if calls := s.calls.take(); tt.calls == "" && calls != "" {
				t.Errorf("called\n%s", calls)
			}
			got := c.is()
			if s.find(c.id) == nil {
				got = ""
			}
			if got != tt.status {
				t.Errorf("it is %q, want %q", got, tt.status)
			}
		})
	}
}

// A dispatcher that is full obeys, and in no order.
func TestControlWhileFull(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": gated(nil)})
	s.Slots = 1
	s.give("m", attached("sleep"))
	until(t, "it runs", func() bool { return s.out.holds("begun") })
	s.give("n", `{"Dockercmd":"stop","Container":"hello"}`) // waits for a slot
	s.order("c", `{"Dockercmd":"stop","Container":"hello","Options":{"Time":0}}`)
	s.Wait()
	out := seconds.ReplaceAllString(s.out.take(), " in T")
	for _, want := range []string{"hello                = exited 137 (SIGKILL) in T\n", "m: ack\n", "c: ack\n", "n: ack\n"} {
		if strings.Count(out, want) != 1 {
			t.Errorf("printed\n%s\nwithout %s", out, want)
		}
	}
	if strings.Count(out, "hello                = stopped\n") != 2 {
		t.Errorf("printed\n%s", out)
	}
}

// An order that cannot be done before the program leaves is not settled, and one whose session is gone is no news.
func TestControlEnds(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": sleepOn})
	s.run(s.made(t, "m", attached("sleep"), "created"))
	reached := make(chan struct{})
	s.bend("stop", func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		io.Copy(io.Discard, r.Body)
		close(reached)
		<-r.Context().Done()
	})
	s.order("c", `{"Dockercmd":"stop","Container":"hello"}`)
	<-reached
	s.stop()
	s.ends(t, "", "")

	for err, want := range map[error]string{
		wire.ErrStale:    "nope                 = stopped\n",
		io.ErrClosedPipe: "nope                 = stopped\nlevel=WARN msg=\"a message could not be settled\" message=c error=\"io: read/write on closed pipe\"\n",
	} {
		var n notes
		d := n.dispatcher(engineStops)
		delivery := n.delivery("c", `{"Dockercmd":"stop","Container":"nope"}`)
		delivery.Settle = func(wire.Verdict) error { return err }
		d.Control(t.Context(), delivery)
		d.Wait()
		d.Printer.Close(t.Context())
		n.check(t, err.Error(), want)
	}
}

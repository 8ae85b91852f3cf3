package amqp

import (
	"errors"
	"net"
	"strings"
	"testing"

	"docker-dispatch/wire"
)

// writes is a connection that keeps each write, until it fails.
type writes struct {
	net.Conn
	all []string
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, string(p))
	return len(p), w.err
}

// What is gathered is one write, in its order, and what comes before and after is not held back.
func TestGather(t *testing.T) {
	w := new(writes)
	c := &transport{Conn: w}
	say := func(frames ...string) {
		for _, frame := range frames {
			if n, err := c.Write([]byte(frame)); n != len(frame) || err != nil {
				t.Errorf("%s: %d, %v", frame, n, err)
			}
		}
	}
	say("a", "b")
	for _, frames := range [][]string{{"c", "d", "e"}, {strings.Repeat("f", keptLen), "g"}, {"h"}} {
		c.gather()
		say(frames...)
		if err := c.send(); err != nil {
			t.Error(err)
		}
	}
	say("i")
	want := []string{"a", "b", "cde", strings.Repeat("f", keptLen) + "g", "h", "i"}
	if got := strings.Join(w.all, " "); got != strings.Join(want, " ") {
		t.Errorf("%.100q", got)
	}
	if cap(c.gathered) > keptLen {
		t.Errorf("keeps %d bytes", cap(c.gathered))
	}
	c.gather()
	say("j")
	w.err = net.ErrClosed
	if err := c.send(); !errors.Is(err, wire.ErrStale) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("a lost connection: %v", err)
	}
	if n, err := c.Write([]byte("k")); n != 1 || !errors.Is(err, net.ErrClosed) || !strings.HasSuffix(strings.Join(w.all, ""), "jk") {
		t.Errorf("and then: %d, %v", n, err)
	}
}

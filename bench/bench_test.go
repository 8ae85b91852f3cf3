package main

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// newBench is a bench with all that it builds; it needs a broker.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{amqp: or(os.Getenv("AMQP_URL"), "amqp://guest:guest@localhost:5672/"), root: "..", dir: t.TempDir(), failed: map[string]string{}}
	var err error
	if b.broker, err = dialBroker(b.amqp); err != nil {
		t.Skip(err)
	}
	t.Cleanup(b.broker.close)
	if b.rivals, err = b.build(nil, "sdk,tuned,floor"); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRivals has each rival do what the figures on the Engine of instant containers have it do, a little of it.
func TestRivals(t *testing.T) {
	b := newBench(t)
	for i := range b.rivals {
		r := &b.rivals[i]
		for _, test := range []struct {
			name    string
			measure func(*bench, *rival, *setting) ([]float64, error)
			work    work
		}{
			{"rate", measureRate, work{slots: 4, messages: 50, cmd: hello}},
			{"silent", measureSilent, work{slots: 10, messages: 10, cmd: held}},
			{"output", measureOutput, work{slots: 2, messages: 3, cmd: []string{"lines", "100000", "64"}}},
			{"start", measureStart, work{slots: 1, messages: 2, cmd: hello}},
		} {
			values, err := test.measure(b, r, &setting{name: test.name, work: test.work})
			if err != nil {
				t.Errorf("%s: %s: %v", r.name, test.name, err)
			}
			for _, v := range values {
				if math.IsNaN(v) || math.IsInf(v, 0) || v <= 0 && test.name != "silent" {
					t.Errorf("%s: %s: %v", r.name, test.name, values)
				}
			}
		}
	}
}

// TestTrouble has a rival that is none: what it says is in the error, and no figure comes of it.
func TestTrouble(t *testing.T) {
	b := newBench(t)
	for script, want := range map[string]string{
		"echo no such queue >&2; exit 3": "no such queue",
		"sleep 0.2; exit 0":              "it has ended",
	} {
		r := &rival{name: "script", kind: sdk, path: "/bin/sh", args: []string{"-c", script}}
		_, err := measureRate(b, r, &setting{work: work{slots: 1, messages: 1, cmd: hello}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", script, err)
		}
	}
}

func TestProxySeesConsumes(t *testing.T) {
	consume := func(queue string) []byte {
		method := append([]byte{0, 60, 0, 20, 0, 0, byte(len(queue))}, queue+"\x03tag\x00\x00\x00\x00\x00"...)
		return append(append([]byte{1, 0, 1, 0, 0, 0, byte(len(method))}, method...), 0xce)
	}
	said := []byte("AMQP\x00\x00\x09\x01")
	said = append(said, 8, 0, 0, 0, 0, 0, 0, 0xce) // a heartbeat
	said = append(said, consume("one")...)
	said = append(said, consume("two")...)
	for size := range len(said) {
		p := &proxy{times: map[string]time.Time{}}
		c := consumes{proxy: p, skip: protocolHeader}
		for rest := said; len(rest) > 0; {
			n := min(size+1, len(rest))
			c.read(rest[:n])
			rest = rest[n:]
		}
		if len(p.times) != 2 || p.consumed("one").IsZero() || p.consumed("two").IsZero() || len(c.part) > 0 {
			t.Fatalf("in reads of %d bytes: %v", size+1, p.times)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		goal                 goal
		ours, toSDK, toFloor []float64
		want                 string
	}{
		{none, []float64{1}, []float64{1}, nil, ""},
		{ratioMin(1.6), nil, []float64{1.5, 1.6, 1.7}, nil, "yes"},
		{ratioMin(1.6), nil, []float64{1.5, 1.5, 1.7}, nil, "NO"},
		{ratioMax(0.5), nil, []float64{0.5, 0.5, 0.7}, nil, "yes"},
		{ratioMax(0.5), nil, []float64{0.51}, nil, "NO"},
		{ratioMax(0.5), []float64{1}, nil, nil, ""},
		{most(20), []float64{19, 30, 20}, nil, nil, "yes"},
		{asTheFloor, nil, nil, []float64{0.9, 0.95, 1.01}, "yes"},
		{asTheFloor, nil, nil, []float64{0.9, 0.95, 0.99}, "NO"},
	} {
		if got := test.goal.verdict(test.ours, test.toSDK, test.toFloor); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

package cmds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"
	"docker-dispatch/wire/wiretest"
)

// engineFunc is an Engine that a test writes down.
type engineFunc func(ctx context.Context, c *Command, s *Streams) (Result, error)

func (f engineFunc) Do(ctx context.Context, c *Command, s *Streams) (Result, error) {
	return f(ctx, c, s)
}

// notes is what happened, in order. Standard output is one of the sources, and so is the log.
type notes struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) add(format string, args ...any) { fmt.Fprintf(n, format+"\n", args...) }

// take returns what was noted since the last time.
func (n *notes) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer n.text.Reset()
	return n.text.String()
}

// delivery is one that notes how it is settled, by its message id.
func (n *notes) delivery(id, body string) wire.Delivery {
	return wire.Delivery{Properties: wire.Properties{MessageID: id}, Body: []byte(body), Queue: "jobs",
		Settle: func(v wire.Verdict) error { n.add("%s: %v", id, v); return nil }}
}

// dispatcher is one that has its standard output, warnings and what it publishes noted. The caller closes its printer.
func (n *notes) dispatcher(engine engineFunc) *Dispatcher {
	log := logfmt.New(wiretest.Untimed(n), logfmt.Info)
	d := &Dispatcher{Engine: engine, Printer: NewPrinter(n, "text"), Log: log, Name: "here", Slots: 2, MaxBody: testMaxBody}
	d.Publish = func(_ context.Context, p wire.Publishing) error {
		n.add("published: %s %s in %v %v %s", p.Queue, p.MessageID, p.Delay, p.Headers, p.Body)
		return nil
	}
	d.Broken = func(err error) { n.add("broken: %v", err) }
	d.Obey(trusting())
	return d
}

func (n *notes) check(t *testing.T, name, want string) {
	t.Helper()
	if got := n.take(); got != want {
		t.Errorf("%s\ngot\n%s\nwant\n%s", name, got, want)
	}
}

const runHello = `{"Dockercmd":"run","Options":{"Name":"hello_world","Attach":["STDOUT"]},"Image":"debian:jessie"}`

func TestDispatchFates(t *testing.T) {
	refused := &dockerapi.Error{Operation: "ContainerCreate", Status: 409, Message: "in use\nhello_world = exited 0"}
	for _, tt := range []struct {
		name string
		body string
		res  Result
		err  error
		want string
		well bool
	}{
		{"exited", runHello, Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(0)}, nil,
			"hello_world          = exited 0 in 0.00s\nm: ack\n", true},
		{"exited with another code", runHello, Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(1)}, nil,
			"hello_world          = exited 1 in 0.00s\nm: ack\n", false},
		{"output lost", runHello, Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(0), OutputLost: "no log"}, nil,
			"hello_world          = exited 0 in 0.00s (output lost: no log)\nm: ack\n", false},
		{"started", runHello, Result{Name: "hello_world", ID: testID, Status: StatusStarted}, nil,
			"hello_world          = started 0123456789ab\nm: ack\n", true},
		{"refused", runHello, Result{Name: "hello_world", Status: StatusStarted}, refused,
			`hello_world          = error: in use\nhello_world = exited 0` + "\nm: ack\n", false},
		{"interrupted", runHello, Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(137)}, errInterrupted("it went away"),
			"hello_world          = interrupted: it went away\nm: ack\n", false},
		{"nameless", runHello, Result{ID: testID, Status: StatusStarted}, nil, "0123456789ab         = started 0123456789ab\nm: ack\n", true},
		{"invalid", `{"Dockercmd":"run"}`, Result{}, nil, "m                    = error: Image: run needs it\n" +
			`published: jobs.dead m in 0s map[docker-dispatch-queue:jobs docker-dispatch-reason:Image: run needs it] {"Dockercmd":"run"}` + "\nm: ack\n", false},
		{"not known", runHello, Result{}, context.Canceled, "level=INFO msg=\"left unfinished\" message=m container=hello_world\n", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var n notes
			calls := 0
			d := n.dispatcher(func(context.Context, *Command, *Streams) (Result, error) { calls++; return tt.res, tt.err })
			d.Deliver(t.Context(), n.delivery("m", tt.body))
			d.Wait()
			d.Printer.Close(t.Context())
			n.check(t, tt.name, tt.want)
			if d.Well() != tt.well || d.Broke() || calls > 1 {
				t.Errorf("%s: well %t, broke %t, %d calls", tt.name, d.Well(), d.Broke(), calls)
			}
		})
	}
}

// The dead queue gets the message as it came, with two headers more, and the delivery's own headers are left alone.
func TestDispatchBuries(t *testing.T) {
	var n notes
	d := n.dispatcher(nil)
	var dead wire.Publishing
	d.Publish = func(_ context.Context, p wire.Publishing) error { dead = p; return nil }
	delivery := n.delivery("m\n = removed", "\xff")
	delivery.CorrelationID, delivery.ReplyTo, delivery.Priority = "c", "r", 7
	delivery.Headers = map[string]any{"x": int32(1), headerReason: "of an earlier death"}
	before := maps.Clone(delivery.Headers)
	d.Deliver(t.Context(), delivery)
	d.Wait()
	d.Printer.Close(t.Context())
	want := wire.Publishing{Properties: delivery.Properties, Queue: "jobs.dead", Body: []byte("\xff"), First: ownHeaders}
	want.Headers = map[string]any{"x": int32(1), headerReason: "not UTF-8: line 1, column 1: byte 0xff", headerQueue: "jobs"}
	if !reflect.DeepEqual(dead, want) || !maps.Equal(delivery.Headers, before) {
		t.Errorf("got  %+v\nwant %+v\nheaders %v", dead, want, delivery.Headers)
	}
	n.check(t, "text", `"m\n = removed"      = error: not UTF-8: line 1, column 1: byte 0xff`+"\nm\n = removed: ack\n")
}

func TestDispatchWithoutDeadQueue(t *testing.T) {
	var n notes
	d := n.dispatcher(nil)
	d.Publish = nil
	d.Deliver(t.Context(), n.delivery("m", "x"))
	d.Wait()
	d.Printer.Close(t.Context())
	n.check(t, "nil", "m                    = error: not JSON: line 1, column 1: invalid character 'x' looking for beginning of value\n"+
		`level=ERROR msg="a message is given up" message=m reason="not JSON: line 1, column 1: invalid character 'x' looking for beginning of value"`+"\nm: ack\n")
}

// A message that cannot be buried is kept, and everything is said again when it comes again.
func TestDispatchCannotBury(t *testing.T) {
	var n notes
	d := n.dispatcher(nil)
	d.Publish = func(context.Context, wire.Publishing) error { return errors.New("no right to declare jobs.dead") }
	const want = `m                    = error: Dockercmd: every message needs it: run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect
level=ERROR msg="a message could not be put into another queue and is kept" message=m reason="Dockercmd: every message needs it: run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect" error="no right to declare jobs.dead"
`
	lost := make(chan struct{})
	for _, redelivered := range []bool{false, true} {
		delivery := n.delivery("m", "{}")
		delivery.Lost, delivery.Redelivered = lost, redelivered
		d.Deliver(t.Context(), delivery)
		d.Wait()
		n.check(t, fmt.Sprintf("redelivered %t", redelivered), want)
		if !redelivered {
			close(lost)
		}
	}
	d.Printer.Close(t.Context())
	if len(d.ledger.entries) != 0 {
		t.Errorf("%d entries are left", len(d.ledger.entries))
	}
}

func TestDispatchSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		var working, most atomic.Int32
		d := n.dispatcher(func(context.Context, *Command, *Streams) (Result, error) {
			most.Store(max(most.Load(), working.Add(1)))
			time.Sleep(time.Second)
			working.Add(-1)
			return Result{Status: StatusStopped}, nil
		})
		start := time.Now()
		for i := range 10 {
			d.Deliver(t.Context(), n.delivery(fmt.Sprint("m", i), fmt.Sprintf(`{"Dockercmd":"stop","Container":"c%d"}`, i)))
		}
		d.Wait()
		d.Printer.Close(t.Context())
		if most.Load() != 2 || time.Since(start) != 5*time.Second {
			t.Errorf("%d at once, all in %v", most.Load(), time.Since(start))
		}
	})
}

func TestDispatchOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, calls notes
		start := time.Now()
		d := n.dispatcher(func(_ context.Context, c *Command, s *Streams) (Result, error) {
			calls.add("%v %s %s, pending %t", time.Since(start), c.Verb, c.Container, c.RemovePending)
			if c.Verb == "run" {
				time.Sleep(2 * time.Second)
				s.Started(nil)
				time.Sleep(2 * time.Second)
			}
			time.Sleep(3 * time.Second)
			return Result{Name: c.Container, Status: StatusStopped}, nil
		})
		d.Slots = 10
		for i, body := range []string{
			`{"Dockercmd":"run","Image":"i","Options":{"Name":"xx","Remove":true,"Attach":["STDOUT"]}}`,
			`{"Dockercmd":"stop","Container":"xx"}`,
			`{"Dockercmd":"remove","Container":"xx"}`,
		} {
			d.Deliver(t.Context(), n.delivery(fmt.Sprint("m", i), body))
		}
		time.Sleep(time.Second)
		d.Deliver(t.Context(), n.delivery("m3", `{"Dockercmd":"stop","Container":"yy"}`))
		d.Wait()
		d.Deliver(t.Context(), n.delivery("m4", `{"Dockercmd":"stop","Container":"xx"}`))
		d.Wait()
		d.Printer.Close(t.Context())
		calls.check(t, "in turn", `0s run xx, pending false
1s stop yy, pending false
2s stop xx, pending true
5s remove xx, pending true
8s stop xx, pending false
`)
		n.check(t, "done", `yy                   = stopped
m3: ack
xx                   = stopped
m1: ack
xx                   = stopped
m0: ack
xx                   = stopped
m2: ack
xx                   = stopped
m4: ack
`)
	})
}

// Who waits for his turn does not wait for a standard output that is blocked.
func TestDispatchOrderWhileBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, calls notes
		d := n.dispatcher(func(_ context.Context, c *Command, _ *Streams) (Result, error) {
			calls.add("%s", c.Verb)
			return Result{Name: c.Container, Status: StatusStopped}, nil
		})
		d.Printer.Close(t.Context())
		w := blockedWriter{make(chan struct{})}
		d.Printer = NewPrinter(w, "text")
		d.Deliver(t.Context(), n.delivery("m0", `{"Dockercmd":"stop","Container":"xx"}`))
		d.Deliver(t.Context(), n.delivery("m1", `{"Dockercmd":"remove","Container":"xx"}`))
		synctest.Wait()
		calls.check(t, "both are done", "stop\nremove\n")
		n.check(t, "none is settled", "")
		close(w.unblock)
		d.Wait()
		d.Printer.Close(t.Context())
	})
}

func TestDispatchOutputFails(t *testing.T) {
	var n notes
	d := n.dispatcher(func(ctx context.Context, c *Command, s *Streams) (Result, error) {
		s.Container(testID, c.Container)
		return Result{}, s.Write(ctx, dockerapi.Stdout, []byte("a\n"))
	})
	d.Printer.Close(t.Context())
	d.Printer = NewPrinter(failingWriter{}, "text")
	d.Deliver(t.Context(), n.delivery("m", runHello))
	d.Wait()
	d.Deliver(t.Context(), n.delivery("n", "{}"))
	d.Wait()
	d.Printer.Close(t.Context())
	n.check(t, "output", "broken: cmds: writing standard output: io: read/write on closed pipe\n")
	if !d.Broke() || d.Well() {
		t.Errorf("broke %t, well %t", d.Broke(), d.Well())
	}
}

func TestDispatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		calls := 0
		d := n.dispatcher(func(ctx context.Context, _ *Command, _ *Streams) (Result, error) {
			calls++
			<-ctx.Done()
			return Result{Status: StatusExited, ExitCode: exited(0)}, fmt.Errorf("attach: %w", ctx.Err())
		})
		d.Slots = 1
		ctx, cancel := context.WithCancel(t.Context())
		d.Deliver(ctx, n.delivery("m", runHello)) // in work
		synctest.Wait()
		d.Deliver(ctx, n.delivery("n", runHello))                                // waits for its turn
		d.Deliver(ctx, n.delivery("o", `{"Dockercmd":"stop","Container":"yy"}`)) // waits for a slot
		synctest.Wait()
		if n.take() != "" || calls != 1 {
			t.Errorf("%d calls", calls)
		}
		cancel()
		d.Wait()
		d.Printer.Close(t.Context())
		if got := n.take(); strings.Count(got, "left unfinished") != 3 || strings.Contains(got, "ack") || strings.Contains(got, " = ") {
			t.Errorf("got\n%s", got)
		}
		if len(d.ledger.entries) != 0 || len(d.order.queues) != 0 {
			t.Errorf("left: %d entries, %d queues", len(d.ledger.entries), len(d.order.queues))
		}
	})
}

// A message whose session ends while it is in work comes again: it is settled where it came last, and done once.
func TestDispatchComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		proceed := make(chan struct{})
		d := n.dispatcher(func(context.Context, *Command, *Streams) (Result, error) {
			n.add("called")
			<-proceed
			return Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(0)}, nil
		})
		d.Slots = 1
		first, second := newSession(), newSession()
		d.Deliver(t.Context(), first.delivery("m", runHello, false))
		d.Deliver(t.Context(), first.delivery("n", runHello, false))
		synctest.Wait()
		first.end()
		d.Deliver(t.Context(), second.delivery("m", runHello, true))
		synctest.Wait()
		close(proceed)
		d.Wait()
		second.check(t, "ack m"+runHello)
		n.check(t, "the first; the second was not begun", "called\nlevel=INFO msg=\"a message has come again and is in work or done\" message=m\nhello_world          = exited 0 in 0.00s\nlevel=INFO msg=\"left unfinished\" message=n container=hello_world\n")
		d.Deliver(t.Context(), second.delivery("n", runHello, true))
		d.Wait()
		n.check(t, "the second", "called\nhello_world          = exited 0 in 0.00s\n")
		second.check(t, "ack m"+runHello+", ack n"+runHello)
		d.Printer.Close(t.Context())
		first.check(t, "")
	})
}

func TestDispatchSettleFails(t *testing.T) {
	var n notes
	d := n.dispatcher(func(context.Context, *Command, *Streams) (Result, error) { return Result{Status: StatusStopped}, nil })
	delivery := n.delivery("m", `{"Dockercmd":"stop","Container":"xx"}`)
	delivery.Settle = func(wire.Verdict) error { return io.ErrClosedPipe }
	d.Deliver(t.Context(), delivery)
	d.Wait()
	d.Printer.Close(t.Context())
	n.check(t, "said", "m                    = stopped\nlevel=WARN msg=\"a message could not be settled\" message=m error=\"io: read/write on closed pipe\"\n")
}

// queueBroker is a broker with one queue and one consumer, whose sessions end at random. What was not settled comes again, in its
// place, redelivered.
type queueBroker struct {
	mu       sync.Mutex
	ready    []*brokerMessage
	unacked  []*brokerMessage // of the session that is there
	acked    int
	problems []string
	changed  chan struct{} // holds one
}

type brokerMessage struct {
	id, body    string
	redelivered bool
	settled     int
}

func (b *queueBroker) change() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// take moves the next message to the unacked, when prefetch allows it.
func (b *queueBroker) take(prefetch int, lost chan struct{}) (d wire.Delivery, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 || len(b.unacked) >= prefetch {
		return d, false
	}
	m := b.ready[0]
	b.ready, b.unacked = b.ready[1:], append(b.unacked, m)
	d = wire.Delivery{Properties: wire.Properties{MessageID: m.id}, Body: []byte(m.body), Queue: "jobs", Redelivered: m.redelivered, Lost: lost}
	d.Settle = func(wire.Verdict) error { return b.settle(m, lost) }
	return d, true
}

func (b *queueBroker) settle(m *brokerMessage, lost chan struct{}) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-lost:
		return wire.ErrStale
	default:
	}
	i := slices.Index(b.unacked, m)
	if i < 0 {
		b.problems = append(b.problems, m.id+" "+m.body+" is settled twice")
		return errors.New("unknown delivery tag")
	}
	b.unacked = slices.Delete(b.unacked, i, i+1)
	m.settled++
	b.acked++
	b.change()
	return nil
}

// end ends the session: what is not settled goes back to the front of the queue.
func (b *queueBroker) end(lost chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(lost)
	for _, m := range b.unacked {
		m.redelivered = true
	}
	b.ready = append(b.unacked, b.ready...)
	b.unacked = nil
}

// serve gives out messages until all are settled, in sessions of a random length.
func (b *queueBroker) serve(total, prefetch int, r *rand.Rand, deliver func(wire.Delivery)) {
	for {
		lost := make(chan struct{})
		over := time.After(time.Duration(r.IntN(20)) * time.Millisecond)
		for alive := true; alive; {
			if d, ok := b.take(prefetch, lost); ok {
				deliver(d)
				continue
			}
			select {
			case <-b.changed:
			case <-over:
				alive = false
			}
		}
		b.end(lost)
		b.mu.Lock()
		acked := b.acked
		b.mu.Unlock()
		if acked == total {
			return
		}
		time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond)
	}
}

// Whatever becomes of sessions, every message has one result, is done once, and is settled once.
func TestDispatchOnce(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { checkOnce(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func checkOnce(t *testing.T, r *rand.Rand) {
	b := &queueBroker{changed: make(chan struct{}, 1)}
	for i := range 100 {
		m := &brokerMessage{id: fmt.Sprint("m", i), body: fmt.Sprintf(`{"Dockercmd":"stop","Container":"c%d"}`, r.IntN(10))}
		switch r.IntN(6) {
		case 0:
			m.id = ""
		case 1:
			m.body = `{"Dockercmd":"stop"}`
		}
		b.ready = append(b.ready, m)
	}
	all := slices.Clone(b.ready)

	var output notes
	var seed atomic.Uint64
	doze := func() { time.Sleep(time.Duration(rand.New(rand.NewPCG(seed.Add(1), 0)).IntN(4)) * time.Millisecond) }
	seed.Store(r.Uint64())
	var mu sync.Mutex
	calls, dead := map[string]int{}, map[string]int{}
	d := &Dispatcher{Printer: NewPrinter(&output, "json"), Log: nil, Slots: 1 + r.IntN(8), MaxBody: testMaxBody}
	d.Engine = engineFunc(func(_ context.Context, c *Command, s *Streams) (Result, error) {
		mu.Lock()
		calls[s.messageID]++
		mu.Unlock()
		doze()
		return Result{Status: StatusStopped}, nil
	})
	d.Publish = func(_ context.Context, p wire.Publishing) error {
		doze()
		mu.Lock()
		defer mu.Unlock()
		dead[p.MessageID]++
		return nil
	}
	b.serve(len(all), d.Slots, r, func(delivery wire.Delivery) { d.Deliver(t.Context(), delivery) })
	d.Wait()
	d.Printer.Close(t.Context())

	results, want, done := map[string]int{}, map[string]int{}, map[string]int{}
	for line := range strings.Lines(output.take()) {
		var result Result
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			t.Fatal(err)
		}
		results[result.MessageID]++
	}
	for _, m := range all {
		want[m.id]++
		if m.settled != 1 {
			t.Errorf("%s is settled %d times", m.id, m.settled)
		}
	}
	maps.Copy(done, calls)
	for id, n := range dead {
		done[id] += n
	}
	if !maps.Equal(results, want) || !maps.Equal(done, want) || len(b.problems) > 0 {
		t.Errorf("%d slots\nresults %v\ndone    %v\nwant    %v\n%q", d.Slots, results, done, want, b.problems)
	}
}

// engineStops is an Engine that stops whatever it is told to.
func engineStops(_ context.Context, c *Command, _ *Streams) (Result, error) {
	return Result{Name: c.Container, Status: StatusStopped}, nil
}

package amqp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// A taken name is asked for each second, and said once; only its own refusal is waited out.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		b := newTestBroker(t, Config{URI: "amqp://h", Name: "n"}, &j)
		locked := &amqp091.Error{Code: 405, Reason: "RESOURCE_LOCKED", Server: true}
		start, tries := time.Now(), 0
		try := func() error {
			if tries++; tries < 5 {
				return fmt.Errorf("declaring: %w", locked)
			}
			return nil
		}
		if err := b.await(t.Context(), try); err != nil || time.Since(start) != 4*time.Second {
			t.Errorf("got %v after %v, want success after 4s", err, time.Since(start))
		}
		const want = `level=WARN msg="waiting for the name: another dispatcher has it, and then give each its own -name; or the broker has not yet noticed that this one's last connection is gone, and then it takes up to two heartbeats" queue=q name=n
level=INFO msg="the name is this dispatcher's" queue=q name=n
`
		if got := j.loud(); got != want {
			t.Errorf("log:\n%s\nwant:\n%s", got, want)
		}

		refused := &amqp091.Error{Code: 403, Server: true}
		if err := b.await(t.Context(), func() error { return refused }); err != refused {
			t.Errorf("got %v, want the refusal", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		if err := b.await(ctx, func() error { return locked }); err != context.Canceled {
			t.Errorf("got %v, want the end of the context", err)
		}
		if got := j.loud(); strings.Count(got, "msg=\"the name is") != 1 {
			t.Errorf("log:\n%s", got)
		}
	})
}

// newControl is newQueue, whose control exchange is deleted too.
func newControl(t *testing.T, behind *amqp091.Channel) string {
	queue := newQueue(t, behind)
	t.Cleanup(func() { behind.ExchangeDelete(queue+wire.ControlSuffix, false, noWait) })
	return queue
}

// publishControl sends to all dispatchers of the queue.
func publishControl(t *testing.T, behind *amqp091.Channel, queue string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		confirm, err := behind.PublishWithDeferredConfirm(queue+wire.ControlSuffix, "", false, false, amqp091.Publishing{Body: []byte(body)})
		if err != nil || !confirm.Wait() {
			t.Fatalf("publishing %q: %v", body, err)
		}
	}
}

// orders makes control messages arrive on a channel.
func orders(cfg *Config) <-chan wire.Delivery {
	out := make(chan wire.Delivery, 100)
	cfg.Control = func(d wire.Delivery) { out <- d }
	return out
}

// Control messages reach each dispatcher, whose only place is taken, and take none themselves.
func TestControl(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	start := func(name string) (in, control <-chan wire.Delivery, b *Broker, stop func() error) {
		var j journal
		cfg := Config{URI: uri, Queue: queue, QueueType: "classic", Name: name}
		control = orders(&cfg)
		b = newTestBroker(t, cfg, &j)
		in, stop = consuming(t, b)
		eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
		return in, control, b, stop
	}
	work1, control1, b1, stop1 := start("one")
	work2, control2, _, _ := start("two")
	publishBehind(t, behind, queue, "w1", "w2", "w3")
	held := []wire.Delivery{next(t, work1), next(t, work2)}
	publishControl(t, behind, queue, "c1", "c2")
	for _, control := range []<-chan wire.Delivery{control1, control2} {
		first, second := next(t, control), next(t, control)
		if string(first.Body) != "c1" || string(second.Body) != "c2" || first.Queue != queue {
			t.Errorf("got %s and %s of %s", first.Body, second.Body, first.Queue)
		}
		for _, err := range []error{first.Settle(wire.Claim), first.Settle(wire.Ack), second.Settle(wire.Ack)} {
			if err != nil {
				t.Error(err)
			}
		}
		if err := second.Settle(wire.Ack); err != errOrder {
			t.Errorf("settled twice: got %v", err)
		}
	}
	if n := ready(t, behind, queue); n != 1 || len(work1)+len(work2) != 0 {
		t.Errorf("%d messages wait in the queue, want 1", n)
	}
	publishControl(t, behind, queue, "c3")
	late := next(t, control1)
	if err := stop1(); err != nil {
		t.Fatal(err)
	}
	publishControl(t, behind, queue, "c4")
	next(t, control2)
	next(t, control2)
	if len(control1) != 0 {
		t.Error("a control message after the end of Consume")
	}
	if err := late.Settle(wire.Ack); err != nil {
		t.Errorf("after Consume: %v", err)
	}
	b1.Close()
	if err := late.Settle(wire.Ack); err != errOrder {
		t.Errorf("after Close: %v", err)
	}
	if _, err := lookup(uri, queue+".control.one"); replyCode(err) != amqp091.NotFound {
		t.Errorf("the control queue is there after Close: %v", err)
	}
	for _, d := range held {
		d.Settle(wire.Ack)
	}
}

// A second dispatcher of the same name waits, and takes nothing, until the first one has gone; a third with another name doesn't.
func TestLock(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	var j1, j2 journal
	cfg := Config{URI: uri, Queue: queue, QueueType: "classic", Name: "one"}
	orders(&cfg)
	readied := make(chan struct{}, 2)
	cfg.Ready = func(context.Context) { readied <- struct{}{} }
	first := newTestBroker(t, cfg, &j1)
	_, stop := consuming(t, first)
	eventually(t, func() bool { return strings.Contains(j1.loud(), "msg=consuming") })
	<-readied

	second := newTestBroker(t, cfg, &j2)
	deliveries, _ := consuming(t, second)
	eventually(t, func() bool { return strings.Contains(j2.loud(), "waiting for the name") })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	publishBehind(t, behind, queue, "1")
	if len(readied) != 0 || ready(t, behind, queue) != 1 {
		t.Error("the second did not wait for the first, which can still settle")
	}
	first.Close()
	next(t, deliveries).Settle(wire.Ack)
	if len(readied) != 1 || !strings.Contains(j2.loud(), "the name is this dispatcher's") {
		t.Errorf("ready %d times, log:\n%s", len(readied), j2.loud())
	}
}

// A queue that is refused is said at once, also while the name is another's.
func TestRefusedWhileLocked(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	var j journal
	cfg := Config{URI: newUser(t, uri, "^"+queue+".control", ".*", ".*"), Queue: queue, QueueType: "classic", Name: "one"}
	orders(&cfg)
	if _, err := behind.QueueDeclare(controlQueue(cfg), transient, autoDeleted, ours, noWait, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := newTestBroker(t, cfg, &j).Consume(ctx, nobody)
	r, _ := errors.AsType[*Refused](err)
	if r == nil || r.Code != 403 || !strings.Contains(r.What, queue+`" in`) || strings.Contains(j.loud(), "no control queue") {
		t.Errorf("got %v, log:\n%s", err, j.loud())
	}
}

// The lock is had again after a cut, and Ready is not called again.
func TestLockAfterCut(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	var j journal
	cfg := Config{URI: uri, Queue: queue, QueueType: "classic", Name: queue[:50]}
	control := orders(&cfg)
	readied := 0
	cfg.Ready = func(context.Context) { readied++ }
	deliveries, stop := consuming(t, newTestBroker(t, cfg, &j))
	eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
	publishControl(t, behind, queue, "c1")
	lost := next(t, control)
	cutConnections(t, "docker-dispatch/"+cfg.Name)
	eventually(t, func() bool { return strings.Contains(j.loud(), "consuming again") })
	publishControl(t, behind, queue, "c2")
	publishBehind(t, behind, queue, "w1")
	if c, w := next(t, control), next(t, deliveries); string(c.Body)+string(w.Body) != "c2w1" {
		t.Errorf("got %s and %s", c.Body, w.Body)
	}
	if err := lost.Settle(wire.Ack); err != wire.ErrStale {
		t.Errorf("got %v, want ErrStale", err)
	}
	if stop(); readied != 1 {
		t.Errorf("ready %d times", readied)
	}
}

// The deletion of the control queue ends the session, since with it the lock is gone.
func TestLockDeleted(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	var j journal
	cfg := Config{URI: uri, Queue: queue, QueueType: "classic", Name: "one"}
	orders(&cfg)
	consuming(t, newTestBroker(t, cfg, &j))
	eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
	rabbitmqctl(t, "delete_queue", queue+".control.one")
	eventually(t, func() bool { return strings.Contains(j.loud(), "consuming again") })
	if _, err := lookup(uri, queue+".control.one"); replyCode(err) != amqp091.ResourceLocked {
		t.Errorf("got %v, want a locked queue", err)
	}
}

// Without the right to declare the control queue, that is said once with the mend, and the work goes on.
func TestNoRightToControl(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	var j journal
	cfg := Config{URI: newUser(t, uri, "^"+queue+"(.dead)?$", "^amq.default$", "^"+queue), Queue: queue, QueueType: "classic", Name: queue[:50]}
	orders(&cfg)
	readied := 0
	cfg.Ready = func(context.Context) { readied++ }
	deliveries, stop := consuming(t, newTestBroker(t, cfg, &j))
	eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
	publishBehind(t, behind, queue, "1")
	next(t, deliveries)
	cutConnections(t, "docker-dispatch/"+cfg.Name)
	next(t, deliveries).Settle(wire.Ack)
	const want = `level=WARN msg="no control queue: nothing hinders another dispatcher of the same name, and control messages do not arrive" error="amqp: declaring queue `
	if stop(); readied != 1 || strings.Count(j.loud(), want) != 1 || !strings.Contains(j.loud(), "rabbitmqctl set_permissions") {
		t.Errorf("ready %d times, log:\n%s", readied, j.loud())
	}
}

// The rights that a refusal's mend gives are enough: for the control queue, to rest a message, and for all else.
func TestPermissionsSuffice(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newControl(t, behind)
	t.Cleanup(func() { behind.QueueDelete(queue+".retry.1", false, false, noWait) })
	var j journal
	cfg := Config{Queue: queue, QueueType: "quorum", Name: "one"}
	control := orders(&cfg)
	cfg.URI = uri
	rights := regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(newTestBroker(t, cfg, nil).permissions(), -1)
	cfg.URI = newUser(t, uri, rights[2][1], rights[3][1], rights[4][1])
	b := newTestBroker(t, cfg, &j)
	deliveries, _ := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
	publishControl(t, behind, queue, "c")
	next(t, control).Settle(wire.Ack)
	if err := b.Publish(t.Context(), wire.Publishing{Queue: queue, Delay: time.Second}); err != nil {
		t.Fatal(err)
	}
	next(t, deliveries).Settle(wire.Ack)
	if strings.Contains(j.loud(), "WARN") {
		t.Errorf("log:\n%s", j.loud())
	}
}

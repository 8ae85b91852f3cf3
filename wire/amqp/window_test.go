package amqp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

func TestProgress(t *testing.T) {
	const sent, kept, wrong = "sent", "kept", "wrong"
	for _, c := range []struct {
		verdicts []wire.Verdict
		want     []string
	}{
		{[]wire.Verdict{wire.Ack, wire.Ack, wire.Requeue, wire.Claim}, []string{sent, wrong, wrong, wrong}},
		{[]wire.Verdict{wire.Requeue, wire.Ack}, []string{sent, wrong}},
		{[]wire.Verdict{wire.Claim, wire.Claim, wire.Requeue, wire.Ack, wire.Ack}, []string{sent, wrong, wrong, kept, wrong}},
	} {
		var p progress
		var got []string
		for _, v := range c.verdicts {
			send, err := p.next(v)
			switch {
			case err != nil:
				got = append(got, wrong)
			case send:
				got = append(got, sent)
			default:
				got = append(got, kept)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: got %q, want %q", c.verdicts, got, c.want)
		}
	}
}

// What needs another consumer, and what does not: four places, of which the consumer was given what was free.
func TestFits(t *testing.T) {
	for _, c := range []struct {
		name                     string
		taken, credit, hand, old int
		pending                  int
		paused                   bool
		todo                     []uint64 // tags; those up to old came by an earlier consumer
		want                     bool
	}{
		{name: "nothing has begun"},
		{name: "idle", credit: 4, want: true},
		{name: "full", credit: 4, hand: 4, want: true},
		{name: "full, one is acknowledged", credit: 4, hand: 4, todo: []uint64{3}, want: true},
		{name: "full, all not yet handed out", credit: 4, hand: 4, pending: 4, want: true},
		{name: "one is claimed", taken: 1, credit: 4, hand: 4, todo: []uint64{3}},
		{name: "one of an earlier consumer is claimed", taken: 1, credit: 3, hand: 4, old: 1, todo: []uint64{1}, want: true},
		{name: "one of an earlier consumer is acknowledged", credit: 3, hand: 4, old: 1, todo: []uint64{1}},
		{name: "one is claimed and another's place given back", taken: 1, credit: 3, hand: 3, todo: []uint64{3}, want: true},
		{name: "all places are taken", taken: 4, want: true},
		{name: "more are reserved than there are", taken: 6, want: true},
		{name: "one of them is given back", taken: 3},
		{name: "all are reserved, and one was not handed out", taken: 4, hand: 1, old: 1, pending: 1},
		{name: "all are reserved, and one is in hand", taken: 4, hand: 1, old: 1, want: true},
		{name: "paused", paused: true, credit: 4},
		{name: "paused, all in hand", paused: true, hand: 4, old: 4, want: true},
		{name: "paused, one was not handed out", paused: true, hand: 4, old: 4, pending: 1},
	} {
		k := &keeper{window: &window{size: 4, taken: c.taken, paused: c.paused}, credit: c.credit, inHand: c.hand, oldInHand: c.old, old: uint64(c.old)}
		k.pending = make([]parcel, c.pending)
		for _, tag := range c.todo {
			k.inbox = append(k.inbox, settlement{tag: tag})
		}
		limit, _ := k.collect()
		if got := k.fits(limit); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

// The window of a lost session: its claims stay and can be given back, its deliveries are stale and take no place.
func TestSettleAfterLoss(t *testing.T) {
	lost := make(chan struct{})
	w := &window{size: 3}
	k := &keeper{window: w, lost: lost, changed: make(chan struct{}, 1)}
	for tag := range uint64(3) {
		k.receive(amqp091.Delivery{DeliveryTag: tag})
	}
	held, early, late := k.pending[0].delivery, k.pending[1].delivery, k.pending[2].delivery
	if err := early.Settle(wire.Claim); err != nil || w.taken != 1 || len(k.inbox) != 1 {
		t.Fatalf("claim: %v, %d taken, %d to be sent", err, w.taken, len(k.inbox))
	}
	close(lost)
	if err := late.Settle(wire.Claim); !errors.Is(err, wire.ErrStale) || w.taken != 1 {
		t.Errorf("late claim: %v, %d taken; want ErrStale, 1", err, w.taken)
	}
	if err := late.Settle(wire.Ack); !errors.Is(err, errOrder) || w.taken != 1 {
		t.Errorf("late claim's end: %v, %d taken; want errOrder, 1", err, w.taken)
	}
	if err := held.Settle(wire.Ack); !errors.Is(err, wire.ErrStale) {
		t.Errorf("late acknowledgement: %v, want ErrStale", err)
	}
	next := &keeper{window: w, lost: make(chan struct{}), changed: make(chan struct{}, 1)}
	w.arrival = make(chan struct{})
	w.attach(next)
	if err := early.Settle(wire.Ack); err != nil || w.taken != 0 || len(k.inbox) != 1 || len(next.changed) != 1 {
		t.Errorf("the claim's end: %v, %d taken, %d to be sent, %d told", err, w.taken, len(k.inbox), len(next.changed))
	}
}

// While a publisher runs, workers acknowledge at once, requeue, or claim, so that one consumer follows another: never more than
// Prefetch are in hand, every message comes to its end, and on a classic queue each comes once and in order.
func TestClaimsResizeWindow(t *testing.T) {
	uri, behind := realBroker(t)
	const places, messages = 8, 600
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			var j journal
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: places}, &j)
			var inHand, most atomic.Int32
			var mu sync.Mutex
			var order []int
			var workers sync.WaitGroup
			done := map[string]bool{}
			left := make(chan struct{}, messages)
			finish := func(d wire.Delivery) {
				mu.Lock()
				again := done[d.MessageID]
				done[d.MessageID] = true
				mu.Unlock()
				if !again {
					left <- struct{}{}
				}
				inHand.Add(-1)
				if err := d.Settle(wire.Ack); err != nil {
					t.Error(err)
				}
			}
			work := func(d wire.Delivery) {
				time.Sleep(rand.N(3 * time.Millisecond))
				if rand.N(4) == 0 {
					if err := d.Settle(wire.Claim); err != nil {
						t.Error(err)
					}
					time.Sleep(rand.N(10 * time.Millisecond))
				}
				finish(d)
			}
			deliver := func(d wire.Delivery) {
				most.Store(max(most.Load(), inHand.Add(1)))
				var n int
				fmt.Sscan(d.MessageID, &n)
				order = append(order, n)
				if d.Redelivered && kind == "classic" {
					t.Errorf("message %s was redelivered", d.MessageID)
				}
				workers.Go(func() { work(d) })
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- b.Consume(ctx, deliver) }()
			eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
			for n := range messages {
				publishBehind(t, behind, queue, fmt.Sprint(n))
			}
			for range messages {
				select {
				case <-left:
				case <-time.After(20 * time.Second):
					t.Fatalf("%d of %d messages have come to their end", len(done), messages)
				}
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			workers.Wait()
			b.Close()
			if n := ready(t, behind, queue); n != 0 {
				t.Errorf("%d messages are left", n)
			}
			if n := most.Load(); n > places {
				t.Errorf("%d in hand at once, want at most %d", n, places)
			}
			if kind == "classic" && !slices.IsSorted(order) {
				t.Errorf("out of order: %v", order)
			}
			t.Logf("%d consumers, %d deliveries, at most %d in hand", strings.Count(j.String(), "msg=consuming queue="), len(order), most.Load())
		})
	}
}

// consumers is how many there are of a queue.
func consumers(t *testing.T, behind *amqp091.Channel, queue string) int {
	t.Helper()
	q, err := behind.QueueDeclarePassive(queue, durable, autoDelete, exclusive, noWait, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Consumers
}

// With all places reserved before the first delivery nothing is consumed; each that is given back brings one.
func TestReserve(t *testing.T) {
	uri, behind := realBroker(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			var j journal
			var b *Broker
			var first, second func()
			reserve := func(context.Context) { first, second = b.Reserve(), b.Reserve() }
			b = newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: 2, Ready: reserve}, &j)
			deliveries, stop := consuming(t, b)
			eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
			publishBehind(t, behind, queue, "1", "2", "3")
			if n := consumers(t, behind, queue); n != 0 || len(deliveries) != 0 {
				t.Errorf("%d consumers and %d deliveries beside two reservations of two places", n, len(deliveries))
			}
			first()
			first()
			one := next(t, deliveries)
			if n := ready(t, behind, queue); n != 2 || len(deliveries) != 0 {
				t.Errorf("%d messages wait, want 2: a second call of release did something", n)
			}
			second()
			two := next(t, deliveries)
			third := b.Reserve()
			one.Settle(wire.Ack)
			if err := b.Steady(t.Context(), 0); err != nil {
				t.Error(err)
			}
			if n := ready(t, behind, queue); n != 1 || len(deliveries) != 0 {
				t.Errorf("%d messages wait beside one reservation and one delivery in two places, want 1", n)
			}
			two.Settle(wire.Ack)
			three := next(t, deliveries)
			if got := string(one.Body) + string(two.Body) + string(three.Body); got != "123" {
				t.Errorf("got %s", got)
			}
			stop()
			third()
			three.Settle(wire.Claim)
			three.Settle(wire.Ack)
			b.Close()
			if n := ready(t, behind, queue); n != 0 {
				t.Errorf("%d messages are left", n)
			}
		})
	}
}

// Paused, the consumer goes and what was not handed out is given back, while what is in hand stays; then it goes on.
func TestPause(t *testing.T) {
	uri, behind := realBroker(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			var j journal
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: 4}, &j)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			inHand, goOn, ended := make(chan wire.Delivery, 9), make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- b.Consume(ctx, func(d wire.Delivery) {
					inHand <- d
					<-goOn
				})
			}()
			eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
			publishBehind(t, behind, queue, "1", "2", "3")
			one := next(t, inHand)
			eventually(t, func() bool { return ready(t, behind, queue) == 0 })
			b.Pause(true)
			b.Pause(true)
			eventually(t, func() bool { return ready(t, behind, queue) == 2 })
			close(goOn)
			publishBehind(t, behind, queue, "4")
			if n := ready(t, behind, queue); n != 3 || len(inHand) != 0 || isLost(one)() {
				t.Errorf("paused: %d messages wait, %d are delivered, lost is %v", n, len(inHand), isLost(one)())
			}
			if err := one.Settle(wire.Ack); err != nil {
				t.Error(err)
			}
			b.Pause(false)
			got := []string{next(t, inHand).MessageID, next(t, inHand).MessageID, next(t, inHand).MessageID}
			if slices.Sort(got); !slices.Equal(got, []string{"2", "3", "4"}) { // 3.10 puts at a quorum queue's tail what comes back
				t.Errorf("got %q", got)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// A deliver that does not return holds up no settlement and no resize.
func TestSettleBesideDeliver(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic", Prefetch: 2}, &j)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inHand, ended := make(chan wire.Delivery, 2), make(chan error, 1)
	go func() {
		ended <- b.Consume(ctx, func(d wire.Delivery) {
			if inHand <- d; d.MessageID == "2" {
				<-ctx.Done()
			}
		})
	}()
	eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
	publishBehind(t, behind, queue, "1", "2", "3")
	one, two := next(t, inHand), next(t, inHand)
	if err := one.Settle(wire.Claim); err != nil {
		t.Fatal(err)
	}
	if err := b.Steady(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(j.String(), "msg=settling tag=1 message=1 verdict=claim") || consumers(t, behind, queue) != 0 {
		t.Error("the claim had to wait")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	one.Settle(wire.Ack)
	two.Settle(wire.Claim)
	b.Close()
	if n := ready(t, behind, queue); n != 1 {
		t.Errorf("%d messages are left, want 1", n)
	}
	if err := two.Settle(wire.Ack); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// A claim outlives its session: its place stays taken in the next one until it is given back.
func TestClaimOutlivesSession(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic", Prefetch: 1, Name: queue}, &j)
	deliveries, _ := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
	publishBehind(t, behind, queue, "1", "2")
	one := next(t, deliveries)
	if err := one.Settle(wire.Claim); err != nil {
		t.Fatal(err)
	}
	if err := b.Steady(t.Context(), 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	cutConnections(t, "docker-dispatch/"+queue)
	eventually(t, isLost(one))
	if err := b.Steady(t.Context(), 0); err != nil { // in the next session
		t.Fatal(err)
	}
	if n := consumers(t, behind, queue); n != 0 || ready(t, behind, queue) != 1 {
		t.Errorf("%d consumers though the one place is claimed", n)
	}
	if err := one.Settle(wire.Ack); err != nil {
		t.Error(err)
	}
	if two := next(t, deliveries); two.MessageID != "2" || two.Redelivered {
		t.Errorf("got %s", two.MessageID)
	}
}

// Beside workers that acknowledge, claim and requeue, others pause, reserve and wait for settlements: whatever meets, there are
// never more than Prefetch in hand, every message comes to its end, and no place is lost.
func TestWindowUnderPressure(t *testing.T) {
	uri, behind := realBroker(t)
	const places, messages = 8, 1500
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			var j journal
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: places}, &j)
			var mu sync.Mutex // guards what follows
			inHand, most, done := 0, 0, map[string]bool{}
			arrive := func() {
				mu.Lock()
				defer mu.Unlock()
				inHand++
				most = max(most, inHand)
			}
			leave := func(d wire.Delivery, v wire.Verdict) { // counted before the broker can know of it
				mu.Lock()
				inHand--
				if v == wire.Ack {
					done[d.MessageID] = true
				}
				mu.Unlock()
				if err := d.Settle(v); err != nil {
					t.Error(err)
				}
			}
			work := func(d wire.Delivery) {
				time.Sleep(rand.N(3 * time.Millisecond))
				switch rand.N(6) {
				case 0:
					leave(d, wire.Requeue)
					return
				case 1:
					if err := d.Settle(wire.Claim); err != nil {
						t.Error(err)
					}
					time.Sleep(rand.N(20 * time.Millisecond))
				}
				leave(d, wire.Ack)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var workers, others sync.WaitGroup
			ended := make(chan error, 1)
			go func() {
				ended <- b.Consume(ctx, func(d wire.Delivery) {
					arrive()
					workers.Go(func() { work(d) })
				})
			}()
			others.Go(func() {
				for ctx.Err() == nil {
					b.Pause(true)
					time.Sleep(rand.N(10 * time.Millisecond))
					b.Pause(false)
					release := b.Reserve()
					time.Sleep(rand.N(10 * time.Millisecond))
					release()
					b.Steady(ctx, time.Millisecond)
				}
			})
			eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
			for n := range messages {
				publishBehind(t, behind, queue, fmt.Sprint(n))
			}
			eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(done) == messages
			})
			cancel()
			others.Wait()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			workers.Wait()
			b.Close()
			if n := ready(t, behind, queue); n != 0 || most > places || inHand != 0 || b.window.taken != 0 {
				t.Errorf("%d messages are left, %d were in hand at most, %d are, and %d places are taken; want 0, at most %d, 0, 0", n, most, inHand, b.window.taken, places)
			}
			t.Logf("%d consumers, at most %d in hand", strings.Count(j.String(), "msg=consuming queue="), most)
		})
	}
}

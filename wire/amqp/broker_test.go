package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// The tests of this file run against a real RabbitMQ. Each has a queue of its own, and its own users where it needs them.

// realBroker is the address of a broker that answers, and a channel to look behind the package's back with.
func realBroker(t *testing.T) (uri string, behind *amqp091.Channel) {
	t.Helper()
	if os.Getenv("DOCKER_DISPATCH_E2E") == "" {
		t.Skip("set DOCKER_DISPATCH_E2E=1 to run against a real RabbitMQ")
	}
	uri = cmp.Or(os.Getenv("AMQP_URL"), "amqp://guest:guest@localhost:5672/")
	conn, err := amqp091.Dial(uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	behind, err = conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := behind.Confirm(noWait); err != nil {
		t.Fatal(err)
	}
	return uri, behind
}

// newQueue is a name that nobody has used; the queue and its dead queue are deleted at the test's end.
func newQueue(t *testing.T, behind *amqp091.Channel) string {
	queue := fmt.Sprintf("docker-dispatch-test-%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
	t.Cleanup(func() {
		behind.QueueDelete(queue, false, false, noWait)
		behind.QueueDelete(queue+wire.DeadSuffix, false, false, noWait)
	})
	return queue
}

func publishBehind(t *testing.T, behind *amqp091.Channel, queue string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		eventually(t, func() bool { // a quorum queue that was declared just now may have no leader yet, and takes nothing
			confirm, err := behind.PublishWithDeferredConfirm("", queue, false, false, amqp091.Publishing{Body: []byte(body), MessageId: body, DeliveryMode: amqp091.Persistent})
			if err != nil {
				t.Fatalf("publishing %q: %v", body, err)
			}
			return confirm.Wait()
		})
	}
}

// ready is how many messages wait in a queue.
func ready(t *testing.T, behind *amqp091.Channel, queue string) int {
	t.Helper()
	q, err := behind.QueueDeclarePassive(queue, durable, autoDelete, exclusive, noWait, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Messages
}

// consuming runs Consume until stop, which returns its error. Deliveries arrive as on a channel of 500.
func consuming(t *testing.T, b *Broker) (deliveries <-chan wire.Delivery, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := make(chan wire.Delivery, 500), make(chan error, 1)
	go func() { ended <- b.Consume(ctx, func(d wire.Delivery) { out <- d }) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { stop() })
	return out, stop
}

// next is the next delivery, which must come soon.
func next(t *testing.T, deliveries <-chan wire.Delivery) wire.Delivery {
	t.Helper()
	select {
	case d := <-deliveries:
		return d
	case <-time.After(20 * time.Second):
		t.Fatal("no delivery")
		return wire.Delivery{}
	}
}

func isLost(d wire.Delivery) func() bool {
	return func() bool {
		select {
		case <-d.Lost:
			return true
		default:
			return false
		}
	}
}

func rabbitmqctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("rabbitmqctl", append([]string{"--quiet"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("rabbitmqctl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// cutConnections has the broker close the connections of this name.
func cutConnections(t *testing.T, name string) {
	t.Helper()
	found := false
	for line := range strings.Lines(rabbitmqctl(t, "list_connections", "pid", "client_properties")) {
		if strings.Contains(line, `"`+name+`"`) {
			found = true
			rabbitmqctl(t, "close_connection", strings.Fields(line)[0], "cut by a test")
		}
	}
	if !found {
		t.Fatalf("no connection is called %s", name)
	}
}

// newUser has exactly these rights on the vhost /, and the password secret.
func newUser(t *testing.T, uri, configure, write, read string) (asUser string) {
	t.Helper()
	user := fmt.Sprintf("docker-dispatch-test-%d", time.Now().UnixNano())
	rabbitmqctl(t, "add_user", user, secret)
	t.Cleanup(func() { rabbitmqctl(t, "delete_user", user) })
	rabbitmqctl(t, "set_permissions", "-p", "/", user, configure, write, read)
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, secret)
	return u.String()
}

func TestConsumeAndAck(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic", Prefetch: 3}, &j)
	deliveries, stop := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
	publishBehind(t, behind, queue, "1", "2", "3", "4", "5")

	var held []wire.Delivery
	for _, want := range []string{"1", "2", "3"} {
		d := next(t, deliveries)
		if string(d.Body) != want || d.MessageID != want || d.Queue != queue || d.Redelivered || d.Headers != nil {
			t.Errorf("got %+v, want message %s", d, want)
		}
		held = append(held, d)
	}
	if n := ready(t, behind, queue); n != 2 { // the queue gives out before it answers
		t.Errorf("%d messages wait beside a prefetch of 3, want 2", n)
	}
	for _, want := range []string{"4", "5"} {
		if err := held[0].Settle(wire.Ack); err != nil {
			t.Fatal(err)
		}
		if err := held[0].Settle(wire.Requeue); err == nil || errors.Is(err, wire.ErrStale) {
			t.Errorf("settled twice: got %v", err)
		}
		d := next(t, deliveries)
		if string(d.Body) != want {
			t.Errorf("got %s, want %s", d.Body, want)
		}
		held = append(held[1:], d)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	held[0].Settle(wire.Ack)
	held[1].Settle(wire.Requeue)
	held[2].Settle(wire.Ack)
	b.Close()
	if n := ready(t, behind, queue); n != 1 {
		t.Errorf("%d messages are left, want the requeued one", n)
	}
	if err := held[0].Settle(wire.Ack); err == nil {
		t.Error("settled again after Close")
	}
	declared := fmt.Sprintf("level=INFO msg=declared queue=%s type=classic\n", queue)
	dead := fmt.Sprintf("level=INFO msg=declared queue=%s.dead type=classic\n", queue)
	consumed := fmt.Sprintf("level=INFO msg=consuming queue=%s\nlevel=INFO msg=\"consuming no more\" queue=%[1]s\n", queue)
	if got := j.loud(); got != declared+dead+consumed && got != dead+declared+consumed { // side by side
		t.Errorf("log:\n%s\nwant:\n%s", got, declared+dead+consumed)
	}
}

// Stopped while its only slot is taken, the consumer gives back what nobody has seen at once; what is in hand is settled later.
func TestStop(t *testing.T) {
	uri, behind := realBroker(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: 10}, new(journal))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			inHand, ended := make(chan wire.Delivery, 1), make(chan error, 1)
			go func() {
				ended <- b.Consume(ctx, func(d wire.Delivery) {
					inHand <- d
					<-ctx.Done()
				})
			}()
			eventually(t, func() bool { _, err := lookup(uri, queue); return err == nil })
			publishBehind(t, behind, queue, "1", "2", "3", "4")
			d := next(t, inHand)
			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return ready(t, behind, queue) == 3 })
			if isLost(d)() {
				t.Error("the delivery in hand is lost")
			}
			if err := d.Settle(wire.Ack); err != nil {
				t.Error(err)
			}
			b.Close()
			if !isLost(d)() {
				t.Error("after Close, Lost is open")
			}
			if n := ready(t, behind, queue); n != 3 {
				t.Errorf("%d messages are left, want 3", n)
			}
		})
	}
}

// lookup asks for a queue on a connection of its own, since the broker closes the channel of a queue that is not there.
func lookup(uri, queue string) (amqp091.Queue, error) {
	conn, err := amqp091.Dial(uri)
	if err != nil {
		return amqp091.Queue{}, err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return amqp091.Queue{}, err
	}
	return ch.QueueDeclarePassive(queue, durable, autoDelete, exclusive, noWait, nil)
}

// No acknowledgement is lost in the farewell, however many there are.
func TestAcksSurviveClose(t *testing.T) {
	uri, behind := realBroker(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue, bodies := newQueue(t, behind), make([]string, 500)
			for i := range bodies {
				bodies[i] = fmt.Sprint(i)
			}
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: 500}, new(journal))
			deliveries, stop := consuming(t, b)
			eventually(t, func() bool { _, err := lookup(uri, queue); return err == nil })
			publishBehind(t, behind, queue, bodies...)
			var held []wire.Delivery
			for range bodies {
				held = append(held, next(t, deliveries))
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			for _, d := range held {
				if err := d.Settle(wire.Ack); err != nil {
					t.Fatal(err)
				}
			}
			b.Close()
			for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if n := ready(t, behind, queue); n != 0 { // the broker gives them back some time after the end
					t.Fatalf("%d of 500 acknowledged messages are back", n)
				}
			}
		})
	}
}

// The broker closes the connection in mid-work: the deliveries are lost at once, their late settlement touches no other
// message, and the next session brings them again.
func TestCutInMidWork(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic", Prefetch: 2, Name: queue}, &j)
	deliveries, stop := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
	publishBehind(t, behind, queue, "1", "2", "3", "4")
	first, second := next(t, deliveries), next(t, deliveries)

	cutConnections(t, "docker-dispatch/"+queue)
	eventually(t, isLost(first))
	again := []wire.Delivery{next(t, deliveries), next(t, deliveries)}
	for i, d := range again {
		if want := fmt.Sprint(i + 1); string(d.Body) != want || !d.Redelivered {
			t.Errorf("got %s, redelivered %v; want %s again", d.Body, d.Redelivered, want)
		}
	}
	for _, d := range []wire.Delivery{first, second} {
		if err := d.Settle(wire.Ack); !errors.Is(err, wire.ErrStale) {
			t.Errorf("late settlement: got %v, want ErrStale", err)
		}
	}
	if err := again[1].Settle(wire.Ack); err != nil {
		t.Error(err)
	}
	if d := next(t, deliveries); string(d.Body) != "3" {
		t.Errorf("got %s, want 3", d.Body)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	b.Close()
	if n := ready(t, behind, queue); n != 3 {
		t.Errorf("%d messages are left, want 1, 3 and 4", n)
	}
	want := fmt.Sprintf(`level=INFO msg=consuming queue=%s
level=WARN msg="not consuming, trying again" queue=%[1]s error="amqp: connection lost: Exception (320) Reason: \"CONNECTION_FORCED - cut by a test\"" in=~
level=INFO msg="consuming again" queue=%[1]s
`, queue)
	if got := withoutDelay(j.loud()); !strings.Contains(got, want) {
		t.Errorf("log:\n%s\nwant in it:\n%s", got, want)
	}
}

// A deliver that waits does not hide the end of the session.
func TestLostWhileDeliverWaits(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic", Name: queue}, &j)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, ended := make(chan bool), make(chan error, 1)
	go func() {
		ended <- b.Consume(ctx, func(d wire.Delivery) {
			seen <- d.Redelivered
			select {
			case <-d.Lost:
			case <-ctx.Done():
			}
		})
	}()
	eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
	publishBehind(t, behind, queue, "1")
	if <-seen {
		t.Error("redelivered at first")
	}
	cutConnections(t, "docker-dispatch/"+queue)
	if !<-seen {
		t.Error("not redelivered")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The queue is deleted under the consumer: said, declared again, and consumed from.
func TestQueueDeleted(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "classic"}, &j)
	deliveries, _ := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.String(), "msg=consuming") })
	publishBehind(t, behind, queue, "1")
	lost := next(t, deliveries)
	if _, err := behind.QueueDelete(queue, false, false, noWait); err != nil {
		t.Fatal(err)
	}
	eventually(t, isLost(lost))
	eventually(t, func() bool { return strings.Contains(j.String(), "consuming again") })
	publishBehind(t, behind, queue, "2")
	if d := next(t, deliveries); string(d.Body) != "2" {
		t.Errorf("got %s, want 2", d.Body)
	}
	if err := lost.Settle(wire.Ack); !errors.Is(err, wire.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
}

// A queue with other arguments is used as it is.
func TestExistingQueue(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	args := amqp091.Table{"x-max-priority": int32(5), "x-queue-type": "classic"}
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, args); err != nil {
		t.Fatal(err)
	}
	publishBehind(t, behind, queue, "1")
	b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: "quorum"}, new(journal))
	deliveries, _ := consuming(t, b)
	if err := next(t, deliveries).Settle(wire.Ack); err != nil {
		t.Error(err)
	}
}

// A message that the client library cannot read ends every session; that is said with the mend, and does not spin.
func TestUndecodable(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, nil); err != nil {
		t.Fatal(err)
	}
	var nested any = "x"
	for range 33 {
		nested = amqp091.Table{"t": nested}
	}
	confirm, err := behind.PublishWithDeferredConfirm("", queue, false, false, amqp091.Publishing{Headers: amqp091.Table{"t": nested}})
	if err != nil || !confirm.Wait() {
		t.Fatal(err)
	}
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue}, &j)
	consuming(t, b)
	const want = `the message at the head of the queue has headers nested over 32 deep, or over 8192 of them: take it away with another client, or everything with rabbitmqctl purge_queue" in=`
	eventually(t, func() bool { return strings.Contains(j.loud(), want) })
	_, delay, _ := strings.Cut(j.loud(), want)
	if d, err := time.ParseDuration(strings.TrimSpace(delay)); err != nil || d < slowDelay*3/4 {
		t.Errorf("tries again in %s", delay)
	}
}

func TestRefusals(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	existing := newQueue(t, behind)
	if _, err := behind.QueueDeclare(existing, durable, autoDelete, exclusive, noWait, nil); err != nil {
		t.Fatal(err)
	}
	bend := func(f func(*url.URL)) string {
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		f(u)
		return u.String()
	}
	for _, c := range []struct {
		name, uri, queue string
		code             int
		what, mend       string
	}{
		{"password", bend(func(u *url.URL) { u.User = url.UserPassword("nobody", secret) }), queue, 403, "connecting to amqp://nobody:***@", "check user name and password with: rabbitmqctl authenticate_user"},
		{"vhost", bend(func(u *url.URL) { u.Path = "/nowhere" }), queue, 530, "connecting to ", `check that the vhost "nowhere" exists (rabbitmqctl add_vhost)`},
		{"configure", newUser(t, uri, "^$", ".*", ".*"), queue, 403, "declaring queue ", "create it yourself, or let the user do it: rabbitmqctl set_permissions -p \"/\" "},
		{"read", newUser(t, uri, ".*", ".*", "^$"), existing, 403, "consuming from queue ", "the user needs the right to read it: rabbitmqctl set_permissions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTestBroker(t, Config{URI: c.uri, Queue: c.queue, QueueType: "classic"}, new(journal))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := b.Consume(ctx, nobody)
			r, _ := errors.AsType[*Refused](err)
			if r == nil || r.Code != c.code || !strings.Contains(r.What, c.what) || !strings.Contains(r.Mend, c.mend) || strings.Contains(r.Error(), secret) {
				t.Errorf("got %v", err)
			}
			t.Log(err)
		})
	}
}

// Without the right to declare, an existing queue is consumed from, and that there is no dead queue is said with the mend.
func TestNoRightToDeclare(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, nil); err != nil {
		t.Fatal(err)
	}
	publishBehind(t, behind, queue, "1")
	var j journal
	b := newTestBroker(t, Config{URI: newUser(t, uri, "^$", "^$", "^"+queue+"$"), Queue: queue}, &j)
	deliveries, _ := consuming(t, b)
	d := next(t, deliveries)
	if got := j.loud(); !strings.Contains(got, `level=WARN msg="no dead queue: messages that cannot be done will stay in the queue" error="amqp: declaring queue`) ||
		!strings.Contains(got, "create it yourself, or let the user do it: rabbitmqctl set_permissions") {
		t.Errorf("log:\n%s", got)
	}

	err := b.Publish(t.Context(), wire.Publishing{Queue: queue})
	if r, _ := errors.AsType[*Refused](err); r == nil || r.Code != 403 || !strings.Contains(r.Mend, "amq.default") {
		t.Errorf("publishing: got %v, want 403", err)
	}
	if err := d.Settle(wire.Ack); err != nil { // on the other connection
		t.Error(err)
	}
}

func TestPublish(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, nil); err != nil {
		t.Fatal(err)
	}
	b := newTestBroker(t, Config{URI: uri, Queue: queue, Name: queue}, new(journal))
	long := strings.Repeat("é", 127) + "x"
	sent := wire.Publishing{Queue: queue, Body: []byte("body"), Properties: wire.Properties{
		MessageID: long, CorrelationID: long, ReplyTo: long, ContentType: long, ContentEncoding: long, Type: long, AppID: long, Priority: 3,
		Timestamp: time.Unix(1700000000, 0), Headers: map[string]any{"n": 1 << 40, "t": map[string]any{"x": []any{"y"}}, "CC": []any{queue}},
	}}
	if err := b.Publish(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	err := b.Publish(t.Context(), wire.Publishing{Queue: queue + "-none"})
	if want := fmt.Sprintf(`amqp: publishing to queue "%s-none" in vhost "/" as "guest": refused: "NO_ROUTE" (312); create the queue, or name one that exists`, queue); fmt.Sprint(err) != want {
		t.Errorf("no queue:\n got %v\nwant %s", err, want)
	}
	large := map[string]any{"small": "kept", "a": strings.Repeat("a", 40<<10), "b": strings.Repeat("b", 40<<10)}
	many := map[string]any{}
	for i := range 20000 {
		many[fmt.Sprint(i)] = nil
	}
	for _, headers := range []map[string]any{large, many} {
		if err := b.Publish(t.Context(), wire.Publishing{Queue: queue, Properties: wire.Properties{Headers: headers}}); err != nil {
			t.Error(err)
		}
	}

	got, ok, err := behind.Get(queue, true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	want := amqp091.Table{"n": int64(1 << 40), "t": amqp091.Table{"x": []any{"y"}}, DroppedHeader: `1: ["CC"]`}
	if got.MessageId != long || got.CorrelationId != long || got.ReplyTo != long || got.ContentType != long || got.ContentEncoding != long || got.Type != long || got.AppId != long ||
		got.Priority != 3 || !got.Timestamp.Equal(sent.Timestamp) || string(got.Body) != "body" || got.DeliveryMode != amqp091.Persistent || fmt.Sprint(got.Headers) != fmt.Sprint(want) {
		t.Errorf("got %+v", got)
	}
	for _, want := range []string{`map[a:` + large["a"].(string) + ` small:kept x-dropped-headers:1: ["b"]]`, `1`} {
		got, ok, err := behind.Get(queue, true)
		if err != nil || !ok || !strings.Contains(fmt.Sprint(got.Headers), want) {
			t.Errorf("got %v, %v, %.200v", ok, err, got.Headers)
		}
	}
	if n := ready(t, behind, queue); n != 0 {
		t.Errorf("%d copies more than were sent", n)
	}
}

// The connection that publishes is made anew after a loss, and several publishers take turns.

// The broker's word for who has published is its own: a name that it knows otherwise is left out.
func TestPublishAsUser(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, nil); err != nil {
		t.Fatal(err)
	}
	b := newTestBroker(t, Config{URI: uri, Queue: queue, Name: queue}, new(journal))
	for _, tt := range []struct{ user, want string }{{Login(uri), Login(uri)}, {"somebody", ""}, {"", ""}} {
		if err := b.Publish(t.Context(), wire.Publishing{Queue: queue, UserID: tt.user}); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := behind.Get(queue, true); !ok || err != nil || got.UserId != tt.want {
			t.Errorf("%q: %q, %v", tt.user, got.UserId, err)
		}
	}
}

func TestPublishAfterCut(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, nil); err != nil {
		t.Fatal(err)
	}
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, Name: queue}, &j)
	for range 2 {
		errs := make(chan error)
		for i := range 8 {
			go func() { errs <- b.Publish(t.Context(), wire.Publishing{Queue: queue, Body: []byte{byte(i)}}) }()
		}
		for range 8 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		cutConnections(t, "docker-dispatch/"+queue+"/publish")
	}
	if n := ready(t, behind, queue); n != 16 {
		t.Errorf("%d messages arrived, want 16", n)
	}
}

// A queue that takes no more is waited for until ctx is done.
func TestPublishToFullQueue(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	args := amqp091.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"}
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, args); err != nil {
		t.Fatal(err)
	}
	publishBehind(t, behind, queue, "1")
	var j journal
	b := newTestBroker(t, Config{URI: uri, Queue: queue, Name: queue}, &j)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.Publish(ctx, wire.Publishing{Queue: queue, Body: []byte("2")}) }()
	eventually(t, func() bool { return strings.Contains(j.loud(), errNacked.Error()) })
	if _, ok, err := behind.Get(queue, true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	go func() { done <- b.Publish(ctx, wire.Publishing{Queue: queue, Body: []byte("3")}) }()
	eventually(t, func() bool { return strings.Count(j.loud(), errNacked.Error()) == 2 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context canceled", err)
	}
}

// A host that is away is passed over, at the start and after a cut.
func TestNextHost(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	before, hosts, after := cut(uri)
	var j journal
	b := newTestBroker(t, Config{URI: before + "127.0.0.1:1," + hosts + after, Queue: queue, QueueType: "classic", Name: queue}, &j)
	deliveries, _ := consuming(t, b)
	eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
	if err := b.Publish(t.Context(), wire.Publishing{Queue: queue, Properties: wire.Properties{MessageID: "1"}}); err != nil {
		t.Fatal(err)
	}
	lost := next(t, deliveries)
	cutConnections(t, "docker-dispatch/"+queue)
	eventually(t, isLost(lost))
	if d := next(t, deliveries); d.MessageID != "1" || !d.Redelivered {
		t.Errorf("got %q", d.MessageID)
	}
}

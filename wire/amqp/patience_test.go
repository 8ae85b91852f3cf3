package amqp

import (
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

func TestPatience(t *testing.T) {
	const warning = `level=WARN msg="the broker takes back what is held for longer than its limit, 30 minutes by default: a job that takes longer comes again" version=`
	const mend = ` mend="set consumer_timeout, in milliseconds, in rabbitmq.conf, and restart the broker`
	for _, c := range []struct {
		version string
		untimed bool
		said    string
		want    int
	}{
		{"4.0.5", false, "", 0},
		{"4.3.6", false, "", 0},
		{"3.8.14", true, "", 0},
		{"3.10.8", true, warning + "3.10.8" + mend + "\"\n", 0},
		{"4.2.1", true, warning + "4.2.1" + mend + "; or set the policy consumer-timeout for the queue\"\n", 0},
		{"4.3.6", true, "", 1},
		{"", true, "", 1},
	} {
		var j journal
		b := newTestBroker(t, Config{URI: "amqp://h", Untimed: c.untimed}, &j)
		conn := &amqp091.Connection{Properties: amqp091.Table{"version": c.version}}
		for range 2 {
			if got := b.patience(conn); len(got) != c.want {
				t.Errorf("%s: got %v", c.version, got)
			}
		}
		if j.loud() != c.said {
			t.Errorf("%s: log:\n%s\nwant:\n%s", c.version, j.loud(), c.said)
		}
	}
}

// Whatever the broker makes of a limit, an untimed consumer begins, and quietly so where there is none.
func TestUntimed(t *testing.T) {
	uri, behind := realBroker(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			var j journal
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Untimed: true}, &j)
			deliveries, stop := consuming(t, b)
			eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
			publishBehind(t, behind, queue, "1", "2")
			next(t, deliveries).Settle(wire.Claim)
			stop()
			if n := ready(t, behind, queue); n != 1 || strings.Contains(j.loud(), "trying again") {
				t.Errorf("%d messages wait, log:\n%s", n, j.loud())
			}
		})
	}
}

// limited declares a quorum queue that takes a delivery back after two seconds, or skips: before RabbitMQ 4.3 the limit is looked
// at once a minute, and is the whole broker's.
func limited(t *testing.T, uri string, behind *amqp091.Channel) (queue string) {
	t.Helper()
	conn, err := amqp091.Dial(uri)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !versionOf(conn).atLeast(4, 3, 0) {
		t.Skip("RabbitMQ before 4.3 has no limit for one consumer")
	}
	queue = newQueue(t, behind)
	args := amqp091.Table{amqp091.QueueTypeArg: "quorum", "x-consumer-timeout": int64(2000)}
	if _, err := behind.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, args); err != nil {
		t.Fatal(err)
	}
	return queue
}

// What is held for longer than the limit is lost, and comes again in another session, whether or not its consumer is still there;
// what an untimed consumer brought stays in hand.
func TestLimit(t *testing.T) {
	for _, c := range []struct {
		name             string
		untimed, resized bool
		want             bool // lost
	}{
		{"timed", false, false, true},
		{"timed, by an earlier consumer", false, true, true},
		{"untimed", true, false, false},
		{"untimed, by an earlier consumer", true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			uri, behind := realBroker(t)
			queue := limited(t, uri, behind)
			b := newTestBroker(t, Config{URI: uri, Queue: queue, Prefetch: 2, Untimed: c.untimed}, new(journal))
			deliveries, _ := consuming(t, b)
			publishBehind(t, behind, queue, "1")
			d := next(t, deliveries)
			if c.resized {
				b.Reserve()
			}
			if !c.want {
				time.Sleep(4 * time.Second) // twice the limit: what is to be seen is that nothing happens
				if err := d.Settle(wire.Ack); err != nil || len(deliveries) != 0 {
					t.Errorf("%v, and %d deliveries more", err, len(deliveries))
				}
				return
			}
			eventually(t, isLost(d))
			if again := next(t, deliveries); again.MessageID != "1" {
				t.Errorf("got %q", again.MessageID)
			}
		})
	}
}

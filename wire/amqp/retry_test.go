package amqp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// A message with a delay rests in its queue, which is declared at the first, and comes back as it was.
func TestRetry(t *testing.T) {
	uri, behind := realBroker(t)
	for kind, want := range map[string]string{"": "quorum", "quorum": "quorum", "classic": "classic"} {
		t.Run(want+" for "+kind, func(t *testing.T) {
			queue := newQueue(t, behind)
			t.Cleanup(func() { behind.QueueDelete(queue+".retry.1", false, false, noWait) })
			var j journal
			b := newTestBroker(t, Config{URI: uri, Queue: queue, QueueType: kind, Prefetch: 2}, &j)
			deliveries, _ := consuming(t, b)
			eventually(t, func() bool { return strings.Contains(j.loud(), "msg=consuming") })
			for i := range 2 {
				p := wire.Publishing{Queue: queue, Body: []byte("body"), Delay: time.Second, Properties: wire.Properties{
					MessageID: fmt.Sprint("id", i), CorrelationID: "c", ReplyTo: "r", Headers: map[string]any{"docker-dispatch-attempt": 2},
				}}
				start := time.Now()
				if err := b.Publish(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				d := next(t, deliveries)
				if rest := time.Since(start); rest < 900*time.Millisecond {
					t.Errorf("it rested for %v", rest)
				}
				if string(d.Body) != "body" || d.MessageID != p.MessageID || d.CorrelationID != "c" || d.ReplyTo != "r" || d.Headers["docker-dispatch-attempt"] != int64(2) || d.Queue != queue {
					t.Errorf("got %+v", d)
				}
				d.Settle(wire.Ack)
			}
			declared := fmt.Sprintf("level=INFO msg=declared queue=%s.retry.1 type=%s\n", queue, want)
			if n := strings.Count(j.loud(), declared); n != 1 {
				t.Errorf("declared %d times; log:\n%s", n, j.loud())
			}
		})
	}
}

// A queue for retries that exists is used, whatever it is; one that may not be declared is a refusal with the mend.
func TestRetryQueueOfOthers(t *testing.T) {
	uri, behind := realBroker(t)
	queue := newQueue(t, behind)
	t.Cleanup(func() { behind.QueueDelete(queue+".retry.4", false, false, noWait) })
	if _, err := behind.QueueDeclare(queue+".retry.4", durable, autoDelete, exclusive, noWait, amqp091.Table{"x-max-length": int32(5)}); err != nil {
		t.Fatal(err)
	}
	b := newTestBroker(t, Config{URI: newUser(t, uri, "^$", "amq.default", "^$"), Queue: queue}, new(journal))
	if err := b.Publish(t.Context(), wire.Publishing{Queue: queue, Delay: 4 * time.Second}); err != nil {
		t.Error(err)
	}
	if n := ready(t, behind, queue+".retry.4"); n != 1 {
		t.Errorf("%d messages rest, want 1", n)
	}
	err := b.Publish(t.Context(), wire.Publishing{Queue: queue, Delay: 8 * time.Second})
	if !isRefused(err) || replyCode(err) != 0 || !strings.Contains(err.Error(), "declaring queue \""+queue+".retry.8\"") || !strings.Contains(err.Error(), "rabbitmqctl set_permissions") {
		t.Errorf("got %v", err)
	}
}

// Package amqp takes messages from a queue of RabbitMQ and sends others to it, in AMQP 0-9-1 with RabbitMQ's extensions. It
// is the only importer of github.com/rabbitmq/amqp091-go.
//
// A [Broker] holds two connections, since an alarm on the broker stops whoever publishes: one that consumes ([Broker.Consume])
// and one that publishes ([Broker.Publish]). Both are made anew after each loss, by this package and never by the library's
// own recovery: that keeps the channel and starts its delivery tags again at 1, so that a late acknowledgement takes another
// message away. Here a delivery belongs to the session that brought it, and its Settle does nothing once that has ended. What
// the broker will not have is a [*Refused], with the mend in its text; all else is waited out.
//
// Each of these is told in a file: who both ends are (login.go); the lock on a dispatcher's name, which is its queue for control messages (control.go); the
// places of those in hand, claimed or reserved, and the consumer that fits them (window.go); the barrier behind
// settlements (steady.go); the queues in which messages rest before they are tried again (retry.go).
//
// Refused are addresses that the library would misread in silence ([CheckURI]) and publishings that would take the connection
// down: short strings over 255 bytes, tables over a frame. The control queue apart, exclusive, transient and auto-deleted
// queues are never declared; and nothing is acknowledged but the one delivery that is meant.
//
// Specifications: AMQP 0-9-1 and https://www.rabbitmq.com/docs/specification.
package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"
)

const (
	// maxShortStr is the length of AMQP's short strings, in bytes: names of queues, ids, keys of headers (AMQP 0-9-1 §4.2.5.3).
	maxShortStr = 255

	// maxName is as much of the dispatcher's name as a consumer's tag has room for.
	maxName = 200

	// maxPrefetch is as much as the 16 bits of basic.qos hold.
	maxPrefetch = 1<<16 - 1

	// defaultTimeout bounds connecting and shaking hands when the URI has no connection_timeout: the library's own default.
	defaultTimeout = 30 * time.Second

	// closeTimeout bounds each farewell: a broker that has an alarm answers none.
	closeTimeout = 5 * time.Second
)

// What the bare booleans in the library's methods mean.
const (
	durable, autoDelete, exclusive = true, false, false
	internal                       = false
	autoAck, noLocal, noWait       = false, false, false
	mandatory, immediate           = true, false
	multiple, requeue              = false, true
	global                         = false
)

// Config says where to take messages from, and in whose name.
type Config struct {
	URI       string         // the broker, as CheckURI accepts it
	Queue     string         // taken from; its name and wire.DeadSuffix have room in 255 bytes
	QueueType string         // of queues that have to be declared: "classic" or "quorum"; "" is quorum from RabbitMQ 4.0 on, else classic
	Prefetch  int            // places: deliveries in hand, claims and reservations at once, 1 to 65535
	Name      string         // this dispatcher's; the connections are docker-dispatch/NAME and docker-dispatch/NAME/publish
	Untimed   bool           // deliveries may be held for days: the broker is asked not to take them back
	Log       *logfmt.Logger // nil is silence

	// PasswordFile has the password of the URI's user, and is read anew at each connection; "" is that of the URI.
	PasswordFile string

	// Control is handed the messages of the control queue, wire.ControlSuffix and "." and Name after Queue, one after another and
	// beside the queue's. They take no place, and a Claim of one is an Ack. Queue in them is the queue above. Nil: no such
	// queue, and no lock.
	Control func(wire.Delivery)

	// Ready is called once, when the lock on the name is had (or cannot be) and before the first delivery, with a context
	// that ends with Consume's, or when the session cannot begin. Nil is nothing.
	Ready func(context.Context)
}

// Broker is one RabbitMQ broker or cluster, seen by one dispatcher.
type Broker struct {
	cfg    Config
	hosts  []host
	log    *logfmt.Logger
	window *window
	worked atomic.Bool // something has succeeded: refusals are waited out from now on

	// Consume's, and then Close's.
	dialled  int      // how many hosts have been tried
	readied  bool     // Ready has been called
	unlocked bool     // said: there is no control queue
	warned   bool     // said: the broker takes back what is held for long
	timed    bool     // the broker refuses to hear of Untimed
	session  *session // the last of Consume, left open for Close

	turn   chan struct{} // full while somebody publishes, and then guards what follows
	outlet *outlet
	tried  int // how many hosts
	mute   outage
}

// New checks the configuration and dials nothing.
func New(cfg Config) (*Broker, error) {
	hosts, err := parseURI(cfg.URI)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Queue == "" || len(cfg.Queue+wire.DeadSuffix) > maxShortStr:
		return nil, fmt.Errorf("amqp: queue %.255q: a name has 1 to %d bytes", cfg.Queue, maxShortStr-len(wire.DeadSuffix))
	case !slices.Contains([]string{"", "classic", "quorum"}, cfg.QueueType):
		return nil, fmt.Errorf("amqp: queue type %.100q: classic and quorum are known", cfg.QueueType)
	case cfg.Prefetch < 1 || cfg.Prefetch > maxPrefetch:
		return nil, fmt.Errorf("amqp: prefetch %d: from 1 to %d", cfg.Prefetch, maxPrefetch)
	case cfg.Control != nil && (cfg.Name == "" || len(controlQueue(cfg)) > maxShortStr):
		return nil, fmt.Errorf("amqp: name %.255q: with the queue's and %q, in 255 bytes, it names the control queue", cfg.Name, wire.ControlSuffix+".")
	}
	if err := CheckPasswordFile(cfg.URI, cfg.PasswordFile); err != nil {
		return nil, err
	}
	if hosts[0].tls().Unverified {
		cfg.Log.Warn("the broker's certificate is not verified: whoever is on the way to it can read and send messages", "mend", "leave verify=verify_none out, and name its authority by cacertfile")
	}
	return &Broker{
		cfg:    cfg,
		hosts:  hosts,
		log:    cfg.Log,
		window: &window{size: cfg.Prefetch, arrival: make(chan struct{})},
		turn:   make(chan struct{}, 1),
		mute:   outage{log: cfg.Log, what: "publishing"},
	}, nil
}

// Consume takes from the queue, which it declares durable, like its dead queue, when there is none. Each delivery is handed
// to deliver, one after another in the queue's order. A deliver that waits for a free slot holds up the next one, the
// reconnecting and the return of Consume, but no settlement and not the closing of Lost; it has to return when ctx is done.
//
// With Control there is a lock on the dispatcher's name, without which nothing is taken: as long as another dispatcher or
// a connection that the broker has not yet found dead has it, it is waited for.
//
// Lost connections are made anew for ever. Once per outage the log says that and why nothing is taken, and once that it is
// over. The only error is a *Refused, before anything has succeeded.
//
// When ctx is done the consumer is cancelled, what was not handed out goes back to the queue, and nil is returned. The
// session stays open, so that what is in hand can still be settled, until Close.
func (b *Broker) Consume(ctx context.Context, deliver func(wire.Delivery)) error {
	deaf := outage{log: b.log.With("queue", b.cfg.Queue), what: "consuming"}
	for refusals := 0; ctx.Err() == nil; {
		err := b.serve(ctx, deliver, &deaf)
		if b.isFinal(err) {
			if refusals++; refusals == sureRefusals {
				return err
			}
			continue
		}
		if ctx.Err() == nil {
			deaf.wait(ctx, err)
		}
	}
	return nil
}

// sureRefusals are as many as are believed: a broker that loses the connection of the user guest while it looks where that comes from
// refuses it too.
const sureRefusals = 2

// isFinal tells whether err is a refusal before anything has worked: a wrong address rather than a broker in trouble.
func (b *Broker) isFinal(err error) bool {
	return isRefused(err) && !errors.Is(err, errUndecodable) && !b.worked.Load()
}

// serve is one session: its error says why there was none, or why it has ended.
func (b *Broker) serve(ctx context.Context, deliver func(wire.Delivery), deaf *outage) error {
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	b.worked.Store(true)
	deaf.over()
	var obeying sync.WaitGroup
	obeying.Go(func() { s.obey(ctx, b.cfg.Control) })
	s.feed(ctx, deliver)
	obeying.Wait()
	if ctx.Err() == nil {
		return s.ended()
	}
	s.halt()
	b.session = s
	return nil
}

// Close ends both connections within 5 seconds, after a method of each consuming channel has shown that the broker has read
// the settlements before it. It is called after Consume and every Publish have returned, whatever they returned.
func (b *Broker) Close() {
	deadline := time.Now().Add(closeTimeout)
	if b.session != nil {
		b.session.close(deadline)
	}
	if b.outlet != nil {
		b.outlet.close(deadline)
	}
	b.session, b.outlet = nil, nil
}

// connectionName is what the broker's lists call a connection of ours.
func (b *Broker) connectionName(suffix string) string {
	return "docker-dispatch/" + b.cfg.Name + suffix
}

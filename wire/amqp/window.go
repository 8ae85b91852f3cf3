package amqp

import (
	"cmp"
	"fmt"
	"sync"

	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"

	"github.com/rabbitmq/amqp091-go"
)

// window counts places. Deliveries in hand, claims and reservations together never take more than it has. A session takes its
// deliveries with it when it is lost; claims and reservations stay.
//
// The broker learns of it by the prefetch of the one consumer, which RabbitMQ reads when a consumer begins and never again. So
// the settling of a delivery that the present consumer brought costs that method alone. A claim or a reservation, its
// end, and the settling of what an earlier consumer brought change how much a consumer may bring: then it is cancelled, what
// it had brought is taken in, what is to be settled is sent, and another begins with what is free. Several changes make one such
// turn, and with nothing free there is no consumer, since a prefetch of 0 is no limit. No settlement is sent between the
// decision and the cancelling: it would bring a delivery, and quorum queues lose the order of what is on its way just then.
type window struct {
	size int

	mu      sync.Mutex
	taken   int           // claims and reservations
	paused  bool          // nothing is consumed
	keeper  *keeper       // of the last session, nil before the first
	arrival chan struct{} // closed at the next attach
}

// Reserve takes one of Prefetch's places, at once, for work that no delivery stands for, until release is called. More of
// what is in hand and reserved than Prefetch is possible when all are in hand: the next deliveries wait for it to end.
func (b *Broker) Reserve() (release func()) {
	b.window.change(func() { b.window.taken++ })
	return sync.OnceFunc(func() {
		b.window.change(func() { b.window.taken-- })
	})
}

// Pause ends the taking of deliveries, and gives back what was not handed out; Pause(false) begins it again. Both return at
// once. What is in hand stays there, and is settled as ever.
func (b *Broker) Pause(paused bool) {
	b.window.change(func() { b.window.paused = paused })
}

// change is for what the keeper has to see.
func (w *window) change(apply func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	apply()
	w.look()
}

// look has the keeper of the day look at what has changed.
func (w *window) look() {
	if w.keeper != nil {
		w.keeper.look()
	}
}

// attach makes k the one who looks at changes, from now on.
func (w *window) attach(k *keeper) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keeper = k
	close(w.arrival)
	w.arrival = make(chan struct{})
}

// present is the keeper of the day, which may have ended, and what is closed when another has come.
func (w *window) present() (k *keeper, arrival <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keeper, w.arrival
}

// keeper owns the consuming channel of one session: one goroutine calls all its methods, in own. Whoever settles leaves the
// verdict to it, so that neither waits for the other, nor for deliver.
type keeper struct {
	line
	transport *transport
	window    *window
	queue     string
	log       *logfmt.Logger
	newTag    func() string
	arguments amqp091.Table   // of basic.consume
	lost      <-chan struct{} // the session's

	changed  chan struct{}      // holds one: there is something to look at
	asks     chan chan struct{} // each is closed when the broker has answered after all settlements
	out      chan wire.Delivery
	failed   chan error    // holds the one that ends the session
	stopped  chan struct{} // closed by own when it has seen halted
	farewell chan struct{} // closed by retire
	owned    chan struct{} // closed by own at its end

	// Guarded by window.mu.
	inbox   []settlement
	halted  bool // there is no consumer any more
	retired bool // nor a keeper

	// The rest is own's alone.
	tag        string // of the consumer, whose deliveries these are; nil without one
	deliveries <-chan amqp091.Delivery
	credit     int          // its prefetch, 0 without one
	prefetch   int          // that of the next, as it is set
	newest     uint64       // delivery tag
	old        uint64       // the newest one when the last consumer before this was cancelled
	inHand     int          // deliveries that the broker waits for
	oldInHand  int          // of these, what earlier consumers brought
	pending    []parcel     // of these, what was not handed out, in order
	todo       []settlement // of these, what is to be sent
}

// parcel is a delivery that was not handed out.
type parcel struct {
	tag      uint64
	delivery wire.Delivery
}

func newKeeper(b *Broker, main line, t *transport, lost <-chan struct{}) *keeper {
	return &keeper{
		line: main, transport: t, window: b.window, queue: b.cfg.Queue, log: b.log, newTag: b.tag, lost: lost,
		changed: make(chan struct{}, 1), asks: make(chan chan struct{}), out: make(chan wire.Delivery), failed: make(chan error, 1),
		stopped: make(chan struct{}), farewell: make(chan struct{}), owned: make(chan struct{}),
	}
}

// look has own call turn, soon.
func (k *keeper) look() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// own does all that is done on the channel, until the session has ended or retire has been called.
func (k *keeper) own() {
	defer close(k.owned)
	for {
		var err error
		out, next := k.offer()
		select {
		case out <- next:
			k.pending[0] = parcel{}
			k.pending = k.pending[1:]
		case d, ok := <-k.deliveries:
			if !ok { // cancelled by the broker, or the end of the channel
				<-k.lost
				return
			}
			k.receive(d)
		case <-k.changed:
			err = k.turn()
		case ask := <-k.asks:
			err = k.answer(ask)
		case <-k.farewell:
			if err := k.turn(); err != nil {
				k.log.Debug("settling at the end", "error", err)
			}
			return
		case <-k.lost:
			return
		}
		if err != nil {
			k.failed <- err
			<-k.lost
			return
		}
	}
}

// retire ends own, after it has sent all settlements: from now on Settle returns wire.ErrStale.
func (k *keeper) retire() {
	k.window.change(func() { k.retired = true })
	close(k.farewell)
	<-k.owned
}

// offer is the next delivery to hand out, if there is one and a place for it.
func (k *keeper) offer() (chan<- wire.Delivery, wire.Delivery) {
	if len(k.pending) == 0 || k.room(k.limit()) <= 0 {
		return nil, wire.Delivery{}
	}
	return k.out, k.pending[0].delivery
}

// limit is how many deliveries may be in hand, below 0 when more is reserved than there is.
func (k *keeper) limit() int {
	k.window.mu.Lock()
	defer k.window.mu.Unlock()
	return k.lockedLimit()
}

func (k *keeper) lockedLimit() int {
	if k.window.paused || k.halted {
		return 0
	}
	return k.window.size - k.window.taken
}

// collect takes what is to be settled, and tells the limit that goes with it.
func (k *keeper) collect() (limit int, halted bool) {
	k.window.mu.Lock()
	defer k.window.mu.Unlock()
	k.todo = append(k.todo, k.inbox...)
	k.inbox = k.inbox[:0]
	return k.lockedLimit(), k.halted
}

// room is how many deliveries more may be handed out.
func (k *keeper) room(limit int) int {
	return max(0, limit-(k.inHand-len(k.pending)-len(k.todo)))
}

// receive is for a delivery that nobody has seen.
func (k *keeper) receive(d amqp091.Delivery) {
	k.newest = d.DeliveryTag
	k.inHand++
	h := &hold{window: k.window, keeper: k, settlement: settlement{tag: d.DeliveryTag, message: d.MessageId}}
	k.pending = append(k.pending, parcel{d.DeliveryTag, received(d, k.queue, k.lost, h.settle)})
}

// turn makes of all changes since the last one what they ask for: settlements, or another consumer.
func (k *keeper) turn() error {
	limit, halted := k.collect()
	if k.fits(limit) {
		if err := k.settle(); err != nil {
			return err
		}
	} else if err := k.resize(); err != nil {
		return err
	}
	if halted && !isClosed(k.stopped) {
		close(k.stopped)
	}
	return nil
}

// fits tells whether the consumer brings as much as it may after the settlements, and nothing has to be given back.
func (k *keeper) fits(limit int) bool {
	old := k.oldInHand
	for _, s := range k.todo {
		if s.tag <= k.old {
			old--
		}
	}
	return k.credit == max(0, limit-old) && len(k.pending) <= k.room(limit)
}

// resize replaces the consumer. What has changed while the broker cancelled is part of it.
func (k *keeper) resize() error {
	if err := k.cancel(); err != nil {
		return err
	}
	limit, _ := k.collect()
	k.giveBack(k.room(limit))
	if err := k.settle(); err != nil {
		return err
	}
	return k.consume(limit - k.inHand)
}

// cancel ends the consumer, if there is one, and takes in what it has brought.
func (k *keeper) cancel() error {
	if k.deliveries == nil {
		return nil
	}
	if err := k.ch.Cancel(k.tag, noWait); err != nil {
		return fmt.Errorf("amqp: cancelling the consumer: %w", err)
	}
	for d := range k.deliveries {
		k.receive(d)
	}
	k.deliveries, k.credit = nil, 0
	k.old, k.oldInHand = k.newest, k.inHand
	return nil
}

// giveBack returns to the queue what was not handed out, but for the first few.
func (k *keeper) giveBack(first int) {
	first = min(first, len(k.pending))
	for _, p := range k.pending[first:] {
		k.todo = append(k.todo, settlement{p.tag, p.delivery.MessageID, wire.Requeue})
	}
	clear(k.pending[first:])
	k.pending = k.pending[:first]
}

// settle sends what is to be sent, by one write.
func (k *keeper) settle() error {
	if len(k.todo) == 0 {
		return nil
	}
	k.transport.gather()
	err := k.settleEach()
	return cmp.Or(err, k.transport.send())
}

func (k *keeper) settleEach() error {
	for _, s := range k.todo {
		k.log.Debug("settling", "tag", s.tag, "message", s.message, "verdict", s.verdict)
		if err := s.send(k.ch); err != nil {
			return err
		}
		k.inHand--
		if s.tag <= k.old {
			k.oldInHand--
		}
	}
	k.todo = k.todo[:0]
	return nil
}

// limitTo sets the prefetch of consumers that begin from now on.
func (k *keeper) limitTo(prefetch int) error {
	if k.prefetch == prefetch {
		return nil
	}
	if err := k.ch.Qos(prefetch, 0, global); err != nil {
		return fmt.Errorf("amqp: setting prefetch: %w", err)
	}
	k.prefetch = prefetch
	return nil
}

// consume begins a consumer of this prefetch, unless that is 0, which AMQP takes for no limit.
func (k *keeper) consume(credit int) (err error) {
	if credit <= 0 {
		return nil
	}
	if err := k.limitTo(credit); err != nil {
		return err
	}
	k.tag = k.newTag()
	k.deliveries, err = k.ch.Consume(k.queue, k.tag, autoAck, exclusive, noLocal, noWait, k.arguments)
	if err != nil {
		return fmt.Errorf("amqp: consuming from %.255q: %w", k.queue, err)
	}
	k.credit = credit
	k.log.Debug("consuming", "queue", k.queue, "tag", k.tag, "prefetch", credit)
	return nil
}

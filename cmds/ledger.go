package cmds

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"docker-dispatch/wire"
)

const (
	rememberSettled = 10 * time.Second // a crashing broker forgets acks of the last 0.3 s, and its end is seen some seconds later
	rememberLost    = 15 * time.Minute // what could not be settled comes back at the head of the queue, or to another dispatcher
	rememberMost    = 10_000           // entries, of 150 bytes
)

// errLost ends a message whose session has ended, as far as nothing was done for it, or by the operator's choice: it is the
// broker's.
var errLost = errors.New("cmds: the session of the message has ended")

// errDone ends a claimed run that another dispatcher has finished.
var errDone = errors.New("cmds: another dispatcher has finished the message")

// errGivenBack ends a message that was given back to the broker before it was begun.
var errGivenBack = errors.New("cmds: the message was given back to the broker")

// standing is what a delivery is to the ledger.
type standing uint8

const (
	fresh  standing = iota
	joined          // its message is in work or done: nothing else is to be done for it
	reused          // its id is that of another message in work
)

// ledger knows the messages in hand, and for a while those before, so that one that comes again because a session has
// ended is not done again. The zero value is ready.
type ledger struct {
	mu      sync.Mutex
	began   time.Time         // when it was first asked for the time, which counts from then
	entries map[uint64]*entry // the first of those with that hash
	ended   []ending          // the oldest first
}

func (l *ledger) now() time.Duration {
	if l.began.IsZero() {
		l.began = time.Now()
	}
	return time.Since(l.began)
}

// hash is what a message is looked up by: of its id and attempt, or of the digest of a message without an id. It stands for these: who
// finds two ids with one hash has two messages that are taken for one when their bodies are equal.
func (i identity) hash() uint64 {
	if i.ID == "" {
		return binary.BigEndian.Uint64(i.Digest[:])
	}
	sum := sha256.Sum256([]byte(i.ID))
	return binary.BigEndian.Uint64(sum[:]) + uint64(i.Attempt)
}

// entry is one message, guarded by the ledger. What has ended is kept by the thousand, and small.
type entry struct {
	hand    *hand  // nil once it has ended
	next    *entry // with the same hash
	hash    uint64
	digest  [sha256.Size]byte
	lost    <-chan struct{} // of the delivery that was settled last
	ended   time.Duration   // when it did, by the ledger
	verdict wire.Verdict
	named   bool // it has an id
	claimed bool // the container carries the message: a delivery of it needs no outcome
	sent    bool // the broker was told the verdict, once at least
	again   bool // it has come more than once: somebody else may have had it meanwhile
}

// hand is what there is of a message in work.
type hand struct {
	id   string
	open []receipt                // deliveries to settle: several when the message was published twice
	held func(wire.Verdict) error // of the claimed one, whose place is to be given back; nil: there is none
}

// receipt is what is kept of a delivery until it is settled.
type receipt struct {
	settle func(wire.Verdict) error
	lost   <-chan struct{}
}

// ended is the loss of what an earlier process had: the ack of its claim may have been lost with its session.
var ended = func() <-chan struct{} {
	lost := make(chan struct{})
	close(lost)
	return lost
}()

func isLost(session <-chan struct{}) bool {
	select {
	case <-session:
		return true
	default:
		return false
	}
}

// ending is when an entry ended. It may end once more: then this is void.
type ending struct {
	entry *entry
	at    time.Duration
}

// isLost says whether no delivery of the message is left that could be settled, or whose settling is known to hold.
func (e *entry) isLost() bool {
	if e.hand == nil || len(e.hand.open) == 0 {
		return isLost(e.lost) || e.claimed && !e.sent
	}
	for _, r := range e.hand.open {
		if !isLost(r.lost) {
			return false
		}
	}
	return true
}

// newEntry is one that the ledger does not know yet.
func newEntry(i identity, h hand) *entry {
	h.id = i.ID
	return &entry{hand: &h, hash: i.hash(), digest: i.Digest, named: i.ID != ""}
}

// delivered is that of a delivery.
func delivered(d wire.Delivery) *entry {
	return newEntry(identify(d), hand{open: []receipt{{d.Settle, d.Lost}}})
}

// add enters a delivery, or joins it to what is known. One that is neither joined nor fit is not entered, so that it stands in nobody's
// way; nil is that all are fit.
func (l *ledger) add(d wire.Delivery, fit func() bool) (e *entry, s standing) {
	e = delivered(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	if known := l.recognise(e, d.Redelivered); known != nil {
		l.join(known, e.hand.open[0])
		return known, joined
	}
	if fit != nil && !fit() {
		return e, fresh
	}
	for other := l.entries[e.hash]; other != nil; other = other.next {
		if other.hand != nil && e.named && other.hand.id == e.hand.id && other.digest != e.digest {
			s = reused
		}
	}
	l.enter(e)
	return e, s
}

// restore enters a run that was claimed by an earlier process. Release gives its place back.
func (l *ledger) restore(i identity, release func()) *entry {
	e := newEntry(i, hand{held: func(wire.Verdict) error { release(); return nil }})
	e.claimed, e.lost = true, ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter(e)
	return e
}

func (l *ledger) enter(e *entry) {
	if l.entries == nil {
		l.entries = map[uint64]*entry{}
	}
	first := l.entries[e.hash]
	*linkTo(&first, nil) = e
	l.entries[e.hash] = first
}

// linkTo is the place of the pointer to e, among those that lead from first to its end; that to nil is the last.
func linkTo(first **entry, e *entry) **entry {
	for *first != e && *first != nil {
		first = &(*first).next
	}
	return first
}

// recognise finds the entry that a message belongs to that comes again: because its delivery was lost, or because it was
// published twice and is in work.
func (l *ledger) recognise(e *entry, redelivered bool) *entry {
	for known := l.entries[e.hash]; known != nil; known = known.next {
		twice := known.hand != nil && e.named
		if known.digest == e.digest && (twice || redelivered && known.isLost()) {
			return known
		}
	}
	return nil
}

// join gives an entry one delivery more. That of a message that is done with, or that its container carries, is settled.
func (l *ledger) join(e *entry, r receipt) {
	over := e.hand == nil
	if over {
		e.hand = new(hand)
	}
	e.hand.open = append(e.hand.open, r)
	e.again = true
	switch {
	case over:
		l.end(e)
	case e.claimed:
		l.take(e)
	}
}

// settle ends a message with a verdict. One whose session is gone is settled when it comes again.
func (l *ledger) settle(e *entry, v wire.Verdict) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.verdict = v
	return l.end(e)
}

// end tells the broker and remembers the message. One without an id that the broker was told of is not remembered: an equal
// one that comes is another message.
func (l *ledger) end(e *entry) error {
	e.ended = l.now()
	var err error
	if e.hand != nil {
		if e.hand.held != nil {
			e.hand.held(wire.Ack)
		}
		err = l.send(e, e.verdict)
		e.hand = nil
	}
	if err == nil && !e.named && e.sent {
		l.remove(e)
		return nil
	}
	l.ended = append(l.ended, ending{e, e.ended})
	return err
}

// send settles what is open. A lost delivery is no error: it comes again.
func (l *ledger) send(e *entry, v wire.Verdict) (err error) {
	for _, r := range e.hand.open {
		switch problem := r.settle(v); {
		case problem == nil:
			e.sent = true
			if v == wire.Claim {
				e.hand.held = r.settle
				v = wire.Ack // one place for one message
			}
		case !errors.Is(problem, wire.ErrStale):
			err = problem
		}
		e.lost = r.lost
	}
	e.hand.open = nil
	return err
}

// claim acks a message in work, which its container carries from now on, unless there is no delivery to ack.
func (l *ledger) claim(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(e)
	e.claimed = e.sent
	return e.claimed
}

// take acks the deliveries of a claimed message, whose place stays taken once.
func (l *ledger) take(e *entry) {
	if e.hand.held != nil {
		l.send(e, wire.Ack)
		return
	}
	l.send(e, wire.Claim)
}

// drop takes out a message that nothing was done for, unless it has come again in the meantime.
func (l *ledger) drop(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.isLost() || e.claimed {
		return false
	}
	l.remove(e)
	return true
}

// leave takes out a message that stays with the broker, to be handled anew when it comes again.
func (l *ledger) leave(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(e)
}

func (l *ledger) isLost(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.isLost()
}

func (l *ledger) isClaimed(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.claimed
}

// custody is whose a message is after its end.
type custody uint8

const (
	ours      custody = iota // the broker was told, on a session that goes on
	doubtful                 // the broker was told, and its session has ended since: it may come again
	elsewhere                // the broker could not be told: it will come again, to somebody
)

// custody also tells since when, and whether somebody else may have had it in between.
func (l *ledger) custody(e *entry) (whose custody, since time.Time, shared bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	since = l.began.Add(e.ended)
	switch {
	case !e.sent && !e.claimed:
		return elsewhere, since, e.again
	case isLost(e.lost):
		return doubtful, since, e.again
	}
	return ours, since, e.again
}

// forget removes what cannot come again.
func (l *ledger) forget() {
	now := l.now()
	for len(l.ended) > 0 {
		e, at := l.ended[0].entry, l.ended[0].at
		keep := rememberSettled
		if e.isLost() {
			keep = rememberLost
		}
		if now-at < keep && len(l.ended) <= rememberMost {
			return
		}
		l.ended = l.ended[1:]
		if e.ended == at {
			l.remove(e)
		}
	}
}

func (l *ledger) remove(e *entry) {
	first := l.entries[e.hash]
	if at := linkTo(&first, e); *at != nil {
		*at = e.next
	}
	if first == nil {
		delete(l.entries, e.hash)
		return
	}
	l.entries[e.hash] = first
}

package cmds

import (
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"docker-dispatch/wire"
)

const (
	rememberSettled = 10 * time.Second // a crashing broker forgets acks of the last 0.3 s, and its end is seen some seconds later
	rememberLost    = 15 * time.Minute // what could not be settled comes back at the head of the queue, or to another dispatcher
	rememberMost    = 10_000           // entries: some MiB
)

// errLost ends a message whose session has ended before anything was done for it: it is the broker's.
var errLost = errors.New("cmds: the session has ended before the message was begun")

// ledger knows the messages in hand, and for a while those before, so that one that comes again because a session has
// ended is not done again. The zero value is ready.
type ledger struct {
	mu      sync.Mutex
	entries map[identity][]*entry
	ended   []ending // the oldest first
}

// identity is what a message is recognised by.
type identity struct {
	id     string // message_id; may be empty
	digest [sha256.Size]byte
}

// entry is one message. All but the identity is guarded by the ledger.
type entry struct {
	identity
	delivery wire.Delivery // the one to settle, without what it carries: an entry outlives its message
	ended    time.Time     // zero while it is in work
	verdict  wire.Verdict
}

// ending is when an entry ended. It may end once more: then this is void.
type ending struct {
	entry *entry
	at    time.Time
}

func (e *entry) lost() bool {
	select {
	case <-e.delivery.Lost:
		return true
	default:
		return false
	}
}

// add enters a delivery. Again says that its message is in work or done already: the delivery stands in for one that was
// lost, and nothing else is to be done for it.
func (l *ledger) add(d wire.Delivery) (e *entry, again bool) {
	e = &entry{identity: identity{d.MessageID, sha256.Sum256(d.Body)}}
	e.delivery = wire.Delivery{Redelivered: d.Redelivered, Settle: d.Settle, Lost: d.Lost}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(time.Now())
	if known := l.recognise(e); known != nil {
		known.delivery = e.delivery
		if !known.ended.IsZero() {
			l.end(known)
		}
		return known, true
	}
	if l.entries == nil {
		l.entries = map[identity][]*entry{}
	}
	l.entries[e.identity] = append(l.entries[e.identity], e)
	return e, false
}

// recognise finds the entry that a redelivered message belongs to: one whose own delivery was lost.
func (l *ledger) recognise(e *entry) *entry {
	if !e.delivery.Redelivered {
		return nil
	}
	for _, known := range l.entries[e.identity] {
		if known.lost() {
			return known
		}
	}
	return nil
}

// settle ends a message with a verdict. One whose session is gone is settled when it comes again.
func (l *ledger) settle(e *entry, v wire.Verdict) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.verdict = v
	if err := l.end(e); !errors.Is(err, wire.ErrStale) {
		return err
	}
	return nil
}

// end tells the broker and remembers the message. One without an id that the broker was told of is not remembered: an equal
// one that comes is another message.
func (l *ledger) end(e *entry) error {
	e.ended = time.Now()
	err := e.delivery.Settle(e.verdict)
	if err == nil && e.id == "" {
		l.remove(e)
		return nil
	}
	l.ended = append(l.ended, ending{e, e.ended})
	return err
}

// drop takes out a message that nothing was done for, unless it has come again in the meantime.
func (l *ledger) drop(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.lost() {
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

// forget removes what cannot come again.
func (l *ledger) forget(now time.Time) {
	for len(l.ended) > 0 {
		e, at := l.ended[0].entry, l.ended[0].at
		keep := rememberSettled
		if e.lost() {
			keep = rememberLost
		}
		if now.Sub(at) < keep && len(l.ended) <= rememberMost {
			return
		}
		l.ended = l.ended[1:]
		if e.ended.Equal(at) {
			l.remove(e)
		}
	}
}

func (l *ledger) remove(e *entry) {
	rest := slices.DeleteFunc(l.entries[e.identity], func(other *entry) bool { return other == e })
	if len(rest) == 0 {
		delete(l.entries, e.identity)
		return
	}
	l.entries[e.identity] = rest
}

package cmds

import (
	"sync"
	"sync/atomic"
)

// The lengths of bursts, in bytes. With few containers that write much, each write of half a megabyte spares the two ends of
// a pipe some turns of waiting for each other; with many, memory counts.
const (
	burstLen  = 64 << 10
	longBurst = 512 << 10
	maxLong   = 4           // of them at once
	overLen   = 3 * lineLen // as much longer may a burst get that ends with a long line with escapes, and be kept
)

// burst is what goes out by one write: printed lines that are gathered until they have limit bytes, or nothing more is at hand.
type burst struct {
	text  []byte
	limit int
}

// Those that nobody uses: a container that is silent holds none.
var (
	bursts = sync.Pool{New: func() any { return &burst{limit: burstLen} }}
	longs  = sync.Pool{New: func() any { return &burst{limit: longBurst} }}
)

// inLong is how many of longs are in use.
var inLong atomic.Int32

func takeBurst() *burst {
	if inLong.Add(1) <= maxLong {
		return longs.Get().(*burst)
	}
	inLong.Add(-1)
	return bursts.Get().(*burst)
}

// giveBack ends the use of a burst; nil is none.
func (b *burst) giveBack() {
	if b == nil {
		return
	}
	b.leave()
	pool := &bursts
	if b.limit == longBurst {
		pool = &longs
	}
	if b.text = b.text[:0]; cap(b.text) <= b.limit+overLen {
		pool.Put(b)
	}
}

// leave ends the use of a burst whose text somebody else may still write.
func (b *burst) leave() {
	if b.limit == longBurst {
		inLong.Add(-1)
	}
}

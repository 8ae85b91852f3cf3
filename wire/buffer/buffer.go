// Package buffer lends buffers to those through whom bytes flow, while they do: long ones to a few at once, which spares them system
// calls, and the two ends of a pipe or socket turns of waiting for each other; short ones to the others, since with many of them memory
// counts. Its type is [Lender]. It refuses nobody.
package buffer

import (
	"sync"
	"sync/atomic"
)

// Few is how many buffers of a Lender may be long at once.
const Few = 4

// Lender lends buffers of two lengths, and keeps those that it gets back until the next garbage collections. Its methods may be called
// by many at once.
type Lender struct {
	Short, Long int // bytes
	Over        int // as much longer may one get in use, and be kept

	shorts, longs sync.Pool
	lent          atomic.Int32 // of the long ones
}

// Buffer is what is lent.
type Buffer struct {
	Bytes []byte // empty; of any capacity, as the last borrower has left it
	Limit int    // as many bytes it is for: Short or Long
}

// Borrow lends a buffer: a long one to whom that serves, if there are not too many.
func (l *Lender) Borrow(long bool) *Buffer {
	pool, limit := &l.shorts, l.Short
	switch {
	case !long:
	case l.lent.Add(1) > Few:
		l.lent.Add(-1)
	default:
		pool, limit = &l.longs, l.Long
	}
	if b, ok := pool.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{Limit: limit}
}

// Return ends the use of b; nil is none.
func (l *Lender) Return(b *Buffer) {
	if b == nil {
		return
	}
	l.Leave(b)
	pool := &l.shorts
	if b.Limit == l.Long {
		pool = &l.longs
	}
	if b.Bytes = b.Bytes[:0]; cap(b.Bytes) <= b.Limit+l.Over {
		pool.Put(b)
	}
}

// Leave ends the use of b, nil is none, whose bytes somebody else may still read or write.
func (l *Lender) Leave(b *Buffer) {
	if b != nil && b.Limit == l.Long {
		l.lent.Add(-1)
	}
}

// Lent is how many long buffers are in use.
func (l *Lender) Lent() int { return int(l.lent.Load()) }

package amqp

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"docker-dispatch/wire"
)

// transport is what the library reads and writes. Of the error of a Read it tells no more than the text, so the refusal of our
// certificate is kept here, which comes when TLS's handshake is over. And it makes a write of each frame, where a busy consumer
// settles several messages at a time: those are gathered.
type transport struct {
	net.Conn
	refusal atomic.Pointer[wire.Distrust]

	mu       sync.Mutex
	gathers  bool
	gathered []byte
}

// keptLen is as much memory, in bytes, as is kept for the next gathering: some thousand settlements.
const keptLen = 32 << 10

func (t *transport) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err != nil {
		if refusal, ok := errors.AsType[*wire.Distrust](err); ok {
			t.refusal.Store(refusal)
		}
	}
	return n, err
}

func (t *transport) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gathers {
		t.gathered = append(t.gathered, p...)
		return len(p), nil
	}
	return t.Conn.Write(p)
}

// gather keeps what is written from now on, until send. No answer to it may be waited for before.
func (t *transport) gather() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gathers = true
}

// send writes what was gathered. To fail at that is to have lost the connection, and with it the deliveries.
func (t *transport) send() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gathers = false
	_, err := t.Conn.Write(t.gathered)
	t.gathered = t.gathered[:0]
	if cap(t.gathered) > keptLen {
		t.gathered = nil
	}
	if err != nil {
		return fmt.Errorf("amqp: settling: %w: %w", wire.ErrStale, err)
	}
	return nil
}

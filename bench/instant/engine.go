// Package instant is an Engine whose containers cost nothing: what a dispatcher costs by itself can be seen on it. It serves the
// part of the Docker API 1.41 that dispatchers use, on a unix socket, and answers as Engine 20.10 does. There is no image, no
// process and no log file: what a container does is in its Cmd.
//
//	["say", TEXT]             writes a line and exits with 0
//	["lines", COUNT, LENGTH]  writes COUNT lines of LENGTH bytes, the newline included, as fast as they are read
//	["hold"]                  is silent until Release
//	["say-hold", TEXT]        writes a line, and is then silent until Release
//
// What it does is counted per operation, so that nobody has to believe a dispatcher's own word.
package instant

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Engine serves one socket. Listen makes it.
type Engine struct {
	Socket string // its path

	listener net.Listener
	accepted atomic.Int64
	counts   [operations]atomic.Int64
	date     atomic.Pointer[string] // as the Date field has it: made once a second
	stop     chan struct{}
	work     sync.WaitGroup

	mu          sync.Mutex
	made        uint64                // containers so far
	containers  map[string]*container // by id
	names       map[string]*container
	volumes     map[string]volume
	running     int
	firstCreate time.Time
	lastDelete  time.Time
	firstStart  time.Time
	lastExit    time.Time
}

// Listen makes the socket and serves it until Close.
func Listen(socket string) (*Engine, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("instant: %w", err)
	}
	e := &Engine{
		Socket: socket, listener: listener, stop: make(chan struct{}),
		containers: map[string]*container{}, names: map[string]*container{}, volumes: map[string]volume{},
	}
	e.tick(time.Now())
	e.work.Go(e.clock)
	e.work.Go(e.accept)
	return e, nil
}

// Close ends every container and stops serving. Connections that clients keep open end with them.
func (e *Engine) Close() {
	close(e.stop)
	e.listener.Close()
	e.work.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		hangUp(e.exit(c, killed))
		e.forget(c)
	}
}

// Release ends the containers that hold.
func (e *Engine) Release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		if c.held {
			hangUp(e.exit(c, 0))
		}
	}
}

// Stats is what an Engine has seen.
type Stats struct {
	Accepted    int64            // connections
	Calls       map[string]int64 // that had the answer of a success, by operation id in moby's swagger.yaml
	Alive       int              // containers that are there
	Running     int              // containers that run
	FirstCreate time.Time        // when the request had been read
	LastDelete  time.Time        // when the container was gone
	FirstStart  time.Time        // when the container began
	LastExit    time.Time        // when the container had ended, and what it wrote had been taken
}

// Stats reads the counters.
func (e *Engine) Stats() Stats {
	calls := map[string]int64{}
	for op, name := range operationNames {
		if n := e.counts[op].Load(); n > 0 {
			calls[name] = n
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{e.accepted.Load(), calls, len(e.containers), e.running, e.firstCreate, e.lastDelete, e.firstStart, e.lastExit}
}

// Created and Deleted are how many containers have been made and removed so far: cheap enough to be asked for often.
func (e *Engine) Created() int64 { return e.counts[containerCreate].Load() }
func (e *Engine) Deleted() int64 { return e.counts[containerDelete].Load() }

// Running is how many containers run.
func (e *Engine) Running() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running
}

func (e *Engine) accept() {
	for {
		c, err := e.listener.Accept()
		if errors.Is(err, syscall.EMFILE) { // clients wait, as with any server
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return
		}
		e.accepted.Add(1)
		go e.serve(c)
	}
}

func (e *Engine) clock() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			e.tick(now)
		case <-e.stop:
			return
		}
	}
}

func (e *Engine) tick(now time.Time) {
	date := now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	e.date.Store(&date)
}

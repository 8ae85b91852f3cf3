package wiretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Server returns a dial function whose connections play the server side of the transcript, each answer by as few writes as
// possible. When the test ends every connection must have been dialled and played to its last line.
func Server(t testing.TB, transcript string) func(context.Context) (net.Conn, error) {
	t.Helper()
	return ServerInPieces(t, transcript, 0)
}

// ServerInPieces is Server with answers written in pieces of at most size bytes; 0 means whole.
func ServerInPieces(t testing.TB, transcript string, size int) func(context.Context) (net.Conn, error) {
	t.Helper()
	list, err := parse(transcript)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, waiting: list, size: size}
	t.Cleanup(p.finish)
	return p.dial
}

// player hands out a transcript's connections.
type player struct {
	t    testing.TB
	size int
	wg   sync.WaitGroup

	mu      sync.Mutex
	waiting []exchange // not yet dialled
	clients []*pipeConn
}

func (p *player) dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.t.Errorf("wiretest: dialled once more than the transcript's %d connections", len(p.clients))
		return nil, errors.New("wiretest: no connection left in the transcript")
	}
	x := p.waiting[0]
	p.waiting = p.waiting[1:]
	client, server := newPipe()
	p.clients = append(p.clients, client)
	p.wg.Go(func() { p.play(x, client, server) })
	return client, nil
}

// finish hangs up for the client, so that every play comes to its end, and reports what was never dialled.
func (p *player) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.shut()
	}
	p.wg.Wait()
	for _, x := range p.waiting {
		p.t.Errorf("wiretest: connection %q: never dialled", x.name)
	}
}

// play goes through one connection; the first difference ends it.
func (p *player) play(x exchange, client, server *pipeConn) {
	defer server.Close()
	for _, s := range x.steps {
		if err := p.step(s, client, server); err != nil {
			p.t.Errorf("wiretest: connection %q, line %d: %v", x.name, s.line, err)
			return
		}
	}
	if rest, _ := io.ReadAll(server); len(rest) > 0 {
		p.t.Errorf("wiretest: connection %q: after the last line the client sent %q", x.name, rest)
	}
}

func (p *player) step(s step, client, server *pipeConn) error {
	switch {
	case s.dir == '<' && s.eof:
		return server.CloseWrite()
	case s.dir == '<':
		return p.send(s.data, server)
	case s.eof:
		return expectEnd(client, server)
	default:
		return expect(s.data, server)
	}
}

func (p *player) send(data []byte, server io.Writer) error {
	size := p.size
	if size == 0 {
		size = max(len(data), 1)
	}
	for i := 0; i < len(data); i += size {
		if n, err := server.Write(data[i:min(i+size, len(data))]); err != nil {
			return fmt.Errorf("the client left before it had read\n%s", show(data[i+n:]))
		}
	}
	return nil
}

// expect reads until want has come whole, or no longer can.
func expect(want []byte, server io.Reader) error {
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		n, err := server.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		if !bytes.HasPrefix(want, got) {
			return fmt.Errorf("the client sent\n%s\nand not\n%s", show(got), show(want))
		}
		if err != nil && len(got) < len(want) {
			return fmt.Errorf("the client sent\n%s\nand then ended, short of\n%s", show(got), show(want))
		}
	}
	return nil
}

// expectEnd wants the client's own EOF, not the one that the end of the test brings.
func expectEnd(client, server *pipeConn) error {
	rest, err := io.ReadAll(server.in)
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the client's end: %w", err)
	case len(rest) > 0:
		return fmt.Errorf("the client sent\n%s\nand should have ended", show(rest))
	case !client.ended.Load():
		return errors.New("the client never ended")
	}
	return nil
}

// show quotes line by line.
func show(data []byte) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(string(data), "\n") {
		if line != "" || len(data) == 0 {
			fmt.Fprintf(&b, "\t%q\n", line)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

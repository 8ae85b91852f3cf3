package http1

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// looping is a connection whose peer says the same again and again, one answer for each request.
type looping struct {
	net.Conn
	raw  string
	rest strings.Reader
}

func (l *looping) Read(b []byte) (int, error)    { return l.rest.Read(b) }
func (l *looping) Write(b []byte) (int, error)   { l.rest.Reset(l.raw); return len(b), nil }
func (l *looping) Close() error                  { return nil }
func (l *looping) SetDeadline(t time.Time) error { return nil }

// BenchmarkHead is one exchange whose response is as an engine sends it, on one connection.
func BenchmarkHead(b *testing.B) {
	conn := &looping{raw: "HTTP/1.1 204 No Content\r\nApi-Version: 1.51\r\nDocker-Experimental: false\r\nOstype: linux\r\n" +
		"Server: Docker/28.2.2 (linux)\r\nDate: Thu, 12 Nov 2026 10:00:00 GMT\r\n\r\n"}
	c := dialing(conn)
	ctx, req := context.Background(), &Request{Method: "POST", Target: "/v1.51/info"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChunked reads bodies of 1 MiB in chunks of several sizes.
func BenchmarkChunked(b *testing.B) {
	for _, size := range []int{64, 4 << 10, 32 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			chunk := fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size))
			conn := &looping{raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 1<<20/size) + "0\r\n\r\n"}
			c := dialing(conn)
			ctx, req := context.Background(), &Request{Method: "GET", Target: "/"}
			buf := make([]byte, 32<<10)
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.Do(ctx, req)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buf); n != 1<<20 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

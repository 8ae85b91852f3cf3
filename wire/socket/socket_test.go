package socket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"docker-dispatch/wire/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

// kinds are the connections of this package and, to compare, those of package net.
var kinds = []kind{
	{"tcp", "tcp", ours(net.Dial)},
	{"unix", "unix", ours(net.Dial)},
	{"unix dialled", "unix", func(_, path string) (net.Conn, error) { return DialUnix(path) }},
	{"tcp net", "tcp", net.Dial},
	{"unix net", "unix", net.Dial},
}

type kind struct {
	name, network string
	dial          func(network, address string) (net.Conn, error)
}

func ours(dial func(network, address string) (net.Conn, error)) func(network, address string) (net.Conn, error) {
	return func(network, address string) (net.Conn, error) {
		nc, err := dial(network, address)
		if err != nil {
			return nil, err
		}
		return New(nc).(*Conn), nil
	}
}

// all runs a test with a connection of each kind. The far end is package net's.
func all(t *testing.T, test func(t *testing.T, near, far net.Conn)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			near, far := k.connect(t)
			test(t, near, far)
		})
	}
}

func (k kind) connect(t *testing.T) (near, far net.Conn) {
	address := "127.0.0.1:0"
	if k.network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(k.network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = k.dial(k.network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// Much in both directions at once comes as it was sent, and then the end, again and again.
func TestReadWrite(t *testing.T) {
	all(t, func(t *testing.T, near, far net.Conn) {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
		var work sync.WaitGroup
		work.Go(func() { // an echo, that has read nothing at first
			io.Copy(far, far)
			far.Close()
		})
		work.Go(func() {
			if n, err := near.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
			near.(interface{ CloseWrite() error }).CloseWrite()
		})
		got, err := io.ReadAll(near)
		if !bytes.Equal(got, sent) || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		work.Wait()
		for range 2 {
			if n, err := near.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("after the end: %d bytes, %v", n, err)
			}
		}
		if n, err := near.Read(nil); n != 0 || err != nil && err != io.EOF {
			t.Errorf("into nothing: %d bytes, %v", n, err)
		}
	})
}

// A read and a write that wait end with their deadline or with the connection, under the names that package net has for it.
func TestEnded(t *testing.T) {
	waits := map[string]func(net.Conn) error{
		"read": func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"write": func(c net.Conn) (err error) {
			for err == nil { // until the buffers are full
				_, err = c.Write(make([]byte, 1<<20))
			}
			return err
		},
	}
	ends := map[string]struct {
		end  func(net.Conn)
		want error
	}{
		"deadline": {func(c net.Conn) { c.SetDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"close":    {func(c net.Conn) { c.Close() }, net.ErrClosed},
	}
	for op, wait := range waits {
		for name, e := range ends {
			t.Run(op+" "+name, func(t *testing.T) {
				all(t, func(t *testing.T, near, far net.Conn) {
					timer := time.AfterFunc(20*time.Millisecond, func() { e.end(near) })
					defer timer.Stop()
					err := wait(near)
					var named *net.OpError
					if !errors.Is(err, e.want) || !errors.As(err, &named) || named.Op != op {
						t.Errorf("%v; want %v of a %s", err, e.want, op)
					}
					if again := wait(near); !errors.Is(again, e.want) {
						t.Errorf("and then %v", again)
					}
				})
			})
		}
	}
}

// The errors of the system look as those of package net.
func TestReset(t *testing.T) {
	texts := map[string]bool{}
	all(t, func(t *testing.T, near, far net.Conn) {
		if _, ok := far.(*net.TCPConn); !ok {
			t.Skip("a reset is of TCP")
		}
		near.Write([]byte("unread"))
		far.Read(make([]byte, 1))
		far.Close() // with bytes that nobody has read: a reset
		_, err := io.ReadAll(near)
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("read: %v", err)
		}
		var named *net.OpError
		if errors.As(err, &named) {
			texts[named.Op+" "+named.Net+" "+named.Err.Error()] = true
			if named.Source.String() != near.LocalAddr().String() || named.Addr.String() != near.RemoteAddr().String() {
				t.Errorf("between other ends: %v", err)
			}
		}
		for err = nil; err == nil; {
			_, err = near.Write([]byte("x"))
		}
		if !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write: %v", err)
		}
	})
	if len(texts) != 1 {
		t.Errorf("errors differ: %v", texts)
	}
}

// What has come is read without waiting, and waited for without being read; nothing is lost by looking.
func TestLooks(t *testing.T) {
	for _, k := range kinds[:3] {
		nc, far := k.connect(t)
		near := nc.(*Conn)
		buf := make([]byte, 8)
		if n, err := near.TryRead(buf); n != 0 || err != nil || !near.Idle() {
			t.Errorf("%s: %d bytes of nothing, %v", k.name, n, err)
		}
		go far.Write([]byte("hello"))
		for range 2 {
			if err := near.Wait(); err != nil || near.Idle() {
				t.Errorf("%s: waited: %v", k.name, err)
			}
		}
		if n, err := near.TryRead(buf); string(buf[:n]) != "hello" || err != nil || !near.Idle() {
			t.Errorf("%s: %q, %v", k.name, buf[:n], err)
		}
		go far.Close()
		for range 2 {
			if err := near.Wait(); err != nil || near.Idle() {
				t.Errorf("%s: waited for the end: %v", k.name, err)
			}
			if n, err := near.TryRead(buf); n != 0 || err != io.EOF {
				t.Errorf("%s: the end: %d bytes, %v", k.name, n, err)
			}
		}
	}
}

// A wait ends with the deadline and with the connection, and an error that it meets is that of the reads behind it.
func TestWaitEnds(t *testing.T) {
	nc, far := kinds[0].connect(t)
	near := nc.(*Conn)
	time.AfterFunc(10*time.Millisecond, func() { near.SetDeadline(time.Unix(1, 0)) })
	if err := near.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline: %v", err)
	}
	if n, err := near.TryRead(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after it: %d bytes, %v", n, err)
	}
	near.SetDeadline(time.Time{})
	near.Write([]byte("unread"))
	far.Read(make([]byte, 1))
	far.Close()
	for near.Idle() {
	}
	for range 2 {
		if err := near.Wait(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a reset: %v", err)
		}
		if n, err := near.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a reset: %d bytes, %v", n, err)
		}
	}
	near.Close()
	if near.Idle() {
		t.Error("a closed connection is idle")
	}
}

// What cannot be dialled is the same error as package net's, and a connection has the same names.
func TestDialUnix(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "there"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gone, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "gone")})
	if err != nil {
		t.Fatal(err)
	}
	gone.SetUnlinkOnClose(false)
	gone.Close()
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	for _, name := range []string{"there", "gone", "file", "none", "file/none", strings.Repeat("long", 30)} {
		path := filepath.Join(dir, name)
		got, err := DialUnix(path)
		want, wantErr := net.Dial("unix", path)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || errors.Is(err, syscall.ECONNREFUSED) != errors.Is(wantErr, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v, want %v", name, err, wantErr)
		}
		if err != nil || wantErr != nil {
			continue
		}
		defer got.Close()
		defer want.Close()
		if got.LocalAddr().String() != want.LocalAddr().String() || got.RemoteAddr().String() != want.RemoteAddr().String() {
			t.Errorf("from %v to %v, want %v, %v", got.LocalAddr(), got.RemoteAddr(), want.LocalAddr(), want.RemoteAddr())
		}
	}
}

// What is no socket stays what it is.
func TestOthers(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	defer a.Close()
	if New(a) != a {
		t.Error("a pipe is a socket")
	}
}

// BenchmarkExchange is a byte there and back.
func BenchmarkExchange(b *testing.B) {
	for _, raw := range []bool{true, false} {
		name := map[bool]string{true: "socket", false: "net"}[raw]
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("unix", filepath.Join(b.TempDir(), "s"))
			if err != nil {
				b.Fatal(err)
			}
			near, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			far, err := l.Accept()
			if err != nil {
				b.Fatal(err)
			}
			l.Close()
			if raw {
				near, far = New(near), New(far)
			}
			var echo sync.WaitGroup
			echo.Go(func() { io.Copy(struct{ io.Writer }{far}, struct{ io.Reader }{far}) })
			b.ReportAllocs()
			buf := make([]byte, 1)
			for b.Loop() {
				near.Write(buf)
				near.Read(buf)
			}
			near.Close()
			echo.Wait()
			far.Close()
		})
	}
}

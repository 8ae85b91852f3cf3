package wiretest

import (
	"context"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

const twoConnections = `
	# a question and its answer, then a stream with both ends
	== first
	> HEAD / HTTP/1.1
	>
	< HTTP/1.1 204 No Content
	<
	== second
	> "a\r\n\x00b"
	< "\x01\x00c\n"
	>EOF
	< d
	<EOF
`

func TestParse(t *testing.T) {
	got, err := parse(twoConnections)
	if err != nil {
		t.Fatal(err)
	}
	want := []exchange{
		{"first", []step{
			{dir: '>', data: []byte("HEAD / HTTP/1.1\r\n\r\n"), line: 4},
			{dir: '<', data: []byte("HTTP/1.1 204 No Content\r\n\r\n"), line: 6},
		}},
		{"second", []step{
			{dir: '>', data: []byte("a\r\n\x00b"), line: 9},
			{dir: '<', data: []byte("\x01\x00c\n"), line: 10},
			{dir: '>', eof: true, line: 11},
			{dir: '<', data: []byte("d\r\n"), line: 12},
			{dir: '<', eof: true, line: 13},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parse:\ngot  %v\nwant %v", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"hello", `wiretest: transcript line 1: "hello" is none of #, ==, > and <`},
		{"> a\n>b", `wiretest: transcript line 2: ">b": a blank follows >, or EOF does`},
		{"< \"a", `wiretest: transcript line 1: " \"a" is not in Go's quoting`},
		{"< a\rb", `wiretest: transcript line 1: "< a\rb": CR must be quoted`},
	} {
		if _, err := parse(tt.in); err == nil || err.Error() != tt.want {
			t.Errorf("parse(%q)\ngot  %v\nwant %s", tt.in, err, tt.want)
		}
	}
}

// steps without their lines, which format does not keep.
func unnumbered(list []exchange) []exchange {
	for _, x := range list {
		for i := range x.steps {
			x.steps[i].line = 0
		}
	}
	return list
}

func FuzzFormat(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), []byte("\x01\x00 a \r\n \"q\"\r\nbare\n\xff\r"))
	f.Fuzz(func(t *testing.T, up, down []byte) {
		var x exchange
		for _, s := range []step{{dir: '>', data: up}, {dir: '<', data: down}, {dir: '>', eof: true}} {
			if s.eof || len(s.data) > 0 {
				x.add(s)
			}
		}
		text := format([]exchange{x})
		got, err := parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !reflect.DeepEqual(unnumbered(got), []exchange{x}) {
			t.Errorf("%s\ngot  %v\nwant %v", text, got, x)
		}
	})
}

// client is a client that does what the transcript twoConnections wants.
func client(dial func(context.Context) (net.Conn, error)) (string, error) {
	first, err := dial(context.Background())
	if err != nil {
		return "", err
	}
	defer first.Close()
	io.WriteString(first, "HEAD / HTTP/1.1\r\n\r\n")
	head := make([]byte, len("HTTP/1.1 204 No Content\r\n\r\n"))
	if _, err := io.ReadFull(first, head); err != nil {
		return "", err
	}
	second, err := dial(context.Background())
	if err != nil {
		return "", err
	}
	defer second.Close()
	io.WriteString(second, "a\r\n\x00b")
	start := make([]byte, 4)
	if _, err := io.ReadFull(second, start); err != nil {
		return "", err
	}
	second.(interface{ CloseWrite() error }).CloseWrite()
	rest, err := io.ReadAll(second)
	return string(head) + string(start) + string(rest), err
}

func TestServerAndRecord(t *testing.T) {
	for _, size := range []int{0, 1, 3} {
		dial, transcript := Record(ServerInPieces(t, twoConnections, size))
		got, err := client(dial)
		if want := "HTTP/1.1 204 No Content\r\n\r\n\x01\x00c\nd\r\n"; err != nil || got != want {
			t.Errorf("pieces of %d: got %q, %v; want %q", size, got, err, want)
		}
		want := `== connection 1
> HEAD / HTTP/1.1
>
< HTTP/1.1 204 No Content
<
== connection 2
> a
> "\x00b"
< "\x01\x00c\n"
>EOF
< d
<EOF
`
		if transcript() != want {
			t.Errorf("pieces of %d: recorded\n%s\nwant\n%s", size, transcript(), want)
		}
	}
}

// failures is a testing.TB that keeps what a real one would report.
type failures struct {
	testing.TB
	texts    []string
	cleanups []func()
}

func (f *failures) Helper()          {}
func (f *failures) Cleanup(g func()) { f.cleanups = append(f.cleanups, g) }
func (f *failures) Errorf(format string, args ...any) {
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

func TestServerFails(t *testing.T) {
	send := func(text string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, text) } }
	for _, tt := range []struct {
		name, transcript string
		do               func(net.Conn)
		want             string
	}{
		{"another byte", "== x\n> \"ab\"", send("aX"),
			"wiretest: connection \"x\", line 2: the client sent\n\t\"aX\"\nand not\n\t\"ab\""},
		{"too few", "> \"ab\"", send("a"),
			"wiretest: connection \"\", line 1: the client sent\n\t\"a\"\nand then ended, short of\n\t\"ab\""},
		{"too many", "> \"ab\"", send("abc"),
			`wiretest: connection "": after the last line the client sent "c"`},
		{"answer not read", "< \"ab\"", func(c net.Conn) { c.Read(make([]byte, 1)) },
			"wiretest: connection \"\", line 1: the client left before it had read\n\t\"b\""},
		{"never ended", ">EOF", func(net.Conn) {},
			`wiretest: connection "", line 1: the client never ended`},
		{"bytes for an end", ">EOF", send("z"),
			"wiretest: connection \"\", line 1: the client sent\n\t\"z\"\nand should have ended"},
		{"never dialled", "== a\n== b", func(net.Conn) {},
			`wiretest: connection "b": never dialled`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &failures{TB: t}
			conn, err := Server(f, tt.transcript)(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			tt.do(conn)
			for _, g := range f.cleanups {
				g()
			}
			if got := strings.Join(f.texts, "; "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestServerDialledTooOften(t *testing.T) {
	f := &failures{TB: t}
	if conn, err := Server(f, "")(t.Context()); err == nil {
		t.Errorf("dialled %v", conn)
	}
	if want := "wiretest: dialled once more than the transcript's 0 connections"; strings.Join(f.texts, "; ") != want {
		t.Errorf("got %q, want %q", f.texts, want)
	}
}

func TestLeaked(t *testing.T) {
	blocked := func() bool {
		return strings.Contains(strings.Join(leaked(0), "\n"), "wiretest.TestLeaked.func2")
	}
	release := make(chan struct{})
	go func() { <-release }()
	if !blocked() {
		t.Error("a blocked goroutine does not count as left behind")
	}
	close(release)
	for deadline := time.Now().Add(leakPatience); blocked(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a goroutine that has ended still counts")
		}
	}
}

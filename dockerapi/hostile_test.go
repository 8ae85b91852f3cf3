package dockerapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire/wiretest"
)

// maxHeap is what the client may have in memory, whatever an Engine sends: what it has let go of and is not yet collected, too.
const maxHeap = 64 << 20

// asking is a call that a hostile Engine gets, and the status with which it would be answered.
type asking struct {
	name   string
	status string
	waits  bool // for as long as it takes
	do     func(context.Context, *Client) error
}

var askings = []asking{
	{"ping", "200 OK", false, func(ctx context.Context, c *Client) error { _, err := c.SystemPing(ctx); return err }},
	{"inspect", "200 OK", false, func(ctx context.Context, c *Client) error { _, err := c.ContainerInspect(ctx, "x"); return err }},
	{"show", "200 OK", false, func(ctx context.Context, c *Client) error {
		_, err := c.Act(ctx, ContainerInspect, Request{ID: "x"})
		return err
	}},
	{"list", "200 OK", false, func(ctx context.Context, c *Client) error { _, err := c.ContainerList(ctx, []string{"k"}); return err }},
	{"volumes", "200 OK", false, func(ctx context.Context, c *Client) error { _, err := c.VolumeList(ctx, []string{"k"}); return err }},
	{"create", "201 Created", false, func(ctx context.Context, c *Client) error {
		_, err := c.ContainerCreate(ctx, "x", "", map[string]any{})
		return err
	}},
	{"connect", "200 OK", false, func(ctx context.Context, c *Client) error {
		_, err := c.Act(ctx, NetworkConnect, Request{ID: "x"})
		return err
	}},
	{"start", "204 No Content", false, func(ctx context.Context, c *Client) error { return c.ContainerStart(ctx, "x") }},
	{"wait", "200 OK", true, func(ctx context.Context, c *Client) error { _, err := c.ContainerWait(ctx, "x"); return err }},
	{"exit", "200 OK", true, func(ctx context.Context, c *Client) error {
		exit, err := c.ContainerAwaitExit(ctx, "x")
		if err != nil {
			return err
		}
		defer exit.Close()
		_, err = exit.Code(ctx)
		return err
	}},
	{"pull", "200 OK", true, func(ctx context.Context, c *Client) error { return c.ImageCreate(ctx, Pull{Image: "x"}, "") }},
	{"archive", "200 OK\r\nX-Docker-Container-Path-Stat: e30=", true, func(ctx context.Context, c *Client) error {
		_, archive, err := c.ContainerArchive(ctx, "x", "/")
		if err != nil {
			return err
		}
		defer archive.Close()
		_, err = io.Copy(io.Discard, archive)
		return err
	}},
	{"logs", "200 OK", true, func(ctx context.Context, c *Client) error {
		return outputs(c.ContainerLogs(ctx, "x", Streams{Stdout: true}, nil))
	}},
	{"attach", "101 UPGRADED", true, func(ctx context.Context, c *Client) error {
		return outputs(c.ContainerAttach(ctx, "x", Streams{Stdout: true}))
	}},
	{"exec", "101 UPGRADED", true, func(ctx context.Context, c *Client) error {
		return outputs(c.ExecStart(ctx, "x", Streams{Stdout: true}))
	}},
}

// outputs reads a stream to its end, or until it has brought 32 MiB.
func outputs(s *Stream, err error) error {
	if err != nil {
		return err
	}
	defer s.Close()
	for size := 0; size < 32<<20; {
		_, data, err := s.Next()
		if err != nil {
			return err
		}
		size += len(data)
	}
	return errors.New("32 MiB of output")
}

// misdeed is what a hostile Engine does instead of an answer, and what the error says then. Only are the calls that it is meant for,
// "" all of them.
type misdeed struct {
	name string
	only string
	do   func(w io.Writer, status string)
	want string
}

// forever sends the text again and again until the client has left, and stands still after so many MiB.
func forever(w io.Writer, size int, text string) {
	piece := []byte(strings.Repeat(text, 1+32<<10/len(text)))
	for range size << 20 / len(piece) {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
	time.Sleep(time.Hour)
}

// ends has text as the whole answer, goesOn has more behind that, again and again.
func ends(text string) func(io.Writer, string) {
	return func(w io.Writer, status string) { io.WriteString(w, strings.ReplaceAll(text, "STATUS", status)) }
}

func goesOn(text, again string) func(io.Writer, string) { return goesOnFor(70, text, again) }

func goesOnFor(size int, text, again string) func(io.Writer, string) {
	return func(w io.Writer, status string) {
		ends(text)(w, status)
		forever(w, size, again)
	}
}

const (
	withLength = "HTTP/1.1 STATUS\r\nContent-Length: 1000000000\r\n\r\n"
	inChunks   = "HTTP/1.1 STATUS\r\nTransfer-Encoding: chunked\r\n\r\n"
	unframed   = "HTTP/1.1 STATUS\r\n\r\n"
	bodies     = "inspect show list volumes create connect wait exit pull archive logs"
	decoded    = "inspect create wait"
	framed     = "logs attach exec"
)

var misdeeds = []misdeed{
	// the head

	{"leaves", "", ends(""), "unexpected EOF"},
	{"says nothing", "", func(w io.Writer, _ string) { time.Sleep(time.Hour) }, "no answer within"},
	{"one byte a second", "", func(w io.Writer, status string) {
		for i := 0; ; i++ {
			if _, err := w.Write([]byte{(unframed)[min(i, 8)]}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}, "no answer within"},
	{"garbage", "", goesOn("", "\x00\xff\x17\r\n"), `protocol error: status line "\x00\xff\x17" is not of HTTP/1.1`},
	{"speaks TLS", "", ends("\x15\x03\x01\x00\x02\x02\x46"), "unexpected EOF"},
	{"another version", "", ends("HTTP/2.0 STATUS\r\n\r\n"), "is not of HTTP/1.1 or HTTP/1.0"},
	{"a status without end", "", goesOn("HTTP/1.1 200 ", "x"), "status line of more than 8192 bytes"},
	{"a field without end", "", goesOn("HTTP/1.1 STATUS\r\nA: ", "x"), "field line of more than 16384 bytes"},
	{"fields without end", "", goesOn("HTTP/1.1 STATUS\r\n", "A: b\r\n"), "fields of more than 65536 bytes"},
	{"interim responses without end", "", goesOn("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), "more than 10 interim responses"},
	{"cut in a field", "", ends("HTTP/1.1 STATUS\r\nContent-Le"), "unexpected EOF"},
	{"bare LF", "", ends("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), "bare LF after the status line"},
	{"a folded field", "", ends("HTTP/1.1 STATUS\r\nA: b\r\n c\r\n\r\n"), "folded field line"},
	{"NUL in a field", "", ends("HTTP/1.1 STATUS\r\nA: \x00\r\n\r\n"), "control character in the field A"},
	{"two lengths", "", ends("HTTP/1.1 STATUS\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"), "more than one Content-Length"},
	{"a length and chunks", "", ends("HTTP/1.1 STATUS\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "both Content-Length and Transfer-Encoding"},
	{"a length below nothing", "", ends("HTTP/1.1 STATUS\r\nContent-Length: -1\r\n\r\n"), `Content-Length "-1" is not a length`},
	{"a length beyond all", "", ends("HTTP/1.1 STATUS\r\nContent-Length: 9223372036854775808\r\n\r\n"), "is not a length"},
	{"another coding", "", ends("HTTP/1.1 STATUS\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), `Transfer-Encoding "gzip, chunked" is not chunked`},
	{"an upgrade unasked", "ping " + bodies + " start", ends("HTTP/1.1 101 UPGRADED\r\n\r\n"), "101 to a request that asked for no upgrade"},
	{"a redirect", "", ends("HTTP/1.1 301 Moved Permanently\r\nLocation: http://127.0.0.1/evil\r\nContent-Length: 0\r\n\r\n"), ": 301: Moved Permanently"},
	{"a status of its own", "", ends("HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n"), ": 999: "},
	{"asks for a password", "", ends("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno"), ": 401: no"},

	// refusals

	{"a refusal of 1 GB", "", goesOn("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000000000\r\n\r\n", "x"), ": 500: xxxxxxxxx"},
	{"a refusal without end", "", goesOn("HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\n[{\x00\x1b\r\n"), ": 500: [{"},
	{"a refusal of JSON without end", "", goesOn("HTTP/1.1 500 Internal Server Error\r\n\r\n{\"message\":\"", "\\u0000"), `: 500: {"message":"\u0000\u0000`},
	{"a refusal that drips", "", func(w io.Writer, _ string) {
		io.WriteString(w, "HTTP/1.1 500 Internal Server Error\r\n\r\n")
		for _, err := w.Write([]byte("x")); err == nil; _, err = w.Write([]byte("x")) {
			time.Sleep(time.Second)
		}
	}, ": 500: xxx"},

	// the body

	{"cut in its length", bodies, ends("HTTP/1.1 STATUS\r\nContent-Length: 100\r\n\r\n "), "unexpected EOF"},
	{"cut in a chunk", bodies, ends(inChunks + "5\r\n  "), "unexpected EOF"},
	{"a chunk that is longer than it says", bodies, ends(inChunks + "1\r\n  \r\n0\r\n\r\n"), "after a chunk's data"},
	{"a chunk size beyond all", bodies, ends(inChunks + "ffffffffffffffff\r\n"), `chunk line "ffffffffffffffff"`},
	{"chunk extensions without end", bodies, goesOn(inChunks+"5", ";a=b"), "chunk line of more than 4096 bytes"},
	{"chunks of extensions without end", strings.TrimSuffix(bodies, " logs"), goesOn(inChunks, "1;"+strings.Repeat("e", 1000)+"\r\n \r\n"), "chunk extensions of more than 16384 bytes beyond the data"},
	{"trailers without end", bodies, goesOn(inChunks+"0\r\n", "A: b\r\n"), "fields of more than 65536 bytes"},

	// JSON

	{"blanks without end", "show", goesOn(withLength, " "), "the answer is longer than 4 MiB"},
	{"blanks without end", "inspect", goesOn(withLength, " \n"), "the answer: longer than 64 MiB"},
	{"blanks without end", "list volumes", goesOnFor(4, withLength, "\t"), "no answer within 1m0s"},
	{"a number without end", decoded + " list volumes", goesOn(withLength, "9"), "the answer: a number or a word of more than 64 bytes"},
	{"an object without end", decoded, goesOn(withLength+`{"":0`, `,"":{}`), "the answer is longer than 2 MiB"},
	{"labels without end", decoded, goesOn(withLength+`{"Config":{"Labels":{"":""`, `,"a":"b"`), "the answer is longer than 2 MiB"},
	{"labels up to the brim", "inspect", manyLabels, "<nil>"},
	{"arrays within arrays", decoded, goesOn(withLength, "["), "the answer is longer than 2 MiB"},
	{"arrays within arrays", "show", goesOn(withLength, "["), "the answer is longer than 4 MiB"},
	{"arrays within arrays", "list", goesOn(withLength+`[{"Ports":`, "["), "the answer: values nested too deep"},
	{"a string without end", "create", goesOn(withLength+`"`, `\u0000`), "the answer: longer than 64 MiB"},
	{"a string without end", "list", goesOnFor(4, withLength+`[{"Command":"`, `\u0000`), "no answer within 1m0s"},
	{"rows without end", "list", goesOn(withLength+"[{}", ",{}"), "the answer: a list with more than 8 MiB of what is looked at"},
	{"rows without end", "volumes", goesOn(withLength+`{"Volumes":[{}`, `,{}`), "the answer: a list with more than 8 MiB of what is looked at"},
	{"rows of nothing without end", "list", goesOn(withLength+"[null", ",null"), "the answer: a list with more than 8 MiB of what is looked at"},
	{"names without end", "list", goesOn(withLength+`[{"Names":["a"`, `,""`), "the answer: a list with more than 8 MiB of what is looked at"},
	{"labels without end", "list", goesOnFor(4, withLength+`[{"Labels":{"a":""`, `,"`+strings.Repeat("b", 500)+`":"c"`), "no answer within 1m0s"},
	{"long labels in rows", "list", goesOn(withLength+`[{}`, `,{"Labels":{"k":"`+strings.Repeat("x", 30_000)+`"}}`), "the answer: a list with more than 8 MiB of what is looked at"},
	{"other keys without end", "volumes", goesOnFor(4, withLength+`{"Warnings":[]`, `,"Volume":["`+strings.Repeat("b", 500)+`"]`), "no answer within 1m0s"},
	{"an array without end", "connect", goesOn(withLength, "[]"), "the answer is longer than 4 MiB"},
	{"an array without end", "exit", goesOn(withLength, "[]"), "the answer: invalid character"},
	{"progress without end", "pull", goesOn(withLength+`{"status":"`, "x"), "a progress line is longer than 1 MiB"},
	{"progress that is none", "pull", goesOn(withLength, "[]\n"), "progress: json: cannot unmarshal array"},

	// output

	{"not frames", framed, goesOn(unframed, "HTTP"), "the framing is lost"},
	{"frames of 4 GiB", framed, goesOn(unframed+"\x01\x00\x00\x00\xff\xff\xff\xff", "x"), "32 MiB of output"},
	{"frames of nothing, then a cut", framed, func(w io.Writer, status string) {
		ends(unframed)(w, status)
		io.WriteString(w, strings.Repeat("\x01\x00\x00\x00\x00\x00\x00\x00", 1<<20)+"\x02\x00")
	}, "unexpected EOF"},
	{"an error of 4 GiB", framed, goesOn(unframed+"\x03\x00\x00\x00\xff\xff\xff\xff", "\x1b"), `the Engine ended the stream: "\x1b\x1b`},
}

// manyLabels is the answer of 2 MiB that costs most.
func manyLabels(w io.Writer, status string) {
	var b strings.Builder
	b.WriteString(`{"Config":{"Labels":{"":""`)
	for i := 0; b.Len() < decodedLen-100; i++ {
		b.WriteString(`,"` + strconv.FormatInt(int64(i), 36) + `":""`)
	}
	ends(unframed+b.String()+"}}}")(w, status)
}

// A hostile Engine gets an error that says what it did; what the client holds stays small, nothing of it is left, and its next call
// goes well.
func TestHostile(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, m := range misdeeds {
		for _, a := range askings {
			if m.only != "" && !strings.Contains(" "+m.only+" ", " "+a.name+" ") {
				continue
			}
			t.Run(m.name+"/"+a.name, func(t *testing.T) {
				heap := watchHeap()
				synctest.Test(t, func(t *testing.T) { suffer(t, m, a) })
				peak := heap()
				t.Logf("%d KiB in memory", peak>>10)
				if peak > maxHeap {
					t.Errorf("%d MiB in memory", peak>>20)
				}
			})
		}
	}
}

func suffer(t *testing.T, m misdeed, a asking) {
	e := &evil{misdeed: m, asking: a}
	c := client(e.dial)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	err := a.do(ctx, c)
	text := "<nil>"
	if err != nil {
		text = err.Error()
	}
	if patient := a.waits && errors.Is(err, context.DeadlineExceeded); !strings.Contains(text, m.want) && !(patient && m.want == "no answer within") {
		t.Errorf("got  %.300q\nwant %q", text, m.want)
	}
	if len(text) > 2000 {
		t.Errorf("an error of %d bytes", len(text))
	}
	if err := c.ContainerStart(t.Context(), "x"); err != nil {
		t.Errorf("the next call: %v", err)
	}
	c.Close()
	e.serving.Wait()
}

// evil is an Engine that does its misdeed once, and is good from then on.
type evil struct {
	misdeed misdeed
	asking  asking
	done    sync.Once
	serving sync.WaitGroup
}

func (e *evil) dial(context.Context) (net.Conn, error) {
	client, server := wiretest.Pipe()
	e.serving.Go(func() {
		defer server.Close()
		e.serve(server)
	})
	return client, nil
}

// serve answers the requests of one connection. What it sends meets a client that has left, sooner or later.
func (e *evil) serve(conn net.Conn) {
	requests := bufio.NewReader(conn)
	for {
		target, err := readRequest(requests)
		switch {
		case err != nil:
			return
		case target == "/_ping" && e.asking.name != "ping":
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		bad := false
		e.done.Do(func() { bad = true })
		switch {
		case bad:
			e.misdeed.do(conn, e.asking.status)
			return
		case target == "/_ping":
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n")
		default:
			io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	}
}

// readRequest reads a request, whose body is a line at most.
func readRequest(r *bufio.Reader) (target string, err error) {
	first, err := r.ReadString('\n')
	for line := first; err == nil && line != "\r\n"; {
		line, err = r.ReadString('\n')
	}
	r.Discard(r.Buffered())
	if err != nil {
		return "", err
	}
	return strings.Fields(first)[1], nil
}

// watchHeap looks at the heap until it is asked how far it has grown.
func watchHeap() (grown func() uint64) {
	runtime.GC()
	var first, most uint64
	look := func() {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		most = max(most, stats.HeapAlloc)
	}
	look()
	first = most
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-tick.C:
				look()
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		look()
		return most - first
	}
}

// An Engine that comes back as another one is asked what it speaks.
func TestVersionThatChanges(t *testing.T) {
	for _, tt := range []struct{ version, want string }{
		{"1.55", "GET /v1.55/containers/x/json"},
		{"1.40", "the Engine speaks API 1.40 at most; 1.41 (Engine 20.10) is the oldest that works"},
		{"", `Api-Version "" is not known: is this a Docker Engine?`},
		{"1.41/../../evil", `Api-Version "1.41/../../evil" is not known`},
		{"1.-5", "the Engine speaks API 1.-5 at most"},
		{"1.99999999999999999999", "is not known"},
	} {
		transcript := pinged + asks("GET /v1.41/containers/x/json") + "<EOF\n" +
			asksPing + "< HTTP/1.1 200 OK\n< Api-Version: " + tt.version + "\n< Content-Length: 0\n<\n"
		if method, rest, found := strings.Cut(tt.want, " /v"); found {
			transcript += "== again\n" + asks(method+" /v"+rest) + answers("404 Not Found", tt.want)
		}
		s := &session{t: t, c: client(wiretest.Server(t, transcript))}
		s.inspect("x")
		s.inspect("x")
		if _, second, _ := strings.Cut(s.known.String(), "\n"); !strings.Contains(second, tt.want) {
			t.Errorf("%q: %s", tt.version, second)
		}
	}
}

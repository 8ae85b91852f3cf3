package cmds

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire/buffer"
)

// chunk is what one read from a container brings.
type chunk struct {
	from dockerapi.Output
	data string
}

func out(data string) chunk  { return chunk{dockerapi.Stdout, data} }
func eout(data string) chunk { return chunk{dockerapi.Stderr, data} }

// streamed is what is printed of a container that writes chunks and ends.
func streamed(t *testing.T, as, name string, chunks ...chunk) string {
	t.Helper()
	return printed(t, as, func(p *Printer) {
		s := &Streams{printer: p, messageID: "m-1"}
		s.Container(testID, name)
		for _, c := range chunks {
			if err := s.Write(t.Context(), c.from, []byte(c.data)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStreamsText(t *testing.T) {
	const p = "hello_world          | "
	for _, tt := range []struct {
		name   string
		chunks []chunk
		want   string
	}{
		{"nothing", nil, ""},
		{"a line", []chunk{out("hello world!\n")}, p + "hello world!\n"},
		{"without a newline", []chunk{out("hello")}, p + "hello\n"},
		{"in pieces", []chunk{out("hel"), out("lo\nwor"), out("ld\n")}, p + "hello\n" + p + "world\n"},
		{"empty lines", []chunk{out("\n\na\n\n")}, p + "\n" + p + "\n" + p + "a\n" + p + "\n"},
		{"line ends of a terminal", []chunk{out("a\r\nb\r"), out("\n\r\n")}, p + "a\n" + p + "b\n" + p + "\n"},
		{"a carriage return inside", []chunk{out("10%\r20%\n")}, p + "10%\\r20%\n"},
		{"both streams", []chunk{out("o1 "), eout("e1 "), out("o2\n"), eout("e2\n")}, p + "o1 o2\n" + p + "e1 e2\n"},
		{"both streams end without newlines", []chunk{eout("e"), out("o")}, p + "o\n" + p + "e\n"},
		{"a character cut by a read", []chunk{out("gr\xc3"), out("\xbcn\n")}, p + "grün\n"},
		{"not UTF-8", []chunk{out("a\xff\x80b\n")}, p + "a\\xff\\x80b\n"},
		{"forged response", []chunk{out("x\rhello_world          = exited 0 in 0.00s\n")}, p + "x\\rhello_world          = exited 0 in 0.00s\n"},
		{"forged by escapes", []chunk{out("\x1b[1A\x1b[2Kx = stopped\u202e\u2028y\x00\n")}, p + "\\x1b[1A\\x1b[2Kx = stopped\\u202e\\u2028y\\x00\n"},
		{"forged by backspaces", []chunk{out(strings.Repeat("\b", 3) + "= removed\n")}, p + "\\b\\b\\b= removed\n"},
		{"tabs stay", []chunk{out("a\tb\n")}, p + "a\tb\n"},
	} {
		if got := streamed(t, "text", "hello_world", tt.chunks...); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
	}
	if got, want := streamed(t, "text", "", out("a\n")), "0123456789ab         | a\n"; got != want {
		t.Errorf("without a name: got %q, want %q", got, want)
	}
}

func TestStreamsJSON(t *testing.T) {
	line := func(stream, rest string) string {
		return `{"Time":"T","Event":"output","MessageId":"m-1","Id":"` + testID + `","Name":"a","Stream":"` + stream + `","Offset":` + rest + "}\n"
	}
	long := strings.Repeat("x", lineLen-1)
	for _, tt := range []struct {
		name   string
		chunks []chunk
		want   string
	}{
		{"a line", []chunk{out("hello world!\n")}, line("stdout", `0,"Data":"hello world!\n"`)},
		{"without a newline", []chunk{out("a\nb")}, line("stdout", `0,"Data":"a\n"`) + line("stdout", `2,"Data":"b"`)},
		{"line ends of a terminal", []chunk{out("a\r\n")}, line("stdout", `0,"Data":"a\r\n"`)},
		{"offsets of each stream", []chunk{out("abc\n"), eout("de\n"), out("f\n"), eout("g\n")},
			line("stdout", `0,"Data":"abc\n"`) + line("stderr", `0,"Data":"de\n"`) + line("stdout", `4,"Data":"f\n"`) + line("stderr", `3,"Data":"g\n"`)},
		{"quoting", []chunk{out("\"\\\x1b\u2028ü\n")}, line("stdout", `0,"Data":"\"\\\u001b\u2028ü\n"`)},
		{"forged object", []chunk{out(`"},{"Event":"result"` + "\n")}, line("stdout", `0,"Data":"\"},{\"Event\":\"result\"\n"`)},
		{"not UTF-8", []chunk{out("\xff\n")}, line("stdout", `0,"Data":"/wo=","Encoding":"base64"`)},
		{"a line that just fits", []chunk{out(long + "\n")}, line("stdout", `0,"Data":"`+long+`\n"`)},
		{"a character at the end of a piece", []chunk{out(long), out("ü\n")}, line("stdout", `0,"Data":"`+long+`","More":true`) + line("stdout", `65535,"Data":"ü\n"`)},
		{"the same in one read", []chunk{out(long + "ü\nb")}, line("stdout", `0,"Data":"`+long+`","More":true`) + line("stdout", `65535,"Data":"ü\n"`) + line("stdout", `65538,"Data":"b"`)},
		{"a long line that is not UTF-8", []chunk{out("\xff" + long + "yz")},
			line("stdout", `0,"Data":"`+base64.StdEncoding.EncodeToString([]byte("\xff"+long))+`","Encoding":"base64","More":true`) + line("stdout", `65536,"Data":"yz"`)},
	} {
		if got := timeless(t, streamed(t, "json", "a", tt.chunks...)); got != tt.want {
			t.Errorf("%s\ngot  %.500s\nwant %.500s", tt.name, got, tt.want)
		}
	}
}

// pieces cuts data at random, and deals the cuts to the two streams.
func pieces(data []byte, r *rand.Rand) (chunks []chunk, whole map[string][]byte) {
	whole = map[string][]byte{}
	for len(data) > 0 {
		n := 1 + r.IntN(min(len(data), 1+r.IntN(100_000)))
		c := chunk{[]dockerapi.Output{dockerapi.Stdout, dockerapi.Stderr}[r.IntN(2)], string(data[:n])}
		whole[c.from.String()] = append(whole[c.from.String()], c.data...)
		chunks, data = append(chunks, c), data[n:]
	}
	return chunks, whole
}

// reassemble joins the outputs in JSON lines, which must follow each other without a gap.
func reassemble(t *testing.T, lines string) map[string][]byte {
	t.Helper()
	whole := map[string][]byte{}
	for line := range strings.Lines(lines) {
		var o struct {
			Stream, Data, Encoding string
			Offset                 int64
			More                   bool
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%.200q: %v", line, err)
		}
		data := []byte(o.Data)
		if o.Encoding == "base64" {
			data, _ = base64.StdEncoding.DecodeString(o.Data)
		}
		if o.Offset != int64(len(whole[o.Stream])) || len(data) == 0 || len(data) > lineLen || o.More && bytes.ContainsRune(data, '\n') {
			t.Fatalf("%.200q: offset %d after %d bytes", line, o.Offset, len(whole[o.Stream]))
		}
		whole[o.Stream] = append(whole[o.Stream], data...)
	}
	return whole
}

func checkStreams(t *testing.T, data []byte, r *rand.Rand) {
	t.Helper()
	chunks, want := pieces(data, r)
	got := reassemble(t, streamed(t, "json", "a", chunks...))
	for _, stream := range []string{"stdout", "stderr"} {
		if !bytes.Equal(got[stream], want[stream]) {
			t.Errorf("%s of %d bytes: got %d bytes, or others, from %d reads", stream, len(want[stream]), len(got[stream]), len(chunks))
		}
	}
	text := streamed(t, "text", "a", chunks...)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "a                    | ") || !strings.HasSuffix(line, "\n") {
			t.Fatalf("a line of its own: %.200q", line)
		}
		if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r != '\t' && deceptive(r) }); i >= 0 || !utf8.ValidString(line) {
			t.Fatalf("not plain text: %.200q", line)
		}
	}
}

func FuzzStreams(f *testing.F) {
	f.Add([]byte("hello\nworld\r\n\xff\xc3"), uint64(1))
	f.Add([]byte("hello_world          = exited 0\x1b[A\n"), uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) { checkStreams(t, data, rand.New(rand.NewPCG(seed, 0))) })
}

// Long lines of characters of all lengths, cut anywhere: no byte is lost, and text stays text.
func TestStreamsLong(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var data []byte
		for len(data) < 3*lineLen+r.IntN(1000) {
			data = append(data, strings.Repeat("aü€👍", 1+r.IntN(20))...)
			if r.IntN(2000) == 0 {
				data = append(data, "\n\xff"[r.IntN(2)])
			}
		}
		checkStreams(t, data, r)
		if !bytes.Contains(data, []byte("\xff")) {
			s := streamed(t, "json", "a", out(string(data)))
			if strings.Contains(s, "base64") {
				t.Errorf("text was not taken for text")
			}
		}
	}
}

func TestStreamsMemory(t *testing.T) {
	p := NewPrinter(discard{}, "text")
	defer p.Close(t.Context())
	s := &Streams{printer: p}
	s.Container(testID, "a")
	endless := []byte(strings.Repeat("x", 32<<10))
	for range 1000 {
		if err := s.Write(t.Context(), dockerapi.Stdout, endless); err != nil {
			t.Fatal(err)
		}
	}
	held := cap(s.line(dockerapi.Stdout).pending)
	for _, b := range []*buffer.Buffer{s.burst, s.writing} {
		if b != nil {
			held += cap(b.Bytes)
		}
	}
	if held > 2*(bursts.Long+bursts.Over)+2*lineLen {
		t.Errorf("%d bytes are held of a line without end", held)
	}
}

// Whoever ends in the middle of an output gives back what he has gathered, and so does one whose writer takes nothing.
func TestStreamsClose(t *testing.T) {
	inUse := bursts.Lent()
	p := NewPrinter(discard{}, "text")
	defer p.Close(t.Context())
	s := &Streams{printer: p}
	s.Container(testID, "a")
	s.Write(t.Context(), dockerapi.Stdout, bytes.Repeat([]byte("not settled\n"), bursts.Long/10))
	s.Close()
	s.Close()
	synctest.Test(t, func(t *testing.T) {
		w := blockedWriter{make(chan struct{})}
		p := NewPrinter(w, "text")
		s := &Streams{printer: p}
		s.Container(testID, "a")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := cmp.Or(s.Write(ctx, dockerapi.Stdout, []byte("a\n")), s.Settle(ctx)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		s.Close()
		w.unblock <- struct{}{}
		p.Close(t.Context())
	})
	if bursts.Lent() != inUse {
		t.Errorf("%d are in use, %d before", bursts.Lent(), inUse)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := blockedWriter{make(chan struct{})}
		p := NewPrinter(w, "text")
		s := &Streams{printer: p}
		s.Container(testID, "a")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		write := func(text string) { done <- cmp.Or(s.Write(ctx, dockerapi.Stdout, []byte(text)), s.Settle(ctx)) }
		go write("a\n")
		synctest.Wait()
		if s.Stalled(time.Second) {
			t.Error("stalled at once")
		}
		time.Sleep(time.Second)
		if !s.Stalled(time.Second) || s.Stalled(2*time.Second) {
			t.Error("not stalled for a second after a second")
		}
		w.unblock <- struct{}{}
		if err := <-done; err != nil || s.Stalled(0) {
			t.Errorf("written: %v, stalled %t", err, s.Stalled(0))
		}
		go write("b\n")
		synctest.Wait()
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("got %v", err)
		}
		close(w.unblock)
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Whoever is told of the start and of the end of the input need not be there.
func TestStarted(t *testing.T) {
	var told []string
	r := new(running)
	s := &Streams{onFed: func() { told = append(told, "fed") }, onStart: func(got *running) { told = append(told, fmt.Sprint("started ", got == r)) }}
	for _, s := range []*Streams{s, {}} {
		s.Fed()
		s.Started(r)
	}
	if got := strings.Join(told, ", "); got != "fed, started true" {
		t.Errorf("told %s", got)
	}
}

// replayed writes the attach, then reads the log once more from the beginning, as often as there are logs.
func replayed(t *testing.T, attach []chunk, logs ...[]chunk) (string, error) {
	t.Helper()
	var last error
	return printed(t, "text", func(p *Printer) {
		s := &Streams{printer: p}
		s.Container(testID, "a")
		for _, c := range attach {
			if err := s.Write(t.Context(), c.from, []byte(c.data)); err != nil {
				t.Fatal(err)
			}
		}
		for _, log := range logs {
			s.Rewind()
			last = nil
			for _, c := range log {
				if last == nil {
					last = s.Replay(t.Context(), c.from, []byte(c.data))
				}
			}
			if last == nil {
				last = s.ReplayEnd()
			}
		}
		s.Flush(t.Context())
	}), last
}

func TestReplay(t *testing.T) {
	const p = "a                    | "
	for _, tt := range []struct {
		name   string
		attach []chunk
		logs   [][]chunk
		want   string
		err    string
	}{
		{"nothing new", []chunk{out("a\nb")}, [][]chunk{{out("a\nb")}}, p + "a\n" + p + "b\n", ""},
		{"goes on", []chunk{out("a\nb")}, [][]chunk{{out("a\nbc\n"), out("d")}}, p + "a\n" + p + "bc\n" + p + "d\n", ""},
		{"from the start", nil, [][]chunk{{out("a\n"), eout("b\n")}}, p + "a\n" + p + "b\n", ""},
		{"in other cuts", []chunk{out("a"), out("b\nc\n")}, [][]chunk{{out("ab\n"), out("c\nd"), out("\ne\n")}}, p + "ab\n" + p + "c\n" + p + "d\n" + p + "e\n", ""},
		{"both streams", []chunk{out("a\n"), eout("x")}, [][]chunk{{eout("xy\n"), out("a\nb\n")}}, p + "a\n" + p + "xy\n" + p + "b\n", ""},
		{"twice", []chunk{out("a\n")}, [][]chunk{{out("a\nb")}, {out("a\nbc\nd")}}, p + "a\n" + p + "bc\n" + p + "d\n", ""},
		{"differs", []chunk{out("aa\n")}, [][]chunk{{out("ab\nc\n")}}, p + "aa\n", "the container's log is not what it wrote"},
		{"differs in one stream", []chunk{out("a\n"), eout("b\n")}, [][]chunk{{out("a\n"), eout("x\n"), out("c\n")}}, p + "a\n" + p + "b\n", "the container's log is not what it wrote"},
		{"differs in the last of many reads", []chunk{out("abc")}, [][]chunk{{out("a"), out("b"), out("x")}}, p + "abc\n", "the container's log is not what it wrote"},
		{"shorter", []chunk{out("a\nb\n")}, [][]chunk{{out("a\n")}}, p + "a\n" + p + "b\n", "the container's log is not what it wrote: the log has 2 bytes of stdout, and 4 had been read"},
		{"empty", []chunk{eout("x")}, [][]chunk{{}}, p + "x\n", "the container's log is not what it wrote: the log has 0 bytes of stderr, and 1 had been read"},
	} {
		got, err := replayed(t, tt.attach, tt.logs...)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err || err != nil && !errors.Is(err, errDiffers) {
			t.Errorf("%s\ngot  %q, %q\nwant %q, %q", tt.name, got, text, tt.want, tt.err)
		}
	}
}

// An attach that is cut anywhere, and logs of which all but the last are cut too, give every byte once.
func TestReplayAnywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		data := make([]byte, r.IntN(2*lineLen))
		for i := range data {
			data[i] = "ab"[r.IntN(2)]
			if r.IntN(100) == 0 {
				data[i] = '\n'
			}
		}
		chunks, want := pieces(data, r)
		lines := printed(t, "json", func(p *Printer) {
			s := &Streams{printer: p}
			s.Container(testID, "a")
			for _, c := range chunks[:r.IntN(len(chunks)+1)] {
				s.Write(t.Context(), c.from, []byte(c.data))
			}
			for _, end := range []int{r.IntN(len(chunks) + 1), len(chunks)} {
				s.Rewind()
				for _, c := range slices.Clone(chunks[:end]) {
					if err := s.Replay(t.Context(), c.from, []byte(c.data)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.ReplayEnd(); err != nil {
				t.Fatal(err)
			}
			s.Flush(t.Context())
		})
		got := reassemble(t, lines)
		for stream := range want {
			if !bytes.Equal(got[stream], want[stream]) {
				t.Fatalf("%s: got %d bytes, or others, of %d", stream, len(got[stream]), len(want[stream]))
			}
		}
	}
}

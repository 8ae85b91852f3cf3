package stdcopy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"docker-dispatch/wire/buffer"
)

// frame encodes one frame as the Engine does.
func frame(typ byte, payload string) string {
	h := make([]byte, headerLen)
	h[0] = typ
	binary.BigEndian.PutUint32(h[4:], uint32(len(payload)))
	return string(h) + payload
}

// collect reads r to its end: what each stream carried, and the error that ended it (nil for io.EOF).
func collect(r interface {
	Next() (Stream, []byte, error)
}) (stdout, stderr string, err error) {
	var out [3]strings.Builder
	for {
		s, data, err := r.Next()
		if err == io.EOF {
			return out[Stdout].String(), out[Stderr].String(), nil
		}
		if err != nil {
			return out[Stdout].String(), out[Stderr].String(), err
		}
		if len(data) == 0 {
			return "", "", errors.New("Next returned no bytes and no error")
		}
		out[s].Write(data)
	}
}

// line is a source that brings a part at each Wait.
type line struct {
	parts []string
	now   string
	held  func() bool // whether memory is held
	t     *testing.T
}

func (l *line) TryRead(p []byte) (int, error) {
	if l.now == "" && len(l.parts) > 0 {
		return 0, nil
	}
	return l.Read(p)
}

func (l *line) Wait() error {
	if l.held() {
		l.t.Error("memory is held while nothing comes")
	}
	l.next()
	return nil
}

func (l *line) next() {
	if l.now == "" && len(l.parts) > 0 {
		l.now, l.parts = l.parts[0], l.parts[1:]
	}
}

func (l *line) Read(p []byte) (int, error) {
	l.next() // where a part ends in a header
	if l.now == "" {
		return 0, io.EOF
	}
	n := copy(p, l.now)
	l.now = l.now[n:]
	return n, nil
}

// A stream that is silent holds no memory, whether it is asked if something has come or not.
func TestLine(t *testing.T) {
	all := frame(1, "hello\n") + frame(2, "warning\n") + frame(1, strings.Repeat("x", 100_000)) + frame(1, "bye")
	for _, size := range []int{1, 3, 8, 9, 14, 1000, 70_000, len(all)} {
		for _, asked := range []int{0, 1, 3} {
			l := &line{t: t, held: func() bool { return false }}
			for rest := all; rest != ""; rest = rest[min(size, len(rest)):] {
				l.parts = append(l.parts, rest[:min(size, len(rest))])
			}
			r := NewReader(l)
			l.held = func() bool { return r.buf != nil }
			stdout, stderr, err := collect(asking{r, asked})
			if stdout != "hello\n"+strings.Repeat("x", 100_000)+"bye" || stderr != "warning\n" || err != nil {
				t.Errorf("in parts of %d: got %d bytes, %q, %v", size, len(stdout), stderr, err)
			}
			if r.buf != nil || !r.Ready() {
				t.Errorf("in parts of %d: memory is held after the end, or the end is not ready", size)
			}
		}
	}
}

// asking is a reader that is asked so often, before each Next, whether something has come.
type asking struct {
	*Reader
	often int
}

func (a asking) Next() (Stream, []byte, error) {
	for range a.often {
		a.Ready()
	}
	return a.Reader.Next()
}

func TestNext(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 10_000) // five buffers
	for _, tt := range []struct {
		title, in, stdout, stderr, err string
	}{
		{"nothing at all", "", "", "", ""},
		{"one frame", frame(1, "hello\n"), "hello\n", "", ""},
		{"both streams", frame(1, "out") + frame(2, "err") + frame(1, "put"), "output", "err", ""},
		{"type 0 is standard output", frame(0, "a") + frame(1, "b"), "ab", "", ""},
		{"empty frames are nothing", frame(1, "") + frame(2, "") + frame(1, "x"), "x", "", ""},
		{"a frame larger than the buffer", frame(2, big) + frame(1, "end"), "end", big, ""},
		{"a payload that looks like a header", frame(1, frame(2, "x")), frame(2, "x"), "", ""},
		{"cut in the header", frame(1, "a") + "\x01\x00\x00", "a", "", "unexpected EOF"},
		{"cut behind the header", frame(1, "a") + frame(1, "bc")[:8], "a", "", "unexpected EOF"},
		{"cut in the payload", frame(2, "abc")[:10], "", "ab", "unexpected EOF"},
		{"an error of the Engine", frame(1, "a") + frame(3, "log driver\x1b[2J gone"), "a", "", `stdcopy: the Engine ended the stream: "log driver\x1b[2J gone"`},
		{"an endless error of the Engine is cut", frame(3, big), "", "", `stdcopy: the Engine ended the stream: "` + big[:200] + `"`},
		{"an error of the Engine, cut", frame(3, "log driver")[:12], "", "", "unexpected EOF"},
		{"unknown type", frame(1, "a") + frame(4, "b"), "a", "", "stdcopy: frame header 04 00 00 00 00 00 00 01: the framing is lost"},
		{"text instead of frames", "HTTP/1.1 200 OK\r\n", "", "", "stdcopy: frame header 48 54 54 50 2f 31 2e 31: the framing is lost"},
		{"padding that is not zero", "\x01\x00\x01\x00\x00\x00\x00\x01x", "", "", "stdcopy: frame header 01 00 01 00 00 00 00 01: the framing is lost"},
		{"4 GiB announced, 3 bytes sent", "\x01\x00\x00\x00\xff\xff\xff\xffabc", "abc", "", "unexpected EOF"},
		{"4 GiB of error announced", "\x03\x00\x00\x00\xff\xff\xff\xffabc", "", "", "unexpected EOF"},
	} {
		for _, source := range []struct {
			name string
			wrap func(io.Reader) io.Reader
		}{
			{"whole", func(r io.Reader) io.Reader { return r }},
			{"byte by byte", iotest.OneByteReader},
			{"halves", iotest.HalfReader},
			{"data with the error", iotest.DataErrReader},
		} {
			t.Run(tt.title+"/"+source.name, func(t *testing.T) {
				stdout, stderr, err := collect(NewReader(source.wrap(strings.NewReader(tt.in))))
				if text := errText(err); stdout != tt.stdout || stderr != tt.stderr || text != tt.err {
					t.Errorf("got  %.60q, %.60q, %q\nwant %.60q, %.60q, %q", stdout, stderr, text, tt.stdout, tt.stderr, tt.err)
				}
			})
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestEveryCut cuts a stream behind each of its bytes: what came before is given out, and only a cut between two frames
// is an end.
func TestEveryCut(t *testing.T) {
	frames := []string{frame(1, "abc"), frame(2, "defgh"), frame(1, ""), frame(1, "i")}
	whole := strings.Join(frames, "")
	ends := map[int]bool{0: true}
	for i := range frames {
		ends[len(strings.Join(frames[:i+1], ""))] = true
	}
	for n := range len(whole) + 1 {
		stdout, stderr, err := collect(NewReader(strings.NewReader(whole[:n])))
		if clean := err == nil; clean != ends[n] || (!clean && err != io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: error %v, want a clean end: %v", n, err, ends[n])
		}
		if !strings.HasPrefix("abci", stdout) || !strings.HasPrefix("defgh", stderr) {
			t.Errorf("cut at %d: got %q and %q", n, stdout, stderr)
		}
	}
}

func TestRaw(t *testing.T) {
	in := frame(1, "not a frame here\r\n") + strings.Repeat("x", 2*longLen)
	stdout, stderr, err := collect(NewRawReader(iotest.HalfReader(strings.NewReader(in))))
	if stdout != in || stderr != "" || err != nil {
		t.Errorf("got %d bytes, %q, %v; want the %d bytes as they came", len(stdout), stderr, err, len(in))
	}
}

func TestSourceError(t *testing.T) {
	broken := errors.New("connection reset")
	_, _, err := collect(NewReader(io.MultiReader(strings.NewReader(frame(1, "a")), iotest.ErrReader(broken))))
	if err != broken {
		t.Errorf("got %v, want the source's own error", err)
	}
}

// FuzzReader holds two things: whatever comes in, no more comes out than went in, in bounded memory; and what an encoder
// made comes out as it was, at every size of read.
func FuzzReader(f *testing.F) {
	f.Add([]byte(frame(1, "hello")+frame(2, "world")), uint64(1))
	f.Add([]byte(frame(3, "gone")), uint64(2))
	f.Add([]byte("\x01\x00\x00\x00\xff\xff\xff\xff"), uint64(3))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		stdout, stderr, _ := collect(NewReader(bytes.NewReader(in)))
		if len(stdout)+len(stderr) > len(in) {
			t.Fatalf("%d bytes out of %d", len(stdout)+len(stderr), len(in))
		}
		roundTrip(t, in, rand.New(rand.NewPCG(seed, 0)))
	})
}

func roundTrip(t *testing.T, payload []byte, rnd *rand.Rand) {
	var wire, stdout, stderr strings.Builder
	for rest := string(payload); rest != ""; {
		n := 1 + rnd.IntN(len(rest))
		typ := 1 + rnd.IntN(2)
		wire.WriteString(frame(byte(typ), rest[:n]))
		[]*strings.Builder{1: &stdout, 2: &stderr}[typ].WriteString(rest[:n])
		rest = rest[n:]
	}
	gotOut, gotErr, err := collect(NewReader(&shortReader{strings.NewReader(wire.String()), rnd}))
	if gotOut != stdout.String() || gotErr != stderr.String() || err != nil {
		t.Fatalf("got %q, %q, %v; want %q, %q", gotOut, gotErr, err, stdout.String(), stderr.String())
	}
}

// shortReader reads pieces of random size.
type shortReader struct {
	r   io.Reader
	rnd *rand.Rand
}

func (s *shortReader) Read(p []byte) (int, error) { return s.r.Read(p[:1+s.rnd.IntN(len(p))]) }

func BenchmarkNext(b *testing.B) {
	for _, size := range []int{64, 4 << 10, 32 << 10} {
		b.Run(fmt.Sprintf("frames of %d", size), func(b *testing.B) {
			in := strings.Repeat(frame(1, strings.Repeat("x", size)), 1<<20/size)
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := drain(NewReader(strings.NewReader(in))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func drain(r *Reader) (frames, n int, err error) {
	for {
		_, data, err := r.Next()
		if err == io.EOF {
			return frames, n, nil
		}
		if err != nil {
			return frames, n, err
		}
		frames++
		n += len(data)
	}
}

func ExampleReader() {
	stream := "\x01\x00\x00\x00\x00\x00\x00\x06hello\n" + "\x02\x00\x00\x00\x00\x00\x00\x05oops\n"
	r := NewReader(strings.NewReader(stream))
	for {
		s, data, err := r.Next()
		if err == io.EOF {
			return
		}
		fmt.Printf("%s: %s", s, data)
	}
	// Output:
	// stdout: hello
	// stderr: oops
}

// flood fills whatever it is read into, and remembers how long that was.
type flood struct{ lengths []int }

func (f *flood) Read(p []byte) (int, error) {
	f.lengths = append(f.lengths, len(p))
	return len(p), nil
}

// A stream that fills what it is read into gets more room, as long as few do.
func TestLongReads(t *testing.T) {
	read := func() (*Reader, []int) {
		f := &flood{}
		r := NewRawReader(f)
		for range 3 {
			if _, _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		return r, f.lengths
	}
	for range 2 {
		var all []*Reader
		for range buffer.Few {
			r, lengths := read()
			if want := []int{shortLen, longLen, longLen}; !slices.Equal(lengths, want) {
				t.Errorf("read by %v bytes, want %v", lengths, want)
			}
			all = append(all, r)
		}
		r, lengths := read()
		if want := []int{shortLen, shortLen, shortLen}; !slices.Equal(lengths, want) {
			t.Errorf("beside %d others read by %v bytes, want %v", buffer.Few, lengths, want)
		}
		for _, r := range append(all, r) {
			r.Done()
		}
		if n := buffers.Lent(); n != 0 {
			t.Errorf("%d long buffers are in use", n)
		}
	}
}

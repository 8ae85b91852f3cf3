package cmds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// printed is what print writes to standard output, in one of the formats.
func printed(t *testing.T, as string, print func(*Printer)) string {
	t.Helper()
	var out bytes.Buffer
	p := NewPrinter(&out, as)
	print(p)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func exited(code int) *int { return &code }

const testID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestResultText(t *testing.T) {
	for _, tt := range []struct {
		result Result
		want   string
	}{
		{Result{Name: "hello_world", ID: testID, Status: StatusExited, ExitCode: exited(0), Seconds: 0.4149}, "hello_world          = exited 0 in 0.41s"},
		{Result{MessageID: "m-1", ID: testID, Status: StatusExited, ExitCode: exited(137), Seconds: 3600}, "0123456789ab         = exited 137 in 3600.00s"},
		{Result{Name: "x", Status: StatusExited, ExitCode: exited(143), Signal: "SIGTERM", Seconds: 1}, "x                    = exited 143 (SIGTERM) in 1.00s"},
		{Result{Name: "x", Status: StatusExited, ExitCode: exited(137), Signal: "SIGKILL", OOMKilled: true, Seconds: 1.2}, "x                    = exited 137 (SIGKILL, out of memory) in 1.20s"},
		{Result{Name: "x", Status: StatusExited, ExitCode: exited(1), OOMKilled: true, Seconds: 1}, "x                    = exited 1 (out of memory) in 1.00s"},
		{Result{Name: "hello_world", ID: testID, Status: StatusStarted}, "hello_world          = started 0123456789ab"},
		{Result{Name: "hello_world", Status: StatusStopped}, "hello_world          = stopped"},
		{Result{Name: "hello_world", Status: StatusRemoved}, "hello_world          = removed"},
		{Result{Name: "nope", Status: StatusFailed, Error: "no such container: nope"}, "nope                 = error: no such container: nope"},
		{Result{Name: "a", Status: StatusFailed, ExitCode: exited(127), Error: "not found"}, "a                    = error: not found"},
		{Result{Name: "a", Status: StatusInterrupted, Error: "it went away"}, "a                    = interrupted: it went away"},
		{Result{Name: "a", Status: StatusExited, ExitCode: exited(1), OutputLost: "no log"}, "a                    = exited 1 in 0.00s (output lost: no log)"},
		{Result{MessageID: "m-1", Status: StatusInvalid, Error: "Image: run needs it"}, "m-1                  = error: Image: run needs it"},
		{Result{Status: StatusInvalid, Error: "x"}, "-                    = error: x"},
		{Result{Name: strings.Repeat("n", 30), Status: StatusStopped}, strings.Repeat("n", 30) + " = stopped"},
		// whatever strangers write stays on their line and in their column
		{Result{Name: "a", Status: StatusFailed, Error: "x\na = exited 0 in 0.00s\x1b[2K\r\u202e\u2028"}, `a                    = error: x\na = exited 0 in 0.00s\x1b[2K\r\u202e\u2028`},
		{Result{MessageID: "a = removed\nb", Status: StatusInvalid, Error: "x"}, `"a = removed\nb"     = error: x`},
		{Result{MessageID: "a|b", Status: StatusInvalid, Error: "x"}, `"a|b"                = error: x`},
		{Result{MessageID: "ä\xff\x9b", Status: StatusInvalid, Error: "\xff"}, `"\u00e4\xff\x9b"     = error: \xff`},
		{Result{MessageID: strings.Repeat("i", 255), Status: StatusStopped}, `"` + strings.Repeat("i", 80) + `\u2026" = stopped`},
	} {
		got := printed(t, "text", func(p *Printer) { p.Result(t.Context(), &tt.result) })
		if got != tt.want+"\n" {
			t.Errorf("%+v\ngot  %q\nwant %q", tt.result, got, tt.want+"\n")
		}
	}
}

// timeless takes the times out of JSON lines, and fails when there is a line without one.
func timeless(t *testing.T, lines string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(lines) {
		const head = `{"Time":"`
		rest, found := strings.CutPrefix(line, head)
		stamp, rest, ends := strings.Cut(rest, `"`)
		when, err := time.Parse(time.RFC3339Nano, stamp)
		if !found || !ends || err != nil || when.Location() != time.UTC || !json.Valid([]byte(line)) {
			t.Fatalf("%q: not a line with a time in UTC", line)
		}
		b.WriteString(head + `T"` + rest)
	}
	return b.String()
}

func TestResultJSON(t *testing.T) {
	for _, tt := range []struct {
		result Result
		want   string
	}{
		{Result{MessageID: "m-1", Dockercmd: "run", ID: testID, Name: "hello_world", Status: StatusExited, ExitCode: exited(0), Seconds: 0.5, record: new(running)},
			`{"Time":"T","Event":"result","MessageId":"m-1","Dockercmd":"run","Id":"` + testID + `","Name":"hello_world","Status":"exited","ExitCode":0,"Seconds":0.5}`},
		{Result{Status: StatusInvalid, Error: "a\n\"\u202e"},
			`{"Time":"T","Event":"result","MessageId":"","Dockercmd":"","Id":"","Name":"","Status":"invalid","Error":"a\n\"` + "\u202e" + `","Seconds":0}`},
		{Result{MessageID: "\xff\"}\n{", Dockercmd: "run", Name: "a", Status: StatusFailed, ExitCode: exited(125), Error: "no", OutputLost: "gone"},
			`{"Time":"T","Event":"result","MessageId":"\ufffd\"}\n{","Dockercmd":"run","Id":"","Name":"a","Status":"failed","ExitCode":125,"Error":"no","OutputLost":"gone","Seconds":0}`},
	} {
		got := timeless(t, printed(t, "json", func(p *Printer) { p.Result(t.Context(), &tt.result) }))
		if got != tt.want+"\n" {
			t.Errorf("%+v\ngot  %s\nwant %s", tt.result, got, tt.want)
		}
	}
}

func TestAppendVisible(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"plain \t~", "plain \t~"},
		{"grün 日本 👍", "grün 日本 👍"},
		{"\a\b\x1b[2J\x7f", `\a\b\x1b[2J\x7f`},
		{"a\nb\rc\v\f\x00", `a\nb\rc\v\f\x00`},
		{"\u0085\u009b31m", `\u0085\u009b31m`},
		{"a\xc3", `a\xc3`},
		{"\xff\xfe\xed\xa0\x80b", `\xff\xfe\xed\xa0\x80b`},
		{"\u200e\u200f\u061c\u202a\u202e\u2066\u2069", `\u200e\u200f\u061c\u202a\u202e\u2066\u2069`},
		{"\u2028\u2029", `\u2028\u2029`},
		{"\ufffd", "\ufffd"},
	} {
		if got := string(appendVisible([]byte("> "), []byte(tt.in))); got != "> "+tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, "> "+tt.want)
		}
	}
}

func FuzzAppendVisible(f *testing.F) {
	f.Add([]byte("a\x1b[31mb\xff\u202e\n\tc"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got := string(appendVisible(nil, in))
		if bad := strings.IndexFunc(got, func(r rune) bool { return r != '\t' && deceptive(r) }); bad >= 0 || strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q is shown as %q", in, got)
		}
	})
}

// blockedWriter is a standard output that nobody reads.
type blockedWriter struct{ unblock chan struct{} }

func (w blockedWriter) Write(p []byte) (int, error) {
	<-w.unblock
	return len(p), nil
}

func TestPrintWhileNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := blockedWriter{make(chan struct{})}
		p := NewPrinter(w, "text")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := p.print(ctx, []byte("under way\n")); err != context.DeadlineExceeded || time.Since(start) != time.Hour {
			t.Errorf("the write under way: %v after %v", err, time.Since(start))
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start = time.Now()
		if err := p.print(ctx, []byte("waiting\n")); err != context.DeadlineExceeded || time.Since(start) != time.Minute {
			t.Errorf("a write behind it: %v after %v", err, time.Since(start))
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		const want = "cmds: standard output takes nothing: context deadline exceeded"
		if err := p.Close(ctx); err == nil || err.Error() != want {
			t.Errorf("Close: %v, want %s", err, want)
		}
		if err := p.print(t.Context(), []byte("late\n")); err != ErrPrinterClosed {
			t.Errorf("after Close: %v", err)
		}
		close(w.unblock)
		synctest.Wait()
	})
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestPrintFails(t *testing.T) {
	p := NewPrinter(failingWriter{}, "json")
	err := p.Result(t.Context(), &Result{Status: StatusStopped})
	var output *OutputError
	const want = "cmds: writing standard output: io: read/write on closed pipe"
	if !errors.As(err, &output) || !errors.Is(err, io.ErrClosedPipe) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Result(t.Context(), &Result{Status: StatusStopped}); err != ErrPrinterClosed {
		t.Errorf("after Close: %v", err)
	}
}

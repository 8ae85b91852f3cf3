package logfmt

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// values are of all kinds that are logged, and what could make a line look like another.
var values = []any{
	"", "plain", "two words", "a=b", `a"b`, `back\slash`, "line\nfeed", "tab\t", "\x00", "\x1b[2J", "\x7f", "\u0085", "\u200b", "\u202e", "ä", "日本", "\xff", "\ufffd",
	0, -1, int64(1) << 40, 1.5, true, nil, time.Duration(0), 90 * time.Second, errors.New("it broke"), fmt.Errorf("a %w", errors.New("b=c")),
	[]string{"a", "b c"}, map[string]int{"a": 1}, slog.LevelWarn, struct{ A int }{1}, &struct{ A int }{1},
}

var timed = regexp.MustCompile(`^time=(\S+) `)

// TestLinesAreThoseOfSlog has log/slog write the same.
func TestLinesAreThoseOfSlog(t *testing.T) {
	for _, v := range values {
		for _, pairs := range [][]any{{"key", v}, {"a", 1, fmt.Sprint(v), v}, {v}, {"a", 1, v}, {"first", v, "second"}, {7, "a", v}} {
			var ours, theirs bytes.Buffer
			New(&ours, Info).With("queue", v).Warn(fmt.Sprint(v), pairs...)
			slog.New(slog.NewTextHandler(&theirs, nil)).With("queue", v).Warn(fmt.Sprint(v), pairs...)
			got, want := timed.ReplaceAllString(ours.String(), ""), timed.ReplaceAllString(theirs.String(), "")
			if got != want {
				t.Errorf("%#v:\n got %swant %s", pairs, got, want)
			}
		}
	}
}

func TestTimeIsThatOfTheLine(t *testing.T) {
	var b bytes.Buffer
	before := time.Now().Truncate(time.Millisecond)
	New(&b, Debug).Error("now")
	at, err := time.Parse(timeFormat, timed.FindStringSubmatch(b.String())[1])
	if err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("%q: %v, %v", b.String(), at, err)
	}
}

func TestLevels(t *testing.T) {
	for _, least := range []Level{Debug, Info, Warn, Error} {
		var b bytes.Buffer
		l := New(&b, least)
		l.Debug("x")
		l.Info("x")
		l.Warn("x")
		l.Error("x")
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 4-int(least) || !strings.Contains(lines[0], " level="+least.String()+" ") {
			t.Errorf("from %s on:\n%s", least, b.String())
		}
	}
}

func TestNilWritesNothing(t *testing.T) {
	var l *Logger
	l.With("a", 1).Error("nobody", "b", 2)
}

// TestLinesAreWhole has each be one Write, of one goroutine at a time.
func TestLinesAreWhole(t *testing.T) {
	var b bytes.Buffer
	l := New(&b, Info).With("a", 1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { l.With("b", 2).Info("x", "c", 3) })
	}
	all.Wait()
	if n := strings.Count(b.String(), " level=INFO msg=x a=1 b=2 c=3\n"); n != 8 {
		t.Errorf("%d of 8 lines:\n%s", n, b.String())
	}
}

// Package logfmt writes a log of lines with key=value pairs: the bytes are those of log/slog's TextHandler, without the hundred
// kilobytes of program that come with it. It has no groups, no other formats and no times of the caller's.
package logfmt

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Level is how much a line matters.
type Level uint8

const (
	Debug Level = iota
	Info
	Warn
	Error
)

func (l Level) String() string { return [...]string{"DEBUG", "INFO", "WARN", "ERROR"}[l] }

// Logger writes lines. Nil writes none. Pairs are keys, which are strings, each with its value behind it.
type Logger struct {
	out   *output
	least Level
	pairs []any
}

// output is where lines go, one after another.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// New makes a logger of lines of at least one level, each of which is one Write.
func New(w io.Writer, least Level) *Logger { return &Logger{out: &output{w: w}, least: least} }

// With is a logger of the same lines, each of which has some pairs more.
func (l *Logger) With(pairs ...any) *Logger {
	if l == nil {
		return nil
	}
	return &Logger{l.out, l.least, append(l.pairs[:len(l.pairs):len(l.pairs)], pairs...)}
}

func (l *Logger) Debug(msg string, pairs ...any) { l.Log(Debug, msg, pairs...) }
func (l *Logger) Info(msg string, pairs ...any)  { l.Log(Info, msg, pairs...) }
func (l *Logger) Warn(msg string, pairs ...any)  { l.Log(Warn, msg, pairs...) }
func (l *Logger) Error(msg string, pairs ...any) { l.Log(Error, msg, pairs...) }

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// Writes says whether lines of a level are written.
func (l *Logger) Writes(level Level) bool { return l != nil && level >= l.least }

// Log writes a line. That it could not be written is not told: there is nowhere left to say so.
func (l *Logger) Log(level Level, msg string, pairs ...any) {
	if !l.Writes(level) {
		return
	}
	line := time.Now().AppendFormat([]byte("time="), timeFormat)
	line = append(line, " level="+level.String()+" msg="...)
	line = appendValue(line, msg)
	line = appendPairs(line, l.pairs)
	line = appendPairs(line, pairs)
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	l.out.w.Write(append(line, '\n'))
}

// appendPairs takes what should be a key and is none for a value.
func appendPairs(line []byte, pairs []any) []byte {
	for len(pairs) > 0 {
		key, is := pairs[0].(string)
		if !is || len(pairs) == 1 {
			key, pairs = "!BADKEY", append([]any{nil}, pairs...)
		}
		line = appendValue(append(line, ' '), key)
		line = appendValue(append(line, '='), fmt.Sprintf("%+v", pairs[1]))
		pairs = pairs[2:]
	}
	return line
}

func appendValue(line []byte, s string) []byte {
	if isPlain(s) {
		return append(line, s...)
	}
	return strconv.AppendQuote(line, s)
}

// isPlain says whether a value needs no quotes to be told from what is around it.
func isPlain(s string) bool {
	for _, r := range s {
		if r == '"' || r == '=' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) && r != '\x7f' {
			return false
		}
	}
	return s != ""
}

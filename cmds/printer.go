package cmds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// ErrPrinterClosed is what printing returns after Close.
var ErrPrinterClosed = errors.New("cmds: the printer is closed")

// Printer writes the outputs of containers and the results of messages to one writer, whole lines at a time. One goroutine
// writes, so that a writer that blocks holds up whoever prints, as a slow pipe does, but nobody beyond the end of his
// context. Nothing is buffered.
type Printer struct {
	format   format
	requests chan request
	closed   chan struct{}
	done     chan struct{}
}

type request struct {
	text []byte
	err  chan<- error // takes one, without blocking
}

// format is how the two kinds of line look: see text.go and json.go.
type format interface {
	// output makes the start of all lines of a stream, which append is then given.
	output(s *Streams, stream string) (prefix string)
	// append adds one line, or the piece of one, to dst. stamp is the time, in RFC 3339; offset is that of the line's first
	// byte in the stream.
	append(dst []byte, prefix string, stamp []byte, offset int64, line []byte, more bool) []byte
	// result makes the line of a result.
	result(r *Result) []byte
}

// NewPrinter prints to w, as "json" or else as text. Close it.
func NewPrinter(w io.Writer, as string) *Printer {
	p := &Printer{format: textFormat{}, requests: make(chan request), closed: make(chan struct{}), done: make(chan struct{})}
	if as == "json" {
		p.format = jsonFormat{}
	}
	go p.write(w)
	return p
}

func (p *Printer) write(w io.Writer) {
	defer close(p.done)
	for {
		select {
		case r := <-p.requests:
			_, err := w.Write(r.text)
			r.err <- err
		case <-p.closed:
			return
		}
	}
}

// Close ends the printer; it waits for a write that is under way, until ctx is done.
func (p *Printer) Close(ctx context.Context) error {
	close(p.closed)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cmds: standard output takes nothing: %w", context.Cause(ctx))
	}
}

// print hands text to the writer and waits until it is written. When ctx ends the wait, text may still be written and
// must not be used again.
func (p *Printer) print(ctx context.Context, text []byte) error {
	written := make(chan error, 1)
	select {
	case p.requests <- request{text, written}:
	case <-p.closed:
		return ErrPrinterClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-written:
		if err != nil {
			return &OutputError{err}
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// OutputError says that standard output takes no more: nothing can be answered any longer.
type OutputError struct{ Err error }

func (e *OutputError) Error() string { return "cmds: writing standard output: " + e.Err.Error() }

func (e *OutputError) Unwrap() error { return e.Err }

// Result prints a result.
func (p *Printer) Result(ctx context.Context, r *Result) error {
	return p.print(ctx, p.format.result(r))
}

// textFormat is what people read:
//
//	hello_world          | hello world!
//	hello_world          = exited 0 in 0.41s
//
// A container cannot write a line of the second kind: what begins its lines is ours, and every character that could move
// the cursor or turn the text around is shown as an escape.
type textFormat struct{}

func (textFormat) output(s *Streams, _ string) string {
	return column(s.name, s.id, s.messageID) + " | "
}

func (textFormat) append(dst []byte, prefix string, _ []byte, _ int64, line []byte, _ bool) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' { // of a terminal's line end
		line = line[:n-1]
	}
	dst = append(dst, prefix...)
	dst = appendVisible(dst, line)
	return append(dst, '\n')
}

func (textFormat) result(r *Result) []byte {
	b := []byte(column(r.Name, r.ID, r.MessageID) + " = ")
	b = appendVisible(b, []byte(r.text()))
	return append(b, '\n')
}

const shortID = 12 // of a container's 64 hex digits, as docker prints it

// column is the first column of a line: the name, else the short id, else the message's id, quoted where it could be
// mistaken for more than an id.
func column(name, id, messageID string) string {
	switch {
	case name != "":
	case id != "":
		name = id[:min(len(id), shortID)]
	case messageID == "":
		name = "-"
	case len(messageID) <= valueLen && only(messageID, "_.:@/+-"):
		name = messageID
	default:
		name = strconv.QuoteToASCII(shorten([]byte(messageID)))
	}
	return fmt.Sprintf("%-20s", name)
}

// appendVisible adds text with every control and direction character, and every byte that is not UTF-8, as an escape in
// Go's notation. Tabs stay.
func appendVisible(dst, text []byte) []byte {
	if printable(text) {
		return append(dst, text...)
	}
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, text[start:i]...)
			dst = fmt.Appendf(dst, `\x%02x`, c)
			start = i + 1
		} else if deceptive(r) {
			dst = append(dst, text[start:i]...)
			quoted := strconv.QuoteRuneToASCII(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}

// printable says whether text is visible ASCII, blanks and tabs, as most lines are.
func printable(text []byte) bool {
	for _, c := range text {
		if c-' ' > '~'-' ' && c != '\t' {
			return false
		}
	}
	return true
}

func deceptive(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

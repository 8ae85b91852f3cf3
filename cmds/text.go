package cmds

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"docker-dispatch/wire/buffer"
)

// textFormat is what people read:
//
//	hello_world          | hello world!
//	hello_world          = exited 0 in 0.41s
//	hello_world          ~ found again; its output from the beginning
//
// A container cannot write a line of the other kinds: what begins its lines is ours, and every character that could move
// the cursor or turn the text around is shown as an escape.
type textFormat struct{}

func (textFormat) output(s *Streams, _ string) string {
	return column(s.name, s.id, s.messageID) + " | "
}

func (textFormat) again(dst []byte, s *Streams) []byte {
	return append(dst, column(s.name, s.id, s.messageID)+" ~ found again; its output from the beginning\n"...)
}

func (textFormat) append(b *buffer.Buffer, prefix string, _ []byte, _ int64, lines []byte, _ bool) (taken int) {
	dst := b.Bytes
	for taken < len(lines) && len(dst) < b.Limit {
		dst = append(dst, prefix...)
		line := lines[taken:]
		if n := visible(line); n < len(line) && line[n] == '\n' {
			dst = append(dst, line[:n+1]...)
			taken += n + 1
			continue
		}
		line = firstLine(line)
		dst = append(appendVisible(dst, withoutEnd(line)), '\n')
		taken += len(line)
	}
	b.Bytes = dst
	return taken
}

// firstLine is text to its first newline.
func firstLine(text []byte) []byte {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return text[:n+1]
	}
	return text
}

// withoutEnd is a line without its newline, and the carriage return before that, which a terminal has there.
func withoutEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

func (textFormat) result(r *Result) []byte {
	b := []byte(column(r.Name, r.ID, r.MessageID) + " = ")
	b = appendVisible(b, []byte(r.text()))
	if r.Data != nil {
		b = append(slices.Grow(b, len(r.Data)+2), ' ')
		b = appendVisible(b, bytes.TrimSpace(r.Data))
	}
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
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			start = i + 1
		} else if deceptive(r) {
			dst = append(dst, text[start:i]...)
			n := len(dst)
			dst = strconv.AppendQuoteRuneToASCII(dst, r)
			dst = append(dst[:n], dst[n+1:len(dst)-1]...) // without its quotes
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}

// printable says whether text is visible ASCII, blanks and tabs.
func printable(text []byte) bool {
	for {
		n := visible(text)
		if n == len(text) || text[n] != '\t' {
			return n == len(text)
		}
		text = text[n+1:]
	}
}

func deceptive(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

package cmds

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"docker-dispatch/wire/buffer"
)

// jsonFormat is what programs read: one object a line, {"Event":"output"} and {"Event":"result"}. The fields of an output
// are in the order of append, those of a result are Result's.
type jsonFormat struct{}

func (jsonFormat) output(s *Streams, stream string) string {
	b := []byte(`,"Event":"output","MessageId":`)
	b = appendString(b, []byte(s.messageID))
	b = append(b, `,"Id":`...)
	b = appendString(b, []byte(s.id))
	b = append(b, `,"Name":`...)
	b = appendString(b, []byte(s.name))
	b = append(b, `,"Stream":"`...)
	b = append(b, stream...)
	b = append(b, '"')
	if s.replayed {
		b = append(b, `,"Replayed":true`...)
	}
	return string(append(b, `,"Offset":`...))
}

// again adds nothing: every output says it by Replayed.
func (jsonFormat) again(dst []byte, _ *Streams) []byte { return dst }

func (jsonFormat) append(b *buffer.Buffer, prefix string, stamp []byte, offset int64, lines []byte, more bool) (taken int) {
	dst := b.Bytes
	start := len(dst)
	dst = append(dst, `{"Time":"`...)
	dst = append(dst, stamp...)
	dst = append(dst, '"')
	dst = append(dst, prefix...)
	number := len(dst) - start
	dst = strconv.AppendInt(dst, offset, 10)
	digits := len(dst) - start - number
	dst = append(dst, `,"Data":`...)
	head := len(dst) - start
	for {
		n := 0
		dst, n = appendLine(dst, lines[taken:])
		taken += n
		if more {
			dst = append(dst, `,"More":true`...)
		}
		dst = append(dst, "}\n"...)
		b.Bytes = dst
		if taken == len(lines) || len(dst) >= b.Limit {
			return taken
		}
		next := len(dst)
		dst = append(dst, dst[start:start+head]...)
		if !add(dst[next+number:next+number+digits], n) {
			return taken
		}
		start = next
	}
}

// add adds n to a number in decimal digits, and says whether these are enough; if not, they are worth nothing.
func add(digits []byte, n int) bool {
	for i := len(digits) - 1; n > 0; i-- {
		if i < 0 {
			return false
		}
		sum := uint(digits[i]-'0') + uint(n)
		digits[i], n = byte('0'+sum%10), int(sum/10)
	}
	return true
}

// appendLine adds the first of lines, and returns how long that is.
func appendLine(dst, lines []byte) (out []byte, taken int) {
	if n := plain(lines); n < len(lines) && lines[n] == '\n' {
		dst = append(dst, '"')
		dst = append(dst, lines[:n]...)
		return append(dst, `\n"`...), n + 1
	}
	line := firstLine(lines)
	if utf8.Valid(line) {
		return appendString(dst, line), len(line)
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, line)
	return append(dst, `","Encoding":"base64"`...), len(line)
}

func (jsonFormat) result(r *Result) []byte {
	small := *r
	small.Data, small.Tar = nil, nil
	line, err := json.Marshal(struct {
		Time  time.Time
		Event string
		*Result
	}{time.Now().UTC(), "result", &small})
	if err != nil {
		panic(err) // strings and numbers: always representable
	}
	return append(appendLarge(line[:len(line)-1], r), "}\n"...)
}

// appendLarge adds what may have megabytes, with room for it made once.
func appendLarge(dst []byte, r *Result) []byte {
	dst = slices.Grow(dst, len(r.Data)+base64.StdEncoding.EncodedLen(len(r.Tar))+64)
	if r.Data != nil {
		b := bytes.NewBuffer(append(dst, `,"Data":`...))
		if err := json.Compact(b, r.Data); err != nil {
			panic(err) // the Engine's answer, which was found to be JSON
		}
		dst = b.Bytes()
	}
	if r.Tar != nil {
		dst = append(dst, `,"TarBase64":"`...)
		dst = append(base64.StdEncoding.AppendEncode(dst, r.Tar), '"')
	}
	return dst
}

// appendString adds s, which is UTF-8, as a JSON string. encoding/json knows what control characters and line separators become.
func appendString(dst, s []byte) []byte {
	start := len(dst)
	dst = append(dst, '"')
	for rest := s; ; rest = rest[1:] {
		n := plain(rest)
		dst = append(dst, rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			return append(dst, '"')
		}
		switch c := rest[0]; {
		case c == '"', c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c >= utf8.RuneSelf && c != "\u2028"[0]:
			dst = append(dst, c)
		default:
			quoted, err := json.Marshal(string(s))
			if err != nil {
				panic(err) // a string: always representable
			}
			return append(dst[:start], quoted...)
		}
	}
}

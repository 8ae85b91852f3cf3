package cmds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"docker-dispatch/wire"
)

// valueLen is as much of a message's own text as an error repeats.
const valueLen = 80

// Invalid is a message that cannot be done, and why: the key, the value as it was written, and what is wrong with it and
// right instead.
type Invalid struct {
	Key     string // such as Options.Time; "" is the message as a whole
	Value   string // JSON, cut to 80 bytes; "" where the key alone is wrong
	Problem string
}

// Error has no secrets of the message.
func (e *Invalid) Error() string {
	key, value := redacted(e.Key, e.Value)
	s := e.Problem
	if value != "" {
		s = value + ": " + s
	}
	if key != "" {
		s = key + ": " + s
	}
	return s
}

// Message is a delivery that is one JSON object, taken apart as far as that needs no knowledge of commands.
type Message struct {
	identity
	Dockercmd string
	Arguments []Member // the top level but Dockercmd and Options, in the order of the message
	Options   []Member
}

// Member is one key of a JSON object and its value, which is valid JSON.
type Member struct {
	Key   string
	Value json.RawMessage
}

// Decode reads the body of a delivery, which may have maxBody bytes. Every error is an *Invalid.
func Decode(d wire.Delivery, maxBody int) (Message, error) {
	m := Message{identity: identify(d)}
	if len(d.Body) > maxBody {
		return m, &Invalid{Problem: fmt.Sprintf("the message has %d bytes; -max-body allows %d", len(d.Body), maxBody)}
	}
	if err := checkJSON(d.Body); err != nil {
		return m, err
	}
	members, err := object("", d.Body)
	if err != nil {
		return m, err
	}
	for _, member := range members {
		switch member.Key {
		case "Dockercmd":
			m.Dockercmd, err = readText("Dockercmd", member.Value)
		case "Options":
			m.Options, err = object("Options", member.Value)
		default:
			m.Arguments = append(m.Arguments, member)
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

// checkJSON holds a message's body to be one JSON value in UTF-8.
func checkJSON(body []byte) error { return checkOneJSON(body, "the message") }

// checkOneJSON says in errors what the text is.
func checkOneJSON(body []byte, what string) error {
	if n := invalidUTF8(body); n >= 0 {
		return &Invalid{Problem: fmt.Sprintf("not UTF-8: %s: byte 0x%02x", position(body, n), body[n])}
	}
	if bytes.HasPrefix(body, []byte("\ufeff")) {
		return &Invalid{Problem: "not JSON: it begins with a byte order mark, which JSON does not allow"}
	}
	if json.Valid(body) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	var value json.RawMessage
	if err := d.Decode(&value); err == io.EOF {
		return &Invalid{Problem: "not JSON: " + what + " is empty"}
	} else if err != nil {
		return notJSON(body, err)
	}
	rest := body[d.InputOffset():]
	if blank := len(rest) - len(bytes.TrimLeft(rest, blanks)); blank < len(rest) {
		return &Invalid{Problem: position(body, len(body)-len(rest)+blank) + ": something follows the JSON object; " + strings.Replace(what, "the ", "one ", 1) + " is one object"}
	}
	return nil
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	n := 0
	for {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size <= 1 {
			return n
		}
		n += size
	}
}

// notJSON says where and why a body is not JSON, with the mend for what people write most: keys without quotes.
func notJSON(body []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		text := fmt.Sprintf("not JSON: %s: %s", position(body, int(syntax.Offset)-1), syntax.Error())
		text += hint(text)
		return &Invalid{Problem: text}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Invalid{Problem: fmt.Sprintf("not JSON: %s: it ends too early; a brace, bracket or quote is not closed", position(body, len(body)))}
	}
	return &Invalid{Problem: "not JSON: " + err.Error()}
}

// hints are the mends of what people get wrong most, by encoding/json's words.
var hints = []struct{ words, mend string }{
	{"'}' looking for beginning of object key", "a comma too many?"},
	{"']' looking for beginning of value", "a comma too many?"},
	{"beginning of object key", `keys need double quotes: {"Dockercmd": "run"}`},
	{"after object key:value pair", "a comma missing?"},
	{"after array element", "a comma missing?"},
	{"'\\'' looking for", "strings need double quotes"},
}

func hint(text string) string {
	for _, h := range hints {
		if strings.Contains(text, h.words) {
			return " (" + h.mend + ")"
		}
	}
	return ""
}

// position counts lines and columns from 1, columns in bytes.
func position(body []byte, offset int) string {
	before := body[:max(0, min(offset, len(body)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

// object takes a JSON object apart, whose text is valid. Key names it in errors.
func object(key string, raw json.RawMessage) ([]Member, error) {
	if raw = bytes.TrimLeft(raw, blanks); raw[0] != '{' {
		return nil, &Invalid{key, excerpt(raw), "not an object, {…}"}
	}
	all := elements(raw)
	members := make([]Member, 0, len(all)/2)
	seen := map[string]bool{}
	for i := 0; i < len(all); i += 2 {
		name := unquoted(all[i])
		if seen[name] {
			return nil, &Invalid{Key: join(key, name), Problem: "given twice"}
		}
		seen[name] = true
		members = append(members, Member{name, all[i+1]})
	}
	return members, nil
}

// join is the path of a key in errors; what a stranger wrote as a key is quoted when it is not a plain word.
func join(path, key string) string {
	if key == "" || len(key) > valueLen || !only(key, "") {
		key = shorten([]byte(fmt.Sprintf("%q", key)))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// excerpt is a JSON value for an error: short, on one line, and without characters that could make it look like two.
func excerpt(raw json.RawMessage) string {
	var line bytes.Buffer
	if json.Compact(&line, raw) == nil {
		raw = line.Bytes()
	}
	return string(appendVisible(nil, []byte(shorten(raw))))
}

// excerptText is excerpt of what a value stands for.
func excerptText(s string) string {
	return string(appendVisible(nil, fmt.Appendf(nil, "%q", shorten([]byte(s)))))
}

// shorten cuts text for an error, never inside a rune.
func shorten(raw []byte) string {
	if len(raw) <= valueLen {
		return string(raw)
	}
	n := valueLen
	for n > 0 && !utf8.RuneStart(raw[n]) {
		n--
	}
	return string(raw[:n]) + "…"
}

package dockerapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// usualBody is the length in bytes that few create bodies exceed.
const usualBody = 1 << 10

// appendJSON appends a value as json.Marshal writes it. What the body of a create has most is written here, for a third of the time.
func appendJSON(b []byte, value any) (_ []byte, err error) {
	switch v := value.(type) {
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case []string:
		if v == nil {
			break
		}
		b = append(b, '[')
		for i, text := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendText(b, text); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]string:
		if v == nil {
			break
		}
		return appendObject(b, v, appendText)
	case map[string]any:
		if v == nil {
			break
		}
		return appendObject(b, v, appendJSON)
	}
	text, err := json.Marshal(value)
	return append(b, text...), err
}

func appendObject[V any](b []byte, object map[string]V, appendValue func([]byte, V) ([]byte, error)) (_ []byte, err error) {
	keys := make([]string, 0, 16)
	for key := range object {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, key); err != nil {
			return nil, err
		}
		if b, err = appendValue(append(b, ':'), object[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendText leaves to json.Marshal what has more than visible ASCII, or what is escaped.
func appendText(b []byte, text string) ([]byte, error) {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			quoted, err := json.Marshal(text)
			return append(b, quoted...), err
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"'), nil
}

// decode is json.Unmarshal, but for what an Engine answers to a create and a wait of each run, where that is as usual: it is known at a
// glance.
func decode(text []byte, out any) error {
	switch v := out.(type) {
	case *Created:
		id, found := enclosed(text, `{"Id":"`, `","Warnings":[]}`)
		if found && isHex(id) {
			v.ID, v.Warnings = string(id), []string{}
			return nil
		}
	case *exited:
		switch string(bytes.TrimSuffix(text, []byte("\n"))) {
		case `{"StatusCode":0}`, `{"Error":null,"StatusCode":0}`, `{"StatusCode":0,"Error":null}`: // of newer Engines, of 20.10, of Podman
			v.StatusCode = new(int)
			return nil
		}
	}
	return json.Unmarshal(text, out)
}

// enclosed is what stands in a text between its beginning and its end, but for a newline.
func enclosed(text []byte, before, after string) (middle []byte, found bool) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) < len(before)+len(after) || string(text[:len(before)]) != before || string(text[len(text)-len(after):]) != after {
		return nil, false
	}
	return text[len(before) : len(text)-len(after)], true
}

func isHex(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) > 0
}

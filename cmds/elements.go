package cmds

import (
	"bytes"
	"encoding/json"
)

// The text of a message, once encoding/json has called it valid, is taken apart without another reading by that: a value is the piece
// of the text in which it stands.

// blanks are what may stand between the parts of a JSON text.
const blanks = " \t\r\n"

// usualElements are as many as most objects and lists have, keys counted.
const usualElements = 8

// elements are the values within a list or, in turn, the keys and the values within an object.
func elements(raw json.RawMessage) []json.RawMessage {
	all := make([]json.RawMessage, 0, usualElements)
	for i := bytes.IndexAny(raw, "[{") + 1; ; {
		switch raw[i] {
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		case ']', '}':
			return all
		default:
			end := i + firstLen(raw[i:])
			all = append(all, raw[i:end:end])
			i = end
		}
	}
}

// firstLen is the length of the value that raw begins with. Something follows it: the end of what it is in, at the least.
func firstLen(raw json.RawMessage) int {
	switch raw[0] {
	case '"':
		return literalLen(raw)
	case '[', '{':
	default:
		return bytes.IndexAny(raw, ",]} \t\r\n")
	}
	for i, depth := 0, 0; ; i++ {
		switch raw[i] {
		case '"':
			i += literalLen(raw[i:]) - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// literalLen is the length of the string that raw begins with, with its quotes.
func literalLen(raw json.RawMessage) int {
	i := 1
	for raw[i] != '"' {
		if raw[i] == '\\' {
			i++
		}
		i++
	}
	return i + 1
}

// unquoted is the text that a string stands for.
func unquoted(raw json.RawMessage) (text string) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		panic(err) // it is valid
	}
	return text
}

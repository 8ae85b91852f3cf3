package cmds

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// shape is how texts in docker's syntax stand in JSON, where a command line has a flag before each.
type shape uint8

const (
	word   shape = iota // a string
	figure              // a string or a number
	words               // a list of either, or one of them: the values of a flag that is repeated
	keyed               // words that each are a pair, the last of those with one key
	pairs               // words that each are key=value, or an object
)

// pair is what a text of a keyed kind reads as.
type pair struct {
	key   string
	value any
}

// written reads what is in docker's syntax: into what parse makes of the text, for words into a []any of these, and for
// pairs into a map[string]any.
func (k *kind) written(key string, raw json.RawMessage) (any, error) {
	if k.shape == word || k.shape == figure {
		return k.parsed(key, raw, k.shape == figure)
	}
	if raw[0] == '{' && k.shape == pairs {
		return k.members(key, raw)
	}
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		list = elements(raw)
	}
	values := make([]any, 0, len(list))
	for _, item := range list {
		value, err := k.parsed(key, item, true)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	if k.shape == words {
		return values, nil
	}
	return byKey(values), nil
}

// parsed is the value of one text.
func (k *kind) parsed(key string, raw json.RawMessage, number bool) (any, error) {
	text := string(raw)
	if !number || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		if raw[0] != '"' {
			return nil, &Invalid{key, excerpt(raw), "not a " + k.name}
		}
		text = unquoted(raw)
	}
	value, err := k.parse(text)
	if err != nil {
		return nil, &Invalid{key, excerpt(raw), err.Error()}
	}
	return value, nil
}

// members reads an object as the pairs key=value that it stands for.
func (k *kind) members(key string, raw json.RawMessage) (any, error) {
	members, err := object(key, raw)
	if err != nil {
		return nil, err
	}
	values := make([]any, 0, len(members))
	for _, m := range members {
		path := join(key, m.Key)
		text, err := readText(path, m.Value)
		if err != nil {
			return nil, err
		}
		if m.Key == "" || strings.Contains(m.Key, "=") {
			return nil, &Invalid{Key: path, Problem: `a name is not empty and has no "="`}
		}
		value, err := k.parse(m.Key + "=" + text)
		if err != nil {
			return nil, &Invalid{path, excerpt(m.Value), err.Error()}
		}
		values = append(values, value)
	}
	return byKey(values), nil
}

func byKey(values []any) map[string]any {
	all := make(map[string]any, len(values))
	for _, value := range values {
		p := value.(pair)
		all[p.key] = p.value
	}
	return all
}

func sortedKeys[T any](all map[string]T) []string {
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare) // crypto/x509 has the same instance: no code more
	return keys
}

func parseText(s string) (any, error) { return s, nil }

// parsePair takes key=value, and a key alone for one whose value is empty.
func parsePair(s string) (any, error) {
	key, value, _ := strings.Cut(s, "=")
	if key == "" {
		return nil, errors.New("it has no name (key=value)")
	}
	return pair{key, value}, nil
}

// parseAssignment is parsePair for what has to have a value.
func parseAssignment(s string) (any, error) {
	if !strings.Contains(s, "=") {
		return nil, errors.New("it has no value (key=value)")
	}
	return parsePair(s)
}

// oneOf takes a word of a short list.
func oneOf(s string, known ...string) (any, error) {
	if slices.Contains(known, s) {
		return s, nil
	}
	return nil, errors.New("not known (try " + strings.Join(known, ", ") + ")")
}

// oneOrNone is oneOf that takes an empty text, too.
func oneOrNone(s string, known ...string) (any, error) {
	if s == "" {
		return s, nil
	}
	return oneOf(s, known...)
}

func parseCgroupns(s string) (any, error) { return oneOrNone(s, "host", "private") }

func parseHostMode(s string) (any, error) { return oneOrNone(s, "host") }

func parsePull(s string) (any, error) { return oneOrNone(s, "always", "missing", "never") }

func parsePid(s string) (any, error) {
	if container, ok := strings.CutPrefix(s, "container:"); ok && container != "" {
		return s, nil
	}
	return oneOrNone(s, "host", "container:NAME")
}

// parseRestart takes policy[:retries], of which the Engine knows what goes together.
func parseRestart(s string) (any, error) {
	policy, count, _ := strings.Cut(s, ":")
	retries, err := 0, error(nil)
	if count != "" {
		retries, err = strconv.Atoi(count)
	}
	switch {
	case err != nil || retries < 0 || retries > 0 && policy != "on-failure":
		return nil, errors.New(`not a restart policy (try "on-failure:3" or "always")`)
	case s == "":
		return nil, nil
	}
	if _, err := oneOf(policy, "no", "always", "unless-stopped", "on-failure"); err != nil {
		return nil, err
	}
	return map[string]any{"Name": policy, "MaximumRetryCount": retries}, nil
}

// parsePlatform takes os, architecture, os/architecture or os/architecture/variant, which the Engine completes as docker's CLI would.
func parsePlatform(s string) (any, error) {
	if s == "" {
		return s, nil
	}
	parts := strings.Split(strings.ToLower(s), "/")
	for _, part := range parts {
		if len(parts) > 3 || part == "" || !only(part, "_.-") {
			return nil, errors.New(`not a platform (try "linux/arm64")`)
		}
	}
	return strings.ToLower(s), nil
}

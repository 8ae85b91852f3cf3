package cmds

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"docker-dispatch/dockerapi"
)

// kind is one sort of value that a key may have: how it is called, and how it is read into what the command needs. Errors
// are *Invalid.
type kind struct {
	name string // for documents, such as "list of strings"
	read func(key string, raw json.RawMessage) (any, error)
}

var (
	kindFlag      = kind{"true or false", as(readFlag)}
	kindSeconds   = kind{"whole seconds, -1 or more", as(readSeconds)}
	kindWords     = kind{"list of strings", as(readWords)}
	kindArgv      = kind{"string or list of strings", as(readArgv)}
	kindText      = kind{"string", as(readText)}
	kindBase64    = kind{"string, base64", as(readBase64)}
	kindImage     = kind{"image reference", as(readImage)}
	kindName      = kind{"container name", as(readName)}
	kindContainer = kind{"container name or id", as(readContainer)}
	kindStreams   = kind{`list of "STDIN", "STDOUT", "STDERR"`, as(readStreams)}
	kindTimeout   = kind{"seconds, more than 0", as(readTimeout)}
	kindClaim     = kind{`time such as "10s", "0" or "never"`, as(readClaim)}
	kindRetries   = kind{"whole number, 0 to 90", as(readRetries)}
	kindRetryOn   = kind{`list of "exit", "timeout", "interrupted", "engine" and exit codes`, as(readRetryOn)}
	kindExitCodes = kind{`object of exit codes and "retry" or "dead"`, as(readExitCodes)}
)

// as makes a reader of one type a reader of any.
func as[T any](read func(string, json.RawMessage) (T, error)) func(string, json.RawMessage) (any, error) {
	return func(key string, raw json.RawMessage) (any, error) { return read(key, raw) }
}

// decode reads a value of the type T, for which null never stands. Want says what would have been right.
func decode[T any](key string, raw json.RawMessage, want string) (value T, err error) {
	if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, &value) != nil {
		return value, &Invalid{key, excerpt(raw), want}
	}
	return value, nil
}

func readFlag(key string, raw json.RawMessage) (bool, error) {
	return decode[bool](key, raw, "not true or false, without quotes")
}

func readSeconds(key string, raw json.RawMessage) (int32, error) {
	const want = "not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)"
	n, err := decode[int32](key, raw, want)
	if err == nil && n < -1 {
		err = &Invalid{key, excerpt(raw), want}
	}
	return n, err
}

// maxTimeout is a year: more is a mistake.
const maxTimeout = 365 * 24 * time.Hour

func readTimeout(key string, raw json.RawMessage) (time.Duration, error) {
	const want = "not a time in seconds (more than 0, without quotes)"
	seconds, err := decode[float64](key, raw, want)
	if err == nil && !(seconds > 0 && seconds <= maxTimeout.Seconds()) {
		err = &Invalid{key, excerpt(raw), want}
	}
	return time.Duration(seconds * float64(time.Second)), err
}

func readText(key string, raw json.RawMessage) (string, error) {
	return decode[string](key, raw, "not a string")
}

// readWords refuses a null inside the list too, which encoding/json takes for "".
func readWords(key string, raw json.RawMessage) ([]string, error) {
	const want = `not a list of strings (exec form: ["executable","param1"])`
	list, err := decode[[]*string](key, raw, want)
	words := make([]string, 0, len(list))
	for _, word := range list {
		if word == nil {
			return nil, &Invalid{key, excerpt(raw), want}
		}
		words = append(words, *word)
	}
	return words, err
}

// readArgv takes a string for a list of one, as docker's --entrypoint does: it is never split.
func readArgv(key string, raw json.RawMessage) ([]string, error) {
	if raw[0] == '"' {
		word, err := readText(key, raw)
		return []string{word}, err
	}
	if raw[0] != '[' {
		return nil, &Invalid{key, excerpt(raw), `not a string or a list of strings (["executable","param1"])`}
	}
	return readWords(key, raw)
}

func readBase64(key string, raw json.RawMessage) ([]byte, error) {
	s, err := readText(key, raw)
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, &Invalid{key, excerpt(raw), "not base64 (the standard alphabet, with padding)"}
	}
	return data, nil
}

// readImage leaves the grammar of references to the Engine, and keeps out what no reference can have.
func readImage(key string, raw json.RawMessage) (string, error) {
	s, err := readText(key, raw)
	if err != nil {
		return "", err
	}
	if s == "" || len(s) > imageLen || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &Invalid{key, excerpt(raw), `not an image (try "debian:jessie")`}
	}
	return s, nil
}

const (
	nameLen  = 255  // nothing that a name is used for takes more
	imageLen = 1024 // a registry's host, a path of at most 255, and a digest
)

// isName is the Engine's rule for names, with an upper limit; an id is one too.
func isName(s string) bool {
	return len(s) >= 2 && len(s) <= nameLen && isAlphanumeric(s[0]) && only(s[1:], "_.-")
}

// only says whether s has nothing but ASCII letters, digits, and what is in more.
func only(s, more string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func readName(key string, raw json.RawMessage) (string, error) {
	return readNamed(key, raw, "not a container name (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)")
}

func readContainer(key string, raw json.RawMessage) (string, error) {
	return readNamed(key, raw, "not a container name or id (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)")
}

func readNamed(key string, raw json.RawMessage, want string) (string, error) {
	s, err := readText(key, raw)
	if err == nil && !isName(s) {
		err = &Invalid{key, excerpt(raw), want}
	}
	return s, err
}

// readStreams takes any letter case, as docker's --attach does.
func readStreams(key string, raw json.RawMessage) (s dockerapi.Streams, err error) {
	const want = `not a list of "STDIN", "STDOUT", "STDERR"`
	list, err := decode[[]string](key, raw, want)
	if err != nil {
		return s, err
	}
	for _, word := range list {
		switch strings.ToUpper(word) {
		case "STDIN":
			s.Stdin = true
		case "STDOUT":
			s.Stdout = true
		case "STDERR":
			s.Stderr = true
		default:
			return s, &Invalid{key, excerpt(raw), want}
		}
	}
	return s, nil
}

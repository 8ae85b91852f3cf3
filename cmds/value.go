package cmds

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"docker-dispatch/dockerapi"
)

// kind is one sort of value that a key may have: how it is called, and how it is read into what the command needs: from JSON
// by read, or else from docker's own syntax by parse.
type kind struct {
	name  string                                             // for documents, such as "list of strings"
	read  func(key string, raw json.RawMessage) (any, error) // errors are *Invalid
	shape shape                                              // of what parse reads the texts of
	parse func(text string) (any, error)                     // errors say what is wrong with the text, and what is right
}

// value reads the JSON value of a key. Errors are *Invalid.
func (k *kind) value(key string, raw json.RawMessage) (any, error) {
	if k.read != nil {
		return k.read(key, raw)
	}
	return k.written(key, raw)
}

// The kinds that are JSON's own, and those of the keys that docker has not.
var (
	kindFlag      = kind{name: "true or false", read: func(key string, raw json.RawMessage) (any, error) { return readFlag(key, raw) }}
	kindSeconds   = kind{name: "whole seconds, -1 or more", read: readSeconds}
	kindWords     = kind{name: "list of strings", read: func(key string, raw json.RawMessage) (any, error) { return readWords(key, raw) }}
	kindArgv      = kind{name: "string or list of strings", read: func(key string, raw json.RawMessage) (any, error) { return readArgv(key, raw) }}
	kindText      = kind{name: "string", read: func(key string, raw json.RawMessage) (any, error) { return readText(key, raw) }}
	kindBase64    = kind{name: "string, base64", read: readBase64}
	kindImage     = kind{name: "image reference", read: readImage}
	kindName      = kind{name: "container name", read: readName}
	kindObject    = kind{name: "name or id", read: readObject}
	kindPath      = kind{name: "path in the container", read: readPath}
	kindContainer = kind{name: "container name or id", read: readContainer}
	kindLinked    = kind{name: "container name or id; of a link, container/alias", read: readLinked}
	kindStreams   = kind{name: `list of "STDIN", "STDOUT", "STDERR"`, read: readStreams}
	kindTimeout   = kind{name: "seconds, more than 0", read: readTimeout}
	kindClaim     = kind{name: `time such as "10s", "0" or "never"`, read: readClaim}
	kindRetries   = kind{name: "whole number, 0 to 90", read: readRetries}
	kindRetryOn   = kind{name: `list of "exit", "timeout", "interrupted", "engine" and exit codes`, read: readRetryOn}
	kindExitCodes = kind{name: `object of exit codes and "retry" or "dead"`, read: readExitCodes}

	kindWhole      = kind{name: "whole number", read: readWhole}
	kindCount      = kind{name: "whole number, 0 or more", read: readCount}
	kindWeight     = kind{name: "whole number, 10 to 1000 or 0", read: readWeight}
	kindSwappiness = kind{name: "whole number, -1 to 100", read: readSwappiness}
)

// The kinds of docker's syntax.
var (
	kindString   = kind{name: "string", shape: figure, parse: parseText}
	kindStrings  = kind{name: "list of strings", shape: words, parse: parseText}
	kindSize     = kind{name: `size such as "512m"`, shape: figure, parse: parseSize}
	kindSwap     = kind{name: `size such as "1g", or -1`, shape: figure, parse: parseSwap}
	kindCPUs     = kind{name: "decimal number", shape: figure, parse: parseCPUs}
	kindDuration = kind{name: `time such as "30s"`, parse: parseDuration}
	kindMoment   = kind{name: `time such as "2026-01-02T13:23:37Z", or so long ago: "42m"`, shape: figure, parse: parseMoment}
	kindTail     = kind{name: `number of lines, or "all"`, shape: figure, parse: parseTail}
	kindCommas   = kind{name: "list of strings", shape: words, parse: parseRecord}
	kindFilters  = kind{name: "list of name=value", shape: words, parse: parseAssignment}

	kindCgroupns = kind{name: `"host" or "private"`, parse: parseCgroupns}
	kindHostMode = kind{name: `"host"`, parse: parseHostMode}
	kindPid      = kind{name: `"host" or "container:NAME"`, parse: parsePid}
	kindPull     = kind{name: `"always", "missing" or "never"`, parse: parsePull}
	kindRestart  = kind{name: `"no", "on-failure[:N]", "always" or "unless-stopped"`, parse: parseRestart}
	kindPlatform = kind{name: "os[/architecture[/variant]]", parse: parsePlatform}

	kindPairs       = kind{name: "list of key=value, or object", shape: pairs, parse: parsePair}
	kindAssignments = kind{name: "list of key=value, or object", shape: pairs, parse: parseAssignment}
	kindEnv         = kind{name: "list of NAME=value, or object", shape: pairs, parse: parseEnv}
	kindLabels      = kind{name: "list of name=value, or object", shape: pairs, parse: parseLabel}
	kindSysctls     = kind{name: "list of name=value, or object", shape: pairs, parse: parseSysctl}

	kindHosts    = kind{name: "list of host:address", shape: words, parse: parseHost}
	kindIPs      = kind{name: "list of addresses", shape: words, parse: parseIP}
	kindIPString = kind{name: "address", parse: parseText}
	kindMAC      = kind{name: "MAC address", parse: parseMAC}
	kindDomains  = kind{name: "list of domains", shape: words, parse: parseDomain}
	kindLinks    = kind{name: "list of container[:alias]", shape: words, parse: parseLink}
	kindNetworks = kind{name: "list of names, or of name=…,alias=…", shape: words, parse: parseNetwork}
	kindPorts    = kind{name: "list of port[-port][/protocol]", shape: words, parse: parseExpose}
	kindPublish  = kind{name: "list of [[address:]port:]port[/protocol]", shape: words, parse: parsePublish}

	kindMounts  = kind{name: "list of type=…,source=…,target=…", shape: words, parse: parseMount}
	kindTmpfs   = kind{name: "list of path[:options]", shape: keyed, parse: parseTmpfs}
	kindVolumes = kind{name: "list of [source:]target[:options]", shape: words, parse: parseVolume}

	kindDevices       = kind{name: "list of source[:target][:permissions]", shape: words, parse: parseDevice}
	kindDeviceRules   = kind{name: `list of rules such as "c 1:3 mr"`, shape: words, parse: parseDeviceRule}
	kindDeviceBytes   = kind{name: "list of device:size", shape: words, parse: parseDeviceBytes}
	kindDeviceRates   = kind{name: "list of device:number", shape: words, parse: parseDeviceRate}
	kindDeviceWeights = kind{name: "list of device:weight", shape: words, parse: parseDeviceWeight}
	kindGpus          = kind{name: `list of "all", numbers or device=…`, shape: words, parse: parseGpus}
	kindUlimits       = kind{name: "list of name=soft[:hard]", shape: keyed, parse: parseUlimit}

	kindCapabilities = kind{name: "list of capabilities", shape: keyed, parse: parseCapability}
	kindSecurityOpts = kind{name: "list of key=value", shape: words, parse: parseSecurityOpt}
)

// decodeInto reads a value, for which null never stands. Want says what would have been right.
func decodeInto(value any, key string, raw json.RawMessage, want string) error {
	if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, value) != nil {
		return &Invalid{key, excerpt(raw), want}
	}
	return nil
}

func readFlag(key string, raw json.RawMessage) (bool, error) {
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &Invalid{key, excerpt(raw), "not true or false, without quotes"}
}

func readSeconds(key string, raw json.RawMessage) (any, error) {
	const want = "not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)"
	var n int32
	err := decodeInto(&n, key, raw, want)
	if err == nil && n < -1 {
		err = &Invalid{key, excerpt(raw), want}
	}
	return n, err
}

// maxTimeout is a year: more is a mistake.
const maxTimeout = 365 * 24 * time.Hour

func readTimeout(key string, raw json.RawMessage) (any, error) {
	const want = "not a time in seconds (more than 0, without quotes)"
	var seconds float64
	err := decodeInto(&seconds, key, raw, want)
	if err == nil && !(seconds > 0 && seconds <= maxTimeout.Seconds()) {
		err = &Invalid{key, excerpt(raw), want}
	}
	return time.Duration(seconds * float64(time.Second)), err
}

func readText(key string, raw json.RawMessage) (string, error) {
	if raw[0] != '"' {
		return "", &Invalid{key, excerpt(raw), "not a string"}
	}
	return unquoted(raw), nil
}

func readWords(key string, raw json.RawMessage) ([]string, error) {
	const want = `not a list of strings (exec form: ["executable","param1"])`
	if raw[0] != '[' {
		return nil, &Invalid{key, excerpt(raw), want}
	}
	list := elements(raw)
	words := make([]string, len(list))
	for i, word := range list {
		if word[0] != '"' {
			return nil, &Invalid{key, excerpt(raw), want}
		}
		words[i] = unquoted(word)
	}
	return words, nil
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

func readBase64(key string, raw json.RawMessage) (any, error) {
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
func readImage(key string, raw json.RawMessage) (any, error) {
	s, err := readText(key, raw)
	if err != nil {
		return "", err
	}
	if climbs(s) || len(s) > imageLen || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &Invalid{key, excerpt(raw), `not an image (try "debian:jessie")`}
	}
	return s, nil
}

// readObject takes the name of an image, a network or a volume, and leaves its grammar to the Engine.
func readObject(key string, raw json.RawMessage) (any, error) {
	s, err := readText(key, raw)
	if err == nil && (climbs(strings.TrimSpace(s)) || len(s) > nameLen || strings.ContainsFunc(s, unicode.IsControl)) {
		err = &Invalid{key, excerpt(raw), "not a name or id"}
	}
	return s, err
}

// climbs says whether a name has parts that an Engine, which tidies paths up, would look for something else by.
func climbs(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return true
		}
	}
	return false
}

func readPath(key string, raw json.RawMessage) (any, error) {
	s, err := readText(key, raw)
	if err == nil && (s == "" || strings.ContainsRune(s, 0)) {
		err = &Invalid{key, excerpt(raw), `not a path (try "/etc/hosts")`}
	}
	return s, err
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

func readName(key string, raw json.RawMessage) (any, error) {
	return readNamed(key, raw, "not a container name (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)")
}

func readContainer(key string, raw json.RawMessage) (any, error) {
	return readNamed(key, raw, "not a container name or id (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)")
}

// readLinked takes a link too, whose alias may be one character.
func readLinked(key string, raw json.RawMessage) (any, error) {
	s, err := readText(key, raw)
	if container, alias, linked := strings.Cut(s, "/"); linked && isName(container) && isName(alias+"x") {
		return s, err
	}
	return readContainer(key, raw)
}

func readNamed(key string, raw json.RawMessage, want string) (string, error) {
	s, err := readText(key, raw)
	if err == nil && !isName(s) {
		err = &Invalid{key, excerpt(raw), want}
	}
	return s, err
}

// readStreams takes one or a list, in any letter case, as docker's --attach does.
func readStreams(key string, raw json.RawMessage) (any, error) {
	const want = `not a list of "STDIN", "STDOUT", "STDERR"`
	list, err := readArgv(key, raw)
	if err != nil {
		return nil, &Invalid{key, excerpt(raw), want}
	}
	var s dockerapi.Streams
	for _, word := range list {
		if !only(word, "") { // such as ſ, whose capital is S
			word = ""
		}
		switch strings.ToUpper(word) {
		case "STDIN":
			s.Stdin = true
		case "STDOUT":
			s.Stdout = true
		case "STDERR":
			s.Stderr = true
		default:
			return nil, &Invalid{key, excerpt(raw), want}
		}
	}
	return s, nil
}

package cmds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"docker-dispatch/wire"
)

// policyLen is more than a policy with a pattern for every object of a large host needs.
const policyLen = 1 << 20

// ReadPolicy reads a policy's file: a JSON object with any of Verbs, Images, Grants, Limits and Harden. What it leaves out is as
// NewPolicy has it. An unknown or repeated key, and a value that means nothing, are errors with their key and the mend.
func ReadPolicy(path string) (*Policy, error) {
	text, err := wire.ReadFile(path, policyLen)
	if err != nil {
		return nil, fmt.Errorf("cmds: policy: %w", err)
	}
	p, err := parsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("cmds: policy %.200q: %w", path, err)
	}
	return p, nil
}

// policyKeys are the keys of a policy's file.
var policyKeys = [...]struct {
	name string
	read func(p *Policy, key string, raw json.RawMessage) error
}{
	{"Verbs", (*Policy).readVerbs},
	{"Images", (*Policy).readImages},
	{"Grants", (*Policy).readGrants},
	{"Limits", (*Policy).readLimits},
	{"Harden", func(p *Policy, key string, raw json.RawMessage) (err error) {
		p.harden, err = readFlag(key, raw)
		return err
	}},
}

func parsePolicy(text []byte) (*Policy, error) {
	if err := checkOneJSON(text, "the policy"); err != nil {
		return nil, err
	}
	p := NewPolicy()
	var known []string
	for _, key := range policyKeys {
		known = append(known, key.name)
	}
	err := eachMember("", text, known, func(i int, key string, raw json.RawMessage) error { return policyKeys[i].read(p, key, raw) })
	if err != nil {
		return nil, err
	}
	return p, nil
}

// eachMember reads the members of an object, whose keys are known.
func eachMember(path string, raw json.RawMessage, known []string, read func(i int, key string, raw json.RawMessage) error) error {
	members, err := object(path, raw)
	if err != nil {
		return err
	}
	for _, m := range members {
		i := slices.Index(known, m.Key)
		if i < 0 {
			return &Invalid{Key: join(path, m.Key), Problem: "unknown key" + guess(m.Key, known) + " (there are " + strings.Join(known, ", ") + ")"}
		}
		key := path + "." + m.Key
		if path == "" {
			key = m.Key
		}
		if err := read(i, key, m.Value); err != nil {
			return err
		}
	}
	return nil
}

func (p *Policy) readVerbs(path string, raw json.RawMessage) error {
	var names []string
	for i := range doors {
		names = append(names, doors[i].name)
	}
	return eachMember(path, raw, names, func(i int, key string, raw json.RawMessage) (err error) {
		p.verbs[names[i]], err = doors[i].read(key, raw)
		return err
	})
}

// read takes what a door may be: open, shut and, as far as what is behind it can be told apart, open for some.
func (d *door) read(key string, raw json.RawMessage) (permit, error) {
	want := "neither true nor false"
	if d.object != "" && !d.makes {
		want = `not true, false or "own"`
		if bytes.Equal(raw, []byte(`"own"`)) {
			return owned, nil
		}
	}
	if d.object != "" && d.name != "ps" {
		return readPermit(key, raw, want+" or a list of names with * and ?", properName)
	}
	var all bool
	err := decodeInto(&all, key, raw, want)
	return permit{all: all}, err
}

// properName says what is wrong with a name in a list; "" is nothing.
func properName(pattern string) string {
	if pattern == "own" {
		return `in a list it is a name; "own" stands alone`
	}
	return ""
}

func (p *Policy) readImages(key string, raw json.RawMessage) (err error) {
	p.grants[grantImages], err = readPermit(key, raw, "neither true nor a list of images with * and ?", nil)
	return err
}

func (p *Policy) readGrants(path string, raw json.RawMessage) error {
	names := grantNames()
	if bytes.Equal(raw, []byte("true")) {
		for _, name := range names {
			p.grants[name] = everything
		}
		return nil
	}
	return eachMember(path, raw, names, func(i int, key string, raw json.RawMessage) (err error) {
		kind := kindOf(names[i])
		p.grants[kind.name], err = readPermit(key, raw, "neither true nor false nor a list of texts with * and ?", kind.proper)
		return err
	})
}

// readPermit takes true, false or a list of patterns, each of which is to be proper.
func readPermit(key string, raw json.RawMessage, want string, proper func(pattern string) string) (permit, error) {
	if raw[0] != '[' {
		var all bool
		err := decodeInto(&all, key, raw, want)
		return permit{all: all}, err
	}
	patterns, err := readWords(key, raw)
	if err != nil {
		return permit{}, &Invalid{key, excerpt(raw), want}
	}
	for _, pattern := range patterns {
		switch {
		case pattern == "":
			return permit{}, &Invalid{key, `""`, "an empty pattern is for nothing"}
		case proper != nil && proper(pattern) != "":
			return permit{}, &Invalid{key, excerptText(pattern), proper(pattern)}
		}
	}
	return permit{patterns: patterns}, nil
}

// proper says what is wrong with a pattern; "" is nothing.
func (k grantKind) proper(pattern string) string {
	switch k.name {
	case "Bind":
		if !strings.HasPrefix(pattern, "/") || strings.Contains(pattern+"/", "/../") {
			return "not an absolute path without dots (try \"/srv/data\", for itself and all below)"
		}
	case "HostPort":
		if _, err := parsePorts(pattern); err != nil || strings.Contains(pattern, "/") {
			return "not a port or a range, of any protocol (try \"443\" or \"8000-8010\")"
		}
	}
	return ""
}

func (p *Policy) readLimits(path string, raw json.RawMessage) error {
	var names []string
	for _, r := range resources {
		names = append(names, r.name)
	}
	return eachMember(path, raw, names, func(i int, key string, raw json.RawMessage) error {
		known := []string{"Max", "Default"}
		if !resources[i].usual {
			known = known[:1]
		}
		l := &p.limits[i]
		err := eachMember(key, raw, known, func(which int, key string, raw json.RawMessage) error {
			n, err := readLimit(key, raw, resources[i].kind)
			*[]*int64{&l.most, &l.usual}[which] = n
			return err
		})
		if err == nil && l.most > 0 && l.usual > l.most {
			err = &Invalid{Key: key + ".Default", Problem: "it is more than " + key + ".Max"}
		}
		return err
	})
}

// readLimit takes what the message's own key does, but nothing that stands for no limit.
func readLimit(key string, raw json.RawMessage, kind *kind) (n int64, err error) {
	value, err := kind.value(key, raw)
	if err != nil {
		return 0, err
	}
	switch v := value.(type) {
	case int64:
		n = v
	case time.Duration:
		n = v.Nanoseconds()
	}
	if n <= 0 {
		return 0, &Invalid{key, excerpt(raw), "not more than 0; leave it out for no limit"}
	}
	return n, nil
}

package cmds

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Policy is what messages may do. It judges the finished command: the verb and whom it reaches, the image, and every leaf of the
// body and the query that would be sent, by its path there and its value. What is false, zero or empty asks for nothing; a path
// that no table knows is denied.
//
// A path is allowed when the option that it belongs to is safe. Each other one needs grants, which are for effects: a bind mount
// is one, however many options can say it.
type Policy struct {
	// HostFiles says that the Engine's files are those of this machine, so that symbolic links in paths can be seen.
	HostFiles bool

	verbs  map[string]permit // by the name of a door
	grants map[string]permit // by the name of a grant; images too
	limits limits
	harden bool
}

// permit says what is let through. Its zero value lets nothing through.
type permit struct {
	all      bool
	own      bool     // what was made for messages of the same queue
	patterns []string // in which * and ? are wildcards
}

var everything = permit{all: true}

// Denied is a command that the policy forbids: what it asks for, and the rule.
type Denied struct {
	Key     string // of the message, such as Options.Volume
	Value   string // JSON, cut to 80 bytes; "" where the key alone is denied
	Problem string
	Rule    string // key of the policy file that would have to say otherwise; "" where none can
}

func (e *Denied) Error() string {
	s, value := redacted(e.Key, e.Value)
	if value != "" {
		s += ": " + value
	}
	s += ": " + e.Problem
	if e.Rule != "" {
		s += " (" + e.Rule + ")"
	}
	return s
}

// NewPolicy is the policy of those who have written none: all that gives a container no power over the host.
func NewPolicy() *Policy {
	p := &Policy{verbs: map[string]permit{}, grants: map[string]permit{}}
	for _, d := range doors {
		p.verbs[d.name] = d.standard()
	}
	for _, name := range grantNames() {
		p.grants[name] = permit{patterns: kindOf(name).usual}
	}
	p.grants[grantImages] = everything
	return p
}

// Apply holds a command to the policy, and completes it with the policy's own limits. Errors are *Denied. What depends on the
// Engine's answer, whom a command reaches, is left to the Host that does it.
func (p *Policy) Apply(c *Command) error {
	d := c.door()
	reach := p.verbs[d.name]
	if !reach.opens() {
		return &Denied{Key: "Dockercmd", Value: fmt.Sprintf("%q", c.Verb), Problem: "the policy does not let messages " + d.name, Rule: d.rule()}
	}
	c.Reach, c.Output = &reach, p.limits[ofOutput].most
	if err := p.judge(c); err != nil {
		return err
	}
	if d.makes && !reach.admits(c.Object) {
		return &Denied{join("", d.object), excerptText(c.Object), "the policy grants no such name", d.rule()}
	}
	if err := p.limits.apply(c); err != nil {
		return err
	}
	if p.harden && among(making, c.Verb) {
		c.hardenBody()
	}
	return nil
}

// bound gives a run that is finished for an earlier process what ends it: its container has been judged when it was made.
func (p *Policy) bound(c *Command) {
	c.Output = p.limits[ofOutput].most
	p.limits.fillTimeout(c)
	if most := time.Duration(p.limits[ofTime].most); most > 0 && c.Attached() {
		c.Timeout = min(c.Timeout, most)
	}
}

// opens says whether anything is let through.
func (p permit) opens() bool { return p.all || p.own || len(p.patterns) > 0 }

// admits says whether a name of what is not there yet is let through.
func (p permit) admits(name string) bool {
	return p.all || slices.ContainsFunc(p.patterns, func(pattern string) bool { return glob(pattern, name, 0) })
}

// judgement is one command on its way through the rules.
type judgement struct {
	policy  *Policy
	command *Command
}

// judge holds the image, the query and the body to the grants. A new container without a network is in the default one.
func (p *Policy) judge(c *Command) error {
	j := judgement{p, c}
	if c.ObjectKind == "image" {
		if err := j.meet("Image", []demand{imageDemand(c.Object, c.AllTags)}); err != nil {
			return err
		}
	}
	if c.ObjectKind == "volume" && strings.HasPrefix(c.Object, labelPrefix) {
		return &Denied{"Volume", excerptText(c.Object), ownVolume, ""}
	}
	for _, key := range sortedKeys(c.Query) {
		if err := j.walk("?"+key, c.Query.Get(key)); err != nil {
			return err
		}
	}
	if err := j.members("", c.Body, false); err != nil {
		return err
	}
	if among(making, c.Verb) && at(c.Body, networkMode) == nil {
		return j.walk(networkMode, "default")
	}
	return nil
}

// asRead is a value as whoever reads its JSON has it: made of strings, truth values, float64, []any and map[string]any alone. What
// bodies have most takes no way through JSON.
func asRead(value any) any {
	switch v := value.(type) {
	case string, bool:
		return v
	case int64:
		return float64(v)
	case []string:
		list := make([]any, len(v))
		for i, text := range v {
			list[i] = text
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = asRead(item)
		}
		return list
	case map[string]string:
		object := make(map[string]any, len(v))
		for key, text := range v {
			object[key] = text
		}
		return object
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, inner := range v {
			object[key] = asRead(inner)
		}
		return object
	}
	text, err := json.Marshal(value)
	var read any
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		panic(err) // what is made of JSON can be said in JSON
	}
	return read
}

// walk judges what is at a path, and all that is below it, as the Engine reads it.
func (j *judgement) walk(path string, value any) error {
	if r := findRule(j.command.Verb, path); r != nil {
		value = asRead(value)
		if err := j.meet(path, r.demands(value)); err != nil || !r.deeper {
			return err
		}
		return j.members(path, value, true)
	}
	row := rowAt(j.command.Verb, path)
	if row != nil && row.safe || slices.Contains(consequences, path) {
		return nil
	}
	if _, ok := value.(map[string]any); !ok || row != nil { // what is in an object is read as it is reached
		value = asRead(value)
	}
	switch {
	case isNothing(value):
		return nil
	case row != nil:
		return j.meet(path, demandsOf(row.name, value))
	}
	if _, ok := value.(map[string]any); ok {
		return j.members(path, value, false)
	}
	return &Denied{Key: path, Value: excerptOf(value), Problem: "no rule of the policy knows it"}
}

// members judges what is in an object. In some the keys are names, which paths do not have.
func (j *judgement) members(path string, value any, named bool) error {
	all, _ := value.(map[string]any)
	for _, key := range sortedKeys(all) {
		below := key
		if named {
			below = "*"
		}
		if path != "" {
			below = path + "." + below
		}
		if err := j.walk(below, all[key]); err != nil {
			return err
		}
	}
	return nil
}

// isNothing says whether a value of JSON asks for nothing.
func isNothing(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// demand is an effect that has to be granted.
type demand struct {
	grant string
	text  string // what the patterns are for
	whole any    // as it stands in the body, for the error
}

// meet holds demands against the grants.
func (j *judgement) meet(path string, demands []demand) error {
	for _, d := range demands {
		kind := kindOf(d.grant)
		if kind.never != nil && kind.never(d.text) {
			return &Denied{j.keyOf(path), excerptOf(d.whole), ownVolume, ""}
		}
		if j.policy.grants[d.grant].all || j.policy.isGranted(kind, d) {
			continue
		}
		return &Denied{j.keyOf(path), excerptOf(d.whole), "the policy grants no " + kind.says(d), kind.rule()}
	}
	return nil
}

func (p *Policy) isGranted(kind grantKind, d demand) bool {
	return slices.ContainsFunc(p.grants[d.grant].patterns, func(pattern string) bool { return kind.matches(p, pattern, d.text) })
}

// keyOf is the key of the message that has put something at a path.
func (j *judgement) keyOf(path string) string {
	if r := findRule(j.command.Verb, path); r != nil && r.option != "" {
		return "Options." + r.option
	}
	if row := rowAt(j.command.Verb, path); row != nil && find(options[:], j.command.Verb, row.name) != nil {
		return "Options." + row.name
	} else if row != nil {
		return row.name
	}
	return path
}

// rowAt is the row of the option that puts something at a path, of the query when that begins with a question mark.
func rowAt(verb, path string) *option {
	for _, row := range rowsAt()[path] {
		if row.of(verb) {
			return row
		}
	}
	return nil
}

// rowsAt are the rows of all verbs, by path.
var rowsAt = sync.OnceValue(func() map[string][]*option {
	all := map[string][]*option{}
	for _, table := range [][]option{options[:], arguments[:]} {
		for i := range table {
			row := &table[i]
			if row.body != "" {
				all[row.body] = append(all[row.body], row)
			}
			if row.query != "" {
				all["?"+row.query] = append(all["?"+row.query], row)
			}
		}
	}
	return all
})

func excerptOf(value any) string {
	text, err := json.Marshal(value)
	if value == nil || err != nil {
		return ""
	}
	return excerpt(text)
}

package cmds

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"docker-dispatch/dockerapi"
)

// Command is what a message asks for, checked and ready for an Engine.
type Command struct {
	Verb       string         // of the table, never an alias
	Container  string         // whom it is for; of a run its Name, "" for one that has none
	Object     string         // what else it is for: the name of an image, a network or a volume
	ObjectKind string         // which of these: the key that named it, in small letters
	Body       map[string]any // of the verb's own call: of ContainerCreate a run's image, command and options, and our labels
	Query      url.Values     // of the verb's own call

	Message     identity
	Dispatcher  string  // the name of the one that took it
	Redelivered bool    // it may have been begun before: a run looks for its container first
	Owned       bool    // it is only for a container that this dispatcher has made for this queue
	Reach       *permit // whom the policy lets it reach; nil: no policy has been asked
	Output      int64   // as many bytes of the container's output are printed; 0: all
	Resume      string  // the container of a claimed run that is to be finished; "" for all others

	GiveBack func() // called when the Engine is away and a run not begun; nil: it waits

	Pull    string            // when a run pulls its image: always, never, or else when it is missing
	Attach  dockerapi.Streams // of a run, and of whatever else has output
	Stdin   []byte            // for the container, when Attach.Stdin
	Detach  bool              // nobody waits for the end of an exec
	AllTags bool              // a pull gets all that the repository has
	NewName string            // of a rename

	Tar        []byte        // to be unpacked at a cp's path; nil: what is there is wanted
	FollowLink bool          // what a symbolic link there leads to is wanted
	Missing    bool          // nothing to remove is no error
	Remove     bool          // a run's container goes when it has exited
	Timeout    time.Duration // of a run, after which it is stopped; 0 is none
	Claim      *Claim        // when an attached run is taken over from the broker; nil is the dispatcher's own rule
	Retries    int           // attempts after the first
	RetryOn    retryOn
	ExitCodes  map[int]step

	id, objectID string // of Container and Object, once it is known whose they are; then these are what is meant

	// What Resolve reads before it knows all of it.
	networks, published []any
	ipam                ipam
	noHealthcheck       bool

	// RemovePending says that a run with Remove of the same container was in work when this message came, so that a
	// container that is not there has been removed, not missed.
	RemovePending bool
}

// Attached says whether the message is in work until its container has exited.
func (c *Command) Attached() bool { return c.Attach.Stdin || c.Attach.Stdout || c.Attach.Stderr }

// Resolve makes c the command of a message, for the dispatcher of that name. Every error is an *Invalid, and leaves an empty command.
func (c *Command) Resolve(m Message, dispatcher string) error {
	err := c.resolve(m, dispatcher)
	if err != nil {
		*c = Command{}
	}
	return err
}

// usualKeys are as many as the body of a create has, before any option.
const usualKeys = 12

func (c *Command) resolve(m Message, dispatcher string) error {
	v, err := findVerb(m)
	if err != nil {
		return err
	}
	*c = Command{Verb: v.name, Query: url.Values{}, Body: make(map[string]any, usualKeys), Message: m.identity, Dispatcher: dispatcher}
	if err := c.apply("", m.Arguments, arguments[:]); err != nil {
		return err
	}
	for key := range strings.FieldsSeq(v.required) {
		if !has(m.Arguments, key) {
			return &Invalid{Key: key, Problem: v.name + " needs it"}
		}
	}
	if err := c.apply("Options", m.Options, options[:]); err != nil {
		return err
	}
	if v.check != nil {
		if err := v.check(c, m); err != nil {
			return err
		}
	}
	if among(making, c.Verb) {
		c.sign(m)
	}
	return nil
}

// sign adds the labels and the variable that make the container the record of its message.
func (c *Command) sign(m Message) {
	c.label(m)
	labels := c.labels()
	if c.Remove {
		labels[labelRemove] = "true"
	}
	switch {
	case c.Verb == "create":
		labels[labelDetached] = detachedCreate
	case !c.Attached():
		labels[labelDetached] = "true"
	case c.restarts():
		labels[labelDetached] = detachedRestart
	}
	env, _ := c.Body["Env"].([]string)
	c.set("Env", append(env, envAttempt+"="+labels[labelAttempt]))
}

// label adds the labels by which what is made for a message is known.
func (c *Command) label(m Message) {
	labels := m.labels()
	labels[labelDispatcher] = c.Dispatcher
	given, _ := c.Body["Labels"].(map[string]string)
	maps.Copy(labels, given)
	c.set("Labels", labels)
}

func findVerb(m Message) (*verb, error) {
	word := m.Dockercmd
	var known []string
	for i := range verbs {
		if verbs[i].name == word || slices.Contains(verbs[i].aliases, word) {
			return &verbs[i], nil
		}
		known = append(known, verbs[i].name)
	}
	list := strings.Join(known, ", ")
	if word == "" {
		for _, member := range m.Arguments {
			if strings.EqualFold(member.Key, "Dockercmd") {
				return nil, &Invalid{Key: member.Key, Problem: "unknown key; did you mean Dockercmd?"}
			}
		}
		return nil, &Invalid{Key: "Dockercmd", Problem: "every message needs it: " + list}
	}
	return nil, &Invalid{"Dockercmd", fmt.Sprintf("%.80q", word), "unknown command" + guess(word, known) + " (there are " + list + ")"}
}

// apply sets the members of one object, whose path in the message is given, by the rows of table that the verb has.
func (c *Command) apply(path string, members []Member, table []option) error {
	for _, m := range members {
		row, err := c.row(path, m.Key, table)
		if err != nil {
			return err
		}
		value, err := row.kind.value(join(path, m.Key), m.Value)
		if err != nil {
			return err
		}
		switch {
		case row.set != nil:
			row.set(c, row, value)
		case row.body != "":
			c.put(row.body, value)
		case value == true:
			c.Query.Set(row.query, "1")
		case value != false && value != "":
			c.Query.Set(row.query, fmt.Sprint(value))
		}
	}
	return nil
}

// fewVerbs are as many as an error names.
const fewVerbs = 4

func (c *Command) row(path, key string, table []option) (*option, error) {
	if row := find(table, c.Verb, key); row != nil {
		return row, nil
	}
	what := "key"
	if path != "" {
		what = "option"
	}
	var known, others []string
	for i := range table {
		switch row := &table[i]; {
		case row.of(c.Verb):
			known = append(known, row.name)
		case row.name == key:
			others = append(others, strings.Split(row.verbs, ", ")...)
		}
	}
	problem := "unknown " + what + " of " + c.Verb + guess(key, known)
	switch {
	case path == "" && find(options[:], c.Verb, key) != nil:
		problem = "it belongs into Options"
	case path != "" && find(arguments[:], c.Verb, key) != nil:
		problem = "it belongs beside Options, not into it"
	case path != "" && c.exclusion(key) != "":
		problem = c.exclusion(key)
	case len(others) > fewVerbs:
		problem = "no " + what + " of " + c.Verb + ", but of " + strings.Join(others[:fewVerbs], ", ") + " and others"
	case len(others) > 0:
		problem = "no " + what + " of " + c.Verb + ", but of " + strings.Join(others, " and ")
	}
	return nil, &Invalid{Key: join(path, key), Problem: problem}
}

// exclusion is why a flag that docker has is no option; "" for all other keys.
func (c *Command) exclusion(key string) string {
	for i := range excluded {
		if flag := &excluded[i]; flag.name == key && among(flag.verbs, c.Verb) {
			return flag.reason
		}
	}
	return ""
}

// find is the row of a verb's key in a table, or nil.
func find(table []option, verb, key string) *option {
	for i := range table {
		if row := &table[i]; row.name == key && row.of(verb) {
			return row
		}
	}
	return nil
}

// set puts a value into the create body, at a path with dots.
func (c *Command) set(path string, value any) { put(c.Body, path, value) }

// put is set for what says nothing where it is zero or empty, and is not sent then.
func (c *Command) put(path string, value any) {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return
	}
	c.set(path, value)
}

// labels are those of what it makes; nil where it makes nothing.
func (c *Command) labels() map[string]string {
	labels, _ := c.Body["Labels"].(map[string]string)
	return labels
}

func has(members []Member, key string) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return m.Key == key })
}

// guess finishes an error about an unknown word with the known one that was meant, if there is one near.
func guess(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		a, b := strings.ToLower(word), strings.ToLower(k)
		if group, rest, ok := strings.Cut(b, " "); ok && strings.HasPrefix(a, group+" ") { // volume ls is not nearly volume rm
			a, b = a[len(group)+1:], rest
		}
		if d := edits(a, b); d < distance && d < len(b) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// edits is the Levenshtein distance in bytes, of a word that is cut where it cannot be near any more.
func edits(a, b string) int {
	a = a[:min(len(a), 2*len(b))]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

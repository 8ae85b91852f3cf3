package cmds

import (
	"bytes"
	"cmp"
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
	Verb      string         // of the table, never an alias
	Container string         // whom it is for; of a run its Name, "" for one that has none
	Body      map[string]any // of ContainerCreate: a run's image, command and options, and our labels
	Query     url.Values     // of the verb's own call

	Message     identity
	Redelivered bool   // it may have been begun before: a run looks for its container first
	Owned       bool   // it is only for a container that this dispatcher has made for this queue
	Resume      string // the container of a claimed run that is to be finished; "" for all others

	GiveBack func() // called when the Engine is away and a run not begun; nil: it waits

	Pull      string            // when a run pulls its image: always, never, or else when it is missing
	Attach    dockerapi.Streams // of a run
	Stdin     []byte            // for the container, when Attach.Stdin
	Remove    bool              // a run's container goes when it has exited
	Timeout   time.Duration     // of a run, after which it is stopped; 0 is none
	Claim     *Claim            // when an attached run is taken over from the broker; nil is the dispatcher's own rule
	Retries   int               // attempts after the first
	RetryOn   retryOn
	ExitCodes map[int]step

	// What Resolve reads before it knows all of it.
	networks, published []any
	noHealthcheck       bool

	// RemovePending says that a run with Remove of the same container was in work when this message came, so that a
	// container that is not there has been removed, not missed.
	RemovePending bool
}

// Attached says whether the message is in work until its container has exited.
func (c *Command) Attached() bool { return c.Attach.Stdin || c.Attach.Stdout || c.Attach.Stderr }

// verb is a word that Dockercmd may have.
type verb struct {
	name     string
	aliases  []string
	required string                        // the argument that cannot be left out
	check    func(*Command, Message) error // joint rules of its keys; nil is none
}

var verbs = [...]verb{
	{name: "run", required: "Image", check: checkRun},
	{name: "stop", required: "Container"},
	{name: "remove", aliases: []string{"rm"}, required: "Container"},
}

// Resolve makes the command of a message, for the dispatcher of that name. Every error is an *Invalid.
func Resolve(m Message, dispatcher string) (Command, error) {
	v, err := findVerb(m)
	if err != nil {
		return Command{}, err
	}
	c := Command{Verb: v.name, Query: url.Values{}, Body: map[string]any{}, Message: m.identity}
	if err := c.apply("", m.Arguments, arguments[:]); err != nil {
		return Command{}, err
	}
	if !has(m.Arguments, v.required) {
		return Command{}, &Invalid{Key: v.required, Problem: v.name + " needs it"}
	}
	if err := c.apply("Options", m.Options, options[:]); err != nil {
		return Command{}, err
	}
	if v.check != nil {
		if err := v.check(&c, m); err != nil {
			return Command{}, err
		}
	}
	c.sign(m, dispatcher)
	return c, nil
}

// sign adds the labels and the variable that make the container the record of its message.
func (c *Command) sign(m Message, dispatcher string) {
	labels := m.labels()
	labels[labelDispatcher] = dispatcher
	if c.Remove {
		labels[labelRemove] = "true"
	}
	if !c.Attached() {
		labels[labelDetached] = "true"
	}
	env, _ := c.Body["Env"].([]string)
	c.set("Env", append(env, envAttempt+"="+labels[labelAttempt]))
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
		default:
			c.Query.Set(row.query, fmt.Sprint(value))
		}
	}
	return nil
}

func (c *Command) row(path, key string, table []option) (*option, error) {
	what := "key"
	if path != "" {
		what = "option"
	}
	var known, others []string
	for i := range table {
		switch row := &table[i]; {
		case row.name == key && row.of(c.Verb):
			return row, nil
		case row.of(c.Verb):
			known = append(known, row.name)
		case row.name == key:
			others = append(others, strings.Fields(row.verbs)...)
		}
	}
	problem := "unknown " + what + " of " + c.Verb + guess(key, known)
	switch {
	case path == "" && takes(options[:], c.Verb, key):
		problem = "it belongs into Options"
	case path != "" && takes(arguments[:], c.Verb, key):
		problem = "it belongs beside Options, not into it"
	case len(others) > 0:
		problem = "no " + what + " of " + c.Verb + ", but of " + strings.Join(others, " and ")
	case path != "":
		problem = cmp.Or(c.exclusion(key), problem)
	}
	return nil, &Invalid{Key: join(path, key), Problem: problem}
}

// exclusion is why a flag that docker has is no option; "" for all other keys.
func (c *Command) exclusion(key string) string {
	for _, flag := range excluded {
		if flag.name == key && making == c.Verb {
			return flag.reason
		}
	}
	return ""
}

// takes says whether a verb has a key in that table.
func takes(table []option, verb, key string) bool {
	return slices.ContainsFunc(table, func(row option) bool { return row.name == key && row.of(verb) })
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

func (c *Command) labels() map[string]string { return c.Body["Labels"].(map[string]string) }

func has(members []Member, key string) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return m.Key == key })
}

// detachKeys are what the Engine takes, in the input of a terminal, for the wish to leave it: ctrl-p and ctrl-q.
const detachKeys = "\x10\x11"

const detachedProblem = `nobody waits for the container's exit; add "STDOUT" or "STDERR" to Options.Attach`

func checkRun(c *Command, m Message) error {
	if err := c.complete(m); err != nil {
		return err
	}
	given := "Stdin"
	if has(m.Arguments, "StdinBase64") {
		given = "StdinBase64"
	}
	switch {
	case has(m.Arguments, "Stdin") && has(m.Arguments, "StdinBase64"):
		return &Invalid{Key: "StdinBase64", Problem: "given together with Stdin; one of them is enough"}
	case has(m.Arguments, given) && !c.Attach.Stdin:
		return &Invalid{Key: given, Problem: `nobody would read it; add "STDIN" to Options.Attach`}
	case c.Attach.Tty && bytes.Contains(c.Stdin, []byte(detachKeys)):
		return &Invalid{Key: given, Problem: "it has ctrl-p and ctrl-q, by which a terminal is left; leave Options.Tty out"}
	case c.Retries == 0 && slices.Contains(slices.Collect(maps.Values(c.ExitCodes)), again):
		return &Invalid{Key: "Options.ExitCodes", Problem: `"retry" needs Options.Retries, which says how often`}
	case c.Retries == 0 && c.RetryOn.given:
		return &Invalid{Key: "Options.RetryOn", Problem: "it needs Options.Retries, which says how often"}
	case c.Attached():
		return nil
	}
	for _, key := range []string{"Timeout", "Claim", "ExitCodes"} {
		if has(m.Options, key) {
			return &Invalid{Key: join("Options", key), Problem: detachedProblem}
		}
	}
	if c.Retries > 0 && c.RetryOn.needsExit() {
		return &Invalid{Key: "Options.Retries", Problem: detachedProblem + `, or set Options.RetryOn to ["engine"]`}
	}
	if c.Remove {
		c.set("HostConfig.AutoRemove", true) // nobody here learns of its exit
	}
	return nil
}

// guess finishes an error about an unknown word with the known one that was meant, if there is one near.
func guess(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := edits(strings.ToLower(word), strings.ToLower(k)); d < distance && d < len(k) {
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

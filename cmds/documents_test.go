package cmds

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"docker-dispatch/wire"
)

// documentFile has all keys of all messages, from the tables of the program:
//
//	go test ./cmds -run Documents -update    # writes what is behind its mark anew
const documentFile = "../docs/messages.md"

const documentMark = "<!-- go test ./cmds -run Documents -update -->\n"

// shownMessages are the documents' own, one for each verb or several. What else stands there as an example is one of those that docker's
// CLI is compared by.
var shownMessages = []string{
	`{"Dockercmd": "run", "Image": "debian:jessie", "Cmd": ["echo", "hello world!"], "Options": {"Name": "hello_world", "Attach": ["STDOUT", "STDERR"], "Remove": true}}`,
	`{"Dockercmd": "run", "Image": "debian:jessie", "Cmd": ["./import"], "Options": {"Attach": ["STDOUT"], "Timeout": 600, "Claim": "1m", "Retries": 3, "RetryOn": ["exit", "timeout", 75], "ExitCodes": {"75": "retry", "64": "dead"}}}`,
	`{"Dockercmd": "run", "Image": "debian:jessie", "Cmd": ["sha256sum"], "Options": {"Attach": ["STDIN", "STDOUT"]}, "Stdin": "hello world!\n"}`,
	`{"Dockercmd": "create", "Image": "debian:jessie", "Cmd": ["sleep", "60"], "Options": {"Name": "sleeper", "Memory": "64m"}}`,
	`{"Dockercmd": "start", "Container": "sleeper", "Options": {"Attach": true}}`,
	`{"Dockercmd": "stop", "Container": "sleeper", "Options": {"Timeout": 5}}`,
	`{"Dockercmd": "restart", "Container": "sleeper"}`,
	`{"Dockercmd": "kill", "Container": "sleeper", "Options": {"Signal": "HUP"}}`,
	`{"Dockercmd": "pause", "Container": "sleeper"}`,
	`{"Dockercmd": "unpause", "Container": "sleeper"}`,
	`{"Dockercmd": "remove", "Container": "sleeper", "Options": {"Force": true}}`,
	`{"Dockercmd": "wait", "Container": "sleeper"}`,
	`{"Dockercmd": "exec", "Container": "db", "Cmd": ["psql", "-c", "select 1"], "Options": {"User": "postgres"}}`,
	`{"Dockercmd": "logs", "Container": "db", "Options": {"Since": "42m", "Tail": 100}}`,
	`{"Dockercmd": "inspect", "Container": "db"}`,
	`{"Dockercmd": "inspect", "Image": "debian:jessie"}`,
	`{"Dockercmd": "rename", "Container": "db", "NewName": "old_db"}`,
	`{"Dockercmd": "update", "Container": "db", "Options": {"Memory": "512m", "MemorySwap": "1g", "Restart": "unless-stopped"}}`,
	`{"Dockercmd": "pull", "Image": "debian:jessie"}`,
	`{"Dockercmd": "ps", "Options": {"All": true, "Filter": ["status=exited"]}}`,
	`{"Dockercmd": "cp", "Container": "db", "Path": "/etc/hostname"}`,
	`{"Dockercmd": "rmi", "Image": "debian:jessie"}`,
	`{"Dockercmd": "volume create", "Volume": "data", "Options": {"Driver": "local", "Opt": ["type=tmpfs", "device=tmpfs", "o=size=64m"], "Label": {"team": "blue"}}}`,
	`{"Dockercmd": "volume rm", "Volume": "data"}`,
	`{"Dockercmd": "network create", "Network": "backend", "Options": {"Driver": "bridge", "Subnet": "10.1.0.0/16", "Gateway": "10.1.0.1", "Internal": true}}`,
	`{"Dockercmd": "network rm", "Network": "backend"}`,
	`{"Dockercmd": "network connect", "Network": "backend", "Container": "db", "Options": {"Alias": "database", "Ip": "10.1.0.9"}}`,
	`{"Dockercmd": "network disconnect", "Network": "backend", "Container": "db"}`,
}

// The documents are those of the program.
func TestDocumentsAreCurrent(t *testing.T) {
	text := readFile(t, documentFile)
	head, got, found := strings.Cut(text, documentMark)
	if !found {
		t.Fatalf("%s has not %q", documentFile, documentMark)
	}
	want := newDocument(t).String()
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the program has now; write it anew with -update", documentFile)
	}
	if err := os.WriteFile(documentFile, []byte(head+documentMark+want), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Each verb has its line in the README, with the keys that it needs.
func TestReadmeNamesTheVerbs(t *testing.T) {
	lines := strings.Split(readFile(t, "../README.md"), "\n")
	for _, v := range verbs {
		i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "| [`"+v.name+"`](docs/messages.md#") })
		if i < 0 {
			t.Errorf("README.md has no line of %s", v.name)
			continue
		}
		for _, word := range append(strings.Fields(v.required), v.aliases...) {
			if !strings.Contains(lines[i], "`"+word+"`") {
				t.Errorf("README.md: %s: there is no `%s` in\n%s", v.name, word, lines[i])
			}
		}
	}
}

// document is the text, and the messages that have the examples.
type document struct {
	strings.Builder
	t        *testing.T
	examples []example
}

// example is a message that is understood, and its verb, which it may have called by another word.
type example struct {
	Message
	verb  string
	shown bool
}

func newDocument(t *testing.T) *document {
	d := &document{t: t}
	for i, m := range slices.Concat(shownMessages, comparedMessages(t)) {
		if c, err := understand(m); err == nil {
			message, _ := Decode(wire.Delivery{Body: []byte(m)}, testMaxBody)
			d.examples = append(d.examples, example{message, c.Verb, i < len(shownMessages)})
		}
	}
	for i := range verbs {
		d.verb(&verbs[i])
	}
	return d
}

// comparedMessages are what docker's CLI is asked, too.
func comparedMessages(t *testing.T) (messages []string) {
	for _, c := range oracleCases {
		_, flags := splitCase(c)
		messages = append(messages, messageOf(t, flags))
	}
	for _, c := range sequenceCases {
		line := readLine(c)
		messages = append(messages, line.message(t))
	}
	return messages
}

func (d *document) verb(v *verb) {
	fmt.Fprintf(d, "\n## `%s`\n", v.name)
	if len(v.aliases) > 0 {
		fmt.Fprintf(d, "\nAlso `%s`.\n", strings.Join(v.aliases, "`, `"))
	}
	d.messages(v)
	d.keys(v)
	d.options(v)
	d.exclusions(v)
}

func (d *document) messages(v *verb) {
	d.WriteString("\n```json\n")
	shown := 0
	for _, m := range shownMessages {
		if strings.HasPrefix(m, `{"Dockercmd": "`+v.name+`"`) {
			d.WriteString(m + "\n")
			shown++
		}
	}
	d.WriteString("```\n")
	if shown == 0 {
		d.t.Errorf("%s has no message to show", v.name)
	}
}

// keys are in the order of the program, those that are needed first.
func (d *document) keys(v *verb) {
	required := strings.Fields(v.required)
	rows := rowsOf(v, arguments[:])
	slices.SortStableFunc(rows, func(a, b option) int {
		return slices.Index(append(required, a.name), a.name) - slices.Index(append(required, b.name), b.name)
	})
	heading := "\n| key | is | sets |\n|---|---|---|\n"
	for _, row := range rows {
		is := row.is()
		if slices.Contains(required, row.name) {
			is += "; needed"
		}
		fmt.Fprintf(d, "%s| `%s` | %s | %s |\n", heading, row.name, is, row.sets())
		heading = ""
	}
}

// options are docker's by their names, and then ours.
func (d *document) options(v *verb) {
	if v.name == "create" {
		fmt.Fprintf(d, "\nThe options are those of `run` that are docker's: all but `%s`.\n", strings.Join(ownOptions, "`, `"))
		return
	}
	rows := rowsOf(v, options[:])
	slices.SortFunc(rows, func(a, b option) int {
		return cmp.Or(cmp.Compare(min(len(b.flag()), 1), min(len(a.flag()), 1)), cmp.Compare(a.name, b.name))
	})
	heading := "\n| option | is | example | docker's flag | sets | API version |\n|---|---|---|---|---|---|\n"
	for _, row := range rows {
		fmt.Fprintf(d, "%s| `%s` | %s | `%s` | %s | %s | %s |\n", heading, row.name, row.is(), d.valueOf(v, &row), code(row.flag()), row.sets(), row.versions())
		heading = ""
	}
}

// rowsOf are the rows of a table that a verb has.
func rowsOf(v *verb, table []option) (rows []option) {
	for _, row := range table {
		if row.of(v.name) {
			rows = append(rows, row)
		}
	}
	return rows
}

func (d *document) exclusions(v *verb) {
	heading := "\n| no option | because |\n|---|---|\n"
	for _, e := range excluded {
		if among(e.verbs, v.name) && v.name != "create" {
			fmt.Fprintf(d, "%s| `%s` | %s |\n", heading, e.name, e.reason)
			heading = ""
		}
	}
}

// valueOf is the best value of an option in the messages of the verb, or else in those of another verb that shares the option.
func (d *document) valueOf(v *verb, option *option) string {
	if option.kind == &kindFlag {
		return "true"
	}
	for _, verb := range append([]string{v.name}, strings.Split(option.verbs, ", ")...) {
		found, best := "", -1
		for _, m := range d.examples {
			i := slices.IndexFunc(m.Options, func(o Member) bool { return o.Key == option.name })
			if i >= 0 && m.verb == verb && m.worth(m.Options[i].Value) > best {
				found, best = cell(d.t, m.Options[i].Value), m.worth(m.Options[i].Value)
			}
		}
		if found != "" {
			return found
		}
	}
	d.t.Errorf("%s: %s has no example", v.name, option.name)
	return ""
}

// worth says how much a value of the message tells: most if it is shown, more if it stands alone, and nothing if it is as good as none.
func (m *example) worth(value json.RawMessage) int {
	switch {
	case slices.Contains([]string{`""`, `0`, `"0s"`}, string(value)):
		return 0
	case m.shown:
		return 3
	case len(m.Options) == 1:
		return 2
	}
	return 1
}

// cell is a JSON value as it stands in a table.
func cell(t *testing.T, raw json.RawMessage) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(raw); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(text.String(), "\n"), "|", `\|`)
}

// sets is the field of the body, or the key in the query, that has the value in the request to the Engine.
func (o *option) sets() string {
	switch {
	case o.body != "":
		return code(o.body)
	case o.query != "":
		return code("?" + o.query + "=")
	}
	return ""
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

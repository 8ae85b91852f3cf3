package main

// What an auditor runs. The contract holds the whole to its picture: who imports whom, which Docker API calls there are,
// what README.md promises; it needs nothing but Go. The rest runs the program itself, against a real Docker Engine and a
// real RabbitMQ, and is on when DOCKER_DISPATCH_E2E is set: then a daemon that is not there is a failure.
//
//	go test .                            the contract
//	DOCKER_DISPATCH_E2E=1 go test .      everything; as root, since two tests start daemons of their own
//
// Helpers are at the end.

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"docker-dispatch/cmds"
	"docker-dispatch/wire"
	"docker-dispatch/wire/stdcopy"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Contract: layers and dependencies

const module = "docker-dispatch"

// layers is the picture of the program: each package, and all that it may import beside the standard library.
var layers = map[string][]string{
	module:                    {module + "/cmds", module + "/dockerapi", module + "/wire", module + "/wire/amqp"},
	module + "/cmds":          {module + "/dockerapi", module + "/wire"},
	module + "/dockerapi":     {module + "/wire", module + "/wire/http1", module + "/wire/stdcopy"},
	module + "/wire":          {},
	module + "/wire/amqp":     {module + "/wire", "github.com/rabbitmq/amqp091-go"},
	module + "/wire/http1":    {},
	module + "/wire/stdcopy":  {},
	module + "/wire/wiretest": {},
}

func TestLayers(t *testing.T) {
	var seen []string
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{len .CgoFiles}}{{range .Imports}} {{.}}{{end}}`, "./...") {
		fields := strings.Fields(line)
		path, cgo, imports := fields[0], fields[1], fields[2:]
		seen = append(seen, path)
		allowed, known := layers[path]
		if !known {
			t.Errorf("%s is a package that the picture does not have", path)
		}
		if cgo != "0" {
			t.Errorf("%s uses cgo", path)
		}
		for _, imported := range imports {
			if !isStandard(imported) && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s; it may import the standard library and %q", path, imported, allowed)
			}
		}
	}
	if want := slices.Sorted(maps.Keys(layers)); !slices.Equal(seen, want) {
		t.Errorf("packages:\n got %q\nwant %q", seen, want)
	}
}

// isStandard tells the packages of Go's own library: the first element of every other path is this module, or has a dot.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first != module && !strings.Contains(first, ".")
}

// forbidden is what the shipped program does without, and why.
var forbidden = map[string]string{
	"net/http":                "HTTP is spoken by wire/http1: that is what makes the program small, and all of it readable",
	"expvar":                  "it brings net/http, and publishes the command line with the broker's password",
	"os/exec":                 "the program starts no programs: the one in a scratch image has none",
	"plugin":                  "what is not in the binary cannot be audited",
	"runtime/cgo":             "the binary is static",
	module + "/wire/wiretest": "it is for tests",
	"testing":                 "it is for tests",
}

func TestShippedDependencies(t *testing.T) {
	for _, path := range goList(t, "-deps", ".") {
		if why, found := forbidden[path]; found {
			t.Errorf("the program depends on %s: %s", path, why)
		}
	}
}

func TestOneRequire(t *testing.T) {
	const require = "github.com/rabbitmq/amqp091-go "
	got := modRequires(t)
	if len(got) != 1 || !strings.HasPrefix(got[0], require) {
		t.Errorf("go.mod requires %q; one module, %s, is all that is allowed", got, require)
	}
}

func modRequires(t *testing.T) []string {
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(output(t, "go", "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range mod.Require {
		all = append(all, r.Path+" "+r.Version)
	}
	return all
}

// Contract: every Docker API call is in one table

// callsFile is where the paths of the Engine's API are. One other literal looks like a path, and is the version before them.
const (
	callsFile     = "dockerapi/calls.go"
	versionFile   = "dockerapi/client.go"
	versionPrefix = "/v1.%d"
)

func TestOnlyTheCallsTableHoldsPaths(t *testing.T) {
	looksLikePath := regexp.MustCompile(`^/(v1\..*|` + strings.Join(firstSegments(t), "|") + `)([/?].*)?$|/(containers|images)/`)
	inTable := 0
	for _, file := range shippedSource(t) {
		for _, lit := range stringLiterals(t, file) {
			switch {
			case !looksLikePath.MatchString(lit.value):
			case file == callsFile:
				inTable++
			case file != versionFile || lit.value != versionPrefix:
				t.Errorf("%s: %q looks like a path of the Engine's API; those are in %s alone", lit.at, lit.value, callsFile)
			}
		}
	}
	if rows := len(printedCalls(t)); inTable != rows {
		t.Errorf("%s has %d paths, and docker-dispatch calls prints %d rows", callsFile, inTable, rows)
	}
}

// firstSegments are those of all paths that the Engine knows, such as containers.
func firstSegments(t *testing.T) (segments []string) {
	for _, known := range operations(t) {
		segments = append(segments, regexp.QuoteMeta(strings.Split(known.path, "/")[1]))
	}
	slices.Sort(segments)
	return slices.Compact(segments)
}

func TestCallsAreTheEnginesOperations(t *testing.T) {
	known := operations(t)
	for _, call := range printedCalls(t) {
		if !slices.Contains(known, call) {
			t.Errorf("docker-dispatch calls prints %v, which is no operation of Docker's Engine API", call)
		}
	}
}

// operation is a row of moby's api/swagger.yaml, or of the program's own table.
type operation struct{ id, method, path string }

// operations are those of testdata/operations.txt: operationId, method and path of every operation in moby's
// api/swagger.yaml, API 1.56.
func operations(t *testing.T) []operation {
	return threeColumns(t, readFile(t, "testdata/operations.txt"))
}

func printedCalls(t *testing.T) []operation {
	_, table, _ := strings.Cut(string(output(t, program(t), "calls")), "\n") // without the heading
	return threeColumns(t, table)
}

func threeColumns(t *testing.T, table string) (rows []operation) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			t.Fatalf("%q is not a row", line)
		}
		rows = append(rows, operation{fields[0], fields[1], fields[2]})
	}
	return rows
}

type literal struct{ value, at string }

func stringLiterals(t *testing.T, file string) (found []literal) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			value, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, literal{value, files.Position(lit.Pos()).String()})
		}
		return true
	})
	return found
}

// shippedSource is every file of Go that the program is made of.
func shippedSource(t *testing.T) []string {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range goList(t, "-f", `{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}`, "./...") {
		if file, ok := strings.CutPrefix(file, root+"/"); ok {
			files = append(files, file)
		}
	}
	if len(files) < len(layers) {
		t.Fatalf("only %d source files found: %q", len(files), files)
	}
	return files
}

// Contract: README.md and examples

func TestExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		checkMessage(t, file, []byte(readFile(t, file)))
	}
}

func TestReadmeMessagesAreValid(t *testing.T) {
	messages := 0
	for _, block := range fenced(readFile(t, "README.md"), "json") {
		for values := json.NewDecoder(strings.NewReader(block)); ; {
			var value json.RawMessage
			err := values.Decode(&value)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("README.md: %v in\n%s", err, block)
				break
			}
			var keys map[string]any
			if json.Unmarshal(value, &keys) == nil && keys["Dockercmd"] != nil && keys["Event"] == nil {
				checkMessage(t, "README.md", value)
				messages++
			}
		}
	}
	if messages == 0 {
		t.Error("README.md shows no message")
	}
}

func checkMessage(t *testing.T, where string, body []byte) {
	t.Helper()
	message, err := cmds.Decode(wire.Delivery{Body: body}, 16<<20)
	if err == nil {
		_, err = cmds.Resolve(message, "auditor")
	}
	if err != nil {
		t.Errorf("%s: %v in\n%s", where, err, body)
	}
}

func TestReadmeNamesWhatThereIs(t *testing.T) {
	readme := readFile(t, "README.md")
	for what, words := range map[string][]string{
		"option":            printedOptions(t),
		"status":            statuses(t),
		"label":             {"docker-dispatch.message-id", "docker-dispatch.queue"},
		"header":            {"docker-dispatch-reason"},
		"environment":       {"$DOCKER_HOST", "$AMQP_URL", "$DOCKER_DISPATCH_NAME"},
		"Docker API's list": {"docker-dispatch calls"},
	} {
		for _, word := range words {
			if !regexp.MustCompile("`" + regexp.QuoteMeta(word) + "[` ]").MatchString(readme) {
				t.Errorf("README.md does not name the %s `%s`", what, word)
			}
		}
	}
}

func TestReadmeNamesTheExitCodes(t *testing.T) {
	readme := readFile(t, "README.md")
	for _, code := range []string{strconv.Itoa(exitOK), strconv.Itoa(exitFailed), strconv.Itoa(exitUsage), "128 + n"} {
		if !strings.Contains(readme, "\n| "+code+" | ") {
			t.Errorf("README.md has no row for exit code %s", code)
		}
	}
}

func TestReadmeCommandsExist(t *testing.T) {
	readme := readFile(t, "README.md")
	targets := regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(readFile(t, "Makefile"), -1)
	options := printedOptions(t)
	for _, fence := range []string{"", "sh", "console", "bash"} {
		for _, block := range fenced(readme, fence) {
			for _, use := range regexp.MustCompile(`(?m)^(?:\$ )?make ([a-z]+)`).FindAllStringSubmatch(block, -1) {
				if !slices.ContainsFunc(targets, func(target []string) bool { return target[1] == use[1] }) {
					t.Errorf("README.md: make %s: the Makefile has no such target", use[1])
				}
			}
			for _, use := range regexp.MustCompile(`(?m)^(?:\$ )?(?:\S*/)?docker-dispatch((?: +-[a-z-]+(?: +[^-/\s]\S*)?)*)`).FindAllStringSubmatch(block, -1) {
				for _, option := range regexp.MustCompile(`(?:^| )-[a-z-]+`).FindAllString(use[1], -1) {
					if option := strings.TrimSpace(option); !slices.Contains(options, option) {
						t.Errorf("README.md: %q: there is no option %s", strings.TrimSpace(use[0]), option)
					}
				}
			}
		}
	}
}

// printedOptions are the options that docker-dispatch -h prints, and -h.
func printedOptions(t *testing.T) []string {
	options := []string{"-h"}
	for _, match := range regexp.MustCompile(`(?m)^  (-[a-z-]+)`).FindAllStringSubmatch(string(output(t, program(t), "-h")), -1) {
		options = append(options, match[1])
	}
	if len(options) < 9 {
		t.Errorf("docker-dispatch -h prints the options %q, and there are more", options)
	}
	return options
}

// statuses are the words of the constants of type cmds.Status.
func statuses(t *testing.T) (words []string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "cmds/result.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Status" {
			word, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			words = append(words, word)
		}
		return false
	})
	if len(words) == 0 {
		t.Error("cmds/result.go has no constants of type Status")
	}
	return words
}

// fenced are the blocks between ```lang and ```.
func fenced(markdown, lang string) (blocks []string) {
	for _, match := range regexp.MustCompile("(?ms)^```"+lang+"\n(.*?)^```$").FindAllStringSubmatch(markdown, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// Contract: the command line

func TestCommandLineMistakes(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-", "dockerHostAddr"},
		{"amqp://user:secret@localhost/", "dockerHostAddr"},
		{"amqps://user:secret@localhost/", "dockerHostAddr"},
		{"/socket http://user:secret@localhost/", "amqp:// or amqps://"},
		{"/socket amqp://user:sec/ret@localhost/", "%2F"},
		{"/socket amqp://user:secret@localhost/?hartbeat=1", "hartbeat"},
		{"localhost:2375 amqp://user:secret@localhost/ more", "3 arguments"},
		{"ssh://root@localhost", "ssh:// is not spoken; spoken are host:port, tcp://host[:port], an absolute socket path and unix:///path"},
		{"npipe:////./pipe/docker_engine", "npipe:// is not spoken"},
		{"fd://", "fd:// is not spoken"},
		{"unix://docker.sock", "the socket path is not absolute"},
		{"docker.sock", "no port"},
		{"tcp://localhost:docker", `"docker" is not a port`},
		{"-c 0", `-c "0": 1 to 65535`},
		{"-c many", "-c"},
		{"-o xml", `-o "xml": text or json`},
		{"-q " + strings.Repeat("q", 251), `": a queue's name has 1 to 250 bytes`},
		{"-queue-type stream", `-queue-type "stream": classic or quorum`},
		{"-drain -1s", "-drain"},
		{"-max-body 0", `-max-body "0": at least 1 byte`},
		{"-colour", "-colour"},
	} {
		code, stdout, stderr := finish(t, nil, strings.Fields(c.args)...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
			t.Errorf("docker-dispatch %s: exit code %d, stdout %q, stderr %q; want %d and one line with %q", c.args, code, stdout, stderr, exitUsage, c.says)
		}
		if strings.Contains(stderr, "secret") || strings.Contains(stderr, "sec/ret") {
			t.Errorf("docker-dispatch %s: stderr shows the password: %s", c.args, stderr)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for option, begins := range map[string]string{
		"-h":       "usage: docker-dispatch [options] [dockerHostAddr [amqpAddr]]\n",
		"-version": "docker-dispatch ",
	} {
		code, stdout, stderr := finish(t, nil, option)
		if code != exitOK || !strings.HasPrefix(stdout, begins) || stderr != "" {
			t.Errorf("docker-dispatch %s: exit code %d, stdout %q, stderr %q", option, code, stdout, stderr)
		}
	}
}

// End to end: what a user is promised

// threeMessages are those of README.md, sent back to back; threeResponses what they print, sorted, since the container may
// end before or after it is told to.
var (
	threeMessages  = []string{"examples/hello.json", "examples/stop.json", "examples/remove.json"}
	threeResponses = `hello_world          = exited 0 in #s
hello_world          = removed
hello_world          = stopped
hello_world          | hello world!
`
)

func TestThreeMessages(t *testing.T) {
	here := e2e(t)
	t.Run("from a queue", func(t *testing.T) {
		p := start(t, here, "-o", "text")
		for i, file := range threeMessages {
			p.send(fmt.Sprint(i), readFile(t, file))
		}
		p.await("three responses", func() bool { return strings.Count(p.read(), " = ") == 3 })
		p.leave(exitOK)
		equal(t, sortedLines(p.read()), threeResponses)
		p.checkSettled(0, 0)
	})
	t.Run("from standard input", func(t *testing.T) {
		var messages string
		for _, file := range threeMessages {
			messages += readFile(t, file)
		}
		code, stdout, stderr := finish(t, strings.NewReader(messages), here.engine.address, "-")
		if code != exitOK || sortedLines(stdout) != threeResponses {
			t.Errorf("exit code %d, stderr:\n%s", code, stderr)
			equal(t, sortedLines(stdout), threeResponses)
		}
	})
}

func TestStandardInput(t *testing.T) {
	here := e2e(t)
	name := unique()
	good, done := body(t, runOf(attached(name), "true")), name+" = exited 0 in #s\n"
	for _, c := range []struct {
		what, input, stdout string
		code                int
	}{
		{"nothing", "", "", exitOK},
		{"a message", good, done, exitOK},
		{"a container that fails", body(t, runOf(attached(name), "false")), name + " = exited 1 in #s\n", exitFailed},
		{"a refusal", body(t, removeOf(name)), name + " = error: no such container: " + name + "\n", exitFailed},
		{"a bad message among good ones", good + `{"Dockercmd":"run"}` + good,
			done + "-                    = error: Image: run needs it\n" + done, exitFailed},
		{"what is not JSON, which hides all behind it", good + "}" + good,
			done + "-                    = error: not JSON: line 1, column 1: invalid character '}' looking for beginning of value\n", exitFailed},
	} {
		code, stdout, stderr := finish(t, strings.NewReader(c.input), "-c", "1", "-name", name, here.engine.address, "-")
		if code != c.code || sortedLines(stdout) != sortedLines(c.stdout) {
			t.Errorf("%s: exit code %d, want %d; stdout\n%swant\n%sstderr\n%s", c.what, code, c.code, stdout, c.stdout, stderr)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	for _, c := range []struct {
		id     string
		run    message
		status cmds.Status
		code   int
	}{
		{"true", runOf(attached(""), "true"), cmds.StatusExited, 0},
		{"false", runOf(attached(""), "false"), cmds.StatusExited, 1},
		{"any code is an exit", runOf(attached(""), "sh", "-c", "exit 125"), cmds.StatusExited, 125},
		{"killed by itself", runOf(attached(""), "sh", "-c", "sh -c 'kill -9 $$'; exit $?"), cmds.StatusExited, 137},
		{"no such image", with(runOf(attached(""), "true"), "Image", "localhost:1/none"), cmds.StatusFailed, 125},
		{"no image at all", with(runOf(attached(""), "true"), "Image", "UPPER/case"), cmds.StatusFailed, 125},
		{"no such command", runOf(attached(""), "no-such-command"), cmds.StatusFailed, 127},
		{"no such path", runOf(attached(""), "/no/such/path"), cmds.StatusFailed, 127},
		{"not executable", runOf(attached(""), "/etc/passwd"), cmds.StatusFailed, 126},
		{"a directory", runOf(attached(""), "/etc"), cmds.StatusFailed, 126},
	} {
		p.send(c.id, c.run)
		r := p.result(c.id)
		if r.Status != c.status || r.ExitCode == nil || *r.ExitCode != c.code || (r.Error == "") != (c.status == cmds.StatusExited) {
			t.Errorf("%s: %s, want %s %d", c.id, r, c.status, c.code)
		}
	}
	name := unique()
	p.send("killed", runOf(attached(name), "sleep", "3600"))
	p.send("killer", stopOf(name, 0))
	p.expect("killer", cmds.StatusStopped)
	p.expectExit("killed", 137)
	p.leave(exitOK)
	p.checkSettled(0, 0)
}

// bulk is written to both outputs at once, half to each: text to one, random bytes to the other. Each ends with its sha256.
const bulk = 64 << 20

func TestBothOutputsAreWhole(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	script := fmt.Sprintf(`
		yes "a line of text" | head -c %[1]d >/tmp/text
		head -c %[1]d /dev/urandom >/tmp/bytes
		{ cat /tmp/bytes; sha256sum </tmp/bytes; } >&2 &
		{ cat /tmp/text; sha256sum </tmp/text; }
		wait`, bulk/2)
	p.send("bulk", runOf(attached(""), "sh", "-c", script))
	p.within(3*time.Minute).expectExit("bulk", 0)
	for _, stream := range []string{"stdout", "stderr"} {
		checkSum(t, stream, p.output("bulk", stream), bulk/2)
	}
	p.leave(exitOK)
}

// checkSum holds data to be size bytes and then what sha256sum prints of them.
func checkSum(t *testing.T, what, data string, size int) {
	t.Helper()
	if len(data) < size {
		t.Errorf("%s: %d bytes, want %d and their sum", what, len(data), size)
		return
	}
	sum := sha256.Sum256([]byte(data[:size]))
	if got, want := data[size:], hex.EncodeToString(sum[:])+"  -\n"; got != want {
		t.Errorf("%s: behind %d bytes with the sum %q stands %.100q", what, size, want, got)
	}
}

func TestStandardInputOfAContainer(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	data := make([]byte, 10<<20)
	rand.Read(data)
	through := message{"Attach": []string{"STDIN", "STDOUT"}, "Remove": true}
	p.send("large", with(runOf(through, "cat"), "StdinBase64", base64.StdEncoding.EncodeToString(data)))
	p.send("text", with(runOf(through, "cat"), "Stdin", "héllo\n"))
	p.send("none", runOf(attached(""), "cat"))
	p.send("not read", with(runOf(through, "true"), "StdinBase64", base64.StdEncoding.EncodeToString(data)))
	for _, id := range []string{"large", "text", "none", "not read"} {
		p.within(time.Minute).expectExit(id, 0)
	}
	if p.output("large", "stdout") != string(data) {
		t.Errorf("%d bytes went in, and others came out, %d of them", len(data), len(p.output("large", "stdout")))
	}
	equal(t, p.output("text", "stdout"), "héllo\n")
	p.leave(exitOK)
}

// TestManyShortContainers also holds that each message has one outcome.
func TestManyShortContainers(t *testing.T) {
	t.Parallel()
	const count = 200
	p := start(t, e2e(t), "-c", "8")
	var messages []amqp.Publishing
	for i := range count {
		id := fmt.Sprint("short-", i)
		messages = append(messages, amqp.Publishing{MessageId: id, Body: []byte(body(t, runOf(attached(""), "printf", "no newline after "+id)))})
	}
	publish(t, p.site, p.queue, messages...)
	p.within(4*time.Minute).await("all results", func() bool { return len(p.results()) >= count })
	for i := range count {
		id := fmt.Sprint("short-", i)
		p.expectExit(id, 0)
		equal(t, p.output(id, "stdout"), "no newline after "+id)
		equal(t, p.output(id, "stderr"), "")
	}
	p.leave(exitOK)
	p.checkOnce(count)
	p.checkSettled(0, 0)
}

func TestDetached(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	name := unique()
	p.send("run", runOf(message{"Name": name}, "sleep", "3600"))
	r := p.expect("run", cmds.StatusStarted)
	if c, found := p.container(name); !found || c.ID != r.Id || c.State != "running" {
		t.Errorf("%s, and the Engine has %+v", r, c)
	}
	p.send("stop", stopOf(name, 0))
	p.expect("stop", cmds.StatusStopped)
	p.send("stop again", stopOf(name, 0))
	p.expect("stop again", cmds.StatusStopped)
	p.send("remove", removeOf(name))
	p.expect("remove", cmds.StatusRemoved)

	p.send("gone by itself", runOf(message{"Name": name, "Remove": true}, "true"))
	p.expect("gone by itself", cmds.StatusStarted)
	p.await("the Engine to remove it", func() bool { _, found := p.container(name); return !found })
	p.leave(exitOK)
}

func TestMessagesOfOneContainerKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const count = 10
	p := start(t, e2e(t))
	var messages []amqp.Publishing
	for range count {
		name := unique()
		for verb, m := range map[string]message{"1 run": runOf(attached(name), "sleep", "3600"), "2 stop": stopOf(name, 0), "3 remove": removeOf(name)} {
			messages = append(messages, amqp.Publishing{MessageId: name + verb, Body: []byte(body(t, m))})
		}
	}
	slices.SortFunc(messages, func(a, b amqp.Publishing) int { return cmp.Compare(a.MessageId, b.MessageId) })
	publish(t, p.site, p.queue, messages...)
	for _, m := range messages {
		switch id := m.MessageId; id[len(id)-1] {
		case 'n':
			p.within(time.Minute).expectExit(id, 137)
		case 'p':
			p.within(time.Minute).expect(id, cmds.StatusStopped)
		default:
			p.within(time.Minute).expect(id, cmds.StatusRemoved)
		}
	}
	p.leave(exitOK)
	p.checkOnce(len(messages))
}

func TestANameIsFreeWhenItsRunHasItsResult(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	name := unique()
	for i := range 10 {
		p.send(fmt.Sprint(i), runOf(attached(name), "true"))
		p.expectExit(fmt.Sprint(i), 0)
	}
	p.leave(exitOK)
}

func TestStopAndRemove(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	name := unique()
	for _, c := range []struct {
		id string
		message
		status cmds.Status
		err    string
	}{
		{"stop of none", stopOf(name, 1), cmds.StatusFailed, "no such container: " + name},
		{"remove of none", removeOf(name), cmds.StatusFailed, "no such container: " + name},
		{"run", runOf(message{"Name": name, "Attach": []string{"STDOUT"}}, "true"), cmds.StatusExited, ""},
		{"stop of an ended one", stopOf(name, 1), cmds.StatusStopped, ""},
		{"a name in use", runOf(attached(name), "true"), cmds.StatusFailed, "*"},
		{"rm", message{"Dockercmd": "rm", "Container": name}, cmds.StatusRemoved, ""},
		{"run once more", runOf(message{"Name": name}, "sleep", "3600"), cmds.StatusStarted, ""},
		{"remove of a running one", removeOf(name), cmds.StatusFailed, "*"},
		{"remove by force", with(removeOf(name), "Options", message{"Force": true, "Volumes": true}), cmds.StatusRemoved, ""},
	} {
		p.send(c.id, c.message)
		r := p.expect(c.id, c.status)
		if r.Error != c.err && (c.err != "*" || r.Error == "") {
			t.Errorf("%s: the error is %q, want %q", c.id, r.Error, c.err)
		}
	}
	p.leave(exitOK)
}

func TestRemoveByForceOfAnAttachedRun(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	name := unique()
	p.send("run", runOf(attached(name), "sh", "-c", "echo here; sleep 3600"))
	p.await("its output", func() bool { return p.output("run", "stdout") == "here\n" })
	p.send("remove", with(removeOf(name), "Options", message{"Force": true}))
	p.expect("remove", cmds.StatusRemoved)
	p.expectExit("run", 137)
	p.leave(exitOK)
}

// TestTwoRemovalsAtOnce names one container in two ways, so that nothing puts the two messages in order.
func TestTwoRemovalsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	for i := range 5 {
		name := unique()
		p.send("run"+name, runOf(message{"Name": name}, "sleep", "3600"))
		r := p.expect("run"+name, cmds.StatusStarted)
		force := message{"Force": true}
		first, second := name+"name", name+"id"
		publish(t, p.site, p.queue,
			amqp.Publishing{MessageId: first, Body: []byte(body(t, with(removeOf(name), "Options", force)))},
			amqp.Publishing{MessageId: second, Body: []byte(body(t, with(removeOf(r.Id), "Options", force)))})
		removed := 0
		for _, id := range []string{first, second} {
			switch r := p.result(id); {
			case r.Status == cmds.StatusRemoved:
				removed++
			case !strings.HasPrefix(r.Error, "no such container: "):
				t.Errorf("round %d: %s", i, r)
			}
		}
		if removed == 0 {
			t.Errorf("round %d: neither removal was one", i)
		}
	}
	p.leave(exitOK)
}

// End to end: bad messages

// seedExample is a message as people write it who think of JavaScript: keys without quotes, and a comma that is missing.
const seedExample = `{
  Dockercmd: "run",
  Options: {
    Name: "hello_world",
    Attach: ["STDOUT", "STDERR"],
    Remove: true
  },
  Image: "debian:jessie"
  Cmd: ["echo", "hello world!"]
}`

const maxBody = 1 << 20

// badMessages are what is never done, and what is said of it.
var badMessages = []struct{ what, body, says string }{
	{"keys without quotes", seedExample,
		`not JSON: line 2, column 3: invalid character 'D' looking for beginning of object key string (keys need double quotes: {"Dockercmd": "run"})`},
	{"a missing comma", "{\"Dockercmd\":\"run\",\n\"Image\":\"busybox\" \"Cmd\":[]}",
		`not JSON: line 2, column 19: invalid character '"' after object key:value pair (a comma missing?)`},
	{"nothing", "",
		`not JSON: the message is empty`},
	{"half a message", `{"Dockercmd":"run"`,
		`not JSON: line 1, column 19: it ends too early; a brace, bracket or quote is not closed`},
	{"two messages", `{"Dockercmd":"remove","Container":"aa"} {"Dockercmd":"remove","Container":"bb"}`,
		`line 1, column 41: something follows the JSON object; one message is one object`},
	{"a list", `[{"Dockercmd":"remove","Container":"aa"}]`,
		`[{"Dockercmd":"remove","Container":"aa"}]: not an object, {…}`},
	{"no command", `{"Image":"busybox"}`,
		`Dockercmd: every message needs it: run, stop, remove`},
	{"an unknown command", `{"Dockercmd":"ruin","Image":"busybox"}`,
		`Dockercmd: "ruin": unknown command; did you mean run? (there are run, stop, remove)`},
	{"an unknown key", `{"Dockercmd":"run","Image":"busybox","Command":["true"]}`,
		`Command: unknown key of run`},
	{"a misspelt option", `{"Dockercmd":"run","Options":{"Atach":["STDOUT"]},"Image":"busybox"}`,
		`Options.Atach: unknown option of run; did you mean Attach?`},
	{"a key in lower case", `{"dockercmd":"run","Image":"busybox"}`, "*"},
	{"an option of another command", `{"Dockercmd":"run","Options":{"Time":5},"Image":"busybox"}`,
		`Options.Time: no option of run, but of stop`},
	{"a key of another command", `{"Dockercmd":"stop","Container":"aa","Image":"busybox"}`,
		`Image: no key of stop, but of run`},
	{"a key given twice", `{"Dockercmd":"remove","Container":"aa","Container":"bb"}`,
		`Container: given twice`},
	{"a wrong type", `{"Dockercmd":"run","Options":{"Remove":"true"},"Image":"busybox"}`,
		`Options.Remove: "true": not true or false, without quotes`},
	{"a number in a command", `{"Dockercmd":"run","Image":"busybox","Cmd":["sleep",5]}`,
		`Cmd: ["sleep",5]: not a list of strings (exec form: ["executable","param1"])`},
	{"a command in shell form", `{"Dockercmd":"run","Image":"busybox","Cmd":"echo hello"}`,
		`Cmd: "echo hello": not a list of strings (exec form: ["executable","param1"])`},
	{"null", `{"Dockercmd":"stop","Options":{"Time":null},"Container":"aa"}`,
		`Options.Time: null: not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"half a second", `{"Dockercmd":"stop","Options":{"Time":0.5},"Container":"aa"}`,
		`Options.Time: 0.5: not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"no such stream", `{"Dockercmd":"run","Options":{"Attach":["STDALL"]},"Image":"busybox"}`,
		`Options.Attach: ["STDALL"]: not a list of "STDIN", "STDOUT", "STDERR"`},
	{"no image", `{"Dockercmd":"run"}`,
		`Image: run needs it`},
	{"an empty image", `{"Dockercmd":"run","Image":""}`,
		`Image: "": not an image (try "debian:jessie")`},
	{"no container", `{"Dockercmd":"stop"}`,
		`Container: stop needs it`},
	{"an empty container", `{"Dockercmd":"remove","Container":""}`,
		`Container: "": not a container name or id (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{"a name that climbs", `{"Dockercmd":"remove","Container":"../images/busybox"}`,
		`Container: "../images/busybox": not a container name or id (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{"a name with a query", `{"Dockercmd":"run","Options":{"Name":"aa?force=1"},"Image":"busybox"}`,
		`Options.Name: "aa?force=1": not a container name (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{"input for nobody", `{"Dockercmd":"run","Image":"busybox","Stdin":"hello"}`,
		`Stdin: nobody would read it; add "STDIN" to Options.Attach`},
	{"bytes that are not UTF-8", "{\"Dockercmd\":\"remove\",\n\"Container\":\"a\xff\"}",
		`not UTF-8: line 2, column 15: byte 0xff`},
	{"nesting without end", strings.Repeat(`{"Dockercmd":`, 20_000), "*"},
	{"a line break in a key", `{"Dockercmd":"run","a\nforged = exited 0":1}`,
		`"a\nforged = exited 0": unknown key of run`},
	{"too large", `{"Dockercmd":"remove","Container":"` + strings.Repeat("a", maxBody) + `"}`,
		fmt.Sprintf("the message has %d bytes; -max-body allows %d", maxBody+37, maxBody)},
}

func TestBadMessagesAreKeptInTheDeadQueue(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t), "-max-body", strconv.Itoa(maxBody))
	for _, bad := range badMessages {
		publish(t, p.site, p.queue, amqp.Publishing{
			MessageId:     bad.what,
			CorrelationId: "correlation of " + bad.what,
			Headers:       amqp.Table{"x-own": int64(7)},
			Body:          []byte(bad.body),
		})
	}
	p.send("good", runOf(attached(""), "true"))
	p.expectExit("good", 0)
	for _, bad := range badMessages {
		r := p.expect(bad.what, cmds.StatusInvalid)
		if r.Error != bad.says && (bad.says != "*" || r.Error == "") {
			t.Errorf("%s: the error is\n%s, want\n%s", bad.what, r.Error, bad.says)
		}
	}
	p.leave(exitOK)
	p.checkSettled(0, len(badMessages))
	dead := map[string]amqp.Delivery{}
	for _, d := range take(t, p.site, p.queue+wire.DeadSuffix, len(badMessages)) {
		dead[d.MessageId] = d
	}
	for _, bad := range badMessages {
		d, r := dead[bad.what], p.result(bad.what)
		headers := amqp.Table{"x-own": int64(7), "docker-dispatch-reason": r.Error, "docker-dispatch-queue": p.queue}
		if string(d.Body) != bad.body || d.CorrelationId != "correlation of "+bad.what || fmt.Sprint(d.Headers) != fmt.Sprint(headers) || d.DeliveryMode != amqp.Persistent {
			t.Errorf("%s: in the dead queue are %d bytes %.100q, correlation id %q, headers %v", bad.what, len(d.Body), d.Body, d.CorrelationId, d.Headers)
		}
	}
}

func TestOutputCannotForgeAResponse(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t), "-o", "text")
	name := unique()
	p.send("", runOf(attached(name), "printf", `\r%s = exited 0 in 9s\033[2K\n\377\342\200\256`, name))
	p.await("the response", func() bool { return strings.Contains(p.read(), "\n"+name+" = ") })
	p.leave(exitOK)
	equal(t, p.read(), fmt.Sprintf("%[1]s | \\r%[1]s = exited 0 in 9s\\x1b[2K\n%[1]s | \\xff\\u202e\n%[1]s = exited 0 in #s\n", name))
}

// End to end: standard output blocked or closed

func TestStopIsObeyedWhileNobodyReads(t *testing.T) {
	t.Parallel()
	p := startUnread(t, e2e(t))
	name := unique()
	p.send("endless", runOf(message{"Name": name, "Attach": []string{"STDOUT", "STDERR"}}, "sh", "-c",
		`i=0; while :; do echo "line $i of a container that never ends"; i=$((i+1)); done`))
	p.awaitFullPipe()
	p.send("again", runOf(attached(name), "true")) // what asks the Engine about the container must not be in the way
	p.send("early", removeOf(name))
	p.send("stop", stopOf(name, 1))
	p.within(15*time.Second).await("the container to end", func() bool { c, found := p.container(name); return found && c.State == "exited" })

	p.startReading()
	p.expect("again", cmds.StatusFailed)
	p.expect("early", cmds.StatusFailed)
	p.expect("stop", cmds.StatusStopped)
	p.expectExit("endless", 137)
	log := p.site.engine.log(t, name)
	for i, line := range slices.Collect(strings.Lines(log)) {
		if want := fmt.Sprintf("line %d of a container that never ends\n", i); line != want && strings.HasSuffix(line, "\n") {
			t.Fatalf("the Engine's own log has %q for %q", line, want)
		}
	}
	if got := p.output("endless", "stdout"); got != log {
		t.Errorf("%d bytes were printed, and the container wrote %d; they end in %.100q and %.100q", len(got), len(log), tail(got), tail(log))
	}
	p.send("remove", removeOf(name))
	p.expect("remove", cmds.StatusRemoved)
	p.leave(exitOK)
	p.checkOnce(5)
}

func TestRemoveByForceIsObeyedWhileNobodyReads(t *testing.T) {
	t.Parallel()
	p := startUnread(t, e2e(t))
	name := unique()
	p.send("endless", runOf(attached(name), "yes"))
	p.awaitFullPipe()
	p.send("remove", with(removeOf(name), "Options", message{"Force": true}))
	p.within(15*time.Second).await("the container to go", func() bool { _, found := p.container(name); return !found })
	p.startReading()
	p.expect("remove", cmds.StatusRemoved)
	if r := p.result("endless"); r.Status != cmds.StatusExited || *r.ExitCode != 137 || r.OutputLost == "" {
		t.Errorf("%s; want exited, 137, and that output is lost", r)
	}
	p.leave(exitOK)
	p.checkOnce(2)
}

func TestSignalIsObeyedWhileNobodyReads(t *testing.T) {
	t.Parallel()
	p := startUnread(t, e2e(t), "-drain", "1s")
	p.send("endless", runOf(attached(""), "yes"))
	p.awaitFullPipe()
	p.signal(syscall.SIGTERM)
	p.within(10 * time.Second).awaitEnd(exitOK)
	p.checkSettled(1, 0)
	p.removeContainers()
}

// TestReaderGone also holds that a message whose result could not be said is done by the next start, and not run again.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := startUnread(t, here)
	p.stdout.Close()
	p.send("unheard", runOf(attached(""), "sh", "-c", "cat /proc/sys/kernel/random/uuid"))
	p.within(15 * time.Second).awaitEnd(exitFailed)
	p.checkSettled(1, 0)

	next := startOn(t, here, p.queue)
	next.expectExit("unheard", 0)
	if out := next.output("unheard", "stdout"); len(out) != 37 {
		t.Errorf("the output is %q", out)
	}
	next.leave(exitOK)
	next.checkSettled(0, 0)
}

// End to end: signals

func TestSignalLetsShortWorkFinish(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t), "-c", "1", "-drain", "30s")
	p.send("short", runOf(attached(""), "sh", "-c", "echo begun; sleep 2; echo done"))
	p.send("not begun", runOf(attached(""), "true"))
	p.await("its begin", func() bool { return p.output("short", "stdout") == "begun\n" })
	p.leave(exitOK)
	p.expectExit("short", 0)
	equal(t, p.output("short", "stdout"), "begun\ndone\n")
	p.checkOnce(1)
	p.checkSettled(1, 0)
}

// TestSignalLeavesLongWorkWithTheBroker also holds that the next start goes on with it, and loses no output.
func TestSignalLeavesLongWorkWithTheBroker(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here, "-drain", "500ms")
	p.send("long", runOf(attached(""), "sh", "-c", "echo begun; sleep 6; echo done"))
	p.await("its begin", func() bool { return p.output("long", "stdout") == "begun\n" })
	p.leave(exitOK)
	p.checkOnce(0)
	p.checkSettled(1, 0)

	next := startOn(t, here, p.queue)
	next.expectExit("long", 0)
	equal(t, next.output("long", "stdout"), "begun\ndone\n")
	next.leave(exitOK)
	next.checkOnce(1)
	next.checkSettled(0, 0)
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t), "-drain", "1h")
	p.send("long", runOf(attached(""), "sh", "-c", "echo begun; sleep 3600"))
	p.await("its begin", func() bool { return p.output("long", "stdout") == "begun\n" })
	p.signal(syscall.SIGINT)
	p.await("the first to be heard", func() bool { return strings.Contains(p.stderr.String(), "leaving") })
	p.signal(syscall.SIGTERM)
	p.within(5 * time.Second).awaitEnd(128 + int(syscall.SIGTERM))
	p.checkSettled(1, 0)
	p.removeContainers()
}

// End to end: queues and rights

func TestQueueIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, kind := range []string{"classic", "quorum"} {
		queue := unique()
		arguments := amqp.Table{amqp.QueueTypeArg: kind, "x-max-length": int64(1000)}
		declare(t, here, queue, arguments)
		p := startOn(t, here, queue)
		p.send("hello", runOf(attached(""), "true"))
		p.expectExit("hello", 0)
		p.leave(exitOK)
		p.checkSettled(0, 0)
		declare(t, here, queue, arguments) // refused when they are others now
	}
}

func TestPasswordIsNowhere(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	const secret = "a-secret-password"
	uri, err := url.Parse(here.broker)
	if err != nil {
		t.Fatal(err)
	}
	uri.User = url.UserPassword(unique(), secret)
	wrong := here
	wrong.broker = uri.String()
	code, stdout, stderr := finish(t, nil, "-v", wrong.engine.address, wrong.broker)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "check user name and password") {
		t.Errorf("exit code %d, want %d; stdout %q, stderr\n%s", code, exitFailed, stdout, stderr)
	}
	if strings.Contains(stderr, secret) {
		t.Errorf("stderr shows the password:\n%s", stderr)
	}

	p := start(t, here)
	title := readFile(t, fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
	good, err := url.Parse(here.broker)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := good.User.Password()
	if blotted := strings.Repeat("*", len(password)) + "@"; !strings.Contains(title, ":"+blotted) {
		t.Errorf("the process is called %q, want %s for the password", title, blotted)
	}
	p.leave(exitOK)
}

// End to end: daemons that restart. They are the test's own.

// patientScript says who it is and works until it is told to end.
const patientScript = `trap 'echo done; exit 0' TERM; echo begun; sleep 3600 & wait`

func TestBrokerRestart(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	broker := newBroker(t)
	here.broker = broker.uri()
	p := launch(t, here, unique(), "-c", "10")
	p.startReading()
	p.await("the outage to be said", func() bool { return strings.Contains(p.stderr.String(), `msg="not consuming, trying again"`) })
	broker.start()
	p.awaitConsuming()
	if said := strings.Count(p.stderr.String(), "level=WARN"); said != 1 {
		t.Errorf("the broker's absence is said %d times:\n%s", said, p.stderr.String())
	}
	surviveBroker(t, p, "orderly", broker, syscall.SIGTERM)
	surviveBroker(t, p, "killed", broker, syscall.SIGKILL)
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.checkOnce(2 * (10 + 10))
	checkRights(t, here, broker)
}

// surviveBroker has ten containers at work and ten messages waiting when the broker goes. Half of the containers end
// before it is back.
func surviveBroker(t *testing.T, p *process, round string, broker *broker, sig syscall.Signal) {
	working, waiting := ids(round+" working", 10), ids(round+" waiting", 10)
	for _, id := range working {
		p.send(id, runOf(message{"Attach": []string{"STDOUT"}}, "sh", "-c", patientScript))
	}
	for _, id := range waiting {
		p.send(id, runOf(message{"Attach": []string{"STDOUT"}}, "echo", id))
	}
	for _, id := range working {
		p.within(time.Minute).await(id, func() bool { return p.output(id, "stdout") == "begun\n" })
	}
	sessions := strings.Count(p.stderr.String(), `msg="consuming again"`)
	broker.stop(sig)
	p.stopContainers(working[:5])
	for _, id := range working[:5] {
		p.expectExit(id, 0)
	}
	broker.start()
	p.within(time.Minute).await("a new session", func() bool { return strings.Count(p.stderr.String(), `msg="consuming again"`) > sessions })
	p.stopContainers(working[5:])
	for _, id := range working {
		p.within(time.Minute).expectExit(id, 0)
		equal(t, p.output(id, "stdout"), "begun\ndone\n")
	}
	for _, id := range waiting {
		p.within(time.Minute).expectExit(id, 0)
		equal(t, p.output(id, "stdout"), id+"\n")
	}
	p.checkContainers(working, waiting)
	p.removeContainers()
}

func checkRights(t *testing.T, here site, broker *broker) {
	const user, password = "limited", "limited-password"
	broker.ctl("add_user", user, password)
	broker.ctl("set_permissions", user, "^$", ".*", ".*")
	here.login = strings.Replace(here.broker, "guest:guest", user+":"+password, 1)

	code, stdout, stderr := finish(t, nil, "-q", unique(), here.engine.address, here.login)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "rabbitmqctl set_permissions") || strings.Contains(stderr, password) {
		t.Errorf("without the right to declare: exit code %d, want %d; stdout %q, stderr\n%s", code, exitFailed, stdout, stderr)
	}

	queue := unique()
	declare(t, here, queue, nil)
	p := startOn(t, here, queue)
	if !strings.Contains(p.stderr.String(), "no dead queue") {
		t.Errorf("a start without a dead queue does not say so:\n%s", p.stderr.String())
	}
	p.send("good", runOf(attached(""), "true"))
	p.expectExit("good", 0)
	p.send("bad", "{}")
	p.expect("bad", cmds.StatusInvalid)
	p.await("the reason", func() bool { return strings.Contains(p.stderr.String(), "could not be put into the dead queue") })
	p.leave(exitOK)
	if n := queued(t, here, queue); n != 1 {
		t.Errorf("a bad message that nobody could bury: %d in the queue, want 1", n)
	}
}

func TestEngineRestart(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	private := newEngine(t)
	there := site{engine: private.engine, broker: here.broker}
	p := launch(t, there, unique(), "-c", "4")
	p.startReading()
	p.await("the outage to be said", func() bool { return strings.Contains(p.stderr.String(), "the Docker Engine is away") })
	private.start()
	p.awaitConsuming()
	if said := strings.Count(p.stderr.String(), "the Docker Engine is away"); said != 1 {
		t.Errorf("the Engine's absence is said %d times:\n%s", said, p.stderr.String())
	}
	private.load(here.engine)
	surviveEngine(t, p, "orderly", private, syscall.SIGTERM)
	surviveEngine(t, p, "killed", private, syscall.SIGKILL)
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.checkOnce(2 * (4 + 4))
}

// surviveEngine has four containers at work and four messages waiting when the Engine goes. One that is told to end tells its
// containers, and one that was killed does so when it is back: the container that listens comes to its own end.
func surviveEngine(t *testing.T, p *process, round string, private *privateEngine, sig syscall.Signal) {
	attach := message{"Attach": []string{"STDOUT"}}
	working, waiting, polite := ids(round+" working", 3), ids(round+" waiting", 4), round+" polite"
	for _, id := range working {
		p.send(id, runOf(attach, "sh", "-c", "echo begun; sleep 3600"))
	}
	p.send(polite, runOf(attach, "sh", "-c", patientScript))
	for _, id := range waiting {
		p.send(id, runOf(attach, "echo", id))
	}
	for _, id := range append(working, polite) {
		p.within(time.Minute).await(id, func() bool { return p.output(id, "stdout") == "begun\n" })
	}
	private.stop(sig)
	private.start()
	p.within(time.Minute).expectExit(polite, 0)
	equal(t, p.output(polite, "stdout"), "begun\ndone\n")
	for _, id := range working {
		r := p.within(time.Minute).expect(id, cmds.StatusInterrupted)
		if r.Error == "" {
			t.Errorf("%s: no reason", r)
		}
		equal(t, p.output(id, "stdout"), "begun\n")
	}
	for _, id := range waiting {
		p.within(time.Minute).expectExit(id, 0)
		equal(t, p.output(id, "stdout"), id+"\n")
	}
	p.checkContainers(working, waiting, []string{polite})
	p.removeContainers()
}

// End to end: the image that holds the binary and nothing else

func TestFromScratch(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	const binary = "docker-dispatch/docker-dispatch"
	if here.engine.get(t, "/images/"+binary+"/json", nil) != http.StatusOK {
		t.Fatalf("no image %s: make scratch makes it", binary)
	}
	socket := strings.TrimPrefix(here.engine.address, "unix://")
	if !strings.HasPrefix(socket, "/") {
		t.Fatalf("the Engine at %s has no socket to share with a container", here.engine.address)
	}
	queue, name := unique(), unique()
	deleteQueues(t, here, queue)
	var created struct{ ID string }
	here.engine.post(t, "/containers/create?name="+name, message{
		"Image":      binary,
		"Cmd":        []string{"-q", queue, "-name", queue},
		"Env":        []string{"AMQP_URL=" + here.broker},
		"HostConfig": message{"NetworkMode": "host", "Binds": []string{socket + ":/var/run/docker.sock"}},
	}, &created)
	t.Cleanup(func() { here.engine.delete(t, created.ID) })
	here.engine.post(t, "/containers/"+created.ID+"/start", nil, nil)
	log := func(part string) func() bool {
		return func() bool { return strings.Contains(here.engine.log(t, created.ID), part) }
	}
	await(t, patience, "the dispatcher to consume", func() bool { return here.engine.running(t, created.ID) && log("msg=consuming ")() })

	inner := unique()
	publish(t, here, queue, amqp.Publishing{Body: []byte(body(t, runOf(attached(inner), "echo", "hello from within")))})
	await(t, patience, "the response", log(inner+" = exited 0 in "))
	if !log(inner + " | hello from within\n")() {
		t.Errorf("the dispatcher's output is\n%s", here.engine.log(t, created.ID))
	}
	here.engine.post(t, "/containers/"+created.ID+"/stop", nil, nil)
	var ended struct{ State struct{ ExitCode int } }
	here.engine.get(t, "/containers/"+created.ID+"/json", &ended)
	if ended.State.ExitCode != exitOK {
		t.Errorf("told to leave, it exits with %d", ended.State.ExitCode)
	}
	if left := here.engine.containers(t, queue); len(left) != 0 {
		t.Errorf("it leaves behind %+v", left)
	}
}

// Helpers: messages

// image is made by scripts/image.
const image = "docker-dispatch/busybox"

type message map[string]any

func runOf(options message, cmd ...string) message {
	return message{"Dockercmd": "run", "Options": options, "Image": image, "Cmd": cmd}
}

func stopOf(container string, seconds int) message {
	return message{"Dockercmd": "stop", "Options": message{"Time": seconds}, "Container": container}
}

func removeOf(container string) message {
	return message{"Dockercmd": "remove", "Container": container}
}

// attached are the options of a run whose output is read, and whose container does not stay. No name is "".
func attached(name string) message {
	options := message{"Attach": []string{"STDOUT", "STDERR"}, "Remove": true}
	if name != "" {
		options["Name"] = name
	}
	return options
}

func with(m message, key string, value any) message {
	m = maps.Clone(m)
	m[key] = value
	return m
}

// body is m as it is sent: a string as it is, all else as JSON.
func body(t *testing.T, m any) string {
	t.Helper()
	if text, ok := m.(string); ok {
		return text
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func ids(what string, count int) (all []string) {
	for i := range count {
		all = append(all, fmt.Sprint(what, " ", i))
	}
	return all
}

// unique is a name for a queue, a dispatcher or a container; it fills the first column of the text output.
func unique() string { return "dispatch-" + strings.ToLower(rand.Text())[:12] }

// Helpers: the program

// patience bounds each wait for what takes milliseconds on an idle machine.
const patience = 45 * time.Second

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "docker-dispatch-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "docker-dispatch")
	args := []string{"build", "-o", binary}
	if hasRaceDetector() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, _ := build(); path != "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// program is the path of the program, built once.
func program(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal("building the program: ", err)
	}
	return path
}

// hasRaceDetector says whether this test was built with -race; the program is then too.
func hasRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// finish runs the program to its end; in stdout, times are masked.
func finish(t *testing.T, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), maskTimes(out.String()), errs.String()
}

func maskTimes(text string) string {
	return regexp.MustCompile(`(?m) in [0-9.]+s$`).ReplaceAllString(text, " in #s")
}

func sortedLines(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

// site is where a dispatcher works.
type site struct {
	engine *engine
	broker string // URI
	login  string // the program's own URI of the broker; "" is the tests'
}

// e2e is this machine's site. Without DOCKER_DISPATCH_E2E the test is skipped.
func e2e(t *testing.T) site {
	t.Helper()
	if os.Getenv("DOCKER_DISPATCH_E2E") == "" {
		t.Skip("set DOCKER_DISPATCH_E2E=1 to run against a real Docker Engine and RabbitMQ; make test does")
	}
	address := cmp.Or(os.Getenv("DOCKER_HOST"), "/var/run/docker.sock")
	return site{engine: newClient(t, address), broker: cmp.Or(os.Getenv("AMQP_URL"), "amqp://guest:guest@localhost:5672/")}
}

// process is the program at work on a queue, under a name like the queue's.
type process struct {
	t      *testing.T
	site   site
	queue  string
	cmd    *exec.Cmd
	stdout *os.File // the reading end
	stderr *text
	ended  chan struct{} // closed when the process has ended

	reading *sync.WaitGroup
	heard   *heard
	limit   time.Duration // of each wait
}

// start starts the program with a queue of its own, which it declares, and has its JSON output read.
func start(t *testing.T, where site, options ...string) *process {
	t.Helper()
	return startOn(t, where, unique(), options...)
}

func startOn(t *testing.T, where site, queue string, options ...string) *process {
	t.Helper()
	p := launch(t, where, queue, options...)
	p.startReading()
	p.awaitConsuming()
	return p
}

// startUnread leaves standard output unread.
func startUnread(t *testing.T, where site, options ...string) *process {
	t.Helper()
	p := launch(t, where, unique(), options...)
	p.awaitConsuming()
	return p
}

// launch starts the program and waits for nothing. At the end of the test the program is ended, and must have left no
// container behind.
func launch(t *testing.T, where site, queue string, options ...string) *process {
	t.Helper()
	stdout, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, site: where, queue: queue, stdout: stdout, stderr: new(text), ended: make(chan struct{}), reading: new(sync.WaitGroup), heard: newHeard(), limit: patience}
	args := append([]string{"-q", queue, "-name", queue, "-o", "json"}, options...)
	p.cmd = exec.Command(program(t), append(args, where.engine.address, cmp.Or(where.login, where.broker))...)
	p.cmd.Stdout, p.cmd.Stderr = in, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	deleteQueues(t, where, queue)
	t.Cleanup(p.cleanUp)
	return p
}

func (p *process) cleanUp() {
	p.signal(syscall.SIGKILL)
	<-p.ended
	p.stdout.Close()
	p.reading.Wait()
	if left := p.containers(); len(left) != 0 {
		p.t.Errorf("containers left behind: %+v", left)
		p.removeContainers()
	}
	for _, fault := range p.heard.faults() {
		p.t.Error(fault)
	}
	if log := p.stderr.String(); p.t.Failed() || strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic: ") {
		p.t.Errorf("the program's log:\n%s", log)
	}
}

func (p *process) startReading() {
	p.reading.Go(func() { p.heard.read(p.stdout) })
}

func (p *process) awaitConsuming() {
	p.t.Helper()
	p.await("the program to consume", func() bool {
		log := p.stderr.String()
		return strings.Contains(log, `msg=consuming `) || strings.Contains(log, `msg="consuming again" `)
	})
}

// awaitFullPipe returns when standard output, which is not read, takes hardly more.
func (p *process) awaitFullPipe() {
	p.t.Helper()
	const most = 48 << 10 // of 64 KiB in 16 pages, which need not be full
	p.await("standard output to be full", func() bool { return unread(p.t, p.stdout) >= most })
}

func (p *process) signal(sig syscall.Signal) {
	p.cmd.Process.Signal(sig) // one that has ended hears nothing
}

// leave ends the program with SIGTERM, and holds it to an exit code.
func (p *process) leave(code int) {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.awaitEnd(code)
}

func (p *process) awaitEnd(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(p.limit):
		p.t.Fatalf("the program has not ended after %v", p.limit)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("the exit code is %d, want %d", got, code)
	}
	p.reading.Wait()
}

// within is p with another bound for its waits.
func (p *process) within(limit time.Duration) *process {
	other := *p
	other.limit = limit
	return &other
}

func (p *process) await(what string, done func() bool) {
	p.t.Helper()
	await(p.t, p.limit, what, done)
}

// send publishes one message, given as JSON or as a message.
func (p *process) send(id string, m any) {
	p.t.Helper()
	publish(p.t, p.site, p.queue, amqp.Publishing{MessageId: id, Body: []byte(body(p.t, m))})
}

// Helpers: what the program prints

// event is a line of the JSON output.
type event struct {
	Event, MessageId, Dockercmd, Id, Name, Stream, Data, Encoding, Error, OutputLost string

	Offset   int
	More     bool
	Status   cmds.Status
	ExitCode *int
}

func (e event) String() string {
	code := "none"
	if e.ExitCode != nil {
		code = strconv.Itoa(*e.ExitCode)
	}
	return fmt.Sprintf("%s of %q: %s, exit code %s, error %q, output lost %q", e.Dockercmd, e.MessageId, e.Status, code, e.Error, e.OutputLost)
}

// heard is what has been read from a program's standard output.
type heard struct {
	mu      sync.Mutex
	plain   strings.Builder // lines that are not JSON: the text output
	results []event
	outputs map[string]*bytes.Buffer // by message id and stream
	wrong   []string
}

func newHeard() *heard { return &heard{outputs: map[string]*bytes.Buffer{}} }

func (h *heard) read(stdout io.Reader) {
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			h.add(line)
		}
		if err != nil {
			return
		}
	}
}

func (h *heard) add(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var e event
	switch err := json.Unmarshal([]byte(line), &e); {
	case err != nil:
		h.plain.WriteString(line)
	case e.Event == "result":
		h.results = append(h.results, e)
	case e.Event == "output":
		h.addOutput(e)
	default:
		h.wrong = append(h.wrong, "a line that is no event: "+line)
	}
}

// addOutput joins the pieces of a stream; each has to begin where the last has ended.
func (h *heard) addOutput(e event) {
	key := e.MessageId + "/" + e.Stream
	if h.outputs[key] == nil {
		h.outputs[key] = new(bytes.Buffer)
	}
	data := []byte(e.Data)
	if e.Encoding == "base64" {
		data, _ = base64.StdEncoding.DecodeString(e.Data)
	}
	whole := bytes.HasSuffix(data, []byte("\n"))
	if e.Offset != h.outputs[key].Len() || e.More && whole {
		h.wrong = append(h.wrong, fmt.Sprintf("%s of %q: %d bytes at %d (more: %v), expected at %d", e.Stream, e.MessageId, len(data), e.Offset, e.More, h.outputs[key].Len()))
	}
	h.outputs[key].Write(data)
}

func (h *heard) faults() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wrong
}

// read is the text output so far, with times masked.
func (p *process) read() string {
	p.heard.mu.Lock()
	defer p.heard.mu.Unlock()
	return maskTimes(p.heard.plain.String())
}

// output is what the container of a message has written so far.
func (p *process) output(id, stream string) string {
	p.heard.mu.Lock()
	defer p.heard.mu.Unlock()
	if data := p.heard.outputs[id+"/"+stream]; data != nil {
		return data.String()
	}
	return ""
}

func (p *process) results() []event {
	p.heard.mu.Lock()
	defer p.heard.mu.Unlock()
	return slices.Clone(p.heard.results)
}

// result waits for the result of a message.
func (p *process) result(id string) (r event) {
	p.t.Helper()
	p.await("the result of "+id, func() bool {
		all := p.results()
		i := slices.IndexFunc(all, func(e event) bool { return e.MessageId == id })
		if i >= 0 {
			r = all[i]
		}
		return i >= 0
	})
	return r
}

func (p *process) expect(id string, status cmds.Status) event {
	p.t.Helper()
	r := p.result(id)
	if r.Status != status || r.OutputLost != "" {
		p.t.Errorf("%s; want %s", r, status)
	}
	return r
}

func (p *process) expectExit(id string, code int) {
	p.t.Helper()
	if r := p.expect(id, cmds.StatusExited); r.ExitCode == nil || *r.ExitCode != code {
		p.t.Errorf("%s; want %d", r, code)
	}
}

// checkOnce holds that so many messages have a result, and each of them one.
func (p *process) checkOnce(messages int) {
	p.t.Helper()
	count := map[string]int{}
	for _, r := range p.results() {
		if count[r.MessageId]++; count[r.MessageId] > 1 {
			p.t.Errorf("once more: %s", r)
		}
	}
	if len(count) != messages {
		p.t.Errorf("%d messages have a result, want %d", len(count), messages)
	}
}

// checkSettled holds what is in the queue and in the dead queue, once the program has ended.
func (p *process) checkSettled(left, dead int) {
	p.t.Helper()
	for queue, want := range map[string]int{p.queue: left, p.queue + wire.DeadSuffix: dead} {
		p.await(fmt.Sprintf("%d messages in %s", want, queue), func() bool { return queued(p.t, p.site, queue) == want })
	}
}

// text is a buffer that may be read while a process writes it.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *text) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *text) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// unread is how many bytes are in a pipe.
func unread(t *testing.T, pipe *os.File) (n int32) {
	t.Helper()
	raw, err := pipe.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
			err = errno
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Helpers: the broker

// onChannel does something on a connection of its own.
func onChannel(t *testing.T, where site, do func(*amqp.Channel) error) {
	t.Helper()
	conn, err := amqp.Dial(where.broker)
	if err != nil {
		t.Fatal("RabbitMQ: ", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal("RabbitMQ: ", err)
	}
	if err := do(ch); err != nil {
		t.Fatal("RabbitMQ: ", err)
	}
}

// declare makes a durable queue, or fails when there is one that has other arguments.
func declare(t *testing.T, where site, queue string, arguments amqp.Table) {
	t.Helper()
	onChannel(t, where, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(queue, true, false, false, false, arguments)
		return err
	})
}

// publish sends persistent messages in their order, and returns when the broker has confirmed them and a queue has them.
func publish(t *testing.T, where site, queue string, messages ...amqp.Publishing) {
	t.Helper()
	onChannel(t, where, func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		returned := ch.NotifyReturn(make(chan amqp.Return, len(messages)))
		var confirms []*amqp.DeferredConfirmation
		for _, m := range messages {
			m.DeliveryMode = amqp.Persistent
			confirm, err := ch.PublishWithDeferredConfirm("", queue, true, false, m)
			if err != nil {
				return err
			}
			confirms = append(confirms, confirm)
		}
		for _, confirm := range confirms {
			if !confirm.Wait() || len(returned) > 0 {
				return errors.New("a message is not in " + queue)
			}
		}
		return nil
	})
}

// queued is how many messages wait in a queue.
func queued(t *testing.T, where site, queue string) (n int) {
	t.Helper()
	onChannel(t, where, func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		n = q.Messages
		return err
	})
	return n
}

func take(t *testing.T, where site, queue string, count int) (taken []amqp.Delivery) {
	t.Helper()
	onChannel(t, where, func(ch *amqp.Channel) error {
		for range count {
			d, ok, err := ch.Get(queue, true)
			if err != nil || !ok {
				return cmp.Or(err, fmt.Errorf("%s has %d messages, not %d", queue, len(taken), count))
			}
			taken = append(taken, d)
		}
		return nil
	})
	return taken
}

// deleteQueues deletes a queue and its dead queue when the test ends.
func deleteQueues(t *testing.T, where site, queue string) {
	t.Cleanup(func() {
		onChannel(t, where, func(ch *amqp.Channel) error {
			_, err := ch.QueueDelete(queue, false, false, false)
			_, err2 := ch.QueueDelete(queue+wire.DeadSuffix, false, false, false)
			return cmp.Or(err, err2)
		})
	})
}

// broker is a RabbitMQ node of the test's own, with ports, files and a port mapper of its own.
type broker struct {
	t      *testing.T
	dir    string
	port   int
	env    []string
	server *exec.Cmd
	ended  chan struct{} // closed when server has ended
}

// rabbitmqBin is where Debian's package has RabbitMQ's programs; those in PATH change to another user first.
const rabbitmqBin = "/usr/lib/rabbitmq/bin/"

// newBroker prepares a node that is not started yet.
func newBroker(t *testing.T) *broker {
	t.Helper()
	dir := workDir(t)
	ports := freePorts(t, 3)
	b := &broker{t: t, dir: dir, port: ports[0]}
	b.env = append(os.Environ(),
		"HOME="+dir, "LANG=C.UTF-8", "HOSTNAME=localhost",
		fmt.Sprintf("ERL_EPMD_PORT=%d", ports[2]), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME=dispatch@localhost", fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[1]),
		"RABBITMQ_CONFIG_FILE="+dir+"/rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE="+dir+"/plugins",
		"RABBITMQ_MNESIA_BASE="+dir+"/mnesia", "RABBITMQ_LOG_BASE="+dir+"/log", "RABBITMQ_PID_FILE="+dir+"/pid",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}")
	writeFile(t, dir+"/rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\n", b.port))
	writeFile(t, dir+"/plugins", "[].")
	mapper, _ := b.spawn("epmd")
	t.Cleanup(func() {
		kill(mapper, syscall.SIGKILL)
		if b.server != nil {
			kill(b.server, syscall.SIGKILL)
		}
	})
	return b
}

func (b *broker) uri() string { return fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", b.port) }

// spawn starts a program in a process group of its own, with the node's environment.
func (b *broker) spawn(name string) (cmd *exec.Cmd, ended chan struct{}) {
	b.t.Helper()
	return spawn(b.t, b.dir+"/out", b.env, name)
}

func (b *broker) start() {
	b.t.Helper()
	b.server, b.ended = b.spawn(rabbitmqBin + "rabbitmq-server")
	await(b.t, 2*patience, "RabbitMQ to start; see "+b.dir, func() bool {
		conn, err := amqp.Dial(b.uri())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// stop ends the node, in order by SIGTERM, and returns when all of it has ended.
func (b *broker) stop(sig syscall.Signal) {
	b.t.Helper()
	if sig == syscall.SIGKILL {
		kill(b.server, sig)
	} else {
		b.server.Process.Signal(sig)
	}
	awaitClosed(b.t, b.ended, "RabbitMQ to end")
	kill(b.server, syscall.SIGKILL)
	await(b.t, patience, "its port to be free", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

func (b *broker) ctl(args ...string) {
	b.t.Helper()
	cmd := exec.Command(rabbitmqBin+"rabbitmqctl", append([]string{"-n", "dispatch@localhost"}, args...)...)
	cmd.Env, cmd.Dir = b.env, b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("rabbitmqctl %s: %v\n%s", args[0], err, out)
	}
}

// Helpers: the Engine

// engine is what the tests themselves ask of an Engine, by net/http.
type engine struct {
	address string
	http    *http.Client
}

func newClient(t *testing.T, address string) *engine {
	t.Helper()
	addr, err := wire.ParseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return addr.Dial(ctx) }}
	t.Cleanup(transport.CloseIdleConnections)
	return &engine{address, &http.Client{Transport: transport, Timeout: 2 * patience}}
}

// do makes a request and decodes a good answer into out, unless that is nil.
func (e *engine) do(t *testing.T, method, path string, body io.Reader, out any) (status int) {
	t.Helper()
	req, err := http.NewRequest(method, "http://docker"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := e.http.Do(req)
	if err != nil {
		t.Fatal("Docker Engine: ", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal("Docker Engine: ", err)
	}
	if out != nil && res.StatusCode < 300 {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("Docker Engine: %s %s: %v in %q", method, path, err, answer)
		}
	}
	return res.StatusCode
}

func (e *engine) get(t *testing.T, path string, out any) (status int) {
	t.Helper()
	return e.do(t, "GET", path, nil, out)
}

// post fails the test when the Engine refuses.
func (e *engine) post(t *testing.T, path string, in message, out any) {
	t.Helper()
	var content io.Reader
	if in != nil {
		content = strings.NewReader(body(t, in))
	}
	if status := e.do(t, "POST", path, content, out); status >= 400 {
		t.Fatalf("Docker Engine: POST %s: %d", path, status)
	}
}

// delete removes a container, its volumes too, whatever it does.
func (e *engine) delete(t *testing.T, id string) {
	t.Helper()
	e.do(t, "DELETE", "/containers/"+id+"?force=1&v=1", nil, nil)
}

// container is a row of the Engine's list.
type container struct {
	ID     string `json:"Id"`
	Names  []string
	State  string
	Labels map[string]string
}

// containers are those, in whatever state, that a dispatcher has made.
func (e *engine) containers(t *testing.T, dispatcher string) (all []container) {
	t.Helper()
	filters := body(t, message{"label": []string{"docker-dispatch.dispatcher=" + dispatcher}})
	if status := e.get(t, "/containers/json?all=1&filters="+url.QueryEscape(filters), &all); status != http.StatusOK {
		t.Fatalf("Docker Engine: the list of containers: %d", status)
	}
	return all
}

func (e *engine) running(t *testing.T, id string) bool {
	t.Helper()
	var c struct{ State struct{ Running bool } }
	return e.get(t, "/containers/"+id+"/json", &c) == http.StatusOK && c.State.Running
}

// log is all that a container has written, both outputs as they came.
func (e *engine) log(t *testing.T, id string) string {
	t.Helper()
	res, err := e.http.Get("http://docker/containers/" + id + "/logs?stdout=1&stderr=1")
	if err != nil {
		t.Fatal("Docker Engine: ", err)
	}
	defer res.Body.Close()
	var log strings.Builder
	for frames := stdcopy.NewReader(res.Body); ; {
		_, data, err := frames.Next()
		if err == io.EOF {
			return log.String()
		}
		if err != nil {
			t.Fatal("Docker Engine: the log: ", err)
		}
		log.Write(data)
	}
}

func (p *process) containers() []container {
	p.t.Helper()
	return p.site.engine.containers(p.t, p.queue)
}

func (p *process) container(name string) (c container, found bool) {
	p.t.Helper()
	for _, c := range p.containers() {
		if slices.Contains(c.Names, "/"+name) {
			return c, true
		}
	}
	return c, false
}

func (p *process) removeContainers() {
	p.t.Helper()
	for _, c := range p.containers() {
		p.site.engine.delete(p.t, c.ID)
	}
}

// stopContainers tells the containers of some messages to end.
func (p *process) stopContainers(ids []string) {
	p.t.Helper()
	for _, c := range p.containers() {
		if slices.Contains(ids, c.Labels["docker-dispatch.message-id"]) {
			p.site.engine.post(p.t, "/containers/"+c.ID+"/stop", nil, nil)
		}
	}
}

// checkContainers holds that there is one container for each message, none of which asked for its removal.
func (p *process) checkContainers(ids ...[]string) {
	p.t.Helper()
	var got []string
	for _, c := range p.containers() {
		got = append(got, c.Labels["docker-dispatch.message-id"])
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(slices.Concat(ids...))); !slices.Equal(got, want) {
		p.t.Errorf("the containers are for the messages\n%q, want\n%q", got, want)
	}
}

// privateEngine is a dockerd of the test's own. It lives in namespaces of processes, mounts and networks, which a process
// that does nothing holds open: when that is killed, the kernel ends all that is in them, containers too.
type privateEngine struct {
	*engine
	t       *testing.T
	dir     string
	holder  int // its process id
	dockerd *exec.Cmd
	ended   chan struct{} // closed when dockerd has ended
}

// newEngine prepares a dockerd that is not started yet.
func newEngine(t *testing.T) *privateEngine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a dockerd of the test's own needs root")
	}
	dir := workDir(t)
	writeFile(t, dir+"/daemon.json", "{}") // and not the machine's
	unshare, _ := spawn(t, dir+"/out", os.Environ(), "unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child",
		"sh", "-c", "ip link set lo up; while :; do sleep 1; done") // a shell buries the children that are left to it
	t.Cleanup(func() { kill(unshare, syscall.SIGKILL) })
	e := &privateEngine{t: t, dir: dir, engine: newClient(t, dir+"/docker.sock")}
	await(t, patience, "the namespaces", func() bool {
		e.holder = child(unshare.Process.Pid)
		return e.holder != 0 && strings.Contains(readFile(t, fmt.Sprintf("/proc/%d/cmdline", e.holder)), "sleep 1")
	})
	return e
}

func (e *privateEngine) start() {
	e.t.Helper()
	e.dockerd, e.ended = spawn(e.t, e.dir+"/out", os.Environ(), "nsenter", "--target", strconv.Itoa(e.holder), "--net", "--pid", "--mount",
		"dockerd", "--config-file", e.dir+"/daemon.json", "--data-root", e.dir+"/data", "--exec-root", e.dir+"/exec",
		"--pidfile", e.dir+"/pid", "--host", "unix://"+e.dir+"/docker.sock")
	await(e.t, patience, "dockerd to start; see "+e.dir, func() bool {
		res, err := e.http.Get("http://docker/_ping")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
}

// stop ends dockerd, in order by SIGTERM. Its containers outlive a SIGKILL.
func (e *privateEngine) stop(sig syscall.Signal) {
	e.t.Helper()
	if err := syscall.Kill(child(e.dockerd.Process.Pid), sig); err != nil {
		e.t.Fatal("dockerd: ", err)
	}
	awaitClosed(e.t, e.ended, "dockerd to end")
	os.Remove(e.dir + "/pid") // of a process that was killed
}

// load gives the Engine the image that another has.
func (e *privateEngine) load(other *engine) {
	e.t.Helper()
	res, err := other.http.Get("http://docker/images/" + image + "/get")
	if err != nil || res.StatusCode != http.StatusOK {
		e.t.Fatalf("the image %s: %v, %v; scripts/image makes it", image, res, err)
	}
	defer res.Body.Close()
	if status := e.do(e.t, "POST", "/images/load", res.Body, nil); status != http.StatusOK {
		e.t.Fatalf("loading the image: %d", status)
	}
}

// Helpers: processes, files, conditions

// spawn starts a program in a process group of its own, which kill ends.
func spawn(t *testing.T, log string, env []string, name string, args ...string) (cmd *exec.Cmd, ended chan struct{}) {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd = exec.Command(name, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, filepath.Dir(log), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	return cmd, ended
}

func kill(group *exec.Cmd, sig syscall.Signal) { syscall.Kill(-group.Process.Pid, sig) }

// child is the process id of the first child of a process; 0 is none.
func child(pid int) (first int) {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	fmt.Sscan(string(children), &first)
	return first
}

// workDir is a directory whose name is short enough for sockets. What is left in use is left behind.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dispatch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("the daemon's files are in " + dir)
			return
		}
		os.RemoveAll(dir)
	})
	return dir
}

func freePorts(t *testing.T, count int) (ports []int) {
	t.Helper()
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// output is what a program prints, which has to end well.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the program is shipped
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return out
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	return strings.FieldsFunc(string(output(t, "go", append([]string{"list"}, args...)...)), func(r rune) bool { return r == '\n' })
}

// await returns when something has come about that nothing tells of.
func await(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

func awaitClosed(t *testing.T, ended <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
	}
}

func equal(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%.2000s\nwant\n%.2000s", got, want)
	}
}

func tail(s string) string { return s[max(0, len(s)-100):] }

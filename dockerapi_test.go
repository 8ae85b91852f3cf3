package main

// What an auditor runs. The contract holds the whole to its picture: who imports whom, which Docker API calls there are,
// what README.md promises; it needs nothing but Go. The rest runs the program itself, against a real Docker Engine and a
// real RabbitMQ, and is on when DOCKER_DISPATCH_E2E is set: then a daemon that is not there is a failure.
//
//	go test .                            the contract
//	DOCKER_DISPATCH_E2E=1 go test .      everything; as root, since some tests start daemons of their own
//
// Its sections are
//
//	Contract                             layers and dependencies, calls, README.md, the command line
//	End to end                           what a user is promised, bad messages, standard output, signals, rights
//	End to end: killed                   the dispatcher, at each point of a message's way
//	End to end: faults                   of the Engine and of the broker, by proxies in front of them and by daemons that restart
//	End to end: dispatchers              two of one name, control messages, orphans, retries, dead letters, identity
//	Chaos                                everything at once; longer with CHAOS_TIME=10m
//	Soak                                 only with SOAK_TIME=20m: full speed against an Engine of instant containers
//	End to end: every command            one after another, with lost answers, killed, blocked
//	End to end: options                  each option of a run, by what it does to its container
//	End to end: exits                    the first one of a container that is restarted, signals, memory
//	End to end: private registries       a registry of the test's own
//	Helpers                              messages, the program, what it prints, the broker, the Engine, proxies

import (
	"archive/tar"
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
	"log"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"docker-dispatch/cmds"
	"docker-dispatch/wire"
	"docker-dispatch/wire/stdcopy"
	"docker-dispatch/wire/wiretest"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Contract: layers and dependencies

const module = "docker-dispatch"

// layers is the picture of the program: each package, and all that it may import beside the standard library.
var layers = map[string][]string{
	module:                    {module + "/cmds", module + "/dockerapi", module + "/wire", module + "/wire/amqp", module + "/wire/logfmt"},
	module + "/cmds":          {module + "/dockerapi", module + "/wire", module + "/wire/buffer", module + "/wire/logfmt"},
	module + "/dockerapi":     {module + "/wire", module + "/wire/http1", module + "/wire/stdcopy"},
	module + "/wire":          {module + "/wire/socket"},
	module + "/wire/amqp":     {module + "/wire", module + "/wire/logfmt", module + "/wire/socket", "github.com/rabbitmq/amqp091-go"},
	module + "/wire/buffer":   {},
	module + "/wire/http1":    {module + "/wire/socket"},
	module + "/wire/logfmt":   {},
	module + "/wire/socket":   {},
	module + "/wire/stdcopy":  {module + "/wire/buffer"},
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

// topLevel is all that the repository has there, but for what begins with a dot.
var topLevel = []string{
	"Dockerfile", "LICENSE", "Makefile", "README.md", "bench", "cmds", "dockerapi", "dockerapi_test.go", "docs", "examples", "go.mod", "go.sum",
	"main.go", "res", "scripts", "testdata", "wire",
}

// TestTopLevel was made for a program of 10 MB that was committed by mistake.
func TestTopLevel(t *testing.T) {
	listed, err := exec.Command("git", "ls-files").Output()
	if err != nil {
		t.Skip("this is no working copy of git, from which anything could be committed: ", err)
	}
	for path := range strings.Lines(string(listed)) {
		name, _, _ := strings.Cut(strings.TrimSpace(path), "/")
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) {
			t.Errorf("%s is no part of the project", name)
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
		err = new(cmds.Command).Resolve(message, "auditor")
	}
	if err != nil {
		t.Errorf("%s: %v in\n%s", where, err, body)
	}
}

func TestSchemaIsPrinted(t *testing.T) {
	var want bytes.Buffer
	if err := cmds.WriteSchema(&want); err != nil {
		t.Fatal(err)
	}
	equal(t, string(output(t, program(t), "schema")), want.String())
}

func TestReadmeNamesWhatThereIs(t *testing.T) {
	readme := readFile(t, "README.md")
	for what, words := range map[string][]string{
		"option":            printedOptions(t),
		"status":            statuses(t),
		"label":             {"docker-dispatch.message-id", "docker-dispatch.queue"},
		"header":            {"docker-dispatch-reason"},
		"environment":       {"$DOCKER_HOST", "$DOCKER_TLS_VERIFY", "$DOCKER_CERT_PATH", "$AMQP_URL", "$DOCKER_CONFIG", "$DOCKER_DISPATCH_NAME"},
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
// Lines have some hundred bytes, since each is an event that the test has to decode.
const bulk = 64 << 20

func TestBothOutputsAreWhole(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	script := fmt.Sprintf(`
		yes "$(seq -s " " 100)" | head -c %[1]d >/tmp/text
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
		`Dockercmd: every message needs it: run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect`},
	{"an unknown command", `{"Dockercmd":"ruin","Image":"busybox"}`,
		`Dockercmd: "ruin": unknown command; did you mean run? (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`},
	{"an unknown key", `{"Dockercmd":"run","Image":"busybox","Command":["true"]}`,
		`Command: unknown key of run`},
	{"a misspelt option", `{"Dockercmd":"run","Options":{"Atach":["STDOUT"]},"Image":"busybox"}`,
		`Options.Atach: unknown option of run; did you mean Attach?`},
	{"a key in lower case", `{"dockercmd":"run","Image":"busybox"}`, "*"},
	{"an option of another command", `{"Dockercmd":"run","Options":{"Time":5},"Image":"busybox"}`,
		`Options.Time: no option of run, but of stop and restart`},
	{"a key of another command", `{"Dockercmd":"stop","Container":"aa","Image":"busybox"}`,
		`Image: no key of stop, but of run, create, inspect, pull and others`},
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
		body := bad.body
		if len(body) > maxBody {
			headers["docker-dispatch-length"] = int64(len(body))
			headers["docker-dispatch-sha256"] = fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
			body = body[:64<<10]
		}
		if string(d.Body) != body || d.CorrelationId != "correlation of "+bad.what || fmt.Sprint(d.Headers) != fmt.Sprint(headers) || d.DeliveryMode != amqp.Persistent {
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
	p.await("the reason", func() bool { return strings.Contains(p.stderr.String(), "could not be put into another queue") })
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

// End to end: killed at each point of a message's way

// crash is how a program dies in a test: by SIGKILL, at a labelled point of a message's way.
type crash struct {
	between   string
	options   []string // of the first program
	detached  bool
	operation string // of the Engine
	at        moment
	acksHeld  bool     // the broker hears no more from this point on, and the program dies when its response is out
	delay     string   // the program dies when this, which the container writes later, was printed
	repeats   bool     // the response may be given twice
	then      []string // options of the second program
}

var crashes = []crash{
	{between: "taking and create", operation: "ContainerCreate", at: asked},
	{between: "create and its answer", operation: "ContainerCreate", at: answered},
	{between: "create and start", operation: "ContainerStart", at: asked},
	{between: "start and its answer", operation: "ContainerStart", at: answered},
	{between: "start and response, detached", detached: true, operation: "ContainerStart", at: answered},
	{between: "start and claim", options: []string{"-claim", "0"}, operation: "VolumeCreate", at: asked},
	{between: "claim and ack", options: []string{"-claim", "0"}, operation: "VolumeCreate", at: answered},
	{between: "ack of a claim and exit", options: []string{"-claim", "0"}, operation: "VolumeCreate", at: answered, delay: "later\n"},
	{between: "exit and response", operation: "ContainerWait", at: told},
	{between: "exit and response, claimed", options: []string{"-claim", "0"}, operation: "ContainerWait", at: told},
	{between: "response and ack", operation: "ContainerWait", at: told, acksHeld: true, repeats: true},
	{between: "response and ack, never claimed", options: []string{"-claim", "never"}, operation: "ContainerWait", at: told, acksHeld: true, repeats: true},
	{between: "response and the end of a claim", options: []string{"-claim", "0"}, operation: "VolumeDelete", at: asked, repeats: true},
	{between: "ack and remove", operation: "ContainerDelete", at: asked, then: []string{"-orphans", "remove"}},
	{between: "remove and its answer", operation: "ContainerDelete", at: answered},
}

// TestKilled holds that a message whose dispatcher was killed at whatever point is done by the next one, and that its
// container was not run again.
func TestKilled(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, c := range crashes {
		t.Run("between "+c.between, func(t *testing.T) {
			t.Parallel()
			killed(t, here, c)
		})
	}
}

// who is what containers print first: no two runs have the same.
const who = "cat /proc/sys/kernel/random/uuid; "

var whoAndTheRest = regexp.MustCompile(`^[0-9a-f-]{36}\nlater\nno newline$`)

func killed(t *testing.T, here site, c crash) {
	engine, there := newEngineProxy(t, here)
	broker, there := newBrokerProxy(t, there)
	queue := unique()
	events := watch(t, here.engine, queue)
	first := startOn(t, there, queue, c.options...)
	id, options, status := "the message", attached(""), cmds.StatusExited
	if c.detached {
		options, status = message{}, cmds.StatusStarted
	}
	die := make(chan *exchange)
	engine.on(c.operation, c.at, 1, func(x *exchange) {
		switch {
		case c.acksHeld:
			broker.up.shut()
		case c.delay == "":
			die <- x
			<-x.dead
		}
	})
	first.send(id, runOf(options, "sh", "-c", who+"sleep 1; echo later; printf 'no newline'"))
	switch {
	case c.acksHeld:
		first.result(id)
	case c.delay != "":
		first.await("what its container writes", func() bool { return strings.HasSuffix(first.output(id, "stdout"), c.delay) })
	default:
		select {
		case x := <-die:
			defer x.cut()
		case <-time.After(patience):
			t.Fatalf("the program does not come to the point between %s", c.between)
		}
	}
	first.kill()
	engine.cut()
	broker.cut()
	broker.up.open()

	next := first.again(c.then...)
	next.expect(id, status)
	if !c.detached && !whoAndTheRest.MatchString(next.output(id, "stdout")) {
		t.Errorf("the output is %q", next.output(id, "stdout"))
	}
	next.await("its container to go", func() bool { return c.detached || len(next.containers()) == 0 })
	next.leave(exitOK)
	next.checkOutcomes(c.repeats, id)
	next.checkSettled(0, 0)
	next.checkRuns(events, id)
	next.removeContainers()
	next.checkNothingLeft()
}

// End to end: faults of the Engine, and between it and the program

// engineFault is something that goes wrong with an Engine's answers, of which a message must show nothing.
type engineFault struct {
	what      string
	operation string // "" is whatever is asked
	at        moment
	times     int
	do        func(*exchange)
	meanwhile func(*engineProxy) // is done when the container has begun
}

// bulkScript writes bulkOfOutput, which are many frames and end in the middle of a line.
const (
	bulkLine   = "a line of a container that has a great deal to say, and says it many times over"
	bulkSize   = 200 << 10
	bulkScript = "yes '" + bulkLine + "' | head -c 204800; " // bulkSize
)

var bulkOfOutput = strings.Repeat(bulkLine+"\n", bulkSize/len(bulkLine)+1)[:bulkSize]

var engineFaults = []engineFault{
	{what: "create is cut off", operation: "ContainerCreate", at: asked, times: 3, do: cut},
	{what: "the answer to create is lost", operation: "ContainerCreate", at: answered, times: 1, do: cut},
	{what: "the answer to create is garbage", operation: "ContainerCreate", at: answered, times: 1, do: garbage},
	{what: "the attach is refused", operation: "ContainerAttach", at: answered, times: 1, do: cut},
	{what: "start is cut off", operation: "ContainerStart", at: asked, times: 3, do: cut},
	{what: "the answer to start is lost", operation: "ContainerStart", at: answered, times: 1, do: cut},
	{what: "the attach is cut in a frame", operation: "ContainerAttach", at: answered, times: 1, do: cutAfter(70_001)},
	{what: "the attach is cut, and the log twice", operation: "ContainerLogs", at: answered, times: 2, do: cutAfter(50_001),
		meanwhile: (*engineProxy).cutAll},
	{what: "a frame of the attach is garbage", operation: "ContainerAttach", at: answered, times: 1, do: bend(0)},
	{what: "a chunk of the log is garbage", operation: "ContainerLogs", at: answered, times: 1, do: bend(0),
		meanwhile: (*engineProxy).cutAll},
	{what: "the wait is refused", operation: "ContainerWait", at: answered, times: 1, do: cut},
	{what: "the wait is cut", operation: "ContainerWait", at: told, times: 1, do: cut},
	{what: "the exit code is garbage", operation: "ContainerWait", at: answered, times: 1, do: bend(0)},
	{what: "the answer to the removal is lost", operation: "ContainerDelete", at: answered, times: 1, do: cut},
	{what: "the removal fails", operation: "ContainerDelete", at: asked, times: 2, do: refuse(500, "no space left on device")},
	{what: "the first answer to everything is lost", at: answered, times: forever, do: onceEach(cut)},
	{what: "every answer is late", at: answered, times: forever, do: late(500 * time.Millisecond)},
	{what: "frozen", meanwhile: (*engineProxy).freezeForAWhile},
	{what: "all connections cut", meanwhile: (*engineProxy).cutAll},
	{what: "the socket removed", meanwhile: (*engineProxy).leaveForAWhile},
}

const aWhile = 3 * time.Second

func (p *engineProxy) cutAll() { p.cut() }

func (p *engineProxy) freezeForAWhile() {
	p.freeze()
	defer p.thaw()
	time.Sleep(aWhile)
}

func (p *engineProxy) leaveForAWhile() {
	p.away()
	defer p.back()
	time.Sleep(aWhile)
}

// TestFaultEngine holds that a run whose Engine, or the way to it, fails comes to its one outcome: its container is run once,
// its output is whole, its exit code is its own.
func TestFaultEngine(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, fault := range engineFaults {
		t.Run(fault.what, func(t *testing.T) {
			t.Parallel()
			engine, there := newEngineProxy(t, here)
			queue := unique()
			events := watch(t, here.engine, queue)
			p := startOn(t, there, queue)
			if fault.do != nil {
				engine.on(fault.operation, fault.at, fault.times, fault.do)
			}
			work := 1 // seconds
			if fault.meanwhile != nil {
				work = 4
			}
			p.send("run", runOf(attached(""), "sh", "-c", fmt.Sprintf("%s sleep %d; printf end; exit 7", who+bulkScript, work)))
			if fault.meanwhile != nil {
				p.await("its begin", func() bool { return p.output("run", "stdout") != "" })
				fault.meanwhile(engine)
			}
			p.expectExit("run", 7)
			checkBulk(t, p.output("run", "stdout"))
			p.await("its container to go", func() bool { return len(p.containers()) == 0 })
			if fault.times < forever {
				p.await("what was to fail", engine.obeyed)
			}
			p.leave(exitOK)
			p.checkOutcomes(false, "run")
			p.checkSettled(0, 0)
			p.checkRuns(events, "run")
			p.checkNothingLeft()
		})
	}
}

// checkBulk holds an output to who it is, bulkOfOutput, and an end.
func checkBulk(t *testing.T, got string) {
	t.Helper()
	if _, rest, _ := strings.Cut(got, "\n"); rest != bulkOfOutput+"end" {
		t.Errorf("the output has %d bytes and ends in %q, want %d that end in %q", len(rest), tail(rest), bulkSize+len("end"), tail(bulkOfOutput+"end"))
	}
}

// TestFaultEngineRefuses holds that what the Engine says no to has failed, once, unless another try is wished for.
func TestFaultEngineRefuses(t *testing.T) {
	t.Parallel()
	engine, there := newEngineProxy(t, e2e(t))
	p := start(t, there)
	engine.on("ContainerCreate", asked, 1, refuse(500, "no space left on device"))
	p.send("once", runOf(attached(""), "true"))
	if r := p.expect("once", cmds.StatusFailed); !strings.Contains(r.Error, "no space left on device") {
		t.Errorf("%s; want the Engine's own words", r)
	}
	engine.on("ContainerCreate", asked, 1, refuse(500, "no space left on device"))
	options := attached("")
	options["Retries"], options["RetryOn"] = 2, []string{"engine"}
	p.send("again", runOf(options, "true"))
	p.await("the second attempt", func() bool {
		return slices.ContainsFunc(p.results(), func(r event) bool { return r.MessageId == "again" && r.Status == cmds.StatusExited && r.Attempt == 2 })
	})
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.checkNothingLeft()
}

// TestFaultEngineIsAway holds that no message is taken, nor run out of turn, while the Engine is away.
func TestFaultEngineIsAway(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	engine, there := newEngineProxy(t, here)
	p := start(t, there, "-c", "2")
	p.send("before", runOf(attached(""), "true"))
	p.expectExit("before", 0)
	engine.away()
	waiting := ids("waiting", 6)
	for _, id := range waiting {
		p.send(id, runOf(attached(""), "echo", id))
	}
	p.await("the outage to be said", func() bool { return strings.Contains(p.stderr.String(), "the Docker Engine is away") })
	p.await("the messages to be given back", func() bool { return queued(t, here, p.queue) == len(waiting) })
	other := startBeside(t, here, p.queue, "another")
	for _, id := range waiting {
		other.expectExit(id, 0)
	}
	other.leave(exitOK)
	engine.back()
	p.send("after", runOf(attached(""), "true"))
	p.expectExit("after", 0)
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.checkNothingLeft()
}

// End to end: faults of the broker, and between it and the program

// brokerFault is something that happens to the broker's connections while a message's container works.
type brokerFault struct {
	what    string
	uri     string // more of it
	do      func(*brokerProxy, *process)
	options []string
}

// brief makes the death of a connection known in some seconds: three heartbeats.
const brief = "?heartbeat=2"

var brokerFaults = []brokerFault{
	{what: "connections cut", do: func(b *brokerProxy, p *process) { b.cut() }},
	{what: "connections cut, never claimed", options: []string{"-claim", "never"}, do: func(b *brokerProxy, p *process) { b.cut() }},
	{what: "connections cut, claimed", options: []string{"-claim", "0"}, do: func(b *brokerProxy, p *process) { b.cut() }},
	{what: "away", do: func(b *brokerProxy, p *process) {
		b.away()
		time.Sleep(aWhile)
		b.back()
	}},
	{what: "frozen for a moment", uri: brief, do: func(b *brokerProxy, p *process) {
		b.freeze()
		time.Sleep(time.Second)
		b.thaw()
	}},
	{what: "half open", uri: brief, do: func(b *brokerProxy, p *process) {
		b.freeze()
		p.await("the end of the session to be known", func() bool { return strings.Contains(p.stderr.String(), `msg="not consuming, trying again"`) })
		b.thaw()
	}},
	{what: "acks lost", do: func(b *brokerProxy, p *process) {
		b.up.shut()
		p.expectExit("run", 7)
		b.cut()
		b.up.open()
	}},
}

// TestFaultBroker holds that a message whose session ends under it comes to its one outcome, and that the program consumes again.
func TestFaultBroker(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, fault := range brokerFaults {
		t.Run(fault.what, func(t *testing.T) {
			t.Parallel()
			broker, there := newBrokerProxy(t, here)
			there.login += fault.uri
			queue := unique()
			events := watch(t, here.engine, queue)
			p := startOn(t, there, queue, fault.options...)
			p.send("run", runOf(attached(""), "sh", "-c", who+bulkScript+"sleep 2; printf end; exit 7"))
			p.await("its begin", func() bool { return p.output("run", "stdout") != "" })
			fault.do(broker, p)
			p.expectExit("run", 7)
			p.send("next", runOf(attached(""), "true"))
			p.expectExit("next", 0)
			checkBulk(t, p.output("run", "stdout"))
			p.await("the containers to go", func() bool { return len(p.containers()) == 0 })
			p.leave(exitOK)
			p.checkOutcomes(false, "run", "next")
			p.checkSettled(0, 0)
			p.checkRuns(events, "run", "next")
			p.checkNothingLeft()
		})
	}
}

func TestFaultQueueDeleted(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here)
	p.send("run", runOf(attached(""), "sh", "-c", "echo begun; sleep 2"))
	p.await("its begin", func() bool { return p.output("run", "stdout") != "" })
	onChannel(t, here, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(p.queue, false, false, false)
		return err
	})
	p.await("it to be said", func() bool { return strings.Contains(p.stderr.String(), `msg="not consuming, trying again"`) })
	p.expectExit("run", 0)
	p.await("the queue to be back", func() bool { return strings.Contains(p.stderr.String(), `msg="consuming again"`) })
	p.send("next", runOf(attached(""), "true"))
	p.expectExit("next", 0)
	p.leave(exitOK)
	p.checkOutcomes(false, "run", "next")
	p.removeContainers() // that of the lost message is kept, since another dispatcher may have got it
	p.checkNothingLeft()
}

// TestFaultsOfItsOwnBroker has the faults that need a node's administrator.
func TestFaultsOfItsOwnBroker(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	broker := newBroker(t)
	broker.start()
	here.broker = broker.uri()
	t.Run("connections closed", func(t *testing.T) {
		p := start(t, here)
		p.send("run", runOf(attached(""), "sh", "-c", "echo begun; sleep 2; echo end"))
		p.await("its begin", func() bool { return p.output("run", "stdout") != "" })
		broker.ctl("close_all_connections", "by the test")
		p.await("a new session", func() bool { return strings.Contains(p.stderr.String(), `msg="consuming again"`) })
		p.expectExit("run", 0)
		equal(t, p.output("run", "stdout"), "begun\nend\n")
		p.await("the container to go", func() bool { return len(p.containers()) == 0 })
		p.leave(exitOK)
		p.checkOutcomes(false, "run")
		p.checkSettled(0, 0)
	})
	t.Run("memory alarm", func(t *testing.T) {
		p := start(t, here, "-c", "1")
		p.send("run", runOf(attached(""), "sh", "-c", "echo begun; sleep 3"))
		p.send("bad", "{}")
		p.send("next", runOf(attached(""), "true"))
		p.await("its begin", func() bool { return p.output("run", "stdout") != "" })
		broker.ctl("set_vm_memory_high_watermark", "0.0001")
		p.expectExit("run", 0)
		p.expect("bad", cmds.StatusInvalid)
		broker.ctl("set_vm_memory_high_watermark", "0.4")
		p.expectExit("next", 0)
		p.leave(exitOK)
		p.checkOutcomes(false, "run", "bad", "next")
		p.checkSettled(0, 1)
	})
	t.Run("ack timeout", func(t *testing.T) {
		broker.ctl("eval", "application:set_env(rabbit, consumer_timeout, 3000), application:set_env(rabbit, channel_tick_interval, 1000).")
		p := start(t, here, "-claim", "never", "-queue-type", "classic")
		events := watch(t, here.engine, p.queue)
		p.send("run", runOf(attached(""), "sh", "-c", "echo begun; sleep 8; echo end"))
		p.await("the limit to strike", func() bool { return strings.Contains(p.stderr.String(), `msg="consuming again"`) })
		p.expectExit("run", 0)
		equal(t, p.output("run", "stdout"), "begun\nend\n")
		p.await("the container to go", func() bool { return len(p.containers()) == 0 })
		p.leave(exitOK)
		p.checkOutcomes(false, "run")
		p.checkSettled(0, 0)
		p.checkRuns(events, "run")
	})
}

// End to end: dispatchers among themselves, and those that leave something behind

func TestFaultTwoOfOneName(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	first := start(t, here)
	second := first.succeed()
	second.await("it to be said", func() bool { return strings.Contains(second.stderr.String(), "give each its own -name") })
	first.send("run", runOf(attached(""), "true"))
	first.expectExit("run", 0)
	if n := consumers(t, here, first.queue); n != 1 {
		t.Errorf("%d consume under one name, want 1", n)
	}
	first.kill()
	second.awaitConsuming()
	second.send("next", runOf(attached(""), "true"))
	second.expectExit("next", 0)
	if said := strings.Count(second.stderr.String(), "level=WARN"); said != 1 {
		t.Errorf("waiting is said %d times:\n%s", said, second.stderr.String())
	}
	second.await("the containers to go", func() bool { return len(second.containers()) == 0 })
	second.leave(exitOK)
	second.checkOutcomes(false, "run", "next")
}

// TestControlQueue holds that a full dispatcher obeys, that it alone does, and that it touches no container of others.
func TestControlQueue(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here, "-c", "1")
	other := startBeside(t, here, p.queue, p.queue+"-other", "-c", "1")
	control := func(id string, m message) {
		onChannel(t, here, func(ch *amqp.Channel) error {
			return ch.Publish(p.queue+".control", "", false, false, amqp.Publishing{MessageId: id, Body: []byte(body(t, m))})
		})
	}
	names := map[string]*process{}
	for range 2 { // each takes one
		name := unique()
		p.send(name, runOf(attached(name), "sh", "-c", "echo begun; sleep 3600"))
		p.await("its begin", func() bool { return p.output(name, "stdout")+other.output(name, "stdout") == "begun\n" })
		names[name] = p
		if other.output(name, "stdout") != "" {
			names[name] = other
		}
	}
	foreign := unique()
	var created struct{ ID string }
	here.engine.post(t, "/containers/create?name="+foreign, message{"Image": image, "Cmd": []string{"sleep", "3600"}}, &created)
	t.Cleanup(func() { here.engine.delete(t, created.ID) })
	here.engine.post(t, "/containers/"+created.ID+"/start", nil, nil)

	control("stop of a foreign one", stopOf(foreign, 0))
	control("stop of none", stopOf(unique(), 0))
	for name, owner := range names {
		control("stop of "+name, stopOf(name, 0))
		owner.expect("stop of "+name, cmds.StatusStopped)
		owner.expectExit(name, 137)
	}
	if !here.engine.running(t, created.ID) {
		t.Error("a container that nobody here has made was stopped")
	}
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	other.leave(exitOK)
	if n := len(p.results()) + len(other.results()); n != 4 {
		t.Errorf("%d results, want 4: %s %s", n, p.results(), other.results())
	}
	p.checkSettled(0, 0)
}

// TestOrphans has a dispatcher killed, and its messages lost: what becomes of the containers is the operator's choice.
func TestOrphans(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	type orphanage struct {
		*process
		begun time.Time
	}
	homes := map[string]orphanage{}
	for _, choice := range []string{"leave", "stop", "remove"} {
		home := abandon(t, here)
		listed := home.orphans()
		for id, want := range map[string]bool{"running": true, "kept": false, "never started": true} {
			if got := strings.Contains(listed, strconv.Quote(id)); got != want {
				t.Errorf("%s is listed: %v, want %v\n%s", id, got, want, listed)
			}
		}
		homes[choice] = orphanage{home.again("-orphans", choice), time.Now()}
	}
	for choice, home := range homes {
		want := map[string]string{"running": "running", "kept": "exited", "never started": "created"}
		switch choice {
		case "stop":
			want["running"] = "exited"
		case "remove":
			delete(want, "running")
			delete(want, "never started")
		}
		done := func() bool { return maps.Equal(home.states(), want) }
		if choice == "leave" {
			done = func() bool { return strings.Count(home.stderr.String(), "an orphan is left") == 2 }
		}
		home.within(time.Minute).await("orphans: "+choice, done)
		if got := home.states(); !maps.Equal(got, want) {
			t.Errorf("orphans: %s: the containers are %v, want %v", choice, got, want)
		}
		if choice == "leave" {
			home.checkCannotEndOrphans()
		}
		home.leave(exitOK)
	}
	homes["leave"].orphans("-remove")
	if got, want := homes["leave"].states(), map[string]string{"kept": "exited"}; !maps.Equal(got, want) {
		t.Errorf("docker-dispatch orphans -remove leaves %v, want %v", got, want)
	}
	for _, home := range homes {
		home.removeContainers()
	}
}

// abandon is a dispatcher that was killed, whose queue was purged, and that has three containers.
func abandon(t *testing.T, here site) *process {
	engine, there := newEngineProxy(t, here)
	p := start(t, there)
	p.send("kept", runOf(message{"Attach": []string{"STDOUT"}}, "true"))
	p.expectExit("kept", 0)
	p.send("running", runOf(attached(""), "sh", "-c", "echo begun; sleep 3600"))
	p.await("its begin", func() bool { return p.output("running", "stdout") == "begun\n" })
	engine.on("ContainerStart", asked, forever, cut)
	p.send("never started", runOf(attached(""), "true"))
	p.await("its container", func() bool { return p.states()["never started"] == "created" })
	p.kill()
	onChannel(t, here, func(ch *amqp.Channel) error {
		_, err := ch.QueuePurge(p.queue, false)
		return err
	})
	engine.forget()
	p.await("the queue to be empty", func() bool { return queued(t, here, p.queue) == 0 })
	return p
}

// states are those of the containers, by message.
func (p *process) states() map[string]string {
	p.t.Helper()
	states := map[string]string{}
	for _, c := range p.containers() {
		states[c.Labels["docker-dispatch.message-id"]] = c.State
	}
	return states
}

// orphans is what the command of that name prints.
func (p *process) orphans(options ...string) string {
	p.t.Helper()
	args := append(append([]string{"orphans"}, options...), "-q", p.queue, "-name", p.queue, p.site.engine.address, p.site.broker)
	code, stdout, stderr := finish(p.t, nil, args...)
	if code != exitOK {
		p.t.Errorf("docker-dispatch %q: exit code %d, stderr\n%s", args, code, stderr)
	}
	return stdout
}

// checkCannotEndOrphans holds that nobody ends the containers of a dispatcher at work.
func (p *process) checkCannotEndOrphans() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program(p.t), "orphans", "-remove", "-q", p.queue, "-name", p.queue, p.site.engine.address, p.site.broker).CombinedOutput()
	if err == nil || p.states()["running"] != "running" {
		p.t.Errorf("docker-dispatch orphans -remove beside a dispatcher at work: %v\n%s", err, out)
	}
}

// TestOnExitStop holds that a run that is stopped since its dispatcher leaves is run again, by another.
func TestOnExitStop(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, claim := range []string{"0", "never"} {
		p := start(t, here, "-on-exit", "stop", "-drain", "100ms", "-claim", claim)
		events := watch(t, here.engine, p.queue)
		p.send("run", runOf(attached(""), "sh", "-c", `trap 'exit 9' TERM; `+who+`echo begun; sleep 5 & wait; echo end`))
		p.await("its begin", func() bool { return strings.HasSuffix(p.output("run", "stdout"), "begun\n") })
		p.leave(exitOK)
		p.checkOutcomes(false)
		p.checkSettled(1, 0)
		other := startBeside(t, here, p.queue, unique())
		other.expectExit("run", 0)
		if n := events.times("start", "run", 1); n != 2 {
			t.Errorf("claim %s: %d runs, want 2", claim, n)
		}
		other.await("the container to go", func() bool { return len(other.containers()) == 0 })
		other.leave(exitOK)
		other.checkNothingLeft()
	}
}

// TestOnLostStop holds that a fleet can have a run ended whose message another dispatcher may get.
func TestOnLostStop(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	broker, there := newBrokerProxy(t, here)
	p := start(t, there, "-on-lost", "stop", "-claim", "never")
	p.send("run", runOf(attached(""), "sh", "-c", who+"echo begun; sleep 3; echo end"))
	p.await("its begin", func() bool { return strings.HasSuffix(p.output("run", "stdout"), "begun\n") })
	broker.away()
	p.await("its end", func() bool { return len(p.containers()) == 0 })
	broker.back()
	p.expectExit("run", 0)
	p.await("the container to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	p.checkOutcomes(false, "run")
	p.checkSettled(0, 0)
	p.checkNothingLeft()
}

// End to end: retries, dead letters, identity

// attempts are the results of a message, in the order of its attempts.
func (p *process) attempts(id string, count int) (all []event) {
	p.t.Helper()
	p.await(fmt.Sprintf("%d results of %s", count, id), func() bool {
		all = slices.DeleteFunc(p.results(), func(r event) bool { return r.MessageId != id })
		return len(all) >= count
	})
	for i, r := range all {
		if r.Attempt != i+1 {
			p.t.Errorf("result %d: attempt %d, %s", i+1, r.Attempt, r)
		}
	}
	return all
}

func TestRetriesAndDeadLetters(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here)
	events := watch(t, here.engine, p.queue)
	options := func(more message) message {
		m := attached("")
		maps.Copy(m, more)
		return m
	}
	const script = who + "echo attempt $DOCKER_DISPATCH_ATTEMPT; "
	for _, c := range []struct {
		id      string
		options message
		script  string
		codes   []int
		dead    bool
	}{
		{"no retries", message{}, "exit 3", []int{3}, false},
		{"until it is well", message{"Retries": 5}, "[ $DOCKER_DISPATCH_ATTEMPT = 2 ]", []int{1, 0}, false},
		{"until there are none", message{"Retries": 1}, "echo why; exit 9", []int{9, 9}, true},
		{"a name of its own", message{"Retries": 1, "Name": unique()}, "[ $DOCKER_DISPATCH_ATTEMPT = 2 ]", []int{1, 0}, false},
		{"not on this", message{"Retries": 1, "RetryOn": []any{"timeout", 4}}, "exit 3", []int{3}, false},
		{"on this", message{"Retries": 1, "RetryOn": []any{4}}, "exit $((6 - 2 * $DOCKER_DISPATCH_ATTEMPT))", []int{4, 2}, false},
		{"its code says again", message{"Retries": 1, "RetryOn": []any{}, "ExitCodes": message{"75": "retry"}}, "exit $((74 + (2 - $DOCKER_DISPATCH_ATTEMPT)))", []int{75, 74}, false},
		{"its code says dead", message{"Retries": 1, "ExitCodes": message{"64": "dead"}}, "exit 64", []int{64}, true},
	} {
		t.Run(c.id, func(t *testing.T) {
			p := *p
			p.t = t
			p.send(c.id, runOf(options(c.options), "sh", "-c", script+c.script))
			for i, r := range p.attempts(c.id, len(c.codes)) {
				if i >= len(c.codes) || r.Status != cmds.StatusExited || *r.ExitCode != c.codes[i] {
					t.Errorf("attempt %d: %s, want %d", i+1, r, c.codes)
					continue
				}
				if n := events.times("start", c.id, i+1); n != 1 {
					t.Errorf("attempt %d: %d runs", i+1, n)
				}
			}
			if _, rest, _ := strings.Cut(p.output(c.id, "stdout"), "\n"); !strings.HasPrefix(rest, fmt.Sprintf("attempt %d\n", len(c.codes))) {
				t.Errorf("the last attempt says %q", rest)
			}
			if !c.dead {
				return
			}
			p.await("it to be in the dead queue", func() bool { return queued(t, here, p.queue+wire.DeadSuffix) == 1 })
			d := take(t, here, p.queue+wire.DeadSuffix, 1)[0]
			code, attempt := int64(c.codes[len(c.codes)-1]), int64(len(c.codes)+1)
			said, _ := d.Headers["docker-dispatch-output"].(string)
			if d.MessageId != c.id || d.Headers["docker-dispatch-exit-code"] != code || d.Headers["docker-dispatch-attempt"] != attempt ||
				d.Headers["docker-dispatch-reason"] == "" || d.Headers["docker-dispatch-queue"] != p.queue || !strings.Contains(said, "attempt ") {
				t.Errorf("in the dead queue: %q with %v; want exit code %d and attempt %d next", d.MessageId, d.Headers, code, attempt)
			}
		})
	}
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.checkNothingLeft()
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	options := attached("")
	options["Timeout"] = 1
	p.send("run", runOf(options, "sh", "-c", `trap 'exit 9' TERM; echo begun; sleep 3600 & wait`))
	p.expect("run", "timeout")
	p.await("the container to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	p.checkOnce(1)
	p.checkSettled(0, 0)
}

// TestPublishedTwice holds that equal messages of one id are one job, also when its outcome is out and its container gone on.
func TestPublishedTwice(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here)
	events := watch(t, here.engine, p.queue)
	run := runOf(message{"Attach": []string{"STDOUT"}}, "sh", "-c", who+"sleep 1")
	p.send("twice at once", run)
	p.send("twice at once", run)
	p.expectExit("twice at once", 0)
	p.send("twice at once", run)
	p.await("the last to be done", func() bool { return queued(t, here, p.queue) == 0 })
	p.send("next", runOf(attached(""), "true"))
	p.expectExit("next", 0)
	p.kill()
	next := p.again()
	next.send("twice at once", run)
	next.send("last", runOf(attached(""), "true"))
	next.expectExit("last", 0)
	next.leave(exitOK)
	next.checkOutcomes(true, "twice at once", "next", "last")
	next.checkRuns(events, "twice at once", "next", "last")
	next.checkSettled(0, 0)
	next.removeContainers()
}

func TestSameIdOtherBody(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here)
	p.send("the id", runOf(message{"Attach": []string{"STDOUT"}}, "sleep", "1"))
	p.send("the id", runOf(message{"Attach": []string{"STDOUT"}}, "sleep", "2"))
	p.await("both results", func() bool { return len(p.results()) == 2 })
	statuses := map[cmds.Status]string{}
	for _, r := range p.results() {
		statuses[r.Status] = r.Error
	}
	if why, found := statuses[cmds.StatusInvalid]; !found || !strings.Contains(why, "another body") {
		t.Errorf("the results are %q", statuses)
	}
	if _, found := statuses[cmds.StatusExited]; !found {
		t.Errorf("the results are %q", statuses)
	}
	p.leave(exitOK)
	p.checkSettled(0, 1)
	p.removeContainers()
}

// TestDeadlyMessage has dispatchers die whenever they touch a certain container: its message ends in the dead queue, and what was
// in work beside it is done.
func TestDeadlyMessage(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	engine, there := newEngineProxy(t, here)
	p := start(t, there, "-claim", "never")
	p.send("innocent", runOf(attached(""), "sh", "-c", "echo begun; sleep 4; echo end"))
	p.send("deadly", runOf(attached(""), "sh", "-c", "echo begun; sleep 3600"))
	p.await("its begin", func() bool { return p.output("deadly", "stdout") == "begun\n" })
	deadly := slices.DeleteFunc(p.containers(), func(c container) bool { return c.Labels["docker-dispatch.message-id"] != "deadly" })[0].ID
	deaths := make(chan bool, 1)
	engine.on("ContainerLogs", asked, forever, func(x *exchange) {
		if strings.Contains(x.head, deadly) {
			select {
			case deaths <- true:
			default:
			}
		}
	})
	p.kill()
	buried := func() bool { return queued(t, here, p.queue+wire.DeadSuffix) == 1 }
	for died := 0; !buried(); died++ {
		if died > 20 {
			t.Fatalf("after %d deaths the message is not in the dead queue", died)
		}
		p = p.succeed("-claim", "never")
		p.await("a death, or an end to them", func() bool { return len(deaths) > 0 || buried() })
		if len(deaths) > 0 {
			p.kill()
			<-deaths
		}
	}
	p.expectExit("innocent", 0)
	equal(t, p.output("innocent", "stdout"), "begun\nend\n")
	if r := p.result("deadly"); r.Status == cmds.StatusExited || !strings.Contains(r.Error, "died") {
		t.Errorf("%s", r)
	}
	p.within(time.Minute).await("the containers to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	p.checkSettled(0, 1)
	p.checkNothingLeft()
}

// Chaos: everything at once, for a while

// campaign is a queue under attack.
type campaign struct {
	claim       string
	queueType   string
	dispatchers int
}

var campaigns = []campaign{
	{"10s", "classic", 1},
	{"0", "quorum", 2},
	{"2s", "classic", 2},
	{"never", "quorum", 1},
	{"never", "classic", 2},
	{"2s", "quorum", 1},
	{"0", "classic", 1},
	{"never", "quorum", 2},
	{"2s", "classic", 1},
	{"0", "quorum", 1},
	{"2s", "quorum", 2},
	{"0", "classic", 2},
	{"never", "classic", 1},
}

const (
	shortCampaigns = 3 // the first ones
	shortChaos     = 20 * time.Second
	mostWaiting    = 50              // messages without an outcome
	afterChaos     = 2 * time.Minute // for the rest of the work
)

// TestChaos sends messages for a while, as fast as they are done, kills dispatchers and disturbs their connections all the time.
// Then each message has come to its one outcome, its container was created and run once, its output is whole, and nothing is left.
// With CHAOS_TIME, such as 10m, it goes through all campaigns in that time, with daemons of its own, which are restarted and
// killed too.
func TestChaos(t *testing.T) {
	here := e2e(t)
	chosen, each := campaigns[:shortCampaigns], shortChaos
	length := os.Getenv("CHAOS_TIME")
	if length != "" {
		all, err := time.ParseDuration(length)
		if err != nil {
			t.Fatal(err)
		}
		chosen, each = campaigns, all/time.Duration(len(campaigns))
	}
	for _, c := range chosen {
		t.Run(fmt.Sprintf("claim %s, %s, dispatchers %d", c.claim, c.queueType, c.dispatchers), func(t *testing.T) {
			if length == "" {
				t.Parallel()
			}
			x := newChaos(t, here, c, length != "")
			x.disturbFor(each)
			x.finish()
			x.check()
		})
	}
}

// chaos is a campaign at work.
type chaos struct {
	campaign
	*process // the last one started
	t        *testing.T
	long     bool
	random   *mathrand.Rand
	engine   *engineProxy
	broker   *brokerProxy
	events   *witness
	fleet    []*process // the last of each name
	sent     []errand
	faults   map[string]int // by name

	ownEngine *privateEngine // nil in the short form
	ownBroker *broker
}

func newChaos(t *testing.T, here site, c campaign, long bool) *chaos {
	seed := uint64(time.Now().UnixNano())
	t.Logf("the random numbers' seed is %d", seed)
	x := &chaos{campaign: c, t: t, long: long, random: mathrand.New(mathrand.NewPCG(seed, 0)), faults: map[string]int{}}
	if long {
		here = x.ownDaemons(here)
	}
	x.engine, here = newEngineProxy(t, here)
	x.broker, here = newBrokerProxy(t, here)
	here.login += brief
	queue := unique()
	deleteQueues(t, here, queue)
	arguments := amqp.Table{amqp.QueueTypeArg: c.queueType}
	if c.queueType == "quorum" {
		arguments["x-delivery-limit"] = int64(10_000) // a cut counts for every message in hand
	}
	declare(t, here, queue, arguments)
	if long {
		x.settle(here, queue)
	}
	x.events = watch(t, here.engine, queue)
	heard := newHeard()
	heard.several = c.dispatchers > 1
	for i := range c.dispatchers {
		p := spawnProgram(t, here, queue, x.options(i, queue)...)
		p.heard = heard
		p.startReading()
		x.fleet = append(x.fleet, p)
		x.process = p
	}
	t.Cleanup(x.tellQueues)
	x.await("the first to consume", func() bool { return consumers(t, here, queue) > 0 })
	return x
}

// tellQueues logs what is in the queues when the test has failed.
func (x *chaos) tellQueues() {
	if !x.t.Failed() {
		return
	}
	for _, suffix := range []string{"", wire.DeadSuffix, ".retry.1", ".retry.2", ".retry.4"} {
		err := tryOnChannel(x.site, func(ch *amqp.Channel) error {
			for {
				d, ok, err := ch.Get(x.queue+suffix, false)
				if !ok {
					return err
				}
				x.t.Logf("in %s: %s, redelivered %v, %v", x.queue+suffix, d.MessageId, d.Redelivered, d.Headers)
			}
		})
		x.t.Logf("%s, to its end: %v", x.queue+suffix, err)
	}
}

// settle makes the queues of retries and restarts the broker: a quorum queue that was declared in the last second before its
// broker is killed may never come back.
func (x *chaos) settle(here site, queue string) {
	for seconds := 1; seconds <= 4; seconds *= 2 {
		declare(x.t, here, fmt.Sprint(queue, ".retry.", seconds), amqp.Table{
			amqp.QueueTypeArg: "quorum", "x-message-ttl": int64(1000 * seconds), "x-overflow": "reject-publish",
			"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue, "x-dead-letter-strategy": "at-least-once",
		})
	}
	x.ownBroker.stop(syscall.SIGTERM)
	x.ownBroker.start()
}

func (x *chaos) ownDaemons(here site) site {
	x.ownEngine, x.ownBroker = newEngine(x.t), newBroker(x.t)
	writeFile(x.t, x.ownEngine.dir+"/daemon.json", `{"live-restore":true}`)
	x.ownEngine.start()
	x.ownEngine.load(here.engine)
	x.ownBroker.start()
	return site{engine: x.ownEngine.engine, broker: x.ownBroker.uri()}
}

func (x *chaos) options(i int, queue string) []string {
	return []string{"-claim", x.claim, "-name", fmt.Sprint(queue, "-", i), "-c", "6", "-drain", "1s", "-orphans", "remove"}
}

// errand is a message of a campaign, and what has to become of it.
type errand struct {
	id, kind  string
	message   message
	codes     []int  // of its attempts; none is a detached run
	stdout    string // of each, behind who it is; # is the attempt
	stays     bool   // its container does, when it has exited
	anew      bool   // a created container may be made anew before it starts
	uncertain bool   // it may be interrupted, or run again when its dispatcher is killed
}

func (e errand) attempts() int { return max(1, len(e.codes)) }

// code is that of an attempt. Those after the usual ones are made up for what the Engine has lost.
func (e errand) code(attempt int) int { return e.codes[min(attempt, len(e.codes))-1] }

// errands are the kinds of messages, which come in turn.
var errands = []func(id string) errand{
	func(id string) errand {
		return errand{kind: "short", message: runOf(attached(""), "sh", "-c", who+"printf %s "+id), codes: []int{0}, stdout: id}
	},
	func(id string) errand {
		return errand{kind: "some seconds", message: runOf(attached(""), "sh", "-c", who+"echo begun; sleep 4; printf end; exit 3"), codes: []int{3}, stdout: "begun\nend"}
	},
	func(id string) errand {
		run := with(runOf(message{"Attach": []string{"STDIN", "STDOUT"}, "Remove": true}, "sh", "-c", who+"cat"), "Stdin", id)
		return errand{kind: "with input", message: run, codes: []int{0}, stdout: id, anew: true}
	},
	func(id string) errand {
		return errand{kind: "much output", message: runOf(attached(""), "sh", "-c", who+bulkScript+"sleep 1; printf end"), codes: []int{0}, stdout: bulkOfOutput + "end"}
	},
	func(id string) errand {
		return errand{kind: "detached", message: runOf(message{}, "sleep", "1"), stays: true}
	},
	func(id string) errand {
		return errand{kind: "retried", message: runOf(with(attached(""), "Retries", 3), "sh", "-c", who+"echo $DOCKER_DISPATCH_ATTEMPT; [ $DOCKER_DISPATCH_ATTEMPT -gt 1 ]"),
			codes: []int{1, 0}, stdout: "#\n"}
	},
	func(id string) errand {
		return errand{kind: "named", message: runOf(attached(unique()), "sh", "-c", who+"sleep 1; echo end"), codes: []int{0}, stdout: "end\n"}
	},
	func(id string) errand {
		return errand{kind: "kept", message: runOf(message{"Attach": []string{"STDOUT"}}, "sh", "-c", who), codes: []int{0}, stays: true}
	},
	func(id string) errand {
		return errand{kind: "detached, with Remove", message: runOf(message{"Remove": true}, "sleep", "1"), uncertain: true}
	},
	func(id string) errand {
		run := with(runOf(message{"Attach": []string{"STDIN", "STDOUT"}, "Remove": true}, "sh", "-c", who+"wc -c"), "Stdin", strings.Repeat("x", 300_000))
		return errand{kind: "with much input", message: run, codes: []int{0}, stdout: "300000\n", anew: true, uncertain: true}
	},
}

// disturbance is one way to make trouble.
type disturbance struct {
	name string
	long bool // only in the long form
	do   func(*chaos)
}

var disturbances = []disturbance{
	{"dispatcher killed", false, (*chaos).killOne},
	{"dispatcher killed", false, (*chaos).killOne},
	{"dispatcher killed", false, (*chaos).killOne},
	{"dispatcher told to leave", false, (*chaos).endOne},
	{"broker's connections cut", false, func(x *chaos) { x.broker.cut() }},
	{"Engine's connections cut", false, func(x *chaos) { x.engine.cut() }},
	{"an answer of the Engine lost", false, func(x *chaos) { x.engine.on("", answered, 1, cut) }},
	{"an attach cut", false, func(x *chaos) { x.engine.on("ContainerAttach", answered, 1, cutAfter(x.random.IntN(100_000))) }},
	{"a log cut", false, func(x *chaos) { x.engine.on("ContainerLogs", answered, 1, cutAfter(x.random.IntN(100_000))) }},
	{"Engine frozen", false, func(x *chaos) { x.freeze(&x.engine.relay, time.Second) }},
	{"broker frozen", false, func(x *chaos) { x.freeze(&x.broker.relay, time.Second) }},
	{"acks held back, and cut", false, (*chaos).loseAcks},
	{"broker out of reach", true, func(x *chaos) { x.freeze(&x.broker.relay, 12*time.Second) }},
	{"broker restarted", true, func(x *chaos) { x.ownBroker.stop(syscall.SIGTERM); x.ownBroker.start() }},
	{"broker killed", true, func(x *chaos) { x.ownBroker.stop(syscall.SIGKILL); x.ownBroker.start() }},
	{"Engine restarted", true, func(x *chaos) { x.ownEngine.stop(syscall.SIGTERM); x.ownEngine.start() }},
	{"Engine killed", true, func(x *chaos) { x.ownEngine.stop(syscall.SIGKILL); x.ownEngine.start() }},
}

func (x *chaos) killOne() {
	i := x.random.IntN(len(x.fleet))
	x.fleet[i].kill()
	x.replace(i)
}

func (x *chaos) endOne() {
	i := x.random.IntN(len(x.fleet))
	x.fleet[i].awaitSocket()
	x.fleet[i].leave(exitOK)
	x.replace(i)
}

func (x *chaos) replace(i int) {
	x.fleet[i] = x.fleet[i].succeed(x.options(i, x.queue)...)
	x.process = x.fleet[i]
}

func (x *chaos) freeze(r *relay, length time.Duration) {
	r.freeze()
	defer r.thaw()
	time.Sleep(length)
}

func (x *chaos) loseAcks() {
	x.broker.up.shut()
	time.Sleep(500 * time.Millisecond)
	x.broker.cut()
	x.broker.up.open()
}

// disturbFor sends messages, and makes trouble, for that long.
func (x *chaos) disturbFor(length time.Duration) {
	possible := slices.DeleteFunc(slices.Clone(disturbances), func(d disturbance) bool { return d.long && !x.long })
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Duration(x.random.IntN(800)) * time.Millisecond) {
		x.send()
		d := possible[x.random.IntN(len(possible))]
		x.faults[d.name]++
		d.do(x)
		for _, p := range x.fleet {
			select {
			case <-p.ended:
				x.t.Fatal("a dispatcher has ended by itself")
			default:
			}
		}
	}
}

// send keeps some messages waiting.
func (x *chaos) send() {
	done := x.outcomes()
	waiting := len(slices.DeleteFunc(slices.Clone(x.sent), func(e errand) bool { return x.isDone(e, done[e.id]) }))
	var messages []amqp.Publishing
	for range mostWaiting - waiting {
		id := fmt.Sprintf("%s-%d", x.queue, len(x.sent))
		e := errands[len(x.sent)%len(errands)](id)
		e.id = id
		x.sent = append(x.sent, e)
		messages = append(messages, amqp.Publishing{MessageId: id, Body: []byte(body(x.t, e.message))})
	}
	x.within(time.Minute).await("the messages to be stored", func() bool { return tryPublish(x.site, x.queue, messages...) == nil })
}

// outcomes are the results so far, by message and attempt.
func (x *chaos) outcomes() map[string]map[int][]event {
	all := map[string]map[int][]event{}
	for _, r := range x.results() {
		if all[r.MessageId] == nil {
			all[r.MessageId] = map[int][]event{}
		}
		attempt := max(1, r.Attempt)
		all[r.MessageId][attempt] = append(all[r.MessageId][attempt], r)
	}
	return all
}

// missing are the messages that are not done.
func (x *chaos) missing() (what []string) {
	done := x.outcomes()
	for _, e := range x.sent {
		if !x.isDone(e, done[e.id]) {
			what = append(what, fmt.Sprintf("%s, %s: %v", e.id, e.kind, done[e.id]))
		}
	}
	return what
}

// isDone says whether no attempt at an errand is to follow. One that the Engine has refused is not tried again, and one that was
// interrupted is, if any is.
func (x *chaos) isDone(e errand, outcomes map[int][]event) bool {
	if e.attempts() == 1 {
		return len(outcomes) > 0
	}
	for _, results := range outcomes {
		for _, r := range results {
			if r.Status == cmds.StatusExited && *r.ExitCode == e.code(e.attempts()) || r.Status == cmds.StatusFailed {
				return true
			}
		}
	}
	return false
}

// finish leaves the rest of the work undisturbed, and ends the program when nothing is left of it.
func (x *chaos) finish() {
	x.engine.forget()
	for end := time.Now().Add(afterChaos); len(x.missing()) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("waited %v for the outcomes of %q; %v", afterChaos, x.missing(), x.faults)
		}
	}
	for end := time.Now().Add(patience); len(x.leftover()) > 0 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
	}
	if left := x.leftover(); len(left) > 0 { // one that made a container of which another was killed before it removed it
		x.t.Logf("left to the next start of who made them: %q", left)
		for i := range x.fleet {
			x.fleet[i].leave(exitOK)
			x.replace(i)
		}
	}
	x.within(afterChaos).await("the containers to go", func() bool { return len(x.leftover()) == 0 })
	for _, p := range x.fleet {
		p.leave(exitOK)
	}
}

// leftover are the containers that should not be there when all is done.
func (x *chaos) leftover() (what []string) {
	stay := map[string]bool{}
	for _, e := range x.sent {
		stay[e.id] = e.stays
	}
	for _, c := range x.containers() {
		if id := c.Labels["docker-dispatch.message-id"]; !stay[id] {
			what = append(what, fmt.Sprintf("%s, %s, %.12s", id, c.State, c.ID))
		}
	}
	return what
}

func (x *chaos) check() {
	x.checkSettled(0, 0)
	outcomes := x.outcomes()
	repeats, runsAgain := 0, 0
	for _, e := range x.sent {
		attempts := len(outcomes[e.id])
		if attempts != e.attempts() && !slices.ContainsFunc(x.results(), func(r event) bool { return r.MessageId == e.id && x.lostByTheEngine(r) }) {
			x.t.Errorf("%s, %s: %d attempts have an outcome, want %d", e.id, e.kind, attempts, e.attempts())
		}
		for attempt := 1; attempt <= attempts; attempt++ {
			repeats += max(0, len(outcomes[e.id][attempt])-1)
			runsAgain += max(0, x.events.times("start", e.id, attempt)-1)
			x.checkAttempt(e, attempt, outcomes[e.id][attempt])
		}
	}
	x.t.Logf("%d messages, %d outcomes given again, %d runs of a kind that may run again; %v", len(x.sent), repeats, runsAgain, x.faults)
	x.removeContainers()
	x.checkNothingLeft()
}

// checkAttempt holds an attempt at an errand to its results, its container's output and the Engine's events. One that is not the
// first may have been published twice, and run twice to the same outcome: no more often, and never cut short.
func (x *chaos) checkAttempt(e errand, attempt int, results []event) {
	copies := 1
	if attempt > 1 {
		copies = 2
	}
	for _, r := range results {
		good := r.Status == cmds.StatusStarted && len(e.codes) == 0 ||
			r.Status == cmds.StatusExited && len(e.codes) > 0 && *r.ExitCode == e.code(attempt) && (r.OutputLost == "" || x.engineDied()) ||
			r.Status == cmds.StatusInterrupted && e.uncertain || x.lostByTheEngine(r)
		if !good || !e.uncertain && (r.String() != results[0].String() || copies == 1 && r.Id != results[0].Id) {
			x.t.Errorf("%s, attempt %d: %s (container %.12s), first %s", e.kind, attempt, r, r.Id, results[0])
		}
	}
	if slices.ContainsFunc(results, x.lostByTheEngine) {
		return
	}
	started, created := x.events.times("start", e.id, attempt), x.events.times("create", e.id, attempt)
	twice := started > 1 && attempt > 1 // in one container, if that had not been started when both copies found it
	if len(results) > 0 && len(e.codes) > 0 && results[0].Status == cmds.StatusExited && !twice {
		x.checkOutput(e, attempt, results[0].Id)
	}
	if !e.uncertain && (started < 1 || started > copies || created < 1 || created > copies && !e.anew && !x.engineDied()) {
		x.t.Errorf("%s, %s, attempt %d: created %d times, started %d times: %v", e.id, e.kind, attempt, created, started, x.events.story(e.id, attempt))
	}
}

// lostByTheEngine says whether a result is that of a container that its Engine has lost track of, as it does when it is killed
// or restarted while it starts one: such a container can't be started any more, or has ended with 255.
func (x *chaos) lostByTheEngine(r event) bool {
	if !x.engineDied() {
		return false
	}
	unstartable := r.Status == cmds.StatusFailed && (strings.Contains(r.Error, "already exists") || strings.Contains(r.Error, "already in use"))
	return unstartable || r.Status == cmds.StatusInterrupted || r.Status == cmds.StatusExited && *r.ExitCode == 255
}

// engineDied says whether an Engine may have forgotten a start: it says of such a container that it was never started, and cannot start
// it, or does so once more. One that it cannot start is made anew.
func (x *chaos) engineDied() bool { return x.faults["Engine killed"]+x.faults["Engine restarted"] > 0 }

// whoAmI is the first line of who.
var whoAmI = regexp.MustCompile(`(?m)^[0-9a-f]{8}-[0-9a-f-]{27}$`)

func (x *chaos) checkOutput(e errand, attempt int, container string) {
	x.heard.mu.Lock()
	defer x.heard.mu.Unlock()
	var got string
	if data := x.heard.outputs[source{e.id, "stdout", container}]; data != nil {
		got = data.String()
	}
	name, rest, _ := strings.Cut(got, "\n")
	want := strings.ReplaceAll(e.stdout, "#", strconv.Itoa(attempt))
	switch {
	case x.faults["Engine killed"] > 0 && strings.HasPrefix(want, rest):
		return // what the Engine had read, and not yet put into its log, is lost with it
	case x.engineDied() && len(whoAmI.FindAllString(got, 2)) > 1:
		return // of the start that it has forgotten, too
	}
	if len(name) != 36 || rest != want {
		x.t.Errorf("%s, %s: the output has %d bytes and ends in %.100q, want %d that end in %.100q", e.id, e.kind, len(rest), tail(rest), len(want), tail(want))
	}
}

// Soak: the program for a long time, with nothing slower than itself

const (
	soakSlots    = 64
	soakBacklog  = 512              // messages in the queue, at most
	longestRetry = 4 * time.Second  // of a first one
	soakSample   = 10 * time.Second // between two looks at the process
	soakSamples  = 24               // at least: a short soak is looked at more often
)

// TestSoak has the program work at full speed for SOAK_TIME, such as 20m, against the real broker and an Engine whose containers
// end at once, and holds its memory and its descriptors to be no more at the end than they were.
func TestSoak(t *testing.T) {
	if os.Getenv("SOAK_TIME") == "" {
		t.Skip("set SOAK_TIME, such as 20m, for as long as the program shall run at full speed; make soak does")
	}
	here := e2e(t)
	length, err := time.ParseDuration(os.Getenv("SOAK_TIME"))
	if err != nil {
		t.Fatal(err)
	}
	here.socket = newInstantEngine(t)
	p := launch(t, here, unique(), "-c", strconv.Itoa(soakSlots))
	var results atomic.Int64
	p.reading.Go(func() { countResults(p.stdout, &results) })
	p.awaitConsuming()
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() { publishUntil(t, here, p.queue, stop) })
	samples := p.observe(length, &results)
	close(stop)
	publishing.Wait()
	last, since := results.Load(), time.Now()
	p.within(3*time.Minute).await("the rest of the work, retries too", func() bool {
		if n := results.Load(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > longestRetry && queued(t, here, p.queue) == 0
	})
	p.leave(exitOK)
	p.checkSettled(0, 0)

	before, after := samples[len(samples)/4:len(samples)/2], samples[len(samples)*3/4:]
	memory, files := func(s sample) int { return s.memory }, func(s sample) int { return s.files }
	if was, is := mean(before, memory), mean(after, memory); is > was+was/5+2048 {
		t.Errorf("the memory has grown from %d KiB to %d KiB", was, is)
	}
	if was, is := mean(before, files), mean(after, files); is > was+was/5+4 {
		t.Errorf("the descriptors have become more: %d, and were %d", is, was)
	}
}

// failsFirst is the label of those whose first attempt fails.
const failsFirst = "fails-first"

// publishUntil keeps a backlog in a queue: attached runs, every tenth claimed at its start, every seventh without an id, every
// fiftieth one that fails and is tried again.
func publishUntil(t *testing.T, where site, queue string, stop <-chan struct{}) {
	run := func(more message) []byte {
		options := attached("")
		maps.Copy(options, more)
		text, _ := json.Marshal(runOf(options, "true"))
		return text
	}
	plain, claimed, again := run(nil), run(message{"Claim": "0"}), run(message{"Retries": 1, "Label": []string{failsFirst}})
	err := tryOnChannel(where, func(ch *amqp.Channel) error {
		for i := 0; ; {
			select {
			case <-stop:
				return nil
			default:
			}
			q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			if err != nil {
				return err
			}
			if q.Messages >= soakBacklog {
				time.Sleep(50 * time.Millisecond)
			}
			for range max(0, soakBacklog-q.Messages) {
				i++
				m := amqp.Publishing{MessageId: fmt.Sprint("soak-", i), Body: plain}
				switch {
				case i%50 == 0:
					m.Body = again
				case i%10 == 0:
					m.Body = claimed
				case i%7 == 0:
					m.MessageId = ""
				}
				if err := ch.Publish("", queue, false, false, m); err != nil {
					return err
				}
			}
		}
	})
	if err != nil {
		t.Error("RabbitMQ: ", err)
	}
}

func countResults(stdout io.Reader, results *atomic.Int64) {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.Contains(lines.Text(), `"Event":"result"`) {
			results.Add(1)
		}
	}
}

// sample is what there is of a process at a time.
type sample struct {
	memory  int // resident, KiB
	threads int
	files   int // descriptors
}

// observe prints a table of samples.
func (p *process) observe(length time.Duration, results *atomic.Int64) (samples []sample) {
	begun, alive, last := time.Now(), time.Now(), int64(0)
	fmt.Printf("%8s %10s %8s %8s %10s %8s\n", "time", "memory KiB", "threads", "files", "results", "a second")
	interval := min(soakSample, length/soakSamples)
	for tick := time.NewTicker(interval); time.Since(begun) < length; {
		select {
		case <-tick.C:
		case <-p.ended:
			p.t.Fatal("the program has ended")
		}
		s, n := p.sample(), results.Load()
		fmt.Printf("%8s %10d %8d %8d %10d %8.0f\n", time.Since(begun).Round(time.Second), s.memory, s.threads, s.files, n, float64(n-last)/interval.Seconds())
		if n > last {
			alive = time.Now()
		}
		if time.Since(alive) > patience {
			p.signal(syscall.SIGQUIT) // its goroutines are in its log then
			<-p.ended
			p.t.Fatalf("nothing was done for %v", patience)
		}
		samples, last = append(samples, s), n
	}
	return samples
}

func (p *process) sample() (s sample) {
	status := readFile(p.t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for name, value := range map[string]*int{"VmRSS": &s.memory, "Threads": &s.threads} {
		if match := regexp.MustCompile(name + `:\s*(\d+)`).FindStringSubmatch(status); match != nil {
			*value, _ = strconv.Atoi(match[1])
		}
	}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	s.files = len(files)
	return s
}

func mean(samples []sample, of func(sample) int) int {
	sum := 0
	for _, s := range samples {
		sum += of(s)
	}
	return sum / max(1, len(samples))
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
		"Image": binary,
		"Cmd":   []string{"-q", queue, "-name", queue},
		"Env":   []string{"AMQP_URL=" + here.broker},
		"HostConfig": message{
			"NetworkMode": "host", "Binds": []string{socket + ":/var/run/docker.sock"}, "GroupAdd": []string{groupOf(t, socket)},
			"ReadonlyRootfs": true, "CapDrop": []string{"ALL"}, "SecurityOpt": []string{"no-new-privileges"},
		},
	}, &created)
	t.Cleanup(func() { here.engine.delete(t, created.ID) })
	here.engine.post(t, "/containers/"+created.ID+"/start", nil, nil)
	log := func(part string) func() bool {
		return func() bool { return strings.Contains(here.engine.log(t, created.ID), part) }
	}
	await(t, patience, "the dispatcher to consume", func() bool { return here.engine.running(t, created.ID) && log("msg=consuming ")() })

	var started struct{ State struct{ Pid int } }
	here.engine.get(t, "/containers/"+created.ID+"/json", &started)
	status := readFile(t, fmt.Sprintf("/proc/%d/status", started.State.Pid))
	for _, line := range []string{"\nUid:\t65534\t65534\t65534\t65534\n", "\nCapEff:\t0000000000000000\n", "\nCapBnd:\t0000000000000000\n", "\nNoNewPrivs:\t1\n"} {
		if !strings.Contains(status, line) {
			t.Errorf("its process has not %q:\n%s", line, status)
		}
	}

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

// groupOf is the number of a file's group.
func groupOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(info.Sys().(*syscall.Stat_t).Gid)
}

// End to end: options

// sight is how options of run are seen at work: by what the container writes, by what the Engine tells of a container in the
// background, or by the error of a run that is refused. Words in capitals stand for what newScenery has made.
type sight struct {
	options      string // JSON, without the braces around it
	script       string // what the container does
	inspect      string // path of a value in what the Engine tells; "" is what the container writes
	want         string // regular expression for all of it
	refused      string // regular expression for a part of the error, which beside want is as good
	since, until int    // API versions 1.since to 1.until have it; 0 is no bound
}

// company are containers in the background that other sights refer to.
var company = []sight{
	{
		options: `"Name": "PEER", "Hostname": "peer", "Ipc": "shareable", "Volume": "VOLUME:/kept", "Publish": "127.0.0.1:PORT:80", ` + answers,
		script:  `mkdir /kept/part; echo of the peer | tee /kept/note /kept/part/note >/dev/shm/note; httpd -f -p 80 -h /kept`,
		inspect: "State.Health.Status",
		want:    `healthy`,
	},
	{
		options: `"Name": "MEMBER", "Network": "name=NETWORK,alias=web", ` + answers,
		script:  `echo of the member >/tmp/note; httpd -f -p 80 -h /tmp`,
		inspect: "State.Health.Status",
		want:    `healthy`,
	},
}

const answers = `"HealthCmd": "wget -qO- http://127.0.0.1/note", "HealthInterval": "200ms"`

// limit is for scripts: limit A B prints file A of control groups v1, else B of v2, and none where the kernel has no such limit.
const limit = `limit() { cat /sys/fs/cgroup/$1 2>/dev/null || cat /sys/fs/cgroup/$2 2>/dev/null || echo none; }; `

var sights = []sight{
	// the process
	{options: `"Entrypoint": ["echo", "an entrypoint gets"]`, script: `exit 1`, want: `an entrypoint gets sh -c .*exit 1`},
	{options: `"Workdir": "/var/made"`, script: `pwd`, want: `/var/made`},
	{options: `"Env": {"A": "1 2", "B": "x=y"}`, script: `echo "$A,$B"`, want: `1 2,x=y`},
	{options: `"User": "1000:1001"`, script: `id -u; id -g`, want: `1000\n1001`},
	{options: `"User": "1000", "GroupAdd": ["44", "45"]`, script: `id -G`, want: `0 44 45`},
	{options: `"Attach": ["STDERR"]`, script: `echo out; echo err >&2`, want: `err`},
	{options: `"Interactive": true`, script: `readlink /proc/self/fd/0; cat`, want: `pipe:.*`},
	{options: `"Tty": true`, script: `test -t 0 && test -t 1 && echo a terminal`, want: `a terminal`},
	{options: `"Init": true`, script: `cat /proc/1/comm`, want: `docker-init`},
	{options: `"Ulimit": "nofile=100:200"`, script: `ulimit -n; ulimit -Hn`, want: `100\n200`},
	{options: `"OomScoreAdj": 500`, script: `cat /proc/self/oom_score_adj`, want: `500`},
	{options: `"StopSignal": "SIGUSR1", "Timeout": 1`, script: `trap "echo USR1; exit" USR1; while :; do sleep 0.1; done`, want: `USR1`},
	{options: `"StopTimeout": 1, "Timeout": 1`, script: `trap "echo told; sleep 3; echo late" TERM; while :; do sleep 0.1; done`, want: `told`},

	// what it may do
	{options: `"CapDrop": "ALL"`, script: `grep CapEff /proc/self/status`, want: `CapEff:\t0{16}`},
	{options: `"CapDrop": "ALL", "CapAdd": "NET_ADMIN"`, script: `grep CapEff /proc/self/status`, want: `CapEff:\t0{12}1000`},
	{options: `"Privileged": true`, script: `awk '$2 == "/sys" { print substr($4, 1, 2) }' /proc/mounts`, want: `rw`, refused: `unable to apply caps`}, // which the Engine itself may lack
	{options: `"SecurityOpt": "no-new-privileges"`, script: `grep NoNewPrivs /proc/self/status`, want: `NoNewPrivs:\t1`},
	{options: `"SecurityOpt": "seccomp=unconfined"`, script: `grep Seccomp: /proc/self/status`, want: `Seccomp:\t0`},
	{options: `"SecurityOpt": "seccomp={\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mkdir\"], \"action\": \"SCMP_ACT_ERRNO\"}]}"`, script: `mkdir /tmp/x`, want: `mkdir: .* Operation not permitted`},
	{options: `"SecurityOpt": "systempaths=unconfined"`, inspect: "HostConfig.MaskedPaths", want: `\[\]`},
	{options: `"Device": "/dev/zero:/dev/naught:r"`, script: `head -c 2 /dev/naught | od -An -tx1`, want: `00 00`},
	{options: `"DeviceCgroupRule": "c 60:0 r"`, script: `mknod /tmp/d c 60 0; cat /tmp/d`, want: `cat: .* No such device or address`},
	{options: `"Gpus": "driver=nowhere"`, refused: `could not select device driver "nowhere"`},
	{options: `"Runtime": "nowhere"`, refused: `nowhere`},
	{options: `"Isolation": "default"`, inspect: "HostConfig.Isolation", want: `default`},
	{options: `"Isolation": "hyperv"`, refused: `hyperv`},

	// limits
	{options: `"Memory": "64m"`, script: `limit memory/memory.limit_in_bytes memory.max`, want: `67108864`},
	{options: `"MemoryReservation": "32m"`, script: `limit memory/memory.soft_limit_in_bytes memory.low`, want: `33554432`},
	{options: `"Memory": "64m", "MemorySwap": "80m"`, script: `limit memory/memory.memsw.limit_in_bytes memory.swap.max`, want: `83886080|16777216|none`},
	{options: `"MemorySwappiness": 7`, script: `limit memory/memory.swappiness`, want: `7|none`},
	{options: `"KernelMemory": "64m"`, inspect: "HostConfig.KernelMemory", want: `67108864`, until: 41},
	{options: `"OomKillDisable": true, "Memory": "64m"`, script: `limit memory/memory.oom_control`, want: `oom_kill_disable 1\n(?s:.*)|none`},
	{options: `"PidsLimit": 37`, script: `limit pids/pids.max pids.max`, want: `37`},
	{options: `"Cpus": ".5"`, script: `limit cpu/cpu.cfs_quota_us cpu.max`, want: `50000( 100000)?`},
	{options: `"CpuPeriod": 50000, "CpuQuota": 20000`, script: `limit cpu/cpu.cfs_period_us; limit cpu/cpu.cfs_quota_us cpu.max`, want: `50000\n20000|none\n20000 50000`},
	{options: `"CpuShares": 512`, script: `limit cpu/cpu.shares cpu.weight`, want: `512|20|59`},
	{options: `"CpusetCpus": "0"`, script: `grep Cpus_allowed_list /proc/self/status`, want: `Cpus_allowed_list:\t0`},
	{options: `"CpusetMems": "63"`, refused: `memory nodes .* 63`},
	{options: `"CpuRtPeriod": 1000000, "CpuRtRuntime": 950000`, inspect: "HostConfig.CpuRealtimeRuntime", want: `950000`, refused: `cpu.rt_|[Rr]eal-?time`},
	{options: `"DeviceReadBps": "DISK:1m"`, script: `limit blkio/blkio.throttle.read_bps_device io.max`, want: `\d+:\d+ (1048576|rbps=1048576 .*)`},
	{options: `"DeviceWriteBps": "DISK:2m"`, script: `limit blkio/blkio.throttle.write_bps_device io.max`, want: `\d+:\d+ (2097152|.* wbps=2097152 .*)`},
	{options: `"DeviceReadIops": "DISK:30"`, script: `limit blkio/blkio.throttle.read_iops_device io.max`, want: `\d+:\d+ (30|.* riops=30 .*)`},
	{options: `"DeviceWriteIops": "DISK:40"`, script: `limit blkio/blkio.throttle.write_iops_device io.max`, want: `\d+:\d+ (40|.* wiops=40)`},
	{options: `"ShmSize": "8m"`, script: `grep /dev/shm /proc/mounts`, want: `.*size=8192k.*`},
	{options: `"Sysctl": {"net.core.somaxconn": "77"}`, script: `cat /proc/sys/net/core/somaxconn`, want: `77`},
	{options: `"StorageOpt": "nope=1"`, refused: `storage-opt|[Uu]nknown option`},

	// namespaces
	{options: `"Ipc": "container:PEER"`, script: `cat /dev/shm/note`, want: `of the peer`},
	{options: `"Pid": "container:PEER"`, script: `pidof httpd >/dev/null && echo beside it`, want: `beside it`},
	{options: `"Uts": "host"`, script: `hostname`, want: `HOST`},
	{options: `"Userns": "host"`, inspect: "HostConfig.UsernsMode", want: `host`},
	{options: `"Cgroupns": "private"`, script: `grep -vc ':/$' /proc/self/cgroup`, want: `0`},
	{options: `"Cgroupns": "host", "CgroupParent": "dispatch.slice"`, script: `grep -m1 -o dispatch.slice /proc/self/cgroup`, want: `dispatch.slice`},

	// files
	{options: `"ReadOnly": true`, script: `touch /x`, want: `touch: /x: Read-only file system`},
	{options: `"Tmpfs": "/scratch:size=1m"`, script: `grep /scratch /proc/mounts`, want: `tmpfs /scratch .*size=1024k.*`},
	{options: `"Volume": ["FOLDER:/bound:ro", "VOLUME:/kept"]`, script: `cat /bound/note /kept/note; touch /bound/x`, want: `of the folder\nof the peer\ntouch: /bound/x: Read-only file system`},
	{options: `"Volume": "/anonymous"`, script: `grep -c ' /anonymous ' /proc/mounts`, want: `1`},
	{options: `"Volume": "/anonymous", "VolumeDriver": "local"`, inspect: "Mounts", want: `.*"Driver":"local".*`},
	{options: `"Volume": "/anonymous", "VolumeDriver": "nowhere", "Pull": "never"`, refused: `nowhere`},
	{options: `"VolumesFrom": "PEER:ro"`, script: `cat /kept/note; touch /kept/x`, want: `of the peer\ntouch: /kept/x: Read-only file system`},
	{options: `"Mount": "type=bind,source=FOLDER,target=/bound,readonly"`, script: `cat /bound/note; touch /bound/x`, want: `of the folder\ntouch: /bound/x: Read-only file system`},
	{options: `"Mount": "type=bind,source=FOLDER,target=/bound,readonly,bind-propagation=rprivate,bind-recursive=readonly"`, script: `cat /bound/note; touch /bound/x`, want: `of the folder\ntouch: /bound/x: Read-only file system`, since: 44},
	{options: `"Mount": "source=VOLUME,target=/kept,readonly"`, script: `cat /kept/note; touch /kept/x`, want: `of the peer\ntouch: /kept/x: Read-only file system`},
	{options: `"Mount": "source=VOLUME,target=/kept,volume-subpath=part"`, script: `ls /kept`, want: `note`, since: 45},
	{options: `"Mount": "target=/sized,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m"`, script: `grep /sized /proc/mounts`, want: `tmpfs /sized .*size=1024k.*`},
	{options: `"Mount": "type=tmpfs,target=/scratch,tmpfs-size=1m,tmpfs-mode=1770"`, script: `grep /scratch /proc/mounts; stat -c %a /scratch`, want: `tmpfs /scratch .*size=1024k.*\n1770`},
	{options: `"Mount": "type=image,source=` + image + `,target=/image,image-subpath=bin"`, script: `/image/busybox echo from the image`, want: `from the image`, since: 48},

	// networks
	{options: `"Hostname": "web.example"`, script: `hostname`, want: `web.example`},
	{options: `"Domainname": "example.org"`, script: `cat /proc/sys/kernel/domainname`, want: `example.org`},
	{options: `"AddHost": ["db:10.0.0.7", "six=[2001:db8::1]"]`, script: `grep -wE "db|six" /etc/hosts`, want: `10\.0\.0\.7\tdb\n2001:db8::1\tsix`},
	{options: `"Dns": "10.9.8.7"`, script: `grep ^nameserver /etc/resolv.conf`, want: `nameserver 10.9.8.7`},
	{options: `"DnsOption": "ndots:3"`, script: `grep ^options /etc/resolv.conf`, want: `options.* ndots:3`},
	{options: `"DnsSearch": ["example.org", "example.net"]`, script: `grep ^search /etc/resolv.conf`, want: `search example.org example.net`},
	{options: `"Network": "none"`, script: `ip addr | grep -c "inet "`, want: `1`},
	{options: `"Network": "host"`, script: `wget -qO- http://127.0.0.1:PORT/note`, want: `of the peer`},
	{options: `"Network": "container:PEER"`, script: `hostname; wget -qO- http://127.0.0.1/note`, want: `peer\nof the peer`},
	{options: `"Network": "NETWORK"`, script: `wget -qO- http://web/note`, want: `of the member`},
	{options: `"Network": "NETWORK", "NetworkAlias": ["me", "myself"], "Ip": "SUBNET.9"`, script: `nslookup myself 127.0.0.11 | grep -o SUBNET.9`, want: `SUBNET.9`},
	{options: `"Network": "NETWORK", "Ip6": "PREFIX::9"`, script: `ip addr | grep -o PREFIX::9`, want: `PREFIX::9`},
	{options: `"Network": "NETWORK", "LinkLocalIp": "169.254.7.9"`, script: `ip addr | grep -o 169.254.7.9/`, want: `169.254.7.9/`},
	{options: `"Network": "NETWORK", "MacAddress": "92:d0:c6:0a:29:33"`, script: `cat /sys/class/net/eth0/address`, want: `92:d0:c6:0a:29:33`, since: 44},
	{options: `"Network": ["NETWORK", "OTHER"]`, script: `ls /sys/class/net | grep -c eth`, want: `2`, since: 44},
	{options: `"Network": ["name=NETWORK,gw-priority=1", "name=OTHER,gw-priority=2"]`, script: `ip route | grep ^default`, want: `default via BEYOND.1 dev .*`, since: 48},
	{options: `"Link": "PEER:db"`, script: `wget -qO- http://db/note`, want: `of the peer`},
	{options: `"Publish": "127.0.0.1::81/udp"`, script: `sleep 60`, inspect: "NetworkSettings.Ports", want: `{"81/udp":\[{"HostIp":"127.0.0.1","HostPort":"\d+"}\]}`},
	{options: `"PublishAll": true, "Expose": "82"`, script: `sleep 60`, inspect: "NetworkSettings.Ports", want: `{"82/tcp":\[{"HostIp":"0.0.0.0","HostPort":"\d+"}.*\]}`},
	{options: `"Expose": ["82", "90-91/udp"]`, inspect: "Config.ExposedPorts", want: `{"82/tcp":{},"90/udp":{},"91/udp":{}}`},

	// health
	{options: `"HealthCmd": "test -e /tmp/well", "HealthInterval": "200ms", "HealthTimeout": "10s"`, script: `touch /tmp/well; sleep 60`, inspect: "State.Health.Status", want: `healthy`},
	{options: `"HealthCmd": "false", "HealthInterval": "200ms", "HealthRetries": 1`, script: `sleep 60`, inspect: "State.Health.Status", want: `unhealthy`},
	{options: `"HealthTimeout": "3s", "HealthStartPeriod": "4s", "HealthRetries": 5`, inspect: "Config.Healthcheck", want: `{"Retries":5,"StartPeriod":4000000000,"Timeout":3000000000}`},
	{options: `"HealthStartInterval": "5s"`, inspect: "Config.Healthcheck", want: `{"StartInterval":5000000000}`, since: 44},
	{options: `"NoHealthcheck": true`, inspect: "Config.Healthcheck", want: `{"Test":\["NONE"\]}`},

	// what the Engine does with the container
	{options: `"Name": "NAMED"`, inspect: "Name", want: `/NAMED`},
	{options: `"Remove": true`, inspect: "Name", want: gone},
	{options: `"Label": {"team": "red"}`, inspect: "Config.Labels.team", want: `red`},
	{options: `"Annotation": "team=red"`, inspect: "HostConfig.Annotations.team", want: `red`, since: 43},
	{options: `"Restart": "on-failure:2"`, script: `exit 3`, inspect: "RestartCount", want: `2`},
	{options: `"Restart": "unless-stopped"`, inspect: "HostConfig.RestartPolicy.Name", want: `unless-stopped`},
	{options: `"LogDriver": "none"`, inspect: "HostConfig.LogConfig.Type", want: `none`},
	{options: `"LogDriver": "json-file", "LogOpt": ["max-size=1m", "max-file=2"]`, inspect: "HostConfig.LogConfig", want: `{"Config":{"max-file":"2","max-size":"1m"},"Type":"json-file"}`},
	{options: `"LogOpt": "nowhere=1"`, refused: `nowhere`},
	{options: `"Platform": "linux/riscv64", "Pull": "never"`, refused: `riscv64`},
}

// unseen are the options that show nothing, and why.
var unseen = map[string]string{
	"BlkioWeight":       "an Engine discards it where the kernel has no scheduler with weights, which hardly any has",
	"BlkioWeightDevice": "as BlkioWeight",
}

// TestEveryOptionIsSeen holds the table to docs/messages.md, which lists all options. Those that are no flags of docker's have tests
// of their own.
func TestEveryOptionIsSeen(t *testing.T) {
	known := maps.Clone(unseen)
	for _, s := range slices.Concat(company, sights) {
		for option := range s.given(t) {
			known[option] = "seen"
		}
	}
	_, list, _ := strings.Cut(readFile(t, "docs/messages.md"), "\n## `run`\n")
	list, _, _ = strings.Cut(list, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` .*\\| `--").FindAllStringSubmatch(list, -1)
	if len(rows) == 0 {
		t.Error("docs/messages.md lists no options")
	}
	for _, row := range rows {
		if known[row[1]] == "" {
			t.Errorf("nothing shows what the option %s does", row[1])
		}
	}
}

// TestOptions sends them all to one dispatcher.
func TestOptions(t *testing.T) {
	here := e2e(t)
	t.Parallel()
	scene := newScenery(t, here.engine)
	p := start(t, here, "-c", "4")
	p.see(t, scene, company)
	p.see(t, scene, sights)
	p.removeContainers()
	p.leave(exitOK)
	p.checkOnce(len(company) + len(sights))
}

func (p *process) see(t *testing.T, scene *scenery, sights []sight) {
	t.Helper()
	var messages []amqp.Publishing
	for _, s := range sights {
		messages = append(messages, amqp.Publishing{MessageId: s.id(), Body: []byte(scene.words.Replace(body(t, s.message(t))))})
	}
	publish(t, p.site, p.queue, messages...)
	for _, s := range sights {
		t.Run(s.options, func(t *testing.T) {
			here := *p
			here.t = t
			here.check(scene.of(s))
		})
	}
}

// id is the message's; RabbitMQ takes 255 bytes.
func (s sight) id() string { return s.options[:min(len(s.options), 255)] }

// given are the options.
func (s sight) given(t *testing.T) (options message) {
	t.Helper()
	if err := json.Unmarshal([]byte("{"+s.options+"}"), &options); err != nil {
		t.Fatalf("%v in {%s}", err, s.options)
	}
	return options
}

// message runs what is inspected in the background.
func (s sight) message(t *testing.T) message {
	t.Helper()
	options := message{}
	if s.inspect == "" {
		options = attached("")
	}
	maps.Copy(options, s.given(t))
	return runOf(options, "sh", "-c", limit+s.script)
}

func (p *process) check(s sight) {
	p.t.Helper()
	r := p.result(s.id())
	wrote := p.output(s.id(), "stdout") + p.output(s.id(), "stderr")
	switch {
	case s.refused != "" && (s.want == "" || r.Error != ""):
		if !regexp.MustCompile(s.refused).MatchString(r.Error) {
			p.t.Errorf("%s; want an error with %s", r, s.refused)
		}
	case s.inspect != "":
		p.checkTold(s, r)
	case !s.shows(wrote):
		p.t.Errorf("%s; it writes\n%s\nwant\n%s", r, wrote, s.want)
	}
}

// shows says whether text is what is wanted, blanks around it aside.
func (s sight) shows(text string) bool {
	return regexp.MustCompile(`\A(?:` + s.want + `)\z`).MatchString(strings.TrimSpace(text))
}

// checkTold waits for the Engine to tell what is wanted, since some of it takes its time.
func (p *process) checkTold(s sight, r event) {
	p.t.Helper()
	var told string
	for end := time.Now().Add(p.limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if told = p.site.engine.tell(p.t, r.Id, s.inspect); s.shows(told) {
			return
		}
	}
	p.t.Errorf("%s; its %s is\n%s\nwant\n%s", r, s.inspect, told, s.want)
}

// gone is what an Engine tells of a container that it does not have.
const gone = "gone"

// tell is a value of what the Engine tells of a container: text as it is, all else as JSON.
func (e *engine) tell(t *testing.T, id, path string) string {
	t.Helper()
	var value any
	if e.get(t, "/containers/"+id+"/json", &value) == http.StatusNotFound {
		return gone
	}
	for key := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return body(t, value)
}

// scenery is what there is for sights beside containers.
type scenery struct {
	words *strings.Replacer
	minor int // the Engine's API version is 1.minor
}

func newScenery(t *testing.T, e *engine) *scenery {
	t.Helper()
	name, number := unique(), 1+mathrand.IntN(255)
	near, far := fmt.Sprintf("10.213.%d", number), fmt.Sprintf("10.214.%d", number)
	near6, far6 := fmt.Sprintf("fd00:213:%x", number), fmt.Sprintf("fd00:214:%x", number)
	e.makeNetwork(t, name+"-near", near+".0/24", near6+"::/64")
	e.makeNetwork(t, name+"-far", far+".0/24", far6+"::/64")
	t.Cleanup(func() { e.do(t, "DELETE", "/volumes/"+name+"-kept", nil, nil) })
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "note"), "of the folder\n")
	var host struct{ Name string }
	e.get(t, "/info", &host)
	scene := &scenery{words: strings.NewReplacer(
		"PEER", name+"-peer", "MEMBER", name+"-member", "NAMED", name+"-named", "VOLUME", name+"-kept", "FOLDER", folder,
		"NETWORK", name+"-near", "SUBNET", near, "PREFIX", near6, "OTHER", name+"-far", "BEYOND", far,
		"HOST", host.Name, "PORT", strconv.Itoa(freePorts(t, 1)[0]), "DISK", disk(t),
	)}
	scene.minor = e.minor(t)
	return scene
}

// minor is the x of the Engine's API version 1.x.
func (e *engine) minor(t *testing.T) (minor int) {
	t.Helper()
	var version struct{ ApiVersion string }
	e.get(t, "/version", &version)
	if _, err := fmt.Sscanf(version.ApiVersion, "1.%d", &minor); err != nil {
		t.Fatalf("Docker Engine: API version %q: %v", version.ApiVersion, err)
	}
	return minor
}

// makeNetwork makes one for the length of the test.
func (e *engine) makeNetwork(t *testing.T, name string, subnets ...string) {
	t.Helper()
	var config []message
	for _, subnet := range subnets {
		config = append(config, message{"Subnet": subnet})
	}
	e.post(t, "/networks/create", message{"Name": name, "EnableIPv6": true, "IPAM": message{"Config": config}}, nil)
	t.Cleanup(func() { e.do(t, "DELETE", "/networks/"+name, nil, nil) })
}

// disk is a block device, which limits can be set for.
func disk(t *testing.T) string {
	t.Helper()
	sizes, _ := filepath.Glob("/sys/block/*/size")
	for _, file := range sizes {
		name := filepath.Base(filepath.Dir(file))
		if _, err := os.Stat("/dev/" + name); err == nil && !strings.HasPrefix(name, "loop") && readFile(t, file) != "0\n" {
			return "/dev/" + name
		}
	}
	t.Fatal("there is no disk in /sys/block")
	return ""
}

// of is the sight in this scenery.
func (scene *scenery) of(s sight) sight {
	s.want = scene.words.Replace(s.want)
	switch {
	case s.since > scene.minor:
		s.want, s.refused = "", fmt.Sprintf(`needs API version 1\.%d; this Engine's is 1\.%d`, s.since, scene.minor)
	case s.until != 0 && s.until < scene.minor:
		s.want, s.refused = "", fmt.Sprintf(`API versions after 1\.%d have it no more; this Engine's is 1\.%d`, s.until, scene.minor)
	}
	return s
}

// End to end: exits

// lasting is what an inspect says of a container that the Engine restarts.
type lasting struct {
	Name         string
	RestartCount int
	State        struct{ Status string }
}

func (p *process) lasting(container string) (c lasting) {
	p.t.Helper()
	if status := p.site.engine.get(p.t, "/containers/"+container+"/json", &c); status != http.StatusOK {
		p.t.Fatalf("no container %s: %d", container, status)
	}
	return c
}

// awaitRest returns when the Engine has restarted a container so often, and lets it rest.
func (p *process) awaitRest(container string, restarts int) {
	p.t.Helper()
	p.await("the container to rest", func() bool {
		c := p.lasting(container)
		return c.State.Status == "exited" && c.RestartCount == restarts
	})
}

// lastingOf is a run whose container stays, and is restarted by that policy.
func lastingOf(name, policy, script string) message {
	return runOf(message{"Name": name, "Attach": []string{"STDOUT", "STDERR"}, "Restart": policy}, "sh", "-c", script)
}

// numbered has each run of a container say which one it is. Its file system stays.
const numbered = `echo >>/root/runs; echo run $(wc -l </root/runs); `

// expectFirst holds a run to the exit code and the output of its first exit. An Engine of 20.10 that has begun the next run by the
// time it looks for the code has 0.
func (p *process) expectFirst(id string, code int, output string) {
	p.t.Helper()
	if r := p.result(id); r.ExitCode == nil || *r.ExitCode != 0 || p.site.engine.minor(p.t) > 41 {
		p.expectExit(id, code)
	}
	if got := p.output(id, "stdout"); got != output {
		p.t.Errorf("%s: the output is %q, want %q", id, got, output)
	}
}

// TestFirstExit holds that the response of a run with a restart policy is that of its first exit, as docker run has it.
func TestFirstExit(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, c := range []struct {
		what, policy, script, output string
		code, restarts               int
	}{
		{"at once", "on-failure:2", "exit 3", "run 1\n", 3, 2},
		{"after a while", "on-failure:1", "sleep 1; printf end; exit 4", "run 1\nend", 4, 1},
		{"much output", "on-failure:1", bulkScript + "exit 5", "run 1\n" + bulkOfOutput, 5, 1},
		{"outputs closed before", "on-failure:1", "exec >&- 2>&-; sleep 1; exit 6", "run 1\n", 6, 1},
		{"success", "on-failure:1", "exit 0", "run 1\n", 0, 0},
		{"another run than the first succeeds", "on-failure:3", "[ $(wc -l </root/runs) = 2 ]", "run 1\n", 1, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			p, name := start(t, here, "-claim", "0"), unique()
			p.send("run", lastingOf(name, c.policy, numbered+c.script))
			p.expectFirst("run", c.code, c.output)
			p.awaitRest(name, c.restarts)
			p.leave(exitOK)
			p.checkOutcomes(false, "run")
			p.checkSettled(0, 0)
			p.expectFirst("run", c.code, c.output)
			p.removeContainers()
			p.checkNothingLeft()
		})
	}
}

// TestFirstExitGoesOn holds that the container of a run that has its response is the Engine's own: it runs on under its name, and is
// no orphan, until somebody stops it for good.
func TestFirstExitGoesOn(t *testing.T) {
	t.Parallel()
	p, name := start(t, e2e(t)), unique()
	p.send("run", lastingOf(name, "always", numbered+"[ $(wc -l </root/runs) = 1 ] && exit 7; sleep 3600"))
	p.expectFirst("run", 7, "run 1\n")
	p.await("the next run", func() bool { return p.lasting(name).State.Status == "running" })
	p.leave(exitOK)
	p.checkSettled(0, 0)
	if listed := p.orphans(); strings.Contains(listed, name) {
		t.Errorf("it is listed as an orphan:\n%s", listed)
	}
	next := p.again("-orphans", "remove")
	if c := next.lasting(name); c.State.Status != "running" || c.RestartCount != 1 {
		t.Errorf("the container is %+v", c)
	}
	next.send("stop", stopOf(name, 0))
	next.expect("stop", cmds.StatusStopped)
	next.awaitRest(name, 1)
	next.send("remove", removeOf(name))
	next.expect("remove", cmds.StatusRemoved)
	next.leave(exitOK)
	next.checkOutcomes(false, "run", "stop", "remove")
	next.checkNothingLeft()
}

// TestFirstExitIsAStop holds that a stop and a Timeout end a container for good, whatever its policy.
func TestFirstExitIsAStop(t *testing.T) {
	t.Parallel()
	p, stopped, late := start(t, e2e(t)), unique(), unique()
	const deaf = numbered + "trap '' TERM; while :; do sleep 1; done"
	p.send("stopped", lastingOf(stopped, "always", deaf))
	p.await("its begin", func() bool { return p.output("stopped", "stdout") != "" })
	p.send("stop", stopOf(stopped, 1))
	p.expectFirst("stopped", 137, "run 1\n")
	p.expectSignal("stopped", "SIGKILL", false)
	run := lastingOf(late, "always", numbered+"trap 'exit 143' TERM; while :; do sleep 0.1; done")
	run["Options"].(message)["Timeout"] = 1
	p.send("late", run)
	if r := p.expect("late", cmds.StatusTimeout); r.ExitCode == nil || *r.ExitCode != 143 || r.Signal != "SIGTERM" {
		t.Errorf("%s, signal %q; want exit code 143, SIGTERM", r, r.Signal)
	}
	time.Sleep(2 * time.Second) // far longer than an Engine takes to restart a container
	for _, name := range []string{stopped, late} {
		p.awaitRest(name, 0)
	}
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.removeContainers()
	p.checkNothingLeft()
}

// TestFirstExitOfNone holds that what cannot be started is not waited for.
func TestFirstExitOfNone(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	for id, code := range map[string]int{"/no/such/command": 127, "/root": 126} {
		options := message{"Attach": []string{"STDOUT"}, "Restart": "always"}
		p.send(id, runOf(options, id))
		if r := p.expect(id, cmds.StatusFailed); r.ExitCode == nil || *r.ExitCode != code {
			t.Errorf("%s; want %d", r, code)
		}
	}
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.removeContainers()
	p.checkNothingLeft()
}

// TestFirstExitFaults holds that a run has its first exit and the output up to that, whatever goes wrong before.
func TestFirstExitFaults(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, fault := range []engineFault{
		{what: "the wait is cut off", operation: "ContainerWait", at: asked, times: 2, do: cut},
		{what: "the answer to the wait is lost", operation: "ContainerWait", at: answered, times: 1, do: cut},
		{what: "the attach is refused", operation: "ContainerAttach", at: answered, times: 1, do: cut},
		{what: "start is cut off", operation: "ContainerStart", at: asked, times: 2, do: cut},
		{what: "the answer to start is lost", operation: "ContainerStart", at: answered, times: 1, do: cut},
		{what: "the attach is cut in a frame", operation: "ContainerAttach", at: answered, times: 1, do: cutAfter(70_001)},
		{what: "all connections cut", meanwhile: (*engineProxy).cutAll},
		{what: "frozen", meanwhile: (*engineProxy).freezeForAWhile},
	} {
		t.Run(fault.what, func(t *testing.T) {
			t.Parallel()
			engine, there := newEngineProxy(t, here)
			p, name := start(t, there), unique()
			if fault.do != nil {
				engine.on(fault.operation, fault.at, fault.times, fault.do)
			}
			p.send("run", lastingOf(name, "on-failure:1", numbered+bulkScript+"sleep 5; printf end; exit 7"))
			if fault.meanwhile != nil {
				p.await("its begin", func() bool { return p.output("run", "stdout") != "" })
				fault.meanwhile(engine)
			}
			p.expectFirst("run", 7, "run 1\n"+bulkOfOutput+"end")
			p.awaitRest(name, 1)
			p.leave(exitOK)
			p.checkOutcomes(false, "run")
			p.checkSettled(0, 0)
			p.removeContainers()
			p.checkNothingLeft()
		})
	}
}

// TestFirstExitOfAnEarlierRun holds that a run whose dispatcher has died is answered with the first exit that the next one sees.
func TestFirstExitOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for _, claim := range []string{"0", "never"} {
		p, name := start(t, here, "-claim", claim), unique()
		p.send("run", lastingOf(name, "on-failure:1", numbered+"sleep 6; echo end; exit $(wc -l </root/runs)"))
		p.await("its begin", func() bool { return p.output("run", "stdout") == "run 1\n" })
		p.kill()
		next := p.again("-claim", claim)
		next.expectFirst("run", 1, "run 1\nend\n")
		next.awaitRest(name, 1)
		next.leave(exitOK)
		next.checkOutcomes(false, "run")
		next.checkSettled(0, 0)
		next.removeContainers()
		next.checkNothingLeft()
	}
}

func (p *process) expectSignal(id, signal string, oomKilled bool) {
	p.t.Helper()
	if r := p.result(id); r.Signal != signal || r.OOMKilled != oomKilled {
		p.t.Errorf("%s: signal %q, OOMKilled %v; want %q, %v", id, r.Signal, r.OOMKilled, signal, oomKilled)
	}
}

// TestSignalsAndMemory holds what the response says of a container that did not end by itself.
func TestSignalsAndMemory(t *testing.T) {
	t.Parallel()
	p := start(t, e2e(t))
	const eater = "tail /dev/zero"
	small := func(options message) message {
		options["Memory"], options["MemorySwap"] = "16m", "16m"
		return options
	}
	for _, c := range []struct { // the Engine learns a moment later than the shell that a child was killed
		id, script, signal string
		options            message
		code               int
		oomKilled          bool
	}{
		{"well", "true", "", attached(""), 0, false},
		{"an exit code", "exit 128", "", attached(""), 128, false},
		{"killed by itself", "sh -c 'kill -USR1 $$'; exit $?", "SIGUSR1", attached(""), 138, false},
		{"out of memory", "exec " + eater, "SIGKILL", small(attached("")), 137, true},
		{"a child out of memory", eater + "; sleep 5; exit 4", "", small(attached("")), 4, true},
	} {
		p.send(c.id, runOf(c.options, "sh", "-c", c.script))
		p.expectExit(c.id, c.code)
		p.expectSignal(c.id, c.signal, c.oomKilled)
	}
	name := unique()
	p.send("killed", runOf(attached(name), "sh", "-c", "echo begun; sleep 3600"))
	p.await("its begin", func() bool { return p.output("killed", "stdout") != "" })
	p.site.engine.post(t, "/containers/"+name+"/kill?signal=KILL", nil, nil)
	p.expectExit("killed", 137)
	p.expectSignal("killed", "SIGKILL", false)
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.removeContainers()
	p.checkNothingLeft()
}

// TestSignalsForPeople has the text of the response name what has ended a container.
func TestSignalsForPeople(t *testing.T) {
	here, name := e2e(t), unique()
	run := runOf(with(with(attached(name), "Memory", "16m"), "MemorySwap", "16m"), "tail", "/dev/zero")
	code, stdout, stderr := finish(t, strings.NewReader(body(t, run)), here.engine.address, "-")
	if want := fmt.Sprintf("%s = exited 137 (SIGKILL, out of memory) in #s\n", name); code != exitFailed || stdout != want {
		t.Errorf("exit code %d, stdout\n%swant\n%sstderr\n%s", code, stdout, want, stderr)
	}
}

// End to end: private registries

// TestPrivateRegistry has an image pulled from a registry that wants a password. The Engine is on this machine's network, and takes
// the registry there without TLS.
func TestPrivateRegistry(t *testing.T) {
	here := e2e(t)
	const user, secret = "puller", "~a-secret-password?>"
	r := newRegistry(t, here.engine, user, secret)
	login := func(user, password string) string {
		auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		return body(t, message{"auths": message{r.address: message{"auth": auth}}})
	}
	good, name := login(user, secret), unique()
	const ran, refused = "NAME | from a private registry\nNAME = exited 0 in #s\n", "NAME = error: "
	for _, c := range []struct {
		what, config, stdout string
		busy, tries          int // the first answers of the registry are 429; how often the Engine comes to it
		code                 int
	}{
		{what: "right credentials", config: good, stdout: ran, tries: 1},
		{what: "right credentials, by a URL", config: strings.Replace(good, r.address, "http://"+r.address+"/v2/", 1), stdout: ran, tries: 1},
		{what: "a registry that is busy twice", config: good, stdout: ran, busy: 2, tries: 3},
		{what: "wrong credentials", config: login(user, secret+"!"), stdout: refused + "unauthorized", tries: 1, code: exitFailed},
		{what: "no credentials", config: "{}", stdout: refused + "Head ", tries: 1, code: exitFailed},
		{what: "those of another registry", config: strings.Replace(good, r.address, "127.0.0.1", 1), stdout: refused + "Head ", tries: 1, code: exitFailed},
		{what: "a credential helper", config: body(t, message{"credHelpers": message{r.address: "vault"}}), code: exitFailed,
			stdout: refused + "docker's config file DIR/config.json leaves the login at \"" + r.address + "\" to the program \"docker-credential-vault\"; programs are not run here"},
	} {
		dir := t.TempDir()
		writeFile(t, dir+"/config.json", c.config)
		r.begin(c.busy)
		run := body(t, message{"Dockercmd": "run", "Options": attached(name), "Image": r.image})
		code, stdout, stderr := finish(t, strings.NewReader(run), "-v", "-docker-config", dir, here.engine.address, "-")
		here.engine.do(t, "DELETE", "/images/"+r.image, nil, nil)
		want := strings.ReplaceAll(strings.ReplaceAll(c.stdout, "NAME", name), "DIR", dir)
		if code != c.code || !strings.HasPrefix(stdout, want) || r.visited() != c.tries {
			t.Errorf("%s: exit code %d, want %d; %d visits of the Engine, want %d; stdout\n%swant\n%s\nstderr\n%s", c.what, code, c.code, r.visited(), c.tries, stdout, want, stderr)
		}
		if again := strings.Count(stderr, "pulling again"); again != c.busy {
			t.Errorf("%s: it is said %d times that it is pulled again, want %d:\n%s", c.what, again, c.busy, stderr)
		}
		for _, leak := range []string{secret, base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))[:20], base64.URLEncoding.EncodeToString([]byte(`{"username"`))[:12]} {
			if strings.Contains(stdout+stderr, leak) {
				t.Errorf("%s: %q is shown in\n%s%s", c.what, leak, stdout, stderr)
			}
		}
	}
}

// TestDockerConfigThatCannotBeRead ends the program at its start, with one line that has no secret.
func TestDockerConfigThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/broken", "{\n\"auths\": {\"r.io\": {\"auth\": secret")
	writeFile(t, dir+"/odd", `{"auths": {"r.io": {"auth": "secret"}}}`)
	for _, c := range []struct{ option, variable, says string }{
		{option: dir, says: dir + "/config.json: no such file or directory"},
		{option: dir + "/nowhere", says: dir + "/nowhere: no such file or directory"},
		{variable: dir, says: dir + "/config.json: no such file or directory"},
		{option: dir + "/broken", says: dir + "/broken: line 2, column 28: not JSON"},
		{variable: dir + "/odd", says: dir + `/odd: auths, \"r.io\": its \"auth\" is not user:password in base64`},
	} {
		t.Setenv("DOCKER_CONFIG", c.variable)
		var options []string
		if c.option != "" {
			options = []string{"-docker-config", c.option}
		}
		code, stdout, stderr := finish(t, nil, append(options, "/nowhere.sock", "-")...)
		if code != exitFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "secret") {
			t.Errorf("%+v: exit code %d, stdout %q, stderr %q; want %d and one line", c, code, stdout, stderr, exitFailed)
		}
	}
}

// End to end: every command

// mistakes are messages that nobody can do, and what is said of each: the key, its value, what is wrong with it and right instead.
var mistakes = []struct{ message, says string }{
	{`{"Dockercmd": "create"}`, `Image: create needs it`},
	{`{"Dockercmd": "create", "Image": "busybox", "Stdin": "x"}`, `Stdin: no key of create, but of run and start and exec`},
	{`{"Dockercmd": "create", "Image": "busybox", "Options": {"Timeout": 5}}`, `Options.Timeout: no option of create, but of stop and restart and run`},
	{`{"Dockercmd": "create", "Image": "busybox", "Options": {"Retries": 5}}`, `Options.Retries: no option of create, but of run`},
	{`{"Dockercmd": "start"}`, `Container: start needs it`},
	{`{"Dockercmd": "start", "Container": "aa", "Options": {"Attach": ["STDOUT"]}}`, `Options.Attach: ["STDOUT"]: not true or false, without quotes`},
	{`{"Dockercmd": "start", "Container": "aa", "Stdin": "x"}`, `Stdin: nobody would read it; set Options.Interactive`},
	{`{"Dockercmd": "start", "Container": "aa", "Options": {"DetachKeys": "a"}}`, `Options.DetachKeys: nobody sits at the terminal to press them`},
	{`{"Dockercmd": "start", "Container": ["aa"]}`, `Container: ["aa"]: not a string`},
	{`{"Dockercmd": "stop", "Container": "aa", "Options": {"Time": 1, "Timeout": 2}}`, `Options.Time: given together with Timeout, which it is another name of`},
	{`{"Dockercmd": "stop", "Container": "aa", "Options": {"T": 1}}`, `Options.T: did you mean Timeout?`},
	{`{"Dockercmd": "restart", "Container": "aa", "Options": {"Timeout": "x"}}`, `Options.Timeout: "x": not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{`{"Dockercmd": "kill", "Container": "aa", "Options": {"Signal": ["KILL"]}}`, `Options.Signal: ["KILL"]: not a string`},
	{`{"Dockercmd": "kill", "Container": "aa", "Options": {"Signl": "KILL"}}`, `Options.Signl: unknown option of kill; did you mean Signal?`},
	{`{"Dockercmd": "pause", "Container": "aa", "Options": {"Force": true}}`, `Options.Force: no option of pause, but of remove, rmi, volume rm, network rm and others`},
	{`{"Dockercmd": "unpause", "Containr": "aa"}`, `Containr: unknown key of unpause; did you mean Container?`},
	{`{"Dockercmd": "remove", "Container": "aa/bb"}`, `Container: "aa/bb": a link, which is removed with Options.Link`},
	{`{"Dockercmd": "rm", "Container": "aa", "Options": {"Force": "yes"}}`, `Options.Force: "yes": not true or false, without quotes`},
	{`{"Dockercmd": "rm", "Container": "aa", "Options": {"Volume": true}}`, `Options.Volume: no option of remove, but of run and create`},
	{`{"Dockercmd": "wait", "Container": "aa", "Options": {"Timeout": 3}}`, `Options.Timeout: no option of wait, but of stop and restart and run`},
	{`{"Dockercmd": "exec", "Container": "aa"}`, `Cmd: exec needs it`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": []}`, `Cmd: exec needs a command (["executable","param1"])`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": "ls -l"}`, `Cmd: "ls -l": not a list of strings (exec form: ["executable","param1"])`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Stdin": "x"}`, `Stdin: nobody would read it; set Options.Interactive`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Stdin": "x", "Options": {"Interactive": true, "Detach": true}}`, `Stdin: nobody would read it; leave Options.Detach out`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Stdin": "x", "StdinBase64": "eA==", "Options": {"Interactive": true}}`, `StdinBase64: given together with Stdin; one of them is enough`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Options": {"Env": ["HOME"]}}`, `Options.Env: ***: it has no value, and the dispatcher's own is not given away (NAME=value)`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Options": {"EnvFile": "x"}}`, `Options.EnvFile: files of the dispatcher's machine are not read; give the variables in Env`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Options": {"Attach": ["STDOUT"]}}`, `Options.Attach: no option of exec, but of run and create and start`},
	{`{"Dockercmd": "exec", "Container": "aa", "Cmd": ["ls"], "Options": {"Timeout": 5}}`, `Options.Timeout: no option of exec, but of stop and restart and run`},
	{`{"Dockercmd": "logs", "Container": "aa", "Options": {"Tail": -1}}`, `Options.Tail: -1: not a number of lines (try 100 or "all")`},
	{`{"Dockercmd": "logs", "Container": "aa", "Options": {"Tail": "some"}}`, `Options.Tail: "some": not a number of lines (try 100 or "all")`},
	{`{"Dockercmd": "logs", "Container": "aa", "Options": {"Since": "yesterday"}}`, `Options.Since: "yesterday": not a time (try "2026-01-02T13:23:37Z" or "42m")`},
	{`{"Dockercmd": "logs", "Container": "aa", "Options": {"Until": true}}`, `Options.Until: true: not a time such as "2026-01-02T13:23:37Z", or so long ago: "42m"`},
	{`{"Dockercmd": "logs", "Container": "aa", "Options": {"Follow": "true"}}`, `Options.Follow: "true": not true or false, without quotes`},
	{`{"Dockercmd": "inspect"}`, `inspect needs one of Container, Image, Network and Volume`},
	{`{"Dockercmd": "inspect", "Container": "aa", "Image": "bb"}`, `inspect needs one of Container, Image, Network and Volume`},
	{`{"Dockercmd": "inspect", "Image": "bb", "Options": {"Size": true}}`, `Options.Size: only a Container has it`},
	{`{"Dockercmd": "inspect", "Container": "aa", "Options": {"Format": "{{.Id}}"}}`, `Options.Format: Data has all of the Engine's JSON; pick from that`},
	{`{"Dockercmd": "inspect", "Network": ""}`, `Network: "": not a name or id`},
	{`{"Dockercmd": "inspect", "Volume": "../x"}`, `Volume: "../x": not a name or id`},
	{`{"Dockercmd": "rename", "Container": "aa"}`, `NewName: rename needs it`},
	{`{"Dockercmd": "rename", "Container": "aa", "NewName": "/bb"}`, `NewName: "/bb": not a container name (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{`{"Dockercmd": "rename", "Container": "aa", "Name": "bb"}`, `Name: unknown key of rename`},
	{`{"Dockercmd": "update", "Container": "aa"}`, `Options: update needs one at least`},
	{`{"Dockercmd": "update", "Container": "aa", "Options": {"Memory": "5x"}}`, `Options.Memory: "5x": not a size (try "512m" or "2g")`},
	{`{"Dockercmd": "update", "Container": "aa", "Options": {"Restart": "on-failure:x"}}`, `Options.Restart: "on-failure:x": not a restart policy (try "on-failure:3" or "always")`},
	{`{"Dockercmd": "update", "Container": "aa", "Options": {"Cpus": 2, "CpuPeriod": 1000}}`, `Options.Cpus: it stands for CpuPeriod and CpuQuota; leave these out`},
	{`{"Dockercmd": "update", "Container": "aa", "Options": {"Env": ["A=1"]}}`, `Options.Env: no option of update, but of run and create and exec`},
	{`{"Dockercmd": "pull"}`, `Image: pull needs it`},
	{`{"Dockercmd": "pull", "Image": "busybox:1", "Options": {"AllTags": true}}`, `Options.AllTags: Image has a tag or a digest`},
	{`{"Dockercmd": "pull", "Image": "busybox", "Options": {"Quiet": true}}`, `Options.Quiet: the progress of a pull is not shown anyway`},
	{`{"Dockercmd": "pull", "Image": "busybox", "Options": {"Platform": "linux/"}}`, `Options.Platform: "linux/": not a platform (try "linux/arm64")`},
	{`{"Dockercmd": "ps", "Container": "aa"}`, `Container: no key of ps, but of start, stop, restart, kill and others`},
	{`{"Dockercmd": "ps", "Options": {"Filter": "running"}}`, `Options.Filter: "running": it has no value (key=value)`},
	{`{"Dockercmd": "ps", "Options": {"Filter": {"status": "running"}}}`, `Options.Filter: {"status":"running"}: not a list of name=value`},
	{`{"Dockercmd": "ps", "Options": {"Last": -1}}`, `Options.Last: -1: not a whole number from 0 to 2147483647`},
	{`{"Dockercmd": "ps", "Options": {"Last": 1, "Latest": true}}`, `Options.Latest: given together with Last; it is Last 1`},
	{`{"Dockercmd": "ps", "Options": {"Quiet": true}}`, `Options.Quiet: Data has all of the Engine's JSON; pick from that`},
	{`{"Dockercmd": "cp", "Container": "aa"}`, `Path: cp needs it`},
	{`{"Dockercmd": "cp", "Container": "aa", "Path": ""}`, `Path: "": not a path (try "/etc/hosts")`},
	{`{"Dockercmd": "cp", "Container": "aa", "Path": "/etc", "TarBase64": "***"}`, `TarBase64: ***: not base64 (the standard alphabet, with padding)`},
	{`{"Dockercmd": "cp", "Container": "aa", "Path": "/etc", "TarBase64": "eA==", "Options": {"FollowLink": true}}`, `Options.FollowLink: it is for a copy out of the container, without TarBase64`},
	{`{"Dockercmd": "cp", "Container": "aa", "Path": "/etc", "Options": {"Archive": true}}`, `Options.Archive: it is for a copy into the container, with TarBase64; a tar that is copied out has all owners`},
	{`{"Dockercmd": "cp", "Container": "aa:/etc", "Path": "/etc"}`, `Container: "aa:/etc": not a container name or id (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{`{"Dockercmd": "rmi"}`, `Image: rmi needs it`},
	{`{"Dockercmd": "rmi", "Image": "busybox", "Options": {"Force": 1}}`, `Options.Force: 1: not true or false, without quotes`},
	{`{"Dockercmd": "volume create", "Options": {"Name": "v"}}`, `Options.Name: the name is the message's Volume`},
	{`{"Dockercmd": "volume create", "Volume": "v", "Options": {"Opt": "=x"}}`, `Options.Opt: ***: it has no name (key=value)`},
	{`{"Dockercmd": "volume create", "Volume": "v", "Options": {"Label": "docker-dispatch.queue=x"}}`, `Options.Label: "docker-dispatch.queue=x": the labels docker-dispatch.… are the dispatcher's own`},
	{`{"Dockercmd": "volume rm"}`, `Volume: volume rm needs it`},
	{`{"Dockercmd": "network create"}`, `Network: network create needs it`},
	{`{"Dockercmd": "network create", "Network": "nn", "Options": {"Gateway": "10.0.0.1"}}`, `Options.Gateway: "10.0.0.1": it lies in no Options.Subnet`},
	{`{"Dockercmd": "network create", "Network": "nn", "Options": {"Subnet": ["10.0.0.0/8", "10.1.0.0/16"]}}`, `Options.Subnet: "10.1.0.0/16": it overlaps with "10.0.0.0/8"`},
	{`{"Dockercmd": "network create", "Network": "nn", "Options": {"Subnet": "10.0.0.0/8", "Gateway": ["10.0.0.1", "10.0.0.2"]}}`, `Options.Gateway: "10.0.0.2": its Options.Subnet has one already`},
	{`{"Dockercmd": "network create", "Network": "nn", "Options": {"Subnet": "10.0.0.0/8", "AuxAddress": "router"}}`, `Options.AuxAddress: "router": it has no value (key=value)`},
	{`{"Dockercmd": "network create", "Network": "nn", "Options": {"Internal": 1}}`, `Options.Internal: 1: not true or false, without quotes`},
	{`{"Dockercmd": "network rm", "Container": "aa"}`, `Container: no key of network rm, but of start, stop, restart, kill and others`},
	{`{"Dockercmd": "network connect", "Network": "nn"}`, `Container: network connect needs it`},
	{`{"Dockercmd": "network connect", "Network": "nn", "Container": "aa", "Options": {"DriverOpt": "x"}}`, `Options.DriverOpt: ***: it has no value (key=value)`},
	{`{"Dockercmd": "network disconnect", "Network": "nn", "Container": "aa", "Options": {"Alias": "x"}}`, `Options.Alias: no option of network disconnect, but of network connect`},
	{`{"Dockercmd": "network disconect", "Network": "nn", "Container": "aa"}`, `Dockercmd: "network disconect": unknown command; did you mean network disconnect? (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`},
	{`{"Dockercmd": "inspect", "Volume": "../containers/x"}`, `Volume: "../containers/x": not a name or id`},
	{`{"Dockercmd": "rmi", "Image": "a/../../b"}`, `Image: "a/../../b": not an image (try "debian:jessie")`},
}

func TestMistakesInEveryCommand(t *testing.T) {
	for _, c := range mistakes {
		m, err := cmds.Decode(wire.Delivery{Body: []byte(c.message)}, maxBody)
		if err == nil {
			err = new(cmds.Command).Resolve(m, "auditor")
		}
		if bad := new(cmds.Invalid); !errors.As(err, &bad) || bad.Error() != c.says {
			t.Errorf("%s: the error is\n%v, want\n%s", c.message, err, c.says)
		}
	}
}

// tale is a user's: messages, and what people read when each is done.
var tale = []struct{ message, reads string }{
	{`{"Dockercmd": "volume create", "Volume": "NAME", "Options": {"Label": "kind=tale"}}`, "NAME = created {…}"},
	{`{"Dockercmd": "network create", "Network": "NAME", "Options": {"Internal": true}}`, "NAME = created {…}"},
	{`{"Dockercmd": "create", "Options": {"Name": "NAME", "Volume": "NAME:/kept"}, "Image": "IMAGE", "Cmd": ["sleep", "3600"]}`, "NAME = created ID"},
	{`{"Dockercmd": "rename", "Container": "NAME", "NewName": "NAME-2"}`, "NAME = renamed"},
	{`{"Dockercmd": "start", "Container": "NAME-2"}`, "NAME-2 = started"},
	{`{"Dockercmd": "network connect", "Network": "NAME", "Container": "NAME-2", "Options": {"Alias": "tale"}}`, "NAME-2 = connected"},
	{`{"Dockercmd": "pause", "Container": "NAME-2"}`, "NAME-2 = paused"},
	{`{"Dockercmd": "unpause", "Container": "NAME-2"}`, "NAME-2 = unpaused"},
	{`{"Dockercmd": "update", "Container": "NAME-2", "Options": {"CpuShares": 512}}`, "NAME-2 = updated"},
	{`{"Dockercmd": "exec", "Container": "NAME-2", "Options": {"Interactive": true}, "Stdin": "two\nlines", "Cmd": ["cat"]}`,
		"NAME-2 | two\nNAME-2 | lines\nNAME-2 = exited 0 in #s"},
	{`{"Dockercmd": "exec", "Container": "NAME-2", "Options": {"Detach": true}, "Cmd": ["true"]}`, "NAME-2 = started"},
	{`{"Dockercmd": "cp", "Container": "NAME-2", "Path": "/etc/passwd"}`, "NAME-2 = copied a tar of 2048 bytes"},
	{`{"Dockercmd": "cp", "Container": "NAME-2", "Path": "/tmp", "TarBase64": "TAR"}`, "NAME-2 = copied"},
	{`{"Dockercmd": "inspect", "Container": "NAME-2"}`, "NAME-2 = inspected {…}"},
	{`{"Dockercmd": "inspect", "Volume": "NAME"}`, "NAME = inspected {…}"},
	{`{"Dockercmd": "ps", "Options": {"Filter": "name=NAME-2"}}`, "- = listed [{…}]"},
	{`{"Dockercmd": "ps", "Options": {"Filter": "name=NAME-3"}}`, "- = listed []"},
	{`{"Dockercmd": "network disconnect", "Network": "NAME", "Container": "NAME-2"}`, "NAME-2 = disconnected"},
	{`{"Dockercmd": "restart", "Container": "NAME-2", "Options": {"Timeout": 0}}`, "NAME-2 = restarted"},
	{`{"Dockercmd": "kill", "Container": "NAME-2"}`, "NAME-2 = killed"},
	{`{"Dockercmd": "wait", "Container": "NAME-2"}`, "NAME-2 = exited 137 (SIGKILL) in #s"},
	{`{"Dockercmd": "stop", "Container": "NAME-2"}`, "NAME-2 = stopped"},
	{`{"Dockercmd": "logs", "Container": "NAME-2"}`, "NAME-2 = logged"},
	{`{"Dockercmd": "rm", "Container": "NAME-2"}`, "NAME-2 = removed"},
	{`{"Dockercmd": "rm", "Container": "NAME-2"}`, "NAME-2 = error: no such container: NAME-2"},
	{`{"Dockercmd": "run", "Options": {"Name": "NAME", "Attach": "STDOUT", "Remove": true}, "Image": "IMAGE", "Cmd": ["echo", "done"]}`,
		"NAME | done\nNAME = exited 0 in #s"},
	{`{"Dockercmd": "network rm", "Network": "NAME"}`, "NAME = removed"},
	{`{"Dockercmd": "network rm", "Network": "NAME", "Options": {"Force": true}}`, "NAME = removed"},
	{`{"Dockercmd": "volume rm", "Volume": "NAME"}`, "NAME = removed"},
}

// TestTale holds the text output to be what people can read.
func TestTale(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	name := unique()
	words := here.words(t, name)
	var messages, reads strings.Builder
	for _, line := range tale {
		fmt.Fprintln(&messages, words.Replace(line.message))
		fmt.Fprintln(&reads, words.Replace(line.reads))
	}
	_, stdout, stderr := finish(t, strings.NewReader(messages.String()), "-policy", trusted, "-c", "1", "-name", name, here.engine.address, "-")
	for pattern, mask := range map[string]string{`(?m) (\[?)\{.*\}(\]?)$`: " $1{…}$2", `(?m) created [0-9a-f]{12}$`: " created ID", ` +=`: " ="} {
		stdout = regexp.MustCompile(pattern).ReplaceAllString(stdout, mask)
	}
	equal(t, stdout, reads.String())
	if t.Failed() {
		t.Log(stderr)
	}
}

// life is of a container whose first run ends by itself, and whose others end by SIGTERM.
const life = `echo >>/starts; n=$(wc -l </starts); if [ $n = 1 ]; then echo out; echo err >&2; read line; echo in: $line; exit 3; fi; ` +
	`trap 'echo caught; touch /caught' USR1; trap 'echo ends; exit 4' TERM; echo ready; touch /ready$n; while :; do sleep 0.05; done`

var mebibyte = strings.Repeat("0123456789abcdef", 1<<16)

// words are what is in capitals in these messages.
func (s site) words(t *testing.T, name string) *strings.Replacer {
	t.Helper()
	number := 1 + mathrand.IntN(255)
	t.Cleanup(func() {
		for _, path := range []string{"/containers/" + name + "?force=1&v=1", "/containers/" + name + "-2?force=1&v=1", "/networks/" + name, "/volumes/" + name, "/images/" + name} {
			s.engine.do(t, "DELETE", path, nil, nil)
		}
	})
	return strings.NewReplacer("NAME", name, "IMAGE", image, "TAR", base64.StdEncoding.EncodeToString(tarOf(t, "note", "from a tar")),
		"LIFE", life, "MEBIBYTE", mebibyte, "SUM", fmt.Sprintf("%x", sha256.Sum256([]byte(mebibyte))), "BLOCK", base64.StdEncoding.EncodeToString(tarOf(t, "tmp", "")),
		"SUBNET", fmt.Sprintf("10.215.%d", number), "PREFIX", fmt.Sprintf("fd00:215:%x", number))
}

// tarOf is one file, of user 1234.
func tarOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o640, Uid: 1234, Gid: 1234})
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// deed is a message, and what comes of it: what its container writes, its status and its exit code or error. Of a response with Data,
// the value at a path in that follows.
type deed struct {
	what    string // its id
	message string // JSON, with words in capitals
	comes   string // regular expression for all of it
	path    string // in Data; "" is none
	later   bool   // its response comes after those of deeds behind it
	since   int    // the API version 1.since that it needs
}

// chapters are deeds in their order, each chapter about objects of its own.
var chapters = map[string][]deed{
	"a container's life": {
		{what: "create", message: `{"Dockercmd": "create", "Options": {"Name": "NAME", "Interactive": true, "Env": {"COLOR": "red"}, "LogOpt": "env=COLOR"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "LIFE"]}`, comes: "created"},
		{what: "the name again", message: `{"Dockercmd": "create", "Options": {"Name": "NAME"}, "Image": "IMAGE", "Cmd": ["true"]}`, comes: "failed: .*already in use.*"},
		{what: "it does not run", message: `{"Dockercmd": "inspect", "Container": "NAME"}`, path: "State.Status", comes: `inspected created`},
		{what: "wait for what has not run", message: `{"Dockercmd": "wait", "Container": "NAME"}`, comes: "exited 0"},
		{what: "start attached", message: `{"Dockercmd": "start", "Options": {"Attach": true, "Interactive": true}, "Container": "NAME", "Stdin": "hello\n"}`, comes: "out\nin: hello\nerr\nexited 3"},
		{what: "logs", message: `{"Dockercmd": "logs", "Container": "NAME"}`, comes: "out\nin: hello\nerr\nlogged"},
		{what: "since an hour", message: `{"Dockercmd": "logs", "Options": {"Since": "1h"}, "Container": "NAME"}`, comes: "out\nin: hello\nerr\nlogged"},
		{what: "since the future", message: `{"Dockercmd": "logs", "Options": {"Since": "2099-01-01T00:00:00Z"}, "Container": "NAME"}`, comes: "logged"},
		{what: "until the past", message: `{"Dockercmd": "logs", "Options": {"Until": "2001-01-01"}, "Container": "NAME"}`, comes: "logged"},
		{what: "wait for what has ended", message: `{"Dockercmd": "wait", "Container": "NAME"}`, comes: "exited 3"},
		{what: "rename", message: `{"Dockercmd": "rename", "Container": "NAME", "NewName": "NAME-2"}`, comes: "renamed"},
		{what: "start of what was renamed", message: `{"Dockercmd": "start", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "start", message: `{"Dockercmd": "start", "Container": "NAME-2"}`, comes: "started"},
		{what: "start of what runs", message: `{"Dockercmd": "start", "Container": "NAME-2"}`, comes: "started"},
		{what: "follow", message: `{"Dockercmd": "logs", "Options": {"Follow": true, "Tail": 0}, "Container": "NAME-2"}`, comes: "(ready\n)?caught\n(ends\n)?logged", later: true},
		// A restart may have begun the next run by the time the Engine of 20.10 looks for the exit code of the one before: 0 then.
		{what: "wait", message: `{"Dockercmd": "wait", "Container": "NAME-2"}`, comes: "exited [04]", later: true},
		{what: "it is ready", message: `{"Dockercmd": "exec", "Container": "NAME-2", "Cmd": ["sh", "-c", "until [ -e /ready2 ]; do sleep 0.05; done"]}`, comes: "exited 0"},
		{what: "pause", message: `{"Dockercmd": "pause", "Container": "NAME-2"}`, comes: "paused"},
		{what: "pause again", message: `{"Dockercmd": "pause", "Container": "NAME-2"}`, comes: "failed: .* is already paused"},
		{what: "exec in what is paused", message: `{"Dockercmd": "exec", "Container": "NAME-2", "Cmd": ["true"]}`, comes: "failed: .* is paused.*"},
		{what: "unpause", message: `{"Dockercmd": "unpause", "Container": "NAME-2"}`, comes: "unpaused"},
		{what: "unpause again", message: `{"Dockercmd": "unpause", "Container": "NAME-2"}`, comes: "failed: .* is not paused"},
		{what: "kill, and it lives", message: `{"Dockercmd": "kill", "Options": {"Signal": "USR1"}, "Container": "NAME-2"}`, comes: "killed"},
		{what: "it has caught that", message: `{"Dockercmd": "exec", "Container": "NAME-2", "Cmd": ["sh", "-c", "until [ -e /caught ]; do sleep 0.05; done"]}`, comes: "exited 0"},
		{what: "no such signal", message: `{"Dockercmd": "kill", "Options": {"Signal": "NONE"}, "Container": "NAME-2"}`, comes: "failed: .*(?i:invalid signal: NONE)"},
		{what: "restart", message: `{"Dockercmd": "restart", "Container": "NAME-2"}`, comes: "restarted"},
		{what: "it runs again", message: `{"Dockercmd": "exec", "Container": "NAME-2", "Cmd": ["sh", "-c", "until [ -e /ready3 ]; do sleep 0.05; done; wc -l </starts"]}`, comes: "3\nexited 0"},
		{what: "update", message: `{"Dockercmd": "update", "Options": {"Memory": "64m", "MemorySwap": "128m", "PidsLimit": 50, "Restart": "on-failure:2"}, "Container": "NAME-2"}`, comes: "updated"},
		{what: "its memory", message: `{"Dockercmd": "inspect", "Container": "NAME-2"}`, path: "HostConfig.Memory", comes: "inspected 67108864"},
		{what: "its processes", message: `{"Dockercmd": "inspect", "Container": "NAME-2"}`, path: "HostConfig.PidsLimit", comes: "inspected 50"},
		{what: "its restarts", message: `{"Dockercmd": "inspect", "Container": "NAME-2"}`, path: "HostConfig.RestartPolicy.Name", comes: "inspected on-failure"},
		{what: "update that the Engine refuses", message: `{"Dockercmd": "update", "Options": {"Memory": "1m"}, "Container": "NAME-2"}`, comes: "failed: .*(?i:minimum memory limit).*"},
		{what: "stop by a signal", message: `{"Dockercmd": "stop", "Options": {"Signal": "TERM", "Timeout": 20}, "Container": "NAME-2"}`, comes: "stopped", since: 42},
		{what: "stop", message: `{"Dockercmd": "stop", "Options": {"Time": 20}, "Container": "NAME-2"}`, comes: "stopped"},
		{what: "kill of what does not run", message: `{"Dockercmd": "kill", "Container": "NAME-2"}`, comes: "failed: .* is not running"},
		{what: "pause of what does not run", message: `{"Dockercmd": "pause", "Container": "NAME-2"}`, comes: "failed: .* is not running"},
		{what: "exec in what does not run", message: `{"Dockercmd": "exec", "Container": "NAME-2", "Cmd": ["true"]}`, comes: "failed: .* is not running"},
		{what: "all that it has said", message: `{"Dockercmd": "logs", "Options": {"Tail": 3}, "Container": "NAME-2"}`, comes: "ends\nready\nends\nlogged"},
		// Where the last lines are of one output: an Engine copies the two into its log side by side, in no order.
		{what: "the last line", message: `{"Dockercmd": "logs", "Options": {"Tail": 1}, "Container": "NAME-2"}`, comes: "ends\nlogged"},
		{what: "with times", message: `{"Dockercmd": "logs", "Options": {"Tail": "1", "Timestamps": true}, "Container": "NAME-2"}`, comes: `20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ends` + "\nlogged"},
		{what: "with details", message: `{"Dockercmd": "logs", "Options": {"Tail": 1, "Details": true}, "Container": "NAME-2"}`, comes: "COLOR=red ends\nlogged"},
		{what: "remove", message: `{"Dockercmd": "remove", "Options": {"Force": true, "Volumes": true}, "Container": "NAME-2"}`, comes: "removed"},
	},
	"what is not there": {
		{what: "start", message: `{"Dockercmd": "start", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "start attached", message: `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "restart", message: `{"Dockercmd": "restart", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "kill", message: `{"Dockercmd": "kill", "Container": "NAME"}`, comes: "failed: .*No such container: NAME"},
		{what: "pause", message: `{"Dockercmd": "pause", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "unpause", message: `{"Dockercmd": "unpause", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "wait", message: `{"Dockercmd": "wait", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "exec", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["true"]}`, comes: "failed: No such container: NAME"},
		{what: "logs", message: `{"Dockercmd": "logs", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "rename", message: `{"Dockercmd": "rename", "Container": "NAME", "NewName": "NAME-2"}`, comes: "failed: No such container: NAME"},
		{what: "update", message: `{"Dockercmd": "update", "Options": {"Cpus": 1}, "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "copy out", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/etc"}`, comes: "failed: No such container: NAME"},
		{what: "copy in", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/etc", "TarBase64": "TAR"}`, comes: "failed: No such container: NAME"},
		{what: "inspect of a container", message: `{"Dockercmd": "inspect", "Container": "NAME"}`, comes: "failed: No such container: NAME"},
		{what: "inspect of an image", message: `{"Dockercmd": "inspect", "Image": "NAME"}`, comes: "failed: .*No such image: NAME.*"},
		{what: "inspect of a network", message: `{"Dockercmd": "inspect", "Network": "NAME"}`, comes: "failed: network NAME not found"},
		{what: "inspect of a volume", message: `{"Dockercmd": "inspect", "Volume": "NAME"}`, comes: "failed: .*no such volume.*"},
		{what: "an image of no registry", message: `{"Dockercmd": "create", "Options": {"Pull": "never"}, "Image": "localhost:1/NAME"}`, comes: "failed: No such image: .*"},
	},
	"exec": {
		{what: "run", message: `{"Dockercmd": "run", "Options": {"Name": "NAME"}, "Image": "IMAGE", "Cmd": ["sleep", "3600"]}`, comes: "started"},
		{what: "as whom, where, with what", message: `{"Dockercmd": "exec", "Options": {"Env": {"A": "1 2"}, "User": "1000:1001", "Workdir": "/tmp"}, "Container": "NAME", "Cmd": ["sh", "-c", "echo $A; id -u; id -g; pwd"]}`,
			comes: "1 2\n1000\n1001\n/tmp\nexited 0"},
		{what: "exit code and both outputs", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo out; echo err >&2; printf end; exit 7"]}`, comes: "out\nenderr\nexited 7"},
		{what: "killed", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "kill -9 $$"]}`, comes: "exited 137 SIGKILL"},
		{what: "input", message: `{"Dockercmd": "exec", "Options": {"Interactive": true}, "Container": "NAME", "Stdin": "MEBIBYTE", "Cmd": ["sha256sum"]}`, comes: "SUM  -\nexited 0"},
		{what: "input that nobody reads", message: `{"Dockercmd": "exec", "Options": {"Interactive": true}, "Container": "NAME", "Stdin": "MEBIBYTE", "Cmd": ["true"]}`, comes: "exited 0"},
		{what: "no input", message: `{"Dockercmd": "exec", "Options": {"Interactive": true}, "Container": "NAME", "Cmd": ["cat"]}`, comes: "exited 0"},
		{what: "a terminal", message: `{"Dockercmd": "exec", "Options": {"Tty": true}, "Container": "NAME", "Cmd": ["sh", "-c", "test -t 1 && echo yes"]}`, comes: "yes\r\nexited 0"},
		{what: "a terminal with input", message: `{"Dockercmd": "exec", "Options": {"Tty": true, "Interactive": true}, "Container": "NAME", "Stdin": "abc\n", "Cmd": ["sh", "-c", "stty -echo; read a; echo got $a; cat; exit 5"]}`,
			comes: "(abc\r\n)?got abc\r\nexited 5"},
		{what: "detached", message: `{"Dockercmd": "exec", "Options": {"Detach": true}, "Container": "NAME", "Cmd": ["sh", "-c", "sleep 0.2; touch /detached"]}`, comes: "started"},
		{what: "it was done", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "until [ -e /detached ]; do sleep 0.05; done"]}`, comes: "exited 0"},
		{what: "what it may do", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["grep", "CapEff", "/proc/self/status"]}`, comes: `CapEff:\t00000000a.*\nexited 0`},
		{what: "what it may do with all rights", message: `{"Dockercmd": "exec", "Options": {"Privileged": true}, "Container": "NAME", "Cmd": ["grep", "CapEff", "/proc/self/status"]}`, comes: `(?s)CapEff:\t00000[0-3]ff.*exited 0|.*unable to apply caps.*exited 126`}, // which the Engine itself may lack
		{what: "no such command", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["no-such-command"]}`, comes: "(?s).*executable file not found.*exited 12[67]"},
		{what: "no such command, detached", message: `{"Dockercmd": "exec", "Options": {"Detach": true}, "Container": "NAME", "Cmd": ["no-such-command"]}`, comes: "(?s)failed: .*executable file not found.*"},
		{what: "no such user", message: `{"Dockercmd": "exec", "Options": {"User": "nobody-here"}, "Container": "NAME", "Cmd": ["true"]}`, comes: "(?s)(.*unable to find user nobody-here.*exited 126|failed: .*unable to find user nobody-here.*)"},
		{what: "it goes on", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo begun; touch /begun; sleep 3600"]}`, comes: "begun\nexited 137 SIGKILL", later: true},
		{what: "beside another", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "until [ -e /begun ]; do sleep 0.05; done"]}`, comes: "exited 0"},
		{what: "until it is stopped", message: `{"Dockercmd": "stop", "Options": {"Timeout": 0}, "Container": "NAME"}`, comes: "stopped"},
		{what: "remove", message: `{"Dockercmd": "rm", "Container": "NAME"}`, comes: "removed"},
	},
	"copies": {
		{what: "run", message: `{"Dockercmd": "run", "Options": {"Name": "NAME", "User": "root"}, "Image": "IMAGE", "Cmd": ["sleep", "3600"]}`, comes: "started"},
		{what: "files", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "mkdir -p /a/b; echo text >/a/b/note; ln -s b/note /a/link; ln -s /a/b /a/far; dd if=/dev/zero of=/large bs=1M count=17"]}`, comes: "(?s).*exited 0"},
		{what: "a file", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/a/b/note"}`, comes: `copied note "text\\n"`},
		{what: "a folder", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/a/b"}`, comes: `copied b/ "" b/note "text\\n"`},
		{what: "a link", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/a/link"}`, comes: `copied link -> b/note`},
		{what: "what it leads to", message: `{"Dockercmd": "cp", "Options": {"FollowLink": true}, "Container": "NAME", "Path": "/a/link"}`, comes: `copied note "text\\n"`},
		{what: "what a far one leads to", message: `{"Dockercmd": "cp", "Options": {"FollowLink": true}, "Container": "NAME", "Path": "/a/far"}`, comes: `copied b/ "" b/note "text\\n"`},
		{what: "no link", message: `{"Dockercmd": "cp", "Options": {"FollowLink": true}, "Container": "NAME", "Path": "/a/b/note"}`, comes: `copied note "text\\n"`},
		{what: "a file that is not there", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/a/none"}`, comes: "failed: Could not find the file /a/none in container NAME"},
		{what: "too large", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/large"}`, comes: `failed: the tar of "/large" is longer than 8 MiB; copy less of it`},
		{what: "in", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/tmp", "TarBase64": "TAR"}`, comes: "copied"},
		{what: "it is there", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "cat /tmp/note; stat -c ' %a %u:%g' /tmp/note"]}`, comes: "from a tar 640 1234:1234\nexited 0"},
		{what: "in as the container's user", message: `{"Dockercmd": "cp", "Options": {"Archive": true}, "Container": "NAME", "Path": "/a", "TarBase64": "TAR"}`, comes: "copied"},
		{what: "it is root's", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["stat", "-c", "%u:%g", "/a/note"]}`, comes: "0:0\nexited 0"},
		{what: "a file in the place of a folder", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/", "TarBase64": "BLOCK"}`, comes: "failed: .*cannot overwrite.*"},
		{what: "into what is not there", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/none", "TarBase64": "TAR"}`, comes: "failed: Could not find the file /none in container NAME"},
		{what: "into a file", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/etc/passwd", "TarBase64": "TAR"}`, comes: "failed: .*not a directory"},
		{what: "no tar", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/tmp", "TarBase64": "bm8gdGFy"}`, comes: "failed: .*(?i:EOF)"},
		{what: "remove", message: `{"Dockercmd": "rm", "Options": {"Force": true}, "Container": "NAME"}`, comes: "removed"},
	},
	"looking": {
		{what: "run", message: `{"Dockercmd": "run", "Options": {"Name": "NAME", "Label": "tale=NAME"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "head -c 5000 /dev/zero >/file; sleep 3600"]}`, comes: "started"},
		{what: "create", message: `{"Dockercmd": "create", "Options": {"Name": "NAME-2", "Label": "tale=NAME"}, "Image": "IMAGE", "Cmd": ["true"]}`, comes: "created"},
		{what: "inspect", message: `{"Dockercmd": "inspect", "Container": "NAME"}`, path: "SizeRw", comes: "inspected null"},
		{what: "its size", message: `{"Dockercmd": "inspect", "Options": {"Size": true}, "Container": "NAME"}`, path: "SizeRw", comes: `inspected [5-9]\d{3}`},
		{what: "image", message: `{"Dockercmd": "inspect", "Image": "IMAGE"}`, path: "RepoTags.0", comes: "inspected .+"},
		{what: "network", message: `{"Dockercmd": "inspect", "Network": "bridge"}`, path: "Driver", comes: "inspected bridge"},
		{what: "those that run", message: `{"Dockercmd": "ps", "Options": {"Filter": "label=tale=NAME"}}`, path: "*.Names.0", comes: `listed \["/NAME"\]`},
		{what: "all", message: `{"Dockercmd": "ps", "Options": {"All": true, "Filter": ["label=tale=NAME"]}}`, path: "*.Names.0", comes: `listed \["/NAME-2","/NAME"\]`},
		{what: "two filters", message: `{"Dockercmd": "ps", "Options": {"All": true, "Filter": ["label=tale=NAME", "status=created"]}}`, path: "*.Names.0", comes: `listed \["/NAME-2"\]`},
		{what: "the last", message: `{"Dockercmd": "ps", "Options": {"Last": 1, "Filter": "label=tale=NAME"}}`, path: "*.Names.0", comes: `listed \["/NAME-2"\]`},
		{what: "the last two", message: `{"Dockercmd": "ps", "Options": {"Last": 2, "Filter": "label=tale=NAME"}}`, path: "*.Names.0", comes: `listed \["/NAME-2","/NAME"\]`},
		{what: "the latest", message: `{"Dockercmd": "ps", "Options": {"Latest": true, "Filter": "label=tale=NAME"}}`, path: "*.Names.0", comes: `listed \["/NAME-2"\]`},
		{what: "sizes", message: `{"Dockercmd": "ps", "Options": {"Size": true, "Filter": "label=tale=NAME"}}`, path: "0.SizeRw", comes: `listed [5-9]\d{3}`},
		{what: "no sizes", message: `{"Dockercmd": "ps", "Options": {"Filter": "label=tale=NAME"}}`, path: "0.SizeRw", comes: `listed null`},
		{what: "no such filter", message: `{"Dockercmd": "ps", "Options": {"Filter": "none=1"}}`, comes: "failed: (?i:invalid filter).*"},
		{what: "remove", message: `{"Dockercmd": "rm", "Options": {"Force": true}, "Container": "NAME"}`, comes: "removed"},
		{what: "remove the other", message: `{"Dockercmd": "rm", "Container": "NAME-2"}`, comes: "removed"},
	},
	"volumes": {
		{what: "create", message: `{"Dockercmd": "volume create", "Options": {"Opt": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, "Label": {"tale": "NAME"}}, "Volume": "NAME"}`, path: "Name", comes: "created NAME"},
		{what: "again", message: `{"Dockercmd": "volume create", "Volume": "NAME"}`, path: "Labels.tale", comes: "created NAME"},
		{what: "inspect", message: `{"Dockercmd": "inspect", "Volume": "NAME"}`, path: "Options.o", comes: "inspected size=1m"},
		{what: "use", message: `{"Dockercmd": "run", "Options": {"Name": "NAME", "Volume": "NAME:/kept", "Attach": "STDOUT"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "grep -o '^tmpfs /kept tmpfs' /proc/mounts"]}`, comes: "tmpfs /kept tmpfs\nexited 0"},
		{what: "removal of what is used", message: `{"Dockercmd": "volume rm", "Volume": "NAME"}`, comes: "failed: .*volume is in use.*"},
		{what: "remove the user", message: `{"Dockercmd": "rm", "Container": "NAME"}`, comes: "removed"},
		{what: "remove", message: `{"Dockercmd": "volume rm", "Volume": "NAME"}`, comes: "removed"},
		{what: "remove again", message: `{"Dockercmd": "volume rm", "Volume": "NAME"}`, comes: "failed: .*no such volume.*"},
		{what: "remove by force", message: `{"Dockercmd": "volume remove", "Options": {"Force": true}, "Volume": "NAME"}`, comes: "removed"},
		{what: "no such option of the driver", message: `{"Dockercmd": "volume create", "Options": {"Opt": "none=1"}, "Volume": "NAME"}`, comes: "failed: .*invalid option:? .*none.*"},
	},
	"networks": {
		{what: "create", message: `{"Dockercmd": "network create", "Options": {"Subnet": ["SUBNET.0/24", "PREFIX::/64"], "Gateway": "SUBNET.1", "IpRange": "SUBNET.128/25", "AuxAddress": {"router": "SUBNET.129"}, "Ipv6": true, "Label": "tale=NAME"}, "Network": "NAME"}`, path: "Warning", comes: "created (null)?"},
		{what: "again", message: `{"Dockercmd": "network create", "Network": "NAME"}`, comes: "failed: network with name NAME already exists"},
		{what: "its addresses again", message: `{"Dockercmd": "network create", "Options": {"Subnet": "SUBNET.64/26"}, "Network": "NAME-2"}`, comes: "failed: .*Pool overlaps.*"},
		{what: "its gateway", message: `{"Dockercmd": "inspect", "Network": "NAME"}`, path: "IPAM.Config.0.Gateway", comes: "inspected SUBNET.1"},
		{what: "its range", message: `{"Dockercmd": "inspect", "Network": "NAME"}`, path: "IPAM.Config.0.IPRange", comes: "inspected SUBNET.128/25"},
		{what: "its other subnet", message: `{"Dockercmd": "inspect", "Network": "NAME"}`, path: "IPAM.Config.1.Subnet", comes: "inspected PREFIX::/64"},
		{what: "its label", message: `{"Dockercmd": "inspect", "Network": "NAME"}`, path: "Labels.tale", comes: "inspected NAME"},
		{what: "a server", message: `{"Dockercmd": "run", "Options": {"Name": "NAME"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "echo served >/tmp/note; httpd -f -p 80 -h /tmp"]}`, comes: "started"},
		{what: "connect", message: `{"Dockercmd": "network connect", "Options": {"Alias": ["web", "www"], "Ip": "SUBNET.200"}, "Network": "NAME", "Container": "NAME"}`, comes: "connected"},
		{what: "connect again", message: `{"Dockercmd": "network connect", "Network": "NAME", "Container": "NAME"}`, comes: "failed: .*already exists in network.*"},
		{what: "a client", message: `{"Dockercmd": "run", "Options": {"Network": "NAME", "Attach": "STDOUT", "Remove": true}, "Image": "IMAGE", "Cmd": ["sh", "-c", "nslookup www | grep -o SUBNET.200 && until wget -qO- http://SUBNET.200/note; do sleep 0.1; done"]}`, comes: "SUBNET.200\nserved\nexited 0"},
		{what: "removal of what is used", message: `{"Dockercmd": "network rm", "Network": "NAME"}`, comes: "failed: .*has active endpoints.*"},
		{what: "disconnect", message: `{"Dockercmd": "network disconnect", "Network": "NAME", "Container": "NAME"}`, comes: "disconnected"},
		{what: "it is out", message: `{"Dockercmd": "inspect", "Container": "NAME"}`, path: "NetworkSettings.Networks.NAME", comes: "inspected null"},
		{what: "disconnect again", message: `{"Dockercmd": "network disconnect", "Network": "NAME", "Container": "NAME"}`, comes: "failed: .*is not connected to.*"},
		{what: "remove the server", message: `{"Dockercmd": "rm", "Options": {"Force": true}, "Container": "NAME"}`, comes: "removed"},
		{what: "remove", message: `{"Dockercmd": "network rm", "Network": "NAME"}`, comes: "removed"},
		{what: "remove again", message: `{"Dockercmd": "network rm", "Network": "NAME"}`, comes: "failed: network NAME not found"},
		{what: "remove by force", message: `{"Dockercmd": "network remove", "Options": {"Force": true}, "Network": "NAME"}`, comes: "removed"},
		{what: "connect to none", message: `{"Dockercmd": "network connect", "Network": "NAME", "Container": "NAME"}`, comes: "failed: .*(No such container: NAME|network NAME not found)"},
	},
	"images": {
		{what: "rmi of none", message: `{"Dockercmd": "rmi", "Image": "NAME:none"}`, comes: "failed: No such image: .*"},
		{what: "rmi", message: `{"Dockercmd": "rmi", "Options": {"Force": true, "NoPrune": true}, "Image": "NAME"}`, path: "0.Untagged", comes: "removed NAME:latest"},
		{what: "pull of what no registry has", message: `{"Dockercmd": "pull", "Image": "127.0.0.1:1/NAME"}`, comes: "failed: .*connection refused"},
	},
}

// TestEveryCommand sends the deeds of each chapter one after another.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	minor := here.engine.minor(t)
	p := start(t, here)
	t.Run("chapters", func(t *testing.T) {
		for chapter, deeds := range chapters {
			t.Run(chapter, func(t *testing.T) {
				t.Parallel()
				name := unique()
				words := here.words(t, name)
				if chapter == "images" {
					here.engine.post(t, "/images/"+image+"/tag?repo="+name, nil, nil)
				}
				p.perform(t, chapter, deeds, words, minor)
			})
		}
	})
	p.leave(exitOK)
	tooNew := 0
	for _, deeds := range chapters {
		for _, d := range deeds {
			if d.since > minor {
				tooNew++
			}
		}
	}
	p.checkSettled(0, tooNew)
	p.checkNothingLeft()
}

// perform sends deeds, each when the one before is done, and holds them to what comes of them.
func (p *process) perform(t *testing.T, chapter string, deeds []deed, words *strings.Replacer, minor int) {
	t.Helper()
	here := *p
	here.t = t
	for _, d := range deeds {
		here.send(chapter+": "+d.what, words.Replace(d.message))
		if !d.later {
			here.checkDeed(chapter, d, words, minor)
		}
	}
	for _, d := range deeds {
		if d.later {
			here.checkDeed(chapter, d, words, minor)
		}
	}
}

func (p *process) checkDeed(chapter string, d deed, words *strings.Replacer, minor int) {
	p.t.Helper()
	comes := words.Replace(d.comes)
	if d.since > minor {
		comes = fmt.Sprintf(`invalid: Options\..*: it needs API version 1\.%d; this Engine's is 1\.%d`, d.since, minor)
	}
	if got := p.account(chapter+": "+d.what, d.path); !regexp.MustCompile(`\A(?:` + comes + `)\z`).MatchString(got) {
		p.t.Errorf("%s: %q, want %q", d.what, got, comes)
	}
}

// account is what has come of a message, as a deed has it.
func (p *process) account(id, path string) string {
	p.t.Helper()
	r := p.result(id)
	text := p.output(id, "stdout") + p.output(id, "stderr") + string(r.Status)
	if r.ExitCode != nil {
		text += fmt.Sprintf(" %d", *r.ExitCode)
	}
	if r.Signal != "" {
		text += " " + r.Signal
	}
	if r.Error != "" {
		text += ": " + r.Error
	}
	if r.OutputLost != "" {
		text += ", output lost: " + r.OutputLost
	}
	if path != "" && r.Error == "" {
		text += " " + p.pick(string(r.Data), path)
	}
	return text + p.listed(r.TarBase64)
}

// pick is the value at a path of JSON; * is every element of a list. Text is as it is, all else JSON.
func (p *process) pick(data, path string) string {
	p.t.Helper()
	var value any
	if err := json.Unmarshal([]byte(data), &value); err != nil {
		p.t.Errorf("%v in %q", err, data)
	}
	return body(p.t, valueAt(value, strings.Split(path, ".")))
}

func valueAt(value any, path []string) any {
	if len(path) == 0 {
		return value
	}
	switch in := value.(type) {
	case map[string]any:
		return valueAt(in[path[0]], path[1:])
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(in) {
			return valueAt(in[i], path[1:])
		}
		var each []any
		for _, element := range in {
			each = append(each, valueAt(element, path[1:]))
		}
		return each
	}
	return nil
}

// listed is what is in a tar: names, and texts or where links lead to.
func (p *process) listed(file []byte) (list string) {
	p.t.Helper()
	for files := tar.NewReader(bytes.NewReader(file)); ; {
		header, err := files.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			p.t.Errorf("the tar: %v", err)
			return list
		}
		if header.Linkname != "" {
			list += fmt.Sprintf(" %s -> %s", header.Name, header.Linkname)
			continue
		}
		text, _ := io.ReadAll(files)
		list += fmt.Sprintf(" %s %q", header.Name, text)
	}
}

// End to end: every command, and faults of the Engine

// risk is a deed of which a call goes wrong.
type risk struct {
	operation string // of the Engine; "" is none, and nothing goes wrong
	deed
	lost string // what comes of it when the answer is lost, if not the same
}

// risks are one story. The container notes each command and each start of it in a volume.
var risks = []risk{
	{"VolumeCreate", deed{what: "volume create", message: `{"Dockercmd": "volume create", "Volume": "NAME"}`, path: "Name", comes: "created NAME"}, ""},
	{"NetworkCreate", deed{what: "network create", message: `{"Dockercmd": "network create", "Network": "NAME"}`, path: "Id", comes: "created [0-9a-f]{64}"}, ""},
	{"ContainerCreate", deed{what: "create", message: `{"Dockercmd": "create", "Options": {"Name": "NAME", "Volume": "NAME:/kept"}, "Image": "IMAGE", "Cmd": ["sleep", "3600"]}`, comes: "created"}, ""},
	{"ContainerStart", deed{what: "start", message: `{"Dockercmd": "start", "Container": "NAME"}`, comes: "started"}, ""},
	{"NetworkConnect", deed{what: "network connect", message: `{"Dockercmd": "network connect", "Network": "NAME", "Container": "NAME"}`, comes: "connected"}, ""},
	{"NetworkInspect", deed{what: "inspect of a network", message: `{"Dockercmd": "inspect", "Network": "NAME"}`, path: "Name", comes: "inspected NAME"}, ""},
	{"NetworkDisconnect", deed{what: "network disconnect", message: `{"Dockercmd": "network disconnect", "Network": "NAME", "Container": "NAME"}`, comes: "disconnected"}, ""},
	{"ContainerPause", deed{what: "pause", message: `{"Dockercmd": "pause", "Container": "NAME"}`, comes: "paused"}, ""},
	{"ContainerUnpause", deed{what: "unpause", message: `{"Dockercmd": "unpause", "Container": "NAME"}`, comes: "unpaused"}, ""},
	{"ContainerUpdate", deed{what: "update", message: `{"Dockercmd": "update", "Options": {"CpuShares": 512}, "Container": "NAME"}`, comes: "updated"}, ""},
	{"ContainerExec", deed{what: "exec, before its start", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo >>/kept/execs; echo done"]}`, comes: "done\nexited 0"}, ""},
	{"ExecStart", deed{what: "exec, its start", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo >>/kept/execs; echo done"]}`, comes: "done\nexited 0"},
		"interrupted: the connection was cut while the command was started, and it may have run"},
	{"ExecInspect", deed{what: "exec, its exit", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo >>/kept/execs; echo done"]}`, comes: "done\nexited 0"}, ""},
	{"ExecStart", deed{what: "exec, detached", message: `{"Dockercmd": "exec", "Options": {"Detach": true}, "Container": "NAME", "Cmd": ["sh", "-c", "echo >>/kept/execs; touch /kept/detached"]}`, comes: "started"},
		"interrupted: the connection was cut while the command was started, and it may have run"},
	{"", deed{what: "each was run once", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "until [ -e /kept/detached ]; do sleep 0.05; done; wc -l </kept/execs"]}`, comes: "4\nexited 0"}, ""},
	{"PutContainerArchive", deed{what: "copy in", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/tmp", "TarBase64": "TAR"}`, comes: "copied"}, ""},
	{"ContainerArchive", deed{what: "copy out", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/tmp/note"}`, comes: `copied note "from a tar"`}, ""},
	{"ContainerKill", deed{what: "kill", message: `{"Dockercmd": "kill", "Container": "NAME"}`, comes: "killed"}, ""},
	{"ContainerWait", deed{what: "wait", message: `{"Dockercmd": "wait", "Container": "NAME"}`, comes: "exited 137 SIGKILL"}, ""},
	{"ContainerRename", deed{what: "rename", message: `{"Dockercmd": "rename", "Container": "NAME", "NewName": "NAME-2"}`, comes: "renamed"}, ""},
	{"ContainerRestart", deed{what: "restart", message: `{"Dockercmd": "restart", "Options": {"Timeout": 0}, "Container": "NAME-2"}`, comes: "restarted"}, ""},
	{"ContainerList", deed{what: "ps", message: `{"Dockercmd": "ps", "Options": {"Filter": "name=NAME-2"}}`, path: "0.State", comes: "listed running"}, ""},
	{"ContainerInspect", deed{what: "inspect of a container", message: `{"Dockercmd": "inspect", "Container": "NAME-2"}`, path: "HostConfig.CpuShares", comes: "inspected 512"}, ""},
	{"ImageInspect", deed{what: "inspect of an image", message: `{"Dockercmd": "inspect", "Image": "IMAGE"}`, path: "Os", comes: "inspected linux"}, ""},
	{"VolumeInspect", deed{what: "inspect of a volume", message: `{"Dockercmd": "inspect", "Volume": "NAME"}`, path: "Driver", comes: "inspected local"}, ""},
	{"ContainerStop", deed{what: "stop", message: `{"Dockercmd": "stop", "Options": {"Timeout": 0}, "Container": "NAME-2"}`, comes: "stopped"}, ""},
	{"ContainerDelete", deed{what: "remove", message: `{"Dockercmd": "rm", "Container": "NAME-2"}`, comes: "removed"}, ""},

	{"", deed{what: "another", message: `{"Dockercmd": "create", "Options": {"Name": "NAME", "Volume": "NAME:/kept"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "echo >>/kept/starts; echo out; exit 3"]}`, comes: "created"}, ""},
	{"ContainerInspect", deed{what: "start attached, before that", message: `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, comes: "out\nexited 3"}, ""},
	{"ContainerAttach", deed{what: "start attached, the attach", message: `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, comes: "out\nexited 3"}, ""},
	{"ContainerWait", deed{what: "start attached, the wait", message: `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, comes: "out\nexited 3"}, ""},
	{"ContainerStart", deed{what: "start attached, the start", message: `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, comes: "out\nexited 3"},
		"interrupted: the connection was cut while the container was started, and it has run"},
	{"ContainerLogs", deed{what: "logs", message: `{"Dockercmd": "logs", "Container": "NAME"}`, comes: "out\nout\nout\nout\nlogged"}, ""},
	{"", deed{what: "it was started once each time", message: `{"Dockercmd": "run", "Options": {"Name": "NAME-2", "Volume": "NAME:/kept", "Attach": "STDOUT"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "wc -l </kept/starts"]}`, comes: "4\nexited 0"}, ""},
	{"", deed{what: "remove the counter", message: `{"Dockercmd": "rm", "Container": "NAME-2"}`, comes: "removed"}, ""},
	{"", deed{what: "remove the other", message: `{"Dockercmd": "rm", "Container": "NAME"}`, comes: "removed"}, ""},

	{"NetworkDelete", deed{what: "network rm", message: `{"Dockercmd": "network rm", "Network": "NAME"}`, comes: "removed"}, ""},
	{"VolumeDelete", deed{what: "volume rm", message: `{"Dockercmd": "volume rm", "Volume": "NAME"}`, comes: "removed"}, ""},
	{"ImageDelete", deed{what: "rmi", message: `{"Dockercmd": "rmi", "Image": "NAME"}`, comes: "removed"}, ""},
}

// TestFaultEveryCommand holds that a call that does not come through, or whose answer does not, is no outcome; that a state is reached
// all the same; and that no command is run twice.
func TestFaultEveryCommand(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	for what, at := range map[string]moment{"the request is lost": asked, "the answer is lost": answered} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			engine, there := newEngineProxy(t, here)
			p := start(t, there)
			name := unique()
			words := here.words(t, name)
			here.engine.post(t, "/images/"+image+"/tag?repo="+name, nil, nil)
			for _, r := range risks {
				if at == answered && r.lost != "" {
					r.comes = r.lost
				}
				if r.operation != "" {
					engine.on(r.operation, at, 1, cut)
				}
				p.perform(t, "", []deed{r.deed}, words, 0)
				if !engine.obeyed() {
					t.Errorf("%s: %s was not asked for", r.what, r.operation)
					engine.forget()
				}
			}
			p.leave(exitOK)
			p.checkOnce(len(risks))
			p.checkSettled(0, 0)
			p.checkNothingLeft()
		})
	}
}

// TestFaultStreams has the connection cut by which a command is gone along with.
func TestFaultStreams(t *testing.T) {
	t.Parallel()
	engine, there := newEngineProxy(t, e2e(t))
	p := start(t, there)
	name := unique()
	words := p.site.words(t, name)
	p.perform(t, "", []deed{
		{what: "create", message: `{"Dockercmd": "create", "Options": {"Name": "NAME"}, "Image": "IMAGE", "Cmd": ["sh", "-c", "echo >>/starts; yes | head -c 100000; sleep 1; exit 3"]}`, comes: "created"},
	}, words, 0)
	for _, r := range []risk{
		{operation: "ContainerAttach", deed: deed{what: "start attached", message: `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, comes: "(?s)y.*exited 3, output lost: its connection was cut"}},
		{operation: "ContainerLogs", deed: deed{what: "logs", message: `{"Dockercmd": "logs", "Container": "NAME"}`, comes: "(?s)y.*interrupted: the Docker Engine went away while the log was read"}},
		{deed: deed{what: "start", message: `{"Dockercmd": "start", "Container": "NAME"}`, comes: "started"}},
		{operation: "ExecStart", deed: deed{what: "exec", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo >>/execs; yes | head -c 100000; exit 5"]}`,
			comes: "(?s)y.*(exited 5, output lost: its connection was cut|interrupted 126: its connection was cut, and with that its exit code lost.*)"}},
		{deed: deed{what: "start once more", message: `{"Dockercmd": "restart", "Container": "NAME"}`, comes: "restarted"}},
		{deed: deed{what: "how often", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "wc -l </starts; wc -l </execs"]}`, comes: "3\n1\nexited 0"}},
		{deed: deed{what: "remove", message: `{"Dockercmd": "rm", "Options": {"Force": true}, "Container": "NAME"}`, comes: "removed"}},
	} {
		if r.operation != "" {
			engine.on(r.operation, answered, 1, cutAfter(50_001))
		}
		p.perform(t, "", []deed{r.deed}, words, 0)
	}
	p.leave(exitOK)
	p.checkSettled(0, 0)
	p.checkNothingLeft()
}

// End to end: every command, by a dispatcher that is killed

// interruption is a message whose dispatcher is killed when the Engine has done a call of it and not yet said so.
type interruption struct {
	before string // what there is of that name, with blanks between: a volume, a network, an image, a container in a state
	risk
}

var interruptions = []interruption{
	{"", risk{"ContainerCreate", deed{what: "create", message: `{"Dockercmd": "create", "Options": {"Name": "NAME"}, "Image": "IMAGE", "Cmd": ["true"]}`, comes: "created"}, ""}},
	{"created", risk{"ContainerStart", deed{what: "start", message: `{"Dockercmd": "start", "Container": "NAME"}`, comes: "started"}, ""}},
	{"running", risk{"ContainerRestart", deed{what: "restart", message: `{"Dockercmd": "restart", "Options": {"Timeout": 0}, "Container": "NAME"}`, comes: "restarted"}, ""}},
	{"running", risk{"ContainerStop", deed{what: "stop", message: `{"Dockercmd": "stop", "Options": {"Timeout": 0}, "Container": "NAME"}`, comes: "stopped"}, ""}},
	{"running", risk{"ContainerKill", deed{what: "kill", message: `{"Dockercmd": "kill", "Container": "NAME"}`, comes: "killed"}, ""}},
	{"running", risk{"ContainerPause", deed{what: "pause", message: `{"Dockercmd": "pause", "Container": "NAME"}`, comes: "paused"}, ""}},
	{"paused", risk{"ContainerUnpause", deed{what: "unpause", message: `{"Dockercmd": "unpause", "Container": "NAME"}`, comes: "unpaused"}, ""}},
	{"running", risk{"ContainerUpdate", deed{what: "update", message: `{"Dockercmd": "update", "Options": {"CpuShares": 512}, "Container": "NAME"}`, comes: "updated"}, ""}},
	{"created", risk{"ContainerRename", deed{what: "rename", message: `{"Dockercmd": "rename", "Container": "NAME", "NewName": "NAME-2"}`, comes: "renamed"}, ""}},
	{"running", risk{"ExecStart", deed{what: "exec", message: `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo >>/execs; sleep 1; wc -l </execs"]}`, comes: "2\nexited 0"}, ""}},
	{"running", risk{"ContainerWait", deed{what: "wait", message: `{"Dockercmd": "wait", "Container": "NAME"}`, comes: "exited 137 SIGKILL"}, ""}},
	{"created", risk{"PutContainerArchive", deed{what: "copy in", message: `{"Dockercmd": "cp", "Container": "NAME", "Path": "/tmp", "TarBase64": "TAR"}`, comes: "copied"}, ""}},
	{"created", risk{"ContainerDelete", deed{what: "remove", message: `{"Dockercmd": "rm", "Container": "NAME"}`, comes: "removed"}, ""}},
	{"", risk{"VolumeCreate", deed{what: "volume create", message: `{"Dockercmd": "volume create", "Volume": "NAME"}`, path: "Name", comes: "created NAME"}, ""}},
	{"volume", risk{"VolumeDelete", deed{what: "volume rm", message: `{"Dockercmd": "volume rm", "Volume": "NAME"}`, comes: "removed"}, ""}},
	{"", risk{"NetworkCreate", deed{what: "network create", message: `{"Dockercmd": "network create", "Network": "NAME"}`, path: "Id", comes: "created [0-9a-f]{64}"}, ""}},
	{"network", risk{"NetworkDelete", deed{what: "network rm", message: `{"Dockercmd": "network rm", "Network": "NAME"}`, comes: "removed"}, ""}},
	{"network running", risk{"NetworkConnect", deed{what: "network connect", message: `{"Dockercmd": "network connect", "Network": "NAME", "Container": "NAME"}`, comes: "connected"}, ""}},
	{"running", risk{"NetworkDisconnect", deed{what: "network disconnect", message: `{"Dockercmd": "network disconnect", "Network": "bridge", "Container": "NAME"}`, comes: "disconnected"}, ""}},
	{"image", risk{"ImageDelete", deed{what: "rmi", message: `{"Dockercmd": "rmi", "Image": "NAME"}`, comes: "removed"}, ""}},
}

// TestKilledInEveryCommand kills a dispatcher in the midst of all of them. The next one brings each to its end.
func TestKilledInEveryCommand(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	engine, there := newEngineProxy(t, here)
	first := start(t, there, "-c", strconv.Itoa(len(interruptions)))
	held := make(chan string, len(interruptions))
	names := map[string]string{}
	words := map[string]*strings.Replacer{}
	for _, i := range interruptions {
		names[i.what] = unique()
		words[i.what] = here.words(t, names[i.what])
		here.engine.prepare(t, names[i.what], i.before)
		engine.on(i.operation, answered, 1, func(x *exchange) {
			held <- x.operation
			<-x.dead
		})
		first.send(": "+i.what, words[i.what].Replace(i.message))
	}
	for range interruptions {
		select {
		case <-held:
		case <-time.After(patience):
			t.Fatal("not all calls are made")
		}
	}
	first.kill()
	engine.cut()
	here.engine.post(t, "/containers/"+names["wait"]+"/kill", nil, nil)

	next := first.again()
	for _, i := range interruptions {
		next.checkDeed("", i.deed, words[i.what], 0)
	}
	next.leave(exitOK)
	next.checkOnce(len(interruptions))
	next.checkSettled(0, 0)
	next.removeContainers()
}

// prepare makes what an interruption needs. A container sleeps, unless there is a command.
func (e *engine) prepare(t *testing.T, name, before string, cmd ...string) {
	t.Helper()
	if len(cmd) == 0 {
		cmd = []string{"sleep", "3600"}
	}
	container := func(calls ...string) {
		e.post(t, "/containers/create?name="+name, message{"Image": image, "Cmd": cmd}, nil)
		for _, call := range calls {
			e.post(t, "/containers/"+name+"/"+call, nil, nil)
		}
	}
	for what := range strings.FieldsSeq(before) {
		switch what {
		case "volume":
			e.post(t, "/volumes/create", message{"Name": name}, nil)
		case "network":
			e.post(t, "/networks/create", message{"Name": name}, nil)
		case "image":
			e.post(t, "/images/"+image+"/tag?repo="+name, nil, nil)
		case "created":
			container()
		case "running":
			container("start")
		case "paused":
			container("start", "pause")
		}
	}
}

// TestCreatedIsNoOrphan holds that what create has made is its user's, started or not, whatever becomes of the dispatcher.
func TestCreatedIsNoOrphan(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here)
	p.send("created", message{"Dockercmd": "create", "Image": image, "Cmd": []string{"sleep", "3600"}})
	p.expect("created", cmds.StatusCreated)
	name := unique()
	p.send("create", message{"Dockercmd": "create", "Options": message{"Name": name}, "Image": image, "Cmd": []string{"sleep", "3600"}})
	p.send("start", message{"Dockercmd": "start", "Container": name})
	p.expect("start", cmds.StatusStarted)
	p.send("orphan", runOf(attached(""), "sh", "-c", "echo begun; sleep 3600"))
	p.await("its begin", func() bool { return p.output("orphan", "stdout") == "begun\n" })
	p.kill()
	onChannel(t, here, func(ch *amqp.Channel) error {
		_, err := ch.QueuePurge(p.queue, false)
		return err
	})
	p.await("the queue to be empty", func() bool { return queued(t, here, p.queue) == 0 })
	if listed := p.orphans(); !strings.Contains(listed, `"orphan"`) || strings.Contains(listed, `"create`) {
		t.Errorf("the orphans are\n%s", listed)
	}
	next := p.again("-orphans", "remove")
	next.within(time.Minute).await("the orphan to go", func() bool { return next.states()["orphan"] == "" })
	if got, want := next.states(), map[string]string{"created": "created", "create": "running"}; !maps.Equal(got, want) {
		t.Errorf("the containers are %v, want %v", got, want)
	}
	next.leave(exitOK)
	next.removeContainers()
}

// End to end: every command, while standard output is blocked, and when the program is told to leave

// TestCommandsAreObeyedWhileNobodyReads has a container ended whose output nobody takes.
func TestCommandsAreObeyedWhileNobodyReads(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	yes := "yes " + strings.Repeat("0123456789", 7) // a megabyte of "y" is half a million lines for the test to read
	for _, c := range []struct{ what, before, cmd, message, comes string }{
		{"exec", "running", "sleep 3600", `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "` + yes + `"]}`, "exited|interrupted"},
		{"logs", "running", yes, `{"Dockercmd": "logs", "Options": {"Follow": true}, "Container": "NAME"}`, "logged"},
		{"start attached", "created", yes, `{"Dockercmd": "start", "Options": {"Attach": true}, "Container": "NAME"}`, "exited"},
	} {
		for _, end := range []struct {
			what, message, state string
			status               cmds.Status
		}{
			{"stop", `{"Dockercmd": "stop", "Options": {"Timeout": 1}, "Container": "NAME"}`, "exited", cmds.StatusStopped},
			{"remove", `{"Dockercmd": "rm", "Options": {"Force": true}, "Container": "NAME"}`, "", cmds.StatusRemoved},
		} {
			t.Run(c.what+", "+end.what, func(t *testing.T) {
				t.Parallel()
				p := startUnread(t, here)
				name := unique()
				words := here.words(t, name)
				here.engine.prepare(t, name, c.before, "sh", "-c", c.cmd)
				p.send(c.what, words.Replace(c.message))
				p.awaitFullPipe()
				p.send(end.what, words.Replace(end.message))
				p.within(15*time.Second).await("the container to end", func() bool {
					var c struct{ State struct{ Status string } }
					here.engine.get(t, "/containers/"+name+"/json", &c)
					return c.State.Status == end.state
				})
				p.startReading()
				p.expect(end.what, end.status)
				if r := p.result(c.what); !regexp.MustCompile(`\A(?:` + c.comes + `)\z`).MatchString(string(r.Status)) {
					t.Errorf("%s; want %s", r, c.comes)
				}
				p.leave(exitOK)
				p.checkOnce(2)
				p.checkSettled(0, 0)
			})
		}
	}
}

// TestSignalLeavesCommandsWithTheBroker holds that commands which go on are not waited for.
func TestSignalLeavesCommandsWithTheBroker(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	p := start(t, here, "-drain", "500ms")
	name := unique()
	words := here.words(t, name)
	here.engine.prepare(t, name, "running")
	p.send("exec", words.Replace(`{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["sh", "-c", "echo begun; sleep 3600"]}`))
	p.send("follow", words.Replace(`{"Dockercmd": "logs", "Options": {"Follow": true}, "Container": "NAME"}`))
	p.send("wait", words.Replace(`{"Dockercmd": "wait", "Container": "NAME"}`))
	p.await("its begin", func() bool { return p.output("exec", "stdout") == "begun\n" })
	p.signal(syscall.SIGTERM)
	p.within(10 * time.Second).awaitEnd(exitOK)
	p.checkOnce(0)
	p.checkSettled(3, 0)
}

// End to end: pull

// TestPrivateRegistryPull has images pulled, also when the Engine is cut off meanwhile, and all of a repository's.
func TestPrivateRegistryPull(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	const user, secret = "puller", "a-password"
	r := newRegistry(t, here.engine, user, secret)
	r.begin(0)
	dir := t.TempDir()
	writeFile(t, dir+"/config.json", body(t, message{"auths": message{r.address: message{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))}}}))
	engine, there := newEngineProxy(t, here)
	p := start(t, there, "-docker-config", dir)
	words := strings.NewReplacer("IMAGE", r.image, "NAME", unique())
	for _, k := range []risk{
		{deed: deed{what: "it is not there", message: `{"Dockercmd": "inspect", "Image": "IMAGE"}`, comes: "failed: (?i:no such image).*"}},
		{deed: deed{what: "pull", message: `{"Dockercmd": "pull", "Image": "IMAGE"}`, comes: "pulled"}},
		{deed: deed{what: "it runs", message: `{"Dockercmd": "run", "Options": {"Name": "NAME", "Pull": "never", "Attach": "STDOUT"}, "Image": "IMAGE"}`, comes: "from a private registry\nexited 0"}},
		{deed: deed{what: "rmi of what is used", message: `{"Dockercmd": "rmi", "Image": "IMAGE"}`, comes: "failed: conflict: .*"}},
		{deed: deed{what: "remove", message: `{"Dockercmd": "rm", "Container": "NAME"}`, comes: "removed"}},
		{deed: deed{what: "rmi", message: `{"Dockercmd": "rmi", "Image": "IMAGE"}`, path: "0.Untagged", comes: "removed IMAGE:latest"}},
		{operation: "ImageCreate", deed: deed{what: "pull again", message: `{"Dockercmd": "pull", "Image": "IMAGE:latest"}`, comes: "pulled"}},
		{deed: deed{what: "all tags", message: `{"Dockercmd": "pull", "Options": {"AllTags": true}, "Image": "IMAGE"}`, comes: "pulled"}},
		{deed: deed{what: "another tag", message: `{"Dockercmd": "inspect", "Image": "IMAGE:other"}`, path: "RepoTags.1", comes: "inspected IMAGE:.*"}},
		{deed: deed{what: "no such image", message: `{"Dockercmd": "pull", "Image": "IMAGE/none"}`, comes: "failed: .*"}},
		{deed: deed{what: "rmi of one tag", message: `{"Dockercmd": "rmi", "Image": "IMAGE"}`, comes: "removed"}},
		{deed: deed{what: "rmi of the other", message: `{"Dockercmd": "rmi", "Image": "IMAGE:other"}`, comes: "removed"}},
	} {
		if k.operation != "" {
			engine.on(k.operation, answered, 1, cut)
		}
		p.perform(t, "", []deed{k.deed}, words, 0)
	}
	p.leave(exitOK)
	p.checkSettled(0, 0)
}

// End to end: the policy

// treasure is a file of this machine that no container may see, in a folder of its own.
func treasure(t *testing.T) (folder, text string) {
	t.Helper()
	folder, text = t.TempDir(), unique()
	if err := os.WriteFile(filepath.Join(folder, "treasure"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder, text
}

// roads are options by which a container would get at the folder, and what its command does then. Other roads lead to the rest of the host.
var roads = []struct{ what, options, cmd string }{
	{"a volume", `"Volume": "FOLDER:/f"`, "cat /f/treasure"},
	{"a volume with dots", `"Volume": "/proc/..FOLDER:/f"`, "cat /f/treasure"},
	{"a volume with slashes", `"Volume": "/FOLDER//:/f:ro"`, "cat /f/treasure"},
	{"the whole host", `"Volume": ["/:/f"]`, "cat /fFOLDER/treasure"},
	{"a mount", `"Mount": "type=bind,source=FOLDER,target=/f"`, "cat /f/treasure"},
	{"a mount in capitals", `"Mount": "TYPE=BIND,SRC=FOLDER,DST=/f"`, "cat /f/treasure"},
	{"a volume that is made as a bind", `"Mount": "target=/f,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=FOLDER"`, "cat /f/treasure"},
	{"a named one", `"Mount": "source=VOLUME,target=/f,volume-opt=type=none,\"volume-opt=o=ro,bind\",volume-opt=device=FOLDER"`, "cat /f/treasure"},
	{"a volume that is one already", `"Volume": "BOUND:/f"`, "cat /f/treasure"},
	{"the same as a mount", `"Mount": "source=BOUND,target=/f"`, "cat /f/treasure"},
	{"another container's volumes", `"VolumesFrom": "HOLDER"`, "cat /f/treasure"},
	{"them, by its id", `"VolumesFrom": "HOLDERID:ro"`, "cat /f/treasure"},
	{"another container's processes", `"Pid": "container:HOLDER", "CapAdd": "SYS_PTRACE"`, "cat /proc/1/root/f/treasure"},
	{"the host's processes", `"Pid": "host", "Privileged": true`, "cat /proc/1/rootFOLDER/treasure"},
	{"devices of the host", `"Privileged": true`, "cat /sys/class/block/*/uevent"},
	{"a device", `"Device": "/dev/kmsg"`, "cat /dev/kmsg"},
	{"rules for devices", `"DeviceCgroupRule": "a *:* rwm", "CapAdd": "MKNOD"`, "true"},
	{"all capabilities", `"CapAdd": "ALL"`, "true"},
	{"no seccomp", `"SecurityOpt": "seccomp=unconfined"`, "true"},
	{"no masks", `"SecurityOpt": "systempaths=unconfined"`, "true"},
	{"the host's network", `"Network": "host"`, "true"},
	{"another container's network", `"Network": "container:HOLDER"`, "true"},
	{"the host's memory", `"Ipc": "host"`, "true"},
	{"another container's memory", `"Ipc": "container:HOLDER"`, "true"},
	{"the host's name", `"Uts": "host"`, "true"},
	{"the host's users", `"Userns": "host"`, "true"},
	{"the host's groups", `"Cgroupns": "host"`, "true"},
	{"a parent group", `"CgroupParent": "/"`, "true"},
	{"the Engine's socket", `"Volume": "/var/run/docker.sock:/s"`, "true"},
	{"the kernel's devices, as a tmpfs", `"Tmpfs": "/sys/:remount,rw"`, "true"},
	{"the same behind dots", `"Tmpfs": "/sys/../sys:remount,rw"`, "true"},
	{"a tmpfs that is a bind", `"Tmpfs": "/x:bind"`, "true"},
	{"a port of the host's own", `"Publish": "25:25"`, "true"},
	{"the kernel's settings", `"Sysctl": {"net.ipv4.ip_forward": "1"}`, "true"},
	{"another log", `"LogDriver": "syslog", "LogOpt": {"syslog-address": "udp://127.0.0.1:9"}`, "true"},
	{"another runtime", `"Runtime": "other"`, "true"},
}

// TestNoRoadToTheHost tries all roads under the policy of those who have none, and under one that grants what lies beside.
func TestNoRoadToTheHost(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	folder, text := treasure(t)
	bound, named, holder := unique(), unique(), unique()
	here.engine.post(t, "/volumes/create", message{"Name": bound, "DriverOpts": message{"type": "none", "o": "bind", "device": folder}}, nil)
	for _, volume := range []string{bound, named} {
		t.Cleanup(func() { here.engine.do(t, "DELETE", "/volumes/"+volume, nil, nil) })
	}
	var made struct{ Id string }
	here.engine.post(t, "/containers/create?name="+holder, message{"Image": image, "Cmd": []string{"sleep", "3600"}, "HostConfig": message{"Binds": []string{folder + ":/f"}, "IpcMode": "shareable"}}, &made)
	t.Cleanup(func() { here.engine.delete(t, made.Id) })
	here.engine.post(t, "/containers/"+holder+"/start", nil, nil)
	words := strings.NewReplacer("FOLDER", folder, "BOUND", bound, "HOLDERID", made.Id[:12], "HOLDER", holder, "VOLUME", named)

	beside := t.TempDir()
	if err := os.Symlink(folder, beside+"/link"); err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(t.TempDir(), "policy.json")
	write(t, policy, fmt.Sprintf(`{"Grants": {"Bind": [%q], "NamedVolume": ["other-*"], "Network": ["*"], "Pid": ["*"], "Ipc": ["*"], "CapAdd": ["CHOWN"], "HostPort": ["443"], "VolumesFrom": ["other-*"]}}`, beside))
	trying := append(roads[:len(roads):len(roads)], struct{ what, options, cmd string }{"a link beside", `"Volume": "` + beside + `/link:/f"`, "cat /f/treasure"})
	for _, file := range []string{"", policy} {
		p := start(t, here, "-policy", file)
		for i, road := range trying {
			p.send(fmt.Sprint(i), words.Replace(fmt.Sprintf(`{"Dockercmd": "run", "Image": %q, "Cmd": ["sh", "-c", %q], "Options": {"Attach": ["STDOUT", "STDERR"], "Remove": true, %s}}`, image, road.cmd, road.options)))
		}
		for i, road := range trying {
			r := p.result(fmt.Sprint(i))
			if r.Status != cmds.StatusDenied || !strings.Contains(r.Error, "Grants.") {
				t.Errorf("%s: %s", road.what, r)
			}
		}
		if strings.Contains(p.read(), text) {
			t.Error("the treasure is found")
		}
		p.leave(exitOK)
		p.checkSettled(0, len(trying))
		p.checkNothingLeft()
	}

	p := start(t, here) // where all is granted, the roads are there
	for i, road := range roads[:12] {
		p.send(fmt.Sprint(i), words.Replace(fmt.Sprintf(`{"Dockercmd": "run", "Image": %q, "Cmd": ["sh", "-c", %q], "Options": {"Attach": ["STDOUT", "STDERR"], "Remove": true, %s}}`, image, road.cmd, road.options)))
	}
	for i, road := range roads[:12] {
		if p.result(fmt.Sprint(i)); p.output(fmt.Sprint(i), "stdout") != text {
			t.Errorf("%s does not lead to the treasure: %s", road.what, p.result(fmt.Sprint(i)))
		}
	}
	p.leave(exitOK)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReach holds messages to the containers of their queue, and to names where the policy has them, however a container is named.
func TestReach(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	foreign := unique()
	var made struct{ Id string }
	here.engine.post(t, "/containers/create?name="+foreign, message{"Image": image, "Cmd": []string{"sleep", "3600"}, "Labels": message{"docker-dispatch.queue": "another"}}, &made)
	t.Cleanup(func() { here.engine.delete(t, made.Id) })
	here.engine.post(t, "/containers/"+foreign+"/start", nil, nil)
	p := start(t, here, "-policy", "")
	own := unique()
	p.send("own", runOf(message{"Name": own}, "sleep", "3600"))
	p.expect("own", cmds.StatusStarted)

	verbs := []string{
		`{"Dockercmd": "inspect", "Container": "NAME"}`, `{"Dockercmd": "logs", "Container": "NAME"}`, `{"Dockercmd": "exec", "Container": "NAME", "Cmd": ["true"]}`,
		`{"Dockercmd": "cp", "Container": "NAME", "Path": "/etc/hostname"}`, `{"Dockercmd": "update", "Container": "NAME", "Options": {"CpuShares": 512}}`,
		`{"Dockercmd": "pause", "Container": "NAME"}`, `{"Dockercmd": "unpause", "Container": "NAME"}`, `{"Dockercmd": "restart", "Container": "NAME", "Options": {"Time": 0}}`,
		`{"Dockercmd": "kill", "Container": "NAME"}`, `{"Dockercmd": "wait", "Container": "NAME"}`, `{"Dockercmd": "start", "Container": "NAME"}`,
	}
	for i, verb := range verbs {
		for j, name := range []string{foreign, made.Id, made.Id[:12], made.Id[:6]} {
			id := fmt.Sprintf("%d.%d", i, j)
			p.send(id, strings.Replace(verb, "NAME", name, 1))
			if r := p.result(id); r.Status != cmds.StatusDenied || !strings.Contains(r.Error, "it was not made for a message of this queue") {
				t.Errorf("%s of %s: %s", verb, name, r)
			}
		}
		id := fmt.Sprint(i)
		p.send(id, strings.Replace(verb, "NAME", own, 1))
		if r := p.result(id); r.Error != "" {
			t.Errorf("%s of its own: %s", verb, r)
		}
	}
	if !here.engine.running(t, made.Id) {
		t.Error("the foreign container does not run any more")
	}
	p.send("rename", fmt.Sprintf(`{"Dockercmd": "rename", "Container": %q, "NewName": %q}`, foreign, unique()))
	p.expect("rename", cmds.StatusDenied)
	p.send("ps", `{"Dockercmd": "ps", "Options": {"All": true}}`)
	if list := string(p.expect("ps", cmds.StatusListed).Data); strings.Contains(list, made.Id) || !strings.Contains(list, own) {
		t.Errorf("ps does not list what is the queue's: %s", list)
	}
	for i, verb := range []string{
		`{"Dockercmd": "inspect", "Image": "IMAGE"}`, `{"Dockercmd": "inspect", "Network": "bridge"}`, `{"Dockercmd": "rmi", "Image": "IMAGE"}`,
		`{"Dockercmd": "volume create", "Volume": "v-1"}`, `{"Dockercmd": "network create", "Network": "n-1"}`, `{"Dockercmd": "network connect", "Network": "bridge", "Container": "NAME"}`,
		`{"Dockercmd": "cp", "Container": "NAME", "Path": "/", "TarBase64": ""}`,
	} {
		id := fmt.Sprintf("shut %d", i)
		p.send(id, strings.NewReplacer("NAME", own, "IMAGE", image).Replace(verb))
		p.expect(id, cmds.StatusDenied)
	}
	p.send("stop", fmt.Sprintf(`{"Dockercmd": "stop", "Container": %q, "Options": {"Time": 0}}`, foreign))
	p.expect("stop", cmds.StatusStopped)
	p.leave(exitOK)
	p.removeContainers()
}

// TestPolicyIsReadAnew changes the policy under a dispatcher.
func TestPolicyIsReadAnew(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	policy := filepath.Join(t.TempDir(), "policy.json")
	write(t, policy, `{"Grants": {"CapAdd": ["CHOWN"]}}`)
	p := start(t, here, "-policy", policy)
	times := 0
	try := func(id string, want cmds.Status) {
		t.Helper()
		p.send(id, runOf(message{"Attach": "STDOUT", "Remove": true, "CapAdd": "SYS_TIME"}, "true"))
		p.expect(id, want)
	}
	hangUp := func(text, line string) {
		t.Helper()
		times++
		write(t, policy, text)
		p.signal(syscall.SIGHUP)
		p.await(line, func() bool { return strings.Contains(p.stderr.String(), line) })
	}
	try("denied", cmds.StatusDenied)
	hangUp(`{"Grants": {"CapAdd": ["SYS_TIME"]}}`, "the policy was read anew")
	try("granted", cmds.StatusExited)
	hangUp(`{"Grants": {"CapAd": []}}`, "Grants.CapAd: unknown key; did you mean CapAdd?")
	try("still granted", cmds.StatusExited)
	p.leave(exitOK)

	code, _, stderr := finish(t, nil, "-policy", policy, here.engine.address, "-")
	if code != exitUsage || !strings.Contains(stderr, "Grants.CapAd: unknown key") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestPolicyLimits has containers bounded that do not say how.
func TestPolicyLimits(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	policy := filepath.Join(t.TempDir(), "policy.json")
	write(t, policy, `{"Harden": true, "Limits": {"Memory": {"Default": "32m"}, "Timeout": {"Max": 1}, "Output": {"Max": "20"}}}`)
	p := start(t, here, "-policy", policy)
	name := unique()
	p.send("hard", runOf(message{"Name": name, "Attach": []string{"STDOUT", "STDERR"}}, "sh", "-c", "grep -E 'NoNewPrivs|CapEff' /proc/self/status; chown 1 /tmp"))
	if r := p.result("hard"); r.Status != cmds.StatusExited || *r.ExitCode != 1 || r.OutputLost != "the policy's limit is 20 bytes (Limits.Output.Max)" {
		t.Error(r)
	}
	if got := p.output("hard", "stdout"); got != "" { // the first line is longer
		t.Errorf("output %q", got)
	}
	c, _ := p.container(name)
	if got := here.engine.tell(t, c.ID, "HostConfig.Memory") + here.engine.tell(t, c.ID, "HostConfig.CapDrop") + here.engine.tell(t, c.ID, "HostConfig.SecurityOpt"); got != `33554432["ALL"]["no-new-privileges"]` {
		t.Error(got)
	}
	p.send("long", runOf(message{"Attach": "STDOUT", "Remove": true}, "sleep", "3600"))
	p.expect("long", cmds.StatusTimeout)
	p.leave(exitOK)
	p.removeContainers()
}

// callsIn are those in a text, without the question for the version and what only a slow exit asks for.
func callsIn(text string, calls *regexp.Regexp) (all string) {
	for _, match := range calls.FindAllStringSubmatch(text, -1) {
		slow := match[1] == "ContainerLogs" || match[1] == "ContainerInspect" && strings.HasSuffix(all, "ContainerWait ")
		if match[1] != "SystemPing" && !slow {
			all += match[1] + " "
		}
	}
	return all
}

// TestCheck holds what the command check says to what is done.
func TestCheck(t *testing.T) {
	code, stdout, stderr := finish(t, strings.NewReader(`{"Dockercmd":"stop","Container":"web"}{"Dockercmd":"kill","Container":"web"}{"Dockercmd":"kil"}{"Dockercmd":"pull","Image":"debian","Options":{"Platform":"linux/arm64"}}`), "check", "-policy", "examples/policy/ci.json")
	want := `-: allowed
  ContainerInspect GET /containers/web/json
  ContainerStop POST /containers/ID/stop
- (2): allowed
  ContainerInspect GET /containers/web/json
  ContainerKill POST /containers/ID/kill
- (3): invalid: Dockercmd: "kil": unknown command; did you mean kill? (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)
- (4): denied: Image: "debian": the policy grants no image debian (Images)
`
	want = strings.Replace(want, `- (4): denied: Image: "debian": the policy grants no image debian (Images)`, "- (4): allowed\n  ImageCreate POST /images/create?fromImage=debian&tag=latest&platform=linux%2Farm64", 1)
	if code != exitFailed || stderr != "" {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	equal(t, stdout, want)
	for _, args := range [][]string{{"check", "-policy", "/nowhere"}, {"check", "/nowhere"}, {"check", "-x"}} {
		if code, _, stderr := finish(t, nil, args...); code != exitUsage || stderr == "" {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
	if code, _, _ := finish(t, nil, "check", "examples/hello.json", "examples/stop.json"); code != exitOK {
		t.Errorf("exit code %d", code)
	}

	here := e2e(t)
	calls := regexp.MustCompile(`(?m)(?:^  |call=)([A-Z][A-Za-z]+)\b`)
	for _, text := range []string{
		readFile(t, "examples/hello.json"), body(t, runOf(message{"Remove": true}, "true")), `{"Dockercmd":"ps"}`,
	} {
		_, planned, _ := finish(t, strings.NewReader(text), "check")
		_, _, log := finish(t, strings.NewReader(text), "-v", here.engine.address, "-")
		if want, got := callsIn(planned, calls), callsIn(log, calls); got != want {
			t.Errorf("%s: planned %s, done %s", text, want, got)
		}
	}
}

// auditLine is a line of an audit.
type auditLine struct {
	Event, MessageId, Queue, User, Dockercmd, Operation, Method, Path, Sha256, Error, Rule string

	Time    time.Time
	Call    int64
	Status  int
	Bytes   *int64
	Ms      *float64
	Allowed *bool
}

// audit is what is in files, one after the other.
func audit(t *testing.T, paths ...string) (lines []auditLine) {
	t.Helper()
	for _, path := range paths {
		decoder := json.NewDecoder(strings.NewReader(readFile(t, path)))
		decoder.DisallowUnknownFields()
		for {
			var line auditLine
			err := decoder.Decode(&line)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

var loggedCall = regexp.MustCompile(`msg=engine call=(\S+) target=("(?:[^"\\]|\\.)*"|\S+) status=(\d+) `)

// loggedCalls are those in a log: operation, target and status of each, sorted.
func loggedCalls(log string) (calls []string) {
	for _, call := range loggedCall.FindAllStringSubmatch(log, -1) {
		target := call[2]
		if text, err := strconv.Unquote(target); err == nil {
			target = text
		}
		calls = append(calls, call[1]+" "+target+" "+call[3])
	}
	slices.Sort(calls)
	return calls
}

// auditedCalls are those that were answered, in the same words. Each has to have two lines that tell the same, in their order.
func auditedCalls(t *testing.T, lines []auditLine) (calls []string) {
	t.Helper()
	open := map[int64]auditLine{}
	for _, line := range lines {
		begun, known := open[line.Call]
		switch {
		case line.Event == "decision":
		case line.Event == "call" && !known && line.Status == 0 && line.Ms == nil:
			open[line.Call] = line
		case line.Event == "answer" && known && line.Operation == begun.Operation && line.Method == begun.Method && line.Path == begun.Path &&
			line.Sha256 == begun.Sha256 && line.MessageId == begun.MessageId && line.Bytes != nil && line.Ms != nil && !line.Time.Before(begun.Time):
			delete(open, line.Call)
			calls = append(calls, fmt.Sprintf("%s %s %d", line.Operation, line.Path, line.Status))
		default:
			t.Errorf("out of order, or told in another way: %+v", line)
		}
	}
	for _, line := range open {
		t.Errorf("without an answer: %+v", line)
	}
	slices.Sort(calls)
	return calls
}

// Each call in the log is in the audit, and the other way round, with the message that it is for; no secret is.
func TestAuditIsComplete(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	path := t.TempDir() + "/audit"
	p := start(t, here, "-v", "-audit", path)
	const secret = "hunter2"
	one := with(runOf(message{"Name": p.queue, "Attach": []string{"STDIN", "STDOUT"}, "Remove": true, "Env": "PASSWORD=" + secret}, "sh", "-c", "cat; sleep 0.2"), "Stdin", secret)
	publish(t, here, p.queue, amqp.Publishing{MessageId: "one", UserId: "guest", Body: []byte(body(t, one))})
	p.send("stop", stopOf("nobody-"+p.queue, 0))
	p.send("mistake", "{}")
	p.result("one")
	p.result("stop")
	p.await("the container to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	text := readFile(t, path)
	lines := audit(t, path)
	logged, audited := loggedCalls(p.stderr.String()), auditedCalls(t, lines)
	if !slices.Equal(logged, audited) || len(logged) < 8 {
		t.Errorf("in the log\n%s\nin the audit\n%s", strings.Join(logged, "\n"), strings.Join(audited, "\n"))
	}
	if strings.Contains(text, secret) {
		t.Errorf("a secret is in the audit:\n%s", text)
	}
	seen := map[string]bool{}
	for _, line := range lines {
		seen[line.Event+" "+line.MessageId+" "+line.Queue+" "+line.User+" "+line.Dockercmd+" "+line.Operation] = true
		if strings.HasSuffix(line.Operation, "Create") && len(line.Sha256) != 64 {
			t.Errorf("without the hash of its body: %+v", line)
		}
	}
	for _, want := range []string{
		"decision one Q guest run ", "call one Q guest run ContainerCreate", "call one Q guest run ContainerAttach", "answer one Q guest run ContainerDelete",
		"decision stop Q  stop ", "answer stop Q  stop ContainerStop", "answer     SystemPing",
	} {
		if !seen[strings.Replace(want, "Q", p.queue, 1)] {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
}

// While the file is moved away again and again under load, no line is lost, torn or twice.
func TestAuditRotates(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	const runs = 40
	dir := t.TempDir()
	path := dir + "/audit"
	p := start(t, here, "-v", "-c", "8", "-audit", path)
	for i := range runs {
		p.send(fmt.Sprint("run ", i), runOf(attached(""), "true"))
	}
	var paths []string
	for len(paths) < 10 {
		p.await("lines in the file", func() bool { info, err := os.Stat(path); return err == nil && info.Size() > 0 })
		moved := fmt.Sprint(path, ".", len(paths))
		if err := os.Rename(path, moved); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, moved)
		p.signal(syscall.SIGHUP)
	}
	for i := range runs {
		p.result(fmt.Sprint("run ", i))
	}
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	logged, audited := loggedCalls(p.stderr.String()), auditedCalls(t, audit(t, append(paths, path)...))
	if !slices.Equal(logged, audited) {
		t.Errorf("%d calls in the log, %d in the audit", len(logged), len(audited))
	}
}

// A full disk stops all calls; with room again, and SIGHUP, everything is done.
func TestAuditOnAFullDisk(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	dir := t.TempDir()
	path, room := dir+"/audit", dir+"/room"
	point := func(target string) {
		os.Remove(path)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	point(room)
	p := start(t, here, "-v", "-audit", path)
	point("/dev/full")
	p.signal(syscall.SIGHUP)
	p.await("the full disk to be opened", func() bool { return isOpen(t, p, "/dev/full") })
	before := len(loggedCalls(p.stderr.String()))
	p.send("one", runOf(attached(""), "echo", "hello"))
	p.await("the program to say it", func() bool { return strings.Contains(p.stderr.String(), "and nothing is done; waiting") })
	if after := len(loggedCalls(p.stderr.String())); after != before {
		t.Errorf("%d calls were made", after-before)
	}
	point(room)
	p.signal(syscall.SIGHUP)
	if r := p.result("one"); r.Status != "exited" {
		t.Errorf("got %v", r)
	}
	p.await("the container to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
	if logged, audited := loggedCalls(p.stderr.String()), auditedCalls(t, audit(t, room)); !slices.Equal(logged, audited) {
		t.Errorf("in the log\n%s\nin the audit\n%s", strings.Join(logged, "\n"), strings.Join(audited, "\n"))
	}
}

// isOpen says whether the program has a file open.
func isOpen(t *testing.T, p *process, path string) bool {
	t.Helper()
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
	return slices.ContainsFunc(links, func(link string) bool {
		target, err := os.Readlink(link)
		return err == nil && target == path
	})
}

// A pipe that nobody reads stops all calls too, and the program can still be told to leave.
func TestAuditIntoAPipe(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	path := t.TempDir() + "/pipe"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	p := start(t, here, "-v", "-audit", path)
	filling := make(chan struct{})
	go func() {
		defer close(filling)
		reader.SetWriteDeadline(time.Now().Add(time.Second))
		for {
			if _, err := reader.Write([]byte("\n")); err != nil {
				return
			}
		}
	}()
	<-filling
	before := len(loggedCalls(p.stderr.String()))
	p.send("one", runOf(attached(""), "true"))
	p.await("the program to say it", func() bool { return strings.Contains(p.stderr.String(), "and nothing is done; waiting") })
	if after := len(loggedCalls(p.stderr.String())); after != before {
		t.Errorf("%d calls were made", after-before)
	}
	p.leave(exitOK)
}

// On standard output the audit's lines stand between the others, whole.
func TestAuditOnStandardOutput(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	messages := strings.Repeat(body(t, runOf(attached(""), "sh", "-c", "seq 1000")), 5)
	code, stdout, stderr := finish(t, strings.NewReader(messages), "-o", "json", "-audit", "-", "-name", unique(), here.engine.address, "-")
	if code != exitOK {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	count := map[string]int{}
	for line := range strings.Lines(stdout) {
		var e struct{ Event string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		count[e.Event]++
	}
	if count["output"] != 5000 || count["result"] != 5 || count["call"] != count["answer"] || count["call"] < 5*5 || count["decision"] != 5 {
		t.Errorf("got %v", count)
	}
}

func TestAuditCannotBegin(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	code, _, stderr := finish(t, strings.NewReader("{}"), "-audit", "/nowhere/audit", here.engine.address, "-")
	if code != exitFailed || !strings.Contains(stderr, `msg="calls cannot be audited" error="cmds: opening the audit: open /nowhere/audit: no such file or directory"`) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// The calls that a policy reaches are fewer, and the same in all formats.
func TestCallsUnderAPolicy(t *testing.T) {
	t.Parallel()
	policy := t.TempDir() + "/policy.json"
	writeFile(t, policy, `{"Verbs": {"exec": false, "cp": false, "cp into": false}}`)
	all, some := output(t, program(t), "calls"), output(t, program(t), "calls", "-policy", policy)
	if !bytes.Contains(all, []byte("\nImageDelete ")) || bytes.Contains(some, []byte("\nImageDelete ")) || bytes.Contains(some, []byte("\nExec")) || !bytes.Contains(some, []byte("\nContainerKill ")) {
		t.Errorf("got\n%s", some)
	}
	objects := output(t, program(t), "calls", "-policy", policy, "-o", "json")
	if bytes.Count(objects, []byte("\n"))+1 != bytes.Count(some, []byte("\n")) {
		t.Errorf("got\n%s\nand\n%s", some, objects)
	}
	rules := string(output(t, program(t), "calls", "-policy", policy, "-allow", "tecnativa"))
	if strings.Contains(rules, "EXEC=1") || strings.Contains(rules, "NETWORKS=1") || !strings.Contains(rules, "\nCONTAINERS=1\n") {
		t.Errorf("got\n%s", rules)
	}
}

func TestCallsMistakes(t *testing.T) {
	for _, tt := range []struct{ args, says string }{
		{"-allow socat", `docker-dispatch: calls: -allow "socat": cetusguard, wollomatic or tecnativa`},
		{"-allow json", `docker-dispatch: calls: -allow "json": cetusguard, wollomatic or tecnativa`},
		{"-o yaml", `docker-dispatch: calls: -o "yaml": text or json`},
		{"-x", "docker-dispatch: calls: flag provided but not defined: -x (docker-dispatch calls -h lists the options)"},
		{"all", `docker-dispatch: calls: "all": no arguments but options`},
		{"-policy /nowhere", "docker-dispatch: calls: cmds: policy: open /nowhere: no such file or directory"},
	} {
		code, _, stderr := finish(t, nil, append([]string{"calls"}, strings.Fields(tt.args)...)...)
		if code != exitUsage || stderr != tt.says+"\n" {
			t.Errorf("calls %s: exit code %d, %s", tt.args, code, stderr)
		}
	}
}

// secureEngine is a dockerd that speaks TLS on a TCP port and wants client certificates. It listens in a network of its own, which a
// port of this machine's loopback leads to.
type secureEngine struct {
	*privateEngine
	*wiretest.Authority
	port string
}

// enginePort is that of dockerd, in its own network.
const enginePort = "2376"

func newSecureEngine(t *testing.T) *secureEngine {
	t.Helper()
	e := &secureEngine{privateEngine: newEngine(t)}
	e.Authority = wiretest.NewAuthority(t, e.dir)
	e.Issue("server", nil)
	writeFile(t, e.dir+"/daemon.json", body(t, message{
		"tlsverify": true, "tlscacert": e.File, "tlscert": e.dir + "/server.pem", "tlskey": e.dir + "/server-key.pem",
	}))
	e.hosts = []string{"tcp://127.0.0.1:" + enginePort}
	e.start()
	entry := &relay{t: t, listen: func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }, dial: e.dialInside}
	entry.carry = func(l *link) {
		entry.bothWays(l,
			func(to io.Writer) error { _, err := io.Copy(to, l.program); return err },
			func(to io.Writer) error { _, err := io.Copy(to, l.daemon); return err })
	}
	entry.begin()
	e.port = fmt.Sprint(entry.listener.Addr().(*net.TCPAddr).Port)
	return e
}

// setns is the number of that system call, which package syscall has not.
var setns = map[string]uintptr{"amd64": 308, "arm64": 268}

// dialInside connects to dockerd's port. A socket belongs to the network of the thread that makes it; the thread ends with its
// goroutine.
func (e *secureEngine) dialInside() (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var network *os.File
		if network, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", e.holder)); err != nil {
			return
		}
		defer network.Close()
		if _, _, errno := syscall.RawSyscall(setns[runtime.GOARCH], network.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			err = errno
			return
		}
		conn, err = net.Dial("tcp", "127.0.0.1:"+enginePort)
	}()
	<-done
	return conn, err
}

// options are the program's, with an identity's files.
func (e *secureEngine) options(id wiretest.Identity) []string {
	return []string{"-tlsverify", "-tlscacert", e.File, "-tlscert", id.Cert, "-tlskey", id.Key}
}

func TestEngineTLS(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	e := newSecureEngine(t)
	e.load(here.engine)
	client, expired := e.Issue("client", nil), e.Issue("expired", wiretest.Expired)
	stranger := wiretest.NewAuthority(t, t.TempDir())
	other := stranger.Issue("other", nil)
	address := "tcp://localhost:" + e.port
	run := body(t, runOf(attached("over-tls"), "echo", "over TLS"))
	const refusedText = "the peer may not accept the client certificate in "

	for _, c := range []struct {
		what    string
		address string // "" is the good one
		options []string
		says    string // "" is that the run goes well
	}{
		{"all as it should be", "", e.options(client), ""},
		{"wrong authority", "", []string{"-tlsverify", "-tlscacert", stranger.File, "-tlscert", client.Cert, "-tlskey", client.Key}, "no authority in " + stranger.File + " has signed the peer's certificate"},
		{"no client certificate", "", []string{"-tlsverify", "-tlscacert", e.File}, "the peer may want a client certificate, and there is none"},
		{"a stranger's client certificate", "", e.options(other), refusedText + other.Cert},
		{"an expired client certificate", "", e.options(expired), refusedText + expired.Cert},
		{"wrong host name", "tcp://127.0.0.1:" + e.port, e.options(client), "use one of their names in the address"},
		{"unverified, by its own option", "tcp://127.0.0.1:" + e.port, []string{"-tls", "-tlscert", client.Cert, "-tlskey", client.Key}, ""},
	} {
		code, stdout, stderr := finish(t, strings.NewReader(run), append(c.options, cmp.Or(c.address, address), "-")...)
		if c.says == "" && (code != exitOK || stdout != "over-tls             | over TLS\nover-tls             = exited 0 in #s\n") {
			t.Errorf("%s: exit code %d, stdout %q, stderr\n%s", c.what, code, stdout, stderr)
		}
		if c.says != "" && (code != exitFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says)) {
			t.Errorf("%s: exit code %d, stdout %q, stderr\n%swant one line with %q", c.what, code, stdout, stderr, c.says)
		}
		if unverified := strings.Contains(stderr, "the Engine's certificate is not verified"); unverified != (c.options[0] == "-tls") {
			t.Errorf("%s: said to be unverified: %t\n%s", c.what, unverified, stderr)
		}
	}
	t.Run("environment", func(t *testing.T) { e.checkEnvironment(t, run, address, client) })
	t.Run("streams", func(t *testing.T) { e.checkStreams(t, here, address, client) })
}

// checkEnvironment runs with what docker's CLI takes from the environment.
func (e *secureEngine) checkEnvironment(t *testing.T, run, address string, client wiretest.Identity) {
	certs := t.TempDir()
	for from, to := range map[string]string{e.File: "/ca.pem", client.Cert: "/cert.pem", client.Key: "/key.pem"} {
		writeOpen(t, certs+to, readFile(t, from))
	}
	cmd := exec.Command(program(t), address, "-")
	cmd.Env = append(os.Environ(), "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH="+certs, "DOCKER_HOST=")
	cmd.Stdin = strings.NewReader(run)
	out, err := cmd.CombinedOutput()
	if want := `msg="a file with secrets is open to users other than its owner" file=` + certs + "/key.pem mode=0644"; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("by the environment: %v\n%swant %s", err, out, want)
	}
}

// checkStreams has streams in both directions, and a server's certificate that expires while the program is at work and is
// renewed.
func (e *secureEngine) checkStreams(t *testing.T, here site, address string, client wiretest.Identity) {
	here.engine, here.socket = e.engine, address
	p := start(t, here, e.options(client)...)
	input := strings.Repeat("standard input\n", 100_000)
	p.send("stdin", message{"Dockercmd": "run", "Image": image, "Cmd": []string{"cat"}, "Stdin": input,
		"Options": message{"Attach": []string{"STDIN", "STDOUT"}, "Interactive": true, "Remove": true}})
	p.expectExit("stdin", 0)
	equal(t, p.output("stdin", "stdout"), input)

	e.stop(syscall.SIGTERM)
	e.Issue("server", wiretest.Expired)
	e.start()
	p.send("late", runOf(attached(""), "echo", "renewed"))
	p.await("the expired certificate to be said", func() bool {
		return strings.Contains(p.stderr.String(), "certificate has expired or is not yet valid")
	})
	code, _, stderr := finish(t, nil, append(e.options(client), address, "-")...)
	if code != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "the peer's certificate is to be renewed or replaced") {
		t.Errorf("a start with an expired certificate of the Engine: exit code %d, stderr\n%s", code, stderr)
	}
	e.stop(syscall.SIGTERM)
	e.Issue("server", nil)
	e.start()
	p.within(2*patience).expectExit("late", 0)
	p.leave(exitOK)
}

func TestBrokerTLS(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	broker := newBroker(t)
	authority := wiretest.NewAuthority(t, broker.dir)
	authority.Issue("server", nil)
	client, expired, nobody := authority.Issue("dispatcher", nil), authority.Issue("expired", wiretest.Expired), authority.Issue("nobody", nil)
	stranger := wiretest.NewAuthority(t, t.TempDir())
	port := freePorts(t, 1)[0]
	config := readFile(t, broker.dir+"/rabbitmq.conf") + fmt.Sprintf("listeners.ssl.1 = 127.0.0.1:%d\n", port) +
		"ssl_options.cacertfile = " + authority.File + "\nssl_options.certfile = " + broker.dir + "/server.pem\nssl_options.keyfile = " + broker.dir + "/server-key.pem\n" +
		"ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n" +
		"auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name\n"
	writeFile(t, broker.dir+"/rabbitmq.conf", config)
	writeFile(t, broker.dir+"/plugins", "[rabbitmq_auth_mechanism_ssl].")
	broker.start()
	broker.ctl("add_user", "dispatcher", "a-password-that-nobody-uses")
	broker.ctl("clear_password", "dispatcher")
	broker.ctl("set_permissions", "dispatcher", ".*", ".*", ".*")
	here.broker = broker.uri()
	password := broker.dir + "/password"
	writeFile(t, password, "guest\n")

	const external = "&auth_mechanism=external"
	of := func(ca string, id wiretest.Identity) string {
		return "cacertfile=" + ca + "&certfile=" + id.Cert + "&keyfile=" + id.Key
	}
	at := func(host, query string) string { return fmt.Sprintf("amqps://%s:%d/?%s", host, port, query) }
	for _, c := range []struct{ what, uri, option, says string }{
		{"EXTERNAL", at("localhost", of(authority.File, client)+external), "", ""},
		{"a password from a file", at("guest@localhost", of(authority.File, client)), "-amqp-password-file=" + password, ""},
		{"another name", at("127.0.0.1", of(authority.File, client)+external+"&server_name_indication=localhost"), "", ""},
		{"unverified", at("127.0.0.1", of(stranger.File, client)+external+"&verify=verify_none"), "", ""},

		{"wrong authority", at("localhost", of(stranger.File, client)+external), "", "no authority in " + stranger.File + " has signed the peer's certificate"},
		{"wrong host name", at("127.0.0.1", of(authority.File, client)+external), "", "use one of their names in the address"},
		{"no client certificate", at("localhost", "cacertfile="+authority.File), "", "the peer may want a client certificate, and there is none"},
		{"an expired client certificate", at("localhost", of(authority.File, expired)+external), "", "the peer may not accept the client certificate in " + expired.Cert},
		{"a certificate of no user", at("localhost", of(authority.File, nobody)+external), "", "check that the broker has a user of the certificate's name"},
		{"EXTERNAL without TLS", fmt.Sprintf("amqp://127.0.0.1:%d/?auth_mechanism=external", broker.port), "", "auth_mechanism=external is a login by a client certificate: add certfile and keyfile"},
		{"no TLS there", fmt.Sprintf("amqps://127.0.0.1:%d/", broker.port), "", "if this is the port for plain AMQP, write amqp://"},
		{"TLS there", fmt.Sprintf("amqp://127.0.0.1:%d/", port), "", "if this is a port for TLS, write amqps://"},
		{"two passwords", at("guest:guest@localhost", of(authority.File, client)), "-amqp-password-file=" + password, "leave one of the two out"},
		{"a password file that is not there", at("guest@localhost", of(authority.File, client)), "-amqp-password-file=" + password + "2", "no such file or directory"},
	} {
		here.login = c.uri
		options := strings.Fields(c.option)
		if c.says != "" {
			code, stdout, stderr := finish(t, nil, append(options, "-q", unique(), here.engine.address, here.login)...)
			lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
			last := lines[len(lines)-1]
			if code == exitOK || stdout != "" || len(lines) > 1 && !strings.Contains(lines[0], "connection reset by peer") || len(lines) > 2 || !strings.Contains(last, c.says) {
				t.Errorf("%s: exit code %d, stdout %q, stderr\n%swant one line with %q, after one of a reset at most, which can outrun the alert before it", c.what, code, stdout, stderr, c.says)
			}
			continue
		}
		p := start(t, here, options...)
		p.send(c.what, runOf(attached(""), "echo", "over TLS"))
		p.expectExit(c.what, 0)
		equal(t, p.output(c.what, "stdout"), "over TLS\n")
		p.leave(exitOK)
		if said := strings.Contains(p.stderr.String(), "the broker's certificate is not verified"); said != (c.what == "unverified") {
			t.Errorf("%s: said to be unverified: %t\n%s", c.what, said, p.stderr.String())
		}
	}
}

func TestTLSMistakes(t *testing.T) {
	dir := t.TempDir()
	authority := wiretest.NewAuthority(t, dir)
	client := authority.Issue("client", nil)
	for _, c := range []struct{ args, says string }{
		{"-tlscacert " + authority.File + " localhost:2376 -", "-tlscacert without -tlsverify: there is no TLS then"},
		{"-tlskey " + client.Key + " localhost:2376 -", "-tlskey without -tlsverify: there is no TLS then"},
		{"-tlsverify -tlscacert " + authority.File + " /var/run/docker.sock -", "TLS is for tcp://host[:port]; a socket has none"},
		{"-tls unix:///var/run/docker.sock -", "TLS is for tcp://host[:port]; a socket has none"},
		{"-tlsverify -tlscacert " + dir + "/none tcp://localhost -", dir + "/none: no such file or directory"},
		{"-tlsverify -tlscacert " + client.Key + " tcp://localhost -", client.Key + " has none in PEM"},
		{"-tlsverify -tlscacert " + authority.File + " -tlscert " + client.Cert + " -tlskey " + authority.File + " tcp://localhost -", "client.pem and " + authority.File},
		{"-amqp-password-file " + dir + "/none localhost:2375 amqp://bob@localhost/", dir + "/none: no such file or directory"},
		{"-amqp-password-file " + authority.File + " localhost:2375 amqp://bob@localhost/", "it has more than one line"},
	} {
		code, stdout, stderr := finish(t, nil, strings.Fields(c.args)...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
			t.Errorf("docker-dispatch %s: exit code %d, stdout %q, stderr %q; want %d and one line with %q", c.args, code, stdout, stderr, exitUsage, c.says)
		}
	}
}

// TestPlainTCPIsWarnedAbout has addresses of this machine at which nobody listens.
func TestPlainTCPIsWarnedAbout(t *testing.T) {
	for address, want := range map[string]int{"tcp://127.0.0.1:1": 0, "tcp://localhost:1": 0, "tcp://" + ownAddress(t) + ":1": 1} {
		here := e2e(t)
		here.socket = address
		p := spawnProgram(t, here, unique())
		p.startReading()
		p.await("the Engine to be away", func() bool { return strings.Contains(p.stderr.String(), "the Docker Engine is away") })
		p.kill()
		if got := strings.Count(p.stderr.String(), "no TLS with the Engine"); got != want {
			t.Errorf("%s: warned about %d times, want %d:\n%s", address, got, want, p.stderr.String())
		}
	}
}

// ownAddress is one of this machine's that is not the loopback's.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range all {
		if ip := address.(*net.IPNet).IP.To4(); ip != nil && !ip.IsLoopback() {
			return ip.String()
		}
	}
	t.Fatal("this machine has no address beside the loopback's; Docker's bridge has one")
	return ""
}

// planted are secrets for each place that has one.
var planted = map[string]string{
	"broker's password": "planted-broker-password", "registry's password": "planted-registry-password",
	"value in Env": "planted-env-value", "standard input": "planted-stdin",
}

// TestNoSecretIsTold has everything go well and go wrong, and looks for the planted secrets in all that the program says, and in
// the headers of what it puts into the dead queue. What a container says is not the program's.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	broker := newBroker(t)
	broker.start()
	const user = "planted"
	broker.ctl("add_user", user, planted["broker's password"])
	broker.ctl("set_permissions", user, ".*", ".*", ".*")
	r := newRegistry(t, here.engine, "puller", planted["registry's password"])
	t.Cleanup(func() { here.engine.do(t, "DELETE", "/images/"+r.image, nil, nil) })
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte("puller:" + planted["registry's password"]))
	writeOpen(t, dir+"/config.json", body(t, message{"auths": message{r.address: message{"auth": auth}}}))
	writeOpen(t, dir+"/password", planted["broker's password"]+"\n")
	here.broker = broker.uri()
	here.login = strings.Replace(here.broker, "guest:guest@", user+"@", 1)
	p := start(t, here, "-v", "-audit", dir+"/audit", "-docker-config", dir, "-amqp-password-file", dir+"/password")

	runs, mistakes := plantedRuns(r.image), plantedMistakes(t)
	for id, m := range mistakes {
		p.send(id, m)
		p.expect(id, cmds.StatusInvalid)
	}
	for id, m := range runs {
		p.send(id, m)
	}
	for id := range runs {
		p.attempts(id, 1)
	}
	p.attempts("retried", 2)
	p.leave(exitOK)

	said := p.stderr.String() + fmt.Sprintf("%+v", p.results()) + readFile(t, dir+"/audit")
	for _, dead := range take(t, here, p.queue+wire.DeadSuffix, len(mistakes)) {
		said += fmt.Sprintf("%q", dead.Headers)
	}
	for _, needed := range []string{"level=DEBUG", "msg=pulling", "docker-dispatch-reason", "ContainerCreate", "file=" + dir + "/config.json mode=0644", "file=" + dir + "/password mode=0644"} {
		if !strings.Contains(said, needed) {
			t.Errorf("what is searched has no %q:\n%s", needed, said)
		}
	}
	for what, secret := range planted {
		checkUntold(t, what, secret, said)
	}
	checkUntold(t, "registry's login", auth, said)
}

// writeOpen writes a file that everybody may read.
func writeOpen(t *testing.T, name, text string) {
	t.Helper()
	writeFile(t, name, text)
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
}

// plantedRuns end in every way there is.
func plantedRuns(private string) map[string]message {
	run := func(image string, options message, cmd ...string) message {
		options["Env"] = []string{"PASSWORD=" + planted["value in Env"]}
		options["Attach"], options["Interactive"], options["Remove"] = []string{"STDIN", "STDOUT", "STDERR"}, true, true
		return message{"Dockercmd": "run", "Image": image, "Options": options, "Cmd": cmd, "Stdin": planted["standard input"]}
	}
	return map[string]message{
		"pulled":      run(private, message{}, "true"),
		"good":        run(image, message{}, "true"),
		"failing":     run(image, message{}, "false"),
		"no command":  run(image, message{}, "no-such-program"),
		"no image":    run("no-such-image-anywhere:1", message{"Pull": "never"}, "true"),
		"bad memory":  run(image, message{"Memory": "1"}, "true"),
		"retried":     run(image, message{"Retries": 1}, "false"),
		"out of time": run(image, message{"Timeout": 0.5}, "sleep", "30"),
	}
}

func plantedMistakes(t *testing.T) map[string]string {
	env, stdin := planted["value in Env"], planted["standard input"]
	return map[string]string{
		"env":        body(t, message{"Dockercmd": "run", "Image": image, "Options": message{"Env": []string{"PASSWORD", env}}}),
		"env object": body(t, message{"Dockercmd": "run", "Image": image, "Options": message{"Env": message{"PASSWORD=" + env: ""}}}),
		"stdin":      body(t, message{"Dockercmd": "run", "Image": image, "Stdin": []string{stdin}}),
		"stdin 64":   body(t, message{"Dockercmd": "run", "Image": image, "StdinBase64": stdin}),
		"not JSON":   `{"Dockercmd": "run", "Stdin": "` + stdin + `", `,
	}
}

// checkUntold looks for a secret as it is and in base64, in each of its three positions.
func checkUntold(t *testing.T, what, secret, said string) {
	t.Helper()
	forms := []string{secret}
	for _, before := range []string{"", "x", "xx"} {
		coded := base64.RawURLEncoding.EncodeToString([]byte(before + secret))
		forms = append(forms, coded[4:len(coded)-4])
	}
	for _, form := range forms {
		if at := strings.Index(said, form); at >= 0 {
			t.Errorf("the %s is told: %s", what, said[max(0, at-200):min(len(said), at+200)])
		}
	}
}

// End to end: a hostile Engine

// maxGrowth is how far the program's memory may grow by what an Engine sends, in KiB, with all that goes with it.
const maxGrowth = 64 << 10

// hostileEngine stands before an instant one, and answers some requests itself. Whatever it says is said once to each message.
type hostileEngine struct {
	misdeeds map[string]func(io.Writer) // by the beginning of a request line
	behind   string
	serving  sync.WaitGroup
}

// newHostileEngine serves until the end of the test.
func newHostileEngine(t *testing.T, misdeeds map[string]func(io.Writer)) string {
	t.Helper()
	path := workDir(t) + "/hostile.sock"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	e := &hostileEngine{misdeeds: misdeeds, behind: strings.TrimPrefix(newInstantEngine(t), "unix://")}
	e.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			e.serving.Go(func() { e.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		e.serving.Wait()
	})
	return "unix://" + path
}

// serve answers one request, and closes the connection.
func (e *hostileEngine) serve(conn net.Conn) {
	defer conn.Close()
	from := bufio.NewReader(conn)
	head, err := readHead(from)
	if err != nil {
		return
	}
	for request, do := range e.misdeeds {
		if strings.HasPrefix(head, request) {
			do(conn)
			return
		}
	}
	behind, err := net.Dial("unix", e.behind)
	if err != nil {
		return
	}
	defer behind.Close()
	if !strings.Contains(head, "Upgrade") {
		head = strings.TrimSuffix(head, "\r\n") + "Connection: close\r\n\r\n"
	}
	io.WriteString(behind, head)
	var up sync.WaitGroup
	up.Go(func() { io.Copy(behind, from) })
	io.Copy(conn, behind)
	conn.Close()
	up.Wait()
}

// endless says text, and then more again and again, until nobody hears it.
func endless(text, more string) func(io.Writer) {
	return func(w io.Writer) {
		piece := strings.Repeat(more, 1+32<<10/len(more))
		for _, err := io.WriteString(w, text); err == nil; _, err = io.WriteString(w, piece) {
		}
	}
}

func once(text string) func(io.Writer) {
	return func(w io.Writer) { io.WriteString(w, text) }
}

func TestHostileEngine(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	const ok = "HTTP/1.1 200 OK\r\n\r\n"
	big := `[{"Id":"` + strings.Repeat("\x7f", 4<<20-30) + `"}]`
	acts := []struct {
		what, request string
		do            func(io.Writer)
		message       message
		status        cmds.Status
		says          string
	}{
		{"not HTTP", "GET /v1.41/containers/garbage/json", endless("", "\x00\r\n"), message{"Dockercmd": "inspect", "Container": "garbage"}, cmds.StatusFailed, "protocol error: status line"},
		{"fields without end", "GET /v1.41/containers/fields/json", endless("HTTP/1.1 200 OK\r\n", "A: b\r\n"), message{"Dockercmd": "inspect", "Container": "fields"}, cmds.StatusFailed, "fields of more than 65536 bytes"},
		{"JSON without end", "GET /v1.41/images/endless/json", endless(ok, "["), message{"Dockercmd": "inspect", "Image": "endless"}, cmds.StatusFailed, "the answer is longer than 4 MiB"},
		{"a refusal without end", "DELETE /v1.41/images/refused", endless("HTTP/1.1 500 No\r\n\r\n", "no\r\x1b[2J"), message{"Dockercmd": "rmi", "Image": "refused"}, cmds.StatusFailed, "no\r\x1b[2Jno"},
		{"a redirect", "DELETE /v1.41/volumes/moved", once("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"), message{"Dockercmd": "volume rm", "Volume": "moved"}, cmds.StatusFailed, "Found"},
		{"an upgrade unasked", "POST /v1.41/containers/upgraded/pause", once("HTTP/1.1 101 UPGRADED\r\n\r\n"), message{"Dockercmd": "pause", "Container": "upgraded"}, cmds.StatusFailed, "101 to a request that asked for no upgrade"},
		{"a progress line without end", "POST /v1.41/images/create", endless(ok+`{"status":"`, "x"), message{"Dockercmd": "pull", "Image": "endless"}, cmds.StatusFailed, "a progress line is longer than 1 MiB"},
		{"a tar without end", "GET /v1.41/containers/tar/archive", endless("HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: e30=\r\n\r\n", "tar"), message{"Dockercmd": "cp", "Container": "tar", "Path": "/x"}, cmds.StatusFailed, "longer than 8 MiB"},
		{"a tar up to the brim", "GET /v1.41/containers/brim/archive", once("HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: e30=\r\n\r\n" + strings.Repeat("t", 8<<20)), message{"Dockercmd": "cp", "Container": "brim", "Path": "/x"}, cmds.StatusCopied, ""},
		{"a list up to the brim", "GET /v1.41/containers/json?all=1&limit", once(ok + big), message{"Dockercmd": "ps", "Options": message{"Last": 7}}, cmds.StatusListed, ""},
	}
	misdeeds := map[string]func(io.Writer){}
	for _, a := range acts {
		misdeeds[a.request] = a.do
	}
	here.socket = newHostileEngine(t, misdeeds)
	p := start(t, here)
	before := p.peak()
	for round := range 2 {
		for _, a := range acts {
			id := fmt.Sprint(a.what, round)
			p.send(id, a.message)
		}
		for _, a := range acts {
			if r := p.expect(fmt.Sprint(a.what, round), a.status); !strings.Contains(r.Error, a.says) || len(r.Error) > 70_000 {
				t.Errorf("%s: %.300q, want %q", a.what, r.Error, a.says)
			}
		}
		p.send(fmt.Sprint("next", round), runOf(attached(""), "true"))
		p.expectExit(fmt.Sprint("next", round), 0)
	}
	if grown := p.peak() - before; grown > maxGrowth && !hasRaceDetector() {
		t.Errorf("the memory has grown by %d KiB", grown)
	} else {
		t.Logf("the memory has grown by %d KiB", grown)
	}
	p.leave(exitOK)
	p.checkSettled(0, 0)
}

// peak is the most memory that the program has had, in KiB.
func (p *process) peak() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	size, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return size
}

// End to end: a hostile publisher

func TestHostilePublisher(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	remove := func(name string) string { return `{"Dockercmd":"remove","Container":` + name + `}` }
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"K%d":0,`, i)
		}
		return b.String()
	}
	flood := amqp.Table{}
	for i := range 5000 {
		flood[fmt.Sprint("flood-", i)] = "12345678"
	}
	hostile := []struct {
		what    string
		body    string
		headers amqp.Table
		says    string
	}{
		{"100 000 keys", `{` + keys(100_000) + `"Dockercmd":"run"}`, nil, "K0: unknown key of run"},
		{"100 000 options", `{"Options":{` + keys(100_000) + `"Name":"x"},"Dockercmd":"run","Image":"x"}`, nil, "Options.K0: unknown option of run"},
		{"the same key 100 000 times", `{` + strings.Repeat(`"Dockercmd":"run",`, 100_000) + `"Image":"x"}`, nil, "Dockercmd: given twice"},
		{"the same option twice", `{"Dockercmd":"run","Image":"x","Options":{"Name":"a","Name":"b"}}`, nil, "Options.Name: given twice"},
		{"arrays within arrays", `{"Dockercmd":` + strings.Repeat("[", 500_000), nil, "not JSON: "},
		{"objects within objects", `{"Dockercmd":"run","Image":"x","Cmd":` + strings.Repeat(`{"a":`, 9_000) + "0" + strings.Repeat("}", 9_000) + "}", nil, "Cmd: "},
		{"NUL in a name", remove(`"a\u0000b"`), nil, "Container: "},
		{"NUL in the text", "{\"Dockercmd\":\"remove\",\x00\"Container\":\"x\"}", nil, `not JSON: line 1, column 23: invalid character '\x00'`},
		{"nothing but NULs", strings.Repeat("\x00", 100_000), nil, `not JSON: line 1, column 1: invalid character '\x00'`},
		{"a byte order mark", "\ufeff" + remove(`"x"`), nil, "it begins with a byte order mark"},
		{"UTF-16", "\xff\xfe{\x00}\x00", nil, "not UTF-8: line 1, column 1: byte 0xff"},
		{"a lone surrogate", remove(`"\ud800"`), nil, "Container: "},
		{"a lone surrogate in a key", `{"Dockercmd":"remove","\udfff":1}`, nil, "unknown key of remove"},
		{"an overlong slash", remove("\"\xc0\xaf\""), nil, "not UTF-8: line 1, column 36: byte 0xc0"},
		{"a huge number", `{"Dockercmd":"stop","Container":"xx","Options":{"Time":1e999999}}`, nil, "Options.Time: 1e999999"},
		{"a number of 100 000 digits", `{"Dockercmd":"stop","Container":"xx","Options":{"Time":` + strings.Repeat("9", 100_000) + `}}`, nil, "Options.Time: 9999"},
		{"a number beyond", `{"Dockercmd":"stop","Container":"xx","Options":{"Time":18446744073709551617}}`, nil, "Options.Time: 18446744073709551617"},
		{"a parent", remove(`".."`), nil, "Container: "},
		{"a way up", remove(`"../../volumes/x"`), nil, "Container: "},
		{"a query", remove(`"x?force=1"`), nil, "Container: "},
		{"an escape", remove(`"%2e%2e"`), nil, "Container: "},
		{"a line of its own", remove(`"x HTTP/1.1\r\nX-Evil: y"`), nil, "Container: "},
		{"no object", `"run"`, nil, "not an object"},
		{"many headers", `{`, flood, "not JSON: "},
		{"a header of 100 KiB", `{`, amqp.Table{"long": strings.Repeat("h", 100<<10)}, "not JSON: "},
		{"headers within headers", `{`, amqp.Table{"deep": nested(30)}, "not JSON: "},
		{"copies for others", `{`, amqp.Table{"CC": []any{"docker-dispatch-of-others"}}, "not JSON: "},
		{"headers of ours", `{`, amqp.Table{"docker-dispatch-attempt": "x", "docker-dispatch-reason": "none", "docker-dispatch-queue": int32(5)}, "not JSON: "},
		{"a body of 8 MiB", `{"Dockercmd":"remove","Container":"` + strings.Repeat("a", 8<<20) + `"}`, nil, "the message has 8388645 bytes; -max-body allows 4194304"},
	}
	p := start(t, here, "-max-body", "4194304")
	for _, h := range hostile {
		publish(t, here, p.queue, amqp.Publishing{MessageId: h.what, Headers: h.headers, Body: []byte(h.body)})
	}
	publish(t, here, p.queue, amqp.Publishing{MessageId: "the next", Body: []byte(body(t, runOf(attached(""), "true")))})
	within := p.within(2 * time.Minute)
	within.expectExit("the next", 0)
	for _, h := range hostile {
		if r := within.expect(h.what, cmds.StatusInvalid); !strings.Contains(r.Error, h.says) || len(r.Error) > 2000 || strings.ContainsAny(r.Error, "\r\n\x00") {
			t.Errorf("%s: %.500q, want %q", h.what, r.Error, h.says)
		}
	}
	p.leave(exitOK)
	p.checkSettled(0, len(hostile))
	for _, d := range take(t, here, p.queue+wire.DeadSuffix, len(hostile)) {
		if reason, _ := d.Headers["docker-dispatch-reason"].(string); reason != p.result(d.MessageId).Error {
			t.Errorf("%s: the reason in the dead queue is %.300q", d.MessageId, reason)
		}
	}
}

// nested is a table in a table, and so on.
func nested(depth int) amqp.Table {
	if depth == 0 {
		return amqp.Table{}
	}
	return amqp.Table{"t": nested(depth - 1)}
}

// signer is a folder with a key, alice.key, and the file keys of those who verify.
type signer struct {
	t    *testing.T
	dir  string
	site site
}

func newSigner(t *testing.T, where site) *signer {
	t.Helper()
	s := &signer{t, t.TempDir(), where}
	write(t, s.path("keys"), "# who may sign\n"+s.run("", "keygen", "alice"))
	return s
}

func (s *signer) path(name string) string { return filepath.Join(s.dir, name) }

// run is a command in the folder, which is to end well.
func (s *signer) run(stdin string, args ...string) (stdout string) {
	s.t.Helper()
	cmd := exec.Command(program(s.t), args...)
	cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		s.t.Fatalf("%q: %v %s", args, err, &stderr)
	}
	return string(out)
}

// send sends one message, signed.
func (s *signer) send(queue, id string, m message) {
	s.t.Helper()
	if got := s.run(body(s.t, m), "send", "-amqp", s.site.broker, "-q", queue, "-id", id, "-sign", "alice.key"); got != id+"\n" {
		s.t.Errorf("send printed %q", got)
	}
}

// publishing is a message that is signed for a queue.
func (s *signer) publishing(queue, id string, m message) amqp.Publishing {
	s.t.Helper()
	key, err := cmds.ReadPrivateKey(s.path("alice.key"))
	if err != nil {
		s.t.Fatal(err)
	}
	text := []byte(body(s.t, m))
	return amqp.Publishing{MessageId: id, Body: text, Headers: amqp.Table{cmds.HeaderSignature: cmds.Sign(key, queue, id, time.Now(), text)}}
}

// dead is the reason of the one message in the dead queue, which it takes.
func (p *process) dead(id string) string {
	p.t.Helper()
	p.await(id+" in the dead queue", func() bool { return queued(p.t, p.site, p.queue+wire.DeadSuffix) == 1 })
	d := take(p.t, p.site, p.queue+wire.DeadSuffix, 1)[0]
	if d.MessageId != id {
		p.t.Errorf("%q is in the dead queue, not %q", d.MessageId, id)
	}
	reason, _ := d.Headers["docker-dispatch-reason"].(string)
	return reason
}

// checkDenied holds that a message was refused for its signature.
func (p *process) checkDenied(id, reason string) {
	p.t.Helper()
	if got := p.dead(id); !strings.HasPrefix(got, "Signature: ") || !strings.Contains(got, reason) {
		p.t.Errorf("%s: %s, want %s", id, got, reason)
	}
}

// count is that of the results of a message with a status.
func (p *process) count(id string, status cmds.Status) (n int) {
	for _, r := range p.results() {
		if r.MessageId == id && r.Status == status {
			n++
		}
	}
	return n
}

func TestSigned(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	s := newSigner(t, here)
	log := s.path("audit")
	options := []string{"-verify", s.path("keys"), "-verify-seen", s.path("seen"), "-audit", log}
	p := start(t, here, options...)
	run := runOf(message{"Attach": "STDOUT", "Remove": true}, "echo", "done")

	s.send(p.queue, "signed", run)
	p.expectExit("signed", 0)
	p.send("unsigned", run)
	p.expect("unsigned", cmds.StatusDenied)
	p.checkDenied("unsigned", "there is none")
	publish(t, here, p.queue, s.publishing("another", "astray", run))
	p.checkDenied("astray", "of no key that is known here")

	replayed := s.publishing(p.queue, "replayed", run)
	publish(t, here, p.queue, replayed)
	p.expectExit("replayed", 0)
	publish(t, here, p.queue, replayed)
	p.checkDenied("replayed", "seen before")
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 })
	p.kill()
	p = p.again(options...)
	publish(t, here, p.queue, replayed)
	p.checkDenied("replayed", "seen before")
	if p.count("replayed", cmds.StatusExited) != 1 {
		t.Errorf("the results are %s", p.results())
	}

	retried := attached(unique())
	retried["Retries"], retried["Remove"] = 1, true
	s.send(p.queue, "retried", runOf(retried, "sh", "-c", "exit $((2 - DOCKER_DISPATCH_ATTEMPT))"))
	p.await("two attempts", func() bool { return p.count("retried", cmds.StatusExited) == 2 })
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 })

	second := startBeside(t, here, p.queue, p.queue+"-other", "-verify", s.path("keys"))
	second.leave(exitOK)
	code, _, stderr := finish(t, nil, "-q", p.queue, "-name", unique(), "-verify", s.path("keys"), "-verify-seen", s.path("seen"), here.engine.address, here.broker)
	if code != exitFailed || !strings.Contains(stderr, "another dispatcher holds it") {
		t.Errorf("two with one file: exit code %d, %s", code, stderr)
	}
	p.leave(exitOK)
	decisions := map[string]string{}
	for _, line := range strings.Split(readFile(t, log), "\n") {
		for _, id := range []string{"signed", "unsigned", "retried"} {
			if strings.Contains(line, `"Event":"decision"`) && strings.Contains(line, `"MessageId":"`+id+`"`) {
				decisions[id] = line
			}
		}
	}
	if !strings.Contains(decisions["retried"], `"User":`) {
		t.Errorf("the second attempt is published by nobody: %s", decisions["retried"])
	}
	for id, want := range map[string]string{"signed": `"Signer":"alice"`, "unsigned": `"Allowed":false,"Rule":"Signature: there is none`} {
		if !strings.Contains(decisions[id], want) {
			t.Errorf("the audit of %s is %s", id, decisions[id])
		}
	}
}

// TestSignedBesideStrangers has a stranger use the id of a message that is in work.
func TestSignedBesideStrangers(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	s := newSigner(t, here)
	p := start(t, here, "-verify", s.path("keys"))
	name := unique()
	run := runOf(attached(name), "sh", "-c", "echo begun; sleep 3600")
	s.send(p.queue, "m", run)
	p.await("its begin", func() bool { return p.output("m", "stdout") == "begun\n" })
	c, _ := p.container(name)
	if got := here.engine.tell(t, c.ID, "Config.Labels"); !strings.Contains(got, `"docker-dispatch.signer":"alice"`) {
		t.Errorf("the labels are %s", got)
	}
	p.send("m", stopOf(name, 0))
	p.checkDenied("m", "there is none")
	p.send("m", run)
	p.checkDenied("m", "there is none")
	control := func(m amqp.Publishing) {
		onChannel(t, here, func(ch *amqp.Channel) error { return ch.Publish(p.queue+wire.ControlSuffix, "", false, false, m) })
	}
	control(amqp.Publishing{MessageId: "c1", Body: []byte(body(t, stopOf(name, 0)))})
	p.await("its refusal", func() bool {
		return strings.Contains(p.stderr.String(), `message=c1 error="Signature: there is none`)
	})
	if !here.engine.running(t, c.ID) {
		t.Error("a stranger has stopped it")
	}
	control(s.publishing(p.queue, "c2", stopOf(name, 0)))
	p.expect("c2", cmds.StatusStopped)
	p.await("the end", func() bool { return p.count("m", cmds.StatusExited) == 1 })
	p.leave(exitOK)
}

// TestSignersAreReadAnew changes the keys under a dispatcher.
func TestSignersAreReadAnew(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	s := newSigner(t, here)
	alice := readFile(t, s.path("keys"))
	p := start(t, here, "-verify", s.path("keys"))
	hangUp := func(text, line string) {
		t.Helper()
		write(t, s.path("keys"), text)
		p.signal(syscall.SIGHUP)
		p.await(line, func() bool { return strings.Contains(p.stderr.String(), line) })
	}
	ps := message{"Dockercmd": "ps"}
	hangUp("alice\n", "line 1: 1 words")
	s.send(p.queue, "still", ps)
	p.expect("still", cmds.StatusListed)
	hangUp(s.run("", "keygen", "bob"), "the keys were read anew")
	s.send(p.queue, "alice's", ps)
	p.expect("alice's", cmds.StatusDenied)
	write(t, s.path("keys"), alice)
	p.leave(exitOK)
}

func TestVerifyMistakes(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "keys")
	write(t, bad, "# none\n")
	for _, tt := range []struct{ want, args string }{
		{"there is none; docker-dispatch keygen", "-verify " + bad},
		{"no such file", "-verify /nowhere"},
		{"-verify-age", "-verify " + bad + " -verify-age 0s"},
		{"without -verify no signature is looked at", "-verify-seen /tmp/seen"},
		{"messages from standard input have no headers", "-verify " + bad + " /nowhere -"},
	} {
		code, _, stderr := finish(t, nil, strings.Fields(tt.args)...)
		if code != exitUsage || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, %s", tt.args, code, stderr)
		}
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	s := newSigner(t, here)
	queue := unique()
	declare(t, here, queue, nil)
	deleteQueues(t, here, queue)
	ps := `{"Dockercmd":"ps"}`
	got := s.run(ps+"\n"+ps, "send", "-amqp", here.broker, "-q", queue)
	all := take(t, here, queue, 2)
	if got != all[0].MessageId+"\n"+all[1].MessageId+"\n" || all[0].MessageId == all[1].MessageId || all[0].Headers[cmds.HeaderSignature] != nil ||
		all[0].ContentType != "application/json" || all[0].DeliveryMode != amqp.Persistent || string(all[1].Body) != ps {
		t.Errorf("printed %s, sent %+v", got, all)
	}
	write(t, s.path("two.json"), ps+`{"Dockercmd":"pss"}`)
	write(t, s.path("open.key"), readFile(t, s.path("alice.key")))
	if err := os.Chmod(s.path("open.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, tt := range []struct {
		code       int
		want, args string
	}{
		{exitFailed, `two.json (2): Dockercmd: "pss": unknown command`, "-q " + queue + " " + s.path("two.json")},
		{exitFailed, "(sent before that: 1)", "-q " + queue + " " + s.path("two.json")},
		{exitFailed, "-id is for one message", "-id x -q " + queue + " examples/stop.json examples/stop.json"},
		{exitFailed, "create the queue, or name one that exists", "-q " + unique() + " examples/stop.json"},
		{exitFailed, "not within -timeout, 1s", fmt.Sprintf("-timeout 1s -amqp amqp://%s/ examples/stop.json", closed.Addr())},
		{exitFailed, "no such file", "-q " + queue + " /nowhere.json"},
		{exitUsage, "no such file", "-sign /nowhere.key"},
		{exitUsage, "no Ed25519 key", "-sign examples/stop.json"},
		{exitUsage, "not a URI", "-amqp a#b"},
		{exitUsage, "-x", "-x"},
		{exitOK, "level=WARN msg=\"a file with secrets is open", "-sign " + s.path("open.key") + " -q " + queue + " examples/stop.json"},
	} {
		args := strings.Fields(tt.args)
		if !strings.Contains(tt.args, "-amqp") {
			args = append([]string{"-amqp", here.broker}, args...)
		}
		code, _, stderr := finish(t, nil, append([]string{"send"}, args...)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, %s", tt.args, code, stderr)
		}
	}
	for _, args := range []string{"keygen", "keygen a b", "keygen -x"} {
		if code, _, stderr := finish(t, nil, strings.Fields(args)...); code != exitUsage || stderr == "" {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
	if code, _, stderr := finish(t, nil, "keygen", "../x"); code != exitFailed || !strings.Contains(stderr, "key's name") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestSignExample has examples/sign.sh make the header.
func TestSignExample(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl, which examples/sign.sh uses, is not installed")
	}
	s := newSigner(t, here)
	p := start(t, here, "-verify", s.path("keys"))
	text := "{\"Dockercmd\": \"ps\"}\n"
	write(t, s.path("é.json"), text)
	header, err := exec.Command("examples/sign.sh", s.path("alice.key"), p.queue, "é 1", s.path("é.json")).Output()
	if err != nil {
		t.Fatal(err)
	}
	publish(t, here, p.queue, amqp.Publishing{MessageId: "é 1", Body: []byte(text), Headers: amqp.Table{cmds.HeaderSignature: strings.TrimSpace(string(header))}})
	p.expect("é 1", cmds.StatusListed)
	if sum := strings.Fields(string(header)); len(sum) != 3 || base64.StdEncoding.DecodedLen(len(sum[2])) < 64 {
		t.Errorf("%q", header)
	}
	p.leave(exitOK)
}

// TestSignReadme does what README.md shows, in a queue of its own.
func TestSignReadme(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	_, section, _ := strings.Cut(readFile(t, "README.md"), "### Signed messages\n")
	var shown []string
	for line := range strings.Lines(section) {
		if command, is := strings.CutPrefix(line, "    docker-dispatch "); is && len(shown) < 3 {
			shown = append(shown, strings.TrimSpace(command))
		}
	}
	dir, queue := t.TempDir(), unique()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("examples")); err != nil {
		t.Fatal(err)
	}
	do := func(command string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", program(t)+" "+command)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "AMQP_URL="+here.broker)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	do(shown[0])
	options := strings.Fields(shown[1])
	for i, option := range options {
		if !strings.HasPrefix(option, "-") {
			options[i] = filepath.Join(dir, option)
		}
	}
	p := startOn(t, here, queue, options...)
	write(t, filepath.Join(dir, "examples/hello.json"), body(t, runOf(message{"Attach": "STDOUT", "Remove": true}, "true")))
	do(strings.Replace(shown[2], "send ", "send -q "+queue+" ", 1))
	p.await("its result", func() bool { return len(p.results()) == 1 && p.results()[0].Status == cmds.StatusExited })
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 })
	p.leave(exitOK)
}

// TestSignedAndClaimed kills a dispatcher under a claimed run: the next one finishes it, however old its signature is, and only once.
func TestSignedAndClaimed(t *testing.T) {
	t.Parallel()
	here := e2e(t)
	s := newSigner(t, here)
	options := []string{"-verify", s.path("keys"), "-verify-age", "5s", "-verify-seen", s.path("seen"), "-claim", "0", "-v"}
	p := start(t, here, options...)
	name := unique()
	run := s.publishing(p.queue, "m", runOf(attached(name), "sh", "-c", "echo begun; sleep 3600"))
	signed := time.Now()
	publish(t, here, p.queue, run)
	p.await("the claim", func() bool { return strings.Contains(p.stderr.String(), "msg=claimed message=m") })
	p.kill()
	p = p.again(options...)
	publish(t, here, p.queue, run)
	p.await("its copy to join it", func() bool {
		return strings.Contains(p.stderr.String(), "a message has come again and is in work or done")
	})
	time.Sleep(time.Until(signed.Add(6 * time.Second))) // a signature's age is the wall clock's
	publish(t, here, p.queue, s.publishing(p.queue, "stop", stopOf(name, 0)))
	p.await("the end", func() bool { return p.count("m", cmds.StatusExited) == 1 })
	p.await("the containers to go", func() bool { return len(p.containers()) == 0 }) // the message is done with before that
	publish(t, here, p.queue, run)
	p.checkDenied("m", "longer ago than -verify-age, 5s")
	p.leave(exitOK)
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

// site is where a dispatcher works. The program's own addresses are "" where they are the tests'.
type site struct {
	engine *engine
	socket string // the program's address of the Engine
	broker string // URI
	login  string // the program's URI of the broker
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

// startBeside starts another dispatcher on a queue that others look after.
func startBeside(t *testing.T, where site, queue, name string, options ...string) *process {
	t.Helper()
	p := spawnProgram(t, where, queue, append([]string{"-name", name}, options...)...)
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
	deleteQueues(t, where, queue)
	return spawnProgram(t, where, queue, options...)
}

// trusted is the policy of tests that are about what is done: it lets messages do everything.
const trusted = "examples/policy/trusted.json"

// spawnProgram leaves the queues to others.
func spawnProgram(t *testing.T, where site, queue string, options ...string) *process {
	t.Helper()
	stdout, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, site: where, queue: queue, stdout: stdout, stderr: new(text), ended: make(chan struct{}), reading: new(sync.WaitGroup), heard: newHeard(), limit: patience}
	args := append([]string{"-q", queue, "-name", queue, "-o", "json", "-policy", trusted}, options...)
	p.cmd = exec.Command(program(t), append(args, cmp.Or(where.socket, where.engine.address), cmp.Or(where.login, where.broker))...)
	p.cmd.Stdout, p.cmd.Stderr = in, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.cleanUp)
	return p
}

// again starts the program once more, on the same queue. It goes on with what was heard.
func (p *process) again(options ...string) *process {
	p.t.Helper()
	next := p.succeed(options...)
	next.awaitConsuming()
	return next
}

// succeed does not wait until the new one consumes.
func (p *process) succeed(options ...string) *process {
	p.t.Helper()
	next := spawnProgram(p.t, p.site, p.queue, options...)
	next.heard = p.heard
	next.startReading()
	return next
}

// kill ends the program without a word, and returns when all that it has said was heard.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
	p.reading.Wait()
}

// maxLog is how much of a log is shown.
const maxLog = 256 << 10

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
		p.t.Errorf("the program's log:\n%s", log[max(0, len(log)-maxLog):])
	}
}

func (p *process) startReading() {
	p.reading.Go(func() { p.heard.read(p.stdout) })
}

func (p *process) awaitConsuming() {
	p.t.Helper()
	p.await("the program to consume", func() bool {
		select {
		case <-p.ended:
			p.t.Fatal("the program has ended")
		default:
		}
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

// awaitSocket returns when the program has a socket: by then it obeys signals, which end one that has hardly begun, as they end any.
func (p *process) awaitSocket() {
	p.t.Helper()
	links := fmt.Sprintf("/proc/%d/fd/", p.cmd.Process.Pid)
	p.await("the program to dial", func() bool {
		files, _ := os.ReadDir(links)
		return slices.ContainsFunc(files, func(file os.DirEntry) bool {
			target, _ := os.Readlink(links + file.Name())
			return strings.HasPrefix(target, "socket:")
		})
	})
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
	Event, MessageId, Dockercmd, Id, Name, Stream, Encoding, Error, OutputLost, Signal string

	Offset   int
	More     bool
	Replayed bool
	Status   cmds.Status
	ExitCode *int
	Attempt  int

	OOMKilled bool
	Warnings  []string
	Data      datum
	TarBase64 []byte
}

// datum is the text of a JSON string, and all other JSON as it is.
type datum string

func (d *datum) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		text = string(data)
	}
	*d = datum(text)
	return nil
}

func (e event) String() string {
	code := "none"
	if e.ExitCode != nil {
		code = strconv.Itoa(*e.ExitCode)
	}
	return fmt.Sprintf("%s of %q: %s, exit code %s, error %q, output lost %q", e.Dockercmd, e.MessageId, e.Status, code, e.Error, e.OutputLost)
}

// heard is what has been read from the standard output of a program, and of those that were started after it and go on
// with its work.
type heard struct {
	mu      sync.Mutex
	plain   strings.Builder // lines that are not JSON: the text output, and what a killed program has not finished
	results []event
	outputs map[source]*bytes.Buffer
	last    map[source]string // by message and stream: the container that has written last
	wrong   []string
	several bool // dispatchers at once: two may print what one container writes, and a reader drops what it has
}

// source is one output of one container.
type source struct{ message, stream, container string }

func newHeard() *heard { return &heard{outputs: map[source]*bytes.Buffer{}, last: map[source]string{}} }

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
		h.fault("a line that is no event: %s", line)
	}
}

// addOutput joins the pieces of a stream, as any reader may: each begins where the one before has ended. One that is replayed
// may repeat bytes, which have to be the same.
func (h *heard) addOutput(e event) {
	from := source{e.MessageId, e.Stream, e.Id}
	h.last[source{message: e.MessageId, stream: e.Stream}] = e.Id
	if h.outputs[from] == nil {
		h.outputs[from] = new(bytes.Buffer)
	}
	data := []byte(e.Data)
	if e.Encoding == "base64" {
		data, _ = base64.StdEncoding.DecodeString(string(e.Data))
	}
	known := h.outputs[from]
	again := known.Len() - e.Offset
	switch {
	case e.More && bytes.HasSuffix(data, []byte("\n")):
		h.fault("%s of %q: a piece that is not the last ends a line", e.Stream, e.MessageId)
	case again < 0, again > 0 && !e.Replayed && !h.several:
		h.fault("%s of %q: %d bytes at %d (replayed: %v), expected at %d", e.Stream, e.MessageId, len(data), e.Offset, e.Replayed, known.Len())
	case again > 0 && !bytes.HasPrefix(known.Bytes()[e.Offset:], data[:min(again, len(data))]):
		h.fault("%s of %q: other bytes at %d when they are replayed", e.Stream, e.MessageId, e.Offset)
	}
	known.Write(data[min(max(again, 0), len(data)):])
}

func (h *heard) fault(format string, args ...any) {
	h.wrong = append(h.wrong, fmt.Sprintf(format, args...))
}

// faults are what was wrong since they were last asked for.
func (h *heard) faults() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	wrong := h.wrong
	h.wrong = nil
	return wrong
}

// read is the text output so far, with times masked.
func (p *process) read() string {
	p.heard.mu.Lock()
	defer p.heard.mu.Unlock()
	return maskTimes(p.heard.plain.String())
}

// output is what the container of a message, the last one when there are several, has written so far.
func (p *process) output(id, stream string) string {
	p.heard.mu.Lock()
	defer p.heard.mu.Unlock()
	from := source{message: id, stream: stream}
	from.container = p.heard.last[from]
	if data := p.heard.outputs[from]; data != nil {
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

// checkOutcomes holds that some messages, and no others, have an outcome, and each of them one. Where a response may have
// been given again, it is the same.
func (p *process) checkOutcomes(repeats bool, ids ...string) {
	p.t.Helper()
	first := map[string]event{}
	for _, r := range p.results() {
		known, again := first[r.MessageId]
		switch {
		case !again:
			first[r.MessageId] = r
		case !repeats:
			p.t.Errorf("once more: %s", r)
		case known.String() != r.String() || known.Id != r.Id:
			p.t.Errorf("two outcomes: %s, and %s", known, r)
		}
	}
	got, want := slices.Sorted(maps.Keys(first)), slices.Sorted(slices.Values(ids))
	if !slices.Equal(got, want) {
		p.t.Errorf("the messages with an outcome are\n%q, want\n%q", got, want)
	}
}

// checkRuns holds that the Engine has created and started one container for each of some messages.
func (p *process) checkRuns(events *witness, ids ...string) {
	p.t.Helper()
	for _, id := range ids {
		for _, action := range []string{"create", "start"} {
			p.await(fmt.Sprintf("the event %s for %s", action, id), func() bool { return events.times(action, id, 1) > 0 })
			if n := events.times(action, id, 1); n != 1 {
				p.t.Errorf("%s: %d times %s", id, n, action)
			}
		}
	}
}

// checkNothingLeft holds that a program that has ended has left nothing with the Engine, and no connection.
func (p *process) checkNothingLeft() {
	p.t.Helper()
	var containers []string
	for _, r := range p.results() {
		if r.Id != "" {
			containers = append(containers, r.Id)
		}
	}
	if left := p.site.engine.marks(p.t, p.queue, containers); len(left) != 0 {
		p.t.Errorf("marks left behind: %q", left)
	}
	if left := p.containers(); len(left) != 0 {
		p.t.Errorf("containers left behind: %+v", left)
	}
	p.await("its connections to end", func() bool { return consumers(p.t, p.site, p.queue) == 0 })
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
	if err := tryOnChannel(where, do); err != nil {
		t.Fatal("RabbitMQ: ", err)
	}
}

func tryOnChannel(where site, do func(*amqp.Channel) error) error {
	conn, err := amqp.Dial(where.broker)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	return do(ch)
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
	if err := tryPublish(where, queue, messages...); err != nil {
		t.Fatal("RabbitMQ: ", err)
	}
}

func tryPublish(where site, queue string, messages ...amqp.Publishing) error {
	return tryOnChannel(where, func(ch *amqp.Channel) error {
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

// consumers is how many take from a queue.
func consumers(t *testing.T, where site, queue string) (n int) {
	t.Helper()
	onChannel(t, where, func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		n = q.Consumers
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

// deleteQueues deletes a queue, and what there is beside it, when the test ends.
func deleteQueues(t *testing.T, where site, queue string) {
	t.Cleanup(func() {
		onChannel(t, where, func(ch *amqp.Channel) error {
			names := []string{queue, queue + wire.DeadSuffix}
			for seconds := 1; seconds <= 1024; seconds *= 2 {
				names = append(names, fmt.Sprint(queue, ".retry.", seconds))
			}
			for _, name := range names {
				if _, err := ch.QueueDelete(name, false, false, false); err != nil {
					return err
				}
			}
			return ch.ExchangeDelete(queue+".control", false, false)
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

// containers are those, in whatever state, that were made for a queue.
func (e *engine) containers(t *testing.T, queue string) (all []container) {
	t.Helper()
	if status := e.get(t, "/containers/json?all=1&filters="+ofQueue(t, queue), &all); status != http.StatusOK {
		t.Fatalf("Docker Engine: the list of containers: %d", status)
	}
	return all
}

// ofQueue is a filter, ready for a URI, for what was made for a queue.
func ofQueue(t *testing.T, queue string) string {
	return url.QueryEscape(body(t, message{"label": []string{"docker-dispatch.queue=" + queue}}))
}

// marks are the names of the volumes that were made for a queue, or about one of some containers.
func (e *engine) marks(t *testing.T, queue string, containers []string) (names []string) {
	t.Helper()
	var list struct {
		Volumes []struct {
			Name   string
			Labels map[string]string
		}
	}
	if status := e.get(t, "/volumes", &list); status != http.StatusOK {
		t.Fatalf("Docker Engine: the list of volumes: %d", status)
	}
	for _, volume := range list.Volumes {
		about := func(id string) bool { return strings.Contains(volume.Name, id) }
		if volume.Labels["docker-dispatch.queue"] == queue || slices.ContainsFunc(containers, about) {
			names = append(names, volume.Name)
		}
	}
	return names
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

// witness is what an Engine's events say about the containers of a queue.
type witness struct {
	mu   sync.Mutex
	seen map[string][]happening // by message id and attempt
}

// happening is something that a container did, or had done to it.
type happening struct {
	time.Time
	action, container string
}

func (h happening) String() string {
	return fmt.Sprintf("%s %s %.12s", h.Format("15:04:05.000"), h.action, h.container)
}

func attemptOf(id, attempt string) string { return id + "#" + attempt }

// watch begins to listen; it goes on to the end of the test, also when the Engine is away for a while.
func watch(t *testing.T, e *engine, queue string) *witness {
	t.Helper()
	w := &witness{seen: map[string][]happening{}}
	ctx, cancel := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		listening.Wait()
	})
	since := time.Now().UnixNano()
	heard := make(chan struct{})
	listening.Go(func() {
		for first := true; ctx.Err() == nil; first = false {
			res := e.events(ctx, queue, since)
			if first {
				close(heard)
			}
			if res != nil {
				since = w.read(res.Body, since)
				res.Body.Close()
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	<-heard
	return w
}

// events asks for those of a queue's containers from a time on, in nanoseconds of Unix time. An Engine that is away is nil.
func (e *engine) events(ctx context.Context, queue string, since int64) *http.Response {
	filters, _ := json.Marshal(message{"type": []string{"container"}, "label": []string{"docker-dispatch.queue=" + queue}})
	path := fmt.Sprintf("/events?since=%d.%09d&filters=%s", since/1e9, since%1e9, url.QueryEscape(string(filters)))
	req, err := http.NewRequestWithContext(ctx, "GET", "http://docker"+path, nil)
	if err != nil {
		panic(err)
	}
	client := http.Client{Transport: e.http.Transport} // without its time limit
	res, err := client.Do(req)
	if err != nil {
		return nil
	}
	return res
}

// read takes in events until they end, and returns the time of the last.
func (w *witness) read(stream io.Reader, since int64) int64 {
	for events := json.NewDecoder(stream); ; {
		var e struct {
			Action string
			Actor  struct {
				ID         string
				Attributes map[string]string
			}
			TimeNano int64 `json:"timeNano"`
		}
		if events.Decode(&e) != nil {
			return since
		}
		since = e.TimeNano + 1
		w.mu.Lock()
		key := attemptOf(e.Actor.Attributes["docker-dispatch.message-id"], cmp.Or(e.Actor.Attributes["docker-dispatch.attempt"], "1"))
		w.seen[key] = append(w.seen[key], happening{time.Unix(0, e.TimeNano), e.Action, e.Actor.ID})
		w.mu.Unlock()
	}
}

// times is how many containers of a message's attempt were created, or started; one that was started twice counts twice.
func (w *witness) times(action, id string, attempt int) (n int) {
	known := map[string]bool{}
	for _, h := range w.story(id, attempt) {
		if h.action == action && (action == "start" || !known[h.container]) {
			known[h.container] = true
			n++
		}
	}
	return n
}

// story is all that was seen of an attempt.
func (w *witness) story(id string, attempt int) []happening {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen[attemptOf(id, strconv.Itoa(attempt))])
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
	hosts   []string // where dockerd listens beside its socket
	holder  int      // its process id
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
	args := []string{"--target", strconv.Itoa(e.holder), "--net", "--pid", "--mount",
		"dockerd", "--config-file", e.dir + "/daemon.json", "--data-root", e.dir + "/data", "--exec-root", e.dir + "/exec",
		"--pidfile", e.dir + "/pid", "--host", "unix://" + e.dir + "/docker.sock"}
	for _, host := range e.hosts {
		args = append(args, "--host", host)
	}
	e.dockerd, e.ended = spawn(e.t, e.dir+"/out", os.Environ(), "nsenter", args...)
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

// Helpers: proxies between the program and its daemons. They pass on every byte as it is, and half-closes too.

// relay is a listener in front of a daemon. Its connections can be held up and cut, and it can go away.
type relay struct {
	t       *testing.T
	listen  func() (net.Listener, error)
	dial    func() (net.Conn, error)
	carry   func(*link) // carries both directions until they end
	up      *gate       // what goes to the daemon
	down    *gate       // what comes from it
	serving sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while the relay is away
	links    map[*link]bool
}

// link is a connection of the program, and the relay's own to the daemon.
type link struct {
	program, daemon halfCloser
	once            sync.Once
	dead            chan struct{} // closed when it is cut
}

// halfCloser is what sockets have, of both kinds.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

func (l *link) cut() {
	l.once.Do(func() {
		close(l.dead)
		l.program.Close()
		l.daemon.Close()
	})
}

// gate holds up what is written through it while it is shut.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // nil while it is open
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

func (g *gate) pass(l *link) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	if opened == nil {
		return
	}
	select {
	case <-opened:
	case <-l.dead:
	}
}

// gated is one side of a link, as the other is copied to it.
type gated struct {
	halfCloser
	gate *gate
	link *link
}

func (g gated) Write(data []byte) (int, error) {
	g.gate.pass(g.link)
	return g.halfCloser.Write(data)
}

func (g gated) CloseWrite() error {
	g.gate.pass(g.link)
	return g.halfCloser.CloseWrite()
}

// begin has the relay serve until the end of the test.
func (r *relay) begin() {
	r.t.Helper()
	r.up, r.down, r.links = new(gate), new(gate), map[*link]bool{}
	r.back()
	r.t.Cleanup(func() {
		r.away()
		r.serving.Wait()
	})
}

// back has the relay listen, and away ends that and cuts every connection.
func (r *relay) back() {
	r.t.Helper()
	l, err := r.listen()
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener = l
	r.serving.Go(func() { r.serve(l) })
}

func (r *relay) away() {
	r.mu.Lock()
	if r.listener != nil {
		r.listener.Close()
		r.listener = nil
	}
	r.mu.Unlock()
	r.cut()
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.links {
		l.cut()
	}
}

// freeze holds up both directions: nothing is heard of either side, as when packets are dropped. What was held up is passed on
// when it thaws.
func (r *relay) freeze() {
	r.up.shut()
	r.down.shut()
}

func (r *relay) thaw() {
	r.up.open()
	r.down.open()
}

func (r *relay) serve(listener net.Listener) {
	for {
		program, err := listener.Accept()
		if err != nil {
			return
		}
		r.serving.Go(func() { r.join(listener, program.(halfCloser)) })
	}
}

// join is the life of a connection.
func (r *relay) join(listener net.Listener, program halfCloser) {
	daemon, err := r.dial()
	if err != nil {
		program.Close()
		return
	}
	l := &link{program: program, daemon: daemon.(halfCloser), dead: make(chan struct{})}
	defer l.cut()
	r.mu.Lock()
	gone := r.listener != listener
	r.links[l] = true
	r.mu.Unlock()
	if !gone {
		r.carry(l)
	}
	r.mu.Lock()
	delete(r.links, l)
	r.mu.Unlock()
}

// bothWays runs the two directions of a link. One that ends in order is half-closed, any other is cut.
func (r *relay) bothWays(l *link, up, down func(to io.Writer) error) {
	direction := func(to gated, carry func(io.Writer) error) {
		if carry(to) != nil || to.CloseWrite() != nil {
			l.cut()
		}
	}
	var upward sync.WaitGroup
	upward.Go(func() { direction(gated{l.daemon, r.up, l}, up) })
	direction(gated{l.program, r.down, l}, down)
	upward.Wait()
}

// brokerProxy is a port in front of RabbitMQ.
type brokerProxy struct{ relay }

// newBrokerProxy returns a proxy in front of the site's broker, and the site whose program goes through it.
func newBrokerProxy(t *testing.T, where site) (*brokerProxy, site) {
	t.Helper()
	uri, err := url.Parse(where.broker)
	if err != nil {
		t.Fatal(err)
	}
	host, port := uri.Hostname(), cmp.Or(uri.Port(), "5672")
	address := "127.0.0.1:0"
	p := new(brokerProxy)
	p.t = t
	p.listen = func() (net.Listener, error) {
		l, err := net.Listen("tcp", address)
		if err == nil {
			address = l.Addr().String() // the same when it is back
		}
		return l, err
	}
	p.dial = func() (net.Conn, error) { return net.Dial("tcp", net.JoinHostPort(host, port)) }
	p.carry = func(l *link) {
		p.bothWays(l,
			func(to io.Writer) error { _, err := io.Copy(to, l.program); return err },
			func(to io.Writer) error { _, err := io.Copy(to, l.daemon); return err })
	}
	p.begin()
	uri.Host = address
	where.login = uri.String()
	return p, where
}

// engineProxy is a socket in front of an Engine. It knows each request and answer by its head, and obeys rules.
type engineProxy struct {
	relay
	operations map[string]*regexp.Regexp // by operationId: method and path

	rulesMu sync.Mutex
	rules   []*rule
}

// rule is what happens at a moment of an operation, for so many times.
type rule struct {
	operation string // "" is every one
	at        moment
	times     int
	do        func(*exchange)
}

type moment uint8

const (
	asked    moment = iota // the head of the request has come; the Engine has nothing of it
	answered               // the head of the answer has come; the program has nothing of it
	told                   // the first bytes of the answer's body have come; the program has none of them
)

const forever = 1 << 30

// exchange is a request and its answer. What it has beside its link is for rules to set.
type exchange struct {
	*link
	operation string
	refusal   string                    // passed back instead of asking the Engine: a whole answer
	head      string                    // of the request, and later of the answer
	body      func(io.Writer) io.Writer // what the answer's body goes through
}

// newEngineProxy returns a proxy in front of the site's Engine, and the site whose program goes through it.
func newEngineProxy(t *testing.T, where site) (*engineProxy, site) {
	t.Helper()
	daemon, err := wire.ParseAddr(where.engine.address)
	if err != nil {
		t.Fatal(err)
	}
	path := workDir(t) + "/docker.sock"
	p := &engineProxy{operations: map[string]*regexp.Regexp{}}
	for _, known := range operations(t) {
		pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(known.path), `[^/]+`)
		p.operations[known.id] = regexp.MustCompile(`^` + known.method + ` (/v[0-9.]+)?` + pattern + `[? ]`)
	}
	p.t = t
	p.listen = func() (net.Listener, error) { return net.Listen("unix", path) }
	p.dial = func() (net.Conn, error) { return daemon.Dial(context.Background()) }
	p.carry = func(l *link) {
		questions := make(chan *exchange, 1) // the program asks again when it has its answer
		p.bothWays(l,
			func(to io.Writer) error { defer close(questions); return p.ask(l, questions, to) },
			func(to io.Writer) error { return p.answer(l, questions, to) })
	}
	p.begin()
	where.socket = "unix://" + path
	return p, where
}

// on sets a rule.
func (p *engineProxy) on(operation string, at moment, times int, do func(*exchange)) {
	if p.operations[operation] == nil && operation != "" {
		p.t.Fatalf("the Engine has no operation %s", operation)
	}
	p.rulesMu.Lock()
	defer p.rulesMu.Unlock()
	p.rules = append(p.rules, &rule{operation, at, times, do})
}

// obeyed says whether no rule waits for its moment.
func (p *engineProxy) obeyed() bool {
	p.rulesMu.Lock()
	defer p.rulesMu.Unlock()
	return !slices.ContainsFunc(p.rules, func(r *rule) bool { return r.times > 0 })
}

// forget drops all rules.
func (p *engineProxy) forget() {
	p.rulesMu.Lock()
	defer p.rulesMu.Unlock()
	p.rules = nil
}

// obey does what the first rule for this moment says.
func (p *engineProxy) obey(x *exchange, at moment) {
	p.rulesMu.Lock()
	i := slices.IndexFunc(p.rules, func(r *rule) bool {
		return r.at == at && r.times > 0 && (r.operation == x.operation || r.operation == "")
	})
	if i < 0 {
		p.rulesMu.Unlock()
		return
	}
	do := p.rules[i].do
	p.rules[i].times--
	p.rulesMu.Unlock()
	do(x)
}

// ask carries requests.
func (p *engineProxy) ask(l *link, questions chan<- *exchange, to io.Writer) error {
	for from := bufio.NewReader(l.program); ; {
		head, err := readHead(from)
		if err != nil || head == "" {
			return err
		}
		x := &exchange{link: l, head: head, operation: p.operationOf(head)}
		p.obey(x, asked)
		body := bodyOf(from, head, "0")
		if x.refusal != "" {
			io.Copy(io.Discard, body)
			if _, err := io.WriteString(l.program, x.refusal); err != nil {
				return err
			}
			continue
		}
		if fieldOf(head, "Upgrade") != "" {
			body = from
		}
		questions <- x
		if _, err := io.WriteString(to, x.head); err != nil {
			return err
		}
		if _, err := io.Copy(to, body); err != nil {
			return err
		}
	}
}

// answer carries what the Engine says.
func (p *engineProxy) answer(l *link, questions <-chan *exchange, to io.Writer) error {
	for from := bufio.NewReader(l.daemon); ; {
		head, err := readHead(from)
		if err != nil || head == "" {
			return err
		}
		x, ok := <-questions
		if !ok {
			return io.ErrUnexpectedEOF
		}
		x.head = head
		p.obey(x, answered)
		if _, err := io.WriteString(to, x.head); err != nil {
			return err
		}
		body, through := bodyOf(from, head, ""), to
		if x.body != nil {
			through = x.body(to)
		}
		var first [1]byte
		if n, _ := body.Read(first[:]); n == 1 {
			p.obey(x, told)
			if _, err := through.Write(first[:]); err != nil {
				return err
			}
		}
		if _, err := io.Copy(through, body); err != nil {
			return err
		}
	}
}

func (p *engineProxy) operationOf(head string) string {
	for id, pattern := range p.operations {
		if pattern.MatchString(head) {
			return id
		}
	}
	return ""
}

// readHead returns the lines up to the empty one, which is its last; "" is an orderly end before the first.
func readHead(from *bufio.Reader) (head string, err error) {
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := from.ReadString('\n')
		if err == io.EOF && head+line == "" {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		head += line
	}
	return head, nil
}

func fieldOf(head, name string) string {
	match := regexp.MustCompile(`(?i)\r\n` + name + `: *([^\r]*)`).FindStringSubmatch(head)
	if match == nil {
		return ""
	}
	return match[1]
}

// bodyOf is the body behind a head, as it is on the wire. One without a length has that many bytes, or goes on to the end.
func bodyOf(from *bufio.Reader, head, length string) io.Reader {
	status := regexp.MustCompile(`^HTTP/1\.1 (204|304)`).MatchString(head)
	length = cmp.Or(fieldOf(head, "Content-Length"), length)
	switch {
	case status:
		return strings.NewReader("")
	case fieldOf(head, "Transfer-Encoding") != "":
		return &rawChunks{from: from}
	case length == "":
		return from
	}
	size, _ := strconv.ParseInt(length, 10, 64)
	return io.LimitReader(from, size)
}

// rawChunks reads a chunked body, the marks of its chunks too.
type rawChunks struct {
	from *bufio.Reader
	now  io.Reader // what is left of a chunk or of a line
	last bool
}

func (c *rawChunks) Read(data []byte) (int, error) {
	for {
		if c.now != nil {
			if n, err := c.now.Read(data); n > 0 || err != io.EOF {
				return n, err
			}
			c.now = nil
		}
		if c.last {
			return 0, io.EOF
		}
		line, err := c.from.ReadString('\n')
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return 0, err
		}
		c.last = size == 0
		c.now = io.MultiReader(strings.NewReader(line), io.LimitReader(c.from, size+int64(len("\r\n"))))
	}
}

// cutAfter has the connection cut behind so many bytes of the answer's body.
func cutAfter(size int) func(*exchange) {
	return func(x *exchange) {
		x.body = func(to io.Writer) io.Writer {
			return writer(func(data []byte) (int, error) {
				if len(data) < size {
					size -= len(data)
					return to.Write(data)
				}
				n, _ := to.Write(data[:size])
				return n, errors.New("cut here")
			})
		}
	}
}

// bend changes the byte of the answer's body that stands behind so many others.
func bend(offset int) func(*exchange) {
	return func(x *exchange) {
		x.body = func(to io.Writer) io.Writer {
			return writer(func(data []byte) (int, error) {
				if offset >= 0 && offset < len(data) {
					data = slices.Clone(data)
					data[offset] ^= 0xff
				}
				offset -= len(data)
				return to.Write(data)
			})
		}
	}
}

// refuse answers in the Engine's place.
func refuse(status int, text string) func(*exchange) {
	body := fmt.Sprintf(`{"message":%q}`, text)
	return func(x *exchange) {
		x.refusal = fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, http.StatusText(status), len(body), body)
	}
}

func cut(x *exchange) { x.cut() }

// garbage is an answer that is no HTTP.
func garbage(x *exchange) { x.head = "HTTP/9 banana\r\n\r\n" }

// onceEach does something at the first of each operation's exchanges.
func onceEach(do func(*exchange)) func(*exchange) {
	var done sync.Map
	return func(x *exchange) {
		if _, again := done.LoadOrStore(x.operation, true); !again {
			do(x)
		}
	}
}

// late passes on what comes only after a time.
func late(by time.Duration) func(*exchange) {
	return func(x *exchange) {
		select {
		case <-time.After(by):
		case <-x.dead:
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(data []byte) (int, error) { return w(data) }

// Helpers: an Engine of instant containers

// instantEngine is as much of an Engine as a run needs. Its containers say hello and end when they are started; those that are
// tried for the first time of several fail.
type instantEngine struct {
	mu         sync.Mutex
	containers map[string]*instant // by id
	volumes    map[string]map[string]string
}

type instant struct {
	id, name string
	labels   map[string]string
	state    string
	code     int
	attached net.Conn
	exited   chan struct{}
}

// newInstantEngine serves until the end of the test, and returns its address.
func newInstantEngine(t *testing.T) string {
	t.Helper()
	path := workDir(t) + "/docker.sock"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	e := &instantEngine{containers: map[string]*instant{}, volumes: map[string]map[string]string{}}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /_ping":                       e.ping,
		"POST /{v}/containers/create":      e.create,
		"GET /{v}/containers/json":         e.list,
		"POST /{v}/containers/{id}/attach": e.attach,
		"POST /{v}/containers/{id}/start":  e.start,
		"POST /{v}/containers/{id}/stop":   e.nothing,
		"POST /{v}/containers/{id}/rename": e.nothing,
		"POST /{v}/containers/{id}/wait":   e.wait,
		"GET /{v}/containers/{id}/json":    e.inspect,
		"GET /{v}/containers/{id}/logs":    e.logs,
		"DELETE /{v}/containers/{id}":      e.remove,
		"POST /{v}/volumes/create":         e.createVolume,
		"GET /{v}/volumes":                 e.listVolumes,
		"DELETE /{v}/volumes/{name}":       e.removeVolume,
	} {
		mux.HandleFunc(pattern, handle)
	}
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return "unix://" + path
}

func (e *instantEngine) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Ostype", "linux")
	io.WriteString(w, "OK")
}

// say answers with JSON.
func say(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(what)
}

func (e *instantEngine) nothing(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNoContent)
}

func (e *instantEngine) create(w http.ResponseWriter, r *http.Request) {
	var config struct{ Labels map[string]string }
	json.NewDecoder(r.Body).Decode(&config)
	id := make([]byte, 32)
	rand.Read(id)
	c := &instant{id: hex.EncodeToString(id), name: r.FormValue("name"), labels: config.Labels, state: "created", exited: make(chan struct{})}
	if _, fails := c.labels[failsFirst]; fails && c.labels["docker-dispatch.attempt"] == "1" {
		c.code = 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.containers[c.id] = c
	say(w, http.StatusCreated, message{"Id": c.id, "Warnings": []string{}})
}

// find answers 404 for a container that is not there.
func (e *instantEngine) find(w http.ResponseWriter, r *http.Request) *instant {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := r.PathValue("id")
	if c := e.containers[id]; c != nil {
		return c
	}
	for _, c := range e.containers {
		if c.name == id {
			return c
		}
	}
	say(w, http.StatusNotFound, message{"message": "No such container: " + id})
	return nil
}

func (e *instantEngine) attach(w http.ResponseWriter, r *http.Request) {
	c := e.find(w, r)
	if c == nil {
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	e.mu.Lock() // the start follows the answer
	defer e.mu.Unlock()
	io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	c.attached = conn
}

// hello is a frame of standard output.
const hello = "\x01\x00\x00\x00\x00\x00\x00\x06hello\n"

func (e *instantEngine) start(w http.ResponseWriter, r *http.Request) {
	c := e.find(w, r)
	if c == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.state != "created" {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	c.state = "exited"
	close(c.exited)
	if c.attached != nil {
		io.WriteString(c.attached, hello)
		c.attached.Close()
	}
	w.WriteHeader(http.StatusNoContent)
}

func (e *instantEngine) wait(w http.ResponseWriter, r *http.Request) {
	c := e.find(w, r)
	if c == nil {
		return
	}
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	select {
	case <-c.exited:
		json.NewEncoder(w).Encode(message{"StatusCode": c.code})
	case <-r.Context().Done():
	}
}

func (e *instantEngine) inspect(w http.ResponseWriter, r *http.Request) {
	c := e.find(w, r)
	if c == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now().Format(time.RFC3339Nano)
	say(w, http.StatusOK, message{"Id": c.id, "Name": "/" + c.name, "Config": message{"Labels": c.labels},
		"State":      message{"Status": c.state, "ExitCode": c.code, "StartedAt": now, "FinishedAt": now},
		"HostConfig": message{"LogConfig": message{"Type": "json-file"}}})
}

func (e *instantEngine) logs(w http.ResponseWriter, r *http.Request) {
	if e.find(w, r) != nil {
		io.WriteString(w, hello)
	}
}

func (e *instantEngine) remove(w http.ResponseWriter, r *http.Request) {
	c := e.find(w, r)
	if c == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.containers, c.id)
	w.WriteHeader(http.StatusNoContent)
}

// wanted tells whether labels have all that a request filters by.
func wanted(r *http.Request, labels map[string]string) bool {
	var filters struct{ Label []string }
	json.Unmarshal([]byte(r.FormValue("filters")), &filters)
	return !slices.ContainsFunc(filters.Label, func(filter string) bool {
		name, value, exact := strings.Cut(filter, "=")
		has, there := labels[name]
		return !there || exact && has != value
	})
}

func (e *instantEngine) list(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []message{}
	for _, c := range e.containers {
		if wanted(r, c.labels) {
			all = append(all, message{"Id": c.id, "Names": []string{"/" + c.name}, "State": c.state, "Labels": c.labels, "Created": time.Now().Unix()})
		}
	}
	say(w, http.StatusOK, all)
}

func (e *instantEngine) createVolume(w http.ResponseWriter, r *http.Request) {
	var config struct {
		Name   string
		Labels map[string]string
	}
	json.NewDecoder(r.Body).Decode(&config)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.volumes[config.Name] = config.Labels
	say(w, http.StatusCreated, config)
}

func (e *instantEngine) listVolumes(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []message{}
	for name, labels := range e.volumes {
		if wanted(r, labels) {
			all = append(all, message{"Name": name, "Labels": labels})
		}
	}
	say(w, http.StatusOK, message{"Volumes": all})
}

func (e *instantEngine) removeVolume(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, found := e.volumes[r.PathValue("name")]
	delete(e.volumes, r.PathValue("name"))
	if !found {
		say(w, http.StatusNotFound, message{"message": "no such volume"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Helpers: a registry

// registry is one of a single image, as distribution's HTTP API V2 has it, on a port of 127.0.0.1.
type registry struct {
	user, password string
	address        string
	image          string // its reference
	manifest       []byte
	blobs          map[string][]byte // by digest

	mu     sync.Mutex
	busy   int // the first visits, for which there is 429
	visits int // of the Engine since begin; each starts at /v2/
}

// The types of the parts of an image.
const (
	typeManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeConfig   = "application/vnd.docker.container.image.v1+json"
	typeLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// newRegistry makes one whose image has the layers of the tests' image, and a command of its own.
func newRegistry(t *testing.T, e *engine, user, password string) *registry {
	t.Helper()
	r := &registry{user: user, password: password, blobs: map[string][]byte{}}
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // an Engine tries TLS first
	server.Start()
	t.Cleanup(server.Close)
	r.address = server.Listener.Addr().String()
	r.image = r.address + "/private/hello"

	rootfs, layers := e.layers(t)
	var list []message
	for _, layer := range layers {
		list = append(list, r.add(typeLayer, layer))
	}
	config := r.add(typeConfig, []byte(body(t, message{
		"architecture": runtime.GOARCH, "os": "linux", "created": time.Now().UTC(),
		"config": message{"Cmd": []string{"echo", "from a private registry"}},
		"rootfs": rootfs,
	})))
	r.manifest = []byte(body(t, message{"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": list}))
	return r
}

// layers are those of the tests' image, and what its configuration says of them.
func (e *engine) layers(t *testing.T) (rootfs json.RawMessage, layers [][]byte) {
	t.Helper()
	res, err := e.http.Get("http://docker/images/" + image + "/get")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the image %s: %v, %v; scripts/image makes it", image, res, err)
	}
	defer res.Body.Close()
	files := map[string][]byte{}
	for archive := tar.NewReader(res.Body); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal("the image: ", err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal("the image: ", err)
		}
	}
	var saved []struct {
		Config string
		Layers []string
	}
	var config struct{ Rootfs json.RawMessage }
	if err := json.Unmarshal(files["manifest.json"], &saved); err != nil || len(saved) != 1 {
		t.Fatalf("the image: %v in %s", err, files["manifest.json"])
	}
	if err := json.Unmarshal(files[saved[0].Config], &config); err != nil {
		t.Fatal("the image: ", err)
	}
	for _, name := range saved[0].Layers {
		layers = append(layers, files[name])
	}
	return config.Rootfs, layers
}

// add takes a blob in, and returns how a manifest has it.
func (r *registry) add(mediaType string, data []byte) message {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	r.blobs[digest] = data
	return message{"mediaType": mediaType, "size": len(data), "digest": digest}
}

// begin counts anew, and has no time for the next visits.
func (r *registry) begin(busy int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy, r.visits = busy, 0
}

func (r *registry) visited() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.visits
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.URL.Path == "/v2/" {
		r.visits++
	}
	user, password, _ := req.BasicAuth()
	_, digest, isBlob := strings.Cut(req.URL.Path, "/blobs/")
	switch {
	case user != r.user || password != r.password:
		w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
		refuseByRegistry(w, http.StatusUnauthorized, "UNAUTHORIZED")
	case strings.HasSuffix(req.URL.Path, "/hello/tags/list"):
		json.NewEncoder(w).Encode(message{"name": "private/hello", "tags": []string{"latest", "other"}})
	case strings.Contains(req.URL.Path, "/hello/manifests/"):
		r.serveManifest(w, req)
	case isBlob && r.blobs[digest] != nil:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(r.blobs[digest]))
	case req.URL.Path != "/v2/":
		refuseByRegistry(w, http.StatusNotFound, "NAME_UNKNOWN")
	}
}

func (r *registry) serveManifest(w http.ResponseWriter, req *http.Request) {
	if r.visits <= r.busy {
		refuseByRegistry(w, http.StatusTooManyRequests, "TOOMANYREQUESTS")
		return
	}
	w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256(r.manifest)))
	w.Header().Set("Content-Type", typeManifest)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(r.manifest))
}

func refuseByRegistry(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(message{"errors": []message{{"code": code, "message": "no"}}})
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

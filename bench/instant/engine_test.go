package instant

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The real Engine, and an image whose programs are busybox's: what make image makes.
const (
	realSocket = "/var/run/docker.sock"
	realImage  = "docker-dispatch/busybox"
)

// side is one of two Engines that are asked the same.
type side struct {
	socket string
	create map[string]string // the body that makes a container, by what it does

	attach net.Conn
}

const name = "instant-engine-test"

// calls are asked in turn of both. NAME is the container's; > is what a create makes.
var calls = []struct{ method, path, makes string }{
	{"GET", "/_ping", ""},
	{"HEAD", "/_ping", ""},
	{"GET", "/version", ""},
	{"GET", "/nothing", ""},
	{"POST", "/containers/create?name=NAME", "say"},
	{"POST", "/containers/create?name=NAME", "say"}, // in use
	{"GET", "/containers/NAME/json", ""},
	{"POST", "/containers/NAME/wait", ""}, // never ran
	{"POST", "/containers/NAME/kill", ""},
	{"ATTACH", "/containers/NAME/attach?stream=1&stdout=1&stderr=1", ""},
	{"POST", "/containers/NAME/start", ""},
	{"READ", "", ""},
	{"POST", "/containers/NAME/wait", ""},
	{"GET", "/containers/NAME/json", ""},
	{"GET", "/containers/json?all=1&filters=" + `%7B%22label%22%3A%7B%22instant%3Dtest%22%3Atrue%7D%7D`, ""},
	{"GET", "/containers/json?all=1&filters=" + `%7B%22label%22%3A%5B%22instant%3Dtest%22%5D%7D`, ""},
	{"GET", "/containers/json?filters=" + `%7B%22label%22%3A%5B%22instant%3Dtest%22%5D%7D`, ""},
	{"GET", "/containers/NAME/logs?stdout=1&stderr=1", ""},
	{"POST", "/containers/NAME/stop", ""},
	{"DELETE", "/containers/NAME", ""},
	{"DELETE", "/containers/NAME", ""},
	{"GET", "/containers/NAME/json", ""},
	{"POST", "/containers/NAME/start", ""},
	{"POST", "/containers/NAME/wait", ""},
	{"POST", "/containers/NAME/kill", ""},
	{"POST", "/containers/NAME/stop", ""},
	{"GET", "/containers/NAME/logs?stdout=1", ""},
	{"ATTACH", "/containers/NAME/attach?stream=1&stdout=1&stderr=1", ""},
	{"POST", "/containers/create?name=NAME", "hold"},
	{"ATTACH", "/containers/NAME/attach?stream=1&stdout=1&stderr=1", ""},
	{"POST", "/containers/NAME/start", ""},
	{"POST", "/containers/NAME/start", ""}, // runs already
	{"GET", "/containers/NAME/json", ""},
	{"DELETE", "/containers/NAME", ""}, // runs
	{"POST", "/containers/NAME/kill", ""},
	{"READ", "", ""},
	{"POST", "/containers/NAME/wait", ""},
	{"DELETE", "/containers/NAME?v=1", ""},
	{"POST", "/containers/create?name=NAME", "hold"},
	{"POST", "/containers/NAME/start", ""},
	{"POST", "/containers/NAME/stop?t=0", ""},
	{"DELETE", "/containers/NAME?force=1", ""},
	{"POST", "/volumes/create", "volume"},
	{"POST", "/volumes/create", "volume"},
	{"GET", "/volumes?filters=" + `%7B%22label%22%3A%5B%22instant%3Dtest%22%5D%7D`, ""},
	{"DELETE", "/volumes/NAME", ""},
	{"DELETE", "/volumes/NAME", ""},
	{"GET", "/volumes?filters=" + `%7B%22label%22%3A%5B%22instant%3Dtest%22%5D%7D`, ""},
}

func TestAnswersAreTheRealEngines(t *testing.T) {
	real := realEngine(t)
	ours := instantEngine(t)
	for i, call := range calls {
		what := fmt.Sprintf("%d: %s %s %s", i, call.method, call.path, call.makes)
		want, got := real.ask(t, call.method, call.path, call.makes), ours.ask(t, call.method, call.path, call.makes)
		if got.status != want.status || got.kind != want.kind || got.framing != want.framing {
			t.Errorf("%s: status, type and framing are %s, %q, %s; the real Engine's %s, %q, %s\n%.300s\n%.300s",
				what, got.status, got.kind, got.framing, want.status, want.kind, want.framing, got.body, want.body)
		}
		if !slices.Equal(got.fields, want.fields) {
			t.Errorf("%s: fields are %v, the real Engine's %v", what, got.fields, want.fields)
		}
		if problem := within(got.body, want.body); problem != "" && call.path != "/version" {
			t.Errorf("%s: %s\n%.1000s\nthe real Engine's:\n%.3000s", what, problem, got.body, want.body)
		}
	}
}

func realEngine(t *testing.T) *side {
	s := &side{socket: realSocket, create: bodies(realImage, `["echo","hello"]`, `["sleep","1000"]`)}
	conn, err := net.Dial("unix", realSocket)
	if err != nil {
		t.Skipf("there is no real Engine: %v", err)
	}
	conn.Close()
	if a := s.ask(t, "GET", "/images/"+realImage+"/json", ""); a.status != "200 OK" {
		t.Skipf("the real Engine has no image %s", realImage)
	}
	tidy := func() {
		s.ask(t, "DELETE", "/containers/"+name+"?force=1", "")
		s.ask(t, "DELETE", "/volumes/"+name, "")
	}
	tidy()
	t.Cleanup(tidy)
	return s
}

func instantEngine(t *testing.T) *side {
	e, err := Listen(filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return &side{socket: e.Socket, create: bodies("any", `["say","hello"]`, `["hold"]`)}
}

func bodies(image, say, hold string) map[string]string {
	container := func(cmd string) string {
		return fmt.Sprintf(`{"Image":%q,"Cmd":%s,"AttachStdout":true,"AttachStderr":true,"Labels":{"instant":"test"}}`, image, cmd)
	}
	return map[string]string{
		"say": container(say), "hold": container(hold), "volume": fmt.Sprintf(`{"Name":%q,"Driver":"local","Labels":{"instant":"test"}}`, name), "": "",
	}
}

// answer is what has to be the same.
type answer struct {
	status, kind, framing string
	fields                []string // their names
	body                  string
}

func (s *side) ask(t *testing.T, method, path, makes string) answer {
	t.Helper()
	switch method {
	case "READ":
		return s.read(t)
	case "ATTACH":
		return s.begin(t, path)
	}
	conn := s.dial(t)
	defer conn.Close()
	body := s.create[makes]
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, target(path), len(body), body)
	req, err := http.NewRequest(method, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := receive(t, bufio.NewReader(conn), req, method+" "+path)
	return a
}

func target(path string) string {
	path = strings.ReplaceAll(path, "NAME", name)
	if path == "/_ping" {
		return path
	}
	return "/v1.41" + path
}

func (s *side) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

func receive(t *testing.T, r *bufio.Reader, req *http.Request, what string) (answer, *http.Response) {
	t.Helper()
	res, err := http.ReadResponse(r, req)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	a := answer{status: strings.TrimSpace(res.Status), kind: res.Header.Get("Content-Type"), framing: "a length"}
	switch {
	case len(res.TransferEncoding) > 0:
		a.framing = "chunks"
	case res.ContentLength < 0:
		a.framing = "to the end"
	}
	for field := range res.Header {
		a.fields = append(a.fields, field)
	}
	slices.Sort(a.fields)
	if res.StatusCode == http.StatusSwitchingProtocols {
		return a, res
	}
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	a.body = string(data)
	return a, res
}

// begin attaches. A refusal is read to its end.
func (s *side) begin(t *testing.T, path string) answer {
	t.Helper()
	conn := s.dial(t)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n", target(path))
	r := bufio.NewReaderSize(conn, 16) // nothing of the stream is read ahead but what is discarded here
	a, res := receive(t, r, &http.Request{Method: "POST"}, path)
	if res.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return a
	}
	if s.attach = conn; r.Buffered() > 0 {
		t.Fatalf("%s: %d bytes before the start", path, r.Buffered())
	}
	return a
}

// read is the attach to its end.
func (s *side) read(t *testing.T) answer {
	t.Helper()
	data, err := io.ReadAll(s.attach)
	s.attach.Close()
	if err != nil {
		t.Fatal(err)
	}
	return answer{body: fmt.Sprintf("%q", data)}
}

// within says what of a body is not in another: a value of another kind, a key that the other has not. The other may have more keys.
func within(got, want string) string {
	var g, w any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		if got != want && !strings.HasPrefix(got, "{") {
			return "the bodies differ"
		}
		return ""
	}
	return differ("", g, w)
}

func differ(at string, got, want any) string {
	if got == nil || want == nil {
		return ""
	}
	if g, w := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); g != w {
		return fmt.Sprintf("%s is %s, not %s", at, g, w)
	}
	switch got := got.(type) {
	case map[string]any:
		for key, value := range got {
			other, ok := want.(map[string]any)[key]
			if !ok {
				return fmt.Sprintf("%s.%s is not the real Engine's", at, key)
			}
			if problem := differ(at+"."+key, value, other); problem != "" {
				return problem
			}
			if key == "message" && anyID(value) != anyID(other) {
				return fmt.Sprintf("%q, not %q", value, other)
			}
		}
	case []any:
		if len(got) != len(want.([]any)) && at != ".Args" && at != ".Config.Cmd" && at != ".Volumes" {
			return fmt.Sprintf("%s has %d elements, not %d", at, len(got), len(want.([]any)))
		}
		for i := range min(len(got), len(want.([]any))) {
			if problem := differ(fmt.Sprint(at, "[", i, "]"), got[i], want.([]any)[i]); problem != "" {
				return problem
			}
		}
	}
	return ""
}

var id = regexp.MustCompile("[0-9a-f]{64}")

func anyID(message any) string { return id.ReplaceAllString(fmt.Sprint(message), "ID") }

// TestNextExit has the head of a wait come at once, and its body at the exit.
func TestNextExit(t *testing.T) {
	for _, s := range []*side{realEngine(t), instantEngine(t)} {
		s.ask(t, "POST", "/containers/create?name=NAME", "hold")
		conn := s.dial(t)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n", target("/containers/NAME/wait?condition=next-exit"))
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
		s.ask(t, "POST", "/containers/NAME/start", "")
		s.ask(t, "POST", "/containers/NAME/kill", "")
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != `{"Error":null,"StatusCode":137}`+"\n" {
			t.Errorf("%q, %v", body, err)
		}
		conn.Close()
		s.ask(t, "DELETE", "/containers/NAME", "")
	}
}

func TestLines(t *testing.T) {
	for _, test := range []struct{ count, length int }{{0, 1}, {1, 1}, {3, 7}, {512, 64}, {513, 64}, {100_000, 64}, {5, 32 << 10}, {1000, 999}} {
		done, err := parseAct([]string{"lines", fmt.Sprint(test.count), fmt.Sprint(test.length)})
		if err != nil {
			t.Fatal(err)
		}
		var stream bytes.Buffer
		done.write(func(b []byte) error { stream.Write(b); return nil })
		var text []byte
		for b := stream.Bytes(); len(b) > 0; {
			n := int(b[4])<<24 | int(b[5])<<16 | int(b[6])<<8 | int(b[7])
			if b[0] != 1 || n == 0 || n > frameLen {
				t.Fatalf("%v: a frame begins with % x", test, b[:8])
			}
			text, b = append(text, b[8:8+n]...), b[8+n:]
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		for _, line := range lines[:len(lines)-1] {
			if len(line) != test.length {
				t.Fatalf("%v: a line of %d bytes", test, len(line))
			}
		}
		if len(lines)-1 != test.count || len(lines[len(lines)-1]) > 0 {
			t.Errorf("%v: %d lines", test, len(lines)-1)
		}
	}
}

func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for n := range uint64(100_000) {
		id := newID(n)
		if len(id) != 64 || seen[id[:12]] {
			t.Fatalf("%d: %s", n, id)
		}
		seen[id[:12]] = true
	}
}

package cmds

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
)

// recorder is an Engine of an API version that says yes to everything, and notes what it is asked. Its containers are there when
// they are named, and their names are their ids; one that is called tty has a terminal.
type recorder struct {
	*http.Server
	t           *testing.T
	dir, socket string
	version     string
	started     chan struct{} // closed when a container is started
	start       func()

	mu       sync.Mutex
	requests []string
	exec     struct{ AttachStdin, Tty bool } // the body of the last one
}

func newRecorder(t *testing.T, version string) *recorder {
	dir, err := os.MkdirTemp("", "recorder")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, dir: dir, socket: filepath.Join(dir, "s"), version: version, started: make(chan struct{})}
	r.start = sync.OnceFunc(func() { close(r.started) })
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(recorderLogins), 0o600); err != nil {
		t.Error(err)
	}
	listener, err := net.Listen("unix", r.socket)
	if err != nil {
		t.Error(err)
	}
	r.Server = &http.Server{Handler: r}
	go r.Serve(listener)
	return r
}

func (r *recorder) end() {
	r.Close()
	os.RemoveAll(r.dir)
}

// recorderLogins are the credentials, of docker's CLI and of us: me with secret, and hub with public.
const recorderLogins = `{"auths":{"private.example:5000":{"auth":"bWU6c2VjcmV0"},"https://index.docker.io/v1/":{"auth":"aHViOnB1YmxpYw=="}}}`

// replies are what the recorder answers, the first that fits.
var replies = []struct {
	request *regexp.Regexp
	answer  func(r *recorder, w http.ResponseWriter, q *http.Request, name string)
}{
	{regexp.MustCompile(`^GET /containers/json$`), say(200, `[]`)},
	{regexp.MustCompile(`^GET /containers/([^/]+)/json$`), (*recorder).inspect},
	{regexp.MustCompile(`^POST /containers/create$`), (*recorder).create},
	{regexp.MustCompile(`^POST /containers/([^/]+)/attach$`), (*recorder).attach},
	{regexp.MustCompile(`^POST /containers/[^/]+/start$`), func(r *recorder, w http.ResponseWriter, _ *http.Request, _ string) {
		r.start()
		w.WriteHeader(204)
	}},
	{regexp.MustCompile(`^POST /containers/[^/]+/wait$`), (*recorder).wait},
	{regexp.MustCompile(`^POST /containers/[^/]+/update$`), say(200, `{"Warnings":[]}`)},
	{regexp.MustCompile(`^POST /containers/[^/]+/exec$`), say(201, `{"Id":"e1"}`)},
	{regexp.MustCompile(`^POST /exec/[^/]+/start$`), (*recorder).runExec},
	{regexp.MustCompile(`^GET /exec/[^/]+/json$`), say(200, `{"ID":"e1","Running":false,"ExitCode":3,"Pid":42}`)},
	{regexp.MustCompile(`^GET /containers/([^/]+)/logs$`), func(_ *recorder, w http.ResponseWriter, _ *http.Request, name string) {
		w.Write(said(name == "tty"))
	}},
	{regexp.MustCompile(`^(?:HEAD|GET) /containers/[^/]+/archive$`), (*recorder).archive},
	{regexp.MustCompile(`^PUT /containers/[^/]+/archive$`), say(200, ``)},
	{regexp.MustCompile(`^POST /images/create$`), say(200, `{"status":"Pulling"}`)},
	{regexp.MustCompile(`^GET /images/.*/json$`), say(200, `{"Id":"sha256:1"}`)},
	{regexp.MustCompile(`^DELETE /images/`), say(200, `[{"Untagged":"busybox:latest"}]`)},
	{regexp.MustCompile(`^GET /volumes/`), say(200, `{"Name":"data"}`)},
	{regexp.MustCompile(`^POST /volumes/create$`), say(201, `{"Name":"data"}`)},
	{regexp.MustCompile(`^GET /networks/`), say(200, `{"Name":"mynet","Id":"n1","Scope":"local"}`)},
	{regexp.MustCompile(`^POST /networks/create$`), say(201, `{"Id":"n1","Warning":""}`)},
	{regexp.MustCompile(`^POST /networks/[^/]+/(?:dis)?connect$`), say(200, ``)},
	{regexp.MustCompile(`^(?:POST|DELETE) /`), say(204, ``)},
}

func say(status int, body string) func(*recorder, http.ResponseWriter, *http.Request, string) {
	return func(_ *recorder, w http.ResponseWriter, _ *http.Request, _ string) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

var versionPrefix = regexp.MustCompile(`^/v1\.\d+`)

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Api-Version", r.version)
	w.Header().Set("Ostype", "linux")
	w.Header().Set("Content-Type", "application/json")
	path := versionPrefix.ReplaceAllString(q.URL.Path, "")
	if path == "/_ping" {
		return
	}
	body, _ := io.ReadAll(q.Body)
	r.note(q, path, body)
	for _, reply := range replies {
		if m := reply.request.FindStringSubmatch(q.Method + " " + path); m != nil {
			reply.answer(r, w, q, append(m, "")[1])
			return
		}
	}
	refuse(w, 404, "page not found")
}

// create misses the image that is called missing until something has been pulled.
func (r *recorder) create(w http.ResponseWriter, q *http.Request, name string) {
	r.mu.Lock()
	asked := strings.Join(r.requests, "\n")
	r.mu.Unlock()
	if strings.Contains(asked, `"Image":"missing"`) && !strings.Contains(asked, "POST /images/create") {
		refuse(w, 404, "No such image: missing:latest")
		return
	}
	say(201, `{"Id":"abc","Warnings":[]}`)(r, w, q, name)
}

func (r *recorder) inspect(w http.ResponseWriter, _ *http.Request, name string) {
	fmt.Fprintf(w, `{"Id":%q,"Name":"/%[1]s","Image":"sha256:1","State":{"Status":"exited","ExitCode":3},"Config":{"Tty":%v,"OpenStdin":true},"HostConfig":{},"NetworkSettings":{}}`, name, name == "tty")
}

// wait answers at once, or when a container has been started.
func (r *recorder) wait(w http.ResponseWriter, q *http.Request, _ string) {
	http.NewResponseController(w).Flush()
	if q.URL.Query().Has("condition") {
		select {
		case <-r.started:
		case <-q.Context().Done():
		}
	}
	io.WriteString(w, `{"StatusCode":3}`)
}

// archive has a symbolic link at every path that ends so, a folder at /srv, and else a file.
func (r *recorder) archive(w http.ResponseWriter, q *http.Request, _ string) {
	place := q.URL.Query().Get("path")
	stat := map[string]any{"name": path.Base(place), "size": 4, "mode": 0o644, "mtime": "2026-01-02T03:04:05Z", "linkTarget": ""}
	switch {
	case strings.HasSuffix(place, "link"):
		stat["mode"], stat["linkTarget"] = os.ModeSymlink|0o777, "/etc/target"
	case strings.HasPrefix(place, "/srv"):
		stat["mode"] = os.ModeDir | 0o755
	}
	text, _ := json.Marshal(stat)
	w.Header().Set("X-Docker-Container-Path-Stat", base64.StdEncoding.EncodeToString(text))
	w.Header().Set("Content-Type", "application/x-tar")
	if q.Method == "GET" {
		w.Write(smallTar())
	}
}

// smallTar is an archive of one file.
func smallTar() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: 4, Format: tar.FormatUSTAR})
	io.WriteString(w, "text")
	w.Close()
	return b.Bytes()
}

func (r *recorder) attach(w http.ResponseWriter, q *http.Request, name string) {
	r.talk(w, q, q.URL.Query().Has("stdin"), name == "tty", r.started)
}

func (r *recorder) runExec(w http.ResponseWriter, q *http.Request, _ string) {
	if q.Header.Get("Upgrade") == "" {
		return
	}
	r.mu.Lock()
	exec := r.exec
	r.mu.Unlock()
	ready := make(chan struct{})
	close(ready)
	r.talk(w, q, exec.AttachStdin, exec.Tty, ready)
}

// talk is the streams of an attach or an exec, once it is ready: it takes the input, of a terminal one line, of others all, and says
// a word.
func (r *recorder) talk(w http.ResponseWriter, q *http.Request, stdin, tty bool, ready chan struct{}) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	select {
	case <-ready:
	case <-time.After(patience):
		return
	}
	if stdin {
		var input []byte
		if tty {
			input, _ = buffered.ReadBytes('\n')
		} else {
			input, _ = io.ReadAll(buffered)
		}
		r.add(fmt.Sprintf("input %q", input))
	}
	conn.Write(said(tty))
}

// said is an output.
func said(tty bool) []byte {
	if tty {
		return []byte("said\r\n")
	}
	return frame(dockerapi.Stdout, "said\n")
}

func (r *recorder) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, line)
}

// asked is what was asked for a command, a line each. What only looks is left out, but of the commands that do nothing else.
func (r *recorder) asked(verb string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := slices.Clone(r.requests)
	if verb != "inspect" {
		lines = slices.DeleteFunc(lines, looks.MatchString)
	}
	return strings.Join(lines, "\n")
}

// note writes down a request with all that tells something, the path without the version.
func (r *recorder) note(q *http.Request, path string, body []byte) {
	line := []string{q.Method + " " + path}
	isCreate := path == "/containers/create"
	if query := tellingQuery(q.URL.Query()); query != "" && !isCreate {
		line[0] += "?" + query
	}
	if q.Header.Get("Upgrade") != "" {
		line = append(line, "hijack")
	}
	if auth := q.Header.Get("X-Registry-Auth"); auth != "" {
		login, _ := base64.URLEncoding.DecodeString(auth)
		line = append(line, "auth", string(login))
	}
	switch {
	case isCreate:
		query := q.URL.Query()
		if strings.HasPrefix(query.Get("name"), ownName) {
			query.Del("name")
		}
		line = append(line, asked(r.t, query, body))
	case q.Header.Get("Content-Type") == "application/json" && len(body) > 0:
		r.mu.Lock()
		json.Unmarshal(body, &r.exec)
		r.mu.Unlock()
		line = append(line, r.tellingBody(body))
	case len(body) > 0:
		line = append(line, fmt.Sprintf("%x", sha256.Sum256(body))[:16])
	}
	r.add(strings.TrimSpace(strings.Join(line, " ")))
}

// ownName begins the names that we give to what a message has no name for.
const ownName = "docker-dispatch-"

// tellingBody is a body without what says nothing, and without the dispatcher's own labels. Of the variables the last of a name
// counts. CheckDuplicate is sent here to those Engines too that do so unasked.
func (r *recorder) tellingBody(body []byte) string {
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		return err.Error()
	}
	if labels, ok := sent["Labels"].(map[string]any); ok {
		for name := range labels {
			if strings.HasPrefix(name, labelPrefix) {
				delete(labels, name)
			}
		}
	}
	if env, ok := sent["Env"].([]any); ok {
		sent["Env"] = lastOfEach(env)
	}
	if name, ok := sent["Name"].(string); ok && strings.HasPrefix(name, ownName) {
		sent["Name"] = ownName + "…"
	}
	delete(sent, "ConsoleSize")
	if r.version >= "1.44" {
		delete(sent, "CheckDuplicate")
	}
	if ipam, ok := sent["IPAM"].(map[string]any); ok { // docker's are in no order
		configs, _ := ipam["Config"].([]any)
		slices.SortFunc(configs, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	text, _ := json.Marshal(telling("", sent))
	if string(text) == "{}" {
		return ""
	}
	return string(text)
}

// tellingQuery is a query in the order of its keys, unescaped. An image's reference is as a message may have it, and a time of
// today is how long ago it is. What is true is 1: the Engine takes both.
func tellingQuery(query url.Values) string {
	var pairs []string
	for key, values := range query {
		value := strings.Join(values, ",")
		switch key {
		case "fromImage":
			value = strings.TrimPrefix(strings.TrimPrefix(value, "docker.io/"), "library/")
		case "since", "until":
			value = ago(value)
		case "copyUIDGID":
			value = strings.Replace(value, "true", "1", 1)
		}
		pairs = append(pairs, key+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// ago writes a time that is near the present one as its distance.
func ago(seconds string) string {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if distance := time.Since(time.Unix(n, 0)); err == nil && distance.Abs() < 24*time.Hour {
		return "now-" + distance.Round(time.Minute).String()
	}
	return seconds
}

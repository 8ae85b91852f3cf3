package dockerapi

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// printed is what a format makes of all calls.
func printed(t *testing.T, format string, calls []Call) string {
	t.Helper()
	var b strings.Builder
	if err := CallFormats[format](&b, calls); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// filter is a proxy's judgement of a request, after net/http's server has read it as that of the proxy does.
type filter func(*http.Request) bool

// cetusguard reads rules as hectorm/cetusguard does: lines of methods and an expression, between ^ and $ for all of the target.
func cetusguard(t *testing.T, rules string) filter {
	line := regexp.MustCompile(`^[\t ]*([A-Z]+(?:,[A-Z]+)*)[\t ]+(.+?)[\t ]*$`)
	type rule struct {
		methods []string
		pattern *regexp.Regexp
	}
	var all []rule
	for text := range strings.Lines(rules) {
		text = strings.TrimSuffix(text, "\n")
		if strings.HasPrefix(text, "!") {
			continue
		}
		parts := line.FindStringSubmatch(text)
		if parts == nil || strings.Contains(strings.ReplaceAll(text, "%2F", ""), "%") { // %NAME% is a variable
			t.Fatalf("no rule: %s", text)
		}
		all = append(all, rule{strings.Split(parts[1], ","), regexp.MustCompile("^" + parts[2] + "$")})
	}
	return func(r *http.Request) bool {
		for _, rule := range all {
			for _, method := range rule.methods {
				if method == r.Method && rule.pattern.MatchString(r.URL.RequestURI()) {
					return true
				}
			}
		}
		return false
	}
}

// wollomatic reads options as wollomatic/socket-proxy does: an expression each method, between ^ and $ for the decoded path.
func wollomatic(t *testing.T, options string) filter {
	all := map[string]*regexp.Regexp{}
	for option := range strings.Lines(options) {
		name, pattern, found := strings.Cut(strings.TrimSuffix(option, "\n"), "=")
		method, known := strings.CutPrefix(name, "-allow")
		if !found || !known || all[method] != nil {
			t.Fatalf("no option, or twice: %s", option)
		}
		all[method] = regexp.MustCompile("^" + pattern + "$")
	}
	return func(r *http.Request) bool {
		return all[r.Method] != nil && all[r.Method].MatchString(r.URL.Path)
	}
}

// tecnativa reads an environment as the configuration of tecnativa/docker-socket-proxy does: methods, gates, then sections.
func tecnativa(t *testing.T, environment string) filter {
	set := map[string]bool{}
	for line := range strings.Lines(environment) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(line, "#") {
			set[name] = value == "1"
		}
	}
	gate := regexp.MustCompile(`^(?:/v[\d.]+)?/containers/[a-zA-Z0-9_.-]+/(exec|kill|attach|archive|export|logs)`)
	section := regexp.MustCompile(`^(?:/v[\d.]+)?/_?([a-z]+)`)
	return func(r *http.Request) bool {
		if r.Method != "GET" && !(set["POST"] && set[r.Method]) {
			return false
		}
		if parts := gate.FindStringSubmatch(r.URL.Path); parts != nil && !set["ALLOW_"+strings.ToUpper(parts[1])] {
			return false
		}
		parts := section.FindStringSubmatch(r.URL.Path)
		return parts != nil && set[strings.ToUpper(parts[1])]
	}
}

// asked is a request as a server sees it.
func asked(t *testing.T, line string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + " HTTP/1.1\r\nHost: docker\r\n\r\n")))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r
}

// sent is the request line of a row, with a name of each kind and all that its query may have.
func sent(t *testing.T, op call, id string, full bool) string {
	query := url.Values{}
	for _, key := range calls[op].query {
		if full {
			query.Set(key, "a b&c=d/../e?f#%2F\r\n")
		}
	}
	c := client(nil)
	c.version = "/v1.55"
	s := begin(t.Context(), op)
	defer s.end()
	r, err := c.request(s, args{id: id, query: query})
	if err != nil {
		t.Fatal(err)
	}
	return r.Method + " " + r.Target
}

// Every call of the table passes, in every way that it can be asked.
func TestProxiesLetCallsThrough(t *testing.T) {
	for name, proxy := range map[string]filter{
		"cetusguard": cetusguard(t, printed(t, "cetusguard", Calls())),
		"wollomatic": wollomatic(t, printed(t, "wollomatic", Calls())),
		"tecnativa":  tecnativa(t, printed(t, "tecnativa", Calls())),
	} {
		for op := range calls {
			ids := []string{"web-1.a_B", "3f2a9c5d7e81", "x"}
			if strings.Contains(calls[op].path, "/{name}") && strings.HasPrefix(calls[op].operation, "Image") {
				ids = append(ids, "host:5000/a/b:1.2", "a/b@sha256:00ff", "a__b/c")
			}
			for _, id := range ids {
				for _, full := range []bool{false, true} {
					if line := sent(t, call(op), id, full); !proxy(asked(t, line)) {
						t.Errorf("%s: %s does not pass", name, line)
					}
				}
			}
		}
	}
}

// trespasses are requests of the Engine's API that the program never makes, and spellings that could be taken for one that it does.
var trespasses = []string{
	"GET /v1.41/info", "GET /version", "GET /v1.41/version", "GET /v1.41/events", "GET /_ping/x", "POST /_ping", "HEAD /_ping", "GET /v1.41/_ping",
	"POST /v1.41/build", "POST /v1.41/commit?container=x", "POST /v1.41/auth", "GET /v1.41/secrets", "POST /v1.41/swarm/init", "POST /v1.41/plugins/pull",
	"POST /v1.41/containers/prune", "POST /v1.41/containers/x/resize", "GET /v1.41/containers/x/export", "GET /v1.41/containers/x/top", "GET /v1.41/containers/x/changes",
	"GET /v1.41/containers/x/attach/ws", "DELETE /v1.41/containers/x/y", "PUT /v1.41/containers/x", "HEAD /v1.41/containers/x/archive?path=/", "PATCH /v1.41/containers/x",
	"DELETE /v1.41/containers/..", "GET /v1.41/containers/../info/json", "GET /v1.41/containers/x/../../info", "GET /v1.41/containers/%2e%2e/json", "GET /v1.41/containers//json",
	"GET /v1.41/containers/x/json/", "GET /v1.41//containers/json", "GET /v1.41/containers/x%2Fy/json", "GET /v1.41/containers/x%3F/json", "GET /v1.41/containers/x%0A/json",
	"GET /v1.41/images/json", "GET /v1.41/images/search", "GET /v1.41/images/x/get", "GET /v1.41/images/x/history", "POST /v1.41/images/x/push", "POST /v1.41/images/x/tag", "POST /v1.41/images/load",
	"POST /v1.41/images/prune", "GET /v1.41/images/../containers/json", "GET /v1.41/images/x/../../containers/x/json", "GET /v1.41/images/x%2F..%2F..%2Finfo/json", "DELETE /v1.41/images/..%2fcontainers%2fx",
	"DELETE /v1.41/images/", "POST /v1.41/networks/prune", "GET /v1.41/networks", "POST /v1.41/volumes/prune", "PUT /v1.41/volumes/x", "POST /v1.41/exec/x/resize",
	"GET /containers/json", "GET /v2/containers/json", "GET /v1.41x/containers/json", "GET /v1x41/containers/json", "GET /x/v1.41/containers/json", "GET /v1.41/containers/jsonx",
	"GET http://evil/v1.41/info", "OPTIONS *", "CONNECT evil:1",
}

func TestProxiesLetNothingElseThrough(t *testing.T) {
	for name, proxy := range map[string]filter{
		"cetusguard": cetusguard(t, printed(t, "cetusguard", Calls())),
		"wollomatic": wollomatic(t, printed(t, "wollomatic", Calls())),
	} {
		for _, line := range trespasses {
			if proxy(asked(t, line)) {
				t.Errorf("%s: %s passes", name, line)
			}
		}
	}
	for _, line := range []string{
		"GET /v1.41/containers/x/json?size=1&evil=1", "GET /v1.41/containers/x/json?sizes=1", "POST /v1.41/containers/x/start?x=1",
		"POST /v1.41/images/create?fromSrc=-&repo=x", "DELETE /v1.41/containers/x?force=1&evil", "GET /_ping?x=1",
	} {
		if cetusguard(t, printed(t, "cetusguard", Calls()))(asked(t, line)) {
			t.Errorf("cetusguard: %s passes", line)
		}
	}
	for _, line := range []string{"GET /v1.41/info", "GET /version", "GET /v1.41/events", "POST /v1.41/build", "GET /v1.41/secrets", "GET /v1.41/containers/x/export", "PATCH /v1.41/containers/x"} {
		if tecnativa(t, printed(t, "tecnativa", Calls()))(asked(t, line)) {
			t.Errorf("tecnativa: %s passes", line)
		}
	}
}

// Rules for some of the calls are of these alone.
func TestRulesOfSomeCalls(t *testing.T) {
	some := []Call{}
	for _, c := range Calls() {
		if c.Operation == "SystemPing" || c.Operation == "ContainerKill" || c.Operation == "ContainerInspect" || c.Operation == "ImageInspect" {
			some = append(some, c)
		}
	}
	for format, want := range map[string]string{
		"cetusguard": `! for cetusguard -no-builtin-rules -rules-file THIS_FILE
! is the Engine there, and which API version does it speak
GET /_ping
! inspect an image
GET /v1\.[0-9]+/images/[a-zA-Z0-9][a-zA-Z0-9_.:@-]*((/|%2F)[a-zA-Z0-9][a-zA-Z0-9_.:@-]*)*/json
! after a lost answer or a refusal: what has become of the container; inspect a container: its files may have to be measured
GET /v1\.[0-9]+/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json(\?(size)=[^&]*(&(size)=[^&]*)*)?
! kill
POST /v1\.[0-9]+/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/kill(\?(signal)=[^&]*(&(signal)=[^&]*)*)?
`,
		"wollomatic": `-allowGET=(/_ping|/v1\.[0-9]+/images/[a-zA-Z0-9][a-zA-Z0-9_.:@-]*((/|%2F)[a-zA-Z0-9][a-zA-Z0-9_.:@-]*)*/json|/v1\.[0-9]+/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json)
-allowPOST=(/v1\.[0-9]+/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/kill)
`,
		"tecnativa": `# This proxy opens sections and methods: these let more through than the calls need. A variable that its version does not
# know does no harm.
ALLOW_KILL=1
CONTAINERS=1
EVENTS=0
IMAGES=1
PING=1
POST=1
VERSION=0
`,
		"json": `{"Operation":"SystemPing","Method":"GET","Path":"/_ping","Answer":"unary","Repeat":"same","Limit":"5s","Why":"is the Engine there, and which API version does it speak"}
{"Operation":"ImageInspect","Method":"GET","Path":"/images/{name}/json","Answer":"unary","Repeat":"same","Limit":"1m0s","Why":"inspect an image"}
{"Operation":"ContainerInspect","Method":"GET","Path":"/containers/{id}/json","Answer":"unary","Repeat":"same","Limit":"1m0s","Why":"after a lost answer or a refusal: what has become of the container"}
{"Operation":"ContainerInspect","Method":"GET","Path":"/containers/{id}/json","Query":["size"],"Answer":"unary","Repeat":"same","Limit":"5m0s","Why":"inspect a container: its files may have to be measured"}
{"Operation":"ContainerKill","Method":"POST","Path":"/containers/{id}/kill","Query":["signal"],"Answer":"bare","Repeat":"checks first","Limit":"5m0s","Why":"kill"}
`,
	} {
		if got := printed(t, format, some); got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", format, got, want)
		}
	}
}

// The golden file is what an auditor is shown: go run . calls > dockerapi/testdata/calls.golden
func TestCallsAsText(t *testing.T) {
	want, err := os.ReadFile("testdata/calls.golden")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := CallFormats["text"](&got, Calls()); err != nil || got.String() != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got.String(), want)
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestCallFormatsFail(t *testing.T) {
	for name, format := range CallFormats {
		if err := format(full{}, Calls()); err != os.ErrClosed {
			t.Errorf("%s: %v, want %v", name, err, os.ErrClosed)
		}
	}
}

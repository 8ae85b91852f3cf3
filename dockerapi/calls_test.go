package dockerapi

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// parameter is what a path has at most one of.
var parameter = regexp.MustCompile(`/\{(id|name)\}`)

func TestCallsAreWellFormed(t *testing.T) {
	seen := map[string]row{}
	for i, r := range calls {
		if r.operation == "" || r.why == "" || len(r.accept) == 0 {
			t.Errorf("row %d, %s: without operation, reason or accepted statuses", i, r.operation)
		}
		if first, twice := seen[r.operation]; twice && (r.method != first.method || r.path != first.path || r.why == first.why) {
			t.Errorf("row %d: %s a second time, and not in another way", i, r.operation)
		}
		seen[r.operation] = r
		if r.method != "GET" && r.method != "POST" && r.method != "PUT" && r.method != "DELETE" {
			t.Errorf("%s: method %q", r.operation, r.method)
		}
		if !strings.HasPrefix(r.path, "/") || strings.ContainsAny(parameter.ReplaceAllString(r.path, ""), "{}?#% ") {
			t.Errorf("%s: path %q", r.operation, r.path)
		}
		for _, status := range r.accept {
			if status/100 != 2 && status != 101 && status != 304 {
				t.Errorf("%s: %d is not a yes", r.operation, status)
			}
		}
		if upgrades := strings.Contains(fmt.Sprint(r.accept), "101"); upgrades != (r.shape == hijacked) {
			t.Errorf("%s: accepts %v as %s", r.operation, r.accept, r.shape)
		}
		if empty := r.accept[0] == 204; empty && r.shape != bare {
			t.Errorf("%s: %s, where there is nothing", r.operation, r.shape)
		}
		if r.method == "GET" && r.repeat != same {
			t.Errorf("%s: a GET that has an effect", r.operation)
		}
	}
}

func TestTargets(t *testing.T) {
	const v = "/v1.41/containers/"
	for _, tt := range []struct {
		op   call
		a    args
		want string
	}{
		{systemPing, args{}, "GET /_ping"},
		{containerStart, args{id: "web-1.a_B"}, "POST " + v + "web-1.a_B/start"},
		{containerStart, args{id: "../x"}, "POST " + v + "..%2Fx/start"},
		{containerStart, args{id: "a/b"}, "POST " + v + "a%2Fb/start"},
		{containerStart, args{id: "/a"}, "POST " + v + "%2Fa/start"},
		{containerStart, args{id: "a?b"}, "POST " + v + "a%3Fb/start"},
		{containerStart, args{id: "a#b"}, "POST " + v + "a%23b/start"},
		{containerStart, args{id: "%2e"}, "POST " + v + "%252e/start"},
		{containerStart, args{id: "..%2f"}, "POST " + v + "..%252f/start"},
		{containerStart, args{id: "..."}, "POST " + v + ".../start"},
		{containerStart, args{id: "{id}"}, "POST " + v + "%7Bid%7D/start"},
		{containerStart, args{id: "a b\r\nHost: evil\x00"}, "POST " + v + "a%20b%0D%0AHost:%20evil%00/start"},
		{containerStart, args{id: "é\xff"}, "POST " + v + "%C3%A9%FF/start"},
		{containerStart, args{id: ".."}, `dockerapi: ContainerStart: ".." is no id`},
		{containerStart, args{id: "."}, `dockerapi: ContainerStart: "." is no id`},
		{containerStart, args{id: ""}, `dockerapi: ContainerStart: "" is no id`},
		{containerDelete, args{id: "x", query: url.Values{"force": {"1"}, "v": {"1"}}}, "DELETE " + v + "x?v=1&force=1"},
		{containerDelete, args{id: "x", query: url.Values{}}, "DELETE " + v + "x"},
		{containerDelete, args{id: "x", query: url.Values{"v": {}}}, "DELETE " + v + "x"},
		{containerDelete, args{id: "x", query: url.Values{"prune": {"1"}}}, `dockerapi: ContainerDelete: query key "prune" is not in the table`},
		{containerDelete, args{id: "x", query: url.Values{"v&force": {"1"}}}, `dockerapi: ContainerDelete: query key "v&force" is not in the table`},
		{containerStart, args{id: "x", query: url.Values{"t": {"1"}}}, `dockerapi: ContainerStart: query key "t" is not in the table`},
		{containerStop, args{id: "x", query: url.Values{"t": {"1&signal=KILL#"}}}, "POST " + v + "x/stop?t=1%26signal%3DKILL%23"},
		{containerCreate, args{query: url.Values{"name": {"a b+c\r\n&platform=x"}}}, "POST " + v + "create?name=a+b%2Bc%0D%0A%26platform%3Dx"},
		{containerLogs, args{id: "x", query: Streams{Stdin: true}.query()}, `dockerapi: ContainerLogs: query key "stdin" is not in the table`},
		{imageCreate, args{query: url.Values{"fromImage": {"host:5000/a/b"}, "tag": {"sha256:00"}}}, "POST /v1.41/images/create?fromImage=host%3A5000%2Fa%2Fb&tag=sha256%3A00"},
		{volumeDelete, args{id: "a/../b?force=1"}, "DELETE /v1.41/volumes/a%2F..%2Fb%3Fforce=1"},
		{volumeDelete, args{id: ".."}, `dockerapi: VolumeDelete: ".." is no name`},
		{volumeDelete, args{}, `dockerapi: VolumeDelete: "" is no name`},
		{volumeDelete, args{id: "x", query: url.Values{"force": {"1"}}}, "DELETE /v1.41/volumes/x?force=1"},
		{volumeInspect, args{id: "a/../b?force=1"}, "GET /v1.41/volumes/a%2F..%2Fb%3Fforce=1"},
		{volumeList, args{query: labelled([]string{"a=b"})}, "GET /v1.41/volumes?filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D"},
		{containerList, args{query: labelled([]string{"a\"],\"name\":[\"b", "c&all=0"})}, "GET " + v + "json?filters=%7B%22label%22%3A%5B%22a%5C%22%5D%2C%5C%22name%5C%22%3A%5B%5C%22b%22%2C%22c%5Cu0026all%3D0%22%5D%7D"},
		{containerList, args{query: labelled(nil)}, "GET " + v + "json?filters=%7B%22label%22%3Anull%7D"},
		{containerRename, args{id: "a/b", query: url.Values{"name": {"c&d/../e"}}}, "POST " + v + "a%2Fb/rename?name=c%26d%2F..%2Fe"},
		{containerLogs, args{id: "x", query: url.Values{"tail": {"5&follow=1"}, "since": {"0"}, "stdout": {"1"}}}, "GET " + v + "x/logs?stdout=1&since=0&tail=5%26follow%3D1"},
		{containerInspect, args{id: "x", query: url.Values{"size": {"1"}}}, `dockerapi: ContainerInspect: query key "size" is not in the table`},
		{containerShow, args{id: "../x", query: url.Values{"size": {"1"}}}, "GET " + v + "..%2Fx/json?size=1"},
		{containerPs, args{query: url.Values{"limit": {"1#"}, "filters": {"{}"}, "all": {"1"}}}, "GET " + v + "json?all=1&limit=1%23&filters=%7B%7D"},
		{containerRestart, args{id: "a/kill", query: url.Values{"signal": {"a b"}, "t": {"-1"}}}, "POST " + v + "a%2Fkill/restart?t=-1&signal=a+b"},
		{containerKill, args{id: "a?b", query: url.Values{"signal": {"9\r\nHost: evil"}}}, "POST " + v + "a%3Fb/kill?signal=9%0D%0AHost%3A+evil"},
		{containerArchive, args{id: "a#b", query: url.Values{"path": {"/a b/../c?d#e%2f\r\n"}}}, "GET " + v + "a%23b/archive?path=%2Fa+b%2F..%2Fc%3Fd%23e%252f%0D%0A"},
		{putContainerArchive, args{id: "x", query: url.Values{"copyUIDGID": {"1"}, "path": {"/"}}}, "PUT " + v + "x/archive?path=%2F&copyUIDGID=1"},
		{containerExec, args{id: ".."}, `dockerapi: ContainerExec: ".." is no id`},
		{execStart, args{id: "x/../../containers/y"}, "POST /v1.41/exec/x%2F..%2F..%2Fcontainers%2Fy/start"},
		{execInspect, args{id: "x\r\n"}, "GET /v1.41/exec/x%0D%0A/json"},
		{imageInspect, args{id: "host:5000/a/b:1@sha256:00"}, "GET /v1.41/images/host:5000%2Fa%2Fb:1@sha256:00/json"},
		{imageInspect, args{id: "a/../../version"}, "GET /v1.41/images/a%2F..%2F..%2Fversion/json"},
		{imageInspect, args{id: "a?b#c%2e"}, "GET /v1.41/images/a%3Fb%23c%252e/json"},
		{imageDelete, args{id: "a/b:1", query: url.Values{"noprune": {"1"}, "force": {"1"}}}, "DELETE /v1.41/images/a%2Fb:1?force=1&noprune=1"},
		{imageDelete, args{id: "."}, `dockerapi: ImageDelete: "." is no name`},
		{networkConnect, args{id: "a/b"}, "POST /v1.41/networks/a%2Fb/connect"},
		{networkDelete, args{id: "a b\r\n?c"}, "DELETE /v1.41/networks/a%20b%0D%0A%3Fc"},
		{networkInspect, args{}, `dockerapi: NetworkInspect: "" is no id`},
		{imageCreate, args{query: url.Values{"fromSrc": {"http://evil"}}}, `dockerapi: ImageCreate: query key "fromSrc" is not in the table`},
	} {
		c := client(nil)
		c.version = "/v1.41"
		s := begin(t.Context(), tt.op)
		defer s.end()
		req, err := c.request(s, tt.a)
		got := fmt.Sprint(err)
		if err == nil {
			got = req.Method + " " + req.Target
		}
		if got != tt.want {
			t.Errorf("%s %q:\ngot  %s\nwant %s", calls[tt.op].operation, tt.a, got, tt.want)
		}
	}
}

// What cannot be said in JSON is refused before anything is sent.
func TestBodyRefused(t *testing.T) {
	c := client(nil)
	c.version = "/v1.41"
	_, err := c.ContainerCreate(t.Context(), "x", "", map[string]any{"Cmd": func() {}})
	if want := "dockerapi: ContainerCreate: json: unsupported type: func()"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestChooseVersion(t *testing.T) {
	for _, tt := range []struct{ offered, want string }{
		{"1.41", "/v1.41"},
		{"1.44", "/v1.44"},
		{"1.55", "/v1.55"},
		{"1.56", "/v1.55"},
		{"1.100", "/v1.55"},
		{"1.40", "dockerapi: the Engine speaks API 1.40 at most; 1.41 (Engine 20.10) is the oldest that works"},
		{"1.9", "dockerapi: the Engine speaks API 1.9 at most; 1.41 (Engine 20.10) is the oldest that works"},
		{"", `dockerapi: SystemPing: Api-Version "" is not known: is this a Docker Engine?`},
		{"2.0", `dockerapi: SystemPing: Api-Version "2.0" is not known: is this a Docker Engine?`},
		{"41", `dockerapi: SystemPing: Api-Version "41" is not known: is this a Docker Engine?`},
		{"1.", `dockerapi: SystemPing: Api-Version "1." is not known: is this a Docker Engine?`},
		{"1.41.2", `dockerapi: SystemPing: Api-Version "1.41.2" is not known: is this a Docker Engine?`},
		{"1.41/../x", `dockerapi: SystemPing: Api-Version "1.41/../x" is not known: is this a Docker Engine?`},
		{"1.99999999999999999999", `dockerapi: SystemPing: Api-Version "1.999999999999999999" is not known: is this a Docker Engine?`},
	} {
		got, err := chooseVersion(tt.offered)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("chooseVersion(%q)\ngot  %s\nwant %s", tt.offered, got, tt.want)
		}
	}
}

package instant

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// operation is a row of routes.
type operation int

const (
	systemPing operation = iota
	systemVersion
	imageCreate
	containerCreate
	containerAttach
	containerStart
	containerWait
	containerStop
	containerKill
	containerInspect
	containerLogs
	containerDelete
	containerList
	volumeCreate
	volumeList
	volumeDelete
	operations
)

// operationNames are their ids in moby's swagger.yaml.
var operationNames = [operations]string{
	"SystemPing", "SystemVersion", "ImageCreate", "ContainerCreate", "ContainerAttach", "ContainerStart", "ContainerWait", "ContainerStop",
	"ContainerKill", "ContainerInspect", "ContainerLogs", "ContainerDelete", "ContainerList", "VolumeCreate", "VolumeList", "VolumeDelete",
}

// routes are the operations by method and by the path before and behind its one parameter. A handler says whether its answer is
// that of a success.
var routes = []struct {
	op             operation
	method         string
	before, behind string
	handle         func(x *exchange, parameter string) bool
}{
	{containerStart, "POST", "/containers/", "/start", (*exchange).start},
	{containerAttach, "POST", "/containers/", "/attach", (*exchange).attach},
	{containerWait, "POST", "/containers/", "/wait", (*exchange).wait},
	{containerDelete, "DELETE", "/containers/", "", (*exchange).delete},
	{containerCreate, "POST", "/containers/create", "", (*exchange).create},
	{containerInspect, "GET", "/containers/", "/json", (*exchange).inspect},
	{containerList, "GET", "/containers/json", "", (*exchange).list},
	{containerStop, "POST", "/containers/", "/stop", (*exchange).stop},
	{containerKill, "POST", "/containers/", "/kill", (*exchange).kill},
	{containerLogs, "GET", "/containers/", "/logs", (*exchange).logs},
	{imageCreate, "POST", "/images/create", "", (*exchange).pull},
	{volumeCreate, "POST", "/volumes/create", "", (*exchange).makeVolume},
	{volumeDelete, "DELETE", "/volumes/", "", (*exchange).removeVolume},
	{volumeList, "GET", "/volumes", "", (*exchange).listVolumes},
	{systemPing, "GET", "/_ping", "", (*exchange).ping},
	{systemPing, "HEAD", "/_ping", "", (*exchange).ping},
	{systemVersion, "GET", "/version", "", (*exchange).version},
}

// dispatch lets the request's row answer it.
func (x *exchange) dispatch() {
	path := unversioned(x.path)
	for i := range routes {
		r := &routes[i]
		if r.method != x.method {
			continue
		}
		parameter, ok := strings.CutPrefix(path, r.before)
		if !ok {
			continue
		}
		parameter, ok = strings.CutSuffix(parameter, r.behind)
		if !ok || strings.Contains(parameter, "/") || (parameter == "") != !strings.HasSuffix(r.before, "/") {
			continue
		}
		if r.handle(x, parameter) {
			x.engine.counts[r.op].Add(1)
		}
		return
	}
	x.out = append(x.out, "HTTP/1.1 404 Not Found\r\nDate: "+*x.engine.date.Load()+"\r\n"...)
	x.content("application/json", []byte(`{"message":"page not found"}`+"\n"))
}

// unversioned is the path without /v1.41, of whatever version.
func unversioned(path string) string {
	if !strings.HasPrefix(path, "/v1.") {
		return path
	}
	if slash := strings.IndexByte(path[1:], '/'); slash > 0 {
		return path[1+slash:]
	}
	return path
}

func (x *exchange) parameter(key string) string {
	if !strings.Contains(x.query, key+"=") {
		return ""
	}
	values, _ := url.ParseQuery(x.query)
	return values.Get(key)
}

func (x *exchange) isSet(key string) bool {
	value := x.parameter(key)
	return value != "" && value != "0" && value != "false"
}

func (x *exchange) ping(string) bool {
	x.head("200 OK")
	x.out = append(x.out, "Cache-Control: no-cache, no-store, must-revalidate\r\nPragma: no-cache\r\n"...)
	x.content("text/plain; charset=utf-8", []byte("OK"))
	return true
}

func (x *exchange) version(string) bool {
	x.json("200 OK", map[string]string{"Version": "instant", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"})
	return true
}

func (x *exchange) pull(string) bool {
	x.chunked("Content-Type: application/json\r\n")
	x.chunk([]byte(`{"status":"Status: Image is up to date for ` + x.parameter("fromImage") + `"}` + "\r\n"))
	x.end()
	return true
}

// volume has no room: it is a mark.
type volume struct {
	CreatedAt  string
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string
}

func (x *exchange) makeVolume(string) bool {
	var asked struct {
		Name   string
		Labels map[string]string
	}
	if err := json.Unmarshal(x.body, &asked); err != nil {
		x.refuse("400 Bad Request", err.Error())
		return false
	}
	e := x.engine
	e.mu.Lock()
	v, ok := e.volumes[asked.Name]
	if !ok {
		v = volume{time.Now().Format(time.RFC3339), "local", asked.Labels, "/volumes/" + asked.Name, asked.Name, nil, "local"}
		e.volumes[asked.Name] = v
	}
	e.mu.Unlock()
	x.json("201 Created", v)
	return true
}

func (x *exchange) removeVolume(name string) bool {
	e := x.engine
	e.mu.Lock()
	_, ok := e.volumes[name]
	delete(e.volumes, name)
	e.mu.Unlock()
	if !ok {
		x.refuse("404 Not Found", fmt.Sprintf("get %s: no such volume", name))
		return false
	}
	x.empty("204 No Content")
	return true
}

func (x *exchange) listVolumes(string) bool {
	wanted, ok := x.labels()
	if !ok {
		return false
	}
	e, all := x.engine, []volume{}
	e.mu.Lock()
	for _, v := range e.volumes {
		if has(v.Labels, wanted) {
			all = append(all, v)
		}
	}
	e.mu.Unlock()
	x.json("200 OK", map[string]any{"Volumes": all, "Warnings": nil})
	return true
}

// labels are those that the query's filters want, each as key or key=value. Other filters are refused.
func (x *exchange) labels() (wanted []string, ok bool) {
	text := x.parameter("filters")
	if text == "" {
		return nil, true
	}
	var lists map[string][]string
	var sets map[string]map[string]bool
	if json.Unmarshal([]byte(text), &lists) != nil {
		json.Unmarshal([]byte(text), &sets)
	}
	for key, set := range sets {
		for value := range set {
			lists = map[string][]string{key: append(lists[key], value)}
		}
	}
	if len(lists) != 1 || lists["label"] == nil {
		x.refuse("400 Bad Request", "Invalid filter")
		return nil, false
	}
	return lists["label"], true
}

// has tells whether labels have what is wanted.
func has(labels map[string]string, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool {
		key, value, exact := strings.Cut(w, "=")
		is, ok := labels[key]
		return !ok || exact && is != value
	})
}

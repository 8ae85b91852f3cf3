package dockerapi

import (
	"io"
	"slices"
	"strings"
)

// Proxies in front of a Docker socket let requests through by method and path. Their rules for exactly the calls of a table are
// made here of its rows, so that none is forgotten and none is left in. None of them sees a body.

// A name in a path, as Docker has them: one that begins otherwise cannot climb. The path of an image has its slashes escaped on
// the wire, and not any more where a proxy has decoded it.
const (
	versionRule = `/v1\.[0-9]+`
	nameRule    = `[a-zA-Z0-9][a-zA-Z0-9_.-]*`
	imagePart   = `[a-zA-Z0-9][a-zA-Z0-9_.:@-]*`
	imageRule   = imagePart + `((/|%2F)` + imagePart + `)*`
)

// door is what one method and path has in the table: several rows, where it is asked in several ways.
type door struct {
	method, path string
	query        []string
	why          []string
}

// doors are those of calls, in their order.
func doors(calls []Call) (all []*door) {
	for _, c := range calls {
		i := slices.IndexFunc(all, func(d *door) bool { return d.method == c.Method && d.path == c.Path })
		if i < 0 {
			i = len(all)
			all = append(all, &door{method: c.Method, path: c.Path})
		}
		d := all[i]
		d.why = append(d.why, c.Why)
		for _, key := range c.Query {
			if !slices.Contains(d.query, key) {
				d.query = append(d.query, key)
			}
		}
	}
	return all
}

// pattern is the regular expression of its path, without anchors, in the syntax of Go's regexp. Paths of the API have no letters that mean
// something else there.
func (d *door) pattern() string {
	if d.path == calls[systemPing].path {
		return d.path
	}
	before, rest, found := strings.Cut(d.path, "{")
	if !found {
		return versionRule + d.path
	}
	_, after, _ := strings.Cut(rest, "}")
	name := nameRule
	if d.section() == "IMAGES" {
		name = imageRule
	}
	return versionRule + before + name + after
}

// queryPattern is that of its query, which may be missing.
func (d *door) queryPattern() string {
	if len(d.query) == 0 {
		return ""
	}
	pair := "(" + strings.Join(d.query, "|") + ")=[^&]*"
	return `(\?` + pair + `(&` + pair + `)*)?`
}

// section is the first segment of its path, as Tecnativa's variables are called.
func (d *door) section() string {
	first, _, _ := strings.Cut(d.path[1:], "/")
	return strings.ToUpper(strings.TrimPrefix(first, "_"))
}

// writeCetusguard prints rules for hectorm/cetusguard: a method and a regular expression for all of the target.
func writeCetusguard(w io.Writer, calls []Call) error {
	var b strings.Builder
	b.WriteString("! for cetusguard -no-builtin-rules -rules-file THIS_FILE\n")
	for _, d := range doors(calls) {
		b.WriteString("! " + strings.Join(d.why, "; ") + "\n" + d.method + " " + d.pattern() + d.queryPattern() + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeWollomatic prints options for wollomatic/socket-proxy, one a line: for each method a regular expression for the decoded path.
func writeWollomatic(w io.Writer, calls []Call) error {
	paths := map[string]string{}
	var methods []string
	for _, d := range doors(calls) {
		if paths[d.method] == "" {
			methods = append(methods, d.method)
		} else {
			paths[d.method] += "|"
		}
		paths[d.method] += d.pattern()
	}
	var b strings.Builder
	for _, method := range methods {
		b.WriteString("-allow" + method + "=(" + paths[method] + ")\n") // the proxy puts ^ and $ around it
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tecnativaGates are the last segments of paths that are closed, within a section that is open, until they are opened.
var tecnativaGates = []string{"archive", "attach", "exec", "kill", "logs"}

// writeTecnativa prints the environment of tecnativa/docker-socket-proxy, as docker's --env-file takes it.
func writeTecnativa(w io.Writer, calls []Call) error {
	variables := []string{"EVENTS=0", "VERSION=0"} // which are open unless they are closed
	for _, d := range doors(calls) {
		variables = append(variables, d.section()+"=1")
		if d.method != "GET" {
			variables = append(variables, "POST=1", d.method+"=1") // of older versions, POST is every method but GET
		}
		if last := d.path[strings.LastIndexByte(d.path, '/')+1:]; slices.Contains(tecnativaGates, last) {
			variables = append(variables, "ALLOW_"+strings.ToUpper(last)+"=1")
		}
	}
	slices.SortFunc(variables, strings.Compare)
	_, err := io.WriteString(w, "# This proxy opens sections and methods: these let more through than the calls need. A variable that its version does not\n"+
		"# know does no harm.\n"+strings.Join(slices.Compact(variables), "\n")+"\n")
	return err
}

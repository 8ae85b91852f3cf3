package dockerapi

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// call names a row of calls. The three ways to the Engine (do, stream, hijack) accept nothing else, so that no request
// can be sent that is not in the table.
type call uint8

const (
	systemPing call = iota
	imageCreate
	containerCreate
	containerAttach
	containerStart
	containerWait
	containerInspect
	containerLogs
	containerStop
	containerDelete
)

// row is one request that the program can send.
type row struct {
	operation string   // operationId in moby's api/swagger.yaml
	method    string   //
	path      string   // without the version; {id} is the one parameter
	query     []string // every key that may be sent
	accept    []int    // statuses that mean yes; each other one is an *Error
	shape     shape    //
	repeat    repeat   // what sending it twice means
	why       string   // why the program calls it
}

// shape is what the answer looks like on the wire.
type shape uint8

const (
	unary    shape = iota // a short answer, read whole
	stream                // a body that is read as it comes
	hijacked              // the connection becomes a stream in both directions
)

func (s shape) String() string { return [...]string{"unary", "stream", "hijacked"}[s] }

// repeat is what the Engine makes of a request that it gets a second time because the first answer was lost.
type repeat uint8

const (
	same   repeat = iota // the same again: it may be repeated unasked
	checks               // another effect or another answer: the caller looks at the container before it repeats
)

func (r repeat) String() string { return [...]string{"same", "checks first"}[r] }

// calls is every request that the program can send to an Engine.
var calls = [...]row{
	systemPing:       {"SystemPing", "GET", "/_ping", nil, []int{200}, unary, same, "is the Engine there, and which API version does it speak"},
	imageCreate:      {"ImageCreate", "POST", "/images/create", []string{"fromImage", "tag"}, []int{200}, stream, same, "pull an image that a run misses"},
	containerCreate:  {"ContainerCreate", "POST", "/containers/create", []string{"name"}, []int{201}, unary, checks, "make the container of a run"},
	containerAttach:  {"ContainerAttach", "POST", "/containers/{id}/attach", []string{"stream", "stdin", "stdout", "stderr"}, []int{101, 200}, hijacked, same, "carry a run's input and output, from before its start"},
	containerStart:   {"ContainerStart", "POST", "/containers/{id}/start", nil, []int{204, 304}, unary, checks, "start the container of a run"},
	containerWait:    {"ContainerWait", "POST", "/containers/{id}/wait", nil, []int{200}, unary, same, "learn the exit code of a run"},
	containerInspect: {"ContainerInspect", "GET", "/containers/{id}/json", nil, []int{200}, unary, same, "after a lost answer or a refusal: what has become of the container"},
	containerLogs:    {"ContainerLogs", "GET", "/containers/{id}/logs", []string{"stdout", "stderr"}, []int{200}, stream, same, "the rest of the output, when its attach was cut"},
	containerStop:    {"ContainerStop", "POST", "/containers/{id}/stop", []string{"t"}, []int{204, 304}, unary, same, "stop"},
	containerDelete:  {"ContainerDelete", "DELETE", "/containers/{id}", []string{"v", "force"}, []int{204}, unary, checks, "remove, and the removal of a run with Remove"},
}

// WriteCalls prints the table for an auditor, a line each request.
func WriteCalls(w io.Writer) error {
	const columns = "%-16s  %-6s  %-25s  %-26s  %-8s  %-12s  %s\n"
	if _, err := fmt.Fprintf(w, columns, "OPERATION", "METHOD", "PATH", "QUERY", "ANSWER", "REPEAT", "WHY"); err != nil {
		return err
	}
	for _, r := range calls {
		query := cmp.Or(strings.Join(r.query, ","), "-")
		if _, err := fmt.Fprintf(w, columns, r.operation, r.method, r.path, query, r.shape, r.repeat, r.why); err != nil {
			return err
		}
	}
	return nil
}

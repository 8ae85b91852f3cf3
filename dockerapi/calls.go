package dockerapi

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
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
	containerList
	containerRename
	containerLogs
	containerStop
	containerDelete
	volumeCreate
	volumeList
	volumeDelete
)

// row is one request that the program can send.
type row struct {
	operation string        // operationId in moby's api/swagger.yaml
	method    string        //
	path      string        // without the version; {id} or {name} is the one parameter
	query     []string      // every key that may be sent
	accept    []int         // statuses that mean yes; each other one is an *Error
	shape     shape         //
	repeat    repeat        // what sending it twice means
	limit     time.Duration // within which a unary answer has come, or the head of another
	why       string        // why the program calls it
}

// The limits are for an Engine that hangs, or that a connection has silently lost. They are far beyond what a slow machine
// takes: Engines from 28 on give up a create and a start whose connection is dropped.
const (
	atOnce    = 5 * time.Second // costs an Engine nothing: one that takes longer is not there
	prompt    = time.Minute     // what the Engine knows, or notes down
	ample     = 5 * time.Minute // work on disks and networks
	unlimited = 0               // takes as long as a registry, a container, or the time that a container has to stop, which may be for ever
)

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
	checks               // another effect or another answer: the caller looks at what there is before it repeats
)

func (r repeat) String() string { return [...]string{"same", "checks first"}[r] }

// calls is every request that the program can send to an Engine.
var calls = [...]row{
	systemPing:       {"SystemPing", "GET", "/_ping", nil, []int{200}, unary, same, atOnce, "is the Engine there, and which API version does it speak"},
	imageCreate:      {"ImageCreate", "POST", "/images/create", []string{"fromImage", "tag", "platform"}, []int{200}, stream, same, unlimited, "pull an image that a run misses, or is to have anew"},
	containerCreate:  {"ContainerCreate", "POST", "/containers/create", []string{"name", "platform"}, []int{201}, unary, checks, ample, "make the container of a run"},
	containerAttach:  {"ContainerAttach", "POST", "/containers/{id}/attach", []string{"stream", "stdin", "stdout", "stderr"}, []int{101, 200}, hijacked, same, prompt, "carry a run's input and output, from before its start"},
	containerStart:   {"ContainerStart", "POST", "/containers/{id}/start", nil, []int{204, 304}, unary, checks, ample, "start the container of a run"},
	containerWait:    {"ContainerWait", "POST", "/containers/{id}/wait", nil, []int{200}, unary, same, unlimited, "learn the exit code of a run"},
	containerInspect: {"ContainerInspect", "GET", "/containers/{id}/json", nil, []int{200}, unary, same, prompt, "after a lost answer or a refusal: what has become of the container"},
	containerList:    {"ContainerList", "GET", "/containers/json", []string{"all", "filters"}, []int{200}, unary, same, prompt, "find the container of a message that came again, and all that are left from before"},
	containerRename:  {"ContainerRename", "POST", "/containers/{id}/rename", []string{"name"}, []int{204}, unary, checks, prompt, "free the name of a run for another container"},
	containerLogs:    {"ContainerLogs", "GET", "/containers/{id}/logs", []string{"follow", "stdout", "stderr"}, []int{200}, stream, same, prompt, "the output, when its attach was cut or was another process's"},
	containerStop:    {"ContainerStop", "POST", "/containers/{id}/stop", []string{"t"}, []int{204, 304}, unary, same, unlimited, "stop"},
	containerDelete:  {"ContainerDelete", "DELETE", "/containers/{id}", []string{"v", "force"}, []int{204}, unary, checks, ample, "remove, and the removal of a run with Remove"},
	volumeCreate:     {"VolumeCreate", "POST", "/volumes/create", nil, []int{201}, unary, same, prompt, "mark a run as claimed, for the process that comes after"},
	volumeList:       {"VolumeList", "GET", "/volumes", []string{"filters"}, []int{200}, unary, same, prompt, "find the marks of claimed runs"},
	volumeDelete:     {"VolumeDelete", "DELETE", "/volumes/{name}", nil, []int{204}, unary, checks, prompt, "take the mark of a claimed run away"},
}

// WriteCalls prints the table for an auditor, a line each request.
func WriteCalls(w io.Writer) error {
	const columns = "%-16s  %-6s  %-25s  %-26s  %-8s  %-12s  %-5s  %s\n"
	if _, err := fmt.Fprintf(w, columns, "OPERATION", "METHOD", "PATH", "QUERY", "ANSWER", "REPEAT", "LIMIT", "WHY"); err != nil {
		return err
	}
	for _, r := range calls {
		query := cmp.Or(strings.Join(r.query, ","), "-")
		limit := "none"
		if r.limit != unlimited {
			limit = r.limit.String()
		}
		if _, err := fmt.Fprintf(w, columns, r.operation, r.method, r.path, query, r.shape, r.repeat, limit, r.why); err != nil {
			return err
		}
	}
	return nil
}

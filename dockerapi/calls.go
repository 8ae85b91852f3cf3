package dockerapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// call names a row of calls. An operation has several rows where it is asked in several ways. The three ways to the Engine (do, stream, hijack) accept nothing else, so that no request
// can be sent that is not in the table.
type call uint8

const (
	systemPing call = iota
	imageCreate
	imageInspect
	imageDelete
	containerCreate
	containerAttach
	containerStart
	containerWait
	containerAwaitExit
	containerInspect
	containerShow
	containerList
	containerPs
	containerRename
	containerUpdate
	containerLogs
	containerStop
	containerRestart
	containerKill
	containerPause
	containerUnpause
	containerDelete
	containerArchive
	putContainerArchive
	containerExec
	execStart
	execStartDetached
	execInspect
	networkInspect
	networkCreate
	networkDelete
	networkConnect
	networkDisconnect
	volumeInspect
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
	limit     time.Duration // within which a unary or bare answer has come, or the head of another
	why       string        // why the program calls it
}

// The limits are for an Engine that hangs, or that a connection has silently lost. They are far beyond what a slow machine
// takes: Engines from 28 on give up a create and a start whose connection is dropped.
const (
	atOnce    = 5 * time.Second // costs an Engine nothing: one that takes longer is not there
	prompt    = time.Minute     // what the Engine knows, or notes down
	ample     = 5 * time.Minute // work on disks, networks and processes
	unlimited = 0               // takes as long as a registry, a container, or the time that a container has to stop, which may be for ever
)

// shape is what the answer looks like on the wire.
type shape uint8

const (
	unary    shape = iota // a short answer, read whole
	bare                  // the status says it all; what else may come is not looked at
	stream                // a body that is read as it comes
	hijacked              // the connection becomes a stream in both directions
)

func (s shape) String() string { return [...]string{"unary", "bare", "stream", "hijacked"}[s] }

// repeat is what the Engine makes of a request that it gets a second time because the first answer was lost.
type repeat uint8

const (
	same   repeat = iota // the same again: it may be repeated unasked
	checks               // another effect or another answer: the caller looks at what there is before it repeats
)

func (r repeat) String() string { return [...]string{"same", "checks first"}[r] }

// calls is every request that the program can send to an Engine.
var calls = [...]row{
	systemPing:          {"SystemPing", "GET", "/_ping", nil, []int{200}, unary, same, atOnce, "is the Engine there, and which API version does it speak"},
	imageCreate:         {"ImageCreate", "POST", "/images/create", []string{"fromImage", "tag", "platform"}, []int{200}, stream, same, unlimited, "pull, and get an image that a run misses or is to have anew"},
	imageInspect:        {"ImageInspect", "GET", "/images/{name}/json", nil, []int{200}, unary, same, prompt, "inspect an image"},
	imageDelete:         {"ImageDelete", "DELETE", "/images/{name}", []string{"force", "noprune", "platforms"}, []int{200}, unary, checks, ample, "rmi"},
	containerCreate:     {"ContainerCreate", "POST", "/containers/create", []string{"name", "platform"}, []int{201}, unary, checks, ample, "create, and make the container of a run"},
	containerAttach:     {"ContainerAttach", "POST", "/containers/{id}/attach", []string{"stream", "stdin", "stdout", "stderr"}, []int{101, 200}, hijacked, same, prompt, "carry a run's input and output, from before its start"},
	containerStart:      {"ContainerStart", "POST", "/containers/{id}/start", nil, []int{204, 304}, bare, checks, ample, "start, and start the container of a run"},
	containerWait:       {"ContainerWait", "POST", "/containers/{id}/wait", nil, []int{200}, unary, same, unlimited, "learn the exit code of a run"},
	containerAwaitExit:  {"ContainerWait", "POST", "/containers/{id}/wait", []string{"condition"}, []int{200}, stream, same, prompt, "from before its start: learn the first exit code of a container that its policy restarts"},
	containerInspect:    {"ContainerInspect", "GET", "/containers/{id}/json", nil, []int{200}, unary, same, prompt, "after a lost answer or a refusal: what has become of the container"},
	containerShow:       {"ContainerInspect", "GET", "/containers/{id}/json", []string{"size"}, []int{200}, unary, same, ample, "inspect a container: its files may have to be measured"},
	containerList:       {"ContainerList", "GET", "/containers/json", []string{"all", "filters"}, []int{200}, unary, same, prompt, "find the container of a message that came again, and all that are left from before"},
	containerPs:         {"ContainerList", "GET", "/containers/json", []string{"all", "limit", "size", "filters"}, []int{200}, unary, same, ample, "ps: with Size, the files of every container are measured"},
	containerRename:     {"ContainerRename", "POST", "/containers/{id}/rename", []string{"name"}, []int{204}, bare, checks, prompt, "rename, and free the name of a run for another container"},
	containerUpdate:     {"ContainerUpdate", "POST", "/containers/{id}/update", nil, []int{200}, unary, same, ample, "update"},
	containerLogs:       {"ContainerLogs", "GET", "/containers/{id}/logs", []string{"follow", "stdout", "stderr", "details", "since", "until", "tail", "timestamps"}, []int{200}, stream, same, prompt, "logs, and a run's output when its attach was cut or was another process's"},
	containerStop:       {"ContainerStop", "POST", "/containers/{id}/stop", []string{"t", "signal"}, []int{204, 304}, bare, same, unlimited, "stop"},
	containerRestart:    {"ContainerRestart", "POST", "/containers/{id}/restart", []string{"t", "signal"}, []int{204}, bare, checks, unlimited, "restart"},
	containerKill:       {"ContainerKill", "POST", "/containers/{id}/kill", []string{"signal"}, []int{204}, bare, checks, ample, "kill"},
	containerPause:      {"ContainerPause", "POST", "/containers/{id}/pause", nil, []int{204}, bare, checks, ample, "pause"},
	containerUnpause:    {"ContainerUnpause", "POST", "/containers/{id}/unpause", nil, []int{204}, bare, checks, ample, "unpause"},
	containerDelete:     {"ContainerDelete", "DELETE", "/containers/{id}", []string{"v", "force", "link"}, []int{204}, bare, checks, ample, "remove, and the removal of a run with Remove"},
	containerArchive:    {"ContainerArchive", "GET", "/containers/{id}/archive", []string{"path"}, []int{200}, stream, same, ample, "cp out of a container"},
	putContainerArchive: {"PutContainerArchive", "PUT", "/containers/{id}/archive", []string{"path", "noOverwriteDirNonDir", "copyUIDGID"}, []int{200}, bare, checks, ample, "cp into a container"},
	containerExec:       {"ContainerExec", "POST", "/containers/{id}/exec", nil, []int{201}, unary, same, prompt, "exec: say what is to be run; it does not run yet"},
	execStart:           {"ExecStart", "POST", "/exec/{id}/start", nil, []int{101, 200}, hijacked, checks, ample, "exec: run it, and carry its input and output"},
	execStartDetached:   {"ExecStart", "POST", "/exec/{id}/start", nil, []int{200}, bare, checks, ample, "exec with Detach: run it"},
	execInspect:         {"ExecInspect", "GET", "/exec/{id}/json", nil, []int{200}, unary, same, prompt, "exec: learn the exit code"},
	networkInspect:      {"NetworkInspect", "GET", "/networks/{id}", nil, []int{200}, unary, same, prompt, "inspect a network"},
	networkCreate:       {"NetworkCreate", "POST", "/networks/create", nil, []int{201}, unary, checks, ample, "network create"},
	networkDelete:       {"NetworkDelete", "DELETE", "/networks/{id}", nil, []int{204}, bare, checks, ample, "network rm"},
	networkConnect:      {"NetworkConnect", "POST", "/networks/{id}/connect", nil, []int{200}, bare, checks, ample, "network connect"},
	networkDisconnect:   {"NetworkDisconnect", "POST", "/networks/{id}/disconnect", nil, []int{200}, bare, checks, ample, "network disconnect"},
	volumeInspect:       {"VolumeInspect", "GET", "/volumes/{name}", nil, []int{200}, unary, same, ample, "inspect a volume"},
	volumeCreate:        {"VolumeCreate", "POST", "/volumes/create", nil, []int{201}, unary, same, ample, "volume create, and mark a run as claimed, for the process that comes after"},
	volumeList:          {"VolumeList", "GET", "/volumes", []string{"filters"}, []int{200}, unary, same, prompt, "find the marks of claimed runs"},
	volumeDelete:        {"VolumeDelete", "DELETE", "/volumes/{name}", []string{"force"}, []int{204}, bare, checks, ample, "volume rm, and take the mark of a claimed run away"},
}

// Call is a row of the calls table, in words.
type Call struct {
	Operation string   // operationId in moby's api/swagger.yaml
	Method    string   //
	Path      string   // without the version; {id} or {name} is the one parameter
	Query     []string `json:",omitempty"` // every key that may be sent
	Answer    string   // unary, bare, stream, hijacked
	Repeat    string   // what sending it twice means: same, or checks first
	Limit     string   // within which the answer, or its head, has come; or none
	Why       string   // the program calls it
}

// Calls are the rows of the table, in their order.
func Calls() []Call {
	var all []Call
	for _, r := range calls {
		limit := "none"
		if r.limit != unlimited {
			limit = r.limit.String()
		}
		all = append(all, Call{r.operation, r.method, r.path, r.query, r.shape.String(), r.repeat.String(), limit, r.why})
	}
	return all
}

// CallFormats are the ways to write calls down: for people, for programs, and as the rules of proxies that let nothing else through.
var CallFormats = map[string]func(io.Writer, []Call) error{
	"text":       writeText,
	"json":       writeJSON,
	"cetusguard": writeCetusguard,
	"wollomatic": writeWollomatic,
	"tecnativa":  writeTecnativa,
}

// writeText prints a line each call.
func writeText(w io.Writer, calls []Call) error {
	const columns = "%-19s  %-6s  %-26s  %-56s  %-8s  %-12s  %-5s  %s\n"
	if _, err := fmt.Fprintf(w, columns, "OPERATION", "METHOD", "PATH", "QUERY", "ANSWER", "REPEAT", "LIMIT", "WHY"); err != nil {
		return err
	}
	for _, c := range calls {
		query := cmp.Or(strings.Join(c.Query, ","), "-")
		if _, err := fmt.Fprintf(w, columns, c.Operation, c.Method, c.Path, query, c.Answer, c.Repeat, c.Limit, c.Why); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON prints an object a line.
func writeJSON(w io.Writer, calls []Call) error {
	encoder := json.NewEncoder(w)
	for _, c := range calls {
		if err := encoder.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

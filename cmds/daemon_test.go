package cmds

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

// daemon is a small Docker Engine on a unix socket. Its containers are functions, its images are their names, and its
// answers can be bent one by one.
type daemon struct {
	socket   string
	programs map[string]program // by image
	server   *http.Server
	listener net.Listener
	work     sync.WaitGroup

	mu         sync.Mutex
	containers []*container
	made       int
	ended      bool
	conns      map[net.Conn]bool // attaches
	bends      map[string][]bend // by operation
}

// program is what a container does; it returns the exit code.
type program func(c *container) int

// bend is what is done with a request instead of answer, which does what was asked for.
type bend func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc)

type container struct {
	id, name   string
	labels     map[string]string
	autoRemove bool
	stdin      *io.PipeReader // what came by an attach
	input      *io.PipeWriter
	killed     chan struct{}
	kill       func()
	exited     chan struct{}

	mu     sync.Mutex
	status string
	code   int
	starts int
	log    []byte // frames
	attach net.Conn
	cut    int // bytes after which the attach is cut; negative: never
}

// frame is a piece of output as it goes over the wire.
func frame(stream dockerapi.Output, text string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(stream), 0, 0, 0}, uint32(len(text)))
	return append(b, text...)
}

// print writes to the log and to the attach, which may block.
func (c *container) print(stream dockerapi.Output, text string) {
	b := frame(stream, text)
	c.mu.Lock()
	c.log = append(c.log, b...)
	conn := c.attach
	if c.cut >= 0 {
		b = b[:min(len(b), c.cut)]
		c.cut -= len(b)
	}
	cut := c.cut == 0
	c.mu.Unlock()
	if conn == nil {
		return
	}
	if _, err := conn.Write(b); err != nil || cut {
		c.mu.Lock()
		c.attach = nil
		c.mu.Unlock()
		conn.Close()
	}
}

func (c *container) is() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// newDaemon starts a daemon; the test's end ends it.
func newDaemon(t *testing.T, programs map[string]program) *daemon {
	d := &daemon{socket: filepath.Join(t.TempDir(), "d.sock"), programs: programs, conns: map[net.Conn]bool{}, bends: map[string][]bend{}}
	d.up(t)
	t.Cleanup(func() {
		d.down()
		d.mu.Lock()
		d.ended = true
		d.mu.Unlock()
		for _, c := range d.all() {
			c.kill()
		}
		d.work.Wait()
	})
	return d
}

// background runs f, for which the test's end waits; after that nothing is begun any more.
func (d *daemon) background(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ended {
		d.work.Go(f)
	}
}

func (d *daemon) up(t *testing.T) {
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Error(err)
		return
	}
	server := &http.Server{Handler: d}
	d.mu.Lock()
	d.server, d.listener = server, l
	d.mu.Unlock()
	d.background(func() { server.Serve(l) })
}

// down cuts every connection, and is not there any more. Containers run on.
func (d *daemon) down() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listener.Close() // which the server may not have yet
	d.server.Close()
	for conn := range d.conns {
		conn.Close()
	}
}

// bend has the next request of an operation answered otherwise.
func (d *daemon) bend(operation string, with ...bend) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bends[operation] = append(d.bends[operation], with...)
}

// The bends that several tests need.
var (
	unbent bend = func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) { answer(w, r) }

	// lostBefore cuts the connection, and nothing has been done.
	lostBefore bend = func(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }

	// lostAfter does what was asked for, and cuts the connection.
	lostAfter bend = func(_ http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		answer(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
)

func refusing(status int, message string) bend {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(w, status, message) }
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func (d *daemon) all() []*container {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.containers)
}

// find resolves as an Engine does: id, name, the beginning of an id.
func (d *daemon) find(id string) *container {
	for _, match := range []func(c *container) bool{
		func(c *container) bool { return c.id == id },
		func(c *container) bool { return c.name == id },
		func(c *container) bool { return strings.HasPrefix(c.id, id) },
	} {
		if i := slices.IndexFunc(d.all(), match); i >= 0 {
			return d.all()[i]
		}
	}
	return nil
}

func (d *daemon) forget(c *container) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.containers = slices.DeleteFunc(d.containers, func(other *container) bool { return other == c })
}

var route = regexp.MustCompile(`^/v1\.41/(images|containers)(?:/([^/]+))?/(create|attach|start|wait|json|logs|stop)$|^/_ping$|^/v1\.41/containers/([^/]+)$`)

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := route.FindStringSubmatch(r.URL.Path)
	if m == nil {
		refuse(w, 404, "page not found")
		return
	}
	operation, id := m[3], m[2]
	switch {
	case m[0] == "/_ping":
		operation = "ping"
	case m[4] != "":
		operation, id = "delete", m[4]
	case m[1] == "images":
		operation = "pull"
	}
	answer := d.answer(operation, id)
	d.mu.Lock()
	how := unbent
	if queue := d.bends[operation]; len(queue) > 0 {
		how, d.bends[operation] = queue[0], queue[1:]
	}
	d.mu.Unlock()
	how(w, r, answer)
}

func (d *daemon) answer(operation, id string) http.HandlerFunc {
	switch operation {
	case "ping":
		return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") }
	case "create":
		return d.create
	case "pull":
		return d.pull
	}
	return func(w http.ResponseWriter, r *http.Request) {
		c := d.find(id)
		if c == nil {
			refuse(w, 404, "No such container: "+id)
			return
		}
		map[string]func(http.ResponseWriter, *http.Request, *container){
			"attach": d.attach, "start": d.start, "wait": d.wait, "json": d.inspect, "logs": d.logs, "stop": d.stop, "delete": d.delete,
		}[operation](w, r, c)
	}
}

func (d *daemon) pull(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	image := r.URL.Query().Get("fromImage") + ":" + r.URL.Query().Get("tag")
	d.programs[image] = d.programs["remote/"+image]
	fmt.Fprintln(w, `{"status":"Pulling"}`)
	fmt.Fprintln(w, `{"status":"Done"}`)
}

func (d *daemon) create(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Image      string
		Labels     map[string]string
		HostConfig struct{ AutoRemove bool }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, 400, err.Error())
		return
	}
	c, status, message := d.add(r.URL.Query().Get("name"), body.Image, body.Labels, body.HostConfig.AutoRemove)
	if c == nil {
		refuse(w, status, message)
		return
	}
	w.WriteHeader(201)
	json.NewEncoder(w).Encode(map[string]string{"Id": c.id})
}

// add makes a container, as create does.
func (d *daemon) add(name, image string, labels map[string]string, autoRemove bool) (c *container, status int, message string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.programs[image] == nil {
		return nil, 404, "No such image: " + image
	}
	for _, other := range d.containers {
		if other.name == name {
			return nil, 409, fmt.Sprintf("Conflict. The container name %q is already in use by container %q.", "/"+name, other.id)
		}
	}
	d.made++
	c = &container{id: fmt.Sprintf("db%062x", d.made), name: name, labels: labels, autoRemove: autoRemove, status: "created", cut: -1}
	c.stdin, c.input = io.Pipe()
	c.killed, c.exited = make(chan struct{}), make(chan struct{})
	c.kill = sync.OnceFunc(func() { close(c.killed); c.stdin.Close() })
	c.labels["image"] = image
	d.containers = append(d.containers, c)
	return c, 0, ""
}

func (d *daemon) attach(w http.ResponseWriter, r *http.Request, c *container) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	d.mu.Lock()
	d.conns[conn] = true
	d.mu.Unlock()
	c.mu.Lock()
	c.attach = conn
	c.mu.Unlock()
	fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	if r.URL.Query().Get("stdin") == "1" {
		d.background(func() {
			io.Copy(c.input, buffered)
			c.input.Close()
		})
	}
}

func (d *daemon) start(w http.ResponseWriter, _ *http.Request, c *container) {
	d.run(c)
	w.WriteHeader(204)
}

// run starts a container.
func (d *daemon) run(c *container) {
	c.mu.Lock()
	c.status = "running"
	c.starts++
	c.mu.Unlock()
	d.mu.Lock()
	do := d.programs[c.labels["image"]]
	d.mu.Unlock()
	d.background(func() {
		code := do(c)
		select {
		case <-c.killed:
			code = 137
		default:
		}
		c.mu.Lock()
		c.status, c.code = "exited", code
		if c.attach != nil {
			c.attach.Close()
		}
		c.mu.Unlock()
		c.stdin.Close()
		if c.autoRemove {
			d.forget(c)
		}
		close(c.exited)
	})
}

func (d *daemon) wait(w http.ResponseWriter, r *http.Request, c *container) {
	select {
	case <-c.exited:
		json.NewEncoder(w).Encode(map[string]int{"StatusCode": c.code})
	case <-r.Context().Done():
	}
}

func (d *daemon) inspect(w http.ResponseWriter, _ *http.Request, c *container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]any{
		"Id": c.id, "Name": "/" + c.name, "State": map[string]any{"Status": c.status, "ExitCode": c.code},
		"Config": map[string]any{"Labels": c.labels}, "HostConfig": map[string]any{"AutoRemove": c.autoRemove},
	})
}

func (d *daemon) logs(w http.ResponseWriter, _ *http.Request, c *container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Write(c.log)
}

func (d *daemon) stop(w http.ResponseWriter, r *http.Request, c *container) {
	if c.is() != "running" {
		w.WriteHeader(304)
		return
	}
	c.kill()
	select {
	case <-c.exited:
		w.WriteHeader(204)
	case <-r.Context().Done():
	}
}

func (d *daemon) delete(w http.ResponseWriter, r *http.Request, c *container) {
	switch c.is() {
	case "removing":
		refuse(w, 409, "removal of container "+c.name+" is already in progress")
		return
	case "running":
		if r.URL.Query().Get("force") != "true" {
			refuse(w, 409, "You cannot remove a running container. Stop the container before attempting removal or force remove")
			return
		}
		c.kill()
		<-c.exited
	}
	d.forget(c)
	w.WriteHeader(204)
}

// stage is a dispatcher with a Host, over a daemon.
type stage struct {
	*daemon
	*Dispatcher
	host   *Host
	client *dockerapi.Client
	out    notes // standard output and settles
	log    notes // warnings
	calls  notes // of the Engine, but pings
	ctx    context.Context
	stop   context.CancelFunc
}

// patience is how long a test waits for something to happen before it fails.
const patience = 10 * time.Second

func newStage(t *testing.T, programs map[string]program) *stage {
	s := &stage{daemon: newDaemon(t, programs)}
	s.client = dockerapi.New(wire.Addr{Network: "unix", Address: s.socket})
	s.client.OnCall = func(r dockerapi.Record) {
		if r.Operation != "SystemPing" {
			s.calls.add("%s %d", r.Operation, r.Status)
		}
	}
	s.host = NewHost(s.client, slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelInfo})))
	s.Dispatcher = s.out.dispatcher(s.host.Do)
	s.Slots = 20
	s.ctx, s.stop = context.WithCancel(t.Context())
	t.Cleanup(func() {
		s.stop()
		s.Wait()
		s.Printer.Close(context.Background())
		s.client.Close()
	})
	return s
}

func (s *stage) give(id, body string) { s.Deliver(s.ctx, s.out.delivery(id, body)) }

var seconds = regexp.MustCompile(` in \d+\.\d\ds`)

// ends waits until nothing is in work, and compares what was printed and settled, and what the Engine was asked.
func (s *stage) ends(t *testing.T, out, calls string) {
	t.Helper()
	s.Wait()
	if got := seconds.ReplaceAllString(s.out.take(), " in T"); got != out {
		t.Errorf("printed\n%s\nwant\n%s\nlog %s", got, out, s.log.take())
	}
	if got := strings.ReplaceAll(strings.TrimSpace(s.calls.take()), "\n", ", "); calls != "" && got != calls {
		t.Errorf("called\n%s\nwant\n%s", got, calls)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// holds says whether text was noted, and leaves it there.
func (n *notes) holds(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.text.String(), text)
}

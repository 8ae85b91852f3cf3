package cmds

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"
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
	volumes    map[string]map[string]string // labels, by name
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
	id         string
	number     int // of its create
	image      string
	labels     map[string]string
	env        []string
	autoRemove bool
	driver     string         // of its log
	restarts   int            // as often as it is run again after an exit
	stdin      *io.PipeReader // what came by an attach
	input      *io.PipeWriter
	killed     chan struct{}
	kill       func()
	exited     chan struct{}

	mu      sync.Mutex
	name    string
	status  string
	code    int
	starts  int
	started time.Time
	ended   time.Time
	log     []byte        // frames
	pieces  []piece       // of the log
	exits   []int         // the codes of all runs
	oom     bool          // it has been killed for want of memory
	grown   chan struct{} // closed when the log or the status is another
	attach  net.Conn
	cut     int // bytes after which the attach is cut; negative: never
}

// piece says how long a log was, and when.
type piece struct {
	at  time.Time
	end int
}

// change applies a change that whoever follows the log is to see.
func (c *container) change(apply func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	apply()
	close(c.grown)
	c.grown = make(chan struct{})
}

// frame is a piece of output as it goes over the wire.
func frame(stream dockerapi.Output, text string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(stream), 0, 0, 0}, uint32(len(text)))
	return append(b, text...)
}

// cutAttach ends the attach, while the container goes on.
func (c *container) cutAttach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attach.Close()
	c.attach = nil
}

// print writes to the log and to the attach, which may block.
func (c *container) print(stream dockerapi.Output, text string) {
	b := frame(stream, text)
	c.change(func() {
		c.log = append(c.log, b...)
		c.pieces = append(c.pieces, piece{time.Now(), len(c.log)})
	})
	c.mu.Lock()
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

func (c *container) called() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

// newDaemon starts a daemon; the test's end ends it.
func newDaemon(t *testing.T, programs map[string]program) *daemon {
	d := &daemon{socket: filepath.Join(t.TempDir(), "d.sock"), programs: programs, conns: map[net.Conn]bool{}, bends: map[string][]bend{}, volumes: map[string]map[string]string{}}
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
	all := d.all()
	for _, match := range []func(c *container) bool{
		func(c *container) bool { return c.id == id },
		func(c *container) bool { return c.called() == id },
		func(c *container) bool { return strings.HasPrefix(c.id, id) },
	} {
		if i := slices.IndexFunc(all, match); i >= 0 {
			return all[i]
		}
	}
	return nil
}

func (d *daemon) forget(c *container) {
	c.stdin.Close() // or an attach to one that never ran waits for it
	d.mu.Lock()
	defer d.mu.Unlock()
	d.containers = slices.DeleteFunc(d.containers, func(other *container) bool { return other == c })
}

// routes are the requests that the daemon knows: their operations are the names of bends.
var routes = []struct {
	operation string
	request   *regexp.Regexp
}{
	{"ping", regexp.MustCompile(`^GET /_ping$`)},
	{"pull", regexp.MustCompile(`^POST /v1\.41/images/create$`)},
	{"create", regexp.MustCompile(`^POST /v1\.41/containers/create$`)},
	{"list", regexp.MustCompile(`^GET /v1\.41/containers/json$`)},
	{"json", regexp.MustCompile(`^GET /v1\.41/containers/([^/]+)/json$`)},
	{"logs", regexp.MustCompile(`^GET /v1\.41/containers/([^/]+)/logs$`)},
	{"", regexp.MustCompile(`^POST /v1\.41/containers/([^/]+)/(attach|start|wait|stop|rename)$`)},
	{"delete", regexp.MustCompile(`^DELETE /v1\.41/containers/([^/]+)$`)},
	{"mark", regexp.MustCompile(`^POST /v1\.41/volumes/create$`)},
	{"marks", regexp.MustCompile(`^GET /v1\.41/volumes$`)},
	{"unmark", regexp.MustCompile(`^DELETE /v1\.41/volumes/([^/]+)$`)},
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, route := range routes {
		m := route.request.FindStringSubmatch(r.Method + " " + r.URL.Path)
		if m == nil {
			continue
		}
		m = append(m, "", "")
		operation := cmp.Or(route.operation, m[2])
		d.mu.Lock()
		how := unbent
		if queue := d.bends[operation]; len(queue) > 0 {
			how, d.bends[operation] = queue[0], queue[1:]
		}
		d.mu.Unlock()
		how(w, r, d.answer(operation, m[1]))
		return
	}
	refuse(w, 404, "page not found")
}

func (d *daemon) answer(operation, id string) http.HandlerFunc {
	switch operation {
	case "ping":
		return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") }
	case "create":
		return d.create
	case "pull":
		return d.pull
	case "list":
		return d.list
	case "mark":
		return d.mark
	case "marks":
		return d.marks
	case "unmark":
		return func(w http.ResponseWriter, _ *http.Request) { d.unmark(w, id) }
	}
	return func(w http.ResponseWriter, r *http.Request) {
		c := d.find(id)
		if c == nil {
			refuse(w, 404, "No such container: "+id)
			return
		}
		map[string]func(http.ResponseWriter, *http.Request, *container){
			"attach": d.attach, "start": d.start, "wait": d.wait, "json": d.inspect, "logs": d.logs, "stop": d.stop, "delete": d.delete, "rename": d.rename,
		}[operation](w, r, c)
	}
}

// wants says whether labels have what a list's filters ask for.
func wants(r *http.Request, labels map[string]string) bool {
	var filters struct{ Label []string }
	if json.Unmarshal([]byte(r.URL.Query().Get("filters")), &filters) != nil {
		return false
	}
	for _, label := range filters.Label {
		key, value, valued := strings.Cut(label, "=")
		if got, has := labels[key]; !has || valued && got != value {
			return false
		}
	}
	return true
}

// list has the newest first.
func (d *daemon) list(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for _, c := range slices.Backward(d.all()) {
		if r.URL.Query().Get("all") == "1" && wants(r, c.labels) {
			list = append(list, map[string]any{"Id": c.id, "Names": []string{"/" + c.called()}, "State": c.is(), "Labels": c.labels, "Created": c.number})
		}
	}
	json.NewEncoder(w).Encode(list)
}

func (d *daemon) mark(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name, Driver string
		Labels       map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Driver != "local" {
		refuse(w, 400, "not a volume")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volumes[body.Name] == nil {
		d.volumes[body.Name] = body.Labels
	}
	w.WriteHeader(201)
	fmt.Fprintln(w, "{}")
}

func (d *daemon) marks(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := []dockerapi.Volume{}
	for name, labels := range d.volumes {
		if wants(r, labels) {
			list = append(list, dockerapi.Volume{Name: name, Labels: labels})
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"Volumes": list})
}

func (d *daemon) unmark(w http.ResponseWriter, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volumes[name] == nil {
		refuse(w, 404, "get "+name+": no such volume")
		return
	}
	delete(d.volumes, name)
	w.WriteHeader(204)
}

// marked is the labels of a container's mark; nil is none.
func (d *daemon) marked(c *container) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.volumes[markPrefix+c.id]
}

func (d *daemon) rename(w http.ResponseWriter, r *http.Request, c *container) {
	name := r.URL.Query().Get("name")
	if name == c.called() {
		refuse(w, 400, "Renaming a container with the same name as its current name")
		return
	}
	if d.holder(name) != nil {
		refuse(w, 409, "Conflict. The container name is already in use")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
	w.WriteHeader(204)
}

// holder is the container with that name; nil is none.
func (d *daemon) holder(name string) *container {
	for _, c := range d.all() {
		if c.called() == name {
			return c
		}
	}
	return nil
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
		Env        []string
		Labels     map[string]string
		HostConfig struct {
			AutoRemove    bool
			RestartPolicy struct{ MaximumRetryCount int }
		}
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
	c.env, c.restarts = body.Env, body.HostConfig.RestartPolicy.MaximumRetryCount
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
		if other.called() == name {
			return nil, 409, fmt.Sprintf("Conflict. The container name %q is already in use by container %q.", "/"+name, other.id)
		}
	}
	d.made++
	c = &container{id: fmt.Sprintf("db%062x", d.made), number: d.made, image: image, labels: labels, autoRemove: autoRemove, driver: "json-file", name: name, status: "created", cut: -1}
	c.stdin, c.input = io.Pipe()
	c.killed, c.exited, c.grown = make(chan struct{}), make(chan struct{}), make(chan struct{})
	c.kill = sync.OnceFunc(func() { close(c.killed); c.stdin.Close() })
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

// restartDelay is an Engine's before the first restart.
const restartDelay = 100 * time.Millisecond

// run starts a container, and again as often as it is to be restarted.
func (d *daemon) run(c *container) {
	d.mu.Lock()
	do := d.programs[c.image]
	d.mu.Unlock()
	c.begin()
	d.background(func() {
		for c.end(do(c)) {
			select {
			case <-c.killed:
			case <-time.After(restartDelay):
			}
			c.begin()
		}
		c.stdin.Close()
		if c.autoRemove {
			d.forget(c)
		}
		close(c.exited)
	})
}

func (c *container) begin() {
	c.change(func() {
		c.status, c.started = "running", time.Now()
		c.starts++
	})
}

// end says whether the container is to be restarted.
func (c *container) end(code int) (again bool) {
	again = c.starts <= c.restarts
	select {
	case <-c.killed:
		code, again = 137, false
	default:
	}
	c.change(func() {
		c.status, c.code, c.ended = "exited", code, time.Now()
		c.exits = append(c.exits, code)
		if again {
			c.status = "restarting"
		}
		if c.attach != nil {
			c.attach.Close()
			c.attach = nil
		}
	})
	return again
}

func (d *daemon) wait(w http.ResponseWriter, r *http.Request, c *container) {
	if r.URL.Query().Get("condition") == "next-exit" {
		c.nextExit(w, r)
		return
	}
	if c.is() == "created" {
		fmt.Fprintln(w, `{"StatusCode":0}`)
		return
	}
	select {
	case <-c.exited:
		json.NewEncoder(w).Encode(map[string]int{"StatusCode": c.code})
	case <-r.Context().Done():
	}
}

// nextExit answers with the exit after the present ones, and says at once that it will.
func (c *container) nextExit(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	seen := len(c.exits)
	c.mu.Unlock()
	http.NewResponseController(w).Flush()
	for {
		c.mu.Lock()
		exits, grown := c.exits, c.grown
		c.mu.Unlock()
		if len(exits) > seen {
			json.NewEncoder(w).Encode(map[string]int{"StatusCode": exits[seen]})
			return
		}
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		}
	}
}

func (d *daemon) inspect(w http.ResponseWriter, _ *http.Request, c *container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]any{
		"Id": c.id, "Name": "/" + c.name, "State": map[string]any{"Status": c.status, "ExitCode": c.code, "OOMKilled": c.oom, "StartedAt": c.started, "FinishedAt": c.ended},
		"RestartCount": c.restartCount(),
		"Config":       map[string]any{"Labels": c.labels}, "HostConfig": map[string]any{"AutoRemove": c.autoRemove, "LogConfig": map[string]any{"Type": c.driver}},
	})
}

// restartCount counts a restart when it is due.
func (c *container) restartCount() int {
	if c.status == "restarting" {
		return c.starts
	}
	return max(0, c.starts-1)
}

// upTo is as much of the log as there was at that time, in Unix seconds with a fraction; all, if it is "".
func (c *container) upTo(until string) []byte {
	if until == "" {
		return c.log
	}
	seconds, fraction, _ := strings.Cut(until, ".")
	at, err := time.Parse("15:04:05.999999999", "00:00:00."+fraction)
	unix, problem := strconv.ParseInt(seconds, 10, 64)
	end := 0
	for _, p := range c.pieces {
		if err == nil && problem == nil && !p.at.After(time.Unix(unix, int64(at.Nanosecond()))) {
			end = p.end
		}
	}
	return c.log[:end]
}

func (d *daemon) logs(w http.ResponseWriter, r *http.Request, c *container) {
	if c.driver == "none" {
		refuse(w, 501, "configured logging driver does not support reading")
		return
	}
	follow := r.URL.Query().Get("follow") == "1"
	for sent := 0; ; {
		c.mu.Lock()
		more, running, grown := c.upTo(r.URL.Query().Get("until"))[sent:], c.status == "running", c.grown
		c.mu.Unlock()
		w.Write(more)
		sent += len(more)
		http.NewResponseController(w).Flush()
		if !follow || !running {
			return
		}
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		}
	}
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
		refuse(w, 409, "removal of container "+c.called()+" is already in progress")
		return
	case "running":
		if r.URL.Query().Get("force") != "1" {
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
	graces chan struct{} // each is one that has passed since an ack: see connect
	out    notes         // standard output and settles
	log    notes         // warnings
	calls  notes         // of the Engine, but pings
	ctx    context.Context
	stop   context.CancelFunc
}

// patience is how long a test waits for something to happen before it fails.
const patience = 10 * time.Second

func newStage(t *testing.T, programs map[string]program) *stage {
	s := &stage{daemon: newDaemon(t, programs)}
	s.client = dockerapi.New(wire.Addr{Network: "unix", Address: s.socket})
	s.client.Admit = holdsToOperations(t)
	s.client.OnCall = func(r dockerapi.Record) {
		if r.Operation != "SystemPing" {
			s.calls.add("%s %d", r.Operation, r.Status)
		}
	}
	s.host = NewHost(s.client, logfmt.New(&s.log, logfmt.Info))
	s.host.late = patience // what is asked for does not depend on how busy the machine is
	s.Dispatcher = s.out.dispatcher(s.host.Do)
	s.Slots = 20
	s.ctx, s.stop = context.WithCancel(t.Context())
	t.Cleanup(func() {
		s.stop()
		s.Wait()
		s.Tidy(s.ctx)
		s.Printer.Close(context.Background())
		s.client.Close()
	})
	return s
}

// connect gives the dispatcher a broker: runs can be claimed, and containers go when the test lets a grace pass.
func (s *stage) connect() {
	s.graces = make(chan struct{})
	s.Steady = func(ctx context.Context, _ time.Duration) error {
		select {
		case <-s.graces:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.Reserve = func() func() {
		s.out.add("place taken")
		return func() { s.out.add("place freed") }
	}
	s.Claim = ClaimNever
}

// grace lets one pass. Somebody must be waiting for it.
func (s *stage) grace(t *testing.T) {
	t.Helper()
	select {
	case s.graces <- struct{}{}:
	case <-time.After(patience):
		t.Fatal("nobody waits for a grace to pass")
	}
}

// speak has the dispatcher print in that format.
func (s *stage) speak(t *testing.T, as string) {
	s.Printer.Close(t.Context())
	s.Printer = NewPrinter(&s.out, as)
}

func (s *stage) give(id, body string) { s.Deliver(s.ctx, s.out.delivery(id, body)) }

// giveAgain gives a delivery that was given out before.
func (s *stage) giveAgain(id, body string) {
	delivery := s.out.delivery(id, body)
	delivery.Redelivered = true
	s.Deliver(s.ctx, delivery)
}

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

// count says how often text was noted, and leaves it there.
func (n *notes) count(text string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Count(n.text.String(), text)
}

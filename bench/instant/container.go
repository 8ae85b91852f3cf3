package instant

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// The exit codes of containers that do not end by themselves.
const (
	terminated = 143
	killed     = 137
)

// container is one of them. Engine.mu guards what changes.
type container struct {
	id, name  string
	config    config
	act       act
	remove    bool // by itself, when it has exited
	created   time.Time
	state     string // created, running, exited
	held      bool   // runs until Release
	code      int
	started   time.Time
	finished  time.Time
	exited    chan struct{} // closed when this run of it has ended
	gone      chan struct{} // closed when it has been removed
	listeners []listener
}

// config is what of a create's body is of any effect here.
type config struct {
	Image      string
	Cmd        []string
	Labels     map[string]string
	HostConfig struct{ AutoRemove bool }
}

// listener is an attach.
type listener struct {
	conn   net.Conn
	stdout bool
}

// act is what a container does: it writes a block so many times, and holds or not.
type act struct {
	block []byte // frames
	times int
	tail  []byte // the frames behind the last block
	hold  bool
}

// acts are the words of a Cmd, each with how many arguments it has.
var acts = map[string]struct {
	arguments int
	make      func(arguments []string) (act, error)
}{
	"say":      {1, func(a []string) (act, error) { return act{tail: frame([]byte(a[0] + "\n"))}, nil }},
	"say-hold": {1, func(a []string) (act, error) { return act{tail: frame([]byte(a[0] + "\n")), hold: true}, nil }},
	"hold":     {0, func([]string) (act, error) { return act{hold: true}, nil }},
	"lines":    {2, lines},
}

func parseAct(cmd []string) (act, error) {
	if len(cmd) == 0 {
		return act{}, errors.New("instant: no Cmd")
	}
	word, ok := acts[cmd[0]]
	if !ok || len(cmd) != 1+word.arguments {
		return act{}, fmt.Errorf("instant: %q is nothing that a container does", cmd)
	}
	return word.make(cmd[1:])
}

// frame is data as one frame of standard output.
func frame(data []byte) []byte {
	n := len(data)
	return append([]byte{1, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, data...)
}

const (
	frameLen = 32 << 10 // of data: what Engines make of a container that writes much
	blockLen = 8        // frames: some 256 KiB, which a socket takes in one or two writes
)

// lines are count lines of that length, in frames of 32 KiB.
func lines(a []string) (act, error) {
	count, err := strconv.Atoi(a[0])
	if err != nil || count < 0 {
		return act{}, fmt.Errorf("instant: %q lines", a[0])
	}
	length, err := strconv.Atoi(a[1])
	if err != nil || length < 1 || length > frameLen {
		return act{}, fmt.Errorf("instant: lines of %q bytes: 1 to %d", a[1], frameLen)
	}
	line := strings.Repeat("0123456789abcdef", length/16+1)[:length-1] + "\n"
	each := frameLen / length
	full := frame([]byte(strings.Repeat(line, each)))
	var done act
	for range blockLen {
		done.block = append(done.block, full...)
	}
	done.times = count / (each * blockLen)
	for left := count % (each * blockLen); left > 0; left -= each {
		done.tail = append(done.tail, frame([]byte(strings.Repeat(line, min(left, each))))...)
	}
	return done, nil
}

// write writes all that the act has to say.
func (a *act) write(write func([]byte) error) error {
	for range a.times {
		if err := write(a.block); err != nil {
			return err
		}
	}
	if len(a.tail) == 0 {
		return nil
	}
	return write(a.tail)
}

// newID looks like a random id and is none: also its first 12 digits differ from those of all others.
func newID(n uint64) string {
	const golden = 0x9e3779b97f4a7c15 // splitmix64
	var id []byte
	for i := range uint64(4) {
		z := n + (i+1)*golden
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		id = fmt.Appendf(id, "%016x", z^z>>31)
	}
	return string(id)
}

func (x *exchange) create(string) bool {
	now := time.Now()
	c := &container{name: x.parameter("name"), state: "created", created: now, exited: make(chan struct{}), gone: make(chan struct{})}
	err := json.Unmarshal(x.body, &c.config)
	if err == nil {
		c.act, err = parseAct(c.config.Cmd)
	}
	if err != nil {
		x.refuse("400 Bad Request", err.Error())
		return false
	}
	c.remove = c.config.HostConfig.AutoRemove
	if holder := x.engine.enter(c); holder != nil {
		x.refuse("409 Conflict", fmt.Sprintf("Conflict. The container name \"/%s\" is already in use by container \"%s\". "+
			"You have to remove (or rename) that container to be able to reuse that name.", c.name, holder.id))
		return false
	}
	x.text("201 Created", "application/json", []byte(`{"Id":"`+c.id+`","Warnings":[]}`+"\n"))
	return true
}

// enter gives the container its id and place, or returns the one that has its name.
func (e *Engine) enter(c *container) (holder *container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.firstCreate.IsZero() {
		e.firstCreate = c.created
	}
	if holder := e.names[c.name]; holder != nil {
		return holder
	}
	e.made++
	c.id = newID(e.made)
	if c.name == "" {
		c.name = fmt.Sprintf("instant_%d", e.made)
	}
	e.containers[c.id], e.names[c.name] = c, c
	return nil
}

// lookUp finds a container by its id or name. The caller holds e.mu.
func (e *Engine) lookUp(id string) *container {
	if c := e.containers[id]; c != nil {
		return c
	}
	return e.names[id]
}

// find is lookUp for a call that is refused when there is none.
func (x *exchange) find(id string) *container {
	c := x.engine.lookUp(id)
	if c == nil {
		x.refuse("404 Not Found", "No such container: "+id)
	}
	return c
}

// attach takes the connection over for the container.
func (x *exchange) attach(id string) bool {
	e := x.engine
	l := listener{x.conn, x.isSet("stdout") && x.isSet("stream")}
	e.mu.Lock()
	c := x.find(id)
	if c == nil {
		e.mu.Unlock()
		x.out = append(x.out[:0], "HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nNo such container: "+id+"\r\n"...)
		x.last = true
		return false
	}
	c.listeners = append(c.listeners, l)
	e.mu.Unlock()
	if x.upgrade {
		x.out = append(x.out, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"...)
	} else {
		x.out = append(x.out, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"...)
	}
	x.taken = true
	return x.flush() == nil
}

// start runs the container: here, when it has little to say, so that its end costs nobody a wake-up.
func (x *exchange) start(id string) bool {
	e := x.engine
	e.mu.Lock()
	c := x.find(id)
	switch {
	case c == nil:
		e.mu.Unlock()
		return false
	case c.state == "running":
		e.mu.Unlock()
		x.empty("304 Not Modified")
		return false
	case c.state == "exited":
		c.exited = make(chan struct{})
	}
	c.state, c.started, c.held = "running", time.Now(), c.act.hold
	e.running++
	if e.firstStart.IsZero() {
		e.firstStart = c.started
	}
	listeners := c.listeners
	e.mu.Unlock()
	if c.act.times > 0 {
		go e.run(c, listeners)
	} else {
		e.run(c, listeners)
	}
	x.empty("204 No Content")
	return true
}

// run writes what the container has to say to those who listen, and ends it. A listener that went away misses the rest.
func (e *Engine) run(c *container, listeners []listener) {
	for _, l := range listeners {
		if l.stdout {
			c.act.write(func(data []byte) error { _, err := l.conn.Write(data); return err })
		}
	}
	if c.act.hold {
		return
	}
	e.mu.Lock()
	listeners = e.exit(c, 0)
	e.mu.Unlock()
	hangUp(listeners)
}

// hangUp ends attaches.
func hangUp(listeners []listener) {
	for _, l := range listeners {
		l.conn.Close()
	}
}

// exit ends a container that runs, and returns those who listen, who are to hear it after those who wait can know it. The caller
// holds e.mu.
func (e *Engine) exit(c *container, code int) (listeners []listener) {
	if c.state != "running" {
		return nil
	}
	c.state, c.held, c.code, c.finished = "exited", false, code, time.Now()
	e.running--
	e.lastExit = c.finished
	close(c.exited)
	listeners, c.listeners = c.listeners, nil
	if c.remove {
		e.forget(c)
		e.counts[containerDelete].Add(1)
	}
	return listeners
}

// forget removes a container that does not run. The caller holds e.mu.
func (e *Engine) forget(c *container) {
	if e.containers[c.id] == nil {
		return
	}
	delete(e.containers, c.id)
	delete(e.names, c.name)
	e.lastDelete = time.Now()
	close(c.gone)
	hangUp(c.listeners) // an Engine would leave them open for ever
	c.listeners = nil
}

// wait answers when the container has ended, or at once; the head comes at once.
func (x *exchange) wait(id string) bool {
	e, condition := x.engine, x.parameter("condition")
	e.mu.Lock()
	c := x.find(id)
	if c == nil {
		e.mu.Unlock()
		return false
	}
	var until chan struct{}
	switch {
	case condition == "removed":
		until = c.gone
	case condition == "next-exit" && c.state == "exited":
		until = make(chan struct{}) // never, as an Engine has it
	case condition == "next-exit", c.state == "running":
		until = c.exited
	}
	e.mu.Unlock()
	x.chunked("Content-Type: application/json\r\n")
	if until != nil {
		if x.flush() != nil {
			return false
		}
		select {
		case <-until:
		case <-e.stop:
			x.last = true
			return false
		}
	}
	e.mu.Lock()
	code := c.code
	e.mu.Unlock()
	x.chunk([]byte(`{"Error":null,"StatusCode":` + strconv.Itoa(code) + "}\n"))
	x.end()
	return true
}

func (x *exchange) delete(id string) bool {
	e := x.engine
	force := x.isSet("force")
	e.mu.Lock()
	defer e.mu.Unlock()
	c := x.find(id)
	switch {
	case c == nil:
		return false
	case c.state == "running" && !force:
		x.refuse("409 Conflict", "You cannot remove a running container "+c.id+". Stop the container before attempting removal or force remove")
		return false
	}
	hangUp(e.exit(c, killed))
	e.forget(c)
	x.empty("204 No Content")
	return true
}

func (x *exchange) stop(id string) bool {
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c := x.find(id)
	switch {
	case c == nil:
		return false
	case c.state != "running":
		x.empty("304 Not Modified")
		return false
	}
	hangUp(e.exit(c, terminated))
	x.empty("204 No Content")
	return true
}

func (x *exchange) kill(id string) bool {
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.lookUp(id)
	switch {
	case c == nil:
		x.refuse("404 Not Found", "Cannot kill container: "+id+": No such container: "+id)
		return false
	case c.state != "running":
		x.refuse("409 Conflict", "Cannot kill container: "+id+": Container "+c.id+" is not running")
		return false
	}
	hangUp(e.exit(c, killed))
	x.empty("204 No Content")
	return true
}

// logs says again what the container has said. One that holds is followed to its end.
func (x *exchange) logs(id string) bool {
	e := x.engine
	e.mu.Lock()
	c := x.find(id)
	if c == nil {
		e.mu.Unlock()
		return false
	}
	said, exited := c.state != "created" && x.isSet("stdout"), c.exited
	follow := x.isSet("follow") && c.state == "running"
	e.mu.Unlock()
	x.chunked("")
	if said {
		err := c.act.write(func(data []byte) error {
			x.chunk(data)
			return x.flush()
		})
		if err != nil {
			x.last = true
			return false
		}
	}
	if follow {
		select {
		case <-exited:
		case <-e.stop:
			x.last = true
			return false
		}
	}
	x.end()
	return true
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	leaveTime = 15 * time.Second // within which a rival has left after SIGTERM
	pipeRead  = 256 << 10        // as much of a pipe as is read at once, in bytes
	keptOut   = 16 << 20         // as much of the standard output as is kept to be looked at
	keptErr   = 64 << 10
)

// process is a rival at work.
type process struct {
	cmd     *exec.Cmd
	started time.Time // right before it was
	out     *drain
	err     *drain
	drained sync.WaitGroup
	ended   chan struct{}
	exit    error // once ended is closed
}

// running are the processes that have to go when this one does.
var running struct {
	sync.Mutex
	all map[*process]bool
}

func killAll() {
	running.Lock()
	defer running.Unlock()
	for p := range running.all {
		p.cmd.Process.Kill()
	}
}

// start starts a rival whose standard output is a pipe that is read at once.
func start(path string, args []string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p.out, p.err = &drain{most: keptOut}, &drain{most: keptErr}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	running.Lock()
	if running.all == nil {
		running.all = map[*process]bool{}
	}
	running.all[p] = true
	running.Unlock()
	p.drained.Go(func() { p.out.take(stdout) })
	p.drained.Go(func() { p.err.take(stderr) })
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	p.drained.Wait()
	p.exit = p.cmd.Wait()
	running.Lock()
	delete(running.all, p)
	running.Unlock()
	close(p.ended)
}

// stop tells the rival to leave. It is an error when it does not do so well.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(leaveTime):
		p.kill()
		return p.trouble("it does not leave")
	}
	switch {
	case p.exit != nil:
		return p.trouble(p.exit.Error())
	case p.complains():
		return p.trouble("it complains")
	}
	return nil
}

// complains says whether anything is in the standard error but what the program logs of its usual life.
func (p *process) complains() bool {
	for line := range bytes.Lines(p.err.kept()) {
		if !bytes.Contains(line, []byte(" level=INFO ")) {
			return true
		}
	}
	return false
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// trouble is an error with what the rival has to say about it.
func (p *process) trouble(what string) error {
	return fmt.Errorf("%s: %s; its standard error: %s", p.cmd.Path, what, bytes.TrimSpace(p.err.kept()))
}

// cpu is the time on processors so far, in user and kernel mode, of the process and of those of its children that have ended.
func (p *process) cpu() (time.Duration, error) {
	var ts syscall.Timespec
	clock := ^p.cmd.Process.Pid<<3 | 2 // CPUCLOCK_SCHED of a process: clock_getcpuclockid(3)
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, p.trouble("its CPU clock: " + errno.Error())
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond // USER_HZ
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	children := time.Duration(0)
	for _, field := range fields[13:15] { // cutime, cstime: proc(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		children += time.Duration(n) * tick
	}
	return time.Duration(ts.Nano()) + children, nil
}

// memory is how much of it is resident, and the most that ever was, in bytes.
func (p *process) memory() (rss, peak float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for _, want := range []struct {
		name  string
		value *float64
	}{{"VmRSS:", &rss}, {"VmHWM:", &peak}} {
		_, rest, _ := strings.Cut(string(status), want.name)
		if _, err := fmt.Sscanf(rest, "%f kB", want.value); err != nil {
			return 0, 0, p.trouble("no " + want.name)
		}
		*want.value *= kib
	}
	return rss, peak, nil
}

// descriptors is how many files and sockets are open.
func (p *process) descriptors() (int, error) {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	return len(open), err
}

// drain reads a pipe to its end.
type drain struct {
	most int // bytes that are kept

	mu    sync.Mutex
	first []byte
	bytes int64
	last  time.Time // of the last read
}

func (d *drain) take(r io.Reader) {
	buffer := make([]byte, pipeRead)
	for {
		n, err := r.Read(buffer)
		d.add(buffer[:n])
		if err != nil {
			return
		}
	}
}

func (d *drain) add(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes += int64(len(b))
	d.first = append(d.first, b[:min(len(b), d.most-len(d.first))]...)
	if len(b) > 0 {
		d.last = time.Now()
	}
}

func (d *drain) kept() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.first)
}

func (d *drain) taken() (n int64, last time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bytes, d.last
}

var errTooLong = errors.New("it takes too long")

// until waits for something that the rival does.
func (p *process) until(within time.Duration, done func() (bool, error)) error {
	const interval = 5 * time.Millisecond
	for deadline := time.Now().Add(within); ; {
		switch ok, err := done(); {
		case err != nil:
			return err
		case ok:
			return nil
		case time.Now().After(deadline):
			return p.trouble(errTooLong.Error())
		}
		select {
		case <-p.ended:
			return p.trouble(fmt.Sprintf("it has ended: %v", p.exit))
		case <-time.After(interval):
		}
	}
}

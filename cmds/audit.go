package cmds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"docker-dispatch/dockerapi"

	"docker-dispatch/wire/logfmt"
)

const (
	// auditPatience is how long a call waits for its line to be written. A disk is faster by far; a pipe that nobody reads is not.
	auditPatience = 3 * time.Second

	auditPause = time.Second // before a decision's line is tried again

	auditMode = 0o600 // the lines tell who does what, if no secrets
)

// ErrUnaudited is why a call is not made whose line cannot be written.
var ErrUnaudited = errors.New("the audit takes no line")

// Audit writes down what is done to the Engine and on whose behalf, one JSON object a line: {"Event":"call"} before a request is
// sent, {"Event":"answer"} with the same number in Call when it is over, and {"Event":"decision"} of the policy. Of bodies it has
// nothing but the hash, of headers nothing.
//
// It is complete: a call is not made before its line is written, and an answer's line that cannot be written waits, and all calls
// behind it. A line of a call without that of its answer is of one that had not ended when the program did. Written means given
// to the operating system.
//
// One goroutine writes, so that a file that blocks holds up nobody beyond auditPatience or the end of his context.
type Audit struct {
	// Broken is told, once, that standard output is closed, for ever then. Nil is nobody. Set it before the first call.
	Broken func(error)

	path string // "-" is standard output
	log  *logfmt.Logger
	wake chan struct{}
	done chan struct{}
	tell sync.Once

	mu      sync.Mutex
	file    *os.File
	queue   []*auditLine // not yet written, in their order
	partial int          // bytes of the first one that are in file
	calls   int64        // number of the last
	stuck   bool         // it was said that nothing can be written
	closed  bool
}

// auditLine is a line on its way.
type auditLine struct {
	entry   *auditEntry
	text    []byte
	written chan error // of one that is waited for: takes one, without blocking; nil of an answer
	left    error      // why nobody waits for it any longer
}

// auditEntry is a line. The keys that an event does not have are left out.
type auditEntry struct {
	Time      time.Time
	Event     string // call, answer, decision
	Call      int64  `json:",omitempty"` // a call's number, that of no other in this file
	MessageID string `json:"MessageId,omitempty"`
	Queue     string `json:",omitempty"`
	User      string `json:",omitempty"` // who published it, by the broker's word
	Signer    string `json:",omitempty"` // whose key has signed it
	Dockercmd string `json:",omitempty"`

	Allowed *bool  `json:",omitempty"` // the decision
	Rule    string `json:",omitempty"` // of the policy that forbids it

	Operation string   `json:",omitempty"` // operationId in moby's api/swagger.yaml
	Method    string   `json:",omitempty"`
	Path      string   `json:",omitempty"` // with the query, as sent
	Sha256    string   `json:",omitempty"` // of the request's body
	Status    int      `json:",omitempty"` // of the answer; left out where none has come
	Bytes     *int64   `json:",omitempty"` // of the answer's body that were read
	Ms        *float64 `json:",omitempty"` // from the request to the end of its answer
	Error     string   `json:",omitempty"` // why there is no answer
}

// Decision is what the policy says of a message. A Rule forbids it.
type Decision struct{ Rule string }

// behalf says for which message something is done. It travels in the context, under its own type as the key.
type behalf struct{ messageID, queue, user, signer, verb string }

func (b behalf) on(ctx context.Context) context.Context {
	return context.WithValue(ctx, behalf{}, b)
}

func (j *job) behalf() behalf {
	return behalf{j.origin.MessageID, j.origin.Queue, j.origin.UserID, j.seal.signer, j.command.Verb}
}

// OpenAudit appends to a file, which is made if it is not there, readable for its owner alone; "-" is standard output. A pipe is
// waited for until somebody reads it, or ctx ends. Close it.
func OpenAudit(ctx context.Context, path string, log *logfmt.Logger) (*Audit, error) {
	a := &Audit{
		path: path, log: log, file: os.Stdout, wake: make(chan struct{}, 1), done: make(chan struct{}),
		calls: time.Now().UnixMicro(), // so that numbers go on rising when the program is started again
	}
	if path != "-" {
		file, err := openAudit(path)
		for errors.Is(err, errUnread) && sleep(ctx, auditPause) == nil {
			file, err = openAudit(path)
		}
		if err != nil {
			return nil, err
		}
		a.file = file
	}
	go a.run()
	return a, nil
}

// errUnread is what the system says of a pipe that nobody reads, when it is not to wait.
const errUnread = syscall.ENXIO

func openAudit(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, auditMode)
	if err != nil {
		return nil, fmt.Errorf("cmds: opening the audit: %w", err)
	}
	return file, nil
}

// Reopen goes on in a new file of the same name, since the old one has been moved away. When there cannot be one, it goes on in
// the old one. No line is lost or torn: one of which a full disk has taken a part is written anew.
func (a *Audit) Reopen() error {
	if a.path == "-" {
		return nil
	}
	file, err := openAudit(a.path)
	if err != nil {
		return err
	}
	a.mu.Lock()
	old := a.file
	a.file, a.partial = file, 0
	a.mu.Unlock()
	a.look()
	return old.Close() // after the write that is under way
}

// Close writes what is left, until ctx ends. What comes later is refused.
func (a *Audit) Close(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.look()
	select {
	case <-a.done:
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.queue); n > 0 {
		return fmt.Errorf("cmds: closing the audit: the answers of %d calls could not be written", n)
	}
	if a.path == "-" {
		return nil
	}
	return a.file.Close()
}

// Call writes the line of a call that is about to be made, and returns what writes that of its answer. With an error the call
// must not be made. It is what dockerapi.Client.Admit wants.
func (a *Audit) Call(ctx context.Context, r dockerapi.Record) (func(dockerapi.Record), error) {
	e := newAuditEntry(ctx, "call")
	e.Operation, e.Method, e.Path, e.Sha256 = r.Operation, r.Method, r.Target, r.Sum
	a.mu.Lock()
	a.calls++
	e.Call = a.calls
	a.mu.Unlock()
	if err := a.write(ctx, e); err != nil {
		return nil, err
	}
	return func(r dockerapi.Record) { a.push(e.answer(r)) }, nil
}

// Decide writes the line of a decision, and tries until ctx ends. Before it is written, what was decided on must neither be done
// nor be settled. Without an audit there is nothing to do.
func (a *Audit) Decide(ctx context.Context, d Decision) error {
	if a == nil {
		return nil
	}
	e := newAuditEntry(ctx, "decision")
	allowed := d.Rule == ""
	e.Allowed, e.Rule = &allowed, d.Rule
	for {
		err := a.write(ctx, e)
		if err == nil || ctx.Err() != nil || a.isClosed() {
			return err
		}
		if err := sleep(ctx, auditPause); err != nil {
			return err
		}
	}
}

func newAuditEntry(ctx context.Context, event string) *auditEntry {
	b, _ := ctx.Value(behalf{}).(behalf)
	return &auditEntry{Time: time.Now().UTC(), Event: event, MessageID: b.messageID, Queue: b.queue, User: b.user, Signer: b.signer, Dockercmd: b.verb}
}

// answer makes of a call's entry that of its answer, which tells all of it once more.
func (e auditEntry) answer(r dockerapi.Record) *auditEntry {
	ms := float64(r.Duration.Microseconds()) / 1000
	e.Time, e.Event = time.Now().UTC(), "answer"
	e.Status, e.Bytes, e.Ms = r.Status, &r.Bytes, &ms
	if r.Err != nil {
		e.Error = fmt.Sprintf("%.300s", r.Err)
	}
	return &e
}

// text is the line.
func (e *auditEntry) text() []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false) // queries have & between their keys
	if err := encoder.Encode(e); err != nil {
		panic(err) // strings and numbers: always representable
	}
	return line.Bytes()
}

// write returns when the line is written, or will never be.
func (a *Audit) write(ctx context.Context, e *auditEntry) error {
	line := &auditLine{entry: e, text: e.text(), written: make(chan error, 1)}
	if !a.enqueue(line) {
		return fmt.Errorf("cmds: %w: it is closed", ErrUnaudited)
	}
	patience := time.NewTimer(auditPatience)
	defer patience.Stop()
	select {
	case err := <-line.written:
		return err
	case <-ctx.Done():
		return a.leave(line, context.Cause(ctx))
	case <-patience.C:
		return a.leave(line, fmt.Errorf("cmds: %w: it does not take one within %v", ErrUnaudited, auditPatience))
	}
}

// push has a line written as soon as that is possible.
func (a *Audit) push(e *auditEntry) { a.enqueue(&auditLine{entry: e, text: e.text()}) }

// enqueue refuses a line that is waited for once the audit is closed. The others are of calls that were made.
func (a *Audit) enqueue(line *auditLine) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed && line.written != nil {
		return false
	}
	a.queue = append(a.queue, line)
	a.look()
	return true
}

func (a *Audit) look() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *Audit) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

// leave ends the waiting for a line, unless it has just been written.
func (a *Audit) leave(line *auditLine, why error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case err := <-line.written:
		return err
	default:
	}
	if errors.Is(why, ErrUnaudited) {
		a.stick(why)
	}
	line.left = why
	a.prune()
	return why
}

// stick says, once, that nothing can be written.
func (a *Audit) stick(err error) {
	if !a.stuck {
		a.stuck = true
		a.log.Warn("no line can be added to the audit, and nothing is done; waiting", "error", err, "mend", "is its disk full, or does nobody read it?")
	}
}

// prune takes out what nobody waits for any longer. The first line stays: it may be on its way.
func (a *Audit) prune() {
	kept := a.queue[:1]
	for _, line := range a.queue[1:] {
		if line.left == nil {
			kept = append(kept, line)
		}
	}
	clear(a.queue[len(kept):])
	a.queue = kept
}

// run writes until the audit is closed and what is left is written, or cannot be.
func (a *Audit) run() {
	defer close(a.done)
	for range a.wake {
		for a.step() {
		}
		if a.isClosed() {
			return
		}
	}
}

// step writes the first line, and says whether it could.
func (a *Audit) step() bool {
	file, rest := a.first()
	if rest == nil {
		return false
	}
	n, err := file.Write(rest)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.pop()
		return true
	case file != a.file:
		return true // opened anew in the meantime: the whole line again
	}
	a.partial += n
	a.fail(fmt.Errorf("cmds: %w: %w", ErrUnaudited, err))
	return false
}

// first is what of the first line is to be written, and where; nil is nothing. One that nobody waits for is not begun.
func (a *Audit) first() (*os.File, []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) > 0 && a.queue[0].left != nil && a.partial == 0 {
		a.queue = a.queue[1:]
	}
	if len(a.queue) == 0 {
		return nil, nil
	}
	return a.file, a.queue[0].text[a.partial:]
}

// pop takes the first line out, which is written. That of a call which nobody waits for is followed by what became of the call:
// nothing.
func (a *Audit) pop() {
	if a.stuck {
		a.stuck = false
		a.log.Info("the audit takes lines again")
	}
	a.partial = 0
	line := a.queue[0]
	if line.left != nil && line.entry.Call != 0 {
		e := *line.entry
		e.Event, e.Error = "answer", fmt.Sprintf("not made: %.300s", line.left)
		a.queue[0] = &auditLine{entry: &e, text: e.text()}
		return
	}
	a.queue = a.queue[1:]
	if line.written != nil && line.left == nil {
		line.written <- nil
	}
}

// fail lets all who wait go, since the first line cannot be written.
func (a *Audit) fail(err error) {
	if a.path == "-" && errors.Is(err, syscall.EPIPE) && a.Broken != nil {
		a.tell.Do(func() { a.Broken(err) })
	}
	a.stick(err)
	for _, line := range a.queue {
		if line.written != nil && line.left == nil {
			line.left = err
			line.written <- err
		}
	}
	a.prune()
}

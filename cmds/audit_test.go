package cmds

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/dockerapi"
)

var auditedMessage = behalf{"m1", "jobs", "alice", "", "run"}

// audited is a call that an Audit has let pass, or not.
func audited(ctx context.Context, a *Audit, operation string) (func(dockerapi.Record), error) {
	return a.Call(ctx, dockerapi.Record{Operation: operation, Method: "POST", Target: "/v1.41/x?a=1&b=<2>", Sum: "abcd"})
}

// openTestAudit closes it, too, which has to end in that error.
func openTestAudit(t *testing.T, path, closes string) *Audit {
	t.Helper()
	a, err := OpenAudit(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.Close(ctx); fmt.Sprint(err) != closes {
			t.Errorf("Close: %v, want %s", err, closes)
		}
	})
	return a
}

// events are the lines of a file in short: event and number of each, from 1, and an operation or an error.
func events(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return readEvents(t, file)
}

func readEvents(t *testing.T, r io.Reader) string {
	var b strings.Builder
	var first int64
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			b.WriteString(line)
			return b.String()
		}
		var e auditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%v: %.200q", err, line)
		}
		if first == 0 {
			first = e.Call - 1
		}
		fmt.Fprintf(&b, "%s %d %s%s\n", e.Event, e.Call-first, e.Operation, e.Error)
	}
}

func TestAuditLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	synctest.Test(t, func(t *testing.T) {
		a, err := OpenAudit(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		over, err := audited(auditedMessage.on(t.Context()), a, "ContainerCreate")
		if err != nil {
			t.Fatal(err)
		}
		over(dockerapi.Record{Status: 201, Bytes: 88, Duration: 1234567})
		over, err = a.Call(t.Context(), dockerapi.Record{Operation: "SystemPing", Method: "GET", Target: "/_ping"})
		if err != nil {
			t.Fatal(err)
		}
		over(dockerapi.Record{Err: syscall.ECONNREFUSED})
		for _, rule := range []string{"", "Grants.Bind"} {
			if err := a.Decide(auditedMessage.on(t.Context()), Decision{Rule: rule}); err != nil {
				t.Error(err)
			}
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	got, _ := os.ReadFile(path)
	const start = `"Time":"2000-01-01T00:00:00Z","Event":`
	const message = `"MessageId":"m1","Queue":"jobs","User":"alice","Dockercmd":"run"`
	const call = message + `,"Operation":"ContainerCreate","Method":"POST","Path":"/v1.41/x?a=1&b=<2>","Sha256":"abcd"`
	want := "{" + start + `"call","Call":946684800000001,` + call + "}\n" +
		"{" + start + `"answer","Call":946684800000001,` + call + `,"Status":201,"Bytes":88,"Ms":1.234}` + "\n" +
		"{" + start + `"call","Call":946684800000002,"Operation":"SystemPing","Method":"GET","Path":"/_ping"}` + "\n" +
		"{" + start + `"answer","Call":946684800000002,"Operation":"SystemPing","Method":"GET","Path":"/_ping","Bytes":0,"Ms":0,"Error":"connection refused"}` + "\n" +
		"{" + start + `"decision",` + message + `,"Allowed":true}` + "\n" +
		"{" + start + `"decision",` + message + `,"Allowed":false,"Rule":"Grants.Bind"}` + "\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// What is there stays, and a program that is started again has numbers of its own.
func TestAuditAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	for range 2 {
		a, err := OpenAudit(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audited(t.Context(), a, "ContainerKill"); err != nil {
			t.Error(err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := audited(t.Context(), a, "ContainerStop"); !errors.Is(err, ErrUnaudited) {
			t.Errorf("after Close: %v", err)
		}
	}
	if got := events(t, path); strings.Count(got, "call 1 ") != 1 || strings.Count(got, "ContainerKill\n") != 2 {
		t.Errorf("got\n%s", got)
	}
}

func TestAuditCannotOpen(t *testing.T) {
	if _, err := OpenAudit(t.Context(), t.TempDir(), nil); err == nil || !strings.HasPrefix(err.Error(), "cmds: opening the audit: open ") {
		t.Errorf("got %v", err)
	}
}

// link has path mean another file.
func link(t *testing.T, target, path string) {
	t.Helper()
	os.Remove(path)
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// A full disk stops calls and decisions. The answers of calls that were made wait, and come first when there is room again.
func TestAuditFullDisk(t *testing.T) {
	dir := t.TempDir()
	path, first, second := filepath.Join(dir, "audit"), filepath.Join(dir, "1"), filepath.Join(dir, "2")
	link(t, first, path)
	a := openTestAudit(t, path, "<nil>")
	over, err := audited(t.Context(), a, "ContainerCreate")
	if err != nil {
		t.Fatal(err)
	}
	link(t, "/dev/full", path)
	if err := a.Reopen(); err != nil {
		t.Fatal(err)
	}
	over(dockerapi.Record{Status: 201})
	for range 3 {
		if _, err := audited(t.Context(), a, "ContainerStart"); !errors.Is(err, ErrUnaudited) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := a.Decide(ctx, Decision{}); err == nil {
		t.Error("a decision passes a full disk")
	}
	link(t, second, path)
	if err := a.Reopen(); err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{}); err != nil {
		t.Error(err)
	}
	if _, err := audited(t.Context(), a, "ContainerStart"); err != nil {
		t.Error(err)
	}
	if got := events(t, first); got != "call 1 ContainerCreate\n" {
		t.Errorf("got\n%s", got)
	}
	got, _ := os.ReadFile(second)
	lines := strings.Split(string(got), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], `"answer"`) || !strings.Contains(lines[1], `"decision"`) || !strings.Contains(lines[2], `"call"`) {
		t.Errorf("got\n%s", got)
	}
}

// A disk that stays full is said at the end, and so is a new file that cannot be made.
func TestAuditStaysFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	link(t, "/dev/full", path)
	a := openTestAudit(t, path, "cmds: closing the audit: the answers of 1 calls could not be written")
	a.push(&auditEntry{Event: "answer"})
	link(t, "/nowhere/else", path)
	if err := a.Reopen(); err == nil {
		t.Error("reopened")
	}
}

// fifo is a pipe with a name that holds 4 KiB, and its reading end.
func fifo(t *testing.T) (path string, reader *os.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return path, reader
}

// shrink leaves a pipe 4 KiB, and fills it but for some bytes.
func shrink(t *testing.T, pipe *os.File, free int) {
	t.Helper()
	const size, setSize = 4096, 1031 // F_SETPIPE_SZ
	raw, err := pipe.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, setSize, size); errno != 0 {
			t.Fatal(errno)
		}
	})
	if _, err := pipe.WriteString(strings.Repeat("\n", size-free)); err != nil {
		t.Fatal(err)
	}
}

// A pipe that nobody reads yet holds up neither the end of the program, nor what else a SIGHUP is for.
func TestAuditUnreadPipe(t *testing.T) {
	unread := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(unread, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenAudit(ctx, unread, nil); !errors.Is(err, syscall.ENXIO) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "audit")
	a := openTestAudit(t, path, "<nil>")
	link(t, unread, path)
	if err := a.Reopen(); !errors.Is(err, syscall.ENXIO) {
		t.Error(err)
	}
}

// A pipe that nobody reads holds up calls no longer than their contexts; what was on its way then is said not to have been made.
func TestAuditBlockedPipe(t *testing.T) {
	path, reader := fifo(t)
	a := openTestAudit(t, path, "<nil>")
	shrink(t, a.file, 0)
	ctx, cancel := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	for i := range 3 {
		calls.Go(func() {
			if _, err := audited(ctx, a, "ContainerCreate"); err != context.Canceled {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	for a.waiting() < 3 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	calls.Wait()
	if n := a.waiting(); n != 1 {
		t.Errorf("%d lines wait, want the one that is on its way", n)
	}
	read := make(chan string)
	go func() { read <- readEvents(t, &untilCall{r: reader, want: "ContainerStop"}) }()
	if _, err := audited(t.Context(), a, "ContainerStop"); err != nil {
		t.Error(err)
	}
	got := <-read
	lines := strings.Split(strings.TrimLeft(got, "\n"), "\n")
	if len(lines) < 3 || !strings.HasPrefix(lines[0], "call 1 ContainerCreate") || lines[1] != "answer 1 ContainerCreatenot made: context canceled" || !strings.HasSuffix(lines[2], " ContainerStop") {
		t.Errorf("got\n%s", got)
	}
}

func (a *Audit) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.queue)
}

// untilCall reads lines, without empty ones, up to that with an operation.
type untilCall struct {
	r    io.Reader
	want string
	text strings.Builder
}

func (u *untilCall) Read(p []byte) (int, error) {
	if strings.Contains(u.text.String(), u.want) && strings.HasSuffix(u.text.String(), "\n") {
		return 0, io.EOF
	}
	n, err := u.r.Read(p)
	kept := strings.TrimLeft(string(p[:n]), "\n")
	u.text.WriteString(kept)
	return copy(p, kept), err
}

// A line of which a part was taken is completed, and its call said not to have been made.
func TestAuditTornLine(t *testing.T) {
	path, reader := fifo(t)
	a := openTestAudit(t, path, "<nil>")
	shrink(t, a.file, 4096)
	a.file.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	long := dockerapi.Record{Operation: "ContainerCreate", Target: strings.Repeat("/x", 4000)}
	if _, err := a.Call(t.Context(), long); !errors.Is(err, ErrUnaudited) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	a.file.SetWriteDeadline(time.Time{})
	read := make(chan string)
	go func() { read <- readEvents(t, &untilCall{r: reader, want: "ContainerStop"}) }()
	if _, err := audited(t.Context(), a, "ContainerStop"); err != nil {
		t.Error(err)
	}
	got := <-read
	if !strings.HasPrefix(got, "call 1 ContainerCreate\nanswer 1 ContainerCreatenot made: ") || !strings.HasSuffix(got, "\ncall 2 ContainerStop\n") {
		t.Errorf("got\n%s", got)
	}
}

// While many calls are made and the file is moved away again and again, each has its two lines, whole, once.
func TestAuditRotation(t *testing.T) {
	const callers, each = 8, 300
	dir := t.TempDir()
	path := filepath.Join(dir, "audit")
	a := openTestAudit(t, path, "<nil>")
	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() {
			for range each {
				over, err := audited(auditedMessage.on(t.Context()), a, "ContainerStart")
				if err != nil {
					t.Error(err)
					return
				}
				over(dockerapi.Record{Status: 204})
			}
		})
	}
	done := make(chan struct{})
	go func() { calls.Wait(); close(done) }()
	files := 0
	for rotating := true; rotating; {
		select {
		case <-done:
			rotating = false
		default:
			os.Rename(path, filepath.Join(dir, fmt.Sprint(files)))
			if err := a.Reopen(); err != nil {
				t.Fatal(err)
			}
			files++
		}
	}
	for a.waiting() > 0 {
		time.Sleep(time.Millisecond)
	}
	seen := map[string]int{}
	paths, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			var e auditEntry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%s: %v: %q", path, err, line)
			}
			seen[fmt.Sprint(e.Event, e.Call)]++
		}
	}
	for line, n := range seen {
		if n != 1 {
			t.Errorf("%s %d times", line, n)
		}
	}
	if len(seen) != 2*callers*each || files < 3 {
		t.Errorf("%d lines in %d files, want %d", len(seen), files, 2*callers*each)
	}
}

// While nothing can be audited nothing is done, as if the Engine were away, and then everything.
func TestUnauditedWaits(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	dir := t.TempDir()
	path, file := filepath.Join(dir, "audit"), filepath.Join(dir, "file")
	link(t, "/dev/full", path)
	a := openTestAudit(t, path, "<nil>")
	a.log = s.host.log
	s.client.Admit = a.Call
	s.give("m1", `{"Dockercmd":"run","Image":"hello","Cmd":["true"],"Options":{"Name":"xx"}}`)
	for !s.log.holds("no line can be added to the audit, and nothing is done; waiting") {
		time.Sleep(time.Millisecond)
	}
	if got := s.calls.take(); got != "" {
		t.Errorf("calls were made:\n%s", got)
	}
	link(t, file, path)
	if err := a.Reopen(); err != nil {
		t.Fatal(err)
	}
	s.Wait()
	if got := s.calls.take(); got != "ContainerCreate 201\nContainerStart 204\n" {
		t.Errorf("calls:\n%s", got)
	}
	if !s.log.holds("the audit takes lines again") {
		t.Errorf("log: %s", s.log.take())
	}
	text, _ := os.ReadFile(file)
	if n := strings.Count(string(text), `"MessageId":"m1","Queue":"jobs","Dockercmd":"run"`); n != strings.Count(string(text), "\n") {
		t.Errorf("%d lines of the message:\n%s", n, text)
	}
}

package dockerapi

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire"
	"docker-dispatch/wire/wiretest"
)

// client is a Client whose connections dial opens.
func client(dial func(context.Context) (net.Conn, error)) *Client {
	c := New(wire.Addr{})
	c.http.Dial = dial
	return c
}

// play has do done against the transcript, its answers in pieces of each of the sizes, and compares what is then known.
func play(t *testing.T, transcript string, do func(*session), want string, sizes ...int) {
	t.Helper()
	for _, size := range sizes {
		s := &session{t: t, c: client(wiretest.ServerInPieces(t, transcript, size))}
		do(s)
		if got := "\n" + s.known.String(); got != want {
			t.Errorf("in pieces of %d:%s\nwant%s", size, got, want)
		}
	}
}

// asks is the part of a transcript in which the client sends a request without a body.
func asks(line string) string {
	text := "> " + line + " HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n"
	if strings.HasPrefix(line, "POST") {
		text += "> Content-Length: 0\n"
	}
	return text + ">\n"
}

// answers is the part of a transcript in which the Engine answers whole.
func answers(status, body string) string {
	return fmt.Sprintf("< HTTP/1.1 %s\n< Content-Length: %d\n<\n< %q\n", status, len(body), body)
}

// streams is the part of a transcript in which the Engine begins a chunked body of one chunk, and does not end it.
func streams(body string) string {
	return fmt.Sprintf("< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n< %x\n< %q\n<\n", len(body), body)
}

const (
	asksPing = `
		== ping
		> GET /_ping HTTP/1.1
		> Host: docker
		> User-Agent: docker-dispatch
		> Connection: close
		>
`
	answersPing = `
		< HTTP/1.1 200 OK
		< Api-Version: 1.41
		< Content-Length: 2
		<
		< "OK"
`
	// pinged is the first connection of most clients; another has begun.
	pinged = asksPing + answersPing + "== call\n"

	asksAttach = `
		> POST /v1.41/containers/x/attach?stream=1&stdout=1&stderr=1 HTTP/1.1
		> Host: docker
		> User-Agent: docker-dispatch
		> Connection: Upgrade
		> Upgrade: tcp
		> Content-Length: 0
		>
`
	end = "< 0\n<\n" // of a chunked body
)

// session does calls and writes down what the client then knows. Ids that it was given are written as ID.
type session struct {
	t     *testing.T
	c     *Client
	ids   []string
	known strings.Builder
}

// note writes one line: the error, or what there is to know without one.
func (s *session) note(call string, err error, format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	if err != nil {
		line = kind(err) + ": " + err.Error()
	}
	for _, id := range s.ids {
		line = strings.ReplaceAll(line, id, "ID")
	}
	fmt.Fprintf(&s.known, "%s: %s\n", call, line)
}

// kind is the facts of an error.
func kind(err error) string {
	var refused *Error
	var lost *NoAnswer
	switch {
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &lost) && lost.Sent:
		return "no answer, sent"
	case errors.As(err, &lost):
		return "no answer, not sent"
	default:
		return "error"
	}
}

func (s *session) ping() {
	version, err := s.c.SystemPing(s.t.Context())
	s.note("ping", err, "%s", version)
}

func (s *session) negotiate() {
	err := s.c.Negotiate(s.t.Context())
	s.note("negotiate", err, "%s", s.c.version)
}

func (s *session) create(name string, body map[string]any) string {
	created, err := s.c.ContainerCreate(s.t.Context(), name, "", body)
	id := created.ID
	if err == nil {
		s.ids = append(s.ids, id)
	}
	s.note("create", err, "%d characters of id", len(id))
	return id
}

func (s *session) start(id string) {
	s.note("start", s.c.ContainerStart(s.t.Context(), id), "ok")
}

func (s *session) wait(id string) {
	code, err := s.c.ContainerWait(s.t.Context(), id)
	s.note("wait", err, "%d", code)
}

func (s *session) inspect(id string) {
	c, err := s.c.ContainerInspect(s.t.Context(), id)
	s.note("inspect", err, "%s, %s with %d, labels %v, AutoRemove %t", c.ID, c.State.Status, c.State.ExitCode, c.Config.Labels, c.HostConfig.AutoRemove)
}

// examine notes what the inspect of a container says beside all that inspect notes.
func (s *session) examine(id string) {
	c, err := s.c.ContainerInspect(s.t.Context(), id)
	s.note("examine", err, "%s, error %q, OOMKilled %t, from %s to %s, log %s", c.Name, c.State.Error, c.State.OOMKilled,
		c.State.StartedAt.Format(time.RFC3339), c.State.FinishedAt.Format(time.RFC3339), c.HostConfig.LogConfig.Type)
}

// listed are the labels that are kept of lists.
var listed = []string{"recorded", "message"}

func (s *session) list(labels ...string) {
	list, err := s.c.ContainerList(s.t.Context(), listed, labels...)
	s.note("list", err, "%v", list)
}

func (s *session) rename(id, name string) {
	s.note("rename", s.c.ContainerRename(s.t.Context(), id, name), "ok")
}

func (s *session) createVolume(name string, labels map[string]string) {
	s.note("create volume", s.c.VolumeCreate(s.t.Context(), name, labels), "ok")
}

func (s *session) listVolumes(labels ...string) {
	list, err := s.c.VolumeList(s.t.Context(), listed, labels...)
	s.note("list volumes", err, "%v", list)
}

func (s *session) removeVolume(name string) {
	s.note("delete volume", s.c.VolumeDelete(s.t.Context(), name), "ok")
}

func (s *session) stop(id string, query url.Values) {
	s.note("stop", s.c.ContainerStop(s.t.Context(), id, query), "ok")
}

func (s *session) remove(id string, query url.Values) {
	s.note("delete", s.c.ContainerDelete(s.t.Context(), id, query), "ok")
}

func (s *session) pull(p Pull, auth string) {
	s.note("pull", s.c.ImageCreate(s.t.Context(), p, wire.Secret(auth)), "ok")
}

// act notes the whole answer, or, where keys are named, what it has under them.
func (s *session) act(a Action, r Request, keys ...string) {
	answer, err := s.c.Act(s.t.Context(), a, r)
	said := cmp.Or(strings.TrimSpace(string(answer)), "ok")
	if err == nil && len(keys) > 0 {
		said = s.values(answer, keys)
	}
	s.note(calls[a.op].operation, err, "%s", said)
}

// values are what an object, or each of a list, has under the keys.
func (s *session) values(answer []byte, keys []string) string {
	if answer[0] == '{' {
		answer = slices.Concat([]byte("["), answer, []byte("]"))
	}
	var list []map[string]any
	if err := json.Unmarshal(answer, &list); err != nil {
		s.t.Error(err)
	}
	var pairs []string
	for _, object := range list {
		for _, key := range keys {
			pairs = append(pairs, fmt.Sprintf("%s %v", key, object[key]))
		}
	}
	return strings.Join(pairs, ", ")
}

func (s *session) exec(container string, cmd ...string) string {
	return s.execBody(container, map[string]any{"Cmd": cmd, "AttachStdout": true, "AttachStderr": true})
}

func (s *session) execBody(container string, body map[string]any) string {
	id, err := s.c.ContainerExec(s.t.Context(), container, body)
	if err == nil {
		s.ids = append(s.ids, id)
	}
	s.note("exec", err, "%d characters of id", len(id))
	return id
}

func (s *session) startExec(id string, want Streams) *Stream {
	stream, err := s.c.ExecStart(s.t.Context(), id, want)
	s.note("start exec", err, "ok")
	return stream
}

func (s *session) startDetached(id string) {
	s.note("start detached", s.c.ExecStartDetached(s.t.Context(), id, false), "ok")
}

// inspectExec asks until the exec has exited: the end of the outputs is earlier by a hair. It notes the last answer.
func (s *session) inspectExec(id string) {
	exec, err := s.c.ExecInspect(s.t.Context(), id)
	for err == nil && exec.ExitCode == nil {
		exec, err = s.c.ExecInspect(s.t.Context(), id)
	}
	code := 0
	if err == nil {
		code = *exec.ExitCode
	}
	s.note("inspect exec", err, "%d, running %t", code, exec.Running)
}

// archive notes what the tarball of a path has in it, names, modes and contents.
func (s *session) archive(id, path string) {
	stat, body, err := s.c.ContainerArchive(s.t.Context(), id, path)
	s.note("archive", err, "%s, %d bytes, %v, %s, link %q", stat.Name, stat.Size, stat.Mode, stat.Mtime.UTC().Format(time.RFC3339), stat.LinkTarget)
	if err != nil {
		return
	}
	defer body.Close()
	for archive := tar.NewReader(body); ; {
		file, err := archive.Next()
		if err == io.EOF {
			io.Copy(io.Discard, body) // the padding, so that the connection can be used again
			return
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(archive)
		}
		if err != nil {
			s.note("tar", err, "")
			return
		}
		s.note("tar", nil, "%s %s %q %s", file.Name, file.FileInfo().Mode(), data, file.Linkname)
	}
}

func (s *session) putArchive(id string, query url.Values, tar []byte) {
	s.note("put archive", s.c.PutContainerArchive(s.t.Context(), id, query, tar), "ok")
}

func (s *session) attach(id string, want Streams) *Stream {
	stream, err := s.c.ContainerAttach(s.t.Context(), id, want)
	s.note("attach", err, "ok")
	return stream
}

func (s *session) logs(id string, want Streams) *Stream {
	return s.someLogs(id, want, nil)
}

func (s *session) someLogs(id string, want Streams, query url.Values) *Stream {
	stream, err := s.c.ContainerLogs(s.t.Context(), id, want, query)
	s.note("logs", err, "ok")
	return stream
}

func (s *session) followLogs(id string, want Streams) *Stream {
	stream, err := s.c.ContainerLogs(s.t.Context(), id, want, url.Values{"follow": {"1"}})
	s.note("follow logs", err, "ok")
	return stream
}

// write sends all of the container's input and ends it.
func (s *session) write(stream *Stream, input string) {
	if _, err := io.WriteString(stream, input); err != nil {
		s.t.Error(err)
	}
	s.note("write", stream.CloseWrite(), "%q", input)
}

// readLine reads what is written first, to the end of its line.
func (s *session) readLine(stream *Stream) {
	line := ""
	for !strings.HasSuffix(line, "\n") {
		_, data, err := stream.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		line += string(data)
	}
	s.note("read", nil, "%q", line)
}

// read reads both outputs to their end. The Engine does not keep the order between them.
func (s *session) read(stream *Stream) {
	if stream == nil {
		return // refused, and noted
	}
	defer stream.Close()
	outputs := map[Output]string{}
	for {
		output, data, err := stream.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			s.note("read", err, "")
			return
		}
		outputs[output] += string(data)
	}
	s.note("read", nil, "stdout %q, stderr %q", outputs[Stdout], outputs[Stderr])
}

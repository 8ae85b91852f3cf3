package dockerapi

import (
	"archive/tar"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire"
	"docker-dispatch/wire/http1"
	"docker-dispatch/wire/wiretest"
)

// With -record the transcripts under testdata are made anew, by the Engine at the usual socket, which needs testImage, and
// then played like the old ones.
var record = flag.Bool("record", false, "record testdata/*.txt from the Engine at "+engine.Address)

var engine = wire.Addr{Network: "unix", Address: "/var/run/docker.sock"}

// testImage has a shell, cat, stty and sleep. While scenarios are recorded, it has another name.
const (
	testImage   = "docker-dispatch/busybox:latest"
	anotherName = "recorded/with/slashes:1"
	naming      = "/images/docker-dispatch%2Fbusybox/tag?repo=recorded%2Fwith%2Fslashes&tag=1"
)

// scenarios are what a client does and what it then knows, one line a call. Each has its transcript under testdata.
var scenarios = []struct {
	name string
	do   func(*session)
	want string
}{
	{"ping", func(s *session) {
		s.ping()
		s.negotiate()
	}, `
ping: 1.41
negotiate: /v1.41
`},
	{"attached", func(s *session) {
		id := s.create("recorded-attached", shell("echo to stdout; sleep 0.1; echo to stderr >&2; exit 3"))
		attached := s.attach(id, Streams{Stdout: true, Stderr: true})
		s.start(id)
		s.read(attached)
		s.wait(id)
		s.inspect(id)
		s.remove(id, nil)
	}, `
create: 64 characters of id
attach: ok
start: ok
read: stdout "to stdout\n", stderr "to stderr\n"
wait: 3
inspect: ID, exited with 3, labels map[recorded:yes], AutoRemove false
delete: ok
`},
	{"detached", func(s *session) {
		id := s.create("recorded-detached", shell("exit 0"))
		s.start(id)
		s.wait(id)
		s.remove("recorded-detached", url.Values{"v": {"1"}})
	}, `
create: 64 characters of id
start: ok
wait: 0
delete: ok
`},
	{"first exit", func(s *session) {
		restarted := shell("exit 3")
		restarted["HostConfig"].(map[string]any)["RestartPolicy"] = map[string]any{"Name": "on-failure", "MaximumRetryCount": 1}
		id := s.create("recorded-first-exit", restarted)
		first := s.awaitExit(id)
		s.start(id)
		s.code(first)
		s.code(s.awaitExit(id))
		s.wait(id)
		s.awaitExit("missing")
		s.remove(id, nil)
	}, `
create: 64 characters of id
await exit: ok
start: ok
code: 3
await exit: ok
code: 3
wait: 3
await exit: refused: dockerapi: ContainerWait: 404: No such container: missing
delete: ok
`},
	{"stop", func(s *session) {
		id := s.create("recorded-stop", shell("sleep 60"))
		s.start(id)
		s.start(id)
		s.stop(id, url.Values{"t": {"0"}})
		s.stop("recorded-stop", nil)
		s.stop("missing", url.Values{"t": {"-1"}})
		s.wait(id)
		s.remove(id, nil)
	}, `
create: 64 characters of id
start: ok
start: ok
stop: ok
stop: ok
stop: refused: dockerapi: ContainerStop: 404: No such container: missing
wait: 137
delete: ok
`},
	{"delete", func(s *session) {
		id := s.create("recorded-delete", shell("sleep 60"))
		s.start(id)
		s.remove(id, nil)
		s.remove(id, url.Values{"force": {"1"}, "v": {"1"}})
		s.remove(id, nil)
	}, `
create: 64 characters of id
start: ok
delete: refused: dockerapi: ContainerDelete: 409: You cannot remove a running container ID. Stop the container before attempting removal or force remove
delete: ok
delete: refused: dockerapi: ContainerDelete: 404: No such container: ID
`},
	{"create refused", func(s *session) {
		s.create("recorded-image", map[string]any{"Image": "docker-dispatch/missing"})
		s.create("b?name=c", shell("exit 0"))
		id := s.create("recorded-conflict", shell("exit 0"))
		s.create("recorded-conflict", shell("exit 0"))
		s.remove(id, nil)
	}, `
create: refused: dockerapi: ContainerCreate: 404: No such image: docker-dispatch/missing:latest
create: refused: dockerapi: ContainerCreate: 400: Invalid container name (b?name=c), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed
create: 64 characters of id
create: refused: dockerapi: ContainerCreate: 409: Conflict. The container name "/recorded-conflict" is already in use by container "ID". You have to remove (or rename) that container to be able to reuse that name.
delete: ok
`},
	{"start refused", func(s *session) {
		id := s.create("recorded-command", body("no-such-command"))
		attached := s.attach(id, Streams{Stdout: true, Stderr: true})
		s.start(id)
		s.read(attached)
		s.wait(id)
		s.inspect(id)
		s.remove(id, nil)
	}, `
create: 64 characters of id
attach: ok
start: refused: dockerapi: ContainerStart: 400: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no-such-command": executable file not found in $PATH: unknown
read: stdout "", stderr ""
wait: error: dockerapi: ContainerWait: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no-such-command": executable file not found in $PATH: unknown
inspect: ID, created with 127, labels map[recorded:yes], AutoRemove false
delete: ok
`},
	{"attach refused", func(s *session) {
		s.attach("missing", Streams{Stdout: true})
	}, `
attach: refused: dockerapi: ContainerAttach: 404: No such container: missing
`},
	{"logs", func(s *session) {
		id := s.create("recorded-logs", shell("echo to stdout; sleep 0.1; printf 'to stderr' >&2"))
		s.start(id)
		s.wait(id)
		s.read(s.logs(id, Streams{Stdout: true, Stderr: true}))
		s.read(s.logs(id, Streams{Stderr: true}))
		s.remove(id, nil)
	}, `
create: 64 characters of id
start: ok
wait: 0
logs: ok
read: stdout "to stdout\n", stderr "to stderr"
logs: ok
read: stdout "", stderr "to stderr"
delete: ok
`},
	{"logs refused", func(s *session) {
		b := shell("exit 0")
		b["HostConfig"].(map[string]any)["LogConfig"] = map[string]any{"Type": "none"}
		id := s.create("recorded-none", b)
		s.start(id)
		s.wait(id)
		s.logs(id, Streams{Stdout: true})
		s.remove(id, nil)
	}, `
create: 64 characters of id
start: ok
wait: 0
logs: refused: dockerapi: ContainerLogs: 501: configured logging driver does not support reading
delete: ok
`},
	{"pull refused", func(s *session) {
		s.pull(Pull{Image: "127.0.0.1:1/no/such:tag"}, "")
		s.pull(Pull{Image: "Not A Name"}, "")
		s.pull(Pull{Image: "127.0.0.1:1/no/such", AllTags: true, Platform: "linux/amd64"}, "eyJ1c2VybmFtZSI6ImEifQ==")
	}, `
pull: refused: dockerapi: ImageCreate: 500: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused
pull: refused: dockerapi: ImageCreate: 400: invalid reference format: repository name must be lowercase
pull: refused: dockerapi: ImageCreate: 500: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused
`},
	{"stdin", func(s *session) {
		b := body("cat")
		b["OpenStdin"], b["StdinOnce"] = true, true
		id := s.create("recorded-stdin", b)
		attached := s.attach(id, Streams{Stdin: true, Stdout: true, Stderr: true})
		s.write(attached, "first line\nand the last")
		s.start(id)
		s.read(attached)
		s.wait(id)
		s.remove(id, nil)
	}, `
create: 64 characters of id
attach: ok
write: "first line\nand the last"
start: ok
read: stdout "first line\nand the last", stderr ""
wait: 0
delete: ok
`},
	{"tty", func(s *session) {
		b := shell("echo to stdout; sleep 0.1; echo to stderr >&2")
		b["Tty"] = true
		id := s.create("recorded-tty", b)
		attached := s.attach(id, Streams{Stdout: true, Stderr: true, Tty: true})
		s.start(id)
		s.read(attached)
		s.wait(id)
		s.read(s.logs(id, Streams{Stdout: true, Stderr: true, Tty: true}))
		s.remove(id, nil)
	}, `
create: 64 characters of id
attach: ok
start: ok
read: stdout "to stdout\r\nto stderr\r\n", stderr ""
wait: 0
logs: ok
read: stdout "to stdout\r\nto stderr\r\n", stderr ""
delete: ok
`},
	{"tty-stdin", func(s *session) {
		b := shell("stty -echo; echo ready; cat; echo; echo the end")
		b["Tty"], b["OpenStdin"], b["StdinOnce"] = true, true, true
		id := s.create("recorded-tty-stdin", b)
		attached := s.attach(id, Streams{Stdin: true, Stdout: true, Tty: true})
		s.start(id)
		s.readLine(attached)
		s.write(attached, "first line\nand the last")
		s.read(attached)
		s.wait(id)
		s.remove(id, nil)
	}, `
create: 64 characters of id
attach: ok
start: ok
read: "ready\r\n"
write: "first line\nand the last"
read: stdout "first line\r\nand the last\r\nthe end\r\n", stderr ""
wait: 0
delete: ok
`},
	{"list", func(s *session) {
		first, second := shell("exit 0"), shell("exit 0")
		first["Labels"] = map[string]string{"recorded": "list", "message": `a=b"]}&all=0`}
		second["Labels"] = map[string]string{"recorded": "list", "message": ""}
		s.create("recorded-list-1", first)
		s.list("recorded=list")
		id := s.create("recorded-list-2", second)
		s.start(id)
		s.wait(id)
		s.list("recorded=list", `message=a=b"]}&all=0`)
		s.list("recorded=list", "message=")
		s.list("recorded=list", "missing")
		s.list(`recorded=missing"],"name":["recorded-list-1`)
		s.remove("recorded-list-1", nil)
		s.remove("recorded-list-2", nil)
	}, `
create: 64 characters of id
list: [{ID [/recorded-list-1] created map[message:a=b"]}&all=0 recorded:list] 1000000000}]
create: 64 characters of id
start: ok
wait: 0
list: [{ID [/recorded-list-1] created map[message:a=b"]}&all=0 recorded:list] 1000000000}]
list: [{ID [/recorded-list-2] exited map[message: recorded:list] 1000000000}]
list: []
list: []
delete: ok
delete: ok
`},
	{"rename", func(s *session) {
		id := s.create("recorded-old", shell("exit 0"))
		s.create("recorded-other", shell("exit 0"))
		s.rename(id, "recorded-new")
		s.examine(id)
		s.rename("recorded-old", "recorded-newer")
		s.rename(id, "recorded-other")
		s.rename(id, "recorded-new")
		s.rename(id, "a&b/../c")
		s.rename(id, "")
		s.remove("recorded-new", nil)
		s.remove("recorded-other", nil)
	}, `
create: 64 characters of id
create: 64 characters of id
rename: ok
examine: /recorded-new, error "", OOMKilled false, from 0001-01-01T00:00:00Z to 0001-01-01T00:00:00Z, log json-file
rename: refused: dockerapi: ContainerRename: 404: No such container: recorded-old
rename: refused: dockerapi: ContainerRename: 409: Error when allocating new name: Conflict. The container name "/recorded-other" is already in use by container "ID". You have to remove (or rename) that container to be able to reuse that name.
rename: refused: dockerapi: ContainerRename: 400: Renaming a container with the same name as its current name
rename: refused: dockerapi: ContainerRename: 400: Error when allocating new name: Invalid container name (/a&b/../c), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed
rename: refused: dockerapi: ContainerRename: 400: Neither old nor new names may be empty
delete: ok
delete: ok
`},
	{"record of a run", func(s *session) {
		id := s.create("recorded-run", shell("exit 3"))
		s.examine(id)
		s.start(id)
		s.wait(id)
		s.examine(id)
		s.remove(id, nil)
		id = s.create("recorded-no-run", body("no-such-command"))
		s.start(id)
		s.examine(id)
		s.remove(id, nil)
	}, `
create: 64 characters of id
examine: /recorded-run, error "", OOMKilled false, from 0001-01-01T00:00:00Z to 0001-01-01T00:00:00Z, log json-file
start: ok
wait: 3
examine: /recorded-run, error "", OOMKilled false, from 2000-01-01T00:00:00Z to 2000-01-01T00:00:00Z, log json-file
delete: ok
create: 64 characters of id
start: refused: dockerapi: ContainerStart: 400: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no-such-command": executable file not found in $PATH: unknown
examine: /recorded-no-run, error "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"no-such-command\": executable file not found in $PATH: unknown", OOMKilled false, from 0001-01-01T00:00:00Z to 0001-01-01T00:00:00Z, log json-file
delete: ok
`},
	{"follow logs", func(s *session) {
		id := s.create("recorded-follow", shell("echo to stdout; sleep 0.3; printf 'to stderr' >&2"))
		s.read(s.followLogs(id, Streams{Stdout: true, Stderr: true}))
		s.start(id)
		s.read(s.followLogs(id, Streams{Stdout: true, Stderr: true})) // without the line that has no end
		s.wait(id)
		s.read(s.followLogs(id, Streams{Stderr: true}))
		s.remove(id, nil)
	}, `
create: 64 characters of id
follow logs: ok
read: stdout "", stderr ""
start: ok
follow logs: ok
read: stdout "to stdout\n", stderr ""
wait: 0
follow logs: ok
read: stdout "", stderr "to stderr"
delete: ok
`},
	{"volumes", func(s *session) {
		b := shell("exit 0")
		b["HostConfig"].(map[string]any)["Binds"] = []string{"recorded-volume:/volume"}
		s.createVolume("recorded-volume", map[string]string{"recorded": "volumes", "message": `a=b"]}`})
		s.createVolume("recorded-volume", map[string]string{"recorded": "volumes", "message": "another"})
		s.createVolume("../volume", nil)
		s.listVolumes("recorded=volumes", `message=a=b"]}`)
		s.listVolumes("recorded=volumes", "message=another")
		s.listVolumes(`recorded=missing"],"name":["recorded-volume`)
		s.create("recorded-user", b)
		s.removeVolume("recorded-volume")
		s.remove("recorded-user", nil)
		s.removeVolume("recorded-volume?force=1")
		s.removeVolume("../volumes/recorded-volume")
		s.removeVolume("recorded-volume")
		s.removeVolume("recorded-volume")
	}, `
create volume: ok
create volume: ok
create volume: refused: dockerapi: VolumeCreate: 400: create ../volume: "../volume" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path
list volumes: [{recorded-volume map[message:a=b"]} recorded:volumes]}]
list volumes: []
list volumes: []
create: 64 characters of id
delete volume: refused: dockerapi: VolumeDelete: 409: remove recorded-volume: volume is in use - [ID]
delete: ok
delete volume: refused: dockerapi: VolumeDelete: 404: get recorded-volume?force=1: no such volume
delete volume: refused: dockerapi: VolumeDelete: 301: Moved Permanently
delete volume: ok
delete volume: refused: dockerapi: VolumeDelete: 404: get recorded-volume: no such volume
`},
	{"logs in part", func(s *session) {
		id := s.create("recorded-part", shell("echo one; echo two; echo three"))
		s.start(id)
		s.wait(id)
		s.read(s.someLogs(id, Streams{Stdout: true}, url.Values{"tail": {"1"}}))
		s.read(s.someLogs(id, Streams{Stdout: true}, url.Values{"since": {"4000000000"}, "details": {"1"}}))
		s.read(s.someLogs(id, Streams{Stdout: true}, url.Values{"until": {"1000000000"}, "timestamps": {"1"}}))
		s.read(s.someLogs(id, Streams{Stdout: true}, url.Values{"tail": {"1&stderr=1"}}))
		s.logs("missing", Streams{Stdout: true})
		s.remove(id, nil)
	}, `
create: 64 characters of id
start: ok
wait: 0
logs: ok
read: stdout "three\n", stderr ""
logs: ok
read: stdout "", stderr ""
logs: ok
read: stdout "", stderr ""
logs: ok
read: stdout "one\ntwo\nthree\n", stderr ""
logs: refused: dockerapi: ContainerLogs: 404: No such container: missing
delete: ok
`},
	{"actions", func(s *session) {
		id := s.create("recorded-actions", shell("trap 'echo got it' USR1; while :; do sleep 0.1; done"))
		s.act(ContainerKill, Request{ID: id})
		s.act(ContainerPause, Request{ID: id})
		s.act(ContainerRestart, Request{ID: id, Query: url.Values{"t": {"0"}}})
		s.act(ContainerPause, Request{ID: id})
		s.act(ContainerPause, Request{ID: id})
		s.act(ContainerInspect, Request{ID: "recorded-actions", Query: url.Values{"size": {"1"}}}, "Name", "Path", "SizeRw")
		s.act(ContainerUnpause, Request{ID: id})
		s.act(ContainerUnpause, Request{ID: id})
		s.act(ContainerKill, Request{ID: id, Query: url.Values{"signal": {"USR1"}}})
		s.act(ContainerKill, Request{ID: id, Query: url.Values{"signal": {"NONE&signal=KILL"}}})
		s.act(ContainerUpdate, Request{ID: id, Body: map[string]any{"CpuShares": 100}})
		s.act(ContainerUpdate, Request{ID: id, Body: map[string]any{"Memory": 1}})
		s.act(ContainerUpdate, Request{ID: "missing", Body: map[string]any{}})
		s.act(ContainerRename, Request{ID: id, Query: url.Values{"name": {"recorded-renamed"}}})
		s.act(ContainerList, Request{Query: url.Values{"limit": {"1"}, "size": {"1"}, "filters": {`{"name":["recorded-renamed"]}`}}}, "Names", "State", "SizeRootFs")
		s.act(ContainerList, Request{Query: url.Values{"filters": {"{"}}})
		s.act(ContainerDelete, Request{ID: id, Query: url.Values{"link": {"1"}}})
		s.act(ContainerRestart, Request{ID: id, Query: url.Values{"t": {"0"}, "signal": {"KILL"}}})
		s.act(ContainerStop, Request{ID: id, Query: url.Values{"t": {"0"}, "signal": {"KILL"}}})
		s.act(ContainerStop, Request{ID: id})
		s.act(ContainerDelete, Request{ID: id, Query: url.Values{"v": {"1"}, "force": {"1"}}})
		s.act(ContainerInspect, Request{ID: id})
	}, `
create: 64 characters of id
ContainerKill: refused: dockerapi: ContainerKill: 409: Cannot kill container: ID: Container ID is not running
ContainerPause: refused: dockerapi: ContainerPause: 409: Container ID is not running
ContainerRestart: ok
ContainerPause: ok
ContainerPause: refused: dockerapi: ContainerPause: 409: Container ID is already paused
ContainerInspect: Name /recorded-actions, Path sh, SizeRw 0
ContainerUnpause: ok
ContainerUnpause: refused: dockerapi: ContainerUnpause: 500: Container ID is not paused
ContainerKill: ok
ContainerKill: refused: dockerapi: ContainerKill: 400: Invalid signal: NONE&signal=KILL
ContainerUpdate: {"Warnings":null}
ContainerUpdate: refused: dockerapi: ContainerUpdate: 400: Minimum memory limit allowed is 6MB
ContainerUpdate: refused: dockerapi: ContainerUpdate: 404: No such container: missing
ContainerRename: ok
ContainerList: Names [/recorded-renamed], State running, SizeRootFs 1.9855e+06
ContainerList: refused: dockerapi: ContainerList: 500: unexpected end of JSON input
ContainerDelete: refused: dockerapi: ContainerDelete: 500: Conflict, cannot remove the default link name of the container
ContainerRestart: ok
ContainerStop: ok
ContainerStop: ok
ContainerDelete: ok
ContainerInspect: refused: dockerapi: ContainerInspect: 404: No such container: ID
`},
	{"exec", func(s *session) {
		id := s.create("recorded-exec", shell("sleep 60"))
		s.exec(id, "true")
		s.start(id)
		three := s.exec(id, "sh", "-c", "echo to stdout; sleep 0.1; echo to stderr >&2; exit 3")
		s.read(s.startExec(three, Streams{Stdout: true, Stderr: true}))
		s.inspectExec(three)
		s.read(s.startExec(three, Streams{Stdout: true, Stderr: true}))
		none := s.exec("recorded-exec", "no-such-command")
		s.read(s.startExec(none, Streams{Stdout: true, Stderr: true}))
		s.inspectExec(none)
		detached := s.exec(id, "sh", "-c", "exit 4")
		s.startDetached(detached)
		s.inspectExec(detached)
		s.exec(id)
		s.exec("missing", "true")
		s.read(s.startExec("missing", Streams{Stdout: true}))
		s.startDetached("missing")
		s.inspectExec("../version")
		s.remove(id, url.Values{"force": {"1"}})
		s.inspectExec(three)
	}, `
create: 64 characters of id
exec: refused: dockerapi: ContainerExec: 409: Container ID is not running
start: ok
exec: 64 characters of id
start exec: ok
read: stdout "to stdout\n", stderr "to stderr\n"
inspect exec: 3, running false
start exec: ok
read: stdout "Error: Exec command ID has already run\r\n", stderr ""
exec: 64 characters of id
start exec: ok
read: stdout "OCI runtime exec failed: exec failed: unable to start container process: exec: \"no-such-command\": executable file not found in $PATH: unknown\r\n", stderr ""
inspect exec: 126, running false
exec: 64 characters of id
start detached: ok
inspect exec: 4, running false
exec: refused: dockerapi: ContainerExec: 400: No exec command specified
exec: refused: dockerapi: ContainerExec: 404: No such container: missing
start exec: refused: dockerapi: ExecStart: 404: No such exec instance: missing
start detached: refused: dockerapi: ExecStart: 404: No such exec instance: missing
inspect exec: refused: dockerapi: ExecInspect: 301: Moved Permanently
delete: ok
inspect exec: refused: dockerapi: ExecInspect: 404: No such exec instance: ID
`},
	{"exec stdin", func(s *session) {
		id := s.create("recorded-exec-stdin", shell("sleep 60"))
		s.start(id)
		cat := s.execBody(id, map[string]any{"Cmd": []string{"cat"}, "AttachStdin": true, "AttachStdout": true, "AttachStderr": true})
		stream := s.startExec(cat, Streams{Stdin: true, Stdout: true, Stderr: true})
		s.write(stream, "first line\nand the last")
		s.read(stream)
		s.inspectExec(cat)
		tty := s.execBody(id, map[string]any{"Cmd": []string{"sh", "-c", "stty -echo; echo ready; cat; echo; echo the end >&2"}, "Tty": true, "AttachStdin": true, "AttachStdout": true, "AttachStderr": true})
		stream = s.startExec(tty, Streams{Stdin: true, Stdout: true, Tty: true})
		s.readLine(stream)
		s.write(stream, "first line\nand the last")
		s.read(stream)
		s.inspectExec(tty)
		s.remove(id, url.Values{"force": {"1"}})
	}, `
create: 64 characters of id
start: ok
exec: 64 characters of id
start exec: ok
write: "first line\nand the last"
read: stdout "first line\nand the last", stderr ""
inspect exec: 0, running false
exec: 64 characters of id
start exec: ok
read: "ready\r\n"
write: "first line\nand the last"
read: stdout "first line\r\nand the last\r\nthe end\r\n", stderr ""
inspect exec: 0, running false
delete: ok
`},
	{"archive", func(s *session) {
		id := s.create("recorded-archive", shell("exit 0"))
		s.putArchive(id, url.Values{"path": {"/tmp"}}, tarOf("file a&b"))
		s.archive(id, "/tmp/file a&b")
		s.archive("recorded-archive", "/tmp/file a&b/link")
		s.archive(id, "/tmp/../missing")
		s.archive("missing", "/tmp")
		s.putArchive(id, url.Values{"path": {"/missing"}}, nil)
		s.putArchive(id, url.Values{"path": {"/"}, "noOverwriteDirNonDir": {"1"}, "copyUIDGID": {"1"}}, tarOf("tmp"))
		s.putArchive(id, url.Values{"path": {"/"}}, []byte("no tarball"))
		s.putArchive("missing", url.Values{"path": {"/"}}, nil)
		s.remove(id, nil)
	}, `
create: 64 characters of id
put archive: ok
archive: file a&b, 4096 bytes, drwxr-xr-x, 2000-01-01T00:00:00Z, link ""
tar: file a&b/ drwxr-xr-x "" 
tar: file a&b/file -rw-r----- "hello" 
tar: file a&b/link Lrwxrwxrwx "" file
archive: link, 4 bytes, Lrwxrwxrwx, 2000-01-01T00:00:00Z, link "/tmp/file a&b/file"
tar: link Lrwxrwxrwx "" file
archive: refused: dockerapi: ContainerArchive: 404: Could not find the file /tmp/../missing in container ID
archive: refused: dockerapi: ContainerArchive: 404: No such container: missing
put archive: refused: dockerapi: PutContainerArchive: 404: Could not find the file /missing in container ID
put archive: ok
put archive: refused: dockerapi: PutContainerArchive: 500: Error processing tar file(exit status 1): unexpected EOF
put archive: refused: dockerapi: PutContainerArchive: 404: No such container: missing
delete: ok
`},
	{"images", func(s *session) {
		s.act(ImageInspect, Request{ID: testImage}, "Os")
		s.act(ImageInspect, Request{ID: "missing/image"})
		s.act(ImageInspect, Request{ID: "../version"})
		s.act(ImageInspect, Request{ID: "a?b#c%2f"})
		s.act(ImageDelete, Request{ID: anotherName, Query: url.Values{"noprune": {"1"}}})
		s.act(ImageDelete, Request{ID: anotherName, Query: url.Values{"force": {"1"}}})
	}, `
ImageInspect: Os linux
ImageInspect: refused: dockerapi: ImageInspect: 404: no such image: missing/image: No such image: missing/image:latest
ImageInspect: refused: dockerapi: ImageInspect: 301: Moved Permanently
ImageInspect: refused: dockerapi: ImageInspect: 400: no such image: a?b#c%2f: invalid reference format
ImageDelete: [{"Untagged":"recorded/with/slashes:1"}]
ImageDelete: refused: dockerapi: ImageDelete: 404: No such image: recorded/with/slashes:1
`},
	{"networks", func(s *session) {
		id := s.create("recorded-connected", shell("exit 0"))
		s.act(NetworkCreate, Request{Body: map[string]any{"Name": "recorded-network", "CheckDuplicate": true, "Internal": true}}, "Warning")
		s.act(NetworkCreate, Request{Body: map[string]any{"Name": "recorded-network", "CheckDuplicate": true}})
		s.act(NetworkInspect, Request{ID: "recorded-network"}, "Name", "Driver", "Internal")
		s.act(NetworkDisconnect, Request{ID: "none", Body: map[string]any{"Container": id}})
		s.act(NetworkConnect, Request{ID: "recorded-network", Body: map[string]any{"Container": id}})
		s.act(NetworkConnect, Request{ID: "recorded-network", Body: map[string]any{"Container": id}})
		s.act(NetworkConnect, Request{ID: "recorded-network", Body: map[string]any{"Container": "missing"}})
		s.act(NetworkDisconnect, Request{ID: "recorded-network", Body: map[string]any{"Container": id, "Force": true}})
		s.act(NetworkDisconnect, Request{ID: "recorded-network", Body: map[string]any{"Container": id}})
		s.act(NetworkInspect, Request{ID: "recorded-network/connect"})
		s.act(NetworkDelete, Request{ID: "bridge"})
		s.act(NetworkDelete, Request{ID: "../volumes/x"})
		s.act(NetworkDelete, Request{ID: "recorded-network"})
		s.act(NetworkDelete, Request{ID: "recorded-network"})
		s.remove(id, nil)
	}, `
create: 64 characters of id
NetworkCreate: Warning 
NetworkCreate: refused: dockerapi: NetworkCreate: 409: network with name recorded-network already exists
NetworkInspect: Name recorded-network, Driver bridge, Internal true
NetworkDisconnect: ok
NetworkConnect: ok
NetworkConnect: ok
NetworkConnect: refused: dockerapi: NetworkConnect: 404: No such container: missing
NetworkDisconnect: ok
NetworkDisconnect: refused: dockerapi: NetworkDisconnect: 500: container ID is not connected to the network recorded-network
NetworkInspect: refused: dockerapi: NetworkInspect: 404: network recorded-network/connect not found
NetworkDelete: refused: dockerapi: NetworkDelete: 403: bridge is a pre-defined network and cannot be removed
NetworkDelete: refused: dockerapi: NetworkDelete: 301: Moved Permanently
NetworkDelete: ok
NetworkDelete: refused: dockerapi: NetworkDelete: 404: network recorded-network not found
delete: ok
`},
	{"a volume", func(s *session) {
		s.act(VolumeCreate, Request{Body: map[string]any{"Name": "recorded-options", "Labels": map[string]string{"recorded": "yes"}}}, "Name", "Driver", "Labels")
		s.act(VolumeInspect, Request{ID: "recorded-options"}, "Name", "Driver", "Labels", "Scope")
		s.act(VolumeDelete, Request{ID: "recorded-options", Query: url.Values{"force": {"1"}}})
		s.act(VolumeDelete, Request{ID: "recorded-options", Query: url.Values{"force": {"1"}}})
		s.act(VolumeDelete, Request{ID: "recorded-options"})
		s.act(VolumeInspect, Request{ID: "recorded-options"})
		s.act(VolumeInspect, Request{ID: "../containers/json"})
	}, `
VolumeCreate: Name recorded-options, Driver local, Labels map[recorded:yes]
VolumeInspect: Name recorded-options, Driver local, Labels map[recorded:yes], Scope local
VolumeDelete: ok
VolumeDelete: ok
VolumeDelete: refused: dockerapi: VolumeDelete: 404: get recorded-options: no such volume
VolumeInspect: refused: dockerapi: VolumeInspect: 404: get recorded-options: no such volume
VolumeInspect: refused: dockerapi: VolumeInspect: 301: Moved Permanently
`},
	{"hostile names", func(s *session) {
		for _, name := range []string{"../version", "missing/../../version", "missing?force=1", "missing/start", "%2e%2e"} {
			s.inspect(name)
			s.remove(name, nil)
		}
	}, `
inspect: refused: dockerapi: ContainerInspect: 301: Moved Permanently
delete: refused: dockerapi: ContainerDelete: 301: Moved Permanently
inspect: refused: dockerapi: ContainerInspect: 301: Moved Permanently
delete: refused: dockerapi: ContainerDelete: 301: Moved Permanently
inspect: refused: dockerapi: ContainerInspect: 404: No such container: missing?force=1
delete: refused: dockerapi: ContainerDelete: 404: No such container: missing?force=1
inspect: refused: dockerapi: ContainerInspect: 404: No such container: missing/start
delete: refused: dockerapi: ContainerDelete: 404: No such container: missing/start
inspect: refused: dockerapi: ContainerInspect: 404: No such container: %2e%2e
delete: refused: dockerapi: ContainerDelete: 404: No such container: %2e%2e
`},
}

// tarOf is a tarball of a folder with a file and a symbolic link in it.
func tarOf(name string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, h := range []tar.Header{
		{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: day},
		{Name: name + "/file", Typeflag: tar.TypeReg, Mode: 0o640, Size: 5, ModTime: day},
		{Name: name + "/link", Typeflag: tar.TypeSymlink, Linkname: "file", Mode: 0o777, ModTime: day},
	} {
		w.WriteHeader(&h)
		io.WriteString(w, "hello"[:h.Size])
	}
	w.Close()
	return b.Bytes()
}

// body is a create body for a command, without a network, which would only cost time.
func body(cmd ...string) map[string]any {
	return map[string]any{
		"Image":      testImage,
		"Cmd":        cmd,
		"Labels":     map[string]string{"recorded": "yes"},
		"HostConfig": map[string]any{"NetworkMode": "none"},
	}
}

func shell(script string) map[string]any { return body("sh", "-c", script) }

func TestRecorded(t *testing.T) {
	for _, tt := range scenarios {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join("testdata", strings.ReplaceAll(tt.name, " ", "-")+".txt")
			if *record {
				recordTo(t, file, tt.do)
			}
			transcript, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, string(transcript), tt.do, tt.want, 0, 1, 7)
		})
	}
}

// recordTo has the scenario done by the Engine, writes the transcript down and removes what it has left.
func recordTo(t *testing.T, file string, do func(*session)) {
	helper := New(engine)
	defer helper.Close()
	res, err := helper.http.Do(t.Context(), &http1.Request{Method: "POST", Target: naming})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	dial, transcript := wiretest.Record(engine.Dial)
	s := &session{t: t, c: client(dial)}
	do(s)
	s.c.Close()
	for _, id := range s.ids {
		helper.ContainerDelete(t.Context(), id, url.Values{"force": {"1"}}) // mostly gone already
	}
	helper.Act(t.Context(), ImageDelete, Request{ID: anotherName})
	if err := os.WriteFile(file, []byte(mask(transcript())), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What differs from one recording to the next. Lengths are kept, since the answers announce them.
var (
	date     = regexp.MustCompile(`Date: \w{3}, [^\n]* GMT`)
	instant  = regexp.MustCompile(`[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	created  = regexp.MustCompile(`\\"Created\\":\d{10}`)
	sha256ID = regexp.MustCompile(`[0-9a-f]{64}`)
)

// mask makes the accidents of a recording the same in all: dates, and ids and their short forms, which it numbers.
func mask(transcript string) string {
	const day = "2000-01-01T00:00:00"
	text := date.ReplaceAllString(transcript, "Date: Sat, 01 Jan 2000 00:00:00 GMT")
	text = instant.ReplaceAllStringFunc(text, func(was string) string {
		fraction := strings.Repeat("0", max(0, len(was)-len(day)-len(".Z")))
		return strings.TrimSuffix(day+"."+fraction, ".") + "Z"
	})
	text = created.ReplaceAllString(text, `\"Created\":1000000000`)
	var pairs []string
	seen := map[string]bool{}
	for _, id := range sha256ID.FindAllString(text, -1) {
		if !seen[id] {
			seen[id] = true
			n := len(seen)
			pairs = append(pairs, id[:12], fmt.Sprintf("%012d", n), id[12:], fmt.Sprintf("%052d", n))
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

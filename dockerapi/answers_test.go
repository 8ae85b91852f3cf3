package dockerapi

import (
	"net/url"
	"strings"
	"testing"

	"docker-dispatch/wire/wiretest"
)

// answerTests are answers that the Engine at hand does not give: those of newer Engines, of Podman, of proxies in between,
// and broken ones. Of the calls that ask for them there is one each, to the container x, with version 1.41.
var answerTests = []struct {
	name   string
	asks   string
	answer string
	do     func(*session)
	want   string
}{
	// the exit code

	{"wait of Engine 20.10", waits, streams(`{"Error":null,"StatusCode":3}`+"\n") + end, wait, "wait: 3"},
	{"wait of newer Engines", waits, streams(`{"StatusCode":3}`+"\n") + end, wait, "wait: 3"},
	{"wait with an empty error", waits, answers("200 OK", `{"Error":{"Message":""},"StatusCode":3}`), wait, "wait: 3"},
	{"wait of a client that went", waits, answers("200 OK", `{"Error":{"Message":"context canceled"},"StatusCode":-1}`), wait,
		"wait: error: dockerapi: ContainerWait: context canceled"},
	{"wait without a code", waits, answers("200 OK", `{"Error":null}`), wait,
		"wait: error: dockerapi: ContainerWait: the answer has no StatusCode"},
	{"wait of null", waits, answers("200 OK", `null`), wait,
		"wait: error: dockerapi: ContainerWait: the answer has no StatusCode"},
	{"wait of a code in words", waits, answers("200 OK", `{"StatusCode":"0"}`), wait,
		"wait: error: dockerapi: ContainerWait: the answer: json: cannot unmarshal string into Go struct field exited.StatusCode of type int"},
	{"wait ended without a body", waits, answers("200 OK", ""), wait,
		"wait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	{"wait ended without a chunk", waits, "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n" + end, wait,
		"wait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	{"wait cut before a chunk", waits, "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n<EOF\n", wait,
		"wait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	{"wait cut in a chunk", waits, "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n< 11\n< \"{\\\"StatusCode\\\":0\"\n<EOF\n", wait,
		"wait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	{"wait cut after the chunk", waits, streams(`{"StatusCode":0}`) + "<EOF\n", wait,
		"wait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	{"wait cut in its length", waits, "< HTTP/1.1 200 OK\n< Content-Length: 17\n<\n< \"{\\\"StatusCode\\\":0}\"\n<EOF\n", wait,
		"wait: no answer, sent: dockerapi: ContainerWait: http1: reading the response: unexpected EOF"},
	{"wait until close, cut", waits, "< HTTP/1.1 200 OK\n<\n< \"{\\\"StatusCode\\\":0\"\n<EOF\n", wait,
		"wait: error: dockerapi: ContainerWait: the answer: unexpected end of JSON input"},

	// refusals

	{"version too old", starts, answers("400 Bad Request", `{"message":"client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version"}`), start,
		"start: refused: dockerapi: ContainerStart: 400: client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version"},
	{"Podman's shape", starts, answers("500 Internal Server Error", `{"cause":"no such file","message":"crun: executable file not found","response":500}`), start,
		"start: refused: dockerapi: ContainerStart: 500: crun: executable file not found"},
	{"plain text", starts, answers("400 Bad Request", "malformed Host header\n"), start,
		"start: refused: dockerapi: ContainerStart: 400: malformed Host header"},
	{"a proxy's page", starts, answers("502 Bad Gateway", "<html>\n<h1>502</h1>\n</html>\n"), start,
		"start: refused: dockerapi: ContainerStart: 502: <html>\n<h1>502</h1>\n</html>"},
	{"no words", starts, answers("499 status code 499", ""), start,
		"start: refused: dockerapi: ContainerStart: 499: status code 499"},
	{"no words and no reason", starts, answers("499 ", ""), start,
		"start: refused: dockerapi: ContainerStart: 499: "},
	{"a message that is none", starts, answers("500 Internal Server Error", `{"message":5}`), start,
		`start: refused: dockerapi: ContainerStart: 500: {"message":5}`},
	{"an empty message", starts, answers("500 Internal Server Error", `{"message":""}`), start,
		`start: refused: dockerapi: ContainerStart: 500: {"message":""}`},
	{"cut in its words", starts, "< HTTP/1.1 500 Internal Server Error\n< Content-Length: 99\n<\n< \"{\\\"mess\"\n<EOF\n", start,
		`start: refused: dockerapi: ContainerStart: 500: {"mess`},
	{"cut before its words", starts, "< HTTP/1.1 500 Internal Server Error\n< Content-Length: 99\n<\n<EOF\n", start,
		"start: no answer, sent: dockerapi: ContainerStart: http1: reading the response: unexpected EOF"},
	{"another yes than its row has", starts, answers("200 OK", "started"), start,
		"start: refused: dockerapi: ContainerStart: 200: started"},
	{"being removed", asks("DELETE /v1.41/containers/x?v=1"), answers("409 Conflict", `{"message":"removal of container x is already in progress"}`),
		func(s *session) { s.remove("x", map[string][]string{"v": {"1"}}) },
		"delete: refused: dockerapi: ContainerDelete: 409: removal of container x is already in progress"},

	// answers without sense

	{"inspect of what is not JSON", inspects, answers("200 OK", "<html>"), inspect,
		"inspect: error: dockerapi: ContainerInspect: the answer: invalid character '<' looking for beginning of value"},
	{"inspect of two values", inspects, answers("200 OK", "{}{}"), inspect,
		"inspect: error: dockerapi: ContainerInspect: the answer: invalid character '{' after top-level value"},
	{"create without an id", creates, answers("201 Created", `{"Warnings":[]}`), create,
		"create: error: dockerapi: ContainerCreate: the answer has no Id"},
	{"create with warnings", creates, answers("201 Created", `{"Id":"x","Warnings":["no swap limit","\u0000"]}`), func(s *session) {
		created, err := s.c.ContainerCreate(s.t.Context(), "x", "", map[string]any{})
		s.note("create", err, "%q", created)
	}, `create: {"x" ["no swap limit" "\x00"]}`},
	{"create without warnings", creates, answers("201 Created", `{"Id":"x","Warnings":null}`), create,
		"create: 1 characters of id"},
	{"not HTTP", starts, "< SSH-2.0-OpenSSH_9.2\n", start,
		`start: error: dockerapi: ContainerStart: http1: reading the response: protocol error: status line "SSH-2.0-OpenSSH_9.2" is not of HTTP/1.1 or HTTP/1.0`},
	{"an upgrade unasked", starts, "< HTTP/1.1 101 UPGRADED\n<\n", start,
		"start: error: dockerapi: ContainerStart: http1: reading the response: protocol error: 101 to a request that asked for no upgrade"},
	{"another's length", starts, "< HTTP/1.1 204 No Content\n< Content-Length: 1\n< Content-Length: 2\n<\n", start,
		"start: error: dockerapi: ContainerStart: http1: reading the response: protocol error: more than one Content-Length"},

	// lists and times

	{"list of newer Engines", lists, answers("200 OK", `[{"Id":"x","Names":["/a","/b/c"],"Created":1767225600,"State":"running","Status":"Up","Labels":{},"Health":{"Status":"none"}}]`), list,
		"list: [{x [/a /b/c] running map[] 1767225600}]"},
	{"list of Podman", lists, answers("200 OK", `[{"Id":"x","Names":["/a"],"Created":1767225600,"State":"exited","Labels":null}]`), list,
		"list: [{x [/a] exited map[] 1767225600}]"},
	{"list of null", lists, answers("200 OK", "null"), list,
		"list: []"},
	{"list of nothing", lists, answers("200 OK", ""), list,
		"list: no answer, sent: dockerapi: ContainerList: http1: reading the response: unexpected EOF"},
	{"list of something else", lists, answers("200 OK", `"x"`), list,
		"list: error: dockerapi: ContainerList: the answer: another value than the operation's"},
	{"list that was cut", lists, streams(`[{"Id":"x"}`) + "<EOF\n", list,
		"list: no answer, sent: dockerapi: ContainerList: http1: reading the response: unexpected EOF"},
	{"volumes of null", listsVolumes, answers("200 OK", `{"Volumes":null,"Warnings":null}`), listVolumes,
		"list volumes: []"},
	{"list that ends too early", lists, "< HTTP/1.1 200 OK\n<\n< \"[{\\\"Id\\\":\\\"x\\\"\"\n<EOF\n", list,
		"list: error: dockerapi: ContainerList: the answer: unexpected EOF"},
	{"list of two values", lists, answers("200 OK", "[] 7"), list,
		"list: error: dockerapi: ContainerList: the answer: another value than the operation's"},
	{"list of more than is looked at", lists, answers("200 OK", `[{"Id":"x","Names":null,"Ports":[{"a":[1,"]",true,null]}],"Labels":{"a":"b","message":"m","z":"y"},"Created":1.5e1}]`), list,
		"list: [{x []  map[message:m] 15}]"},
	{"volumes of something else", listsVolumes, answers("200 OK", "7"), listVolumes,
		"list volumes: error: dockerapi: VolumeList: the answer: another value than the operation's"},
	{"times of another zone", inspects, answers("200 OK", `{"Name":"x","State":{"StartedAt":"2026-01-01T02:00:00.123456789+02:00","FinishedAt":"0001-01-01T00:00:00Z","OOMKilled":true,"Error":"no"}}`), examine,
		`examine: x, error "no", OOMKilled true, from 2026-01-01T02:00:00+02:00 to 0001-01-01T00:00:00Z, log `},
	{"a container that is restarted", inspects, answers("200 OK", `{"RestartCount":2,"Config":{"Tty":true,"OpenStdin":true,"StdinOnce":true},"HostConfig":{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}}}`), func(s *session) {
		c, err := s.c.ContainerInspect(s.t.Context(), "x")
		s.note("inspect", err, "%d times by %s, %+v", c.RestartCount, c.HostConfig.RestartPolicy.Name, c.Config)
	}, "inspect: 2 times by on-failure, {Labels:map[] Tty:true OpenStdin:true StdinOnce:true}"},
	{"times that are none", inspects, answers("200 OK", `{"State":{"StartedAt":"yesterday"}}`), examine,
		`examine: error: dockerapi: ContainerInspect: the answer: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`},

	// actions

	{"inspect of nothing", shows, answers("200 OK", ""), show,
		"ContainerInspect: no answer, sent: dockerapi: ContainerInspect: http1: reading the response: unexpected EOF"},
	{"inspect of a page", shows, answers("200 OK", "<html>"), show,
		"ContainerInspect: error: dockerapi: ContainerInspect: the answer is not JSON"},
	{"inspect of two values, as they are", shows, answers("200 OK", "{}{}"), show,
		"ContainerInspect: error: dockerapi: ContainerInspect: the answer is not JSON"},
	{"inspect that was cut", shows, streams(`{"Id":"x"}`) + "<EOF\n", show,
		"ContainerInspect: no answer, sent: dockerapi: ContainerInspect: http1: reading the response: unexpected EOF"},
	{"inspect as it is", shows, answers("200 OK", `{"Id":"x","Future":[1e400,"\u0000"]}`+"\n"), show,
		`ContainerInspect: {"Id":"x","Future":[1e400,"\u0000"]}`},
	{"connect of Podman", connects, answers("200 OK", "OK\n"), connect,
		"NetworkConnect: ok"},
	{"connect of Docker", connects, answers("200 OK", ""), connect,
		"NetworkConnect: ok"},
	{"connect that was cut", connects, "< HTTP/1.1 200 OK\n< Content-Length: 3\n<\n< \"O\"\n<EOF\n", connect,
		"NetworkConnect: no answer, sent: dockerapi: NetworkConnect: http1: reading the response: unexpected EOF"},
	{"an action without a body", asks("POST /v1.41/networks/create"), answers("201 Created", ""),
		func(s *session) { s.act(NetworkCreate, Request{}) },
		"NetworkCreate: ok"},

	// execs

	{"exec without an id", execs, answers("201 Created", `{"ID":""}`), exec,
		"exec: error: dockerapi: ContainerExec: the answer has no Id"},
	{"exec of nothing", execs, answers("201 Created", ""), exec,
		"exec: no answer, sent: dockerapi: ContainerExec: http1: reading the response: unexpected EOF"},
	{"exec of newer Engines", startsExec, "< HTTP/1.1 101 UPGRADED\n< Api-Version: 1.55\n< Content-Type: application/vnd.docker.multiplexed-stream\n<\n< \"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x02ab\"\n<EOF\n", startExec,
		"start exec: ok\nread: stdout \"ab\", stderr \"\""},
	{"exec that knows no upgrade", startsExec, "< HTTP/1.1 200 OK\n<\n< \"\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x02ab\"\n<EOF\n", startExec,
		"start exec: ok\nread: stdout \"\", stderr \"ab\""},
	{"exec of a container that is paused", startsExec, "< HTTP/1.1 409 Conflict\n< Content-Type: application/vnd.docker.raw-stream\n<\n< Container x is paused\n<EOF\n", startExec,
		"start exec: refused: dockerapi: ExecStart: 409: Container x is paused"},
	{"exec of Podman that has run", startsExec, answers("500 Internal Server Error", `{"cause":"exec session state improper","message":"can only start created exec sessions"}`), startExec,
		"start exec: refused: dockerapi: ExecStart: 500: can only start created exec sessions"},
	{"exec cut in a frame", startsExec, "< HTTP/1.1 101 UPGRADED\n<\n< \"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x03ab\"\n<EOF\n", startExec,
		"start exec: ok\nread: no answer, sent: dockerapi: ExecStart: unexpected EOF"},
	{"exec without an answer", startsExec, "<EOF\n", startExec,
		"start exec: no answer, sent: dockerapi: ExecStart: http1: reading the response: unexpected EOF"},
	{"exec detached", "> POST /v1.41/exec/x/start HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> Content-Type: application/json\n> Content-Length: 27\n>\n> \"{\\\"Detach\\\":true,\\\"Tty\\\":false}\"\n", answers("200 OK", "whatever"),
		func(s *session) { s.startDetached("x") },
		"start detached: ok"},
	{"exec that is asked after until it has exited", asks("GET /v1.41/exec/x/json") + answers("200 OK", `{"ID":"x","Running":true,"ExitCode":null}`) + asks("GET /v1.41/exec/x/json"), answers("200 OK", `{"ID":"x","Running":false,"ExitCode":137}`), inspectExec,
		"inspect exec: 137, running false"},
	{"exec that runs", asks("GET /v1.41/exec/x/json"), answers("200 OK", `{"ID":"x","Running":true,"ExitCode":null}`), func(s *session) {
		exec, err := s.c.ExecInspect(s.t.Context(), "x")
		s.note("inspect exec", err, "%+v", exec)
	}, "inspect exec: {Running:true ExitCode:<nil>}"},
	{"exec with a code in words", asks("GET /v1.41/exec/x/json"), answers("200 OK", `{"ExitCode":"0"}`), inspectExec,
		"inspect exec: error: dockerapi: ExecInspect: the answer: json: cannot unmarshal string into Go struct field Exec.ExitCode of type int"},

	// archives

	{"archive without a stat", archives, answers("200 OK", ""), archiveOf,
		"archive: error: dockerapi: ContainerArchive: X-Docker-Container-Path-Stat is not JSON in base64"},
	{"archive with a stat that is not base64", archives, statted("{}"), archiveOf,
		"archive: error: dockerapi: ContainerArchive: X-Docker-Container-Path-Stat is not JSON in base64"},
	{"archive with a stat that is not JSON", archives, statted("AAAA"), archiveOf,
		"archive: error: dockerapi: ContainerArchive: X-Docker-Container-Path-Stat is not JSON in base64"},
	{"archive that was cut", archives, statted("e30=") + "< 3\n< \"tar\"\n<\n<EOF\n", archiveOf,
		"archive: , 0 bytes, ----------, 0001-01-01T00:00:00Z, link \"\"\ntar: no answer, sent: dockerapi: ContainerArchive: http1: reading the response: unexpected EOF"},
	{"archive of another kind", archives, statted("e30=") + "< 3\n< \"tar\"\n<\n" + end, archiveOf,
		"archive: , 0 bytes, ----------, 0001-01-01T00:00:00Z, link \"\"\ntar: error: unexpected EOF"},
	{"archive put", puts + "> Content-Length: 3\n>\n> \"tar\"\n", answers("200 OK", ""),
		func(s *session) { s.putArchive("x", url.Values{"path": {"/a b"}}, []byte("tar")) },
		"put archive: ok"},
	{"archive put where nothing can be written", puts + "> Content-Length: 3\n>\n> \"tar\"\n", answers("403 Forbidden", `{"message":"container rootfs is marked read-only"}`),
		func(s *session) { s.putArchive("x", url.Values{"path": {"/a b"}}, []byte("tar")) },
		"put archive: refused: dockerapi: PutContainerArchive: 403: container rootfs is marked read-only"},

	// streams

	{"attach of newer Engines", asksAttach, "< HTTP/1.1 101 UPGRADED\n< Content-Type: application/vnd.docker.multiplexed-stream\n<\n< \"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x02ab\"\n<EOF\n", attach,
		"attach: ok\nread: stdout \"ab\", stderr \"\""},
	{"attach that knows no upgrade", asksAttach, "< HTTP/1.1 200 OK\n<\n< \"\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x02ab\"\n<EOF\n", attach,
		"attach: ok\nread: stdout \"\", stderr \"ab\""},
	{"attach of Podman, refused", asksAttach, answers("409 Conflict", `{"message":"can only attach to created or running containers"}`), attach,
		"attach: refused: dockerapi: ContainerAttach: 409: can only attach to created or running containers"},
	{"attach without a stream", asksAttach, answers("200 OK", "hello"), attach,
		"attach: refused: dockerapi: ContainerAttach: 200: hello"},
	{"attach without an answer", asksAttach, "<EOF\n", attach,
		"attach: no answer, sent: dockerapi: ContainerAttach: http1: reading the response: unexpected EOF"},
	{"attach cut in a frame", asksAttach, "< HTTP/1.1 101 UPGRADED\n<\n< \"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x03ab\"\n<EOF\n", attach,
		"attach: ok\nread: no answer, sent: dockerapi: ContainerAttach: unexpected EOF"},
	{"attach cut in a frame's header", asksAttach, "< HTTP/1.1 101 UPGRADED\n<\n< \"\\x01\\x00\\x00\"\n<EOF\n", attach,
		"attach: ok\nread: no answer, sent: dockerapi: ContainerAttach: unexpected EOF"},
	{"attach with the framing lost", asksAttach, "< HTTP/1.1 101 UPGRADED\n<\n< \"raw text\"\n<EOF\n", attach,
		"attach: ok\nread: error: dockerapi: ContainerAttach: stdcopy: frame header 72 61 77 20 74 65 78 74: the framing is lost"},
	{"log of nothing", logsOf, answers("200 OK", ""), logs,
		"logs: ok\nread: stdout \"\", stderr \"\""},
	{"log that the Engine cannot go on with", logsOf, answers("200 OK", "\x03\x00\x00\x00\x00\x00\x00\x12Error grabbing log"), logs,
		`logs: ok` + "\n" + `read: error: dockerapi: ContainerLogs: stdcopy: the Engine ended the stream: "Error grabbing log"`},
	{"log cut between frames", logsOf, streams("\x01\x00\x00\x00\x00\x00\x00\x02ab") + "<EOF\n", logs,
		"logs: ok\nread: no answer, sent: dockerapi: ContainerLogs: http1: reading the response: unexpected EOF"},
	{"log that is followed, and goes on", followsLogs, streams("\x01\x00\x00\x00\x00\x00\x00\x02ab") + "< a\n< \"\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x02cd\"\n<\n" + end,
		func(s *session) { s.read(s.followLogs("x", Streams{Stdout: true, Stderr: true})) },
		"follow logs: ok\nread: stdout \"ab\", stderr \"cd\""},
	{"log cut in a frame", logsOf, streams("\x01\x00\x00\x00\x00\x00\x00\x03ab") + end, logs,
		"logs: ok\nread: no answer, sent: dockerapi: ContainerLogs: unexpected EOF"},

	// pulls

	{"pull", pulls, streams(`{"status":"Pulling from a/b","id":"latest"}`+"\r\n"+`{"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"[=>  ]"}`+"\r\n\r\n"+`{"status":"Status: Downloaded"}`) + end, pull,
		"pull: ok"},
	{"pull with credentials", "> POST /v1.41/images/create?fromImage=a%2Fb&tag=latest&platform=linux%2Farm64 HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> X-Registry-Auth: e30=\n> Content-Length: 0\n>\n", answers("200 OK", ""),
		func(s *session) { s.pull(Pull{Image: "a/b", Platform: "linux/arm64"}, "e30=") },
		"pull: ok"},
	{"pull of all tags", asks("POST /v1.41/images/create?fromImage=a%2Fb"), answers("200 OK", ""),
		func(s *session) { s.pull(Pull{Image: "a/b", AllTags: true}, "") },
		"pull: ok"},
	{"pull of nothing", pulls, answers("200 OK", ""), pull,
		"pull: ok"},
	{"pull that fails on its way", pulls, "< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n< fff\n< {\"status\":\"Pulling\"}\n< {\"errorDetail\":{\"message\":\"filesystem layer verification failed\"},\"error\":\"filesystem layer\"}\n", pull,
		"pull: refused: dockerapi: ImageCreate: 200: filesystem layer verification failed"},
	{"pull that fails, without the old key", pulls, answers("200 OK", `{"errorDetail":{"code":404,"message":"manifest unknown"}}`+"\n"), pull,
		"pull: refused: dockerapi: ImageCreate: 200: manifest unknown"},
	{"pull that fails, with the old key alone", pulls, answers("200 OK", `{"error":"denied"}`), pull,
		"pull: refused: dockerapi: ImageCreate: 200: denied"},
	{"pull of what is not JSON", pulls, answers("200 OK", "<html>\n"), pull,
		"pull: error: dockerapi: ImageCreate: progress: invalid character '<' looking for beginning of value"},
	{"pull cut between two lines", pulls, streams(`{"status":"Pulling"}`+"\n") + "<EOF\n", pull,
		"pull: no answer, sent: dockerapi: ImageCreate: http1: reading the response: unexpected EOF"},
	{"pull cut in a line", pulls, streams(`{"status":"Pul`) + "<EOF\n", pull,
		"pull: no answer, sent: dockerapi: ImageCreate: http1: reading the response: unexpected EOF"},
}

// The calls of answerTests, as they are sent and as they are made.
var (
	waits        = asks("POST /v1.41/containers/x/wait")
	starts       = asks("POST /v1.41/containers/x/start")
	inspects     = asks("GET /v1.41/containers/x/json")
	logsOf       = asks("GET /v1.41/containers/x/logs?stdout=1&stderr=1")
	followsLogs  = asks("GET /v1.41/containers/x/logs?follow=1&stdout=1&stderr=1")
	lists        = asks("GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D")
	listsVolumes = asks("GET /v1.41/volumes?filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D")
	creates      = "> POST /v1.41/containers/create?name=x HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> Content-Type: application/json\n> Content-Length: 2\n>\n> \"{}\"\n"
	shows        = asks("GET /v1.41/containers/x/json?size=1")
	archives     = asks("GET /v1.41/containers/x/archive?path=%2Fa+b")
	puts         = "> PUT /v1.41/containers/x/archive?path=%2Fa+b HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> Content-Type: application/x-tar\n"
	connects     = "> POST /v1.41/networks/x/connect HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> Content-Type: application/json\n> Content-Length: 17\n>\n> \"{\\\"Container\\\":\\\"y\\\"}\"\n"
	execs        = "> POST /v1.41/containers/x/exec HTTP/1.1\n> Host: docker\n> User-Agent: docker-dispatch\n> Content-Type: application/json\n> Content-Length: 2\n>\n> \"{}\"\n"
	pulls        = asks("POST /v1.41/images/create?fromImage=a%2Fb&tag=latest")
)

// startsExec is a start of the exec x that is not detached.
const startsExec = `
		> POST /v1.41/exec/x/start HTTP/1.1
		> Host: docker
		> User-Agent: docker-dispatch
		> Connection: Upgrade
		> Upgrade: tcp
		> Content-Type: application/json
		> Content-Length: 28
		>
		> "{\"Detach\":false,\"Tty\":false}"
`

// statted begins the answer of an archive whose stat is the text.
func statted(stat string) string {
	return "< HTTP/1.1 200 OK\n< X-Docker-Container-Path-Stat: " + stat + "\n< Transfer-Encoding: chunked\n<\n"
}

func show(s *session) { s.act(ContainerInspect, Request{ID: "x", Query: url.Values{"size": {"1"}}}) }
func connect(s *session) {
	s.act(NetworkConnect, Request{ID: "x", Body: map[string]any{"Container": "y"}})
}
func exec(s *session)        { s.execBody("x", map[string]any{}) }
func startExec(s *session)   { s.read(s.startExec("x", Streams{Stdout: true, Stderr: true})) }
func inspectExec(s *session) { s.inspectExec("x") }
func archiveOf(s *session)   { s.archive("x", "/a b") }
func wait(s *session)        { s.wait("x") }
func start(s *session)       { s.start("x") }
func inspect(s *session)     { s.inspect("x") }
func create(s *session)      { s.create("x", map[string]any{}) }
func examine(s *session)     { s.examine("x") }
func list(s *session)        { s.list("a=b") }
func listVolumes(s *session) { s.listVolumes("a=b") }
func pull(s *session)        { s.pull(Pull{Image: "a/b"}, "") }
func attach(s *session)      { s.read(s.attach("x", Streams{Stdout: true, Stderr: true})) }
func logs(s *session)        { s.read(s.logs("x", Streams{Stdout: true, Stderr: true})) }

// What a request cannot have is said before anything is asked, and a secret not at all.
func TestNotAsked(t *testing.T) {
	for _, tt := range []struct {
		do   func(*session)
		want string
	}{
		{func(s *session) { s.act(ContainerPause, Request{ID: "x", Query: url.Values{"t": {"1"}}}) },
			`ContainerPause: error: dockerapi: ContainerPause: query key "t" is not in the table`},
		{func(s *session) { s.act(ImageDelete, Request{Query: url.Values{"force": {"1"}}}) },
			`ImageDelete: error: dockerapi: ImageDelete: "" is no name`},
		{func(s *session) { s.act(NetworkCreate, Request{Body: map[string]any{"Name": func() {}}}) },
			"NetworkCreate: error: dockerapi: NetworkCreate: json: unsupported type: func()"},
		{func(s *session) { s.exec("..") }, `exec: error: dockerapi: ContainerExec: ".." is no id`},
		{func(s *session) { s.startExec("", Streams{}) }, `start exec: error: dockerapi: ExecStart: "" is no id`},
		{func(s *session) { s.archive(".", "/") }, `archive: error: dockerapi: ContainerArchive: "." is no id`},
		{func(s *session) { s.putArchive("x", url.Values{"path&x": {"/"}}, nil) },
			`put archive: error: dockerapi: PutContainerArchive: query key "path&x" is not in the table`},
		{func(s *session) { s.someLogs("x", Streams{}, url.Values{"stdin": {"1"}}) },
			`logs: error: dockerapi: ContainerLogs: query key "stdin" is not in the table`},
		{func(s *session) { s.pull(Pull{Image: "a/b"}, "secret\r\nX-Evil: secret") },
			"pull: error: dockerapi: ImageCreate: a control character in the credentials for the registry"},
	} {
		s := &session{t: t, c: client(nil)}
		s.c.version = "/v1.41"
		tt.do(s)
		if got := s.known.String(); got != tt.want+"\n" {
			t.Errorf("got  %swant %s", got, tt.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, tt := range answerTests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, pinged+tt.asks+tt.answer, tt.do, "\n"+tt.want+"\n", 0, 1, 7)
		})
	}
}

// The credentials for a registry go to the Engine, and nowhere else.
func TestSecret(t *testing.T) {
	const secret = "c2VjcmV0"
	asksPull := strings.Replace(pulls, "> Content-Length", "> X-Registry-Auth: "+secret+"\n> Content-Length", 1)
	for _, answer := range []string{answers("200 OK", ""), answers("500 Internal Server Error", "no"), "<EOF\n", "< no HTTP\n<EOF\n"} {
		s := &session{t: t, c: client(wiretest.Server(t, pinged+asksPull+answer))}
		s.c.OnCall = func(r Record) { s.note("told", nil, "%+v", r) }
		s.pull(Pull{Image: "a/b"}, secret)
		if got := s.known.String(); strings.Contains(got, secret) || strings.Count(got, "told: ") != 2 {
			t.Errorf("got\n%s", got)
		}
	}
}

// What is longer than it has reason to be is not read.
func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		name         string
		asks, answer string
		do           func(*session)
		want         string
	}{
		{"refusal of 100 MiB", starts, "< HTTP/1.1 500 Internal Server Error\n< Content-Length: 104857600\n<\n< \"" + strings.Repeat("x", errorBodyLen) + "\"\n", start,
			"start: refused: dockerapi: ContainerStart: 500: " + strings.Repeat("x", 1000)},
		{"answer", inspects, "< HTTP/1.1 200 OK\n< Content-Length: 104857600\n<\n< \"" + strings.Repeat("[", decodedLen+1) + "\"\n", inspect,
			"inspect: error: dockerapi: ContainerInspect: the answer is longer than 2 MiB"},
		{"progress line", pulls, "< HTTP/1.1 200 OK\n< Content-Length: 104857600\n<\n< \"" + strings.Repeat("x", progressLen) + "\"\n", pull,
			"pull: error: dockerapi: ImageCreate: a progress line is longer than 1 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, pinged+tt.asks+tt.answer, tt.do, "\n"+tt.want+"\n", 0)
		})
	}
}

func TestNegotiate(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"Engine 20.10", answersPing, "/v1.41"},
		{"a newer Engine", "< HTTP/1.1 200 OK\n< Api-Version: 1.55\n< Swarm: inactive\n< Content-Length: 2\n<\n< \"OK\"\n", "/v1.55"},
		{"an Engine of the future", "< HTTP/1.1 200 OK\n< Api-Version: 1.99\n< Content-Length: 2\n<\n< \"OK\"\n", "/v1.55"},
		{"an Engine that is too old", "< HTTP/1.1 200 OK\n< Api-Version: 1.40\n< Content-Length: 2\n<\n< \"OK\"\n",
			"error: dockerapi: the Engine speaks API 1.40 at most; 1.41 (Engine 20.10) is the oldest that works"},
		{"no version", answers("200 OK", "OK"),
			`error: dockerapi: SystemPing: Api-Version "" is not known: is this a Docker Engine?`},
		{"a version that is none", "< HTTP/1.1 200 OK\n< Api-Version: 1.41/../../evil of more than twenty characters\n< Content-Length: 2\n<\n< \"OK\"\n",
			`error: dockerapi: SystemPing: Api-Version "1.41/../../evil of m" is not known: is this a Docker Engine?`},
		{"another server", answers("404 Not Found", "404 page not found\n"),
			"refused: dockerapi: SystemPing: 404: 404 page not found"},
		{"an Engine that is not ready", answers("503 Service Unavailable", `{"message":"starting"}`),
			"refused: dockerapi: SystemPing: 503: starting"},
		{"no answer", "<EOF\n",
			"no answer, not sent: dockerapi: SystemPing: http1: reading the response: unexpected EOF"},
		{"half an answer", "< HTTP/1.1 200 OK\n< Api-Version: 1.41\n< Content-Length: 2\n<\n< \"O\"\n<EOF\n",
			"no answer, not sent: dockerapi: SystemPing: http1: reading the response: unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, asksPing+tt.answer, (*session).negotiate, "\nnegotiate: "+tt.want+"\n", 0, 1, 7)
		})
	}
}

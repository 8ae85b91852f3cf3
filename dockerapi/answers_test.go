package dockerapi

import (
	"strings"
	"testing"
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
		"wait: error: dockerapi: ContainerWait: the answer: json: cannot unmarshal string into Go struct field .StatusCode of type int"},
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
	{"list of something else", lists, answers("200 OK", `{"message":"x"}`), list,
		"list: error: dockerapi: ContainerList: the answer: json: cannot unmarshal object into Go value of type []dockerapi.Summary"},
	{"list that was cut", lists, streams(`[{"Id":"x"}`) + "<EOF\n", list,
		"list: no answer, sent: dockerapi: ContainerList: http1: reading the response: unexpected EOF"},
	{"volumes of null", listsVolumes, answers("200 OK", `{"Volumes":null,"Warnings":null}`), listVolumes,
		"list volumes: []"},
	{"volumes of something else", listsVolumes, answers("200 OK", "[]"), listVolumes,
		"list volumes: error: dockerapi: VolumeList: the answer: json: cannot unmarshal array into Go value of type struct { Volumes []dockerapi.Volume }"},
	{"times of another zone", inspects, answers("200 OK", `{"Name":"x","State":{"StartedAt":"2026-01-01T02:00:00.123456789+02:00","FinishedAt":"0001-01-01T00:00:00Z","OOMKilled":true,"Error":"no"}}`), examine,
		`examine: x, error "no", OOMKilled true, from 2026-01-01T02:00:00+02:00 to 0001-01-01T00:00:00Z, log `},
	{"times that are none", inspects, answers("200 OK", `{"State":{"StartedAt":"yesterday"}}`), examine,
		`examine: error: dockerapi: ContainerInspect: the answer: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`},

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
	pulls        = asks("POST /v1.41/images/create?fromImage=a%2Fb&tag=latest")
)

func wait(s *session)        { s.wait("x") }
func start(s *session)       { s.start("x") }
func inspect(s *session)     { s.inspect("x") }
func create(s *session)      { s.create("x", map[string]any{}) }
func examine(s *session)     { s.examine("x") }
func list(s *session)        { s.list("a=b") }
func listVolumes(s *session) { s.listVolumes("a=b") }
func pull(s *session)        { s.pull("a/b") }
func attach(s *session)      { s.read(s.attach("x", Streams{Stdout: true, Stderr: true})) }
func logs(s *session)        { s.read(s.logs("x", Streams{Stdout: true, Stderr: true})) }

func TestAnswers(t *testing.T) {
	for _, tt := range answerTests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, pinged+tt.asks+tt.answer, tt.do, "\n"+tt.want+"\n", 0, 1, 7)
		})
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
		{"answer", inspects, "< HTTP/1.1 200 OK\n< Content-Length: 104857600\n<\n< \"" + strings.Repeat("x", answerLen+1) + "\"\n", inspect,
			"inspect: error: dockerapi: ContainerInspect: the answer is longer than 64 MiB"},
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

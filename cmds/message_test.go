package cmds

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

// testMaxBody is -max-body in the tables.
const testMaxBody = 1 << 20

// understand is the way of a body to its command. A message that is understood is one by the schema, too.
func understand(body string) (c Command, err error) {
	m, err := Decode(wire.Delivery{Body: []byte(body)}, testMaxBody)
	if err == nil {
		err = c.Resolve(m, "here")
	}
	if err == nil {
		err = checkSchema([]byte(body))
	}
	return c, err
}

// attachBody is what an attach sets in the create body.
func attachBody(stdin, stdout, stderr bool, more map[string]any) map[string]any {
	body := map[string]any{"AttachStdin": stdin, "AttachStdout": stdout, "AttachStderr": stderr, "OpenStdin": stdin, "StdinOnce": stdin}
	for key, value := range more {
		body[key] = value
	}
	return body
}

func claimOf(c Claim) *Claim { return &c }

func TestUnderstand(t *testing.T) {
	outputs := dockerapi.Streams{Stdout: true, Stderr: true}
	for _, tt := range []struct {
		body string
		want Command // without what says of which message it is
	}{
		{`{"Dockercmd":"run","Options":{"Name":"hello_world","Attach":["STDOUT","STDERR"],"Remove":true},"Image":"debian:jessie","Cmd":["echo","hello world!"]}`,
			Command{Verb: "run", Container: "hello_world", Attach: outputs, Remove: true,
				Body: attachBody(false, true, true, map[string]any{"Image": "debian:jessie", "Cmd": []string{"echo", "hello world!"}})}},
		{`{"Dockercmd":"stop","Options":{"Time":5},"Container":"hello_world"}`,
			Command{Verb: "stop", Container: "hello_world", Query: map[string][]string{"t": {"5"}}, Body: map[string]any{}}},
		{`{"Dockercmd":"remove","Container":"hello_world"}`,
			Command{Verb: "remove", Container: "hello_world", Body: map[string]any{}}},
		{`{"Dockercmd":"rm","Container":"hello_world","Options":{"Volumes":true,"Force":false}}`,
			Command{Verb: "remove", Container: "hello_world", Query: map[string][]string{"v": {"1"}}, Body: map[string]any{}}},
		{" \t\r\n{ \"Dockercmd\" :\t\"stop\" ,\n\"Container\" : \"x1\" , \"Options\" : { \"Time\" : -1 } }\n ",
			Command{Verb: "stop", Container: "x1", Query: map[string][]string{"t": {"-1"}}, Body: map[string]any{}}},
		{`{"Container":"0123456789abcdef","Options":{"Time":0},"Dockercmd":"stop"}`,
			Command{Verb: "stop", Container: "0123456789abcdef", Query: map[string][]string{"t": {"0"}}, Body: map[string]any{}}},
		{`{"Dockercmd":"stop","Options":{"Time":2147483647},"Container":"a.b-c_D"}`,
			Command{Verb: "stop", Container: "a.b-c_D", Query: map[string][]string{"t": {"2147483647"}}, Body: map[string]any{}}},
		{stopThe + `"` + strings.Repeat("x", 255) + `"}`,
			Command{Verb: "stop", Container: strings.Repeat("x", 255), Body: map[string]any{}}},
		{`{"Dockercmd":"run","Image":"busybox"}`,
			Command{Verb: "run", Body: map[string]any{"Image": "busybox"}}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{}}`,
			Command{Verb: "run", Body: map[string]any{"Image": "busybox"}}},
		{`{"Dockercmd":"run","Image":"busybox","Cmd":[],"Options":{"Attach":[],"Entrypoint":[]}}`,
			Command{Verb: "run", Body: attachBody(false, false, false, map[string]any{"Image": "busybox", "Cmd": []string{}, "Entrypoint": []string{}})}},
		{`{"Dockercmd":"run","Image":"r.example:5000/a/b:1@sha256:0f","Options":{"Entrypoint": "/bin/sh -c"}}`,
			Command{Verb: "run", Body: map[string]any{"Image": "r.example:5000/a/b:1@sha256:0f", "Entrypoint": []string{"/bin/sh -c"}}}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Entrypoint":["/bin/sh","-c"]},"Cmd":["echo \"$0\"","ünï\u0000\n"]}`,
			Command{Verb: "run", Body: map[string]any{"Image": "busybox", "Entrypoint": []string{"/bin/sh", "-c"}, "Cmd": []string{`echo "$0"`, "ünï\x00\n"}}}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Remove":true}}`,
			Command{Verb: "run", Remove: true, Body: map[string]any{"Image": "busybox", "HostConfig": map[string]any{"AutoRemove": true}}}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["stdin","Stdout","StdErr","STDOUT"]},"Stdin":"a\nb"}`,
			Command{Verb: "run", Attach: dockerapi.Streams{Stdin: true, Stdout: true, Stderr: true}, Stdin: []byte("a\nb"),
				Body: attachBody(true, true, true, map[string]any{"Image": "busybox"})}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":"stderr"}}`,
			Command{Verb: "run", Attach: dockerapi.Streams{Stderr: true}, Body: attachBody(false, false, true, map[string]any{"Image": "busybox"})}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["STDIN"]},"StdinBase64":"AP9h"}`,
			Command{Verb: "run", Attach: dockerapi.Streams{Stdin: true}, Stdin: []byte("\x00\xffa"),
				Body: attachBody(true, false, false, map[string]any{"Image": "busybox"})}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["STDOUT"],"Timeout":1.5,"Claim":"never","Retries":90,"RetryOn":["exit",75,"engine"],"ExitCodes":{"75":"retry","0":"dead"}}}`,
			Command{Verb: "run", Attach: dockerapi.Streams{Stdout: true}, Timeout: 1500 * time.Millisecond, Claim: claimOf(ClaimNever), Retries: 90,
				RetryOn: retryOn{given: true, words: []string{"exit", "engine"}, codes: []int{75}}, ExitCodes: map[int]step{75: again, 0: bury},
				Body: attachBody(false, true, false, map[string]any{"Image": "busybox"})}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["STDIN"],"Timeout":31536000,"Claim":0,"Retries":0,"ExitCodes":{}}}`,
			Command{Verb: "run", Attach: dockerapi.Streams{Stdin: true}, Timeout: maxTimeout, Claim: claimOf(0), ExitCodes: map[int]step{},
				Body: attachBody(true, false, false, map[string]any{"Image": "busybox"})}},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Retries":3,"RetryOn":["engine"]}}`,
			Command{Verb: "run", Retries: 3, RetryOn: retryOn{given: true, words: []string{"engine"}}, Body: map[string]any{"Image": "busybox"}}},
		{`{"\u0044ockercmd":"stop","Container":"same\u005fkey"}`,
			Command{Verb: "stop", Container: "same_key", Body: map[string]any{}}},
	} {
		got, err := understand(tt.body)
		delete(got.Body, "Labels")
		delete(got.Body, "Env")
		got.Message, got.Dispatcher = identity{}, ""
		if tt.want.Query == nil {
			tt.want.Query = map[string][]string{}
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", tt.body, got, err, tt.want)
		}
	}
}

// A message must not leave anything behind for the next one.
func TestMessagesAreApart(t *testing.T) {
	for range 2 {
		if _, err := understand(`{"Dockercmd":"run","Image":"a","Options":{"Name":"aa","Remove":true,"Attach":["STDIN"]},"Stdin":"x"}`); err != nil {
			t.Fatal(err)
		}
		c, err := understand(`{"Dockercmd":"run","Image":"b"}`)
		delete(c.Body, "Labels")
		delete(c.Body, "Env")
		c.Message, c.Dispatcher = identity{}, ""
		want := Command{Verb: "run", Body: map[string]any{"Image": "b"}, Query: map[string][]string{}}
		if err != nil || !reflect.DeepEqual(c, want) {
			t.Errorf("got %+v, %v", c, err)
		}
	}
}

// seedRun, seedStop and seedRemove are the examples of the first docker-dispatch's README, whose keys have no quotes.
const (
	seedRun = `{
  Dockercmd: "run",
  Options: {
    Name: "hello_world",
    Attach: ["STDOUT", "STDERR"],
    Remove: true
  },
  Image: "debian:jessie"
  Cmd: ["echo", "hello world!"]
}
`
	seedStop = `{
  Dockercmd: "stop",
  Options: {
    Time: 5
  },
  Container: "hello_world"
}
`
	seedRemove = `{
  Dockercmd: "remove",
  Container: "hello_world"
}
`
)

const (
	runWith     = `{"Dockercmd":"run","Image":"busybox","Options":`
	stopThe     = `{"Dockercmd":"stop","Container":`
	needQuotes  = ` (keys need double quotes: {"Dockercmd": "run"})`
	notATimeout = `: not a time in seconds (more than 0, without quotes)`
	notRetries  = `: not a number of retries (0 to 90, without quotes)`
	notRetryOn  = `: not a list of exit codes (1 to 255) and of "exit", "timeout", "interrupted", "engine"`
	nobodyWaits = `: nobody waits for the container's exit; add "STDOUT" or "STDERR" to Options.Attach`
	notAName    = `: not a container name or id (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`
)

var badMessages = []struct{ name, body, want string }{
	// what is not JSON
	{"first README, run", seedRun, `not JSON: line 2, column 3: invalid character 'D' looking for beginning of object key string` + needQuotes},
	{"first README, stop", seedStop, `not JSON: line 2, column 3: invalid character 'D' looking for beginning of object key string` + needQuotes},
	{"first README, remove", seedRemove, `not JSON: line 2, column 3: invalid character 'D' looking for beginning of object key string` + needQuotes},
	{"quoted keys, missing comma", "{\n  \"Dockercmd\": \"run\",\n  \"Image\": \"debian:jessie\"\n  \"Cmd\": [\"echo\"]\n}", `not JSON: line 4, column 3: invalid character '"' after object key:value pair (a comma missing?)`},
	{"missing comma in a list", `{"Dockercmd":"run","Image":"busybox","Cmd":["a" "b"]}`, `not JSON: line 1, column 49: invalid character '"' after array element (a comma missing?)`},
	{"comma too many", `{"Dockercmd":"run","Image":"busybox",}`, `not JSON: line 1, column 38: invalid character '}' looking for beginning of object key string (a comma too many?)`},
	{"single quotes", `{'Dockercmd':'run'}`, `not JSON: line 1, column 2: invalid character '\'' looking for beginning of object key string` + needQuotes},
	{"unclosed brace", "{\"Dockercmd\":\"run\",\n\"Image\":\"busybox\"", `not JSON: line 2, column 18: it ends too early; a brace, bracket or quote is not closed`},
	{"unclosed bracket", `{"Dockercmd":"run","Cmd":["a"`, `not JSON: line 1, column 30: it ends too early; a brace, bracket or quote is not closed`},
	{"unclosed quote", `{"Dockercmd":"ru`, `not JSON: line 1, column 17: it ends too early; a brace, bracket or quote is not closed`},
	{"empty", ``, `not JSON: the message is empty`},
	{"blank", " \n\t", `not JSON: the message is empty`},
	{"text", `hello`, `not JSON: line 1, column 1: invalid character 'h' looking for beginning of value`},
	{"shell", "docker run \x1b[31mx", `not JSON: line 1, column 1: invalid character 'd' looking for beginning of value`},
	{"newline in a string", "{\"Dockercmd\":\"run\nx\"}", `not JSON: line 1, column 18: invalid character '\n' in string literal`},
	{"NUL", "{\"Dockercmd\":\"stop\",\x00\"Container\":\"x\"}", `not JSON: line 1, column 21: invalid character '\x00' looking for beginning of object key string` + needQuotes},
	{"byte order mark", "\ufeff" + stopThe + `"xx"}`, `not JSON: it begins with a byte order mark, which JSON does not allow`},
	{"UTF-16", "{\x00\"\x00", `not JSON: line 1, column 2: invalid character '\x00' looking for beginning of object key string` + needQuotes},
	{"invalid UTF-8", "{\"Dockercmd\":\"run\",\n\"Image\":\"b\xffd\"}", `not UTF-8: line 2, column 11: byte 0xff`},
	{"cut UTF-8 at the end", stopThe + "\"x\xe2\x82", `not UTF-8: line 1, column 35: byte 0xe2`},
	{"surrogate as UTF-8", stopThe + "\"\xed\xa0\x80\"}", `not UTF-8: line 1, column 34: byte 0xed`},
	{"nesting without end", strings.Repeat("[", 100_000), `not JSON: line 1, column 10001: invalid character '[' exceeded max depth`},
	{"nesting of objects", stopThe + strings.Repeat(`{"a":`, 100_000), `not JSON: line 1, column 50028: invalid character '{' exceeded max depth`},
	{"over max-body", stopThe + `"` + strings.Repeat("x", testMaxBody) + `"}`, `the message has 1048611 bytes; -max-body allows 1048576`},
	// more than one object, or none
	{"two objects", stopThe + `"xx"}` + "\n" + stopThe + `"yy"}`, `line 2, column 1: something follows the JSON object; one message is one object`},
	{"garbage behind", stopThe + `"xx"} x`, `line 1, column 39: something follows the JSON object; one message is one object`},
	{"brace behind", stopThe + `"xx"}}`, `line 1, column 38: something follows the JSON object; one message is one object`},
	{"list", `[` + stopThe + `"xx"}]`, `[{"Dockercmd":"stop","Container":"xx"}]: not an object, {…}`},
	{"null", `null`, `null: not an object, {…}`},
	{"number", ` 1`, `1: not an object, {…}`},
	{"string", `"run"`, `"run": not an object, {…}`},
	{"empty object", `{}`, `Dockercmd: every message needs it: run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect`},
	// keys
	{"no command", `{"Image":"busybox"}`, `Dockercmd: every message needs it: run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect`},
	{"empty command", `{"Dockercmd":""}`, `Dockercmd: every message needs it: run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect`},
	{"unknown command", `{"Dockercmd":"plugin","Container":"xx"}`, `Dockercmd: "plugin": unknown command (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`},
	{"command near a known one", `{"Dockercmd":"rum","Image":"busybox"}`, `Dockercmd: "rum": unknown command; did you mean run? (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`},
	{"command in capitals", `{"Dockercmd":"RUN","Image":"busybox"}`, `Dockercmd: "RUN": unknown command; did you mean run? (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`},
	{"command of a wrong type", `{"Dockercmd":["run"]}`, `Dockercmd: ["run"]: not a string`},
	{"command null", `{"Dockercmd":null}`, `Dockercmd: null: not a string`},
	{"command that forges lines", `{"Dockercmd":"run\n= exited 0\u202e"}`, `Dockercmd: "run\n= exited 0\u202e": unknown command (there are run, create, start, stop, restart, kill, pause, unpause, remove, wait, exec, logs, inspect, rename, update, pull, ps, cp, rmi, volume create, volume rm, network create, network rm, network connect, network disconnect)`},
	{"key in lower case", `{"dockercmd":"run","Image":"busybox"}`, `dockercmd: unknown key; did you mean Dockercmd?`},
	{"unknown key", `{"Dockercmd":"run","Image":"busybox","Whatever":1}`, `Whatever: unknown key of run`},
	{"key near a known one", `{"Dockercmd":"run","image":"busybox"}`, `image: unknown key of run; did you mean Image?`},
	{"key that forges", `{"Dockercmd":"run","Image":"busybox","a\n= exited 0":1}`, `"a\n= exited 0": unknown key of run`},
	{"endless key", `{"Dockercmd":"run","Image":"busybox","` + strings.Repeat("k", 1000) + `":1}`, `"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk…: unknown key of run`},
	{"empty key", `{"Dockercmd":"run","Image":"busybox","":1}`, `"": unknown key of run`},
	{"key of another command", `{"Dockercmd":"run","Image":"busybox","Container":"xx"}`, `Container: no key of run, but of start, stop, restart, kill and others`},
	{"key of another command", `{"Dockercmd":"stop","Container":"xx","Image":"busybox"}`, `Image: no key of stop, but of run, create, inspect, pull and others`},
	{"option at the top", `{"Dockercmd":"run","Image":"busybox","Name":"xx"}`, `Name: it belongs into Options`},
	{"unknown option", runWith + `{"Atach":["STDOUT"]}}`, `Options.Atach: unknown option of run; did you mean Attach?`},
	{"option of another command", `{"Dockercmd":"remove","Container":"xx","Options":{"Time":1}}`, `Options.Time: no option of remove, but of stop and restart`},
	{"option of another command", runWith + `{"Force":true}}`, `Options.Force: no option of run, but of remove, rmi, volume rm, network rm and others`},
	{"key twice", stopThe + `"xx","Container":"yy"}`, `Container: given twice`},
	{"key twice, once escaped", stopThe + `"xx","\u0043ontainer":"yy"}`, `Container: given twice`},
	{"command twice", `{"Dockercmd":"stop","Dockercmd":"run","Image":"busybox"}`, `Dockercmd: given twice`},
	{"option twice", runWith + `{"Name":"xx","Remove":true,"Name":"xx"}}`, `Options.Name: given twice`},
	{"options twice", runWith + `{},"Options":{}}`, `Options: given twice`},
	{"no image", `{"Dockercmd":"run"}`, `Image: run needs it`},
	{"no container", `{"Dockercmd":"rm"}`, `Container: remove needs it`},
	// values
	{"options null", runWith + `null}`, `Options: ***: not an object, {…}`},
	{"options a list", runWith + `[]}`, `Options: ***: not an object, {…}`},
	{"options a list with a newline", runWith + "[\n1]}", `Options: ***: not an object, {…}`},
	{"image empty", `{"Dockercmd":"run","Image":""}`, `Image: "": not an image (try "debian:jessie")`},
	{"image null", `{"Dockercmd":"run","Image":null}`, `Image: null: not a string`},
	{"image with a blank", `{"Dockercmd":"run","Image":"a b"}`, `Image: "a b": not an image (try "debian:jessie")`},
	{"image with a newline", `{"Dockercmd":"run","Image":"a\nb"}`, `Image: "a\nb": not an image (try "debian:jessie")`},
	{"container empty", stopThe + `""}`, `Container: ""` + notAName},
	{"container null", stopThe + `null}`, `Container: null: not a string`},
	{"container a number", stopThe + `12}`, `Container: 12: not a string`},
	{"container a letter", stopThe + `"x"}`, `Container: "x"` + notAName},
	{"container climbs", stopThe + `"../x"}`, `Container: "../x"` + notAName},
	{"container is a path", stopThe + `"x/json"}`, `Container: "x/json"` + notAName},
	{"container with a query", stopThe + `"aa?b=c"}`, `Container: "aa?b=c"` + notAName},
	{"container with an escape", stopThe + `"aa%2e"}`, `Container: "aa%2e"` + notAName},
	{"container with a fragment", stopThe + `"aa#b"}`, `Container: "aa#b"` + notAName},
	{"container with NUL", stopThe + `"aa\u0000"}`, `Container: "aa\u0000"` + notAName},
	{"container with a newline", stopThe + `"aa\r\nX: y"}`, `Container: "aa\r\nX: y"` + notAName},
	{"container with a dot first", stopThe + `".."}`, `Container: ".."` + notAName},
	{"container not ASCII", stopThe + `"käse"}`, `Container: "käse"` + notAName},
	{"container long and bad", stopThe + `"` + strings.Repeat("ä", 100) + `"}`, `Container: "äääääääääääääääääääääääääääääääääääääää…` + notAName},
	{"container too long", stopThe + `"` + strings.Repeat("x", 256) + `"}`, `Container: "` + strings.Repeat("x", 79) + `…` + notAName},
	{"image too long", `{"Dockercmd":"run","Image":"` + strings.Repeat("x", 1025) + `"}`, `Image: "` + strings.Repeat("x", 79) + `…: not an image (try "debian:jessie")`},
	{"name bad", runWith + `{"Name":"/hello"}}`, `Options.Name: "/hello": not a container name (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{"name empty", runWith + `{"Name":""}}`, `Options.Name: "": not a container name (two or more of a-z A-Z 0-9 _ . -, the first a letter or digit)`},
	{"name not a string", runWith + `{"Name":true}}`, `Options.Name: true: not a string`},
	{"command line a string", `{"Dockercmd":"run","Image":"busybox","Cmd":"echo hello"}`, `Cmd: "echo hello": not a list of strings (exec form: ["executable","param1"])`},
	{"command line null", `{"Dockercmd":"run","Image":"busybox","Cmd":null}`, `Cmd: null: not a list of strings (exec form: ["executable","param1"])`},
	{"null in the command line", `{"Dockercmd":"run","Image":"busybox","Cmd":["a",null]}`, `Cmd: ["a",null]: not a list of strings (exec form: ["executable","param1"])`},
	{"number in the command line", `{"Dockercmd":"run","Image":"busybox","Cmd":["sleep",5]}`, `Cmd: ["sleep",5]: not a list of strings (exec form: ["executable","param1"])`},
	{"entrypoint null", runWith + `{"Entrypoint":null}}`, `Options.Entrypoint: null: not a string or a list of strings (["executable","param1"])`},
	{"entrypoint a number", runWith + `{"Entrypoint":1}}`, `Options.Entrypoint: 1: not a string or a list of strings (["executable","param1"])`},
	{"null in the entrypoint", runWith + `{"Entrypoint":[null]}}`, `Options.Entrypoint: [null]: not a list of strings (exec form: ["executable","param1"])`},
	{"attach a number", runWith + `{"Attach":1}}`, `Options.Attach: 1: not a list of "STDIN", "STDOUT", "STDERR"`},
	{"attach with a long s", runWith + `{"Attach":"ſtdout"}}`, `Options.Attach: "ſtdout": not a list of "STDIN", "STDOUT", "STDERR"`},
	{"attach unknown", runWith + `{"Attach":["STDOUT","STDLOG"]}}`, `Options.Attach: ["STDOUT","STDLOG"]: not a list of "STDIN", "STDOUT", "STDERR"`},
	{"null in attach", runWith + `{"Attach":[null]}}`, `Options.Attach: [null]: not a list of "STDIN", "STDOUT", "STDERR"`},
	{"remove a string", runWith + `{"Remove":"true"}}`, `Options.Remove: "true": not true or false, without quotes`},
	{"remove null", runWith + `{"Remove":null}}`, `Options.Remove: null: not true or false, without quotes`},
	{"remove a number", runWith + `{"Remove":1}}`, `Options.Remove: 1: not true or false, without quotes`},
	{"time a string", stopThe + `"xx","Options":{"Time":"5"}}`, `Options.Time: "5": not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"time a fraction", stopThe + `"xx","Options":{"Time":0.5}}`, `Options.Time: 0.5: not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"time negative", stopThe + `"xx","Options":{"Time":-2}}`, `Options.Time: -2: not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"time too long", stopThe + `"xx","Options":{"Time":2147483648}}`, `Options.Time: 2147483648: not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"time null", stopThe + `"xx","Options":{"Time":null}}`, `Options.Time: null: not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"time injects", stopThe + `"xx","Options":{"Time":"1&signal=KILL"}}`, `Options.Time: "1&signal=KILL": not a number of seconds (a whole number, without quotes; 0 is at once, -1 for ever)`},
	{"stdin not attached", runWith + `{"Attach":["STDOUT"]},"Stdin":"x"}`, `Stdin: nobody would read it; add "STDIN" to Options.Attach`},
	{"stdin detached", `{"Dockercmd":"run","Image":"busybox","StdinBase64":""}`, `StdinBase64: nobody would read it; add "STDIN" to Options.Attach`},
	{"both stdins", runWith + `{"Attach":["STDIN"]},"Stdin":"x","StdinBase64":"eA=="}`, `StdinBase64: given together with Stdin; one of them is enough`},
	{"stdin a list", runWith + `{"Attach":["STDIN"]},"Stdin":["x"]}`, `Stdin: ***: not a string`},
	{"not base64", runWith + `{"Attach":["STDIN"]},"StdinBase64":"a b"}`, `StdinBase64: ***: not base64 (the standard alphabet, with padding)`},
	{"base64 without padding", runWith + `{"Attach":["STDIN"]},"StdinBase64":"eA"}`, `StdinBase64: ***: not base64 (the standard alphabet, with padding)`},
	{"timeout a string", runWith + `{"Attach":["STDOUT"],"Timeout":"5"}}`, `Options.Timeout: "5"` + notATimeout},
	{"timeout of nothing", runWith + `{"Attach":["STDOUT"],"Timeout":0}}`, `Options.Timeout: 0` + notATimeout},
	{"timeout negative", runWith + `{"Attach":["STDOUT"],"Timeout":-1}}`, `Options.Timeout: -1` + notATimeout},
	{"timeout without end", runWith + `{"Attach":["STDOUT"],"Timeout":1e300}}`, `Options.Timeout: 1e300` + notATimeout},
	{"timeout beyond numbers", runWith + `{"Attach":["STDOUT"],"Timeout":1e999}}`, `Options.Timeout: 1e999` + notATimeout},
	{"timeout null", runWith + `{"Attach":["STDOUT"],"Timeout":null}}`, `Options.Timeout: null` + notATimeout},
	{"two times of a stop", stopThe + `"xx","Options":{"Time":5,"Timeout":5}}`, `Options.Time: given together with Timeout, which it is another name of`},
	{"timeout detached", runWith + `{"Timeout":5}}`, `Options.Timeout` + nobodyWaits},
	{"claim a number", runWith + `{"Attach":["STDOUT"],"Claim":10}}`, `Options.Claim: 10: not a time with its unit ("10s"), "0" or "never"`},
	{"claim without a unit", runWith + `{"Attach":["STDOUT"],"Claim":"10"}}`, `Options.Claim: "10": not a time with its unit ("10s"), "0" or "never"`},
	{"claim negative", runWith + `{"Attach":["STDOUT"],"Claim":"-1s"}}`, `Options.Claim: "-1s": not a time with its unit ("10s"), "0" or "never"`},
	{"claim in capitals", runWith + `{"Attach":["STDOUT"],"Claim":"NEVER"}}`, `Options.Claim: "NEVER": not a time with its unit ("10s"), "0" or "never"`},
	{"claim null", runWith + `{"Attach":["STDOUT"],"Claim":null}}`, `Options.Claim: null: not a time with its unit ("10s"), "0" or "never"`},
	{"claim a list", runWith + `{"Attach":["STDOUT"],"Claim":["10s"]}}`, `Options.Claim: ["10s"]: not a time with its unit ("10s"), "0" or "never"`},
	{"claim injects", runWith + `{"Attach":["STDOUT"],"Claim":"1s\n= exited 0"}}`, `Options.Claim: "1s\n= exited 0": not a time with its unit ("10s"), "0" or "never"`},
	{"claim detached", runWith + `{"Claim":"never"}}`, `Options.Claim` + nobodyWaits},
	{"retries a string", runWith + `{"Attach":["STDOUT"],"Retries":"3"}}`, `Options.Retries: "3"` + notRetries},
	{"retries negative", runWith + `{"Attach":["STDOUT"],"Retries":-1}}`, `Options.Retries: -1` + notRetries},
	{"retries without end", runWith + `{"Attach":["STDOUT"],"Retries":91}}`, `Options.Retries: 91` + notRetries},
	{"retries a fraction", runWith + `{"Attach":["STDOUT"],"Retries":1.5}}`, `Options.Retries: 1.5` + notRetries},
	{"retries null", runWith + `{"Attach":["STDOUT"],"Retries":null}}`, `Options.Retries: null` + notRetries},
	{"retries detached", runWith + `{"Retries":1}}`, `Options.Retries` + nobodyWaits + `, or set Options.RetryOn to ["engine"]`},
	{"retries detached, on more", runWith + `{"Retries":1,"RetryOn":["engine","exit"]}}`, `Options.Retries` + nobodyWaits + `, or set Options.RetryOn to ["engine"]`},
	{"retries detached, on a code", runWith + `{"Retries":1,"RetryOn":["engine",75]}}`, `Options.Retries` + nobodyWaits + `, or set Options.RetryOn to ["engine"]`},
	{"retry on a word", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":"exit"}}`, `Options.RetryOn: "exit"` + notRetryOn},
	{"retry on another word", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":["exit","crash"]}}`, `Options.RetryOn: ["exit","crash"]` + notRetryOn},
	{"retry on capitals", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":["EXIT"]}}`, `Options.RetryOn: ["EXIT"]` + notRetryOn},
	{"retry on success", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":[0]}}`, `Options.RetryOn: [0]` + notRetryOn},
	{"retry on a code that is none", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":[256]}}`, `Options.RetryOn: [256]` + notRetryOn},
	{"retry on a fraction", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":[1.5]}}`, `Options.RetryOn: [1.5]` + notRetryOn},
	{"retry on a code in quotes", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":["75"]}}`, `Options.RetryOn: ["75"]` + notRetryOn},
	{"retry on null", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":null}}`, `Options.RetryOn: null` + notRetryOn},
	{"retry on a null in it", runWith + `{"Attach":["STDOUT"],"Retries":1,"RetryOn":[null]}}`, `Options.RetryOn: [null]` + notRetryOn},
	{"retry on, never", runWith + `{"Attach":["STDOUT"],"RetryOn":["exit"]}}`, `Options.RetryOn: it needs Options.Retries, which says how often`},
	{"retry on nothing, never", runWith + `{"Attach":["STDOUT"],"Retries":0,"RetryOn":[]}}`, `Options.RetryOn: it needs Options.Retries, which says how often`},
	{"codes a list", runWith + `{"Attach":["STDOUT"],"ExitCodes":[75]}}`, `Options.ExitCodes: [75]: not exit codes and what to do ({"75": "retry", "64": "dead"})`},
	{"codes null", runWith + `{"Attach":["STDOUT"],"ExitCodes":null}}`, `Options.ExitCodes: null: not exit codes and what to do ({"75": "retry", "64": "dead"})`},
	{"a code that is none", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"256":"dead"}}}`, `Options.ExitCodes.256: not an exit code (0 to 255)`},
	{"a code that is negative", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"-1":"dead"}}}`, `Options.ExitCodes."-1": not an exit code (0 to 255)`},
	{"a code with a plus", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"+1":"dead"}}}`, `Options.ExitCodes."+1": not an exit code (0 to 255)`},
	{"a code in octal", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"01":"dead"}}}`, `Options.ExitCodes.01: not an exit code (0 to 255)`},
	{"a code that is a word", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"a\nb":"dead"}}}`, `Options.ExitCodes."a\nb": not an exit code (0 to 255)`},
	{"a code and another word", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"75":"again"}}}`, `Options.ExitCodes.75: "again": neither "retry" nor "dead"`},
	{"a code and no word", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"75":true}}}`, `Options.ExitCodes.75: true: not a string`},
	{"a code to retry, never", runWith + `{"Attach":["STDOUT"],"ExitCodes":{"64":"dead","75":"retry"}}}`, `Options.ExitCodes: "retry" needs Options.Retries, which says how often`},
	{"codes detached", runWith + `{"ExitCodes":{"64":"dead"}}}`, `Options.ExitCodes` + nobodyWaits},
	{"base64 of URLs", runWith + `{"Attach":["STDIN"]},"StdinBase64":"_-8="}`, `StdinBase64: ***: not base64 (the standard alphabet, with padding)`},
	{"long base64 that is none", runWith + `{"Attach":["STDIN"]},"StdinBase64":"` + strings.Repeat("AAAA", 1000) + `="}`, `StdinBase64: ***: not base64 (the standard alphabet, with padding)`},
}

func TestBadMessages(t *testing.T) {
	for _, tt := range badMessages {
		_, err := understand(tt.body)
		var bad *Invalid
		if !errors.As(err, &bad) || err.Error() != tt.want {
			t.Errorf("%s: %.200q\ngot  %v\nwant %s", tt.name, tt.body, err, tt.want)
		}
	}
}

// errorLen bounds the text of an Invalid: a key of 80 bytes, a value of 80 runes as escapes, and our words.
const errorLen = 1200

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"Dockercmd":"run","Options":{"Name":"hello_world","Attach":["STDIN"],"Remove":true},"Image":"debian:jessie","Stdin":"x"}`))
	f.Add([]byte("{\"Options\":[\n1],\"Dockercmd\":\"run\"}"))
	for _, c := range oracleCases {
		if _, flags := splitCase(c); len(flags) > 0 {
			f.Add([]byte(messageOf(f, flags)))
		}
	}
	f.Add([]byte("\n\n[1]"))
	for _, tt := range badMessages {
		if len(tt.body) < 1000 {
			f.Add([]byte(tt.body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := understand(string(body))
		if err == nil {
			if !json.Valid(body) || !utf8.Valid(body) {
				t.Errorf("%q is understood", body)
			}
			return
		}
		var bad *Invalid
		if !errors.As(err, &bad) {
			t.Fatalf("%q: %T %v", body, err, err)
		}
		if text := err.Error(); len(text) > errorLen || text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, deceptive) {
			t.Errorf("%q: the error is not one bounded line of plain text: %q", body, text)
		}
	})
}

// A guess costs little, whatever is guessed at.
func TestGuess(t *testing.T) {
	known := []string{"Name", "Entrypoint", "Attach", "Remove"}
	for _, tt := range []struct{ word, want string }{
		{"Atach", "; did you mean Attach?"},
		{"attach", "; did you mean Attach?"},
		{"ENTRYPOINT", "; did you mean Entrypoint?"},
		{"Nam", "; did you mean Name?"},
		{"Rmove", "; did you mean Remove?"},
		{"", ""},
		{"x", ""},
		{"Volumes", ""},
		{strings.Repeat("Name", 1<<20), ""},
	} {
		if got := guess(tt.word, known); got != tt.want {
			t.Errorf("guess(%.20q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

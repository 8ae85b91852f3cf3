package cmds

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"docker-dispatch/dockerapi"
)

// The programs of the tests' images.
var (
	sayHello program = func(c *container) int {
		c.print(dockerapi.Stdout, "hello world!\n")
		c.print(dockerapi.Stderr, "warning\n")
		c.print(dockerapi.Stdout, "bye")
		return 3
	}
	sleepOn program = func(c *container) int { <-c.killed; return 0 }
)

// attached is a run of image as hello.
func attached(image string) string {
	return fmt.Sprintf(`{"Dockercmd":"run","Options":{"Name":"hello","Attach":["STDOUT","STDERR"],"Remove":true},"Image":%q}`, image)
}

const (
	helloOutput = "hello                | hello world!\nhello                | warning\nhello                | bye\n"
	helloAll    = helloOutput + "hello                = exited 3 in T\nm: ack\n"
	helloAgain  = "hello                ~ found again; its output from the beginning\n" + helloAll
	helloCalls  = "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200, ContainerDelete 204"
	wellCalls   = "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerDelete 204" // of a run that exits with 0
	foundCalls  = "ContainerList 200, ContainerInspect 200, "                                                            // of what looks for the record of a message, and finds it

	// againCalls go on with a run that was found. It counts as a trial while it is in work, and may have been claimed.
	againCalls = foundCalls + "VolumeList 200, VolumeCreate 201, ContainerLogs 200, ContainerWait 200, ContainerInspect 200, ContainerLogs 200, VolumeDelete 204, VolumeDelete 404, ContainerDelete 204"
)

func TestHostRun(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	for range 2 {
		s.give("m", attached("hello"))
		s.ends(t, helloAll, helloCalls)
	}
	if left := len(s.all()) + len(s.host.runs); left != 0 {
		t.Errorf("%d containers and runs are left", left)
	}
}

func TestHostKeepsContainer(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.give("m", strings.Replace(attached("hello"), `"Remove":true`, `"Remove":false`, 1))
	s.ends(t, helloAll, "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200")
	if s.all()[0].is() != "exited" || len(s.host.runs) != 0 {
		t.Error("the container is not there, or the run is")
	}
	s.give("n", `{"Dockercmd":"remove","Container":"hello"}`)
	s.ends(t, "hello                = removed\nn: ack\n", "ContainerDelete 204")
}

func TestHostDetached(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": sleepOn})
	s.give("m", `{"Dockercmd":"run","Image":"sleep","Options":{"Name":"bg","Remove":true}}`)
	s.ends(t, "bg                   = started db0000000000\nm: ack\n", "ContainerCreate 201, ContainerStart 204")
	s.give("n", `{"Dockercmd":"stop","Container":"bg","Options":{"Time":0}}`)
	s.ends(t, "bg                   = stopped\nn: ack\n", "ContainerStop 204")
	until(t, "the Engine removes it", func() bool { return len(s.all()) == 0 })
}

func TestHostNameless(t *testing.T) {
	s := newStage(t, map[string]program{"sleep": sleepOn, "hello": sayHello})
	s.give("m", `{"Dockercmd":"run","Image":"sleep"}`)
	s.ends(t, "db0000000000         = started db0000000000\nm: ack\n", "ContainerCreate 201, ContainerStart 204")
	if got, want := s.all()[0].name, "docker-dispatch-378208d520d721c1c1a5"; got != want { // of SHA-256("jobs\x00m")
		t.Errorf("the name is %s, want %s", got, want)
	}
	s.give("", `{"Dockercmd":"run","Image":"hello","Options":{"Attach":["STDERR"]}}`)
	s.give("", `{"Dockercmd":"run","Image":"hello","Options":{"Attach":["STDERR"]}}`)
	s.Wait()
	if names := []string{s.all()[1].name, s.all()[2].name}; names[0] == names[1] {
		t.Errorf("names %q", names)
	}
}

func TestHostStdin(t *testing.T) {
	s := newStage(t, map[string]program{"cat": func(c *container) int {
		text, err := io.ReadAll(c.stdin)
		c.print(dockerapi.Stdout, fmt.Sprint(len(text), " bytes, ", err))
		return 0
	}, "deaf": func(*container) int { return 0 }})
	run := `{"Dockercmd":"run","Image":"%s","Options":{"Name":"cat","Attach":["STDIN","STDOUT"],"Remove":true},"Stdin":"%s"}`
	s.give("m", fmt.Sprintf(run, "cat", long))
	s.ends(t, fmt.Sprintf("cat                  | %d bytes, <nil>\ncat                  = exited 0 in T\nm: ack\n", len(long)), wellCalls)
	s.give("m", fmt.Sprintf(run, "deaf", long)) // an Engine cuts an attach that has input left
	s.ends(t, "cat                  = exited 0 in T\nm: ack\n", "")
}

func TestHostRefusals(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello, "sleep": sleepOn})
	for _, tt := range []struct {
		name  string
		bends map[string]bend
		body  string
		out   string
		calls string
	}{
		{"no such command", map[string]bend{"start": refusing(400, `exec: "nope": executable file not found in $PATH`)}, attached("hello"),
			`hello                = error: exec: "nope": executable file not found in $PATH` + "\nm: ack\n",
			"ContainerCreate 201, ContainerAttach 101, ContainerStart 400, ContainerDelete 204"},
		{"create refused", map[string]bend{"create": refusing(400, "invalid\nreference format")}, attached("hello"),
			`hello                = error: invalid\nreference format` + "\nm: ack\n", "ContainerCreate 400"},
		{"a fault of the Engine that is there", map[string]bend{"create": refusing(500, "no space left on device")}, attached("hello"),
			"hello                = error: no space left on device\nm: ack\n", "ContainerCreate 500"},
		{"stop finds none", nil, `{"Dockercmd":"stop","Container":"nope"}`, "nope                 = error: no such container: nope\nm: ack\n", "ContainerStop 404"},
		{"remove finds none", nil, `{"Dockercmd":"remove","Container":"nope"}`, "nope                 = error: no such container: nope\nm: ack\n", "ContainerDelete 404"},
		{"pull refused", map[string]bend{"pull": refusing(404, "pull access denied for none")}, attached("none"),
			"hello                = error: pull access denied for none\nm: ack\n", "ContainerCreate 404, ImageCreate 404"},
		{"pull fails under way", map[string]bend{"pull": func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			fmt.Fprintln(w, `{"status":"Pulling"}`)
			fmt.Fprintln(w, `{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}`)
		}}, attached("none"), "hello                = error: manifest unknown\nm: ack\n", "ContainerCreate 404, ImageCreate 200"},
		{"missing after the pull", map[string]bend{"pull": func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {}}, attached("none"),
			"hello                = error: No such image: none\nm: ack\n", "ContainerCreate 404, ImageCreate 200, ContainerCreate 404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for operation, how := range tt.bends {
				s.bend(operation, how)
			}
			s.give("m", tt.body)
			s.ends(t, tt.out, tt.calls)
			if left := len(s.all()) + len(s.host.runs); left != 0 {
				t.Errorf("%d containers and runs are left", left)
			}
		})
	}
}

func TestHostStartCode(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	for _, tt := range []struct {
		operation string
		how       bend
		want      int
	}{
		{"create", refusing(400, "executable file not found"), 125},
		{"start", refusing(400, "executable file not found"), 127},
		{"start", refusing(400, "permission denied"), 126},
		{"start", refusing(500, "driver failed"), 125},
	} {
		s.bend(tt.operation, tt.how)
		c, err := understand(attached("hello"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.host.Do(behalf{verb: "run"}.on(t.Context()), &c, &Streams{printer: s.Printer})
		if err == nil || res.ExitCode == nil || *res.ExitCode != tt.want {
			t.Errorf("%s: %+v, %v; want exit code %d", tt.operation, res, err, tt.want)
		}
		if res.record != nil {
			res.record.destroy(t.Context())
		}
	}
}

// Several messages that miss one image share one pull.
func TestHostSharesPull(t *testing.T) {
	const runs = 5
	s := newStage(t, map[string]program{"remote/far:latest": sleepOn, "remote/far:1": sleepOn})
	for _, image := range []string{"far:1", "far:latest"} {
		s.bend("pull", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			until(t, "all others wait for the pull", func() bool { return selecting("cmds.(*Host).pull(") == runs-1 })
			answer(w, r)
		})
		for i := range runs {
			s.give(fmt.Sprint(image, i), fmt.Sprintf(`{"Dockercmd":"run","Image":%q,"Options":{"Name":"x%d%s"}}`, image, i, image[4:]))
		}
		s.Wait()
		calls := s.calls.take()
		if strings.Count(calls, "ImageCreate") != 1 || strings.Count(calls, "ContainerStart 204") != runs {
			t.Errorf("calls\n%s\nprinted\n%s", calls, s.out.take())
		}
	}
}

// selecting counts the goroutines that wait in a select of that function.
func selecting(function string) (n int) {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		state, frames, _ := strings.Cut(stack, "\n")
		top, _, _ := strings.Cut(frames, "\n")
		if strings.Contains(state, "[select") && strings.Contains(top, function) {
			n++
		}
	}
	return n
}

func TestHostReady(t *testing.T) {
	s := newStage(t, nil)
	const want = "dockerapi: the Engine speaks API 1.40 at most; 1.41 (Engine 20.10) is the oldest that works"
	s.bend("ping", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Api-Version", "1.40")
	})
	if err := s.host.Ready(t.Context()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := s.host.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

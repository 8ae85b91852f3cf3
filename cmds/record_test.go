package cmds

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"docker-dispatch/dockerapi"
)

// readAll is a program that says how much standard input it got.
var readAll program = func(c *container) int {
	input, err := io.ReadAll(c.stdin)
	c.print(dockerapi.Stdout, fmt.Sprintf("%d bytes, %v\n", len(input), err))
	return 0
}

// fed is a run of readAll as hello.
func fed(input string) string {
	return fmt.Sprintf(`{"Dockercmd":"run","Image":"cat","Options":{"Name":"hello","Attach":["STDIN","STDOUT"],"Remove":true},"Stdin":%q}`, input)
}

// A message that comes again, or meets a name in use, finds its container in whatever state, under whatever name.
func TestRecord(t *testing.T) {
	const inUse = "hello                = error: Conflict. The container name \"/hello\" is already in use by container \"db00000000000000000000000000000000000000000000000000000000000001\".\nm: ack\n"
	reused := func(body string) string {
		const problem = `its message_id, "m", is that of a message with another body; give each message an id of its own`
		return "hello                = error: " + problem + "\npublished: jobs.dead m in 0s map[docker-dispatch-queue:jobs docker-dispatch-reason:" + problem + "] " + body + "\nm: ack\n"
	}
	const started = "ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200, ContainerDelete 204"
	finish := func(_ *testing.T, s *stage, c *container) { s.run(c); <-c.exited }
	relabel := func(label, value string) func(*testing.T, *stage, *container) {
		return func(t *testing.T, s *stage, c *container) { c.labels[label] = value; finish(t, s, c) }
	}
	for _, tt := range []struct {
		name  string
		id    string // of the message
		made  string // the body of the message that the container was made for
		bend  func(t *testing.T, s *stage, c *container)
		body  string // of the message that comes
		out   string
		calls string // of one that comes redelivered
		left  int
	}{
		{"never started", "m", attached("hello"), nil, attached("hello"), helloAll, foundCalls + started, 0},
		{"never started, with input", "m", fed("abc"), nil, fed("abc"),
			"hello                | 3 bytes, <nil>\nhello                = exited 0 in T\nm: ack\n", foundCalls + "ContainerDelete 204, VolumeDelete 404, " + wellCalls, 0},
		{"exited", "m", attached("hello"), finish, attached("hello"), helloAgain, againCalls, 0},
		{"exited, renamed", "m", attached("hello"), func(t *testing.T, s *stage, c *container) {
			c.name = "docker-dispatch-378208d520d721c1c1a5"
			finish(t, s, c)
		},
			attached("hello"), helloAgain, againCalls, 0},
		{"exited, with a name of its own", "m", strings.Replace(attached("hello"), `"Name":"hello",`, "", 1), finish, strings.Replace(attached("hello"), `"Name":"hello",`, "", 1),
			strings.ReplaceAll(helloAgain, "hello       ", "db0000000000"), againCalls, 0},
		{"another dispatcher's", "m", attached("hello"), relabel(labelDispatcher, "there"), attached("hello"), helloAgain, againCalls, 0},
		{"another body's", "m", attached("sleep"), nil, attached("hello"), reused(attached("hello")), "ContainerList 200", 1},
		{"another queue's", "m", attached("hello"), relabel(labelQueue, "jobs2"), attached("hello"), inUse, "ContainerList 200, ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerInspect 200", 1},
		{"another attempt's", "m", attached("hello"), relabel(labelAttempt, "2"), attached("hello"), inUse, "ContainerList 200, ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerInspect 200", 1},
		{"a stranger's", "m", attached("hello"), func(t *testing.T, s *stage, c *container) { clear(c.labels); finish(t, s, c) }, attached("hello"),
			inUse, "ContainerList 200, ContainerCreate 409, ContainerList 200, ContainerInspect 200, ContainerInspect 200", 1},
		{"detached, running", "m", `{"Dockercmd":"run","Image":"hello","Options":{"Name":"hello"}}`, finish, `{"Dockercmd":"run","Image":"hello","Options":{"Name":"hello"}}`,
			"hello                = started db0000000000\nm: ack\n", foundCalls[:len(foundCalls)-2], 1},
		{"detached, never started", "m", `{"Dockercmd":"run","Image":"hello","Options":{"Name":"hello"}}`, nil, `{"Dockercmd":"run","Image":"hello","Options":{"Name":"hello"}}`,
			"hello                = started db0000000000\nm: ack\n", foundCalls + "ContainerStart 204", 1},
		{"none", "m", "", nil, attached("hello"), helloAll, "ContainerList 200, " + helloCalls, 0},
		{"without an id, by its name", "", attached("hello"), finish, attached("hello"), strings.ReplaceAll(helloAgain, "m:", ":"), strings.Replace(againCalls, "ContainerList 200", "ContainerInspect 200", 1), 0},
		{"without an id, another body's", "", attached("sleep"), nil, attached("hello"), strings.ReplaceAll(inUse, "m:", ":"), "ContainerInspect 200, ContainerCreate 409, ContainerInspect 200, ContainerInspect 200", 1},
		{"without an id, none", "", "", nil, attached("hello"), strings.ReplaceAll(helloAll, "m:", ":"), "ContainerInspect 404, " + helloCalls, 0},
		{"without an id and a name", "", "", nil, strings.Replace(attached("hello"), `"Name":"hello",`, "", 1),
			strings.ReplaceAll(strings.ReplaceAll(helloAll, "hello       ", "db0000000000"), "m:", ":"), helloCalls, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello, "sleep": sleepOn, "cat": readAll})
			if tt.made != "" {
				c := s.made(t, tt.id, tt.made, "created")
				if tt.bend != nil {
					tt.bend(t, s, c)
				}
			}
			s.giveAgain(tt.id, tt.body)
			s.ends(t, tt.out, tt.calls)
			if len(s.all()) != tt.left || len(s.host.runs) != 0 {
				t.Errorf("%d containers are left, want %d; %d runs", len(s.all()), tt.left, len(s.host.runs))
			}
		})
	}
}

// Two that were made for one message, by a dispatcher that was cut off, are none of the next message's business: the newest is it.
func TestRecordOfTwo(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	first := s.ran(t, "m", attached("hello"))
	first.name = "elsewhere"
	s.ran(t, "m", attached("hello"))
	s.giveAgain("m", attached("hello"))
	s.ends(t, helloAgain, "")
	if all := s.all(); len(all) != 1 || all[0] != first {
		t.Errorf("%d containers are left", len(all))
	}
}

// What is there when it is looked for may be gone a moment later.
func TestRecordVanishes(t *testing.T) {
	t.Run("after the list", func(t *testing.T) {
		s := newStage(t, map[string]program{"hello": sayHello})
		c := s.made(t, "m", attached("hello"), "created")
		s.bend("list", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			answer(w, r)
			s.forget(c)
		})
		s.giveAgain("m", attached("hello"))
		s.ends(t, helloAll, "ContainerList 200, ContainerInspect 404, "+helloCalls)
	})
	t.Run("before its start", func(t *testing.T) {
		s := newStage(t, map[string]program{"hello": sayHello})
		c := s.made(t, "m", attached("hello"), "created")
		s.bend("attach", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			s.forget(c)
			refuse(w, 404, "No such container")
		})
		s.giveAgain("m", attached("hello"))
		s.ends(t, helloAll, foundCalls+"ContainerAttach 404, ContainerInspect 404, ContainerList 200, "+helloCalls)
	})
	t.Run("while it runs", func(t *testing.T) {
		s := newStage(t, map[string]program{"sleep": sleepOn})
		c := s.made(t, "m", attached("sleep"), "created")
		s.run(c)
		s.bend("logs", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			s.forget(c)
			c.kill()
			answer(w, r)
		})
		s.giveAgain("m", attached("sleep"))
		s.ends(t, "hello                = error: the container was removed before its exit code could be read\nm: ack\n", "")
	})
}

// A stdin that is there is not given to a container that another dispatcher has started in the meantime.
func TestRecordStartedMeanwhile(t *testing.T) {
	s := newStage(t, map[string]program{"cat": readAll})
	c := s.made(t, "m", fed("abc"), "created")
	s.bend("delete", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		c.input.Close()
		s.run(c)
		<-c.exited
		refuse(w, 409, "You cannot remove a running container")
	})
	s.giveAgain("m", fed("abc"))
	s.ends(t, "hello                ~ found again; its output from the beginning\nhello                | 0 bytes, <nil>\nhello                = exited 0 in T\nm: ack\n", "")
}

// One that has run to its end before it is removed was another dispatcher's claimed run: the mark goes too, which tells that one so.
func TestRecordRunMeanwhile(t *testing.T) {
	s := newStage(t, map[string]program{"cat": readAll})
	s.connect()
	c := s.claimed(t, s.out.delivery("m", fed("abc")))
	s.bend("delete", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		c.input.Close()
		s.run(c)
		<-c.exited
		answer(w, r)
	})
	s.giveAgain("m", fed("abc"))
	s.Wait()
	if s.marked(c) != nil {
		t.Error("the mark is there")
	}
	if out := s.out.take(); !strings.Contains(out, "= exited 0 in") {
		t.Errorf("printed\n%s", out)
	}
}

// A container that goes while its run is followed ends the run. It is another dispatcher's to answer when the broker has given the
// message to that: it has finished the run if the claim is gone as well.
func TestRunVanishes(t *testing.T) {
	const failed = "hello                = error: the container was removed before its exit code could be read\n"
	for _, tt := range []struct {
		name     string
		claim    Claim
		lost     bool // the session of the delivery
		unmarked bool // the claim is gone
		said     bool
	}{
		{"unclaimed", ClaimNever, false, false, true},
		{"unclaimed, the message is another's", ClaimNever, true, false, false},
		{"claimed", 0, false, false, true},
		{"claimed, the message may be another's", 0, true, false, true},
		{"claimed, finished by another", 0, true, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"hello": gated(proceed)})
			s.connect()
			s.Claim = tt.claim
			first := newSession()
			s.bend("wait", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				c := s.all()[0]
				s.forget(c)
				if tt.lost {
					first.end()
				}
				if tt.unmarked {
					s.unmark(httptest.NewRecorder(), markPrefix+c.id)
				}
				refuse(w, 404, "No such container")
			})
			s.Deliver(s.ctx, first.delivery("m", attached("hello"), false))
			until(t, "it runs, and is claimed", func() bool {
				first.mu.Lock()
				defer first.mu.Unlock()
				return s.out.holds("begun") && (tt.claim != 0 || len(first.settled) == 1)
			})
			close(proceed)
			s.Wait()
			if out := s.out.take(); strings.Contains(out, failed) != tt.said || strings.Contains(out, "hello                =") != tt.said {
				t.Errorf("printed\n%s", out)
			}
			if len(s.ledger.entries) != 0 && !tt.said {
				t.Errorf("%d entries are left", len(s.ledger.entries))
			}
		})
	}
}

var secondsJSON = regexp.MustCompile(`"Seconds":[0-9.e+-]+`)

// jsonOf is what is printed and settled, without times.
func (s *stage) jsonOf(t *testing.T) (lines string) {
	t.Helper()
	s.Wait()
	for line := range strings.Lines(s.out.take()) {
		if strings.HasPrefix(line, "{") {
			line = secondsJSON.ReplaceAllString(timeless(t, line), `"Seconds":S`)
		}
		lines += line
	}
	return lines
}

// In JSON each output of a run that was found again says so, and where it belongs.
func TestReplayedJSON(t *testing.T) {
	const id = "db00000000000000000000000000000000000000000000000000000000000001"
	output := func(replayed, stream, rest string) string {
		return `{"Time":"T","Event":"output","MessageId":"m","Id":"` + id + `","Name":"hello","Stream":"` + stream + `"` + replayed + `,"Offset":` + rest + "}\n"
	}
	all := func(replayed string) string {
		return output(replayed, "stdout", `0,"Data":"hello world!\n"`) + output(replayed, "stderr", `0,"Data":"warning\n"`) + output(replayed, "stdout", `13,"Data":"bye"`) +
			`{"Time":"T","Event":"result","MessageId":"m","Dockercmd":"run","Id":"` + id + `","Name":"hello","Status":"exited","ExitCode":3,"Attempt":1,"Seconds":S}` + "\nm: ack\n"
	}
	t.Run("new", func(t *testing.T) {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.speak(t, "json")
		s.give("m", attached("hello"))
		if got, want := s.jsonOf(t), all(""); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("found", func(t *testing.T) {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.speak(t, "json")
		s.ran(t, "m", attached("hello"))
		s.giveAgain("m", attached("hello"))
		if got, want := s.jsonOf(t), all(`,"Replayed":true`); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("its start's answer was lost", func(t *testing.T) { // this process has printed nothing of it, and nobody else has
		s := newStage(t, map[string]program{"hello": sayHello})
		s.speak(t, "json")
		s.bend("start", lostAfter)
		s.give("m", attached("hello"))
		if got, want := s.jsonOf(t), all(""); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// following answers a followed log with the first n bytes of what there is.
func following(n int) bend {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		if r.URL.Query().Get("follow") != "1" {
			answer(w, r)
			return
		}
		short := &shortWriter{ResponseWriter: w, left: n}
		answer(short, r)
	}
}

// shortWriter loses what comes behind some bytes.
type shortWriter struct {
	http.ResponseWriter
	left int
}

func (w *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	w.ResponseWriter.Write(p[:n])
	return len(p), nil
}

func (w *shortWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// The end of a followed log may be missing. It comes from a second reading, and nothing comes twice.
func TestFollowedLogLosesItsEnd(t *testing.T) {
	first := len(frame(dockerapi.Stdout, "hello world!\n"))
	second := first + len(frame(dockerapi.Stderr, "warning\n"))
	for _, n := range []int{0, first, second} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.ran(t, "m", attached("hello"))
		s.bend("logs", following(n))
		s.giveAgain("m", attached("hello"))
		s.ends(t, helloAgain, againCalls)
	}
}

// A running container's output comes as it is written.
func TestFollowedLogGrows(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": func(c *container) int {
		c.print(dockerapi.Stdout, "one\ntw")
		<-proceed
		c.print(dockerapi.Stdout, "o\n")
		return 0
	}})
	s.run(s.made(t, "m", attached("hello"), "created"))
	s.giveAgain("m", attached("hello"))
	until(t, "the first line is printed while it runs", func() bool { return s.out.holds("| one\n") })
	close(proceed)
	s.ends(t, "hello                ~ found again; its output from the beginning\nhello                | one\nhello                | two\nhello                = exited 0 in T\nm: ack\n", "")
}

// What the log driver cannot give back is said to be lost, and the rest is as it should be.
func TestLogLost(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.ran(t, "m", attached("hello")).driver = "none"
	s.giveAgain("m", attached("hello"))
	s.ends(t, "hello                ~ found again; its output from the beginning\n"+
		"hello                = exited 3 in T (output lost: configured logging driver does not support reading)\nm: ack\n", "")
}

// The log driver json-file writes U+FFFD for bytes that are not UTF-8. Where one comes back, that is said; another driver, and an
// attach, have what was written.
func TestLogReplacesBytes(t *testing.T) {
	const lost = " (output lost: bytes that are not UTF-8: the log driver json-file has U+FFFD for them)"
	for _, tt := range []struct {
		name   string
		driver string
		writes string
		found  bool
		want   string
	}{
		{"json-file", "json-file", "a\ufffdb\n", true, lost},
		{"json-file, nothing of it", "json-file", "grün\n", true, ""},
		{"local", "local", "a\ufffdb\n", true, ""},
		{"attached", "json-file", "a\ufffdb\n", false, ""},
	} {
		s := newStage(t, map[string]program{"hello": func(c *container) int { c.print(dockerapi.Stdout, tt.writes); return 0 }})
		again := ""
		if tt.found {
			s.ran(t, "m", attached("hello")).driver = tt.driver
			again = "hello                ~ found again; its output from the beginning\n"
		}
		s.giveAgain("m", attached("hello"))
		t.Log(tt.name)
		s.ends(t, again+"hello                | "+tt.writes+"hello                = exited 0 in T"+tt.want+"\nm: ack\n", "")
	}
}

// A message in work that comes again is joined: nothing is printed twice.
func TestJoins(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": func(c *container) int { <-proceed; return sayHello(c) }})
	s.give("m", attached("hello"))
	until(t, "it runs", func() bool { return s.calls.holds("ContainerStart 204") })
	s.giveAgain("m", attached("hello"))
	s.give("m", attached("hello"))
	close(proceed)
	const again = "level=INFO msg=\"a message has come again and is in work or done\" message=m\n"
	s.ends(t, again+again+helloAll+"m: ack\nm: ack\n", helloCalls)
}

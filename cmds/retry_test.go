package cmds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

// What is done with a message, by how it ended and by what it asks for.
func TestNext(t *testing.T) {
	refused := &dockerapi.Error{Status: 400, Message: "no"}
	word := func(words ...string) retryOn { return retryOn{given: true, words: words} }
	code := func(codes ...int) retryOn { return retryOn{given: true, codes: codes} }
	steer := map[int]step{75: again, 64: bury, 0: bury}
	for _, tt := range []struct {
		name    string
		err     error
		code    *int
		retries int
		on      retryOn
		codes   map[int]step
		want    step // of the first attempt
		last    step // when no retry is left
	}{
		{"exit 0", nil, exited(0), 2, retryOn{}, nil, finish, finish},
		{"exit 1", nil, exited(1), 2, retryOn{}, nil, again, bury},
		{"exit 1, no retries", nil, exited(1), 0, retryOn{}, nil, finish, finish},
		{"exit 1, on exit", nil, exited(1), 2, word("exit"), nil, again, bury},
		{"exit 0, on exit", nil, exited(0), 2, word("exit"), nil, finish, finish},
		{"exit 1, on others", nil, exited(1), 2, word("timeout", "interrupted", "engine"), nil, finish, finish},
		{"exit 1, on nothing", nil, exited(1), 2, word(), nil, finish, finish},
		{"exit 2, on its code", nil, exited(2), 2, code(1, 2), nil, again, bury},
		{"exit 3, on other codes", nil, exited(3), 2, code(1, 2), nil, finish, finish},
		{"steered to retry", nil, exited(75), 2, word(), steer, again, bury},
		{"steered to the dead queue", nil, exited(64), 2, retryOn{}, steer, bury, bury},
		{"steered there without retries", nil, exited(64), 0, retryOn{}, steer, bury, bury},
		{"exit 0, steered", nil, exited(0), 2, retryOn{}, steer, bury, bury},
		{"not steered", nil, exited(1), 2, retryOn{}, steer, again, bury},
		{"started", nil, nil, 2, retryOn{}, nil, finish, finish},
		{"refused", refused, exited(127), 2, retryOn{}, nil, finish, finish},
		{"refused, on engine", refused, exited(127), 2, word("engine"), nil, again, bury},
		{"refused, on exit", refused, exited(127), 2, word("exit"), nil, finish, finish},
		{"refused, on its code", refused, exited(127), 2, code(127), nil, finish, finish},
		{"refused, its code steered", refused, exited(75), 2, retryOn{}, steer, finish, finish},
		{"refused, no retries", refused, exited(127), 0, retryOn{}, nil, finish, finish},
		{"timeout", errTimeout("x"), exited(137), 2, retryOn{}, nil, again, bury},
		{"timeout, on exit", errTimeout("x"), exited(137), 2, word("exit"), nil, finish, finish},
		{"timeout, on timeout", errTimeout("x"), exited(0), 2, word("timeout"), nil, again, bury},
		{"timeout, its code steered", errTimeout("x"), exited(64), 2, word("timeout"), steer, again, bury},
		{"interrupted", errInterrupted("x"), exited(137), 2, retryOn{}, nil, again, bury},
		{"interrupted, on engine", errInterrupted("x"), exited(137), 2, word("engine"), nil, finish, finish},
		{"invalid", &Invalid{Problem: "x"}, nil, 2, word("exit", "timeout", "interrupted", "engine"), nil, bury, bury},
		{"deadly", errDeadly("x"), nil, 2, word("exit", "timeout", "interrupted", "engine"), nil, bury, bury},
		{"unfinished", context.Canceled, exited(1), 2, retryOn{}, nil, keep, keep},
		{"session lost", errLost, nil, 2, retryOn{}, nil, keep, keep},
		{"output gone", &OutputError{errors.New("x")}, exited(1), 2, retryOn{}, steer, keep, keep},
	} {
		c := Command{Retries: tt.retries, RetryOn: tt.on, ExitCodes: tt.codes}
		for attempt, want := range map[int]step{1: tt.want, tt.retries: tt.want, tt.retries + 1: tt.last, tt.retries + 2: tt.last} {
			if c.Message.Attempt = attempt; attempt == 0 {
				continue
			}
			if got := c.next(fates[classify(tt.err)], tt.code); got != want {
				t.Errorf("%s, attempt %d of %d: %d, want %d", tt.name, attempt, tt.retries+1, got, want)
			}
		}
	}
}

// The delays are 1, 2, 4 … 1024 s or the next longer, both of them, and each time the same for one attempt at one message.
func TestDelay(t *testing.T) {
	for attempt := 1; attempt <= 100; attempt++ {
		want := min(time.Second<<min(attempt-1, 20), 1024*time.Second)
		seen := map[time.Duration]int{}
		for n := range 100 {
			i := identity{Queue: "jobs", ID: fmt.Sprint("m", n), Attempt: attempt}
			first, second := i.delay(), i.delay()
			if first != second {
				t.Fatal("two delays of one attempt")
			}
			seen[first]++
		}
		if seen[want] == 0 || seen[want]+seen[min(2*want, 1024*time.Second)] < 100 || want < 1024*time.Second && len(seen) != 2 {
			t.Errorf("attempt %d: %v", attempt, seen)
		}
	}
}

// retrying is a run of hello with more options.
func retrying(options string) string {
	return strings.Replace(attached("hello"), `"Remove":true`, `"Remove":true,`+options, 1)
}

// What goes to the next attempt, and to the dead queue, and what is said of it.
func TestRetry(t *testing.T) {
	const m1 = "docker-dispatch-378208d520d721c1c1a5" // the derived name of m
	for _, tt := range []struct {
		name    string
		body    string
		headers map[string]any
		out     string
		names   string // of the containers that wait for their removal
	}{
		{"first", retrying(`"Retries":2`), map[string]any{"x": "y"},
			helloOutput + "hello                = exited 3 in T (attempt 1, again in 1s)\n" +
				"published: jobs m in 1s map[docker-dispatch-attempt:2 x:y] " + retrying(`"Retries":2`) + "\nm: ack\n", m1},
		{"second", retrying(`"Retries":2`), map[string]any{headerAttempt: int64(2)},
			helloOutput + "hello                = exited 3 in T (attempt 2, again in 4s)\n" +
				"published: jobs m in 4s map[docker-dispatch-attempt:3] " + retrying(`"Retries":2`) + "\nm: ack\n", "docker-dispatch-5429ab78d6448d9bf47d"},
		{"last", retrying(`"Retries":2`), map[string]any{headerAttempt: int64(3), headerReason: "old"},
			helloOutput + "hello                = exited 3 in T (attempt 3, to the dead queue)\n" +
				"published: jobs.dead m in 0s map[docker-dispatch-attempt:4 docker-dispatch-exit-code:3 docker-dispatch-output:hello world!\nwarning\nbye docker-dispatch-queue:jobs " +
				"docker-dispatch-reason:exited 3 in T (attempt 3, to the dead queue)] " + retrying(`"Retries":2`) + "\nm: ack\n", ""},
		{"steered to the dead queue", retrying(`"ExitCodes":{"3":"dead"}`), nil,
			helloOutput + "hello                = exited 3 in T (attempt 1, to the dead queue)\n" +
				"published: jobs.dead m in 0s map[docker-dispatch-attempt:2 docker-dispatch-exit-code:3 docker-dispatch-output:hello world!\nwarning\nbye docker-dispatch-queue:jobs " +
				"docker-dispatch-reason:exited 3 in T (attempt 1, to the dead queue)] " + retrying(`"ExitCodes":{"3":"dead"}`) + "\nm: ack\n", m1},
		{"not asked for", retrying(`"Retries":2,"RetryOn":[4,"timeout"]`), nil, helloAll, "hello"},
		{"its code asked for", retrying(`"Retries":2,"RetryOn":[3]`), nil,
			helloOutput + "hello                = exited 3 in T (attempt 1, again in 1s)\n" +
				"published: jobs m in 1s map[docker-dispatch-attempt:2] " + retrying(`"Retries":2,"RetryOn":[3]`) + "\nm: ack\n", m1},
		{"kept", strings.Replace(retrying(`"Retries":2`), `"Remove":true,`, "", 1), nil,
			helloOutput + "hello                = exited 3 in T (attempt 1, again in 1s)\n" +
				"published: jobs m in 1s map[docker-dispatch-attempt:2] " + strings.Replace(retrying(`"Retries":2`), `"Remove":true,`, "", 1) + "\nm: ack\n", m1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"hello": sayHello})
			s.connect()
			delivery := s.out.delivery("m", tt.body)
			delivery.Headers = tt.headers
			before := maps.Clone(tt.headers)
			s.Deliver(s.ctx, delivery)
			s.Wait()
			out := seconds.ReplaceAllString(s.out.take(), " in T")
			for _, delay := range []string{"1s", "2s", "4s", "8s"} { // which of two it is, is TestDelay's matter
				if strings.Contains(out, "again in "+delay) {
					tt.out = strings.NewReplacer("again in 1s", "again in "+delay, "m in 1s", "m in "+delay, "again in 4s", "again in "+delay, "m in 4s", "m in "+delay).Replace(tt.out)
				}
			}
			if out != tt.out {
				t.Errorf("printed\n%s\nwant\n%s", out, tt.out)
			}
			if got := s.all()[0].called(); tt.names != "" && got != tt.names {
				t.Errorf("it is called %s, want %s", got, tt.names)
			}
			if !maps.Equal(delivery.Headers, before) {
				t.Errorf("the delivery's own headers are %v", delivery.Headers)
			}
		})
	}
}

// Everything of a message goes with it.
func TestRetryPublishing(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	var got wire.Publishing
	s.Publish = func(_ context.Context, p wire.Publishing) error { got = p; return nil }
	delivery := s.out.delivery("m", retrying(`"Retries":1`))
	delivery.Properties = wire.Properties{MessageID: "m", CorrelationID: "c", ReplyTo: "r", ContentType: "t", ContentEncoding: "e", Type: "y", AppID: "a", Priority: 3, Timestamp: time.Unix(1e9, 0)}
	s.Deliver(s.ctx, delivery)
	s.Wait()
	want := wire.Publishing{Properties: delivery.Properties, Queue: "jobs", Body: delivery.Body, First: ownHeaders, Delay: got.Delay}
	want.Headers = map[string]any{headerAttempt: int64(2)}
	if !reflect.DeepEqual(got, want) || got.Delay != identify(delivery).delay() {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// In JSON a result says which attempt it was of, and what comes next.
func TestRetryJSON(t *testing.T) {
	result := func(rest string) string {
		return `{"Time":"T","Event":"result","MessageId":"m","Dockercmd":"run","Id":"db00000000000000000000000000000000000000000000000000000000000001","Name":"hello","Status":"exited","ExitCode":3,` + rest + `,"Seconds":S}` + "\n"
	}
	for _, tt := range []struct {
		attempt int
		want    string
	}{
		{1, result(`"Attempt":1,"Next":"retry","RetryIn":1`)},
		{2, result(`"Attempt":2,"Next":"dead"`)},
	} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.speak(t, "json")
		delivery := s.out.delivery("m", retrying(`"Retries":1`))
		delivery.Headers = map[string]any{headerAttempt: int64(tt.attempt)}
		s.Deliver(s.ctx, delivery)
		want := strings.Replace(tt.want, `"RetryIn":1`, fmt.Sprintf(`"RetryIn":%v`, identify(delivery).delay().Seconds()), 1)
		if lines := s.jsonOf(t); !strings.Contains(lines, want) {
			t.Errorf("got\n%s\nwant\n%s", lines, want)
		}
	}
}

// The next attempt finds its name free, has another environment and another container.
func TestRetryTakesItsName(t *testing.T) {
	var runs atomic.Int32
	s := newStage(t, map[string]program{"hello": func(c *container) int {
		c.print(dockerapi.Stdout, strings.Join(c.env, " ")+"\n")
		return int(runs.Add(1)) % 2
	}})
	s.connect()
	body := retrying(`"Retries":1`)
	s.Publish = func(_ context.Context, p wire.Publishing) error {
		delivery := s.out.delivery(p.MessageID, string(p.Body))
		delivery.Headers = p.Headers
		s.Deliver(s.ctx, delivery)
		return nil
	}
	s.give("m", body)
	s.Wait()
	out := seconds.ReplaceAllString(s.out.take(), " in T")
	for _, want := range []string{"hello                | DOCKER_DISPATCH_ATTEMPT=1\n", "hello                | DOCKER_DISPATCH_ATTEMPT=2\n", "hello                = exited 1 in T (attempt 1, again in ", "hello                = exited 0 in T\n"} {
		if strings.Count(out, want) != 1 {
			t.Errorf("printed\n%s\nwithout %s", out, want)
		}
	}
	if len(s.all()) != 2 || s.all()[1].called() != "hello" {
		t.Errorf("%d containers, the last is %s", len(s.all()), s.all()[1].called())
	}
	s.gone(t)
}

// An attempt that was set aside before its dispatcher died is not set aside twice.
func TestRetryOfRenamed(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.connect()
	s.ran(t, "m", retrying(`"Retries":1`)).name = "docker-dispatch-378208d520d721c1c1a5"
	s.giveAgain("m", retrying(`"Retries":1`))
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "published: jobs m in ") || !strings.HasSuffix(out, "m: ack\n") {
		t.Errorf("printed\n%s", out)
	}
}

// A message that cannot be published is kept, and its container with it.
func TestRetryRefused(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"retry", retrying(`"Retries":1`)},
		{"dead", retrying(`"ExitCodes":{"3":"dead"}`)},
	} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.Publish = func(context.Context, wire.Publishing) error { return errors.New("no right to write") }
		s.give("m", tt.body)
		s.Wait()
		if out := s.out.take(); strings.Contains(out, "m: ") || !strings.Contains(out, `level=ERROR msg="a message could not be put into another queue and is kept" message=m`) {
			t.Errorf("%s: printed\n%s", tt.name, out)
		}
		if len(s.all()) != 1 || len(s.host.runs) != 0 || len(s.ledger.entries) != 0 {
			t.Errorf("%s: %d containers, %d runs, %d entries", tt.name, len(s.all()), len(s.host.runs), len(s.ledger.entries))
		}
	}
}

// A name that cannot be freed holds the retry up, too.
func TestRetryCannotSetAside(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.bend("rename", refusing(500, "no space left on device"))
	s.give("m", retrying(`"Retries":1`))
	s.Wait()
	if out := s.out.take(); strings.Contains(out, "published") || strings.Contains(out, "m: ") || !strings.Contains(out, "ContainerRename: 500: no space left on device") {
		t.Errorf("printed\n%s", out)
	}
}

// A rename whose answer is lost is looked at before it is done again.
func TestRetryRenameLost(t *testing.T) {
	for _, how := range []bend{lostBefore, lostAfter} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.connect()
		s.bend("rename", how)
		s.give("m", retrying(`"Retries":1`))
		s.Wait()
		if out := s.out.take(); !strings.Contains(out, "published: jobs m in ") || !strings.HasSuffix(out, "m: ack\n") || s.all()[0].called() == "hello" {
			t.Errorf("printed\n%s\n%s", out, s.all()[0].called())
		}
	}
}

// Without a broker the next attempt is made by the same process, after the same time.
func TestRetryWithoutBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		start := time.Now()
		attempts := 0
		d := n.dispatcher(func(_ context.Context, c *Command, _ *Streams) (Result, error) {
			attempts++
			n.add("attempt %d", c.Message.Attempt)
			return Result{Name: "hello", Status: StatusExited, ExitCode: exited(3), Attempt: c.Message.Attempt}, nil
		})
		d.Publish = nil
		delivery := n.delivery("m", retrying(`"Retries":2`))
		delivery.Queue = ""
		first := identify(delivery).delay()
		second := identity{ID: "m", Attempt: 2, Digest: identify(delivery).Digest}.delay()
		d.Deliver(t.Context(), delivery)
		d.Wait()
		d.Printer.Close(t.Context())
		n.check(t, "three attempts", fmt.Sprintf("attempt 1\nhello                = exited 3 in 0.00s (attempt 1, again in %v)\nm: ack\nattempt 2\nhello                = exited 3 in 0.00s (attempt 2, again in %v)\n"+
			"attempt 3\nhello                = exited 3 in 0.00s\nlevel=ERROR msg=\"a message is given up\" message=m reason=\"exited 3 in 0.00s\"\n", first, second))
		if attempts != 3 || time.Since(start) != first+second || d.Well() {
			t.Errorf("%d attempts in %v, well %t", attempts, time.Since(start), d.Well())
		}
	})
}

// Whoever leaves does not wait for attempts to come.
func TestRetryWithoutBrokerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		d := n.dispatcher(func(context.Context, *Command, *Streams) (Result, error) {
			return Result{Name: "hello", Status: StatusExited, ExitCode: exited(3), Attempt: 1}, nil
		})
		d.Publish = nil
		ctx, cancel := context.WithCancel(t.Context())
		d.Deliver(ctx, n.delivery("m", retrying(`"Retries":2`)))
		synctest.Wait()
		start := time.Now()
		cancel()
		d.Wait()
		d.Printer.Close(t.Context())
		if time.Since(start) != 0 || d.Well() {
			t.Errorf("left after %v, well %t", time.Since(start), d.Well())
		}
	})
}

// The last lines of what a run has written are whole, and bounded.
func TestTail(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", nil, ""},
		{"short", []string{"a\n", "b"}, "a\nb"},
		{"just fits", []string{strings.Repeat("a", tailLen-1) + "\n"}, strings.Repeat("a", tailLen-1) + "\n"},
		{"whole lines", slicesOf(line, 100), strings.Repeat(line, tailLen/len(line))},
		{"a line that is too long", []string{"a\n", strings.Repeat("b", 2*tailLen) + "\n"}, strings.Repeat("b", tailLen-1) + "\n"},
		{"a long line, then a short one", []string{strings.Repeat("b", 2*tailLen) + "\n", "c\n"}, "c\n"},
		{"a long line without an end", []string{strings.Repeat("b", tailLen), strings.Repeat("c", 10)}, strings.Repeat("b", tailLen-10) + strings.Repeat("c", 10)},
	} {
		var got tail
		for _, l := range tt.lines {
			got.add([]byte(l))
		}
		if got.String() != tt.want || len(got.text) > tailLen {
			t.Errorf("%s: got %d bytes, %.80q…, want %d", tt.name, len(got.text), got.text, len(tt.want))
		}
	}
	var none *tail
	if none.String() != "" {
		t.Error("no tail has a text")
	}
}

func slicesOf(s string, n int) (list []string) {
	for range n {
		list = append(list, s)
	}
	return list
}

// A registry that is away or busy is asked again, some times.
func TestPullAgain(t *testing.T) {
	defer func(patient [len(pullDelays)]time.Duration) { pullDelays = patient }(pullDelays)
	for i := range pullDelays {
		pullDelays[i] = time.Millisecond
	}
	inside := func(message string) bend {
		return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			fmt.Fprintf(w, "{\"errorDetail\":{\"message\":%q}}\n", message)
		}
	}
	for _, tt := range []struct {
		name  string
		bends []bend
		out   string
		pulls int
	}{
		{"away", []bend{refusing(500, "dial tcp: i/o timeout")}, helloAll, 2},
		{"busy", []bend{refusing(429, "slow down")}, helloAll, 2},
		{"busy in its own words", []bend{inside("toomanyrequests: slow down")}, helloAll, 2},
		{"no such image", []bend{refusing(404, "pull access denied")}, "hello                = error: pull access denied\nm: ack\n", 1},
		{"no such image, said late", []bend{inside("manifest unknown")}, "hello                = error: manifest unknown\nm: ack\n", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, map[string]program{"remote/far:latest": sayHello})
			s.bend("pull", tt.bends...)
			s.give("m", attached("far:latest"))
			s.Wait()
			if out := seconds.ReplaceAllString(s.out.take(), " in T"); out != tt.out {
				t.Errorf("printed\n%s\nwant\n%s", out, tt.out)
			}
			if calls := s.calls.take(); strings.Count(calls, "ImageCreate") != tt.pulls {
				t.Errorf("called\n%s", calls)
			}
		})
	}
	t.Run("for ever", func(t *testing.T) {
		s := newStage(t, nil)
		s.bend("pull", refusing(429, "slow down"), refusing(500, "bad gateway"), refusing(429, "slow down"), refusing(429, "not asked any more"))
		s.give("m", attached("far:latest"))
		s.ends(t, "hello                = error: slow down\nm: ack\n", "ContainerCreate 404, ImageCreate 429, ImageCreate 500, ImageCreate 429")
	})
}

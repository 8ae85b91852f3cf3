package cmds

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

func TestParseClaim(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Claim
		ok   bool
	}{
		{"10s", Claim(10 * time.Second), true},
		{"1h30m", Claim(90 * time.Minute), true},
		{"0", 0, true},
		{"0s", 0, true},
		{"never", ClaimNever, true},
		{"", 0, false},
		{"10", 0, false},
		{"-1s", 0, false},
		{"-1ns", 0, false},
		{"Never", 0, false},
		{"10 s", 0, false},
		{"10s\n", 0, false},
		{"99999999h", 0, false},
	} {
		got, err := ParseClaim(tt.text)
		if got != tt.want || (err == nil) != tt.ok || err != nil && err.Error() != `not a time with its unit ("10s"), "0" or "never"` {
			t.Errorf("%q: %v, %v", tt.text, got, err)
		}
	}
}

// job is what a dispatcher makes of a delivery.
func (s *stage) job(t *testing.T, delivery wire.Delivery) *job {
	t.Helper()
	entry, _ := s.ledger.add(delivery, nil)
	defer s.ledger.leave(entry)
	j := s.admit(entry, delivery, seal{})
	if j.err != nil {
		t.Fatal(j.err)
	}
	return j
}

// sized is a run whose parcel is a label of that many bytes, plus those of its input.
func sized(t *testing.T, s *stage, label int, options, input string) string {
	body := func(pad int) string {
		return fmt.Sprintf(`{"Dockercmd":"run","Image":"cat","Cmd":["%s"],"Options":{"Attach":["STDIN","STDOUT"]%s},"Stdin":"%s"}`, strings.Repeat("x", pad), options, input)
	}
	j := s.job(t, s.out.delivery("m", body(1)))
	p := parcel{Body: body(1), Properties: j.origin.Properties}
	return body(1 + label - len(p.encode()) + len(input))
}

// A message has room in a label, or goes without its input, or is never claimed.
func TestParcel(t *testing.T) {
	const tooLong = "level=INFO msg=\"a message is too long for a label, and stays with the broker until its outcome is out\" message=m bytes=%d limit=32768\n"
	for _, tt := range []struct {
		name    string
		label   int // bytes
		input   string
		options string
		claimed bool
		cut     bool
	}{
		{"short", 1000, "abc", "", true, false},
		{"as long as may be", parcelLen - 3, "abc", "", true, false},
		{"too long with its input", parcelLen - 2, "abc", "", true, true},
		{"much input", 1000, strings.Repeat("y", 1<<16), "", true, true},
		{"too long without its input", parcelLen + 100, "", "", false, false},
		{"much input, which may be needed", 1000, strings.Repeat("y", 1<<16), `,"Retries":1`, false, false},
		{"much input, whose codes steer", 1000, strings.Repeat("y", 1<<16), `,"ExitCodes":{"64":"dead"}`, false, false},
		{"as long as may be, needed", parcelLen - 3, "abc", `,"Retries":1`, true, false},
		{"its own choice", 1000, "abc", `,"Claim":"never"`, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, nil)
			s.connect()
			body := sized(t, s, tt.label, tt.options, tt.input)
			s.Claim = 0
			delivery := s.out.delivery("m", body)
			s.out.take()
			j := s.job(t, delivery)
			if claimed := j.command.Claim != nil && s.pack(j); claimed != tt.claimed || len(j.label) > parcelLen {
				t.Errorf("claimed %t, %v, a label of %d bytes", claimed, j.command.Claim, len(j.label))
			}
			if held := j.origin.Body != nil; held != (j.lasting || !tt.claimed) {
				t.Errorf("its body is held: %t", held)
			}
			want := ""
			if !tt.claimed && tt.options != `,"Claim":"never"` {
				want = fmt.Sprintf(tooLong, len(body))
			}
			s.out.check(t, "said", want)
			if !tt.claimed {
				return
			}
			got, cut, err := unwrap(j.label)
			if err != nil || cut != tt.cut || got.MessageID != "m" || !cut && string(got.Body) != body {
				t.Errorf("cut %t, %v, id %q, %.100s", cut, err, got.MessageID, got.Body)
			}
			c, err := s.command("m", string(got.Body))
			if err != nil || string(c.Stdin) != map[bool]string{false: tt.input}[cut] || !reflect.DeepEqual(c.Body["Cmd"], j.command.Body["Cmd"]) || !c.Attach.Stdin {
				t.Errorf("it is another message: %v, %.100v", err, c)
			}
		})
	}
}

// What nobody waits for, or has from nobody, is never claimed.
func TestClaimOnlyWhereNeeded(t *testing.T) {
	s := newStage(t, nil)
	for _, tt := range []struct {
		name   string
		broker bool
		body   string
	}{
		{"without a broker", false, attached("hello")},
		{"detached", true, `{"Dockercmd":"run","Image":"hello"}`},
		{"stop", true, `{"Dockercmd":"stop","Container":"hello"}`},
	} {
		s.Reserve, s.Claim = nil, 0
		if tt.broker {
			s.Reserve = func() func() { return func() {} }
		}
		j := s.job(t, s.out.delivery("m", tt.body))
		if j.command.Claim != nil {
			t.Errorf("%s: %v", tt.name, *j.command.Claim)
		}
	}
}

// A parcel gives back what a message's end needs.
func TestUnwrap(t *testing.T) {
	for _, tt := range []struct {
		name      string
		give, get map[string]any
	}{
		{"none", nil, nil},
		{"numbers", map[string]any{"a": int32(1), "b": int64(1) << 62, "c": 1.5, headerAttempt: int64(3)}, map[string]any{"a": int64(1), "b": int64(1) << 62, "c": 1.5, headerAttempt: int64(3)}},
		{"texts", map[string]any{"a": "\x00\"\u2028</script>", "b": true, "c": nil}, map[string]any{"a": "\x00\"\u2028</script>", "b": true, "c": nil}},
		{"what JSON has no word for", map[string]any{"a": math.NaN(), headerAttempt: int64(3)}, map[string]any{headerAttempt: int64(3)}},
	} {
		p := parcel{Body: "{\"a\":\"ü\u2028\"}\n", Properties: wire.Properties{MessageID: "m\n", ReplyTo: "r", CorrelationID: "c", ContentType: "t", Priority: 9, Timestamp: time.Unix(1e9, 0).UTC(), Headers: tt.give}}
		d, cut, err := unwrap(p.encode())
		want := wire.Delivery{Properties: p.Properties, Body: []byte(p.Body)}
		want.Headers = tt.get
		if err != nil || cut || !reflect.DeepEqual(d, want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", tt.name, d, err, want)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(parcel{Body: attached("hello"), Properties: wire.Properties{MessageID: "m", Headers: map[string]any{headerAttempt: int64(2)}}}.encode())
	f.Add(`{"Body":"x","Properties":{"Headers":{"a":{"b":[1e999,null]}}},"Cut":true}`)
	f.Add(`{"Properties":{"Headers":null}}{`)
	f.Add("")
	f.Fuzz(func(t *testing.T, label string) {
		d, _, err := unwrap(label)
		if err != nil {
			return
		}
		again, _, err := unwrap(parcel{Body: string(d.Body), Properties: d.Properties}.encode())
		if err != nil || string(again.Body) != string(d.Body) || attempt(again.Headers) != attempt(d.Headers) {
			t.Errorf("%q\ngot  %+v\nthen %+v, %v", label, d, again, err)
		}
	})
}

// gated is a program that says when it has begun, and goes on when proceed is closed.
func gated(proceed <-chan struct{}) program {
	return func(c *container) int {
		c.print(dockerapi.Stdout, "begun\n")
		select {
		case <-proceed:
		case <-c.killed:
		}
		return 0
	}
}

// claiming is a run of image as hello, to be claimed so.
func claiming(image, claim string) string {
	return strings.Replace(attached(image), `"Remove":true`, `"Claim":"`+claim+`"`, 1)
}

// A run is claimed when it is due: first its mark, then the ack. The mark goes when its outcome is out, then its place.
func TestClaim(t *testing.T) {
	for _, tt := range []struct {
		name  string
		claim Claim // the dispatcher's
		body  string
		after time.Duration
	}{
		{"at its start", 0, claiming("hello", "0"), 0},
		{"the dispatcher's choice", 0, strings.Replace(attached("hello"), `,"Remove":true`, "", 1), 0},
		{"after a while", Claim(30 * time.Millisecond), strings.Replace(attached("hello"), `,"Remove":true`, "", 1), 30 * time.Millisecond},
		{"the message's choice", ClaimNever, claiming("hello", "20ms"), 20 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proceed := make(chan struct{})
			s := newStage(t, map[string]program{"hello": gated(proceed)})
			s.connect()
			s.Claim = tt.claim
			s.bend("mark", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if since := time.Since(s.all()[0].started); since < tt.after {
					t.Errorf("claimed after %v", since)
				}
				if s.out.holds("m: ") {
					t.Error("settled before its mark is there")
				}
				answer(w, r)
			})
			s.bend("unmark", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if !s.out.holds("exited 0") || s.out.holds("m: ack") {
					t.Errorf("the mark goes after\n%s", s.out.take())
				}
				answer(w, r)
			})
			s.give("m", tt.body)
			until(t, "it is claimed", func() bool { return s.out.holds("m: claim\n") })
			c := s.all()[0]
			mark := maps.Clone(s.marked(c))
			if d, _, err := unwrap(mark[labelMessage]); err != nil || string(d.Body) != tt.body {
				t.Errorf("the mark has %v, %q", err, d.Body)
			}
			delete(mark, labelMessage)
			if !maps.Equal(mark, c.labels) {
				t.Errorf("the mark has\n%q\nthe container has\n%q", mark, c.labels)
			}
			until(t, "its output is printed", func() bool { return s.out.holds("| begun\n") })
			close(proceed)
			s.Wait()
			out := seconds.ReplaceAllString(s.out.take(), " in T")
			if rest := strings.Replace(strings.Replace(out, "m: claim\n", "", 1), "hello                | begun\n", "", 1); rest != "hello                = exited 0 in T\nm: ack\n" {
				t.Errorf("printed\n%s", out)
			}
			if s.marked(c) != nil {
				t.Error("the mark is left")
			}
		})
	}
}

func TestClaimNotDue(t *testing.T) {
	for _, claim := range []string{"10s", "never"} {
		s := newStage(t, map[string]program{"hello": sayHello})
		s.connect()
		s.Claim = Claim(time.Hour)
		s.give("m", claiming("hello", claim))
		s.ends(t, helloAll, "ContainerCreate 201, ContainerAttach 101, ContainerStart 204, ContainerWait 200, ContainerInspect 200")
	}
}

// A message that comes again, or was published twice, while its run is claimed has no outcome to wait for, and takes no place.
func TestClaimJoins(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": gated(proceed)})
	s.connect()
	first, second := newSession(), newSession()
	body := claiming("hello", "0")
	s.Deliver(s.ctx, first.delivery("m", body, false))
	until(t, "its mark is there", func() bool { return s.calls.holds("VolumeCreate 201") })
	until(t, "it is claimed", func() bool {
		first.mu.Lock()
		defer first.mu.Unlock()
		return len(first.settled) == 1
	})
	s.Deliver(s.ctx, first.delivery("m", body, false))
	first.check(t, "claim m"+body+", ack m"+body)
	first.end()
	s.Deliver(s.ctx, second.delivery("m", body, true))
	second.check(t, "ack m"+body)
	close(proceed)
	s.Wait()
	first.check(t, "claim m"+body+", ack m"+body+", free m"+body)
	second.check(t, "ack m"+body)
}

// A session that ends when the mark is there has not got the ack. The mark goes, and is made once more when the message has come
// again: in between it may have been another dispatcher's.
func TestClaimLost(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": gated(proceed)})
	s.connect()
	first, second := newSession(), newSession()
	s.bend("mark", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		first.end()
		answer(w, r)
	})
	body := claiming("hello", "0")
	s.Deliver(s.ctx, first.delivery("m", body, false))
	until(t, "its mark is gone", func() bool { return s.calls.holds("VolumeDelete 204") })
	s.Deliver(s.ctx, second.delivery("m", body, true))
	until(t, "it is claimed", func() bool {
		second.mu.Lock()
		defer second.mu.Unlock()
		return len(second.settled) == 1
	})
	if s.marked(s.all()[0]) == nil {
		t.Error("claimed without a mark")
	}
	close(proceed)
	s.Wait()
	first.check(t, "")
	second.check(t, "claim m"+body+", free m"+body)
	if len(s.volumes) != 0 {
		t.Errorf("marks are left: %v", s.volumes)
	}
}

// A run whose message the broker has taken back, and not given out again, is not claimed, however long it goes on.
func TestClaimWhileLost(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": gated(proceed)})
	s.connect()
	lost := newSession()
	s.bend("start", func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		lost.end()
		answer(w, r)
	})
	s.Deliver(s.ctx, lost.delivery("m", claiming("hello", "0"), false))
	until(t, "it runs", func() bool { return s.out.holds("begun") })
	close(proceed)
	s.Wait()
	lost.check(t, "")
	if s.calls.holds("VolumeCreate") || !s.out.holds("= exited 0 in") {
		t.Errorf("called\n%s", s.calls.take())
	}
}

// A claim that the Engine refuses leaves the message with the broker.
func TestClaimRefused(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, map[string]program{"hello": gated(proceed)})
	s.connect()
	s.bend("mark", refusing(500, "no space left on device"))
	s.give("m", claiming("hello", "0"))
	until(t, "it is refused", func() bool { return s.out.holds("a run could not be claimed") })
	until(t, "its output is printed", func() bool { return s.out.holds("| begun\n") })
	close(proceed)
	s.Wait()
	out := seconds.ReplaceAllString(s.out.take(), " in T")
	const want = `level=WARN msg="a run could not be claimed, and stays with the broker" message=m container=db00000000000000000000000000000000000000000000000000000000000001 error="dockerapi: VolumeCreate: 500: no space left on device"` + "\n"
	if !strings.Contains(out, want) || !strings.HasSuffix(out, "hello                = exited 0 in T\nm: ack\n") || strings.Contains(out, "claim\n") {
		t.Errorf("printed\n%s", out)
	}
}

// A run that ends while it is being claimed is settled as ever, and its mark goes, whether it had come to be or not.
func TestClaimTooLate(t *testing.T) {
	for _, made := range []bool{false, true} {
		proceed := make(chan struct{})
		s := newStage(t, map[string]program{"hello": gated(proceed)})
		s.connect()
		s.bend("mark", func(_ http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			if made {
				answer(httptest.NewRecorder(), r)
			}
			io.Copy(io.Discard, r.Body) // or the server does not see the client go
			close(proceed)
			<-r.Context().Done()
		})
		s.give("m", claiming("hello", "0"))
		s.ends(t, "hello                | begun\nhello                = exited 0 in T\nm: ack\n", "")
		if len(s.volumes) != 0 {
			t.Errorf("marks are left: %v", s.volumes)
		}
	}
}

// long is more input than the sockets on the way hold.
var long = strings.Repeat("x", testMaxBody/2)

// A run is not claimed before its container has all of its standard input.
func TestClaimFed(t *testing.T) {
	proceed := make(chan struct{})
	finish := make(chan struct{})
	s := newStage(t, map[string]program{"cat": func(c *container) int {
		c.print(dockerapi.Stdout, "begun\n")
		<-proceed
		readAll(c)
		<-finish
		return 0
	}})
	s.connect()
	s.Claim = 0
	s.give("m", strings.Replace(fed(long), `,"Remove":true`, "", 1))
	until(t, "it runs", func() bool { return s.out.holds("| begun\n") })
	if s.marked(s.all()[0]) != nil || s.out.holds("claim") {
		t.Error("claimed before it was fed")
	}
	close(proceed)
	until(t, "it is claimed", func() bool { return s.out.holds("m: claim\n") })
	if label := s.marked(s.all()[0])[labelMessage]; strings.Contains(label, "xxxx") || !strings.Contains(label, `"Cut":true`) {
		t.Errorf("the mark has %.200s", label)
	}
	until(t, "its output is printed", func() bool { return s.out.holds(fmt.Sprint(len(long), " bytes, <nil>")) })
	close(finish)
	s.Wait()
	if out := s.out.take(); !strings.Contains(out, "= exited 0 in ") || !strings.HasSuffix(out, "m: ack\n") {
		t.Errorf("printed\n%s", out)
	}
}

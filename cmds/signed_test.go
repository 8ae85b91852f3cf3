package cmds

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"docker-dispatch/wire"
)

// signedBy makes a delivery's signature, by the known key and the test's clock.
func signedBy(d wire.Delivery) wire.Delivery {
	d.Headers = map[string]any{HeaderSignature: Sign(knownKey(), d.Queue, d.MessageID, time.Now(), d.Body)}
	return d
}

// published has what the dispatcher publishes noted without its headers, the signature apart.
func (n *notes) published(_ context.Context, p wire.Publishing) error {
	signed, _ := p.Headers[HeaderSignature].(string)
	n.add("published: %s %s attempt %v, signed %t, as %q: %v", p.Queue, p.MessageID, p.Headers[headerAttempt], signed != "", p.UserID, p.Headers[headerReason])
	return nil
}

// verifying is a dispatcher of signed messages, and what it does is noted.
func (n *notes) verifying(t *testing.T, engine engineFunc) *Dispatcher {
	d := n.dispatcher(engine)
	d.Verifier = knownVerifier(t)
	d.Verifier.User = "us"
	d.Publish = n.published
	return d
}

func TestDispatchSigned(t *testing.T) {
	const (
		unsigned = "Signature: there is none, and messages have to be signed here"
		spent    = "Signature: seen before: a signature is good once; sign the message again"
		done     = "hello_world          = exited 0 in 0.00s\nm: ack\n"
		refused  = "m                    = denied: %[1]s\npublished: jobs.dead m attempt <nil>, signed %[2]t, as \"\": %[1]s\nm: ack\n"
	)
	synctest.Test(t, func(t *testing.T) {
		var n notes
		d := n.verifying(t, func(_ context.Context, c *Command, _ *Streams) (Result, error) {
			if c.labels()[labelSigner] != "alice" {
				t.Errorf("the labels are %q", c.labels())
			}
			return Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(0)}, nil
		})
		give := func(name string, delivery wire.Delivery, want string) {
			t.Helper()
			d.Deliver(t.Context(), delivery)
			d.Wait()
			n.check(t, name, want)
		}
		m := n.delivery("m", runHello)
		right := signedBy(m)
		give("unsigned", m, fmt.Sprintf(refused, unsigned, false))
		give("signed", right, done)
		give("once more", right, fmt.Sprintf(refused, spent, true))
		time.Sleep(rememberSettled + time.Second)
		give("later", right, fmt.Sprintf(refused, spent, true))
		give("signed anew", signedBy(m), done)
		third := right
		third.Headers = map[string]any{HeaderSignature: right.Headers[HeaderSignature], headerAttempt: int64(2)}
		give("another attempt than it asks for", third, strings.ReplaceAll(fmt.Sprintf(refused,
			"Signature: of a message that asks for 1 attempts, and this is number 2 (docker-dispatch-attempt); send it anew", true), "<nil>", "2"))
		ahead := signedBy(m)
		ahead.Headers = map[string]any{HeaderSignature: Sign(knownKey(), "jobs", "m", time.Now().Add(5*time.Minute), m.Body)}
		give("of a clock that is ahead", ahead, fmt.Sprintf(refused, "Signature: signed at 2000-01-01T00:05:11Z, and here it is 2000-01-01T00:00:11Z: more than 1m0s ahead", true))
		time.Sleep(5 * time.Minute)
		give("of that clock, later", ahead, done)
		d.Printer.Close(t.Context())
	})
}

// While a signed message is in work, its copies are joined to it, and whatever nobody has signed is neither joined nor in its way.
func TestStrangersAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		gate := make(chan struct{})
		d := n.verifying(t, func(_ context.Context, c *Command, _ *Streams) (Result, error) {
			n.add("begun")
			<-gate
			return Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(0)}, nil
		})
		give := func(name string, delivery wire.Delivery, want string) {
			t.Helper()
			d.Deliver(t.Context(), delivery)
			synctest.Wait()
			n.check(t, name, want)
		}
		const refused = "m                    = denied: Signature: there is none, and messages have to be signed here\n" +
			"published: jobs.dead m attempt <nil>, signed false, as \"\": Signature: there is none, and messages have to be signed here\nm: ack\n"
		const joined = "level=INFO msg=\"a message has come again and is in work or done\" message=m\n"
		right := signedBy(n.delivery("m", runHello))
		release := make(chan struct{})
		d.Publish = func(ctx context.Context, p wire.Publishing) error {
			<-release
			return n.published(ctx, p)
		}
		give("a stranger's with that id, first", n.delivery("m", `{"Dockercmd":"ps"}`), "m                    = denied: Signature: there is none, and messages have to be signed here\n")
		give("the signed one, beside it", right, "begun\n")
		close(release)
		synctest.Wait()
		n.take()
		give("a stranger's with its body", n.delivery("m", runHello), refused)
		give("a stranger's with another body", n.delivery("m", `{"Dockercmd":"ps"}`), refused)
		give("its copy", right, joined)
		time.Sleep(2 * time.Hour)
		again := right
		again.Redelivered = true
		give("its copy, when it is old", again, joined)
		anew := signedBy(n.delivery("m", runHello))
		give("the same message, signed anew", anew, joined)
		close(gate)
		d.Wait()
		n.check(t, "done", "hello_world          = exited 0 in 7200.00s\nm: ack\nm: ack\nm: ack\nm: ack\n")
		d.Deliver(t.Context(), anew)
		d.Wait()
		if got := n.take(); !strings.Contains(got, "seen before") || strings.Contains(got, "begun") {
			t.Errorf("the copy that was joined, again:\n%s", got)
		}
		d.Printer.Close(t.Context())
	})
}

// A further attempt has the old signature, and the broker's word that a dispatcher has published it.
func TestRetriesAreSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		d := n.verifying(t, func(_ context.Context, c *Command, _ *Streams) (Result, error) {
			n.add("attempt %d", c.Message.Attempt)
			return Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(1)}, nil
		})
		var queue []wire.Delivery
		d.Publish = func(ctx context.Context, p wire.Publishing) error {
			queue = append(queue, wire.Delivery{Properties: p.Properties, Queue: p.Queue, Body: p.Body, UserID: p.UserID, Settle: n.delivery("m", "").Settle})
			return n.published(ctx, p)
		}
		d.Deliver(t.Context(), signedBy(n.delivery("m", strings.Replace(runHello, `"Name"`, `"Retries":1,"Name"`, 1))))
		d.Wait()
		n.check(t, "first", "attempt 1\nhello_world          = exited 1 in 0.00s (attempt 0, again in 2s)\npublished: jobs m attempt 2, signed true, as \"us\": <nil>\nm: ack\n")
		time.Sleep(3 * time.Hour)
		second := queue[0]
		d.Deliver(t.Context(), second)
		d.Wait()
		n.check(t, "second", "attempt 2\nhello_world          = exited 1 in 0.00s (attempt 0, to the dead queue)\npublished: jobs.dead m attempt 3, signed true, as \"\": exited 1 in 0.00s (attempt 0, to the dead queue)\nm: ack\n")
		second.UserID = "somebody"
		d.Deliver(t.Context(), second)
		d.Wait()
		if got := n.take(); !strings.Contains(got, "longer ago than -verify-age") {
			t.Errorf("from somebody else\n%s", got)
		}
		d.Printer.Close(t.Context())
	})
}

// What cannot be written down is not settled, and done once when it can be.
func TestUseThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		d := n.verifying(t, func(context.Context, *Command, *Streams) (Result, error) {
			return Result{Name: "hello_world", Status: StatusExited, ExitCode: exited(0)}, nil
		})
		if err := d.Verifier.Remember(filepath.Join(t.TempDir(), "seen")); err != nil {
			t.Fatal(err)
		}
		defer d.Verifier.Close()
		path := d.Verifier.uses.path
		d.Verifier.uses.path, d.Verifier.uses.torn = "/nowhere/seen", true
		d.Deliver(t.Context(), signedBy(n.delivery("m", runHello)))
		time.Sleep(10 * time.Second)
		n.check(t, "kept", "hello_world          = exited 0 in 0.00s\nlevel=ERROR msg=\"a message is kept, since it cannot be written down that its signature is used\" message=m "+
			"error=\"cmds: used signatures: open /nowhere/seen.new: no such file or directory\"\n")
		d.Verifier.uses.mu.Lock()
		d.Verifier.uses.path = path
		d.Verifier.uses.mu.Unlock()
		d.Wait()
		n.check(t, "settled", "m: ack\n")

		d.Verifier.uses.path, d.Verifier.uses.torn = "/nowhere/seen", true
		ctx, stop := context.WithCancel(t.Context())
		d.Deliver(ctx, signedBy(n.delivery("m2", runHello)))
		time.Sleep(time.Second)
		stop()
		d.Wait()
		if got := n.take(); strings.Contains(got, "m2: ack") {
			t.Errorf("settled\n%s", got)
		}
		d.Printer.Close(t.Context())
	})
}

// A control message is done once.
func TestControlSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		d := n.verifying(t, func(context.Context, *Command, *Streams) (Result, error) {
			n.add("done")
			return Result{}, errForeign
		})
		give := func(name string, delivery wire.Delivery, want string) {
			t.Helper()
			for range 2 {
				d.Control(t.Context(), delivery)
				d.Wait()
			}
			n.check(t, name, want)
		}
		const refused = "level=ERROR msg=\"a control message that is not done, which every dispatcher got\" message=c error=\"Signature: %s\"\nc: ack\n"
		order := n.delivery("c", `{"Dockercmd":"stop","Container":"hello"}`)
		give("unsigned", order, strings.Repeat(fmt.Sprintf(refused, "there is none, and messages have to be signed here"), 2))
		d.Control(t.Context(), signedBy(order))
		d.Wait()
		n.check(t, "signed", "done\nc: ack\n")
		give("again", signedBy(order), strings.Repeat(fmt.Sprintf(refused, "seen before: a signature is good once; sign the message again"), 2))
		time.Sleep(time.Hour)
		order = signedBy(order)
		d.Control(t.Context(), order)
		d.Control(t.Context(), order)
		d.Wait()
		if got := n.take(); strings.Count(got, "done\n") != 1 || strings.Count(got, "seen before") != 1 {
			t.Errorf("two at once:\n%s", got)
		}
		d.Printer.Close(t.Context())
	})
}

// A run that was claimed is not verified again, and its signature is used at its end.
func TestReseal(t *testing.T) {
	d := signed([]byte("v1 " + knownMoment + " " + knownSum))
	v := knownVerifier(t)
	s := v.verify(&d, testMaxBody)
	j := &job{origin: d}
	label, ok := j.parcel()
	if !ok {
		t.Fatal("no parcel")
	}
	back, _, err := unwrap(label)
	if got := reseal(back, "alice"); err != nil || got.use != s.use || got.signer != "alice" {
		t.Errorf("%+v, want %+v", got, s)
	}
	if got := reseal(back, ""); got.signer != "" || got.use != (use{}) {
		t.Errorf("of a run that nobody has looked at: %+v", got)
	}
}

package amqp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"docker-dispatch/wire"
	"docker-dispatch/wire/logfmt"
	"docker-dispatch/wire/wiretest"

	"github.com/rabbitmq/amqp091-go"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

// journal is a log without its times, safe for use by many.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *logfmt.Logger {
	return logfmt.New(wiretest.Untimed(j), logfmt.Debug)
}

// loud is the journal without its debug lines.
func (j *journal) loud() string {
	var lines []string
	for line := range strings.Lines(j.String()) {
		if !strings.HasPrefix(line, "level=DEBUG") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

const secret = "hunter2"

func TestCheckURI(t *testing.T) {
	const notURI = "amqp: broker's address: not a URI; in a user name, password or vhost, : @ / ? # % are written %3A %40 %2F %3F %23 %25"
	for _, c := range []struct{ uri, want, redacted string }{
		{"amqp://guest:hunter2@localhost:5672/", "", "amqp://guest:***@localhost:5672/"},
		{"amqp://", "", "amqp://"},
		{"amqp://localhost", "", "amqp://localhost"},
		{"amqp:///prod", "", "amqp:///prod"},
		{"amqp://bob@localhost/%2f", "", "amqp://bob@localhost/%2f"},
		{"amqp://b%40b:hunter2%40@[::1]:5672/a%2Fb", "", "amqp://b%40b:***@[::1]:5672/a%2Fb"},
		{"amqp://bob:hun@hunter2@h/v", "", "amqp://bob:***@h/v"},
		{"amqp://bob:hunter2@h1:5671,h2,[::1]:5673/v?heartbeat=5", "", "amqp://bob:***@h1:5671,h2,[::1]:5673/v"},
		{"amqp://bob:1,hunter2@h1,h2", "", "amqp://bob:***@h1,h2"},
		{"amqps://bob:hunter2@h/?certfile=a&keyfile=b&auth_mechanism=external&auth_mechanism=PLAIN&heartbeat=0", "", "amqps://bob:***@h/"},

		{"", "amqp: broker's address: it begins with amqp:// or amqps://", "***"},
		{"localhost:5672", "amqp: broker's address: it begins with amqp:// or amqps://", "***"},
		{"amqp:bob:hunter2@h", "amqp: broker's address: it begins with amqp:// or amqps://", "***"},
		{"http://bob:hunter2@h/", "amqp: broker's address: it begins with amqp:// or amqps://", "***"},
		{"amqp://bob:hunter2/x@h/", notURI, "amqp://***"},
		{"amqp://bob:1/hunter2@h/", notURI, "amqp://***"},
		{"amqp://bob:1?hunter2@h/", notURI, "amqp://***"},
		{"amqp://bob:1#hunter2@h/", notURI, "amqp://***"},
		{"amqp://bob:hunter2%@h/", notURI, "amqp://***"},
		{"amqp://bob:hunter2%zz@h/", notURI, "amqp://***"},
		{"amqp://bob:hunter2@h:port/", notURI, "amqp://***"},
		{"amqp://bob:hun ter2@h/", notURI, "amqp://***"},
		{"amqp://bob:hunter2@h/\r\nX: y", notURI, "amqp://***"},
		{"amqp://bob:hunter2@h:0/", "amqp: broker's address: a port is 1 to 65535", "amqp://***"},
		{"amqp://bob:hunter2@h:70000/", "amqp: broker's address: a port is 1 to 65535", "amqp://***"},
		{"amqp://bob:hunter2@h1,h2:0/", "amqp: broker's address: a port is 1 to 65535", "amqp://***"},
		{"amqp://bob:hunter2@h1,/", "amqp: broker's address: a comma stands between two hosts; in a password it is written %2C", "amqp://***"},
		{"amqp://bob:hunter2@,h1", "amqp: broker's address: a comma stands between two hosts; in a password it is written %2C", "amqp://***"},
		{"amqp://bob:hunter2@h1,:5672", "amqp: broker's address: a comma stands between two hosts; in a password it is written %2C", "amqp://***"},
		{"amqp://bob:1,hunter2/x@h1/", notURI, "amqp://***"},
		{"amqp://h1,amqp://h2", "amqp: broker's address: a / within the vhost is written %2F", "amqp://***"},
		{"amqp://h/a/b", "amqp: broker's address: a / within the vhost is written %2F", "amqp://***"},
		{"amqp://h//", "amqp: broker's address: a / within the vhost is written %2F", "amqp://***"},
		{"amqp://h/v/", "amqp: broker's address: a / within the vhost is written %2F", "amqp://***"},
		{"amqp://h/" + strings.Repeat("v", 256), "amqp: broker's address: a vhost has at most 255 bytes", "amqp://***"},
		{"amqps://bob:hunter2@h/?verify=verify_none&cacertfile=a", "", "amqps://bob:***@h/"},
		{"amqps://h/?password=hunter2", `amqp: broker's address: unknown parameter "password"; known are auth_mechanism, cacertfile, certfile, channel_max, connection_timeout, heartbeat, keyfile, server_name_indication, verify`, "amqps://***"},
		{"amqps://h/?verify=hunter2", "amqp: broker's address: verify must be verify_peer or verify_none", "amqps://***"},
		{"amqp://h/?verify=verify_peer", "amqp: broker's address: verify has no effect without TLS: write amqps://, or leave it out", "amqp://***"},
		{"amqps://h/?auth_mechanism=plain&auth_mechanism=External", "amqp: broker's address: auth_mechanism=external is a login by a client certificate: add certfile and keyfile", "amqps://***"},
		{"amqps://h/?certfile=a", "amqp: broker's address: certfile and keyfile go together", "amqps://***"},
		{"amqp://h/?cacertfile=hunter2", "amqp: broker's address: cacertfile has no effect without TLS: write amqps://, or leave it out", "amqp://***"},
		{"amqp://h/?heartbeat=hunter2", "amqp: broker's address: heartbeat must be 0 to 65535 seconds", "amqp://***"},
		{"amqp://h/?heartbeat=1&heartbeat=2", "amqp: broker's address: heartbeat is there twice", "amqp://***"},
		{"amqp://h/?connection_timeout=0", "amqp: broker's address: connection_timeout must be 1 to 3600000 milliseconds", "amqp://***"},
		{"amqp://h/?auth_mechanism=hunter2", "amqp: broker's address: auth_mechanism must be plain, amqplain or external", "amqp://***"},
		{"amqp://h/?channel_max=-1", "amqp: broker's address: channel_max must be 0 to 65535", "amqp://***"},
		{"amqp://h/?a=%zz", "amqp: broker's address: a parameter is not escaped as in a URI", "amqp://***"},
		{"amqp://h/?a;b", "amqp: broker's address: a parameter is not escaped as in a URI", "amqp://***"},
	} {
		got := ""
		if err := CheckURI(c.uri); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("CheckURI(%q)\n got %s\nwant %s", c.uri, got, c.want)
		}
		if got := Redact(c.uri); got != c.redacted {
			t.Errorf("Redact(%q)\n got %s\nwant %s", c.uri, got, c.redacted)
		}
	}
}

// The vhost that the library takes is the one that was written.
func TestVhost(t *testing.T) {
	for uri, want := range map[string]string{
		"amqp://h": "/", "amqp://h/": "/", "amqp://h/%2F": "/", "amqp://h/prod": "prod", "amqp://h/%2Fprod": "/prod", "amqp:///a%2Fb": "a/b",
	} {
		if got, err := parseURI(uri); err != nil || got[0].uri.Vhost != want {
			t.Errorf("%s: got %v, %v, want vhost %q", uri, got, err, want)
		}
	}
}

// Wherever a password is cut by what follows or precedes it, no part of the text that we print has it.
func FuzzPassword(f *testing.F) {
	for _, s := range []string{"", "@", "/", "?", "#", "%", "1/", ":", "@h:1/", "%40", "?x=", "]", "[::1", "\n", "é"} {
		f.Add(s, "")
		f.Add("", s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		uri := "amqp://bob:" + before + secret + after + "@localhost/"
		if got := fmt.Sprint(CheckURI(uri), Redact(uri)); strings.Contains(got, secret) {
			t.Errorf("%q is told by %s", uri, got)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := Config{URI: "amqp://h", Queue: "q", Prefetch: 1}
	for _, c := range []struct {
		bend func(*Config)
		want string
	}{
		{func(c *Config) {}, ""},
		{func(c *Config) { c.URI = "http://h" }, "amqp: broker's address: it begins with amqp:// or amqps://"},
		{func(c *Config) { c.Queue = "" }, `amqp: queue "": a name has 1 to 250 bytes`},
		{func(c *Config) { c.Queue = strings.Repeat("q", 250) }, ""},
		{func(c *Config) { c.Queue = strings.Repeat("q", 251) }, `amqp: queue "` + strings.Repeat("q", 251) + `": a name has 1 to 250 bytes`},
		{func(c *Config) { c.QueueType = "stream" }, `amqp: queue type "stream": classic and quorum are known`},
		{func(c *Config) { c.Prefetch = 0 }, "amqp: prefetch 0: from 1 to 65535"},
		{func(c *Config) { c.Prefetch = 65536 }, "amqp: prefetch 65536: from 1 to 65535"},
		{func(c *Config) { c.Control, c.Name = nobody, strings.Repeat("n", 245) }, ""},
		{func(c *Config) { c.Control, c.Name = nobody, strings.Repeat("n", 246) }, `amqp: name "` + strings.Repeat("n", 246) + `": with the queue's and ".control.", in 255 bytes, it names the control queue`},
		{func(c *Config) { c.Control = nobody }, `amqp: name "": with the queue's and ".control.", in 255 bytes, it names the control queue`},
	} {
		cfg, got := good, ""
		c.bend(&cfg)
		b, err := New(cfg)
		if err != nil {
			got = err.Error()
		} else {
			b.Close() // safe when never connected
		}
		if got != c.want {
			t.Errorf("New(%+v)\n got %s\nwant %s", cfg, got, c.want)
		}
	}
}

func TestQueueType(t *testing.T) {
	for _, c := range []struct{ asked, version, want string }{
		{"", "3.10.8", "classic"}, {"", "3.13.7", "classic"}, {"", "4.0.5", "quorum"}, {"", "10.0", "quorum"}, {"", "", "quorum"},
		{"classic", "4.0.5", "classic"}, {"quorum", "3.10.8", "quorum"},
	} {
		b := &Broker{cfg: Config{QueueType: c.asked}}
		if got := b.queueType(version(c.version)); got != c.want {
			t.Errorf("%q on %q: got %s, want %s", c.asked, c.version, got, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	mends := map[int]string{403: "ask for the right"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "<nil>"},
		{errors.New("broken pipe"), "amqp: declaring: broken pipe"},
		{&amqp091.Error{Code: 541, Reason: "INTERNAL_ERROR", Server: true}, `amqp: declaring: Exception (541) Reason: "INTERNAL_ERROR"`},
		{&amqp091.Error{Code: 403, Reason: "ACCESS_REFUSED - no\nlevel=INFO", Server: true}, `amqp: declaring: refused: "ACCESS_REFUSED - no\nlevel=INFO" (403); ask for the right`},
	} {
		if got := fmt.Sprint(judge("declaring", c.err, mends)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestBoundHeaders(t *testing.T) {
	nested := func(depth int) (v any) {
		v = int32(1)
		for range depth {
			v = amqp091.Table{"t": v}
		}
		return v
	}
	now := time.Unix(1700000000, 0)
	big := strings.Repeat("x", 60<<10)
	for _, c := range []struct {
		name    string
		in      map[string]any
		want    amqp091.Table
		dropped string
	}{
		{"none", nil, amqp091.Table{}, ""},
		{"every type", map[string]any{"a": nil, "b": true, "c": int8(1), "d": uint8(2), "e": int16(3), "f": uint16(4), "g": int32(5), "h": uint32(6),
			"i": int64(7), "j": float32(8), "k": 9.5, "l": now, "m": amqp091.Decimal{Scale: 1, Value: 2}, "n": "s", "o": []byte("b"), "p": []any{"x", int32(1)}, "q": amqp091.Table{"y": "z"}},
			amqp091.Table{"a": nil, "b": true, "c": int8(1), "d": uint8(2), "e": int16(3), "f": uint16(4), "g": int32(5), "h": uint32(6),
				"i": int64(7), "j": float32(8), "k": 9.5, "l": now, "m": amqp091.Decimal{Scale: 1, Value: 2}, "n": "s", "o": []byte("b"), "p": []any{"x", int32(1)}, "q": amqp091.Table{"y": "z"}}, ""},
		{"what the library would cut or refuse", map[string]any{"n": 1 << 40, "m": map[string]any{"n": 2}}, amqp091.Table{"n": int64(1 << 40), "m": amqp091.Table{"n": int64(2)}}, ""},
		{"no type for it", map[string]any{"u": uint64(1), "s": struct{}{}, "deep": []any{[]string{"x"}}, "ok": "yes"}, amqp091.Table{"ok": "yes"}, `3: ["deep" "s" "u"]`},
		{"routing", map[string]any{"CC": []any{"other"}, "BCC": []any{"other"}, "cc": "kept"}, amqp091.Table{"cc": "kept"}, `2: ["BCC" "CC"]`},
		{"long keys", map[string]any{strings.Repeat("k", 256): 1, "t": amqp091.Table{strings.Repeat("k", 256): 1}}, amqp091.Table{}, `2: ["kkkkkkkkkkkkkkkkkkkkkkkkk" "t"]`},
		{"the small stay", map[string]any{"big": big, "big2": big, "reason": "why"}, amqp091.Table{"reason": "why", "big": big}, `1: ["big2"]`},
		{"nesting", map[string]any{"ok": nested(32), "deep": nested(33)}, amqp091.Table{"ok": nested(32)}, `1: ["deep"]`},
		{"many in one", map[string]any{"many": make([]any, 8001), "fewer": make([]any, 8000)}, amqp091.Table{"fewer": make([]any, 8000)}, `1: ["many"]`},
	} {
		want := maps.Clone(c.want)
		if c.dropped != "" {
			want[DroppedHeader] = c.dropped
		}
		if got := boundHeaders(c.in, nil, maxHeaders); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Errorf("%s:\n got %.300v\nwant %.300v", c.name, got, want)
		}
	}
}

func TestHeadersWithin(t *testing.T) {
	for frame, want := range map[int]int{0: 65536, 131072: 65536, 1 << 20: 65536, 4096: 2048} {
		if got := headersWithin(frame); got != want {
			t.Errorf("%d: got %d, want %d", frame, got, want)
		}
	}
}

func TestUnsendable(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		p    wire.Publishing
		want string
	}{
		{wire.Publishing{}, `amqp: publishing to "": "no queue"; name one`},
		{wire.Publishing{Queue: long}, `amqp: publishing to "` + long[:255] + `": "Queue of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{MessageID: long}}, `amqp: publishing to "q": "MessageID of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{CorrelationID: long}}, `amqp: publishing to "q": "CorrelationID of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{ReplyTo: long}}, `amqp: publishing to "q": "ReplyTo of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{ContentType: long}}, `amqp: publishing to "q": "ContentType of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{ContentEncoding: long}}, `amqp: publishing to "q": "ContentEncoding of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{Type: long}}, `amqp: publishing to "q": "Type of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", UserID: long}, `amqp: publishing to "q": "UserID of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Properties: wire.Properties{AppID: long}}, `amqp: publishing to "q": "AppID of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: long[:248], Delay: time.Second}, `amqp: publishing to "` + long[:248] + `": "Queue of 256 bytes"; AMQP has room for 255`},
		{wire.Publishing{Queue: "q", Delay: 3 * time.Second}, `amqp: publishing to "q": "Delay of 3s"; it is a power of two of seconds, up to 17m4s`},
		{wire.Publishing{Queue: "q", Delay: 2048 * time.Second}, `amqp: publishing to "q": "Delay of 34m8s"; it is a power of two of seconds, up to 17m4s`},
		{wire.Publishing{Queue: "q", Delay: -time.Second}, `amqp: publishing to "q": "Delay of -1s"; it is a power of two of seconds, up to 17m4s`},
		{wire.Publishing{Queue: "q", Delay: time.Second + 1}, `amqp: publishing to "q": "Delay of 1.000000001s"; it is a power of two of seconds, up to 17m4s`},
		{wire.Publishing{Queue: "q", Body: make([]byte, maxBody+1)}, `amqp: publishing to "q": "body of 134217729 bytes"; no RabbitMQ takes more than 134217728 by default`},
	} {
		b := newTestBroker(t, Config{URI: "amqp://127.0.0.1:1"}, nil)
		if err := b.Publish(t.Context(), c.p); fmt.Sprint(err) != c.want || !isRefused(err) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// One outage is said once, its refusal too; attempts come at half a second doubling to fifteen, give or take a quarter.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		o := outage{log: j.logger(), what: "consuming"}
		cut, refused := errors.New("cut"), &Refused{What: "logging in", Code: 403, Reason: "no", Mend: "mend it"}
		unknown := &net.OpError{Op: "dial", Err: &net.DNSError{Name: "nowhere", IsNotFound: true}}

		o.over()
		for _, c := range []struct {
			err  error
			want time.Duration
		}{
			{cut, 500 * time.Millisecond}, {cut, time.Second}, {refused, 30 * time.Second}, {refused, 30 * time.Second}, {unknown, 30 * time.Second},
			{cut, 2 * time.Second}, {cut, 4 * time.Second}, {cut, 8 * time.Second}, {cut, 15 * time.Second}, {cut, 15 * time.Second},
		} {
			start := time.Now()
			o.wait(t.Context(), c.err)
			if got := time.Since(start); got < c.want*3/4 || got > c.want*5/4 {
				t.Errorf("after %v: waited %v, want about %v", c.err, got, c.want)
			}
		}
		o.over()
		o.over()
		want := "level=INFO msg=consuming\n" +
			"level=WARN msg=\"not consuming, trying again\" error=cut in=~\n" +
			"level=WARN msg=\"not consuming, trying again\" error=\"amqp: logging in: refused: \\\"no\\\" (403); mend it\" in=~\n" +
			"level=INFO msg=\"consuming again\"\n"
		if got := withoutDelay(j.loud()); got != want {
			t.Errorf("log:\n%s\nwant:\n%s", got, want)
		}

		if d := o.next(cut); d < 10*time.Second {
			t.Errorf("lost again at once: the next attempt comes after %v, want about 15s", d)
		}
		time.Sleep(time.Minute)
		if d := o.next(cut); d > time.Second {
			t.Errorf("lost after a minute: the next attempt comes after %v, want about 500ms", d)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if o.wait(ctx, refused); time.Since(start) != 0 {
			t.Errorf("waited %v though the context had ended", time.Since(start))
		}
	})
}

func withoutDelay(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if before, _, found := strings.Cut(line, " in="); found {
			line = before + " in=~\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// newTestBroker fills in what a test does not care for, and closes at the test's end.
func newTestBroker(t *testing.T, cfg Config, j *journal) *Broker {
	t.Helper()
	if cfg.Queue == "" {
		cfg.Queue = "q"
	}
	if cfg.Prefetch == 0 {
		cfg.Prefetch = 1
	}
	if j != nil {
		cfg.Log = j.logger()
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("log:\n%s", j)
			}
			if strings.Contains(j.String(), secret) {
				t.Errorf("the log tells the password:\n%s", j)
			}
		})
	}
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// listen runs serve for each connection to a port of this machine.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		served.Wait()
	})
	return l.Addr().String()
}

// silent reads and never answers.
func silent(conn net.Conn) {
	for buf := make([]byte, 512); ; {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

func nobody(wire.Delivery) {}

func TestWrongPortIsRefusedAtOnce(t *testing.T) {
	stranger := wiretest.NewAuthority(t, t.TempDir()).Issue("stranger", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }).Load(t)
	alert := func(conn net.Conn) { // a TLS server's answer to what is not TLS: a fatal alert, protocol_version
		conn.Read(make([]byte, 8))
		conn.Write([]byte{21, 3, 1, 0, 2, 2, 70})
		silent(conn)
	}
	plain := func(conn net.Conn) {
		conn.Read(make([]byte, 512))
		conn.Write([]byte("AMQP\x00\x00\x09\x01"))
	}
	untrusted := func(conn net.Conn) {
		tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{stranger}}).Handshake()
	}
	for _, c := range []struct {
		scheme, query string
		serve         func(net.Conn)
		want          string
	}{
		{"amqp", "", alert, `: "the answer is not AMQP"; if this is a port for TLS, write amqps://`},
		{"amqps", "", plain, `: "tls: first record does not look like a TLS handshake"; if this is the port for plain AMQP, write amqp://`},
		{"amqps", "", untrusted, `: "tls: failed to verify certificate: x509: certificate signed by unknown authority"; no authority that this system knows has signed the peer's certificate: name its authority's file (cacertfile, certfile, keyfile and server_name_indication in the broker's address)`},
		{"amqps", "?cacertfile=/nonexistent", untrusted, `: "wire: TLS: the authorities' certificates: open /nonexistent: no such file or directory"; check cacertfile, certfile and keyfile in the broker's address`},
	} {
		address := listen(t, c.serve)
		b := newTestBroker(t, Config{URI: c.scheme + "://bob:" + secret + "@" + address + "/" + c.query}, new(journal))
		want := "amqp: connecting to " + c.scheme + "://bob:***@" + address + "/" + c.want
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := b.Consume(ctx, nobody); fmt.Sprint(err) != want || !isRefused(err) {
			t.Errorf("Consume\n got %v\nwant %s", err, want)
		}
		if err := b.Publish(ctx, wire.Publishing{Queue: "q"}); fmt.Sprint(err) != want {
			t.Errorf("Publish\n got %v\nwant %s", err, want)
		}
	}
}

// A broker that is away, or does not answer, is waited for until ctx is done, said once and without the password.
func TestWaitsForBroker(t *testing.T) {
	closed := func(conn net.Conn) { conn.Read(make([]byte, 8)) }
	for _, c := range []struct {
		name, query string
		serve       func(net.Conn)
		want        string
	}{
		{"frozen", "?connection_timeout=50", silent, "no complete handshake within connection_timeout"},
		{"a proxy before nothing", "", closed, `Exception (501) Reason: \"EOF\"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := listen(t, c.serve)
			var j journal
			b := newTestBroker(t, Config{URI: "amqp://bob:" + secret + "@" + address + "/" + c.query}, &j)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- b.Consume(ctx, nobody) }()
			eventually(t, func() bool { return strings.Count(j.String(), "msg=connecting") >= 3 })
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("got %v", err)
			}
			want := `level=WARN msg="not consuming, trying again" queue=q error="amqp: connecting to amqp://bob:***@` + address + "/: " + c.want + "\" in=~\n"
			if got := withoutDelay(j.loud()); got != want {
				t.Errorf("log:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// A handshake with a broker that does not answer ends with ctx, long before its own deadline.
func TestContextEndsHandshake(t *testing.T) {
	reached := make(chan struct{}, 2)
	address := listen(t, func(conn net.Conn) {
		reached <- struct{}{}
		silent(conn)
	})
	for name, call := range map[string]func(*Broker, context.Context) error{
		"consume": func(b *Broker, ctx context.Context) error { return b.Consume(ctx, nobody) },
		"publish": func(b *Broker, ctx context.Context) error {
			if err := b.Publish(ctx, wire.Publishing{Queue: "q"}); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("got %w, want context canceled", err)
			}
			return nil
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		b := newTestBroker(t, Config{URI: "amqp://" + address}, new(journal))
		go func() {
			<-reached
			cancel()
		}()
		start := time.Now()
		if err := call(b, ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > defaultTimeout/3 {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// eventually waits for a condition, for as long as a slow machine may need.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never happened")
		}
	}
}

// Settle may be kept long after the message: it must not keep the body.
func TestSettleHoldsNoBody(t *testing.T) {
	body := make([]byte, 1<<20)
	watched := weak.Make(&body[0])
	k := &keeper{window: new(window)}
	k.receive(amqp091.Delivery{Body: body, Headers: amqp091.Table{"a": body}})
	settle := k.pending[0].delivery.Settle
	k.pending, body = nil, nil
	runtime.GC()
	if watched.Value() != nil {
		t.Error("the body is still in memory")
	}
	runtime.KeepAlive(settle)
}

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		version             version
		major, minor, patch int
		want                bool
	}{
		{"3.10.8", 3, 10, 0, true}, {"3.9.29", 3, 10, 0, false}, {"3.8.15", 3, 8, 15, true}, {"3.8.14", 3, 8, 15, false},
		{"4.0", 4, 0, 0, true}, {"4.3.0-rc.1", 4, 3, 0, true}, {"4.2.9", 4, 3, 0, false}, {"10.0.0", 4, 3, 0, true}, {"", 4, 3, 0, true}, {"new", 4, 3, 0, true},
	} {
		if got := c.version.atLeast(c.major, c.minor, c.patch); got != c.want {
			t.Errorf("%q, at least %d.%d.%d: got %v", c.version, c.major, c.minor, c.patch, got)
		}
	}
}

// Hosts are tried in turn, from the one after the last. A login's refusal ends the round, another refusal doesn't; the error
// is an outage when any is.
func TestHosts(t *testing.T) {
	eof := func(conn net.Conn) { conn.Read(make([]byte, 8)) }
	other := func(conn net.Conn) { // TLS
		conn.Read(make([]byte, 8))
		conn.Write([]byte{21, 3, 1, 0, 2, 2, 70})
		silent(conn)
	}
	for _, c := range []struct {
		name          string
		first, second func(net.Conn)
		want          string
		refused       bool
	}{
		{"two outages", eof, eof, `amqp: connecting to amqp://1/: Exception (501) Reason: "EOF"; amqp: connecting to amqp://2/: Exception (501) Reason: "EOF"`, false},
		{"a refusal and an outage", other, eof, `amqp: connecting to amqp://1/: "the answer is not AMQP"; if this is a port for TLS, write amqps://; amqp: connecting to amqp://2/: Exception (501) Reason: "EOF"`, false},
		{"an outage and a refusal", eof, other, `amqp: connecting to amqp://1/: Exception (501) Reason: "EOF"; amqp: connecting to amqp://2/: "the answer is not AMQP"; if this is a port for TLS, write amqps://`, false},
		{"two refusals", other, other, `amqp: connecting to amqp://1/: "the answer is not AMQP"; if this is a port for TLS, write amqps://; amqp: connecting to amqp://2/: "the answer is not AMQP"; if this is a port for TLS, write amqps://`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := listen(t, c.first), listen(t, c.second)
			b := newTestBroker(t, Config{URI: "amqp://" + first + "," + second + "/"}, new(journal))
			dialled := 0
			_, err := b.dial(t.Context(), "n", &dialled)
			got := strings.NewReplacer(first, "1", second, "2").Replace(fmt.Sprint(err))
			if got != c.want || isRefused(err) != c.refused {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// A flood of small headers does not carry away those that come first.
func TestFirstHeaders(t *testing.T) {
	in := map[string]any{"reason": strings.Repeat("r", 4<<10)}
	for i := range 5000 {
		in[fmt.Sprint("flood-", i)] = "12345678"
	}
	if got := boundHeaders(in, []string{"reason", "attempt"}, maxHeaders); got["reason"] != in["reason"] || got["flood-1"] == nil || got[DroppedHeader] == nil {
		t.Errorf("of %d headers %d are kept, without the first", len(in), len(got))
	}
}

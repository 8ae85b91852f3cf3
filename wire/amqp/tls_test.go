package amqp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire/wiretest"

	"github.com/rabbitmq/amqp091-go"
)

// TestCertificates has a broker that wants TLS with a client's certificate. What a person has to mend is said at once, also
// where the broker says it when TLS's handshake is over.
func TestCertificates(t *testing.T) {
	authority, other := wiretest.NewAuthority(t, t.TempDir()), wiretest.NewAuthority(t, t.TempDir())
	config := &tls.Config{
		Certificates: []tls.Certificate{authority.Issue("server", nil).Load(t)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool(),
	}
	serve := func(raw net.Conn) {
		conn := tls.Server(raw, config)
		silent(conn)
		conn.Close()
	}
	client, expired := authority.Issue("client", nil), authority.Issue("expired", wiretest.Expired)
	const hint = " (cacertfile, certfile, keyfile and server_name_indication in the broker's address)"
	for _, c := range []struct{ host, query, want string }{
		{"localhost", "cacertfile=CA", `"remote error: tls: certificate required"; the peer may want a client certificate, and there is none` + hint},
		{"localhost", "cacertfile=CA&certfile=EXPIRED.pem&keyfile=EXPIRED-key.pem", `"remote error: tls: expired certificate"; the peer may not accept the client certificate in EXPIRED.pem: has its authority signed it, and has it not expired?` + hint},
		{"localhost", "certfile=CLIENT.pem&keyfile=CLIENT-key.pem", `"tls: failed to verify certificate: x509: certificate signed by unknown authority"; no authority that this system knows has signed the peer's certificate: name its authority's file` + hint},
		{"127.0.0.1", "cacertfile=CA", `"tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"; the peer's certificate is for other hosts: use one of their names in the address` + hint},
		{"localhost", "cacertfile=CLIENT-key.pem", `"wire: TLS: the authorities' certificates: CLIENT-key.pem has none in PEM"; check cacertfile, certfile and keyfile in the broker's address`},
		{"localhost", "cacertfile=OTHER&verify=verify_none&certfile=CLIENT.pem&keyfile=CLIENT-key.pem&connection_timeout=300", ""},
		{"127.0.0.1", "cacertfile=CA&server_name_indication=localhost&certfile=CLIENT.pem&keyfile=CLIENT-key.pem&connection_timeout=300", ""},
	} {
		files := strings.NewReplacer("CA", authority.File, "OTHER", other.File, "CLIENT", strings.TrimSuffix(client.Cert, ".pem"), "EXPIRED", strings.TrimSuffix(expired.Cert, ".pem"))
		_, port, _ := net.SplitHostPort(listen(t, serve))
		address := "amqps://bob:***@" + net.JoinHostPort(c.host, port) + "/"
		b := newTestBroker(t, Config{URI: strings.Replace(address, "***", secret, 1) + "?" + files.Replace(c.query)}, new(journal))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := b.dial(ctx, "test", new(int))
		want := "amqp: connecting to " + address + ": " + files.Replace(c.want)
		if c.want == "" {
			want = "amqp: connecting to " + address + ": " + errHandshake.Error() // TLS is there, and this broker says no more
		}
		if fmt.Sprint(err) != want || isRefused(err) != (c.want != "") {
			t.Errorf("%s\n got %v\nwant %s", c.query, err, want)
		}
	}
}

func TestUnverifiedIsSaid(t *testing.T) {
	for query, want := range map[string]int{"": 0, "?verify=verify_peer": 0, "?verify=verify_none": 1} {
		var j journal
		newTestBroker(t, Config{URI: "amqps://localhost/" + query}, &j)
		if got := strings.Count(j.String(), "level=WARN msg=\"the broker's certificate is not verified"); got != want {
			t.Errorf("%q: said %d times, want %d", query, got, want)
		}
	}
}

// TestLogin has what the broker is told: mechanisms and responses as of SASL.
func TestLogin(t *testing.T) {
	file := t.TempDir() + "/password"
	if err := os.WriteFile(file, []byte("from: the %40 file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const certificate = "certfile=a&keyfile=b"
	for _, c := range []struct{ uri, file, want string }{
		{"amqp://h", "", "PLAIN \x00guest\x00guest;"},
		{"amqp://bob:p%40ss@h", "", "PLAIN \x00bob\x00p@ss;"},
		{"amqp://bob@h", file, "PLAIN \x00bob\x00from: the %40 file;"},
		{"amqp://h", file, "PLAIN \x00guest\x00from: the %40 file;"},
		{"amqps://h?auth_mechanism=EXTERNAL&" + certificate, "", "EXTERNAL \x00*\x00*;"},
		{"amqps://bob@h?auth_mechanism=external&auth_mechanism=plain&" + certificate, file, "EXTERNAL \x00*\x00*;PLAIN \x00bob\x00from: the %40 file;"},
		{"amqp://bob@h", file + ".none", `amqp: logging in at amqp://bob@h: "wire: password file: open ` + file + `.none: no such file or directory"; mend the password file`},
	} {
		hosts, err := parseURI(c.uri)
		if err != nil {
			t.Fatal(err)
		}
		ways, err := hosts[0].login(c.file)
		got := ""
		for _, way := range ways {
			got += way.Mechanism() + " " + way.Response() + ";"
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.uri, got, c.want)
		}
	}
}

func TestCheckPasswordFile(t *testing.T) {
	file := t.TempDir() + "/password"
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	const both = "amqp: broker's address: it has a password, and there is a password file: leave one of the two out"
	for _, c := range []struct{ uri, path, want string }{
		{"amqp://bob@h", file, "<nil>"},
		{"amqp://h", file, "<nil>"},
		{"amqp://bob@h1:1,h2/v", file, "<nil>"},
		{"amqp://bob:hunter2@h", "", "<nil>"},
		{"amqp://bob:hunter2@h", file, both},
		{"amqp://bob:hunter2@h1,h2:1/v", file, both},
		{"amqp://bob:@h", file, both},
		{"amqp://bob@h", file + "/none", "wire: password file: open " + file + "/none: not a directory"},
	} {
		if got := fmt.Sprint(CheckPasswordFile(c.uri, c.path)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.uri, got, c.want)
		}
		if _, err := New(Config{URI: c.uri, PasswordFile: c.path, Queue: "q", Prefetch: 1}); fmt.Sprint(err) != c.want {
			t.Errorf("New of %s: got %v, want %s", c.uri, err, c.want)
		}
	}
}

// TestNoSharedMechanism says what external needs.
func TestNoSharedMechanism(t *testing.T) {
	hosts, err := parseURI("amqp://h?auth_mechanism=amqplain")
	if err != nil {
		t.Fatal(err)
	}
	const want = `amqp: connecting to amqp://h: refused: "SASL could not negotiate a shared mechanism" (403); ` +
		"the broker has no auth_mechanism of the address; external needs its plugin rabbitmq_auth_mechanism_ssl, and a listener with TLS"
	if got := hosts[0].dialError(amqp091.ErrSASL); got.Error() != want || !isLogin(got) {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

func TestKeyFile(t *testing.T) {
	for uri, want := range map[string]string{"-": "", "amqps://h": "", "amqps://h1,h2?keyfile=%2Fk&certfile=c": "/k"} {
		if got := KeyFile(uri); got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}

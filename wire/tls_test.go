package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-dispatch/wire/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

// listen hands each connection to serve, and returns the port.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// echo answers what it reads, to the end of the client's direction, and then ends its own.
func echo(config *tls.Config) func(net.Conn) {
	return func(raw net.Conn) {
		conn := tls.Server(raw, config)
		defer conn.Close()
		if _, err := io.Copy(conn, conn); err == nil {
			conn.CloseWrite()
		}
	}
}

// converse has an echo over a connection, the client's direction ended before the server's.
func converse(addr Addr) (string, error) {
	conn, err := addr.Dial(context.Background())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	io.WriteString(conn, "hello") // of a peer that refuses us the Read tells
	conn.(interface{ CloseWrite() error }).CloseWrite()
	text, err := io.ReadAll(conn)
	return string(text), err
}

// scene is a server, its authority, and what a client may have.
type scene struct {
	authority, other *wiretest.Authority
	client           wiretest.Identity
}

func newScene(t *testing.T) scene {
	t.Helper()
	authority := wiretest.NewAuthority(t, t.TempDir())
	return scene{authority, wiretest.NewAuthority(t, t.TempDir()), authority.Issue("client", nil)}
}

// server demands a certificate of the authority.
func (s scene) server(t *testing.T, id wiretest.Identity) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{id.Load(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.authority.Pool()}
}

func TestTLS(t *testing.T) {
	s := newScene(t)
	server := s.authority.Issue("server", nil)
	expired := s.authority.Issue("expired", wiretest.Expired)
	stranger := s.other.Issue("stranger", nil)
	many := s.authority.Issue("many", func(c *x509.Certificate) {
		c.DNSNames = []string{"a\nlevel=INFO", strings.Repeat("b", 60), strings.Repeat("c", 300)}
	})
	plain := func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }
	good := TLS{CA: s.authority.File, Cert: s.client.Cert, Key: s.client.Key}
	const unknown, untrusted = "tls: failed to verify certificate: x509: ", "x509: certificate signed by unknown authority"
	refused := "; the peer may not accept the client certificate in CERT: has its authority signed it, and has it not expired?"
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		host  string // "" is localhost
		bend  func(*TLS)
		want  string // what of an error; "" is none. PATHs are named by their field
	}{
		{name: "good"},
		{name: "another name", host: "127.0.0.1", bend: func(t *TLS) { t.Name = "localhost" }},
		{name: "unverified", serve: echo(s.server(t, stranger)), host: "127.0.0.1", bend: func(t *TLS) { t.Unverified = true }},
		{name: "unverified, and no authorities' file", bend: func(t *TLS) { t.Unverified, t.CA = true, "/nonexistent" }},

		{name: "wrong host", host: "127.0.0.1", want: unknown + "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs; the peer's certificate is for other hosts: use one of their names in the address"},
		{name: "a host with line ends", serve: echo(s.server(t, many)), want: unknown + `certificate is valid for a\nlevel=INFO, ` + strings.Repeat("b", 60) + ", ccc"},
		{name: "wrong authority", bend: func(t *TLS) { t.CA = s.other.File }, want: "; no authority in CA has signed the peer's certificate"},
		{name: "the system's authorities", bend: func(t *TLS) { t.CA = "" }, want: untrusted + "; no authority that this system knows has signed the peer's certificate: name its authority's file"},
		{name: "expired", serve: echo(s.server(t, expired)), want: unknown + "certificate has expired or is not yet valid: "},
		{name: "no certificate of ours", bend: func(t *TLS) { t.Cert, t.Key = "", "" }, want: "remote error: tls: certificate required; the peer may want a client certificate, and there is none"},
		{name: "a stranger's certificate", bend: func(t *TLS) { t.Cert, t.Key = stranger.Cert, stranger.Key }, want: refused},
		{name: "an expired certificate of ours", bend: func(t *TLS) { t.Cert, t.Key = expired.Cert, expired.Key }, want: "remote error: tls: expired certificate" + refused},
		{name: "no TLS there", serve: plain, want: "tls: first record does not look like a TLS handshake; that port does not speak TLS"},
		{name: "an old version", serve: echo(&tls.Config{Certificates: []tls.Certificate{server.Load(t)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), want: "wire: TLS: "},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(c.name+" "+tls.VersionName(version), func(t *testing.T) {
				config := s.server(t, server)
				config.MaxVersion = version
				serve, client, host := c.serve, good, c.host
				if serve == nil {
					serve = echo(config)
				}
				if c.bend != nil {
					c.bend(&client)
				}
				if host == "" {
					host = "localhost"
				}
				text, err := converse(Addr{Network: "tcp", Address: net.JoinHostPort(host, listen(t, serve)), TLS: &client})
				want := strings.NewReplacer("CERT", client.Cert, "CA ", client.CA+" ").Replace(c.want)
				if strings.HasPrefix(c.want, "remote error") && version == tls.VersionTLS12 { // where alerts are less exact
					_, want, _ = strings.Cut(want, "; ")
				}
				distrust, _ := errors.AsType[*Distrust](err)
				if want == "" && (text != "hello" || err != nil) {
					t.Errorf("got %q, %v; want an echo", text, err)
				}
				if want != "" && (distrust == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("got %q, %v\nwant a *Distrust with %s", text, err, want)
				}
			})
		}
	}
}

// TestTLSFiles has files that are of no use, which are no *Distrust.
func TestTLSFiles(t *testing.T) {
	s := newScene(t)
	dir := t.TempDir()
	other := s.authority.Issue("other", nil)
	for name, text := range map[string]string{"empty": "", "words": "no PEM\n", "huge": strings.Repeat("x", 1<<20+1)} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		tls  TLS
		want string
	}{
		{TLS{CA: dir + "/none"}, "wire: TLS: the authorities' certificates: open DIR/none: no such file or directory"},
		{TLS{CA: dir}, "wire: TLS: the authorities' certificates: read DIR: is a directory"},
		{TLS{CA: dir + "/empty"}, "wire: TLS: the authorities' certificates: DIR/empty has none in PEM"},
		{TLS{CA: dir + "/words"}, "wire: TLS: the authorities' certificates: DIR/words has none in PEM"},
		{TLS{CA: s.client.Key}, "wire: TLS: the authorities' certificates: " + s.client.Key + " has none in PEM"},
		{TLS{CA: dir + "/huge"}, "wire: TLS: the authorities' certificates: DIR/huge: longer than 1024 KiB"},
		{TLS{Cert: s.client.Cert}, "wire: TLS: the client's key: open : no such file or directory"},
		{TLS{Key: s.client.Key}, "wire: TLS: the client's certificate: open : no such file or directory"},
		{TLS{Cert: s.client.Cert, Key: other.Key}, "wire: TLS: " + s.client.Cert + " and " + other.Key + ": tls: private key does not match public key"},
		{TLS{Cert: s.client.Cert, Key: dir + "/words"}, "wire: TLS: " + s.client.Cert + " and DIR/words: tls: failed to find any PEM data in key input"},
		{TLS{CA: s.authority.File, Cert: s.client.Cert, Key: s.client.Key}, "<nil>"},
		{TLS{}, "<nil>"},
	} {
		want := strings.ReplaceAll(c.want, "DIR", dir)
		if got := fmt.Sprint(c.tls.Check()); got != want {
			t.Errorf("%+v:\n got %s\nwant %s", c.tls, got, want)
		}
		_, err := ParseTLSAddr("tcp://localhost", c.tls)
		if got := fmt.Sprint(err); got != want {
			t.Errorf("ParseTLSAddr with %+v:\n got %s\nwant %s", c.tls, got, want)
		}
	}
}

// TestTLSRenewal has the certificates of both ends replaced.
func TestTLSRenewal(t *testing.T) {
	s := newScene(t)
	server := s.authority.Issue("server", nil)
	config := &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair := server.Load(t)
			return &pair, nil
		},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.authority.Pool(),
	}
	port := listen(t, echo(config))
	addr, err := ParseTLSAddr("localhost:"+port, TLS{CA: s.authority.File, Cert: s.client.Cert, Key: s.client.Key})
	if err != nil {
		t.Fatal(err)
	}
	for _, bend := range []func(*x509.Certificate){nil, wiretest.Expired, nil} {
		s.authority.Issue("client", bend)
		text, err := converse(addr)
		if bend == nil && (text != "hello" || err != nil) || bend != nil && err == nil {
			t.Errorf("expired %t: got %q, %v", bend != nil, text, err)
		}
	}
}

// TestTLSHandshakeEnds has peers that say nothing, or go: what time mends is no *Distrust.
func TestTLSHandshakeEnds(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  error
	}{
		"silent": {func(conn net.Conn) { io.Copy(io.Discard, conn) }, gone},
		"closes": {func(conn net.Conn) { conn.Read(make([]byte, 8)) }, nil},
		"garbage after a good record's head": {func(conn net.Conn) {
			conn.Write([]byte{22, 3, 3, 0xff, 0xff})
			io.Copy(io.Discard, conn)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, gone)
			defer cancel()
			conn, err := Addr{Network: "tcp", Address: "localhost:" + listen(t, c.serve), TLS: new(TLS)}.Dial(ctx)
			if err == nil {
				conn.Close()
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want an error around %v", err, c.want)
			}
			if _, distrust := errors.AsType[*Distrust](err); distrust != (name == "garbage after a good record's head") {
				t.Errorf("a *Distrust: %t: %v", distrust, err)
			}
		})
	}
}

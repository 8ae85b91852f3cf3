package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

// shakeHands is TLS, where the URI has it, and AMQP with a login.
func (h host) shakeHands(ctx context.Context, raw net.Conn, config amqp091.Config, passwordFile string) (l *link, err error) {
	if config.SASL, err = h.login(passwordFile); err != nil {
		return nil, err
	}
	l = &link{transport: &transport{Conn: raw}, raw: raw}
	text, secured := strings.CutPrefix(h.text, "amqps:")
	if secured {
		text = "amqp:" + text // TLS is there already
		if l.transport.Conn, err = h.tls().Client(ctx, raw, h.uri.Host); err != nil {
			return nil, err
		}
	}
	config.Dial = func(string, string) (net.Conn, error) { return l.transport, nil }
	l.conn, err = amqp091.DialConfig(text, config)
	if refusal := l.transport.refusal.Load(); err != nil && refusal != nil {
		return nil, refusal
	}
	return l, err
}

// mechanisms are the ways to log in (SASL, RFC 4422), by their names in a URI.
var mechanisms = map[string]func(amqp091.URI) amqp091.Authentication{
	"plain":    func(u amqp091.URI) amqp091.Authentication { return u.PlainAuth() },
	"amqplain": func(u amqp091.URI) amqp091.Authentication { return u.AMQPlainAuth() },
	"external": func(amqp091.URI) amqp091.Authentication { return &amqp091.ExternalAuth{} },
}

// login is how we say who we are, in the URI's order. The password is that of the file, read anew each time, or for "" the
// URI's.
func (h host) login(passwordFile string) (ways []amqp091.Authentication, err error) {
	uri := h.uri
	if passwordFile != "" {
		password, err := wire.ReadSecret(passwordFile)
		if err != nil {
			return nil, &Refused{"logging in at " + Redact(h.text), 0, err.Error(), "mend the password file"}
		}
		uri.Password = string(password)
	}
	for _, name := range uri.AuthMechanism {
		ways = append(ways, mechanisms[strings.ToLower(name)](uri))
	}
	if len(ways) == 0 {
		ways = append(ways, uri.PlainAuth())
	}
	return ways, nil
}

func isExternal(mechanism string) bool { return strings.EqualFold(mechanism, "external") }

// isExternal tells whether the certificate may be what says who we are.
func (h host) isExternal() bool { return slices.ContainsFunc(h.uri.AuthMechanism, isExternal) }

// user is how errors call us.
func (h host) user() string {
	if h.isExternal() {
		return "the certificate's user"
	}
	return h.uri.Username
}

// tls is what the URI says of it.
func (h host) tls() *wire.TLS {
	u, _ := url.Parse(h.text)
	return &wire.TLS{
		CA: h.uri.CACertFile, Cert: h.uri.CertFile, Key: h.uri.KeyFile, Name: h.uri.ServerName,
		Unverified: u.Query().Get("verify") == verifyNone,
	}
}

// Login is the name of the user that an address logs in by; "" where a certificate says it, or may.
func Login(uri string) string {
	hosts, err := parseURI(uri)
	if err != nil || hosts[0].isExternal() {
		return ""
	}
	return hosts[0].uri.Username
}

// KeyFile is the path of the client's key that an address names; "" is none.
func KeyFile(uri string) string {
	hosts, err := parseURI(uri)
	if err != nil {
		return ""
	}
	return hosts[0].uri.KeyFile
}

// CheckPasswordFile accepts a file with the password for an address that has none itself. Its errors have nothing of either;
// path "" is no file.
func CheckPasswordFile(uri, path string) error {
	if path == "" {
		return nil
	}
	before, _, after := cut(uri)
	if u, err := url.Parse(before + after); err == nil && u.User != nil {
		if _, set := u.User.Password(); set {
			return uriError("it has a password, and there is a password file: leave one of the two out")
		}
	}
	_, err := wire.ReadSecret(path)
	return err
}

func distrustMend(d *wire.Distrust) string {
	if plain := new(tls.RecordHeaderError); errors.As(d, plain) {
		return "if this is the port for plain AMQP, write amqp://"
	}
	return d.Mend + " (cacertfile, certfile, keyfile and server_name_indication in the broker's address)"
}

// mends are for what a broker says to a login.
func (h host) mends() map[int]string {
	access := "check user name and password with: rabbitmqctl authenticate_user " + strconv.Quote(h.uri.Username) +
		"; in the address, : @ / ? # % of a password are written %3A %40 %2F %3F %23 %25, and guest may come from the broker's own machine only"
	if h.isExternal() {
		access = "check that the broker has a user of the certificate's name (rabbitmqctl list_users): its subject, or with ssl_cert_login_from = common_name its common name"
	}
	return map[int]string{
		amqp091.AccessRefused: access,
		amqp091.NotAllowed: fmt.Sprintf("check that the vhost %q exists (rabbitmqctl add_vhost) and that %q may use it (rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ)",
			h.uri.Vhost, h.user()),
	}
}

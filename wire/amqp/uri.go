package amqp

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"docker-dispatch/wire"

	"github.com/rabbitmq/amqp091-go"
)

const reserved = "in a user name, password or vhost, : @ / ? # % are written %3A %40 %2F %3F %23 %25"

// parameter is one name in a URI's query.
type parameter struct {
	name string
	want string
	ok   func(string) bool
	tls  bool // of no effect without TLS
}

// parameters are what is obeyed in a URI's query (https://www.rabbitmq.com/docs/uri-query-parameters), and what each has to be.
// The library would pass over any other in silence.
var parameters = [...]parameter{
	{"auth_mechanism", "plain, amqplain or external", isMechanism, false},
	{"cacertfile", "a path", notEmpty, true},
	{"certfile", "a path", notEmpty, true},
	{"channel_max", "0 to 65535", within(0, 65535), false},
	{"connection_timeout", "1 to 3600000 milliseconds", within(1, 3600000), false},
	{"heartbeat", "0 to 65535 seconds", within(0, 65535), false},
	{"keyfile", "a path", notEmpty, true},
	{"server_name_indication", "a host name", notEmpty, true},
	{"verify", "verify_peer or verify_none", isVerify, true},
}

func notEmpty(s string) bool { return s != "" }

func isMechanism(s string) bool { return mechanisms[strings.ToLower(s)] != nil }

func isVerify(s string) bool { return s == verifyPeer || s == verifyNone }

// The values of verify; the first is what is done without it.
const (
	verifyPeer = "verify_peer"
	verifyNone = "verify_none"
)

func within(low, high int) func(string) bool {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && low <= n && n <= high
	}
}

// host is one of those that an address names, and the address with this one alone.
type host struct {
	text string
	uri  amqp091.URI
}

// CheckURI accepts amqp://[user[:password]@]host[:port][/vhost][?parameters] and amqps:// (https://www.rabbitmq.com/docs/uri-spec),
// where the client library reads it as it is meant, and further hosts of one cluster, each after a comma:
// amqp://user@host1:5672,host2/vhost. Its errors name what is wrong and the mend, and never quote a value.
func CheckURI(s string) error {
	_, err := parseURI(s)
	return err
}

func parseURI(s string) ([]host, error) {
	texts := split(s)
	hosts := make([]host, len(texts))
	for i, text := range texts {
		uri, err := parseOne(text)
		if err != nil {
			return nil, err
		}
		if u, _ := url.Parse(text); u.Hostname() == "" && len(texts) > 1 {
			return nil, uriError("a comma stands between two hosts; in a password it is written %2C")
		}
		hosts[i] = host{text, uri}
	}
	return hosts, nil
}

// split writes an address for each of the hosts that s has.
func split(s string) []string {
	before, authority, after := cut(s)
	var texts []string
	for host := range strings.SplitSeq(authority, ",") {
		texts = append(texts, before+host+after)
	}
	return texts
}

// cut finds the hosts: after the scheme, the user and the password, and before the path.
func cut(s string) (before, hosts, after string) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return "", s, ""
	}
	end := len(rest) - len(afterAuthority(s))
	start := strings.LastIndexByte(rest[:end], '@') + 1
	return scheme + "://" + rest[:start], rest[start:end], rest[end:]
}

func parseOne(s string) (amqp091.URI, error) {
	u, err := url.Parse(s)
	if err != nil || strings.ContainsAny(s, "# ") || strings.Contains(afterAuthority(s), "@") {
		return amqp091.URI{}, uriError("not a URI; " + reserved) // url's own error quotes the password
	}
	if why := faultOf(u); why != "" {
		return amqp091.URI{}, uriError(why)
	}
	if why := queryFault(u); why != "" {
		return amqp091.URI{}, uriError(why)
	}
	uri, err := amqp091.ParseURI(s)
	if err != nil {
		return amqp091.URI{}, uriError("not understood; " + reserved)
	}
	return uri, nil
}

func uriError(why string) error { return fmt.Errorf("amqp: broker's address: %s", why) }

// afterAuthority is the path and all that follows it. An @ there is a sign that the password had a / or ?, and was cut short.
func afterAuthority(s string) string {
	_, rest, _ := strings.Cut(s, "://")
	return rest[len(rest)-len(strings.TrimLeftFunc(rest, func(r rune) bool { return !strings.ContainsRune("/?", r) })):]
}

// faultOf is what is wrong before the query, or nothing.
func faultOf(u *url.URL) string {
	vhost := strings.TrimPrefix(u.EscapedPath(), "/")
	switch {
	case u.Scheme != "amqp" && u.Scheme != "amqps" || u.Opaque != "":
		return "it begins with amqp:// or amqps://"
	case u.Port() != "" && !within(1, 65535)(u.Port()):
		return "a port is 1 to 65535"
	case strings.Contains(vhost, "/"):
		return "a / within the vhost is written %2F"
	case len(u.Path) > 1+maxShortStr:
		return fmt.Sprintf("a vhost has at most %d bytes", maxShortStr)
	}
	return ""
}

func queryFault(u *url.URL) string {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "a parameter is not escaped as in a URI"
	}
	for name, values := range query {
		p := findParameter(name)
		switch {
		case p == nil:
			return fmt.Sprintf("unknown parameter %.40q; known are %s", name, parameterNames())
		case p.tls && u.Scheme != "amqps":
			return name + " has no effect without TLS: write amqps://, or leave it out"
		case len(values) > 1 && name != "auth_mechanism":
			return name + " is there twice"
		case slices.ContainsFunc(values, func(v string) bool { return !p.ok(v) }):
			return name + " must be " + p.want
		}
	}
	switch {
	case query.Has("certfile") != query.Has("keyfile"):
		return "certfile and keyfile go together"
	case slices.ContainsFunc(query["auth_mechanism"], isExternal) && !query.Has("certfile"):
		return "auth_mechanism=external is a login by a client certificate: add certfile and keyfile"
	}
	return ""
}

// findParameter is nil for a name that is not known.
func findParameter(name string) *parameter {
	for i := range parameters {
		if parameters[i].name == name {
			return &parameters[i]
		}
	}
	return nil
}

func parameterNames() string {
	var names []string
	for _, p := range parameters {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// Redact is a URI for the log: without its query, and with *** for the password. Of what CheckURI refuses only the scheme
// is left, since nobody can say where its password ends.
func Redact(uri string) string {
	scheme, _, found := strings.Cut(uri, "://")
	if !found || scheme != "amqp" && scheme != "amqps" {
		return wire.Redacted
	}
	if CheckURI(uri) != nil {
		return scheme + "://" + wire.Redacted
	}
	before, hosts, after := cut(uri)
	u, _ := url.Parse(before + after)
	user := ""
	if u.User != nil {
		user = url.User(u.User.Username()).String()
		if _, set := u.User.Password(); set {
			user += ":" + wire.Redacted
		}
		user += "@"
	}
	return scheme + "://" + user + hosts + u.EscapedPath()
}

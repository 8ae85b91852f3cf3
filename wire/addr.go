package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"docker-dispatch/wire/socket"
)

// dialTimeout bounds one attempt to reach a daemon, its TLS handshake included: long for a network that drops packets, short
// for a person who waits for the first error line.
const dialTimeout = 10 * time.Second

var errHandshake = errors.New("no complete TLS handshake within " + dialTimeout.String())

// dialer finds out that a daemon's machine, or the network to it, is gone without a word while only an answer is waited for, as
// a container's exit code is for days: a minute after the last sign of it. A daemon that hangs still gives signs.
var dialer = net.Dialer{
	Timeout:         dialTimeout,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
}

// The Engine's ports, registered with IANA as docker and docker-s.
const (
	plainPort = "2375"
	tlsPort   = "2376"
)

// Addr is where a daemon listens, in the words of package net.
type Addr struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the absolute path of a socket
	TLS     *TLS   // nil is plain
}

// ParseAddr reads an Engine address as docker writes it: ip:port or host:port, an absolute socket path, tcp://host[:port]
// (2375 when left out) or unix:///path. Every other form is an error that says what is spoken.
func ParseAddr(s string) (Addr, error) { return parseAddr(s, plainPort) }

// ParseTLSAddr reads the address of an Engine that speaks TLS, whose port is 2376 when left out, and the files of t. A socket's
// path is an error: Engines speak no TLS there, and TLS that was asked for is not left out in silence.
func ParseTLSAddr(s string, t TLS) (Addr, error) {
	a, err := parseAddr(s, tlsPort)
	if err != nil {
		return Addr{}, err
	}
	if a.Network != "tcp" {
		return Addr{}, fmt.Errorf("wire: Engine address %.100q: TLS is for tcp://host[:port]; a socket has none", s)
	}
	a.TLS = &t
	return a, t.Check()
}

func parseAddr(s, defaultPort string) (Addr, error) {
	scheme, rest, found := strings.Cut(s, "://")
	switch {
	case s == "":
		return Addr{}, addrError(s, "empty")
	case strings.HasPrefix(s, "/"):
		return Addr{Network: "unix", Address: s}, nil
	case !found:
		return parseTCP(s, s, "")
	case scheme == "unix" && strings.HasPrefix(rest, "/"):
		return Addr{Network: "unix", Address: rest}, nil
	case scheme == "unix":
		return Addr{}, addrError(s, "the socket path is not absolute")
	case scheme == "tcp":
		return parseTCP(s, strings.TrimSuffix(rest, "/"), defaultPort)
	case scheme == "amqp" || scheme == "amqps":
		return Addr{}, fmt.Errorf("wire: the Engine's address is the first argument, the broker's the second: %s is a broker's", scheme+"://…")
	default:
		return Addr{}, addrError(s, strings.Trim(fmt.Sprintf("%.20q", scheme+"://"), `"`)+" is not spoken")
	}
}

// parseTCP reads host:port; port stands in for one that is left out, when it is not empty.
func parseTCP(whole, hostport, port string) (Addr, error) {
	host, p, err := net.SplitHostPort(hostport)
	if err != nil && port != "" {
		host, p, err = net.SplitHostPort(hostport + ":" + port)
	}
	if err != nil {
		return Addr{}, addrError(whole, "no port")
	}
	if !validHost(host) {
		return Addr{}, addrError(whole, "no host name or IP address before the port")
	}
	if n, err := net.LookupPort("tcp", p); err != nil || n == 0 || strings.Trim(p, "0123456789") != "" {
		return Addr{}, addrError(whole, fmt.Sprintf("%.20q is not a port", p))
	}
	return Addr{Network: "tcp", Address: net.JoinHostPort(host, p)}, nil
}

// validHost admits what may stand in a URL as a host; whether it resolves is for the dialer to find out.
func validHost(host string) bool {
	if host == "" {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	u, err := url.Parse("tcp://" + host)
	return err == nil && u.Host == host && !strings.ContainsAny(host, "@: ")
}

func addrError(s, why string) error {
	return fmt.Errorf("wire: Engine address %.100q: %s; spoken are host:port, tcp://host[:port], an absolute socket path and unix:///path", s, why)
}

// String is the address as a URL, in the form that docker prints.
func (a Addr) String() string { return a.Network + "://" + a.Address }

// Crosses tells whether what is said to the daemon can be heard and changed on a network: there is no TLS, and the host is not
// this one by its very name or address.
func (a Addr) Crosses() bool {
	if a.Network != "tcp" || a.TLS != nil {
		return false
	}
	host, _, _ := net.SplitHostPort(a.Address)
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !ip.Unmap().IsLoopback())
}

// Dial connects within 10 seconds or until ctx is done. A peer that has gone silently fails the connection's Reads after a
// minute. The errors are package net's, a *Distrust, or that of a file.
func (a Addr) Dial(ctx context.Context) (net.Conn, error) {
	if a.Network == "unix" {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return socket.DialUnix(a.Address)
	}
	raw, err := dialer.DialContext(ctx, a.Network, a.Address)
	if err != nil {
		return nil, err
	}
	raw = socket.New(raw)
	if a.TLS == nil {
		return raw, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errHandshake)
	defer cancel()
	host, _, _ := net.SplitHostPort(a.Address)
	conn, err := a.TLS.Client(ctx, raw, host)
	if err != nil {
		raw.Close()
	}
	return conn, err
}

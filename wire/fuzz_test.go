package wire

import (
	"net"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParseAddr: what is an address has all that a dialer needs and is the same when read again, and what is none is said so in one
// bounded line.
func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{
		"", "/var/run/docker.sock", "unix:///a b", "unix://x", "tcp://", "tcp://h", "tcp://[::1]:1", "[fe80::1%eth0]:2375", "1.2.3.4:0", "h:99999",
		"tcp://h:1/", "tcp://u:p@h:1", "tcp://h:1/?x", "h:http", "amqp://u:p@h", "npipe:////./pipe/x", "tcp://h\r\nX: y:1", "tcp://%2e%2e:1", "//h:1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			if text := err.Error(); len(text) > 1200 || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x1b") {
				t.Errorf("%q: the error is %q", s, text)
			}
			return
		}
		again := a.Address
		if a.Network == "tcp" {
			if _, _, err := net.SplitHostPort(a.Address); err != nil {
				t.Errorf("%q is %+v: %v", s, a, err)
			}
			again = "tcp://" + a.Address
		}
		if b, err := ParseAddr(again); err != nil || a != b {
			t.Errorf("%q is %+v, and that is %+v, %v", s, a, b, err)
		}
	})
}

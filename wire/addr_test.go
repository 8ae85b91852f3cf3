package wire

import (
	"context"
	"net"
	"strings"
	"testing"
)

func TestParseAddr(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"/var/run/docker.sock", "unix:///var/run/docker.sock", ""},
		{"unix:///run/docker.sock", "unix:///run/docker.sock", ""},
		{"172.17.0.1:2375", "tcp://172.17.0.1:2375", ""},
		{"tcp://172.17.0.1:2376", "tcp://172.17.0.1:2376", ""},
		{"tcp://docker.example", "tcp://docker.example:2375", ""},
		{"tcp://docker.example/", "tcp://docker.example:2375", ""},
		{"tcp://[::1]", "tcp://[::1]:2375", ""},
		{"[::1]:2375", "tcp://[::1]:2375", ""},
		{"localhost:2375", "tcp://localhost:2375", ""},

		{"", "", "empty"},
		{"localhost", "", "no port"},
		{"localhost:", "", `"" is not a port`},
		{"localhost:docker", "", `"docker" is not a port`},
		{"localhost:0", "", `"0" is not a port`},
		{"localhost:65536", "", `"65536" is not a port`},
		{":2375", "", "no host name or IP address before the port"},
		{"a b:2375", "", "no host name or IP address before the port"},
		{"user@host:2375", "", "no host name or IP address before the port"},
		{"host/path:2375", "", "no host name or IP address before the port"},
		{"docker.sock", "", "no port"},
		{"unix://docker.sock", "", "the socket path is not absolute"},
		{"ssh://host", "", "ssh:// is not spoken"},
		{"npipe:////./pipe/docker_engine", "", "npipe:// is not spoken"},
		{"fd://", "", "fd:// is not spoken"},
		{"http://host:2375", "", "http:// is not spoken"},
	} {
		addr, err := ParseAddr(tt.in)
		if tt.err == "" {
			if err != nil || addr.String() != tt.want {
				t.Errorf("ParseAddr(%q) = %q, %v; want %q", tt.in, addr, err, tt.want)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.err+"; spoken are host:port") {
			t.Errorf("ParseAddr(%q) = %q, %v; want the error %q and what is spoken", tt.in, addr, err, tt.err)
		}
	}
}

func TestParseTLSAddr(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"tcp://docker.example", "tcp://docker.example:2376", ""},
		{"tcp://docker.example:2375", "tcp://docker.example:2375", ""},
		{"tcp://[::1]/", "tcp://[::1]:2376", ""},
		{"172.17.0.1:2376", "tcp://172.17.0.1:2376", ""},

		{"docker.example", "", "no port"},
		{"/var/run/docker.sock", "", "TLS is for tcp://host[:port]; a socket has none"},
		{"unix:///run/docker.sock", "", "TLS is for tcp://host[:port]; a socket has none"},
		{"https://docker.example", "", "https:// is not spoken"},
	} {
		addr, err := ParseTLSAddr(tt.in, TLS{Name: "other"})
		if tt.err == "" && (err != nil || addr.String() != tt.want || addr.TLS == nil || addr.TLS.Name != "other") {
			t.Errorf("ParseTLSAddr(%q) = %q, %v; want %q", tt.in, addr, err, tt.want)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("ParseTLSAddr(%q) = %q, %v; want the error %q", tt.in, addr, err, tt.err)
		}
	}
}

func TestCrosses(t *testing.T) {
	for in, want := range map[string]bool{
		"/var/run/docker.sock": false, "localhost:2375": false, "127.0.0.1:2375": false, "127.1.2.3:2375": false, "[::1]:2375": false, "[::ffff:127.0.0.1]:2375": false,
		"172.17.0.1:2375": true, "docker.example:2375": true, "localhost.example:2375": true, "[fe80::1]:2375": true, "0.0.0.0:2375": true, "128.0.0.1:2375": true,
	} {
		addr, err := ParseAddr(in)
		if err != nil || addr.Crosses() != want {
			t.Errorf("%s: %t, want %t: %v", in, addr.Crosses(), want, err)
		}
		addr.TLS = new(TLS)
		if addr.Crosses() {
			t.Errorf("%s with TLS: true", in)
		}
	}
}

func TestParseAddrOfABroker(t *testing.T) {
	_, err := ParseAddr("amqp://user:secret@host:5672/")
	if err == nil || !strings.Contains(err.Error(), "the broker's the second") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v; want the order of the arguments, and no password", err)
	}
}

func TestDial(t *testing.T) {
	listener, err := net.Listen("unix", t.TempDir()+"/engine.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr, err := ParseAddr(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := addr.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := addr.Dial(ended); err == nil {
		t.Error("Dial connected although its context had ended")
	}
}

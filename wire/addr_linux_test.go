package wire

import (
	"context"
	"net"
	"syscall"
	"testing"

	"docker-dispatch/wire/socket"
)

// The kernel probes a silent peer, and gives up after a minute.
func TestDialKeepsAlive(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := Addr{Network: "tcp", Address: listener.Addr().String()}.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*socket.Conn).Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name                string
		level, option, want int
	}{
		{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 30},
		{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 10},
		{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
	} {
		var got int
		var problem error
		if err := raw.Control(func(fd uintptr) {
			got, problem = syscall.GetsockoptInt(int(fd), tt.level, tt.option)
		}); err != nil || problem != nil || got != tt.want {
			t.Errorf("%s is %d, want %d: %v, %v", tt.name, got, tt.want, err, problem)
		}
	}
}

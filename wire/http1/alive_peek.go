//go:build linux || darwin

package http1

import (
	"net"
	"os"
	"syscall"
)

// alive tells whether an idle connection can carry another request: there is nothing to read. A peer's close, a reset, and bytes
// that answer no request of ours all make it readable.
func alive(nc net.Conn) bool {
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = outer.NetConn()
	}
	if _, ok := nc.(syscall.Conn); !ok {
		return true
	}
	is, err := ready(nc)
	return !is && err == nil
}

// peek is nil when there is something to read, bytes or their end, and EAGAIN when there is nothing. It neither blocks nor takes
// anything, but an error of the socket, such as a reset: that is told once.
func peek(fd uintptr) error {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err
}

// ready says whether a read would not wait, and of what is no socket that it would. An error is to be taken for that of the read.
func ready(nc net.Conn) (is bool, err error) {
	raw, err := socket(nc)
	if raw == nil {
		return false, err
	}
	var met error
	if err := raw.Control(func(fd uintptr) { met = peek(fd) }); err != nil {
		return false, err
	}
	if met == syscall.EAGAIN {
		return false, nil
	}
	return met == nil, os.NewSyscallError("recvfrom", met)
}

// await returns when a read would not wait, and for what is no socket at once. An error is to be taken for that of the read.
func await(nc net.Conn) error {
	raw, err := socket(nc)
	if raw == nil {
		return err
	}
	var met error
	err = raw.Read(func(fd uintptr) bool {
		met = peek(fd)
		return met != syscall.EAGAIN
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("recvfrom", met)
}

// socket is what can be asked of a connection that is a socket itself, and of no other, nil.
func socket(nc net.Conn) (syscall.RawConn, error) {
	if sc, ok := nc.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, nil
}

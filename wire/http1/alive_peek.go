//go:build linux || darwin

package http1

import (
	"net"
	"syscall"
)

// alive tells whether an idle connection can carry another request, by a look at the socket that neither blocks nor takes
// anything: nothing to read. A peer's close, a reset, and bytes that answer no request of ours all make it readable.
func alive(nc net.Conn) bool {
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = outer.NetConn()
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = err == syscall.EAGAIN
	})
	return err == nil && silent
}

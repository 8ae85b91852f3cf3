//go:build (linux && !386) || darwin

package socket

import (
	"syscall"
	"unsafe"
)

const supported = true

// peek is what a read would meet, bytes or their end without an error. It takes nothing but an error of the socket, such as a
// reset, which is told once. It does not wait, as read and write do not: sockets of package net are made so. That is EAGAIN.
func peek(fd uintptr) syscall.Errno {
	var one [1]byte
	_, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&one)), 1, syscall.MSG_PEEK, 0, 0)
	return err
}

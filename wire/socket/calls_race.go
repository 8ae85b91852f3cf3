//go:build ((linux && !386) || darwin) && race

package socket

import "syscall"

// The race detector knows of package syscall alone that what is read comes after what was written.

func read(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), p)
	return n, errno(err)
}

func write(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	return n, errno(err)
}

func errno(err error) syscall.Errno {
	e, _ := err.(syscall.Errno)
	return e
}

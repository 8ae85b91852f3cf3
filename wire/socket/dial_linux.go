//go:build !386

package socket

import (
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// DialUnix connects to the unix socket of that path, which is reached at once or not at all, and returns a *Conn. Errors are those of
// package net, which announces the connect, and asks for the names of both ends.
func DialUnix(path string) (net.Conn, error) {
	peer := &net.UnixAddr{Name: path, Net: "unix"}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "unix", Addr: peer, Err: os.NewSyscallError("socket", err)}
	}
	if err := connectUnix(fd, path); err != 0 {
		syscall.Close(fd)
		return nil, &net.OpError{Op: "dial", Net: "unix", Addr: peer, Err: os.NewSyscallError("connect", err)}
	}
	return New(&unixSocket{os.NewFile(uintptr(fd), path), peer}), nil
}

// connectUnix does not wait: a server that lets no more of them wait is EAGAIN.
func connectUnix(fd int, path string) syscall.Errno {
	address := syscall.RawSockaddrUnix{Family: syscall.AF_UNIX}
	if len(path) >= len(address.Path) {
		return syscall.EINVAL
	}
	for i := range len(path) {
		address.Path[i] = int8(path[i])
	}
	_, _, err := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address)), unsafe.Sizeof(address))
	return err
}

// unixSocket is a socket that package net has not made. Its file is not embedded: a program that links all methods of one is larger.
type unixSocket struct {
	file *os.File
	peer *net.UnixAddr
}

func (s *unixSocket) Read(p []byte) (int, error)  { return s.file.Read(p) }
func (s *unixSocket) Write(p []byte) (int, error) { return s.file.Write(p) }
func (s *unixSocket) Close() error                { return s.file.Close() }

func (s *unixSocket) SetDeadline(t time.Time) error      { return s.file.SetDeadline(t) }
func (s *unixSocket) SetReadDeadline(t time.Time) error  { return s.file.SetReadDeadline(t) }
func (s *unixSocket) SetWriteDeadline(t time.Time) error { return s.file.SetWriteDeadline(t) }

func (s *unixSocket) LocalAddr() net.Addr  { return &net.UnixAddr{Name: "@", Net: "unix"} } // it has none
func (s *unixSocket) RemoteAddr() net.Addr { return s.peer }

func (s *unixSocket) SyscallConn() (syscall.RawConn, error) { return s.file.SyscallConn() }

func (s *unixSocket) CloseWrite() error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var problem error
	if err := raw.Control(func(fd uintptr) { problem = syscall.Shutdown(int(fd), syscall.SHUT_WR) }); err != nil {
		return err
	}
	return os.NewSyscallError("shutdown", problem)
}

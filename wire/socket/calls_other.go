//go:build (!linux || 386) && !darwin

package socket

import "syscall"

const supported = false

func read(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }

func write(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }

func peek(uintptr) syscall.Errno { return syscall.ENOSYS }

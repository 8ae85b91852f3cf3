package cmds

import "syscall"

// Of linux/fcntl.h; package syscall has them not.
const (
	fSetPipeSize = 1031
	fGetPipeSize = 1032
)

// pipeLen is the most that a pipe of an unprivileged process may hold: /proc/sys/fs/pipe-max-size.
const pipeLen = 1 << 20

// Widen has the pipe with that descriptor hold more than the 64 KiB of a new one, so that its two ends wait less often for each
// other: each wait is two turns of the scheduler. It changes nothing else, and nothing of a file that is no pipe.
func Widen(fd int) {
	size, _, failed := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), fGetPipeSize, 0)
	if failed == 0 && size < pipeLen {
		syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), fSetPipeSize, pipeLen)
	}
}

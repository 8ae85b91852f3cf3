package cmds

import (
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// Of linux/fcntl.h and linux/fs.h; package syscall has them not.
const (
	fSetPipeSize = 1031
	fGetPipeSize = 1032
	rwfNoWait    = 8
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

// pipe is the descriptor of one. It is left as it is: those who share it may count on writes that wait.
type pipe uintptr

func pipeOf(w io.Writer) pipe {
	if f, ok := w.(*os.File); ok {
		return pipe(f.Fd())
	}
	return ^pipe(0)
}

// write writes as much of text as there is room for without waiting, and returns how much that is: nothing of most files that are no
// pipes, nor on kernels before 6.4, nor after an error, which the next write meets too.
func (p pipe) write(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	const here = ^uintptr(0) // no offset
	all := syscall.Iovec{Base: &text[0]}
	all.SetLen(len(text))
	// A reader that meets a page fault holds the pipe meanwhile: the scheduler has to know of this call, as of all that may block.
	n, _, failed := syscall.Syscall6(pwritev2(), uintptr(p), uintptr(unsafe.Pointer(&all)), 1, here, here, rwfNoWait)
	if failed != 0 {
		return 0
	}
	return int(n)
}

// pwritev2 is the number of that system call; no number where it is not known here.
func pwritev2() uintptr {
	switch runtime.GOARCH {
	case "amd64":
		return 328
	case "arm64", "riscv64":
		return 287
	}
	return ^uintptr(0)
}

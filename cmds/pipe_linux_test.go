package cmds

import (
	"os"
	"syscall"
	"testing"
)

func TestWiden(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	size := func(fd uintptr) uintptr {
		n, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, fGetPipeSize, 0)
		return n
	}
	Widen(int(w.Fd()))
	if got := size(w.Fd()); got != pipeLen {
		t.Errorf("the pipe holds %d bytes, want %d", got, pipeLen)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	Widen(int(null.Fd()))
}

package cmds

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
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

func TestPrintToPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := NewPrinter(w, "text")
	if n := p.pipe.write([]byte("at once\n")); n != len("at once\n") && n != 0 { // 0: the kernel is older than that
		t.Errorf("the pipe took %d bytes", n)
	}
	const more = "than a pipe has room for\n"
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	long := bytes.Repeat([]byte(more), pipeLen/len(more)+1)
	if err := p.print(ctx, long); err != context.DeadlineExceeded {
		t.Errorf("a pipe that is not read: %v", err)
	}
	if err := p.print(ctx, []byte("never\n")); err != context.DeadlineExceeded {
		t.Errorf("a print behind it: %v", err)
	}
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), syscall.F_GETFL, 0)
	if flags&syscall.O_NONBLOCK != 0 {
		t.Error("who shares the pipe has to expect EAGAIN")
	}
	read := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all)
	}()
	if err := p.print(t.Context(), []byte("last\n")); err != nil {
		t.Error(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	w.Close()
	got := strings.TrimPrefix(<-read, "at once\n")
	if want := string(long) + "last\n"; got != want {
		t.Errorf("read %d bytes, want %d: ... %q", len(got), len(want), got[max(0, len(got)-80):])
	}
}

package wiretest

import (
	"bytes"
	"io"
)

// Untimed writes the lines of a log without their times, which begin them.
func Untimed(w io.Writer) io.Writer { return untimed{w} }

type untimed struct{ w io.Writer }

func (u untimed) Write(line []byte) (int, error) {
	_, rest, _ := bytes.Cut(line, []byte(" "))
	_, err := u.w.Write(rest)
	return len(line), err
}

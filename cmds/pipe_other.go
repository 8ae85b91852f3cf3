//go:build !linux

package cmds

import "io"

// Widen changes nothing here.
func Widen(int) {}

// pipe takes nothing here without waiting: see pipe_linux.go.
type pipe struct{}

func pipeOf(io.Writer) pipe { return pipe{} }

func (pipe) write([]byte) int { return 0 }

package dockerapi

import "testing"

func TestStreamsHas(t *testing.T) {
	for _, tt := range []struct {
		s              Streams
		stdout, stderr bool
	}{
		{Streams{}, false, false},
		{Streams{Stdin: true, Tty: true}, false, false},
		{Streams{Stdout: true}, true, false},
		{Streams{Stderr: true}, false, true},
		{Streams{Stdout: true, Stderr: true}, true, true},
	} {
		if stdout, stderr := tt.s.Has(Stdout), tt.s.Has(Stderr); stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("%+v has stdout %t, stderr %t; want %t, %t", tt.s, stdout, stderr, tt.stdout, tt.stderr)
		}
	}
}

package cmds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"docker-dispatch/dockerapi"
)

func TestClassify(t *testing.T) {
	refused := &dockerapi.Error{Operation: "ContainerCreate", Status: 409, Message: "in use"}
	for _, tt := range []struct {
		err     error
		want    failure
		explain string
	}{
		{nil, none, ""},
		{&Invalid{"Image", `""`, "not an image"}, invalid, `Image: "": not an image`},
		{fmt.Errorf("x: %w", &Invalid{Problem: "empty"}), invalid, "x: empty"},
		{fmt.Errorf("x: %w", &Denied{Key: "Container", Problem: "foreign", Rule: "Verbs.kill"}), denied, "x: Container: foreign (Verbs.kill)"},
		{fmt.Errorf("x: %w", ErrUnaudited), unfinished, "x: the audit takes no line"},
		{refused, failed, "in use"},
		{fmt.Errorf("x: %w", refused), failed, "in use"},
		{errors.New("who knows"), failed, "who knows"},
		{errInterrupted("gone"), interrupted, "gone"},
		{&OutputError{io.ErrClosedPipe}, unfinished, "cmds: writing standard output: io: read/write on closed pipe"},
		{ErrPrinterClosed, unfinished, "cmds: the printer is closed"},
		{fmt.Errorf("x: %w", context.Canceled), unfinished, "x: context canceled"},
		{&dockerapi.NoAnswer{Operation: "SystemPing", Err: context.Canceled}, unfinished, "dockerapi: SystemPing: context canceled"},
		{errTimeout("stopped"), timeout, "stopped"},
		{errDeadly("it died"), fatal, "it died"},
		{errGivenBack, unfinished, errGivenBack.Error()},
		{fmt.Errorf("x: %w", errTimeout("stopped")), timeout, "x: stopped"},
		{errLost, unfinished, "cmds: the session of the message has ended"},
		{fmt.Errorf("x: %w", errForeign), failed, "x: cmds: not a container of this dispatcher"},
	} {
		if got := classify(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
		if tt.err != nil && explain(tt.err) != tt.explain {
			t.Errorf("%v: explained %q, want %q", tt.err, explain(tt.err), tt.explain)
		}
	}
}

// Whatever is settled has been said, and only what can never be done goes to the dead queue at once.
func TestFates(t *testing.T) {
	for kind, f := range fates {
		if f.reply != (f.step != keep) || (f.step == keep) != (failure(kind) == unfinished) || (f.step == bury) != (slices.Contains([]failure{invalid, denied, fatal}, failure(kind))) || f.step == again {
			t.Errorf("%d: %+v", kind, f)
		}
		if f.retry != "" && !slices.Contains(retryWords, f.retry) {
			t.Errorf("%d: no word of Options.RetryOn: %q", kind, f.retry)
		}
	}
}

func TestStartCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{&dockerapi.Error{Status: 400, Message: `OCI runtime create failed: … exec: "nope": executable file not found in $PATH: unknown`}, 127},
		{&dockerapi.Error{Status: 400, Message: `exec /nope: No such file or directory`}, 127},
		{&dockerapi.Error{Status: 500, Message: `exec: "/etc": permission denied: unknown`}, 126},
		{&dockerapi.Error{Status: 400, Message: `exec: "/etc": is a directory: unknown`}, 126},
		{&dockerapi.Error{Status: 500, Message: "driver failed programming external connectivity"}, 125},
		{fmt.Errorf("x: %w", &dockerapi.Error{Status: 400, Message: "Is A Directory"}), 126},
		{errors.New("permission denied"), 125},
	} {
		if got := startCode(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
	}
	if status(&dockerapi.Error{Status: 404}) != 404 || status(io.EOF) != 0 || status(nil) != 0 {
		t.Error("status is not that of the Engine")
	}
}

func TestNameInUse(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{&dockerapi.Error{Status: 409, Message: `Conflict. The container name "/x" is already in use by container "y".`}, true},
		{&dockerapi.Error{Status: 500, Message: `creating container storage: the container name "x" is already in use by y.`}, true},
		{&dockerapi.Error{Status: 500, Message: "no space left on device"}, false},
		{&dockerapi.Error{Status: 404, Message: "No such image: already in use"}, false},
		{io.EOF, false},
		{nil, false},
	} {
		if got := nameInUse(tt.err); got != tt.want {
			t.Errorf("%v: %t", tt.err, got)
		}
	}
}

package cmds

import "fmt"

// Status is how a message ended. The list is closed.
type Status string

const (
	StatusExited      Status = "exited"      // the container ran and exited, with any code
	StatusStarted     Status = "started"     // the container runs, and nobody waits for it
	StatusStopped     Status = "stopped"     // the container has ended
	StatusRemoved     Status = "removed"     // the container is gone
	StatusInvalid     Status = "invalid"     // the message means nothing that can be done
	StatusFailed      Status = "failed"      // the Engine said no
	StatusInterrupted Status = "interrupted" // the Engine went away under the container, which did not come to its own end
)

// Result is what is said of a message, once.
type Result struct {
	MessageID string `json:"MessageId"`
	Dockercmd string
	ID        string `json:"Id"` // of the container, 64 hex digits; "" when there was none
	Name      string // that the message gave or meant; "" for none
	Status    Status
	ExitCode  *int   `json:",omitempty"` // of the container, or as docker run has it when it could not be started
	Error     string `json:",omitempty"`
	// OutputLost says why the end of the container's output is missing.
	OutputLost string  `json:",omitempty"`
	Seconds    float64 // in work

	// leftover is the container of a run with Remove, to be removed when the result is out.
	leftover string
}

// text is the result for people.
func (r *Result) text() string {
	s := string(r.Status)
	switch r.Status {
	case StatusExited:
		s = fmt.Sprintf("exited %d in %.2fs", *r.ExitCode, r.Seconds)
	case StatusStarted:
		s = "started " + r.ID[:min(len(r.ID), shortID)]
	case StatusInvalid, StatusFailed:
		s = "error: " + r.Error
	case StatusInterrupted:
		s = "interrupted: " + r.Error
	}
	if r.OutputLost != "" {
		s += " (output lost: " + r.OutputLost + ")"
	}
	return s
}

func (r *Result) exit(code int) { r.ExitCode = &code }

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
	StatusTimeout     Status = "timeout"     // the container was stopped when its time was up
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
	Attempt   int    `json:",omitempty"` // of a run, from 1
	// Next is what is done with a message that is not done with: "retry" or "dead".
	Next string `json:",omitempty"`
	// RetryIn is the seconds until the next attempt, when Next is "retry".
	RetryIn float64 `json:",omitempty"`
	// OutputLost says why the end of the container's output is missing.
	OutputLost string  `json:",omitempty"`
	Seconds    float64 // in work

	record *running // the container of a run; nil for every other command
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
	case StatusInterrupted, StatusTimeout:
		s += ": " + r.Error
	}
	if r.OutputLost != "" {
		s += " (output lost: " + r.OutputLost + ")"
	}
	switch r.Next {
	case nextRetry:
		s += fmt.Sprintf(" (attempt %d, again in %vs)", r.Attempt, r.RetryIn)
	case nextDead:
		s += fmt.Sprintf(" (attempt %d, to the dead queue)", r.Attempt)
	}
	return s
}

// The words of Result.Next.
const (
	nextRetry = "retry"
	nextDead  = "dead"
)

func (r *Result) exit(code int) { r.ExitCode = &code }

package cmds

import (
	"encoding/json"
	"fmt"
	"strings"

	"docker-dispatch/dockerapi"
)

// Status is how a message ended. The list is closed.
type Status string

const (
	StatusExited       Status = "exited"       // the container, or the command of an exec, ran and exited, with any code
	StatusStarted      Status = "started"      // it runs, and nobody waits for it
	StatusCreated      Status = "created"      // it is made; a container was not started
	StatusStopped      Status = "stopped"      // the container has ended
	StatusRestarted    Status = "restarted"    // the container runs again
	StatusKilled       Status = "killed"       // the container got the signal
	StatusPaused       Status = "paused"       // the container stands still
	StatusUnpaused     Status = "unpaused"     // the container goes on
	StatusRenamed      Status = "renamed"      // the container has its new name
	StatusUpdated      Status = "updated"      // the container has its new limits
	StatusRemoved      Status = "removed"      // it is gone
	StatusLogged       Status = "logged"       // the log was printed
	StatusInspected    Status = "inspected"    // Data has what it is
	StatusListed       Status = "listed"       // Data has the containers
	StatusPulled       Status = "pulled"       // the image is there
	StatusCopied       Status = "copied"       // the tar is in the container, or here
	StatusConnected    Status = "connected"    // the container is in the network
	StatusDisconnected Status = "disconnected" // the container is not in the network
	StatusInvalid      Status = "invalid"      // the message means nothing that can be done
	StatusDenied       Status = "denied"       // the policy is against it
	StatusFailed       Status = "failed"       // the Engine said no
	StatusTimeout      Status = "timeout"      // the container was stopped when its time was up
	StatusInterrupted  Status = "interrupted"  // the Engine went away under the container, which did not come to its own end
)

// Result is what is said of a message, once.
type Result struct {
	MessageID string `json:"MessageId"`
	Dockercmd string
	ID        string `json:"Id"` // of the container, 64 hex digits; "" when there was none
	Name      string // that the message gave or meant; "" for none
	Status    Status
	ExitCode  *int   `json:",omitempty"` // of the container, or as docker run has it when it could not be started
	Signal    string `json:",omitempty"` // that the exit code stands for, such as SIGKILL; "" is none
	OOMKilled bool   `json:",omitempty"` // a process of the container was killed for want of memory
	Error     string `json:",omitempty"`
	Attempt   int    `json:",omitempty"` // of a run, from 1
	// Next is what is done with a message that is not done with: "retry" or "dead".
	Next string `json:",omitempty"`
	// RetryIn is the seconds until the next attempt, when Next is "retry".
	RetryIn float64 `json:",omitempty"`
	// OutputLost says why the end of the container's output is missing.
	OutputLost string `json:",omitempty"`
	// Warnings are the Engine's own, about what it has made or changed.
	Warnings []string `json:",omitempty"`
	// Data is the Engine's answer, where that is what the message wants.
	Data json.RawMessage `json:",omitempty"`
	// Tar is what was copied out of a container.
	Tar     []byte  `json:"TarBase64,omitempty"`
	Seconds float64 // in work

	record *running         // the container of a run; nil for every other command
	place  *dockerapi.Place // of a long answer of the Engine, until it is printed; nil is none
}

// text is the result for people, without Data.
func (r *Result) text() string {
	s := string(r.Status)
	switch r.Status {
	case StatusExited:
		s = fmt.Sprintf("exited %d%s in %.2fs", *r.ExitCode, r.cause(), r.Seconds)
	case StatusStarted, StatusCreated:
		s = strings.TrimSpace(s + " " + r.ID[:min(len(r.ID), shortID)])
	case StatusInvalid, StatusFailed:
		s = "error: " + r.Error
	case StatusInterrupted, StatusTimeout, StatusDenied:
		s += ": " + r.Error
	}
	if r.Tar != nil {
		s += fmt.Sprintf(" a tar of %d bytes", len(r.Tar))
	}
	if r.OutputLost != "" {
		s += " (output lost: " + r.OutputLost + ")"
	}
	if len(r.Warnings) > 0 {
		s += " (" + strings.Join(r.Warnings, "; ") + ")"
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

// cause is what has ended the container by force, in brackets.
func (r *Result) cause() string {
	switch {
	case r.Signal != "" && r.OOMKilled:
		return " (" + r.Signal + ", out of memory)"
	case r.Signal != "":
		return " (" + r.Signal + ")"
	case r.OOMKilled:
		return " (out of memory)"
	}
	return ""
}

func (r *Result) exit(code int) { r.ExitCode, r.Signal = &code, signalOf(code) }

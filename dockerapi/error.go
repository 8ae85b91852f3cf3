package dockerapi

import "fmt"

// errorBodyLen is as much of an error's body as is read: an Engine's longest messages, those of the OCI runtime, have
// a few KiB.
const errorBodyLen = 64 << 10

// Error is an answer with which the Engine refuses a call.
type Error struct {
	Operation string // operation id, as in the calls table
	Status    int    // one that the call does not accept; 200 where a pull has failed within its stream
	Message   string // the Engine's words, at most 64 KiB of them; they are not ours to trust
}

func (e *Error) Error() string {
	return fmt.Sprintf("dockerapi: %s: %d: %.1000s", e.Operation, e.Status, e.Message)
}

// NoAnswer says that the Engine could not be reached, that the connection was cut before its answer was whole, or that no
// answer came within the time that the calls table has for it. When the caller's context ends a call, the error is the
// context's, and no NoAnswer.
type NoAnswer struct {
	Operation string
	Sent      bool  // the Engine may have got the request, and may have acted
	Err       error // as the connection reported it; or the time that has passed
}

func (e *NoAnswer) Error() string { return fmt.Sprintf("dockerapi: %s: %v", e.Operation, e.Err) }

// Unwrap returns the cause.
func (e *NoAnswer) Unwrap() error { return e.Err }

// Garbled says that an answer came which cannot be understood: it is not HTTP, not frames, or not the JSON that the operation
// answers with. Something is there, and may have acted.
type Garbled struct {
	Operation string
	Err       error // what is wrong with it; outside text is quoted or cut
}

func (e *Garbled) Error() string { return fmt.Sprintf("dockerapi: %s: %v", e.Operation, e.Err) }

// Unwrap returns what is wrong.
func (e *Garbled) Unwrap() error { return e.Err }

// Package wiretest is for tests only: it plays the far end of a connection from a written [transcript], records such
// transcripts from a real one, and fails a package whose tests leave goroutines behind.
//
// [Main] is a package's TestMain. [Server] plays a transcript's server side over an in-memory connection and compares what
// the client sends byte for byte; [ServerInPieces] answers in small pieces. [Record] writes down what passes through a real
// connection in the same form. It refuses to guess: a byte too many, a byte too few or a connection that is never dialled
// fails the test. An [Authority] signs certificates for TLS. [Untimed] takes the times out of a log.
//
// # Transcript
//
// A transcript is text. The first character of a line, after blanks and tabs, says what the line is:
//
//	# words         a remark
//	== words        a new connection; the words name it in failures
//	> text          the client sends text and CRLF
//	> "text\n"      the client sends exactly these bytes, in Go's quoting
//	< text          the server sends text and CRLF
//	< "text\n"      the server sends exactly these bytes
//	>EOF            the client ends its direction, by CloseWrite or Close
//	<EOF            the server ends its direction
//
// A lone > or < is an empty line, CRLF. A text that begins with a double quote or holds CR must be quoted. Neighbouring
// lines of one direction are one piece of the stream: < lines that follow each other arrive by one Write. Lines of both
// directions are played strictly in order, so a client that sends while the transcript has the server send must read
// meanwhile, as it must on a socket with full buffers.
//
// Connections are handed out in the order in which they are dialled and know nothing of each other. A transcript that begins
// without == has one connection without a name. After its last line a connection stays open and silent until the client
// closes it or the test ends.
//
// [transcript]: #hdr-Transcript
package wiretest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// leakPatience is how long goroutines may take to end after the last test: ample for one that is being
// scheduled away on a busy machine, short for a person who waits for the verdict.
const leakPatience = 5 * time.Second

// Main runs a package's tests and exits: with their result, or with 1 and the stacks on stderr when goroutines
// are still running five seconds after the last of them. Use it as the body of TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if code != 0 {
		os.Exit(code)
	}
	if stacks := leaked(leakPatience); len(stacks) > 0 {
		fmt.Fprintf(os.Stderr, "wiretest: %d goroutines left behind by the tests:\n\n%s\n", len(stacks), strings.Join(stacks, "\n\n"))
		os.Exit(1)
	}
	os.Exit(0)
}

// leaked waits until no goroutine but the caller's and the runtime's own is left, and returns those that outlast patience.
func leaked(patience time.Duration) []string {
	deadline := time.Now().Add(patience)
	for {
		stacks := others()
		if len(stacks) == 0 || time.Now().After(deadline) {
			return stacks
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// others returns the stacks of all goroutines but the caller's and those that a process never ends.
func others() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := strings.Split(strings.TrimSpace(string(buf)), "\n\n")
	var stacks []string
	for _, stack := range all[1:] { // the first is the caller's: runtime.Stack
		if !permanent(stack) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// permanent tells the goroutines that signal handling, which fuzzing turns on, starts once and keeps.
func permanent(stack string) bool { return strings.Contains(stack, "os/signal.") }

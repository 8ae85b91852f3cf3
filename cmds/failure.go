package cmds

import (
	"context"
	"errors"
	"strings"

	"docker-dispatch/dockerapi"
)

// kind of failure: what an error means for the message that met it.
type failure uint8

const (
	none        failure = iota // it came to an end, with whatever exit code
	invalid                    // the message is at fault
	denied                     // the policy is against it
	fatal                      // its dispatcher dies of the message
	failed                     // the Engine said no
	timeout                    // the container was stopped when its time was up
	interrupted                // the Engine went away under the container
	unfinished                 // we are leaving, or standard output is gone: the outcome is not known or cannot be said
)

// fate is what is done with a message after such a failure.
type fate struct {
	status Status // in its result; "" where the Engine has said it
	reply  bool   // a result is printed
	step   step   // what is done then
	retry  string // the word of Options.RetryOn that changes the step; "" is none
}

// fates is the one place where an outcome is decided on.
var fates = [...]fate{
	none:        {"", true, finish, retryExit},
	invalid:     {StatusInvalid, true, bury, ""},
	denied:      {StatusDenied, true, bury, ""},
	fatal:       {StatusFailed, true, bury, ""},
	failed:      {StatusFailed, true, finish, retryEngine},
	timeout:     {StatusTimeout, true, finish, retryTimeout},
	interrupted: {StatusInterrupted, true, finish, retryInterrupted},
	unfinished:  {"", false, keep, ""},
}

// errInterrupted is the error of a run whose container did not come to its own end.
type errInterrupted string

func (e errInterrupted) Error() string { return string(e) }

// errTimeout is the error of a run whose container was stopped since its time was up.
type errTimeout string

func (e errTimeout) Error() string { return string(e) }

// classify tells what an error means. Whatever is not known is the Engine's refusal: it is said, and nothing is repeated.
func classify(err error) failure {
	if err == nil {
		return none
	}
	var bad *Invalid
	var forbidden *Denied
	var worst errDeadly
	var cut errInterrupted
	var late errTimeout
	var output *OutputError
	switch {
	case errors.As(err, &bad):
		return invalid
	case errors.As(err, &forbidden):
		return denied
	case errors.As(err, &worst):
		return fatal
	case errors.As(err, &cut):
		return interrupted
	case errors.As(err, &late):
		return timeout
	case errors.As(err, &output), errors.Is(err, ErrPrinterClosed), errors.Is(err, context.Canceled), errors.Is(err, errLost), errors.Is(err, errGivenBack), errors.Is(err, errDone), errors.Is(err, ErrUnaudited):
		return unfinished
	}
	return failed
}

// isRefused says whether a message was refused as it is, so that nothing has been tried.
func isRefused(err error) bool { return classify(err) == invalid || classify(err) == denied }

// explain is an error in the words of a result: the Engine's own for what it refused.
func explain(err error) string {
	var refused *dockerapi.Error
	if errors.As(err, &refused) {
		return refused.Message
	}
	return err.Error()
}

// startCodes are the exit codes that docker run has for a container that could not be started, by the Engine's words; the
// rest is 125. Both the words and the codes are those of docker's CLI.
var startCodes = []struct {
	code  int
	words []string
}{
	{127, []string{"executable file not found", "no such file or directory", "system cannot find the file specified"}},
	{126, []string{"permission denied", "is a directory"}},
}

const codeRefused = 125 // of docker run, for what is not the command's fault

func startCode(err error) int {
	var refused *dockerapi.Error
	if !errors.As(err, &refused) {
		return codeRefused
	}
	for _, row := range startCodes {
		for _, words := range row.words {
			if strings.Contains(strings.ToLower(refused.Message), words) {
				return row.code
			}
		}
	}
	return codeRefused
}

// nameInUse says whether the Engine refuses a create because of its name: by 409, or, if it is Podman, by 500 and its words.
func nameInUse(err error) bool {
	var refused *dockerapi.Error
	return errors.As(err, &refused) && (refused.Status == 409 || refused.Status == 500 && strings.Contains(refused.Message, "already in use"))
}

// imageMissing says whether the Engine refuses a create because it has not the image, or not that of the platform: by 404, which
// is also that of a missing driver.
func imageMissing(err error) bool {
	var refused *dockerapi.Error
	return errors.As(err, &refused) && refused.Status == 404 && strings.Contains(strings.ToLower(refused.Message), "image")
}

// removalUnderWay says whether the Engine refuses a removal because there is one already. The status alone, 409, is also that
// of a container that runs.
func removalUnderWay(err error) bool {
	var refused *dockerapi.Error
	return errors.As(err, &refused) && refused.Status == 409 && strings.Contains(refused.Message, "already in progress")
}

// status is that of an Engine's refusal; 0 for every other error.
func status(err error) int {
	var refused *dockerapi.Error
	if errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

// gone takes a container or volume that is not there for no error.
func gone(err error) error {
	if status(err) == 404 {
		return nil
	}
	return err
}

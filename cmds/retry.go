package cmds

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is what is done with a message whose outcome is out.
type step uint8

const (
	finish step = iota // it is acked
	again              // it is tried once more, after a while
	bury               // it goes to the dead queue
	keep               // it stays with the broker
)

// steps are the words of Options.ExitCodes.
var steps = map[string]step{"retry": again, "dead": bury}

// retryOn is Options.RetryOn: which ends of a run lead to another try.
type retryOn struct {
	given bool
	words []string // of retryWords
	codes []int    // exit codes
}

// The words of Options.RetryOn: the kinds of failure that a message may have tried again.
const (
	retryExit        = "exit"        // any exit code but 0
	retryTimeout     = "timeout"     // Options.Timeout was up
	retryInterrupted = "interrupted" // the Engine went away under the container
	retryEngine      = "engine"      // the Engine refused
)

var retryWords = []string{retryExit, retryTimeout, retryInterrupted, retryEngine}

// retryDefault is what Options.Retries stands for alone: what the Engine refuses once it refuses again.
var retryDefault = []string{retryExit, retryTimeout, retryInterrupted}

// maxRetries keeps the sum of all delays within a day: 1, 2, 4 … 1024 s, and 1024 s for each one after.
const maxRetries = 90

// on says whether a run that ended so is to be tried again, as far as retries are left. Code is nil where there is none.
func (r retryOn) on(word string, code *int) bool {
	words := r.words
	if !r.given {
		words = retryDefault
	}
	if word != retryExit {
		return slices.Contains(words, word)
	}
	return code != nil && (slices.Contains(r.codes, *code) || *code != 0 && slices.Contains(words, word))
}

// needsExit says whether it waits for something that only an attached run tells.
func (r retryOn) needsExit() bool {
	return !r.given || len(r.codes) > 0 || slices.ContainsFunc(r.words, func(word string) bool { return word != retryEngine })
}

// next is what is done with a message, after the fate of its kind of failure.
func (c *Command) next(f fate, code *int) step {
	word := f.retry
	steered, given := finish, false
	if code != nil && word == retryExit {
		steered, given = c.ExitCodes[*code], c.ExitCodes[*code] != finish
	}
	wants := steered == again || !given && c.Retries > 0 && c.RetryOn.on(word, code)
	switch {
	case steered == bury:
		return bury
	case wants && c.Message.Attempt > c.Retries:
		return bury
	case wants:
		return again
	}
	return f.step
}

const (
	firstRetry = time.Second
	lastRetry  = 1024 * time.Second
)

// delay is how long a message rests before the attempt after this one: 1, 2, 4 … 1024 s, or the next longer, so that
// messages that failed together do not come back together. It is the same each time that it is asked.
func (i identity) delay() time.Duration {
	sum := sha256.Sum256(fmt.Append(nil, i.ID, i.Attempt, i.Digest))
	return min(firstRetry<<(min(i.Attempt-1, 10)+int(sum[0]%2)), lastRetry)
}

func readRetries(key string, raw json.RawMessage) (any, error) {
	const want = "not a number of retries (0 to 90, without quotes)"
	var n int
	err := decodeInto(&n, key, raw, want)
	if err == nil && (n < 0 || n > maxRetries) {
		err = &Invalid{key, excerpt(raw), want}
	}
	return n, err
}

// readRetryOn takes exit codes as numbers.
func readRetryOn(key string, raw json.RawMessage) (any, error) {
	want := `not a list of exit codes (1 to 255) and of "` + strings.Join(retryWords, `", "`) + `"`
	bad := &Invalid{key, excerpt(raw), want}
	var list []any
	err := decodeInto(&list, key, raw, want)
	if err != nil {
		return nil, err
	}
	r := retryOn{given: true}
	for _, item := range list {
		switch v := item.(type) {
		case string:
			if !slices.Contains(retryWords, v) {
				return nil, bad
			}
			r.words = append(r.words, v)
		case float64:
			if v != float64(int(v)) || v < 1 || v > maxExitCode {
				return nil, bad
			}
			r.codes = append(r.codes, int(v))
		default:
			return nil, bad
		}
	}
	return r, nil
}

const maxExitCode = 255 // of a process, and so of a container

func readExitCodes(key string, raw json.RawMessage) (any, error) {
	const want = `not exit codes and what to do ({"75": "retry", "64": "dead"})`
	if raw[0] != '{' {
		return nil, &Invalid{key, excerpt(raw), want}
	}
	members, err := object(key, raw)
	if err != nil {
		return nil, err
	}
	codes := map[int]step{}
	for _, m := range members {
		code, err := strconv.Atoi(m.Key)
		if err != nil || code < 0 || code > maxExitCode || strconv.Itoa(code) != m.Key {
			return nil, &Invalid{Key: join(key, m.Key), Problem: "not an exit code (0 to 255)"}
		}
		word, err := readText(join(key, m.Key), m.Value)
		if err != nil {
			return nil, err
		}
		if codes[code] = steps[word]; codes[code] == finish {
			return nil, &Invalid{join(key, m.Key), excerpt(m.Value), `neither "retry" nor "dead"`}
		}
	}
	return codes, nil
}

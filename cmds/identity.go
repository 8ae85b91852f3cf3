package cmds

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"
	"strings"

	"docker-dispatch/wire"
)

// identity is what a message, and the container made for it, are known by. The same ID and Attempt with another Digest is a
// publisher's mistake.
type identity struct {
	Queue   string
	ID      string            // message_id; "" cannot be told from its equal but by a redelivery
	Attempt int               // 1, and one more for each retry
	Digest  [sha256.Size]byte // of the body
}

// headerAttempt counts the attempts at a message, in its headers.
const headerAttempt = "docker-dispatch-attempt"

// maxAttempt is more attempts than any message gets: a stranger's header says what it likes.
const maxAttempt = 1 << 20

func identify(d wire.Delivery) identity {
	return identity{Queue: d.Queue, ID: d.MessageID, Attempt: attempt(d.Headers), Digest: sha256.Sum256(d.Body)}
}

// attempt is what the header says, 1 where it says nothing of sense.
func attempt(headers map[string]any) int {
	var n int64
	switch v := headers[headerAttempt].(type) {
	case int64:
		n = v
	case int32:
		n = int64(v)
	}
	if n < 1 || n > maxAttempt {
		return 1
	}
	return int(n)
}

// The labels of every container that is made for a message: the container is the record of it.
const (
	labelMessageID  = "docker-dispatch.message-id"
	labelDigest     = "docker-dispatch.digest" // sha256 of the message's body, hex
	labelQueue      = "docker-dispatch.queue"
	labelAttempt    = "docker-dispatch.attempt"    // from 1
	labelDispatcher = "docker-dispatch.dispatcher" // the name of the dispatcher that took it
	labelRemove     = "docker-dispatch.remove"     // "true" where the message asks for it
	labelDetached   = "docker-dispatch.detached"   // "true" where nobody waits for the exit: once it runs, nothing is left to be done; else see below
	labelSigner     = "docker-dispatch.signer"     // the name of the key that has signed the message, where that was asked for
	labelMessage    = "docker-dispatch.message"    // of a claim's mark alone, a parcel: what is needed to finish the run
)

// recordLabels are those by which a container is judged, markLabels those of the empty volumes that mark one.
var (
	recordLabels = []string{labelMessageID, labelDigest, labelQueue, labelAttempt, labelDispatcher, labelRemove, labelDetached}
	markLabels   = []string{labelMessage, labelDigest, labelDispatcher, labelSigner, labelTrial}
)

// What labelDetached says of other containers than those of detached runs.
const (
	detachedCreate  = "create"  // it was made to be started by somebody else
	detachedRestart = "restart" // the Engine restarts it: one that runs may have had the exit that was waited for
)

// labels are those of i; the dispatcher's name and the rest are added by Resolve.
func (i identity) labels() map[string]string {
	return map[string]string{
		labelMessageID: i.ID,
		labelDigest:    hex.EncodeToString(i.Digest[:]),
		labelQueue:     i.Queue,
		labelAttempt:   strconv.Itoa(i.Attempt),
	}
}

// ownLabels are those that the dispatcher has set, without the message's.
func ownLabels(all map[string]string) map[string]string {
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(name, _ string) bool { return !strings.HasPrefix(name, labelPrefix) })
	return own
}

// made says whether a container with these labels was made for the message i, by whatever dispatcher.
func (i identity) made(labels map[string]string) bool {
	return i.claims(labels) && labels[labelDigest] == hex.EncodeToString(i.Digest[:])
}

// claims is made for a message that may have another body.
func (i identity) claims(labels map[string]string) bool {
	return labels[labelQueue] == i.Queue && labels[labelMessageID] == i.ID && labels[labelAttempt] == strconv.Itoa(i.Attempt)
}

// filter is what the Engine looks up the containers of i by.
func (i identity) filter() []string {
	return []string{labelQueue + "=" + i.Queue, labelMessageID + "=" + i.ID, labelAttempt + "=" + strconv.Itoa(i.Attempt)}
}

// name is one that no other message has, so that one Engine never has two containers for one. A message without an id cannot
// be told from its equal, and has a random name.
func (i identity) name() string {
	if i.ID == "" {
		return "docker-dispatch-" + rand.Text()
	}
	key := i.Queue + "\x00" + i.ID
	if i.Attempt > 1 {
		key += "\x00" + strconv.Itoa(i.Attempt)
	}
	sum := sha256.Sum256([]byte(key))
	return "docker-dispatch-" + hex.EncodeToString(sum[:10])
}

// reused is the error of a message whose id another one had.
func (i identity) reused() error {
	return &Invalid{Problem: "its message_id, " + strconv.Quote(i.ID) + ", is that of a message with another body; give each message an id of its own"}
}

package wire

import (
	"errors"
	"time"
)

// Verdict is what becomes of a delivery at the broker.
type Verdict uint8

const (
	Ack     Verdict = iota // basic.ack: its outcome is out, the broker may forget it
	Requeue                // basic.nack with requeue: somebody else, or we later, shall have it
	Claim                  // basic.ack: the broker may forget it, but its place among those in hand stays taken until Ack
)

func (v Verdict) String() string { return [...]string{"ack", "requeue", "claim"}[v] }

// ErrStale is what Settle returns once the session that brought the delivery has ended. The broker has taken
// the message back by then and gives it out again; nothing was sent, and no place stays taken.
var ErrStale = errors.New("wire: the session that brought this delivery has ended")

// Properties are those of AMQP 0-9-1's basic class that travel with a message. Strings are at most 255 bytes
// in what a broker delivered.
type Properties struct {
	MessageID       string
	CorrelationID   string
	ReplyTo         string
	ContentType     string
	ContentEncoding string
	Type            string
	AppID           string
	Priority        uint8
	Timestamp       time.Time      // second precision, zero when the publisher set none
	Headers         map[string]any // as decoded by the client library; nil when there are none
}

// Delivery is one message in our hands. It is settled at most once, on the channel that it came on; a claimed one is then
// the dispatcher's alone until it gives its place back.
type Delivery struct {
	Properties
	Body        []byte
	Queue       string // the queue it was taken from; "" for standard input
	UserID      string // the login of its publisher, which the broker has checked; "" when the publisher does not say
	Redelivered bool   // the broker has given it out before, or cannot tell

	// Settle tells the broker the verdict: Ack, or Requeue, or Claim and later Ack, which then sends nothing, gives the
	// place back and returns nil, also when the session has long ended. Otherwise it returns ErrStale, and sends nothing,
	// after Lost is closed, and an error when called in another order or twice. A nil error means that the verdict is sent,
	// or will be as soon as the consumer allows; it is not yet stored.
	Settle func(Verdict) error

	// Lost is closed when the session that brought the delivery has ended. Nil means never.
	Lost <-chan struct{}
}

// Publishing is a message on its way to a queue, through the default exchange.
type Publishing struct {
	Properties
	Queue string
	Body  []byte
	First []string // headers that come before all others where there is no room for all

	// UserID is the login of the one that publishes, for those who read. It is left out where it is "", and where the broker knows
	// that login by another name.
	UserID string

	// Delay, when not 0, is a power of two of seconds from 1 to 1024: the message rests that long in the queue that
	// Queue, RetryInfix and the seconds name, before the broker moves it to Queue.
	Delay time.Duration
}

// The queues and the exchange that go with a queue are named after it.
const (
	DeadSuffix    = ".dead"    // the queue of the messages that can never be done
	RetryInfix    = ".retry."  // and seconds: the queue of the messages that rest before they are tried again
	ControlSuffix = ".control" // the exchange of the messages for all its dispatchers; with "." and a dispatcher's name the queue of its own
)

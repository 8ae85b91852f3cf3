package amqp

import (
	"errors"
	"fmt"

	"github.com/rabbitmq/amqp091-go"
)

// Refused is what the broker will not do for us, or what we will not send to it: to try again helps only after a person has
// mended something.
type Refused struct {
	What   string // what was refused, and for whom
	Code   int    // AMQP's reply code, 0 when the refusal is this package's own
	Reason string // in the refuser's words
	Mend   string // what to do about it
}

// Error is the refusal and its mend on one line, without any password.
func (r *Refused) Error() string {
	if r.Code == 0 {
		return fmt.Sprintf("amqp: %s: %.300q; %s", r.What, r.Reason, r.Mend)
	}
	return fmt.Sprintf("amqp: %s: refused: %.300q (%d); %s", r.What, r.Reason, r.Code, r.Mend)
}

// judge makes a *Refused of a reply whose code has a mend, and wraps every other error; nil stays nil.
func judge(what string, err error, mends map[int]string) error {
	if err == nil {
		return nil
	}
	reply, _ := errors.AsType[*amqp091.Error](err)
	if mend := mends[replyCode(err)]; mend != "" {
		return &Refused{what, reply.Code, reply.Reason, mend}
	}
	return fmt.Errorf("amqp: %s: %w", what, err)
}

// replyCode is the code of the broker's reply, 0 when err is none.
func replyCode(err error) int {
	if reply, ok := errors.AsType[*amqp091.Error](err); ok {
		return reply.Code
	}
	return 0
}

func isRefused(err error) bool {
	_, refused := errors.AsType[*Refused](err)
	return refused
}

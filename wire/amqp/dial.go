package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"time"

	"docker-dispatch/wire"
	"docker-dispatch/wire/socket"

	"github.com/rabbitmq/amqp091-go"
)

var errHandshake = errors.New("no complete handshake within connection_timeout")

// link is an open connection, what it reads and writes, and the socket below. To close the socket is the only way to free a method call from
// a broker that answers nothing.
type link struct {
	conn      *amqp091.Connection
	transport *transport
	raw       net.Conn
}

// dial connects to the first host that answers, beginning with the one after that which dialled counted last. A login that one
// refuses the others would refuse too: it ends the round. When none answers, the error is an outage if any of theirs is.
func (b *Broker) dial(ctx context.Context, name string, dialled *int) (*link, error) {
	var failed error
	for range b.hosts {
		h := b.hosts[*dialled%len(b.hosts)]
		*dialled++
		l, err := b.dialHost(ctx, h, name)
		if err == nil || isLogin(err) || ctx.Err() != nil {
			return l, err
		}
		failed = both(failed, err)
	}
	return nil, failed
}

// isLogin tells the refusal of a user or a vhost.
func isLogin(err error) bool {
	refused, _ := errors.AsType[*Refused](err)
	return refused != nil && refused.Code != 0
}

// both has the text of two errors, and wraps the one that time mends.
func both(a, b error) error {
	switch {
	case a == nil:
		return b
	case isSlow(a):
		return fmt.Errorf("%v; %w", a, b)
	default:
		return fmt.Errorf("%w; %v", a, b)
	}
}

// dialHost connects and shakes hands within the URI's connection_timeout, or until ctx is done.
func (b *Broker) dialHost(ctx context.Context, h host, name string) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.timeout(), errHandshake)
	defer cancel()
	b.log.Debug("connecting", "broker", Redact(h.text), "as", name)
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(h.uri.Host, strconv.Itoa(h.uri.Port)))
	if err != nil {
		return nil, h.dialError(err)
	}
	raw = socket.New(raw)
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	l, err := h.shakeHands(ctx, raw, amqp091.Config{Properties: properties(name)}, b.cfg.PasswordFile)
	if err = cmp.Or(context.Cause(ctx), err); err != nil {
		raw.Close()
		return nil, h.dialError(err)
	}
	return l, nil
}

func (h host) timeout() time.Duration {
	if ms := h.uri.ConnectionTimeout; ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return defaultTimeout
}

func properties(connectionName string) amqp091.Table {
	p := amqp091.NewConnectionProperties()
	p.SetClientConnectionName(connectionName)
	return p
}

// cut ends the connection without a word.
func (l *link) cut() { l.raw.Close() }

// close ends the connection, at the deadline without the broker's leave. What the broker has to say to that changes nothing.
func (l *link) close(deadline time.Time) {
	defer l.cut()
	defer time.AfterFunc(time.Until(deadline), l.cut).Stop()
	l.conn.CloseDeadline(deadline)
}

// dialError tells refusals, which need a person, from outages, which need time.
func (h host) dialError(err error) error {
	what := "connecting to " + Redact(h.text)
	reply, _ := errors.AsType[*amqp091.Error](err)
	distrust, _ := errors.AsType[*wire.Distrust](err)
	switch {
	case isRefused(err):
		return err
	case reply == amqp091.ErrVhost: // what the library says when the connection was lost at that step
		return fmt.Errorf("amqp: %s: connection lost in the handshake", what)
	case reply == amqp091.ErrSASL:
		return &Refused{what, reply.Code, reply.Reason, "the broker has no auth_mechanism of the address; external needs its plugin rabbitmq_auth_mechanism_ssl, and a listener with TLS"}
	case reply != nil && reply.Reason == amqp091.ErrFrameTooLarge.Error():
		return &Refused{what, 0, "the answer is not AMQP", "if this is a port for TLS, write amqps://"}
	case reply != nil:
		return judge(what, err, h.mends())
	case distrust != nil:
		return &Refused{what, 0, distrust.Err.Error(), distrustMend(distrust)}
	case isOutage(err):
		return fmt.Errorf("amqp: %s: %w", what, err)
	}
	return &Refused{what, 0, err.Error(), "check cacertfile, certfile and keyfile in the broker's address"}
}

// isOutage tells whether the network failed, and not a file: an error of the system that a file met is a net.Error.
func isOutage(err error) bool {
	_, file := errors.AsType[*fs.PathError](err)
	_, network := errors.AsType[net.Error](err)
	return !file && (network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || errors.Is(err, errHandshake))
}

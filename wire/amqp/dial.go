package amqp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

var errHandshake = errors.New("no complete handshake within connection_timeout")

// link is an open connection and the socket below it. To close the socket is the only way to free a method call from a broker
// that answers nothing.
type link struct {
	conn *amqp091.Connection
	raw  net.Conn
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
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn, err := amqp091.DialConfig(h.text, amqp091.Config{
		Properties: properties(name),
		Dial:       func(string, string) (net.Conn, error) { return raw, nil },
	})
	if err = cmp.Or(context.Cause(ctx), err); err != nil {
		raw.Close()
		return nil, h.dialError(err)
	}
	return &link{conn, raw}, nil
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
	switch {
	case reply == amqp091.ErrVhost: // what the library says when the connection was lost at that step
		return fmt.Errorf("amqp: %s: connection lost in the handshake", what)
	case reply != nil && reply.Reason == amqp091.ErrFrameTooLarge.Error():
		return &Refused{what, 0, "the answer is not AMQP", "if this is a port for TLS, write amqps://"}
	case reply != nil:
		return judge(what, err, map[int]string{
			amqp091.AccessRefused: "check user name and password with: rabbitmqctl authenticate_user " + strconv.Quote(h.uri.Username) +
				"; in the address, : @ / ? # % of a password are written %3A %40 %2F %3F %23 %25, and guest may come from the broker's own machine only",
			amqp091.NotAllowed: fmt.Sprintf("check that the vhost %q exists (rabbitmqctl add_vhost) and that %q may use it (rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ)",
				h.uri.Vhost, h.uri.Username),
		})
	case isOutage(err):
		return fmt.Errorf("amqp: %s: %w", what, err)
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		return &Refused{what, 0, err.Error(), "if this is the port for plain AMQP, write amqp://"}
	}
	return &Refused{what, 0, err.Error(), "check cacertfile, certfile, keyfile and server_name_indication in the broker's address"}
}

// isOutage tells whether the network failed, and not TLS or its files: an alert is a net.OpError too, and an error of the
// system that a file met is a net.Error.
func isOutage(err error) bool {
	op, _ := errors.AsType[*net.OpError](err)
	_, file := errors.AsType[*fs.PathError](err)
	if file || op != nil && (op.Op == "remote error" || op.Op == "local error") {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || errors.Is(err, errHandshake)
}

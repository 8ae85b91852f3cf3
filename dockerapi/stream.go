package dockerapi

import (
	"context"
	"errors"
	"io"
	"net/url"

	"docker-dispatch/wire/http1"
	"docker-dispatch/wire/stdcopy"
)

// Output tells a container's two outputs apart.
type Output = stdcopy.Stream

const (
	Stdout = stdcopy.Stdout
	Stderr = stdcopy.Stderr
)

// Streams says which of a container's streams are wanted, and how they come.
type Streams struct {
	Stdin, Stdout, Stderr bool

	// Tty is the container's own setting. With a terminal the bytes come raw, all of them as Stdout; without one they are
	// framed. The answer's content type is no guide: Engines say raw of framed streams.
	Tty bool
}

// Has says whether an output is wanted.
func (s Streams) Has(o Output) bool { return o == Stdout && s.Stdout || o == Stderr && s.Stderr }

// yes is the value of a key that is either there or not.
var yes = []string{"1"}

func (s Streams) query() url.Values {
	q := url.Values{}
	for _, stream := range [...]struct {
		key    string
		wanted bool
	}{{"stdin", s.Stdin}, {"stdout", s.Stdout}, {"stderr", s.Stderr}} {
		if stream.wanted {
			q[stream.key] = yes
		}
	}
	return q
}

func (s Streams) reader(src io.Reader) *stdcopy.Reader {
	if s.Tty {
		return stdcopy.NewRawReader(src)
	}
	return stdcopy.NewReader(src)
}

// over makes the stream of a connection that was hijacked.
func (s Streams) over(conn *line, answer *answer) *Stream {
	return &Stream{answer: answer, output: s.reader(conn), input: conn.Conn, tty: s.Tty}
}

// Stream is what a container writes, and for an attach also what it reads.
type Stream struct {
	answer *answer // what carries it
	output *stdcopy.Reader
	input  *http1.Conn // of an attach or an exec; nil for a log, which cannot be written to

	tty     bool
	midLine bool // what was written last does not end a line
}

// ContainerAttach connects to the container's streams. Attach before the start, and read at once, or output is lost; an
// attach that is not read holds up the container, and every call that would end it. ctx ends the stream.
func (c *Client) ContainerAttach(ctx context.Context, id string, s Streams) (*Stream, error) {
	query := s.query()
	query["stream"] = yes
	conn, answer, err := c.hijack(ctx, containerAttach, args{id: id, query: query})
	if err != nil {
		return nil, err
	}
	return s.over(conn, answer), nil
}

// ContainerLogs reads what the container has written. Query: follow, until it has exited, and not only so far; since and
// until, Unix seconds; tail, the number of last lines, or all; timestamps and details, before each line. A
// log that is followed may lack a last line without a newline, which Engines write down as the follower leaves: read it
// again without follow. One of a container that has not been started ends at once. A log driver that cannot give it back
// is *Error 501. ctx ends the stream.
func (c *Client) ContainerLogs(ctx context.Context, id string, s Streams, query url.Values) (*Stream, error) {
	all := s.query()
	for key, values := range query {
		all[key] = values
	}
	answer, err := c.stream(ctx, containerLogs, args{id: id, query: all})
	if err != nil {
		return nil, err
	}
	return &Stream{answer: answer, output: s.reader(answer)}, nil
}

// Next returns the next bytes that the container has written, at least one, valid until the next call. io.EOF is the end
// of the outputs; for an attach the end of the connection looks the same when it comes between two frames.
func (s *Stream) Next() (Output, []byte, error) {
	output, data, err := s.output.Next()
	if err == nil || err == io.EOF {
		return output, data, err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, nil, &NoAnswer{calls[s.answer.op].operation, true, err}
	}
	return 0, nil, s.answer.fail(err)
}

// Ready says whether Next would not wait, as far as that is known: of a log, and with TLS, it is so only of what has been read
// already.
func (s *Stream) Ready() bool { return s.output.Ready() }

// Done is for whoever has called Next and will not do so again.
func (s *Stream) Done() { s.output.Done() }

// Write sends bytes to the container's standard input. It may wait for the container to read.
func (s *Stream) Write(p []byte) (int, error) {
	n, err := s.input.Write(p)
	if n > 0 {
		s.midLine = p[n-1] != '\n' && p[n-1] != '\r'
	}
	return n, err
}

// eot is what a terminal takes for the end of input at the beginning of a line, and elsewhere for the end of a read.
const eot = "\x04"

// CloseWrite ends the container's standard input and leaves its outputs open. A terminal's is ended as by hand, with ctrl-d: an
// Engine that reads the end of an attach with a terminal closes the outputs too.
func (s *Stream) CloseWrite() error {
	switch {
	case !s.tty:
		return s.input.CloseWrite()
	case s.midLine:
		_, err := s.input.Write([]byte(eot + eot))
		return err
	}
	_, err := s.input.Write([]byte(eot))
	return err
}

// Close ends the stream, and whatever waits in it.
func (s *Stream) Close() error { return s.answer.Close() }

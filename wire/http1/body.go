package http1

import (
	"bytes"
	"errors"
	"io"
)

// Framings that are not a length in bytes.
const (
	chunked    = -1
	untilClose = -2
)

// maxChunkLine is the longest chunk line, size, extensions and CRLF: what the read buffer holds.
const maxChunkLine = readBuffer

// maxSizeDigits is the longest chunk size: 15 hex digits are 2^60 bytes, so that no size can overflow and all that pad
// theirs to a machine word's 8 digits are read.
const maxSizeDigits = 15

// maxOverhead bounds the extensions of all chunks together. We skip them, so a peer could keep us busy with nothing else
// (RFC 9112 section 7.1.1). A chunk line may be as long as a size can be, longer by as much as its chunk brings data, and all
// of them together by this much more: an honest sender never comes near it, not even one byte at a time.
const maxOverhead = 16 << 10

var errClosedBody = errors.New("http1: read of a closed response body")

// noBody is the Body of a response that has none: its connection is no longer tied to it.
type noBody struct{}

func (noBody) Read([]byte) (int, error) { return 0, io.EOF }
func (noBody) Close() error             { return nil }

// body is a framed Body, which settles its connection's fate at the end.
type body struct {
	framed io.Reader // io.EOF is the end of the response, io.ErrUnexpectedEOF a cut
	conn   *conn
	err    error // sticky
}

// frame gives a response its Body, of what follows the head. Without one the connection is free at once.
func (c *conn) frame(resp *Response, length int64) {
	b := &body{conn: c}
	switch length {
	case 0:
		c.release()
		resp.Body = noBody{}
		return
	case chunked:
		b.framed = &chunkedReader{c: c, resp: resp}
	case untilClose:
		b.framed = c.r
	default:
		b.framed = &lengthReader{r: c.r, n: length}
	}
	resp.Body, resp.tied = b, b
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.framed.Read(p)
	switch {
	case err == io.EOF:
		b.err = io.EOF
		b.conn.release()
	case err != nil:
		b.err = b.conn.fail("read", err)
		b.conn.Close()
	}
	return n, b.err
}

// Close gives up what is left of the body, and with it the connection.
func (b *body) Close() error {
	if b.err == nil {
		b.conn.Close()
	}
	b.err = errClosedBody
	return nil
}

// lengthReader reads n bytes of r and gives io.EOF with the last of them.
type lengthReader struct {
	r io.Reader
	n int64
}

func (l *lengthReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(int64(len(p)), l.n)])
	l.n -= int64(n)
	switch {
	case l.n == 0:
		return n, io.EOF
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	default:
		return n, err
	}
}

// chunkedReader decodes the chunked coding: RFC 9112 section 7.1.
type chunkedReader struct {
	c        *conn
	resp     *Response // takes the trailer fields
	n        int64     // unread bytes of the chunk
	inChunk  bool      // a chunk was begun whose CRLF is not yet read
	overhead int       // what chunk lines have used of maxOverhead
}

// Read reads what is at hand, of several chunks if they are short, and waits for the first byte alone.
func (r *chunkedReader) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil && (n == 0 || r.atHand()) {
		m := 0
		m, err = r.readChunk(p[n:])
		n += m
	}
	return n, err
}

// atHand says whether more data is in the buffer: of this chunk, or of one behind it that is not the last.
func (r *chunkedReader) atHand() bool {
	buffered, _ := r.c.r.Peek(r.c.r.Buffered())
	if r.n > 0 || len(buffered) <= len("\r\n") {
		return r.n > 0 && len(buffered) > 0
	}
	line := buffered[len("\r\n"):]
	end := bytes.IndexByte(line, '\n')
	return line[0] != '0' && end >= 0 && end+1 < len(line)
}

// readChunk reads what is left of a chunk, or from the next one.
func (r *chunkedReader) readChunk(p []byte) (int, error) {
	if r.n == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n, err := r.c.r.Read(p[:min(int64(len(p)), r.n)])
	r.n -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next ends the chunk that has been read and begins another. After the last, which is empty, it reads the
// trailer section and returns io.EOF.
func (r *chunkedReader) next() error {
	if err := r.endChunk(); err != nil {
		return err
	}
	line, err := appendLine(r.c.scratch[:0], r.c.r, maxChunkLine, "chunk line")
	if err != nil {
		return err
	}
	r.c.scratch = line
	if r.n, err = parseChunkLine(line[:len(line)-2]); err != nil {
		return err
	}
	if r.n == 0 {
		return r.readTrailer()
	}
	r.inChunk = true
	return r.account(len(line) - 2)
}

// endChunk reads the CRLF behind a chunk's data.
func (r *chunkedReader) endChunk() error {
	if !r.inChunk {
		return nil
	}
	end, err := r.c.r.Peek(2)
	switch {
	case len(end) > 0 && end[0] != '\r', len(end) > 1 && end[1] != '\n':
		return protocolErrorf("%q after a chunk's data", end)
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	}
	r.inChunk = false
	_, err = r.c.r.Discard(2)
	return err
}

// account adds a chunk line to the overhead: the line less a size's length and the chunk's data, never below nothing.
func (r *chunkedReader) account(line int) error {
	r.overhead = max(0, r.overhead+line-maxSizeDigits-int(min(r.n, maxOverhead)))
	if r.overhead > maxOverhead {
		return protocolErrorf("chunk extensions of more than %d bytes beyond the data", maxOverhead)
	}
	return nil
}

func (r *chunkedReader) readTrailer() (err error) {
	if r.resp.Trailer, err = r.c.readFields(); err != nil {
		return err
	}
	return io.EOF
}

// parseChunkLine reads chunk-size [ chunk-ext ] (RFC 9112 sections 7.1 and 7.1.1); extensions are skipped.
func parseChunkLine(line []byte) (size int64, err error) {
	digits, extensions, _ := bytes.Cut(line, []byte(";"))
	if len(digits) == 0 || len(digits) > maxSizeDigits || !isValue(extensions) {
		return 0, protocolErrorf("chunk line %.80q", line)
	}
	for _, d := range digits {
		v := hexValue(d)
		if v < 0 {
			return 0, protocolErrorf("chunk line %.80q", line)
		}
		size = size<<4 | v
	}
	return size, nil
}

// hexValue is the value of a hex digit; -1: it is none.
func hexValue(d byte) int64 {
	switch {
	case '0' <= d && d <= '9':
		return int64(d - '0')
	case 'a' <= d && d <= 'f':
		return int64(d - 'a' + 10)
	case 'A' <= d && d <= 'F':
		return int64(d - 'A' + 10)
	default:
		return -1
	}
}

package http1

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
)

// Limits on a response's head, line ends included. RFC 9110 section 5.4 leaves them to the recipient; these are several times
// what servers and the proxies before them send, and little enough to be held for every connection.
const (
	maxStatusLine = 8 << 10
	maxFieldLine  = 16 << 10
	maxFields     = 64 << 10 // all field lines of a head, or of a trailer section
)

// maxInterim is how many 1xx responses may precede the final one (RFC 9110 section 15.2): a peer that
// sends more is keeping us, not informing us.
const maxInterim = 10

// Response is the head of a response, and its body still to be read.
type Response struct {
	Status  int    // 100 to 999; an unknown one means what the x00 of its hundred means (RFC 9110 section 15)
	Reason  string // as it came, may be empty
	Header  Header
	Trailer Header // the trailer section of a chunked body; valid after Body's io.EOF

	// Body is never nil. Read to its end, it leaves the connection to the next request; closed before that, it closes the
	// connection. io.EOF means that the response came whole; one that is cut short is an *Error around io.ErrUnexpectedEOF,
	// except that a body which only the connection's end delimits cannot be told from a shorter one. Read and Close are
	// for one goroutine; to interrupt a Read, cancel the context of Do.
	Body io.ReadCloser

	minor byte  // of HTTP/1.minor: '0' or '1'
	tied  *body // Body, where the connection is tied to it; nil elsewhere
}

// Lift takes the request's Limit away: the Body may come as it likes. It is for the one who reads that.
func (r *Response) Lift() {
	if r.tied != nil && r.tied.err == nil {
		r.tied.conn.lift(true)
	}
}

// roundTrip sends a request and reads the head of its response. The connection then belongs to the response's Body or, when
// it is not nil, to the Conn; after an error it is the caller's to close.
func (c *conn) roundTrip(req *Request) (*Response, *Conn, error) {
	writeErr := c.send(req)
	if writeErr != nil && !(c.sent && c.cut) {
		return nil, nil, c.fail("write", writeErr)
	}
	resp, length, err := c.receive(req.Method)
	switch {
	case err != nil && writeErr != nil:
		return nil, nil, c.fail("write", writeErr)
	case err != nil:
		return nil, nil, c.fail("read", err)
	case c.upgrade != "" && (resp.Status == 101 || resp.Status == 200 && length == untilClose):
		resp.Body = noBody{}
		c.lift(true)
		return resp, &Conn{c: c}, nil
	}
	c.keep = writeErr == nil && !req.Close && length != untilClose && resp.minor == '1' && !resp.Header.has("Connection", "close")
	c.frame(resp, length)
	return resp, nil, nil
}

// receive reads heads until one is final, and tells how its body is framed.
func (c *conn) receive(method string) (*Response, int64, error) {
	for range maxInterim + 1 {
		resp, err := c.readHead()
		if err != nil {
			return nil, 0, err
		}
		length, err := bodyLength(method, resp)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case resp.Status == 101 && c.upgrade == "":
			return nil, 0, ProtocolError("101 to a request that asked for no upgrade")
		case resp.Status >= 200 || resp.Status == 101:
			return resp, length, nil
		}
	}
	return nil, 0, protocolErrorf("more than %d interim responses", maxInterim)
}

// readHead reads a status line, field lines and the empty line.
func (c *conn) readHead() (*Response, error) {
	line, err := appendLine(c.scratch[:0], c.r, maxStatusLine, "status line")
	if err != nil {
		return nil, err
	}
	c.scratch = line
	resp, err := parseStatusLine(string(line[:len(line)-2]))
	if err != nil {
		return nil, err
	}
	resp.Header, err = c.readFields()
	return resp, err
}

// parseStatusLine: RFC 9112 section 4. The blank after the status code may be missing where there is no reason.
func parseStatusLine(line string) (*Response, error) {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	if version != "HTTP/1.1" && version != "HTTP/1.0" {
		return nil, protocolErrorf("status line %.80q is not of HTTP/1.1 or HTTP/1.0", line)
	}
	status, err := strconv.Atoi(code)
	if len(code) != 3 || err != nil || status < 100 || !isValue(reason) {
		return nil, protocolErrorf("status line %.80q", line)
	}
	return &Response{Status: status, Reason: reason, minor: version[len(version)-1]}, nil
}

// readFields reads field lines and the empty line that ends them (RFC 9112 section 5). The strings of the header are slices of
// one string, so that a head costs few allocations however many fields it has.
func (c *conn) readFields() (Header, error) {
	block, lines := c.scratch[:0], 0
	for {
		start := len(block)
		var err error
		if block, err = appendLine(block, c.r, maxFieldLine, "field line"); err != nil {
			return nil, err
		}
		if len(block) > maxFields {
			return nil, protocolErrorf("fields of more than %d bytes", maxFields)
		}
		if len(block)-start == len("\r\n") {
			c.scratch = block
			return parseFields(string(block[:start]), lines)
		}
		lines++
	}
}

// parseFields reads lines that each end with CRLF.
func parseFields(block string, lines int) (Header, error) {
	if lines == 0 {
		return nil, nil
	}
	h := make(Header, 0, lines)
	for block != "" {
		var line string
		line, block, _ = strings.Cut(block, "\r\n")
		f, err := parseField(line)
		if err != nil {
			return nil, err
		}
		h = append(h, f)
	}
	return h, nil
}

func parseField(line string) (Field, error) {
	if isBlank(line[0]) {
		return Field{}, protocolErrorf("folded field line %.80q", line)
	}
	name, value, colon := strings.Cut(line, ":")
	switch {
	case !colon:
		return Field{}, protocolErrorf("field line without colon %.80q", line)
	case !isToken(name):
		return Field{}, protocolErrorf("field name %.80q is not a token", name)
	case !isValue(value):
		return Field{}, protocolErrorf("control character in the field %.80s: %.80q", name, value)
	}
	return Field{name, trimBlanks(value)}, nil
}

func trimBlanks(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// appendLine appends the next line with its CRLF to dst. A line longer than limit is a protocol error, found when that much
// has been read.
func appendLine(dst []byte, r *bufio.Reader, limit int, what string) ([]byte, error) {
	start := len(dst)
	for {
		piece, err := r.ReadSlice('\n')
		if len(dst)-start+len(piece) > limit {
			return nil, protocolErrorf("%s of more than %d bytes", what, limit)
		}
		dst = append(dst, piece...)
		switch err {
		case nil:
			return dst, checkLineEnd(dst[start:], what)
		case bufio.ErrBufferFull:
		case io.EOF:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// checkLineEnd wants CRLF at the line's end and CR nowhere else (RFC 9112 section 2.2).
func checkLineEnd(line []byte, what string) error {
	switch bytes.IndexByte(line, '\r') {
	case -1:
		return protocolErrorf("bare LF after the %s %.80q", what, line)
	case len(line) - 2:
		return nil
	default:
		return protocolErrorf("bare CR in the %s %.80q", what, line)
	}
}

// bodyLength is the length of the body in bytes, or chunked or untilClose: RFC 9112 section 6.3, in its order.
func bodyLength(method string, resp *Response) (int64, error) {
	lengths, codings := resp.Header.count("Content-Length"), resp.Header.count("Transfer-Encoding")
	switch {
	case lengths > 0 && codings > 0:
		return 0, ProtocolError("both Content-Length and Transfer-Encoding")
	case lengths > 1:
		return 0, ProtocolError("more than one Content-Length")
	case codings > 0 && resp.minor == '0':
		return 0, ProtocolError("Transfer-Encoding in HTTP/1.0")
	case codings > 0 && !onlyChunked(resp.Header):
		return 0, protocolErrorf("Transfer-Encoding %.80q is not chunked", resp.Header.Get("Transfer-Encoding"))
	}
	length, err := int64(untilClose), error(nil)
	if lengths == 1 {
		length, err = parseLength(resp.Header.Get("Content-Length"))
	}
	switch {
	case err != nil:
		return 0, err
	case method == "HEAD" || resp.Status < 200 || resp.Status == 204 || resp.Status == 304:
		return 0, nil
	case codings > 0:
		return chunked, nil
	default:
		return length, nil
	}
}

func onlyChunked(h Header) bool {
	return h.count("Transfer-Encoding") == 1 && strings.EqualFold(h.Get("Transfer-Encoding"), "chunked")
}

// parseLength reads 1*DIGIT (RFC 9110 section 8.6): no sign, no list, nothing over 2^63-1.
func parseLength(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || s[0] == '+' || s[0] == '-' {
		return 0, protocolErrorf("Content-Length %.80q is not a length", s)
	}
	return n, nil
}

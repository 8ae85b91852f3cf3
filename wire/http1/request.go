package http1

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// smallBody is the longest Body that is copied behind the head so that both leave by one write: one segment
// of the loopback interface. Copying more costs more than a second write.
const smallBody = 32 << 10

// chunkData is how much of a Stream one chunk carries: what one Read of a pipe or a socket usually brings.
const chunkData = 32 << 10

// chunkHead is the room for a chunk's size line: four hex digits say chunkData, and CRLF.
const chunkHead = 6

// Field is one field line.
type Field struct{ Name, Value string }

// Header is field lines in their order, of a head or of a trailer section.
type Header []Field

// Get returns the value of the first field of that name, whatever its case; "" when there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// count is how many fields have the name.
func (h Header) count(name string) (n int) {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			n++
		}
	}
	return n
}

// has tells whether a field of that name lists the token (RFC 9110 section 5.6.1), whatever its case.
func (h Header) has(name, token string) bool {
	for _, f := range h {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		for t := range strings.SplitSeq(f.Value, ",") {
			if strings.EqualFold(trimBlanks(t), token) {
				return true
			}
		}
	}
	return false
}

// Request is what to send. The Client only reads it, so that it can be sent again, except for what its Stream holds.
type Request struct {
	Method string // a token, in its own case
	Target string // origin-form (RFC 9112 section 3.2.1): begins with a slash, and is already escaped, to visible ASCII

	// Header is extra fields, sent as they are. Host, Content-Length, Transfer-Encoding, Connection and Upgrade are the
	// Client's own and refused here.
	Header Header

	Body   []byte    // sent with Content-Length; nil: no body, which POST, PUT and PATCH say with Content-Length: 0
	Stream io.Reader // sent chunked as it is read, instead of Body; not closed

	// Limit is how long the exchange may take, from the dial to the end of the Body, or to Response.Lift; 0 is for ever.
	Limit time.Duration

	// Close asks for a fresh connection that serves this exchange alone, with "Connection: close" (RFC 9112 section 9.6).
	Close bool
}

// deadline is when the Limit of an exchange that begins now has passed; zero is never.
func (r *Request) deadline() time.Time {
	if r.Limit == 0 {
		return time.Time{}
	}
	return time.Now().Add(r.Limit)
}

// owned are the fields that the Client writes.
var owned = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade"}

// check refuses a request that would come out as another one, or as two.
func (c *Client) check(req *Request) error {
	if !isValue(c.Host) || !isValue(c.UserAgent) {
		return fmt.Errorf("http1: control character in Host %.100q or User-Agent %.100q", c.Host, c.UserAgent)
	}
	return req.check()
}

// appendHead appends the request line, the fields and the empty line (RFC 9112 section 2.1).
func (c *Client) appendHead(b []byte, req *Request, upgrade string) []byte {
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = append(b, req.Target...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", c.Host)
	if c.UserAgent != "" {
		b = appendField(b, "User-Agent", c.UserAgent)
	}
	if upgrade != "" {
		b = appendField(b, "Connection", "Upgrade")
		b = appendField(b, "Upgrade", upgrade)
	}
	if req.Close && upgrade == "" {
		b = appendField(b, "Connection", "close")
	}
	for _, f := range req.Header {
		b = appendField(b, f.Name, f.Value)
	}
	return append(req.appendFraming(b), "\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendFraming says where the request ends (RFC 9110 section 8.6): methods that expect content say that there is none.
func (r *Request) appendFraming(b []byte) []byte {
	switch {
	case r.Stream != nil:
		return appendField(b, "Transfer-Encoding", "chunked")
	case r.Body != nil, r.Method == "POST", r.Method == "PUT", r.Method == "PATCH":
		return appendField(b, "Content-Length", strconv.Itoa(len(r.Body)))
	default:
		return b
	}
}

func (r *Request) check() error {
	if !isToken(r.Method) {
		return fmt.Errorf("http1: method %.100q is not a token", r.Method)
	}
	if !isTarget(r.Target) {
		return fmt.Errorf("http1: target %.100q is not a slash and visible ASCII", r.Target)
	}
	if r.Body != nil && r.Stream != nil {
		return errors.New("http1: a request with both Body and Stream")
	}
	for _, f := range r.Header {
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

func (f Field) check() error {
	switch {
	case !isToken(f.Name):
		return fmt.Errorf("http1: field name %.100q is not a token", f.Name)
	case !isValue(f.Value):
		return fmt.Errorf("http1: control character in the field %.100s: %.100q", f.Name, f.Value)
	case slices.ContainsFunc(owned, func(name string) bool { return strings.EqualFold(f.Name, name) }):
		return fmt.Errorf("http1: the field %s is written by the client", f.Name)
	default:
		return nil
	}
}

// heads are buffers for a head and a small body, of which an exchange has one until it is sent.
var heads = sync.Pool{New: func() any { return new([]byte) }}

// send writes the request. After an error c.cut tells whether it was the connection's or the Stream's.
func (c *conn) send(req *Request) error {
	b := heads.Get().(*[]byte)
	*b = c.client.appendHead((*b)[:0], req, c.upgrade)
	rest := req.Body
	if len(rest) <= smallBody {
		*b, rest = append(*b, rest...), nil
	}
	err := c.put(*b)
	heads.Put(b)
	switch {
	case err != nil:
		return err
	case req.Stream != nil:
		return c.sendChunks(req.Stream)
	case rest != nil:
		return c.put(rest)
	}
	return nil
}

// sendChunks writes what r holds, each Read's bytes as one chunk by one write (RFC 9112 section 7.1).
func (c *conn) sendChunks(r io.Reader) error {
	buf := make([]byte, chunkHead+chunkData+len("\r\n"))
	for {
		n, err := r.Read(buf[chunkHead : chunkHead+chunkData])
		if n > 0 { // a chunk of size 0 would be the last
			if err := c.put(frame(buf, n)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return c.put([]byte("0\r\n\r\n"))
		}
		if err != nil {
			return fmt.Errorf("reading its body: %w", err)
		}
	}
}

// frame makes a chunk of the n bytes that stand behind the room for its head.
func frame(buf []byte, n int) []byte {
	size := strconv.AppendInt(make([]byte, 0, chunkHead), int64(n), 16)
	start := chunkHead - len(size) - len("\r\n")
	copy(buf[start:], size)
	copy(buf[start+len(size):], "\r\n")
	end := chunkHead + n
	return buf[start : end+copy(buf[end:], "\r\n")]
}

// put writes b, and records whether any of it left and whether all did.
func (c *conn) put(b []byte) error {
	n, err := c.Conn.Write(b)
	c.sent = c.sent || n > 0
	c.cut = err != nil
	return err
}

// isTarget admits the origin-form and, within it, visible ASCII: nothing that ends the target or the line.
func isTarget(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.HasPrefix(s, "/")
}

// isToken: RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenChars = func() (table [0x80]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		table[c] = true
	}
	return table
}()

// isValue: RFC 9110 section 5.5, visible ASCII, obs-text, blanks and tabs.
func isValue[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

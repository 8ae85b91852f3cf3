package instant

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// maxBody bounds the body of a request: nobody has a container to create that needs more.
const maxBody = 1 << 20

// readers are the buffers of connections: most of these serve one request.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

// request is what the handlers need of one.
type request struct {
	method, path, query string
	length              int
	upgrade, last       bool
	body                []byte
}

// exchange is a connection with the request that is being answered.
type exchange struct {
	request
	engine *Engine
	conn   net.Conn
	out    []byte // the answer as it grows; written at once
	taken  bool   // the connection is a container's now
}

// serve answers the requests of a connection, one after the other.
func (e *Engine) serve(conn net.Conn) {
	r := readers.Get().(*bufio.Reader)
	r.Reset(conn)
	x := &exchange{engine: e, conn: conn, out: make([]byte, 0, 512)}
	for !x.taken && x.read(r) == nil {
		x.out = x.out[:0]
		x.dispatch()
		if x.taken {
			break
		}
		if _, err := conn.Write(x.out); err != nil || x.last {
			break
		}
	}
	if !x.taken {
		conn.Close()
	}
	r.Reset(nil)
	readers.Put(r)
}

// read reads a request: its head, and a body of a known length.
func (x *exchange) read(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	x.request = request{body: x.body[:0]}
	method, rest, _ := strings.Cut(string(line), " ")
	target, _, ok := strings.Cut(rest, " HTTP/1.1")
	if !ok {
		return errors.New("instant: not HTTP/1.1")
	}
	x.method = method
	x.path, x.query, _ = strings.Cut(target, "?")
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if err := x.field(line); err != nil {
			return err
		}
	}
	if x.length == 0 {
		return nil
	}
	if cap(x.body) < x.length {
		x.body = make([]byte, x.length)
	}
	x.body = x.body[:x.length]
	_, err = io.ReadFull(r, x.body)
	return err
}

// field takes note of the fields that matter here.
func (x *exchange) field(line []byte) (err error) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
		x.length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		if x.length < 0 || x.length > maxBody {
			return errors.New("instant: a body of this length is not read")
		}
	case len(name) == 17 && bytes.EqualFold(name, []byte("Transfer-Encoding")):
		return errors.New("instant: chunked bodies are not read")
	case len(name) == 10 && bytes.EqualFold(name, []byte("Connection")):
		x.upgrade = bytes.EqualFold(bytes.TrimSpace(value), []byte("Upgrade"))
		x.last = bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
	}
	return err
}

// head begins an answer, with the fields that Engines send.
func (x *exchange) head(status string) {
	x.out = append(x.out, "HTTP/1.1 "...)
	x.out = append(x.out, status...)
	x.out = append(x.out, "\r\nApi-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: instant (linux)\r\nDate: "...)
	x.out = append(x.out, *x.engine.date.Load()...)
	x.out = append(x.out, "\r\n"...)
}

// empty is an answer without a body.
func (x *exchange) empty(status string) {
	x.head(status)
	x.out = append(x.out, "\r\n"...)
}

// text is an answer whose body has that type and a known length.
func (x *exchange) text(status, kind string, body []byte) {
	x.head(status)
	x.content(kind, body)
}

// content ends a head and has a body of a known length.
func (x *exchange) content(kind string, body []byte) {
	x.out = append(x.out, "Content-Type: "...)
	x.out = append(x.out, kind...)
	x.out = append(x.out, "\r\nContent-Length: "...)
	x.out = strconv.AppendInt(x.out, int64(len(body)), 10)
	x.out = append(x.out, "\r\n\r\n"...)
	if x.method != "HEAD" {
		x.out = append(x.out, body...)
	}
}

// json is an answer with a value.
func (x *exchange) json(status string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // the values are ours
	}
	x.text(status, "application/json", append(body, '\n'))
}

// refuse is an answer that says why not.
func (x *exchange) refuse(status, message string) {
	x.json(status, struct {
		Message string `json:"message"`
	}{message})
}

// chunked begins an answer that comes in chunks.
func (x *exchange) chunked(fields string) {
	x.head("200 OK")
	x.out = append(x.out, fields...)
	x.out = append(x.out, "Transfer-Encoding: chunked\r\n\r\n"...)
}

// flush sends what there is of the answer so far.
func (x *exchange) flush() error {
	_, err := x.conn.Write(x.out)
	x.out = x.out[:0]
	return err
}

// chunk adds one to the answer.
func (x *exchange) chunk(data []byte) {
	x.out = strconv.AppendInt(x.out, int64(len(data)), 16)
	x.out = append(x.out, "\r\n"...)
	x.out = append(x.out, data...)
	x.out = append(x.out, "\r\n"...)
}

// end is the last chunk.
func (x *exchange) end() { x.out = append(x.out, "0\r\n\r\n"...) }

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

// answerLen is the room for an answer's head and body: the calls that are made have small ones.
const answerLen = 1 << 10

// big are buffers for output that does not fit into an answer's room.
var big = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// worker does one message after the other, on one connection beside the attaches.
type worker struct {
	engine string // unix:///path or tcp://host:port
	conn   net.Conn
	answer [answerLen]byte
}

func dial(engine string) (net.Conn, error) {
	network, address, _ := strings.Cut(engine, "://")
	return net.Dial(network, address)
}

// exchange sends a request and returns the body of its answer.
func (w *worker) exchange(request []byte) (body []byte, err error) {
	if w.conn == nil {
		if w.conn, err = dial(w.engine); err != nil {
			return nil, err
		}
	}
	if _, err := w.conn.Write(request); err != nil {
		return nil, err
	}
	for n := 0; n < len(w.answer); {
		m, err := w.conn.Read(w.answer[n:])
		if err != nil {
			return nil, err
		}
		n += m
		if body, whole := bodyOf(w.answer[:n]); whole {
			return body, refusal(w.answer[:n])
		}
	}
	return nil, errors.New("a long answer")
}

// bodyOf is the body of an answer when there is the whole of it: of a known length, one chunk, or none.
func bodyOf(answer []byte) (body []byte, whole bool) {
	head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !ok {
		return nil, false
	}
	if _, length, ok := bytes.Cut(head, []byte("\r\nContent-Length: ")); ok {
		digits, _, _ := bytes.Cut(length, []byte("\r\n"))
		n, err := strconv.Atoi(string(digits))
		return body, err == nil && len(body) >= n
	}
	if bytes.Contains(head, []byte("\r\nTransfer-Encoding: chunked")) {
		return body, bytes.HasSuffix(body, []byte("\r\n0\r\n\r\n"))
	}
	return nil, true
}

// refusal is the error of an answer that is not a success.
func refusal(answer []byte) error {
	if bytes.HasPrefix(answer, []byte("HTTP/1.1 2")) {
		return nil
	}
	return fmt.Errorf("the Engine says %.300q", answer)
}

func request(method, id, rest string, body []byte) []byte {
	b := make([]byte, 0, 256+len(body))
	b = append(b, method...)
	b = append(b, " /v1.41/containers/"...)
	b = append(b, id...)
	b = append(b, rest...)
	b = append(b, " HTTP/1.1\r\nHost: docker\r\n"...)
	if method == "POST" {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	if body != nil {
		b = append(b, "Content-Type: application/json\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

func (w *worker) call(method, id, rest string, body []byte) error {
	_, err := w.exchange(request(method, id, rest, body))
	return err
}

func (w *worker) create(body []byte) (id string, err error) {
	created, err := w.exchange(request("POST", "create", "", body))
	if err != nil {
		return "", err
	}
	_, rest, _ := bytes.Cut(created, []byte(`"Id":"`))
	digits, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return "", fmt.Errorf("no id in %.300q", created)
	}
	return string(digits), nil
}

func (w *worker) wait(id string) error {
	body, err := w.exchange(request("POST", id, "/wait", nil))
	if err == nil && !bytes.Contains(body, []byte(`"StatusCode":0`)) {
		err = fmt.Errorf("the container exited: %.300q", body)
	}
	return err
}

// attach returns a connection that carries what the container writes. Nothing of it comes before the start.
func (w *worker) attach(id string) (net.Conn, error) {
	conn, err := dial(w.engine)
	if err != nil {
		return nil, err
	}
	head := []byte("POST /v1.41/containers/" + id + "/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\n" +
		"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n")
	if _, err := conn.Write(head); err != nil {
		return nil, err
	}
	n, err := conn.Read(w.answer[:])
	if err == nil && !bytes.HasPrefix(w.answer[:n], []byte("HTTP/1.1 101")) {
		err = fmt.Errorf("no attach: %.300q", w.answer[:n])
	}
	return conn, err
}

// copyOut prints the frames of an attach until it ends.
func (w *worker) copyOut(conn net.Conn) error {
	defer conn.Close()
	var f frames
	buffer := w.answer[:]
	for {
		n, err := conn.Read(buffer)
		if err := f.print(buffer[:n]); err != nil {
			return err
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n == answerLen && len(buffer) == answerLen: // there is much
			room := big.Get().(*[64 << 10]byte)
			defer big.Put(room)
			buffer = room[:]
		}
	}
}

// frames takes Docker's multiplexed stream apart, wherever reads cut it.
type frames struct {
	head [8]byte
	have int // of head
	left int // of the data behind it
}

func (f *frames) print(b []byte) error {
	for len(b) > 0 {
		if f.left == 0 {
			n := copy(f.head[f.have:], b)
			f.have += n
			b = b[n:]
			if f.have < len(f.head) {
				return nil
			}
			f.have, f.left = 0, int(f.head[4])<<24|int(f.head[5])<<16|int(f.head[6])<<8|int(f.head[7])
			continue
		}
		n := min(f.left, len(b))
		if _, err := os.Stdout.Write(b[:n]); err != nil {
			return err
		}
		f.left -= n
		b = b[n:]
	}
	return nil
}

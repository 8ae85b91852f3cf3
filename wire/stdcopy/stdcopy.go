// Package stdcopy reads the stream in which the Docker Engine carries a container's standard output and standard error
// over one connection: frames of an 8-byte header and a payload. Its one type is [Reader].
//
//	byte 0      stream: 0 or 1 standard output, 2 standard error, 3 error text of the Engine itself
//	bytes 1–3   zero
//	bytes 4–7   length of the payload, big-endian
//
// The format is in the Engine API under ContainerAttach, "Stream format". Frames are cut anywhere, not at lines; the
// largest seen from an Engine is 32 KiB, but a header may announce up to 4 GiB and is never trusted with memory. Refused
// are other streams, bytes 1–3 that are not zero (the framing is lost then), and an end inside a frame.
package stdcopy

import (
	"encoding/binary"
	"fmt"
	"io"

	"docker-dispatch/wire/buffer"
)

// Stream tells the two outputs of a container apart.
type Stream uint8

const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// String is the stream's name in lower case, as docker's flags have it.
func (s Stream) String() string { return [...]string{Stdout: "stdout", Stderr: "stderr"}[s] }

// The values of a header's first byte that are not a Stream.
const (
	typeStdin       = 0 // never sent by an Engine for what a container reads; docker counts it as standard output
	typeSystemError = 3
)

const (
	headerLen = 8
	shortLen  = 64 << 10  // two of an Engine's largest frames: one Read usually brings all that has come
	longLen   = 256 << 10 // as much as a socket holds, for a stream that has filled the other
	errorLen  = 4 << 10   // as much of an Engine's error text as is kept
)

// SystemError is the text of a frame of type 3: the Engine could not go on with the stream. It is cut to 4 KiB.
type SystemError string

func (e SystemError) Error() string {
	return fmt.Sprintf("stdcopy: the Engine ended the stream: %.200q", string(e))
}

// FormatError says that the bytes are not a multiplexed stream.
type FormatError string

func (e FormatError) Error() string { return "stdcopy: " + string(e) }

// Line is a source that can also be read without waiting, and waited for.
type Line interface {
	io.Reader
	TryRead(p []byte) (n int, err error) // 0 and no error where a Read would wait, or where that is not known
	Wait() error                         // returns when a Read is not likely to wait, or at once where that is not known
}

// Reader takes the frames of one stream apart, with 64 KiB of memory whatever they announce, or 256 KiB for a few at once that bring
// much.
type Reader struct {
	src     io.Reader
	line    Line // src, if it is one
	raw     bool
	buf     *buffer.Buffer // nil: there is nothing in it
	r, w    int            // buf.Bytes[r:w] has been read and not been given out
	flows   bool           // the last read has filled a short buffer
	err     error          // of the source, behind that
	current Stream         // of the frame that is under way
	left    uint32         // bytes of its payload still to come
}

// buffers are those of Readers in which there is something.
var buffers = buffer.Lender{Short: shortLen, Long: longLen}

// NewReader reads a multiplexed stream from src. While nothing comes from one that is a Line, the Reader holds no memory.
func NewReader(src io.Reader) *Reader {
	line, _ := src.(Line)
	return &Reader{src: src, line: line}
}

// NewRawReader reads the stream of a container with a terminal: no frames, all of it standard output.
func NewRawReader(src io.Reader) *Reader {
	r := NewReader(src)
	r.raw = true
	return r
}

// Ready says whether bytes have come that Next has not given out, or the end has. Of a source that is no Line it knows only those that
// it has read.
func (r *Reader) Ready() bool {
	if r.w > r.r || r.err != nil {
		return true
	}
	if r.line == nil {
		return false
	}
	r.borrow()
	r.w, r.err = r.line.TryRead(r.buf.Bytes)
	r.flows = r.w >= shortLen
	r.release()
	return r.w > 0 || r.err != nil
}

// Next returns the next bytes of one of the streams, as many as are at hand and at least one; they are valid until the
// next call. A frame may take several calls. io.EOF is the end of the stream between two frames; one inside a frame is
// io.ErrUnexpectedEOF. Errors of the source are returned as they are.
func (r *Reader) Next() (Stream, []byte, error) {
	for r.left == 0 && !r.raw {
		if err := r.nextFrame(); err != nil {
			return 0, nil, err
		}
	}
	if r.raw {
		r.current, r.left = Stdout, longLen
	}
	if err := r.fill(1); err != nil {
		return 0, nil, r.cut(err)
	}
	n := min(r.w-r.r, int(r.left))
	data := r.buf.Bytes[r.r : r.r+n]
	r.r += n
	r.left -= uint32(n)
	return r.current, data, nil
}

// Done gives back what has come and was not given out: nobody reads any more.
func (r *Reader) Done() {
	r.r = r.w
	r.release()
}

// cut is what an end of the source means inside a frame; a raw stream has no inside.
func (r *Reader) cut(err error) error {
	if err == io.EOF && !r.raw {
		return io.ErrUnexpectedEOF
	}
	return err
}

// nextFrame reads one header. A frame of type 3 is read and returned as a SystemError.
func (r *Reader) nextFrame() error {
	if err := r.fill(headerLen); err != nil {
		return err
	}
	h := r.buf.Bytes[r.r : r.r+headerLen]
	r.r += headerLen
	if h[1]|h[2]|h[3] != 0 || h[0] > typeSystemError {
		return FormatError(fmt.Sprintf("frame header % x: the framing is lost", h))
	}
	r.left = binary.BigEndian.Uint32(h[4:])
	switch h[0] {
	case typeSystemError:
		return r.systemError()
	case typeStdin:
		r.current = Stdout
	default:
		r.current = Stream(h[0])
	}
	return nil
}

func (r *Reader) systemError() error {
	n := min(int(r.left), errorLen)
	if err := r.fill(n); err != nil {
		return r.cut(err)
	}
	return SystemError(r.buf.Bytes[r.r : r.r+n])
}

// fill reads until n bytes, at most the buffer's length, are at hand. The end of the source is io.EOF when nothing is,
// and io.ErrUnexpectedEOF otherwise.
func (r *Reader) fill(n int) error {
	if r.w-r.r >= n {
		return nil
	}
	if r.err == nil {
		r.read(n)
	}
	if r.w-r.r >= n {
		return nil
	}
	if r.err == io.EOF && r.w > r.r {
		return io.ErrUnexpectedEOF
	}
	r.release()
	return r.err
}

// read reads until n bytes are at hand, or the source fails.
func (r *Reader) read(n int) {
	if r.err = r.await(); r.err != nil {
		return
	}
	r.borrow()
	r.w = copy(r.buf.Bytes, r.buf.Bytes[r.r:r.w])
	r.r = 0
	m := 0
	for r.w < n && r.err == nil {
		m, r.err = r.src.Read(r.buf.Bytes[r.w:])
		r.w += m
	}
	r.flows = r.w >= shortLen
}

// await waits for the source with no buffer, if nothing is at hand.
func (r *Reader) await() error {
	r.release()
	if r.line == nil || r.r < r.w {
		return nil
	}
	return r.line.Wait()
}

// borrow has a buffer for what comes next, behind what is at hand.
func (r *Reader) borrow() {
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	if r.buf != nil {
		return
	}
	r.buf = buffers.Borrow(r.flows)
	if cap(r.buf.Bytes) == 0 {
		r.buf.Bytes = make([]byte, r.buf.Limit)
	}
	r.buf.Bytes = r.buf.Bytes[:r.buf.Limit]
}

// release gives the buffer back, if nothing is in it.
func (r *Reader) release() {
	if r.r == r.w {
		buffers.Return(r.buf)
		r.buf = nil
	}
}

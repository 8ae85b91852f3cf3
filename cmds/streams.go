package cmds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire/buffer"
)

// lineLen is how much of a line is printed at once: a longer one comes in pieces of this.
const lineLen = 64 << 10

// bursts are what goes out by one write: printed lines that are gathered until they are as long, or nothing more is at hand. One
// that ends with a long line with escapes is kept as well. A container that is silent holds none.
var bursts = buffer.Lender{Short: 64 << 10, Long: 512 << 10, Over: 3 * lineLen}

// Streams prints what one container writes, line by line, and remembers how far it has come. Its methods are for the one
// goroutine that reads the container, but Stalled.
type Streams struct {
	printer   *Printer
	messageID string
	id, name  string         // of the container, once it is there
	onStart   func(*running) // told once, when the container runs; of what is no run, nil
	onFed     func()         // told once, when its standard input is wholly written
	replayed  bool           // another process may have printed what comes
	replaced  bool           // the log has characters that a driver puts in place of others
	tail      *tail          // nil: nobody will ask for it
	limit     int64          // as many bytes are printed, in whole lines; 0: all
	cut       bool           // there were more

	lines   *[len(outputs)]line // nil before there is a container, and after its end; see line
	burst   *buffer.Buffer      // what is gathered; nil: nothing
	writing *buffer.Buffer      // what the printer has; nil: nothing
	written chan error          // of writing
	stamp   []byte              // the time of what is taken now, in RFC 3339

	since atomic.Int64 // when the write that is waited for began to be, in Unix nanoseconds; 0: none is
}

// outputs are those of a container, in the order in which their last lines are printed.
var outputs = [...]dockerapi.Output{dockerapi.Stdout, dockerapi.Stderr}

func (s *Streams) line(o dockerapi.Output) *line { return &s.lines[o-outputs[0]] }

// line is one of the outputs: what has been taken, and the end of it that is no line yet.
type line struct {
	prefix  string
	offset  int64   // bytes printed
	pending []byte  // taken and not printed, less than lineLen
	sum     uint32  // of all that was taken: CRC-32, which the processor has an instruction for
	replay  *replay // nil before Rewind
}

func (l *line) taken() int64 { return l.offset + int64(len(l.pending)) }

// taken is how many bytes of its outputs have come.
func (s *Streams) taken() int64 { return s.lines[0].taken() + s.lines[1].taken() }

// Container says which container's output comes.
func (s *Streams) Container(id, name string) {
	s.id, s.name = id, name
	if s.lines == nil {
		s.lines = new([len(outputs)]line)
	}
	for _, o := range outputs {
		s.line(o).prefix = s.printer.format.output(s, o.String())
	}
}

// Again says that the container was found: its output comes from the beginning, and may have been printed before.
func (s *Streams) Again() {
	s.replayed = true
	s.Container(s.id, s.name)
	s.gather()
	s.burst.Bytes = s.printer.format.again(s.burst.Bytes, s)
}

// Started says that the container runs, of a run its r: the messages that name it need not wait for this one any more.
func (s *Streams) Started(r *running) {
	if s.onStart != nil {
		s.onStart(r)
	}
}

// Fed says that the container's standard input is wholly written.
func (s *Streams) Fed() {
	if s.onFed != nil {
		s.onFed()
	}
}

// tailLen is as much of a container's last output as a dead letter has in its headers, of which a broker takes 128 KiB.
const tailLen = 4 << 10

// tail is the end of what a container has written, in whole lines as far as they have room.
type tail struct{ text []byte }

// String is what is kept; of no tail, nil, nothing.
func (t *tail) String() string {
	if t == nil {
		return ""
	}
	return string(t.text)
}

// add takes whole lines, but for the last one of a stream.
func (t *tail) add(lines []byte) {
	t.text = append(t.text, lastLines(lines)...)
	t.text = append(t.text[:0], lastLines(t.text)...)
}

// lastLines is what of the end of text has room in a tail: whole lines, or the end of one that is too long.
func lastLines(text []byte) []byte {
	over := len(text) - tailLen
	if over <= 0 {
		return text
	}
	if n := bytes.IndexByte(text[over-1:], '\n'); n >= 0 && over+n < len(text) {
		over += n
	}
	return text[over:]
}

// Write takes the next bytes of one output and prints the lines that they complete. The last of these are not written when it
// returns: call Settle before the next wait for the container.
func (s *Streams) Write(ctx context.Context, o dockerapi.Output, data []byte) error {
	l := s.line(o)
	l.sum = crc32.Update(l.sum, crc32.IEEETable, data)
	s.tick()
	for len(data) > 0 {
		data = data[s.take(l, data):]
		if s.burst != nil && len(s.burst.Bytes) >= s.burst.Limit {
			if err := s.print(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Streams) tick() {
	s.stamp = time.Now().UTC().AppendFormat(s.stamp[:0], time.RFC3339Nano)
}

// take adds lines to the burst until that is long enough for a write, or keeps what is no line yet. It returns how much of data it
// took.
func (s *Streams) take(l *line, data []byte) int {
	room := lineLen - len(l.pending)
	data = data[:min(len(data), room)]
	n := bytes.LastIndexByte(data, '\n') + 1
	if n > 0 && (len(l.pending) > 0 || s.limit > 0) { // one at a time
		n = bytes.IndexByte(data, '\n') + 1
	}
	switch {
	case n > 0:
		return s.emit(l, data[:n], false)
	case len(data) < room:
		l.pending = append(l.pending, data...)
		return len(data)
	}
	return s.piece(l, data)
}

// piece prints a part of a line that is too long, and returns how much of data it took. What it leaves of a character is
// for the next piece.
func (s *Streams) piece(l *line, data []byte) int {
	l.pending = append(l.pending, data...)
	keep := incomplete(l.pending)
	whole := l.pending[:len(l.pending)-keep]
	rest := append([]byte(nil), l.pending[len(whole):]...)
	l.pending = nil
	s.emit(l, whole, true)
	l.pending = rest
	return len(data)
}

// incomplete is how many bytes at the end of b begin a UTF-8 sequence without ending it.
func incomplete(b []byte) int {
	for n := 1; n < utf8.UTFMax && n < len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// emit adds lines, or a piece of one, to the burst, as many as it has room for, and returns how much of data that is. With
// something pending it is one line: that, and data.
func (s *Streams) emit(l *line, data []byte, more bool) int {
	pending := len(l.pending)
	if pending > 0 {
		data = append(l.pending, data...)
		l.pending = data[:0]
	}
	n := len(data)
	if s.cut = s.cut || s.limit > 0 && s.printed()+int64(n) > s.limit; !s.cut {
		s.gather()
		n = s.printer.format.append(s.burst, l.prefix, s.stamp, l.offset, data, more)
	}
	if s.tail != nil {
		s.tail.add(data[:n])
	}
	l.offset += int64(n)
	return n - pending
}

// printed is how far the outputs have come, in bytes.
func (s *Streams) printed() int64 {
	return s.lines[0].offset + s.lines[1].offset
}

// Flush prints the last lines that have no newline, and returns when all is written. The outputs have ended.
func (s *Streams) Flush(ctx context.Context) error {
	if s.lines == nil {
		return nil
	}
	s.tick()
	for i := range s.lines {
		if l := &s.lines[i]; len(l.pending) > 0 {
			s.emit(l, nil, false)
		}
		if err := s.Settle(ctx); err != nil {
			return err
		}
	}
	s.lines = nil
	return nil
}

func (s *Streams) gather() {
	if s.burst == nil {
		s.burst = bursts.Borrow(true)
	}
}

// print hands the burst to the printer, once that has written the one before.
func (s *Streams) print(ctx context.Context) error {
	if err := s.finish(ctx); err != nil {
		return err
	}
	if s.written == nil {
		s.written = make(chan error, 1)
	}
	s.writing, s.burst = s.burst, nil
	if err := s.wait(func() error { return s.printer.begin(ctx, s.writing.Bytes, s.written) }); err != nil || len(s.written) == 0 {
		return err
	}
	return s.finish(ctx)
}

// Settle returns when all lines that are whole are written, or why they could not be.
func (s *Streams) Settle(ctx context.Context) error {
	if s.burst != nil {
		if err := s.print(ctx); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}

// finish returns when the printer has written what it has.
func (s *Streams) finish(ctx context.Context) error {
	if s.writing == nil {
		return nil
	}
	if err := s.wait(func() error { return s.printer.end(ctx, s.written) }); err != nil {
		return err
	}
	bursts.Return(s.writing)
	s.writing = nil
	return nil
}

// wait does what may wait for the printer. After an error it is waited for for ever, and the printer may have the text still.
func (s *Streams) wait(step func() error) error {
	s.since.Store(time.Now().UnixNano())
	if err := step(); err != nil {
		bursts.Return(s.burst)
		bursts.Leave(s.writing)
		s.burst, s.writing, s.written = nil, nil, nil
		return err
	}
	s.since.Store(0)
	return nil
}

// Close gives back what is held of a container whose output has not come to its end.
func (s *Streams) Close() {
	bursts.Return(s.burst)
	bursts.Leave(s.writing)
	s.burst, s.writing = nil, nil
}

// Stalled says whether a write has been waited for for d: nobody reads what the container writes.
func (s *Streams) Stalled(d time.Duration) bool {
	since := s.since.Load()
	return since != 0 && time.Since(time.Unix(0, since)) >= d
}

// replacement is U+FFFD, which the log driver json-file has for every byte that is not UTF-8.
var replacement = []byte("\ufffd")

// errDiffers says that a second reading of an output does not begin as the first did.
var errDiffers = errors.New("the container's log is not what it wrote")

// replay is how far a second reading of an output, from its beginning, has come.
type replay struct {
	pos int64
	sum uint32 // of what was skipped
}

// Replay takes bytes of an output that is read once more from its beginning: it skips what was taken already and goes on
// behind it. It returns errDiffers when what it skips is not what was taken.
func (s *Streams) Replay(ctx context.Context, o dockerapi.Output, data []byte) error {
	l := s.line(o)
	if skip := min(int64(len(data)), l.taken()-l.replay.pos); skip > 0 {
		l.replay.sum = crc32.Update(l.replay.sum, crc32.IEEETable, data[:skip])
		l.replay.pos += skip
		data = data[skip:]
		if l.replay.pos == l.taken() && l.replay.sum != l.sum {
			return errDiffers
		}
	}
	if len(data) == 0 {
		return nil
	}
	s.replaced = s.replaced || bytes.Contains(data, replacement)
	l.replay.pos += int64(len(data))
	return s.Write(ctx, o, data)
}

// Rewind begins a second reading: see Replay.
func (s *Streams) Rewind() {
	for i := range s.lines {
		s.lines[i].replay = new(replay)
	}
}

// ReplayEnd says whether the second reading has reached as far as the first.
func (s *Streams) ReplayEnd() error {
	for _, o := range outputs {
		if l := s.line(o); l.replay.pos < l.taken() {
			return fmt.Errorf("%w: the log has %d bytes of %s, and %d had been read", errDiffers, l.replay.pos, o, l.taken())
		}
	}
	return nil
}

package cmds

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// usesMost are 100 MiB at most: one for each signed message of the last -verify-age.
const usesMost = 1 << 20

const (
	usesMode  = 0o600
	usesSpare = 10_000 // lines of the file that stand for nothing any more, beside as many as stand for something, before it is written anew
)

// use is one attempt at a signed message. Its time is that of the signature, in Unix seconds.
type use struct {
	at  int64
	sum [32]byte
}

// uses are the attempts that are done with, for as long as their signatures are not too old. When there are too many the oldest is
// forgotten. What was signed no later than anything that is forgotten is refused from then on.
type uses struct {
	age  time.Duration
	most int

	mu     sync.Mutex
	known  map[[32]byte]struct{}
	order  []use // by time
	before int64 // what was signed then or earlier is refused; 0 is nothing

	path  string
	lock  *os.File
	file  *os.File // nil: nothing is written
	lines int      // in it
	torn  bool     // the last one may be without its end
}

// forgotten are uses in the file that stand for all before them.
const forgotten = "-"

// has says whether an attempt was made, or may have been. What a dispatcher has published again was not forgotten, but is later.
func (u *uses) has(one use, own bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, known := u.known[one.sum]
	return known || !own && one.at <= u.before
}

// add remembers an attempt, and says whether it is the first time. With an error it is not remembered, and must not be settled.
func (u *uses) add(one use) (first bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.known[one.sum]; known {
		return false, nil
	}
	if err := u.write(one); err != nil {
		return false, fmt.Errorf("cmds: used signatures: %w", err)
	}
	u.keep(one)
	return true, nil
}

// keep remembers in order of time, in which most come.
func (u *uses) keep(one use) {
	u.expire()
	if u.isOld(one) {
		u.before = max(u.before, one.at)
		return
	}
	if u.known == nil {
		u.known = map[[32]byte]struct{}{}
	}
	u.known[one.sum] = struct{}{}
	i := sort.Search(len(u.order), func(i int) bool { return u.order[i].at > one.at })
	u.order = append(u.order, use{})
	copy(u.order[i+1:], u.order[i:])
	u.order[i] = one
	if len(u.order) > u.most {
		u.drop()
	}
}

// expire forgets what is too old to be accepted again.
func (u *uses) expire() {
	for len(u.order) > 0 && u.isOld(u.order[0]) {
		u.drop()
	}
}

// isOld leaves the second that a use's time is cut to.
func (u *uses) isOld(one use) bool { return time.Since(time.Unix(one.at+1, 0)) > u.age }

// drop forgets the oldest.
func (u *uses) drop() {
	u.before = max(u.before, u.order[0].at)
	delete(u.known, u.order[0].sum)
	u.order = u.order[1:]
}

// open reads the file and writes it anew.
func (u *uses) open(path string) error {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return fmt.Errorf("cmds: used signatures: %w", err)
	}
	u.path, u.lock = path, lock
	if err = u.read(); err == nil {
		err = u.rewrite()
	}
	if err != nil {
		u.close()
		return fmt.Errorf("cmds: used signatures: %w", err)
	}
	return nil
}

func (u *uses) close() {
	if u.file != nil {
		u.file.Close()
	}
	if u.lock != nil {
		u.lock.Close()
	}
	u.file, u.lock = nil, nil
}

// read takes what the file has. A last line without its end was being written when the program was killed: its message is not settled.
func (u *uses) read() error {
	file, err := os.Open(u.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF:
			return nil
		case err != nil && err != bufio.ErrBufferFull:
			return err
		}
		if !u.readLine(string(line)) {
			return fmt.Errorf("%.200q: line %d: %s is not UNIXSECONDS HEX; take the line away if you know that it stands for nothing", u.path, n, excerptText(string(line)))
		}
	}
}

func (u *uses) readLine(line string) bool {
	seconds, sum, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return false
	}
	if sum == forgotten {
		u.before = max(u.before, at)
		return true
	}
	one := use{at: at}
	if n, err := hex.Decode(one.sum[:], []byte(sum[:min(len(sum), 64)])); err != nil || n != len(one.sum) || len(sum) != 64 {
		return false
	}
	if _, known := u.known[one.sum]; !known {
		u.keep(one)
	}
	return true
}

// write adds a line to the file, if there is one: whole, or not at all.
func (u *uses) write(one use) error {
	if u.file == nil {
		return nil
	}
	if u.torn || u.lines > 2*len(u.order)+usesSpare {
		if err := u.rewrite(); err != nil {
			return err
		}
	}
	_, err := u.file.Write(one.line())
	u.torn = err != nil
	u.lines++
	return err
}

func (one use) line() []byte { return fmt.Appendf(nil, "%d %x\n", one.at, one.sum) }

// rewrite puts a new file in the place of the old one, which stays if that fails.
func (u *uses) rewrite() error {
	u.expire()
	fresh, err := os.OpenFile(u.path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, usesMode)
	if err != nil {
		return err
	}
	if err = u.writeAll(fresh); err == nil {
		err = os.Rename(fresh.Name(), u.path)
	}
	if err != nil {
		fresh.Close()
		return err
	}
	if u.file != nil {
		u.file.Close()
	}
	u.file, u.lines, u.torn = fresh, len(u.order)+1, false
	return nil
}

func (u *uses) writeAll(file *os.File) error {
	lines := bufio.NewWriter(file)
	fmt.Fprintln(lines, u.before, forgotten)
	for _, one := range u.order {
		lines.Write(one.line())
	}
	return lines.Flush()
}

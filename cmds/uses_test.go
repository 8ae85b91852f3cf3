package cmds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// used is a use of a signature that was made some seconds ago.
func used(name byte, ago int64) use { return use{time.Now().Unix() - ago, [32]byte{name}} }

// mustAdd adds uses for the first time.
func mustAdd(t *testing.T, u *uses, all ...use) {
	t.Helper()
	for _, one := range all {
		if first, err := u.add(one); !first || err != nil {
			t.Errorf("%d of %d: first %t, %v", one.sum[0], one.at, first, err)
		}
	}
}

func TestUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &uses{age: time.Hour, most: 10}
		a, b := used(1, 0), used(2, 0)
		mustAdd(t, u, a)
		if first, err := u.add(a); first || err != nil || !u.has(a, false) || !u.has(a, true) || u.has(b, false) {
			t.Errorf("first %t, %v", first, err)
		}
		time.Sleep(time.Hour)
		mustAdd(t, u, used(2, 0))
		if !u.has(a, false) {
			t.Error("forgotten while its signature is good")
		}
		time.Sleep(2 * time.Second)
		mustAdd(t, u, used(3, 0))
		if len(u.known) != 2 || len(u.order) != 2 || !u.has(a, false) || u.has(used(4, 0), false) {
			t.Errorf("%d and %d are known", len(u.known), len(u.order))
		}
		mustAdd(t, u, used(5, 2*60*60)) // of a long run
		if len(u.known) != 2 {
			t.Error("what is too old is remembered")
		}
	})
}

// What is forgotten for want of room is refused, with all that is as old.
func TestUsesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &uses{age: time.Hour, most: 3}
		mustAdd(t, u, used(1, 30), used(2, 10), used(3, 20), used(4, 40))
		if len(u.order) != 3 || u.before != used(0, 40).at {
			t.Errorf("%d are known, and %d was forgotten", len(u.order), u.before)
		}
		mustAdd(t, u, used(5, 5))
		for name, ago := range map[byte]int64{1: 30, 2: 10, 3: 20, 4: 40, 5: 5, 6: 30, 7: 3000} {
			if !u.has(used(name, ago), false) {
				t.Errorf("%d is good", name)
			}
		}
		if u.has(used(8, 29), false) || u.has(used(7, 3000), true) {
			t.Error("a new one is refused")
		}
	})
}

// seenFile is a file of used signatures, as a dispatcher opens it.
func seenFile(t *testing.T, path string) *uses {
	t.Helper()
	u := &uses{age: time.Hour, most: 10}
	if err := u.open(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.close)
	return u
}

func TestUsesOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen")
	first := seenFile(t, path)
	a, b, old := used(1, 0), used(2, 30*60), used(3, 2*60*60)
	mustAdd(t, first, a, b, old)
	if text, _ := os.ReadFile(path); strings.Count(string(text), "\n") != 4 {
		t.Errorf("written before the message is settled:\n%s", text)
	}
	other := &uses{age: time.Hour, most: 10}
	if err := other.open(path); err == nil || !strings.Contains(err.Error(), "another dispatcher holds it") {
		t.Errorf("a second dispatcher: %v", err)
	}
	first.close()

	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(file, "%d %x", time.Now().Unix(), [31]byte{9}) // torn: its message was not settled
	file.Close()
	second := seenFile(t, path)
	if !second.has(a, false) || !second.has(b, false) || len(second.order) != 2 || !second.has(use{old.at - 1, [32]byte{7}}, false) {
		t.Errorf("%d are known, and what is older than %d is refused", len(second.order), second.before)
	}
	want := fmt.Sprintf("%d -\n%d %x\n%d %x\n", old.at, b.at, b.sum, a.at, a.sum)
	if text, _ := os.ReadFile(path); string(text) != want {
		t.Errorf("the file is\n%s, want\n%s", text, want)
	}
	if mode, _ := os.Stat(path); mode.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", mode.Mode())
	}
}

func TestUsesFileIsWrittenAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen")
	u := seenFile(t, path)
	mustAdd(t, u, used(1, 0))
	u.lines = usesSpare + 3
	mustAdd(t, u, used(2, 0))
	if text, _ := os.ReadFile(path); u.lines != 3 || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%d lines:\n%s", u.lines, text)
	}
	u.file.Close() // as a disk that takes nothing
	if first, err := u.add(used(3, 0)); err == nil || first || u.has(used(3, 0), false) || !u.torn {
		t.Errorf("remembered without its line: %v", err)
	}
	mustAdd(t, u, used(3, 0))
	if text, _ := os.ReadFile(path); strings.Count(string(text), "\n") != 4 || u.torn {
		t.Errorf("after that\n%s", text)
	}
}

func TestUsesFileMistakes(t *testing.T) {
	sum := fmt.Sprintf("%x", [32]byte{1})
	for text, want := range map[string]string{
		"x\n":                     `line 1: "x\n" is not UNIXSECONDS HEX`,
		"1 -\n\n":                 "line 2: ",
		"1 " + sum + "0\n":        "line 1: ",
		"1 " + sum[2:] + "\n":     "line 1: ",
		"1 " + sum[1:] + "g\n":    "line 1: ",
		"1\n":                     "line 1: ",
		"1  " + sum + "\n":        "line 1: ",
		"1.5 " + sum + "\n":       "line 1: ",
		"\x1b[2J " + sum + "\n":   `line 1: "\x1b[2J `,
		strings.Repeat("1", 9000): "line 1: ",
	} {
		path := filepath.Join(t.TempDir(), "seen")
		writeFile(t, path, text)
		u := &uses{age: time.Hour, most: 10}
		if err := u.open(path); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > errorLen {
			t.Errorf("%.80q: %v, want %s", text, err, want)
		}
		if after, _ := os.ReadFile(path); string(after) != text || u.lock != nil {
			t.Errorf("%.80q: it is changed, or held", text)
		}
	}
	for _, path := range []string{"/nowhere/seen", "/proc/self/seen", t.TempDir()} {
		u := &uses{age: time.Hour, most: 10}
		if err := u.open(path); err == nil || u.lock != nil {
			t.Errorf("%s can be used", path)
			u.close()
		}
	}
}

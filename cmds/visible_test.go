package cmds

import (
	"math/rand/v2"
	"testing"
)

// visible finds what a look at each byte finds, wherever it is.
func TestVisible(t *testing.T) {
	bytewise := func(text []byte, neither, nor byte) int {
		for n, c := range text {
			if c < ' ' || c > '~' || c == neither || c == nor {
				return n
			}
		}
		return len(text)
	}
	check := func(text []byte) {
		t.Helper()
		for _, but := range [][2]byte{{del, del}, {'"', '\\'}} {
			if got, want := visible(text, but[0], but[1]), bytewise(text, but[0], but[1]); got != want {
				t.Fatalf("%q but %q: %d, want %d", text, but, got, want)
			}
		}
	}
	for c := range 256 {
		for at := range 20 {
			text := []byte("abcdefghijklmnopqrst")
			text[at] = byte(c)
			check(text)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		text := make([]byte, r.IntN(30))
		for i := range text {
			text[i] = " !\"[\\]~\x7f\x80\xff\x1f\n\x00\xa0a"[r.IntN(15)]
		}
		check(text)
	}
}

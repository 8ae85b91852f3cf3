package cmds

import (
	"math/rand/v2"
	"testing"
)

// visible and plain find what a look at each byte finds, wherever it is.
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
		if got, want := visible(text), bytewise(text, del, del); got != want {
			t.Fatalf("visible of %q: %d, want %d", text, got, want)
		}
		if got, want := plain(text), bytewise(text, '"', '\\'); got != want {
			t.Fatalf("plain of %q: %d, want %d", text, got, want)
		}
	}
	for c := range 256 {
		for at := range 36 {
			text := []byte("abcdefghijklmnopqrstuvwxyz0123456789")
			text[at] = byte(c)
			check(text)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		text := make([]byte, r.IntN(50))
		for i := range text {
			text[i] = " !\"[\\]~\x7f\x80\xff\x1f\n\x00\xa0a"[r.IntN(15)]
		}
		check(text)
	}
}

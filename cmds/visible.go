package cmds

import "math/bits"

// Eight bytes of a word, all with that value.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

const del = 0x7f // a control character

// visible is how many bytes text begins with that are ASCII from ' ' to '~', as all of most lines are, and neither of two
// characters. It looks at eight at a time: the first that is something else is the first whose highest bit is set by adding 1 (DEL
// and above), by taking off ' ' (a control character, or 0xff), or by taking 1 off its difference from one of the two (none).
func visible(text []byte, neither, nor byte) int {
	a, b := uint64(neither)*ones, uint64(nor)*ones
	n := 0
	for ; n+8 <= len(text); n += 8 {
		t := text[n : n+8 : n+8]
		w := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		found := ((w + ones) | (w - ' '*ones) | ((w ^ a) - ones) | ((w ^ b) - ones)) & highs
		if found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(text); n++ {
		if c := text[n]; c < ' ' || c > '~' || c == neither || c == nor {
			return n
		}
	}
	return n
}

package cmds

import "math/bits"

// Eight bytes of a word, all with that value.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

const del = 0x7f // a control character

// visible is how many bytes text begins with that are ASCII from ' ' to '~', as all of most lines are. It looks at twice eight at a
// time: the first that is something else is the first whose highest bit is set by adding 1 (DEL and above), or by taking off ' ' (a
// control character, or 0xff).
func visible(text []byte) int {
	n := 0
	for ; n+16 <= len(text); n += 16 {
		t := text[n : n+16 : n+16]
		v := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		w := uint64(t[8]) | uint64(t[9])<<8 | uint64(t[10])<<16 | uint64(t[11])<<24 |
			uint64(t[12])<<32 | uint64(t[13])<<40 | uint64(t[14])<<48 | uint64(t[15])<<56
		first, second := ((v+ones)|(v-' '*ones))&highs, ((w+ones)|(w-' '*ones))&highs
		if first != 0 {
			return n + bits.TrailingZeros64(first)/8
		}
		if second != 0 {
			return n + 8 + bits.TrailingZeros64(second)/8
		}
	}
	for n < len(text) && text[n] >= ' ' && text[n] < del {
		n++
	}
	return n
}

// plain is visible for what JSON has within a string as it is: neither quotes nor backslashes. '"'^' ' exchanges these two, after which a
// quote is found like a control character; a backslash is found by taking 1 off the difference from it (none).
func plain(text []byte) int {
	n := 0
	for ; n+16 <= len(text); n += 16 {
		t := text[n : n+16 : n+16]
		v := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		w := uint64(t[8]) | uint64(t[9])<<8 | uint64(t[10])<<16 | uint64(t[11])<<24 |
			uint64(t[12])<<32 | uint64(t[13])<<40 | uint64(t[14])<<48 | uint64(t[15])<<56
		first := ((v + ones) | ((v ^ ('"'^' ')*ones) - '!'*ones) | ((v ^ '\\'*ones) - ones)) & highs
		second := ((w + ones) | ((w ^ ('"'^' ')*ones) - '!'*ones) | ((w ^ '\\'*ones) - ones)) & highs
		if first != 0 {
			return n + bits.TrailingZeros64(first)/8
		}
		if second != 0 {
			return n + 8 + bits.TrailingZeros64(second)/8
		}
	}
	for n < len(text) && text[n] >= ' ' && text[n] < del && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

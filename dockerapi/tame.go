package dockerapi

import (
	"errors"
	"io"
	"strings"
)

const (
	stringLen  = 256 << 10 // of one JSON string, from its quote on, as it is written: a label with a message of 32 KiB, each byte as \u00xx, and some
	literalLen = 64        // of a number or a word: the longest integer has 20 digits
)

var errLiteral = errors.New("a number or a word of more than 64 bytes")

// tamed is JSON on its way to a decoder, which holds whatever has no end yet. Strings come cut to stringLen, of several blanks one,
// and a literal that goes on and on is an error.
type tamed struct {
	src     io.Reader
	err     error // sticky
	in      place //
	run     int   // bytes of that place
	escaped bool  // the next byte of the string belongs to the backslash before it
	hex     int   // as many more belong to its \u
	cut     bool  // this part of the string is left out
}

// place is where in a JSON text a byte stands.
type place uint8

const (
	between place = iota // tokens
	inString
	inLiteral
	inBlanks
)

// Read gives what is kept of one Read of the source, which may be nothing.
func (t *tamed) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n := 0
	n, t.err = t.src.Read(p)
	kept := p[:0]
	for _, c := range p[:n] {
		if t.keeps(c) {
			kept = append(kept, c)
		}
		if t.in == inLiteral && t.run > literalLen {
			t.err = errLiteral
			break
		}
	}
	return len(kept), t.err
}

// keeps goes on by one byte, and says whether it is kept.
func (t *tamed) keeps(c byte) bool {
	if t.in == inString {
		return t.keepsInString(c)
	}
	next := inLiteral
	switch {
	case c == '"':
		next = inString
	case strings.IndexByte(" \t\r\n", c) >= 0:
		next = inBlanks
	case strings.IndexByte("{}[],:", c) >= 0:
		next = between
	}
	if t.in != next {
		t.in, t.run = next, 0
	}
	t.run++
	return next != inBlanks || t.run == 1
}

// keepsInString keeps escapes whole or not at all.
func (t *tamed) keepsInString(c byte) bool {
	t.run++
	switch {
	case t.escaped:
		t.escaped = false
		if c == 'u' {
			t.hex = 4
		}
	case t.hex > 0:
		t.hex--
	case c == '"':
		t.in, t.cut = between, false
	default:
		t.cut = t.run > stringLen
		t.escaped = c == '\\'
	}
	return !t.cut
}

package cmds

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// A string is what a JSON reader makes of its appendString, whatever it consists of.
func TestAppendString(t *testing.T) {
	check := func(s string) {
		t.Helper()
		got := ""
		if err := json.Unmarshal(appendString([]byte("{")[1:], []byte(s)), &got); err != nil || got != s {
			t.Fatalf("%q: %s, %v", s, appendString(nil, []byte(s)), err)
		}
	}
	check("")
	for r := range rune(0x3000) {
		if utf8.ValidRune(r) {
			check("before " + string(r) + "\" after")
		}
	}
	parts := []string{`"`, `\`, "\n", "\t", "\r", "\x00", "\x1b", "\x7f", "<", "é", "\u2027", "\u2028", "\u2029", "日本", "😀", "plain text of some length", ""}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				check(a + b + c)
			}
		}
	}
}

package dockerapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// rows reads a list of containers as ContainerList does.
func rows(text io.Reader, keep ...string) (all []Summary, err error) {
	l := &listing{json.NewDecoder(&tamed{src: text}), keep, listLen}
	err = l.array(func() error {
		row, err := l.summary()
		all = append(all, row)
		return err
	})
	if err == nil {
		err = l.end()
	}
	return all, err
}

// What is wrong with a list has a name, however it comes.
func TestListing(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`[]`, "[] <nil>"},
		{` null `, "[] <nil>"},
		{`[null,{}]`, "[{ []  map[] 0} { []  map[] 0}] <nil>"},
		{`[{"Id":"a","ID":"b","id":5,"Labels":{"k":"v","K":{}},"Created":1767225600}]`, "[{a []  map[k:v] 1767225600}] <nil>"},
		{`[{"Id":"a","Id":"b"}]`, "[{b []  map[] 0}] <nil>"},
		{`[{"Labels":{"k":null}}]`, "[{ []  map[k:] 0}] <nil>"},
		{`[{"Names":["a",5]}]`, "another value than the operation's"},
		{`[{"Names":{}}]`, "another value than the operation's"},
		{`[{"Labels":[]}]`, "another value than the operation's"},
		{`[{"Labels":{"k":5}}]`, "another value than the operation's"},
		{`[{"Created":"5"}]`, "another value than the operation's"},
		{`[5]`, "another value than the operation's"},
		{`{}`, "another value than the operation's"},
		{`[][]`, "another value than the operation's"},
		{`[{"Id":"a"]`, "invalid character ']' after object key:value pair"},
		{`[{"Id":"a"}`, "EOF"},
		{`[{"Ports":` + strings.Repeat("[", 200), "values nested too deep"},
		{`[{"Size":` + strings.Repeat("9", 100), "a number or a word of more than 64 bytes"},
		{`[` + strings.Repeat(`{},`, listLen/rowLen+1), "a list with more than 8 MiB of what is looked at"},
		{`[{"Id":"` + strings.Repeat("x", 3*stringLen) + `"}]`, fmt.Sprintf("[{%s []  map[] 0}] <nil>", strings.Repeat("x", stringLen-1))},
		{"[" + strings.Repeat(" \n", 1<<20) + "]", "[] <nil>"},
	} {
		for _, source := range []io.Reader{strings.NewReader(tt.text), iotest.HalfReader(strings.NewReader(tt.text))} {
			all, err := rows(source, "k")
			got := fmt.Sprint(all, err)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%.80q\ngot  %.200s\nwant %.200s", tt.text, got, tt.want)
			}
		}
	}
}

// FuzzTamed holds what is read of a list against encoding/json's reading of it: the allowed differences are those of keys, which
// mean something here in their own case only.
func FuzzTamed(f *testing.F) {
	for _, text := range []string{
		`[{"Id":"a","Names":["/b"],"State":"running","Labels":{"k":"\u00e9\"\\\ud800"},"Created":5}]`,
		"null", "[ ]", "[{\t\"Ports\" : [ 1, true,null ,{}] }\n]", `[{"Id":"`, "1e9", `"\u12`, "\"\\",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tame, err := io.ReadAll(iotest.OneByteReader(&tamed{src: strings.NewReader(string(text))}))
		if err != nil && !errors.Is(err, errLiteral) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil {
			return
		}
		var want, got any
		wanted, did := json.Unmarshal(text, &want), json.Unmarshal(tame, &got)
		if len(text) < stringLen && ((wanted == nil) != (did == nil) || !reflect.DeepEqual(got, want)) {
			t.Errorf("%q\ntame  %q, %v\nwild  %v", text, tame, did, wanted)
		}
		if _, err := rows(strings.NewReader(string(text)), "k"); err == nil && wanted != nil {
			t.Errorf("%q is read as a list, and is no JSON: %v", text, wanted)
		}
	})
}

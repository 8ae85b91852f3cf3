package cmds

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzElements: the elements of a list and the members of an object are those that encoding/json's decoder finds, in their order.
func FuzzElements(f *testing.F) {
	for _, text := range []string{
		`{}`, ` [ ] `, `{"a":1,"b":[true,null,{"c":"}"}],"d":{"]":"["}}`, "[\t-1.5e3 ,\r\n\"\\\"\",\"\\\\\",{\"\\u0061\\\\\":[[]]}]",
		`{"é":"\ud83d\ude00","\ud800":"\ud800"}`, `[[[[1],2],3],"4"]`, `{"a":{"a":"a"} , "a" : "a"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		open := bytes.TrimLeft(text, blanks)
		if checkJSON(text) != nil || open[0] != '[' && open[0] != '{' {
			return
		}
		all := elements(text)
		d := json.NewDecoder(bytes.NewReader(text))
		d.Token()
		for ; d.More(); all = all[1:] {
			var value json.RawMessage
			if open[0] == '{' {
				key, _ := d.Token()
				if got := unquoted(all[0]); got != key {
					t.Fatalf("%q: the key is %q, want %q", text, got, key)
				}
				all = all[1:]
			}
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(all[0], value) {
				t.Fatalf("%q: got %q, want %q", text, all[0], value)
			}
			if all[0][0] == '"' {
				var want string
				json.Unmarshal(value, &want)
				if got := unquoted(all[0]); got != want {
					t.Fatalf("%q: got %q, want %q", value, got, want)
				}
			}
		}
		if len(all) > 0 {
			t.Errorf("%q: %q more", text, all)
		}
	})
}

// The policy judges a body as the Engine reads it.
func TestAsRead(t *testing.T) {
	for _, c := range oracleCases {
		_, flags := splitCase(c)
		options, _ := json.Marshal(optionsOf(t, "run", flags))
		command, err := understand(`{"Dockercmd":"run","Image":"image","Cmd":["a","b"],"Options":` + string(options) + `}`)
		if err != nil {
			continue
		}
		text, err := json.Marshal(command.Body)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		json.Unmarshal(text, &want)
		if got := asRead(command.Body); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%v\nwant\n%v", c, got, want)
		}
	}
}

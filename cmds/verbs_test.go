package cmds

import (
	"slices"
	"strings"
	"testing"
)

// Every command has one way to be done, and all that the tables say of commands is of one that there is.
func TestVerbTables(t *testing.T) {
	for _, v := range verbs {
		story := slices.ContainsFunc(ways[:], func(w way) bool { return w.verb == v.name })
		call := slices.ContainsFunc(actions[:], func(a action) bool { return a.verb == v.name })
		if !story && !call {
			t.Errorf("%s: no way to do it", v.name)
		}
		for key := range strings.FieldsSeq(v.required) {
			if find(arguments[:], v.name, key) == nil {
				t.Errorf("%s needs %s and does not take it", v.name, key)
			}
		}
	}
	lists := []string{making, limiting, naming}
	for _, row := range slices.Concat(arguments[:], options[:]) {
		lists = append(lists, row.verbs)
	}
	for _, e := range excluded {
		lists = append(lists, e.verbs)
	}
	for _, w := range ways {
		lists = append(lists, w.verb)
	}
	for _, a := range actions {
		lists = append(lists, a.verb)
	}
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ", ") {
			if !slices.ContainsFunc(verbs[:], func(v verb) bool { return v.name == name }) {
				t.Errorf("there is no command %q", name)
			}
		}
	}
}

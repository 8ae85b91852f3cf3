package cmds

import (
	"errors"
	"strconv"
	"strings"
)

// field is a part of a text that is a list of them, name=value with commas between.
type field struct {
	name  string
	path  string                         // in the object that the text stands for
	parse func(text string) (any, error) // nil: the text itself
	flag  bool                           // the name alone is "true"
	once  bool                           // a second value is a mistake
}

// item is a value that goes to the end of a list, and does not take the place of what was there.
type item struct{ value any }

// compose makes the object that such a text stands for, by the rows of a table. Names are taken in any letter case, if so is said.
func compose(text string, table []field, anyCase bool) (map[string]any, error) {
	parts, err := splitQuoted(text)
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	for _, part := range parts {
		name, value, given := strings.Cut(part, "=")
		if anyCase {
			name = strings.ToLower(name)
		}
		f, err := findField(name, table)
		switch {
		case err != nil:
			return nil, err
		case !given && !f.flag:
			return nil, errors.New(f.name + ` has no value ("` + f.name + `=…")`)
		case f.once && at(object, f.path) != nil:
			return nil, errors.New(f.name + " is given twice")
		case !given:
			value = "true"
		}
		if err := f.set(object, value); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func findField(name string, table []field) (*field, error) {
	var known []string
	for i := range table {
		if table[i].name == name {
			return &table[i], nil
		}
		known = append(known, table[i].name)
	}
	return nil, errors.New("there is no " + shorten([]byte(strconv.Quote(name))) + guess(name, known) + " (" + strings.Join(known, ", ") + ")")
}

func (f *field) set(object map[string]any, text string) error {
	var value any = text
	if f.parse != nil {
		var err error
		if value, err = f.parse(text); err != nil {
			return errors.New(f.name + ": " + err.Error())
		}
	}
	switch v := value.(type) {
	case pair:
		in, _ := at(object, f.path).(map[string]any)
		if in == nil {
			in = map[string]any{}
			put(object, f.path, in)
		}
		in[v.key] = v.value
	case item:
		list, _ := at(object, f.path).([]any)
		put(object, f.path, append(list, v.value))
	default:
		put(object, f.path, v)
	}
	return nil
}

// splitQuoted cuts a text at its commas, as one record of RFC 4180: a part in double quotes may have commas, and double quotes
// written twice.
func splitQuoted(text string) (parts []string, err error) {
	for more := true; more; {
		var part string
		if quoted, ok := strings.CutPrefix(text, `"`); ok {
			part, text, err = unquote(quoted)
		} else {
			end := strings.IndexByte(text+",", ',')
			part, text = text[:end], text[end:]
			if strings.ContainsAny(part, "\"\r\n") {
				err = errors.New(`a double quote or a line's end inside a part (put the part in quotes: a,"b=c,d")`)
			}
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		text, more = strings.CutPrefix(text, ",")
	}
	return parts, nil
}

// unquote takes a quoted part, without its first quote, from the front of a text.
func unquote(text string) (part, rest string, err error) {
	for {
		end := strings.IndexByte(text, '"')
		if end < 0 {
			return "", "", errors.New("a double quote is not closed")
		}
		part, text = part+text[:end], text[end+1:]
		if !strings.HasPrefix(text, `"`) {
			break
		}
		part, text = part+`"`, text[1:]
	}
	if text != "" && text[0] != ',' {
		return "", "", errors.New("a comma is missing after a double quote")
	}
	return part, text, nil
}

// put sets a value in an object, at a path with dots.
func put(object map[string]any, path string, value any) {
	for {
		head, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			object[head] = value
			return
		}
		object, path = inner(object, head), rest
	}
}

// inner is the object at a key, made when there is none.
func inner(object map[string]any, key string) map[string]any {
	in, ok := object[key].(map[string]any)
	if !ok {
		in = map[string]any{}
		object[key] = in
	}
	return in
}

// at is what an object has at a path with dots; nil where it has nothing.
func at(object map[string]any, path string) any {
	head, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return object[head]
	}
	in, _ := object[head].(map[string]any)
	return at(in, rest)
}

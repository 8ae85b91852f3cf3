package wiretest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// exchange is one connection of a transcript.
type exchange struct {
	name  string
	steps []step
}

// step is a piece of the stream in one direction, or its end.
type step struct {
	dir  byte // '>' from the client, '<' from the server
	data []byte
	eof  bool // the direction ends; data is nil
	line int  // where it begins in the transcript, from 1
}

// parse reads a transcript. Errors name the line.
func parse(transcript string) ([]exchange, error) {
	var list []exchange
	for i, line := range strings.Split(transcript, "\n") {
		line = strings.TrimLeft(line, " \t")
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case strings.HasPrefix(line, "=="):
			list = append(list, exchange{name: strings.TrimSpace(line[2:])})
		default:
			s, err := parseStep(line)
			if err != nil {
				return nil, fmt.Errorf("wiretest: transcript line %d: %w", i+1, err)
			}
			if len(list) == 0 {
				list = append(list, exchange{})
			}
			s.line = i + 1
			list[len(list)-1].add(s)
		}
	}
	return list, nil
}

func parseStep(line string) (step, error) {
	dir, text := line[0], line[1:]
	switch {
	case dir != '>' && dir != '<':
		return step{}, fmt.Errorf("%.60q is none of #, ==, > and <", line)
	case text == "EOF":
		return step{dir: dir, eof: true}, nil
	case strings.HasPrefix(text, ` "`):
		data, err := strconv.Unquote(strings.TrimSpace(text))
		if err != nil {
			return step{}, fmt.Errorf("%.60q is not in Go's quoting", text)
		}
		return step{dir: dir, data: []byte(data)}, nil
	case text != "" && text[0] != ' ':
		return step{}, fmt.Errorf("%.60q: a blank follows %c, or EOF does", line, dir)
	case strings.Contains(text, "\r"):
		return step{}, fmt.Errorf("%.60q: CR must be quoted", line)
	default:
		return step{dir: dir, data: []byte(strings.TrimPrefix(text, " ") + "\r\n")}, nil
	}
}

// add appends s, joined to the last step where both are bytes of one direction. A direction ends once.
func (x *exchange) add(s step) {
	if s.eof && slices.ContainsFunc(x.steps, func(t step) bool { return t.eof && t.dir == s.dir }) {
		return
	}
	if n := len(x.steps); n > 0 {
		last := &x.steps[n-1]
		if last.dir == s.dir && !last.eof && !s.eof {
			last.data = append(last.data, s.data...)
			return
		}
	}
	x.steps = append(x.steps, s)
}

// format writes connections as a transcript that parse reads back to the same steps.
func format(list []exchange) string {
	var b strings.Builder
	for _, x := range list {
		fmt.Fprintf(&b, "== %s\n", x.name)
		for _, s := range x.steps {
			s.format(&b)
		}
	}
	return b.String()
}

func (s step) format(b *strings.Builder) {
	if s.eof {
		fmt.Fprintf(b, "%cEOF\n", s.dir)
		return
	}
	for line := range strings.SplitAfterSeq(string(s.data), "\n") {
		if line == "" {
			continue
		}
		if text, ok := strings.CutSuffix(line, "\r\n"); ok && plain(text) {
			fmt.Fprintf(b, "%s\n", strings.TrimRight(string(s.dir)+" "+text, " "))
			continue
		}
		fmt.Fprintf(b, "%c %q\n", s.dir, line)
	}
}

// plain tells whether text can stand in a transcript unquoted and survive an editor.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return !strings.HasPrefix(text, `"`) && !strings.HasSuffix(text, " ")
}

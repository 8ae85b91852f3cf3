package dockerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

	"docker-dispatch/wire/http1"
)

const (
	listLen  = 8 << 20 // of what is kept of a list, in bytes: 2,000 containers with 4 KiB each, or 30,000 usual ones
	rowLen   = 256     // what a row takes besides its strings
	maxDepth = 100     // of values within each other: an Engine's have fewer than ten
)

var (
	errDepth = errors.New("values nested too deep")
	errShape = errors.New("another value than the operation's")
	errList  = fmt.Errorf("a list with more than %d MiB of what is looked at", listLen>>20)
)

// listing is the answer of a list while it is read. Of each row no more is kept than what is asked for, so that a list may be as long
// as the time that the calls table has for it allows: a single container may be made with megabytes of arguments.
type listing struct {
	d    *json.Decoder
	keep []string // the labels
	left int      // bytes that may still be kept
}

// list makes a call whose answer is a list, and has it read.
func (c *Client) list(ctx context.Context, op call, query url.Values, keep []string, read func(*listing) error) error {
	s := begin(ctx, op)
	defer s.end()
	res, err := c.send(s, args{query: query})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	l := &listing{json.NewDecoder(&tamed{src: res.Body}), keep, listLen}
	if err = read(l); err == nil {
		err = l.end()
	}
	var conn *http1.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &conn):
		return c.lost(s, err)
	case err == io.EOF && l.d.InputOffset() == 0:
		return c.lost(s, errNothing)
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return &Garbled{calls[op].operation, fmt.Errorf("the answer: %w", err)}
}

// end wants nothing more but the end of the answer, without which it was cut.
func (l *listing) end() error {
	switch _, err := l.d.Token(); err {
	case io.EOF:
		return nil
	case nil:
		return errShape
	default:
		return err
	}
}

// array reads the rows of an array; null has none.
func (l *listing) array(row func() error) error {
	open, err := l.d.Token()
	switch {
	case err != nil, open == nil:
		return err
	case open != json.Delim('['):
		return errShape
	}
	for l.d.More() {
		if err := l.take(rowLen); err != nil {
			return err
		}
		if err := row(); err != nil {
			return err
		}
	}
	return l.close()
}

// object reads the members of an object, each by its key; null has none.
func (l *listing) object(member func(key string) error) error {
	open, err := l.d.Token()
	switch {
	case err != nil, open == nil:
		return err
	case open != json.Delim('{'):
		return errShape
	}
	for l.d.More() {
		key, err := l.d.Token()
		if err != nil {
			return err
		}
		if err := member(key.(string)); err != nil {
			return err
		}
	}
	return l.close()
}

func (l *listing) close() error {
	_, err := l.d.Token()
	return err
}

// skip reads a value and forgets it.
func (l *listing) skip() error {
	for depth := 0; ; {
		token, err := l.d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		switch {
		case depth == 0:
			return nil
		case depth > maxDepth:
			return errDepth
		}
	}
}

// text reads a string; null is "".
func (l *listing) text(s *string) error {
	token, err := l.d.Token()
	if err != nil || token == nil {
		return err
	}
	text, is := token.(string)
	if !is {
		return errShape
	}
	*s = text
	return l.take(len(text))
}

// texts reads strings.
func (l *listing) texts(to *[]string) error {
	return l.array(func() error {
		var s string
		err := l.text(&s)
		*to = append(*to, s)
		return err
	})
}

// integer reads a number; null is 0.
func (l *listing) integer(n *int64) error {
	token, err := l.d.Token()
	if err != nil || token == nil {
		return err
	}
	number, is := token.(float64)
	if !is {
		return errShape
	}
	*n = int64(number)
	return nil
}

// labels reads those that are to be kept.
func (l *listing) labels(to *map[string]string) error {
	return l.object(func(key string) error {
		if !slices.Contains(l.keep, key) {
			return l.skip()
		}
		var value string
		err := l.text(&value)
		if *to == nil {
			*to = map[string]string{}
		}
		(*to)[key] = value
		return err
	})
}

func (l *listing) take(bytes int) error {
	if l.left -= bytes; l.left < 0 {
		return errList
	}
	return nil
}

// labelled is the query of a list of what has all the labels.
func labelled(labels []string) url.Values {
	filters, _ := json.Marshal(map[string][]string{"label": labels}) // strings can always be said in JSON
	return url.Values{"filters": {string(filters)}}
}

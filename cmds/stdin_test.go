package cmds

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"docker-dispatch/wire"
)

func TestReadMessages(t *testing.T) {
	const maxBody = 40
	long := `"` + strings.Repeat("x", maxBody-2) + `"`
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"blanks", " \n\n", nil},
		{"one", `{"a":1}`, []string{`{"a":1}`}},
		{"several", "{\"a\":1}\n{\"b\":[1,\n2]} 3\n\"\\n\"{}", []string{`{"a":1}`, "{\"b\":[1,\n2]}", `3`, `"\n"`, `{}`}},
		{"not UTF-8", "{\"a\":\"\xff\"}{}", []string{"{\"a\":\"\xff\"}", "{}"}},
		{"bad in the middle", "{\"a\":1} {b:2} {\"c\":3}\n", []string{`{"a":1}`, " {b:2} {\"c\":3}\n"}},
		{"bad at once", "docker run", []string{"docker run"}},
		{"cut", `{"a":1}{"b":`, []string{`{"a":1}`, `{"b":`}},
		{"as long as may be", long + long, []string{long, long}},
		{"too long", long + `["` + strings.Repeat("y", 2*maxBody) + `"]{}`, []string{long, `["` + strings.Repeat("y", maxBody-1)}},
	} {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in))} {
			var got []string
			err := ReadMessages(t.Context(), r, 1, maxBody, func(d wire.Delivery) {
				got = append(got, string(d.Body))
				if d.Redelivered || d.Queue != "" || d.Lost != nil || d.Settle(wire.Ack) != nil {
					t.Errorf("%+v", d)
				}
			})
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s, %T\ngot  %q, %v\nwant %q", tt.name, r, got, err, tt.want)
			}
		}
	}
}

// However long a value is, no more of it is held than may be.
func TestReadMessagesMemory(t *testing.T) {
	const maxBody = 1000
	read := 0
	endless := readerFunc(func(p []byte) (int, error) {
		read += len(p)
		copy(p, strings.Repeat("[", len(p)))
		return len(p), nil
	})
	var got []string
	err := ReadMessages(t.Context(), io.MultiReader(strings.NewReader(`"`), endless), 1, maxBody, func(d wire.Delivery) { got = append(got, string(d.Body)) })
	if err != nil || len(got) != 1 || len(got[0]) != maxBody+1 || read > 10*maxBody {
		t.Errorf("%v, %d messages, %d bytes read", err, len(got), read)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReadMessagesWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var got []wire.Delivery
		done := make(chan error)
		go func() {
			done <- ReadMessages(ctx, strings.NewReader("1 2 3 4 5"), 2, 10, func(d wire.Delivery) { got = append(got, d) })
		}()
		synctest.Wait()
		if len(got) != 2 {
			t.Fatalf("%d messages at once", len(got))
		}
		got[1].Settle(wire.Ack)
		synctest.Wait()
		if len(got) != 3 || string(got[2].Body) != "3" {
			t.Fatalf("%d messages after one was settled", len(got))
		}
		cancel()
		if err := <-done; err != nil || len(got) != 3 {
			t.Errorf("%v, %d messages", err, len(got))
		}
	})
}

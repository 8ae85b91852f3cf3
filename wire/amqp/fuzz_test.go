package amqp

import (
	"fmt"
	"testing"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

// FuzzHeaders: whatever a message has as headers, those that go on with it can be encoded, fit, and are the publisher's own.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"", "\x01a\x05hello", "\x02CC\x0b\x02\x05x\x05y", "\x00\x0c\x01\x0c\x01\x0c", "\xff\xff\xff", "\x03key\x07\x03key\x08"} {
		f.Add([]byte(seed), uint16(4096))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		g := &generator{data}
		in, limit := g.table(0), max(droppedRoom, int(size))
		out := boundHeaders(in, []string{"first"}, limit)
		if err := out.Validate(); err != nil {
			t.Errorf("%v becomes %v: %v", in, out, err)
		}
		if _, size := field(out, 0); size-5 > limit {
			t.Errorf("%d bytes, of at most %d", size, limit)
		}
		for key, value := range out {
			if want, is := in[key]; key != DroppedHeader && (!is || fmt.Sprintf("%v", value) != fmt.Sprintf("%v", want)) {
				t.Errorf("%q was %v and is %v", key, want, value)
			}
		}
		if out["CC"] != nil || out["BCC"] != nil {
			t.Errorf("%v would route copies", out)
		}
	})
}

// generator makes tables of bytes.
type generator struct{ data []byte }

func (g *generator) next() (b byte) {
	if len(g.data) > 0 {
		b, g.data = g.data[0], g.data[1:]
	}
	return b
}

func (g *generator) text() string {
	n := min(int(g.next()), len(g.data))
	s := string(g.data[:n])
	g.data = g.data[n:]
	return s
}

func (g *generator) table(depth int) map[string]any {
	table := map[string]any{}
	for len(g.data) > 0 && len(table) < 100 {
		table[g.text()] = g.value(depth)
	}
	return table
}

func (g *generator) value(depth int) any {
	switch g.next() % 14 {
	case 0:
		return nil
	case 1:
		return g.next() > 127
	case 2:
		return int8(g.next())
	case 3:
		return int16(g.next()) << 8
	case 4:
		return int32(g.next()) << 24
	case 5:
		return g.text()
	case 6:
		return []byte(g.text())
	case 7:
		return int64(g.next()) << 56
	case 8:
		return float64(g.next())
	case 9:
		return time.Unix(int64(g.next()), 0)
	case 10:
		return amqp091.Decimal{Scale: g.next(), Value: int32(g.next())}
	case 11:
		list := make([]any, g.next()%8)
		for i := range list {
			list[i] = g.value(depth + 1)
		}
		return list
	case 12:
		if depth < 40 {
			return amqp091.Table(g.table(depth + 1))
		}
	}
	return struct{}{} // no type of AMQP's
}

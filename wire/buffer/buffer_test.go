package buffer

import "testing"

// A few of many buffers are long, all of them can be long again when they are done with, and none is kept that somebody else may
// write, or that has grown too much.
func TestLender(t *testing.T) {
	l := Lender{Short: 10, Long: 100, Over: 5}
	left := map[*byte]bool{}
	for range 3 {
		var all []*Buffer
		long := 0
		for range 3 * Few {
			b := l.Borrow(true)
			if len(b.Bytes) != 0 || b.Limit != l.Short && b.Limit != l.Long {
				t.Errorf("a buffer with %d bytes, for %d", len(b.Bytes), b.Limit)
			}
			if b.Limit == l.Long {
				long++
			}
			b.Bytes = append(b.Bytes, "text"...)
			if left[&b.Bytes[0]] {
				t.Error("a buffer is lent that somebody may write")
			}
			all = append(all, b)
		}
		if long != Few || l.Lent() != Few {
			t.Errorf("%d are long, %d of them counted", long, l.Lent())
		}
		if b := l.Borrow(false); b.Limit != l.Short {
			t.Errorf("of %d bytes to one who needs no long one", b.Limit)
		}
		for i, b := range all {
			switch i % 3 {
			case 0:
				l.Return(b)
			case 1:
				b.Bytes = make([]byte, b.Limit+l.Over+1)
				left[&b.Bytes[0]] = true
				l.Return(b)
			default:
				left[&b.Bytes[0]] = true
				l.Leave(b)
			}
		}
		l.Return(nil)
		l.Leave(nil)
		if l.Lent() != 0 {
			t.Errorf("%d are in use", l.Lent())
		}
	}
}

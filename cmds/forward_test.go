package cmds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"docker-dispatch/wire"
)

// A body that is too long goes to the dead queue cut, with what it can be known by; one that is not is whole there.
func TestClip(t *testing.T) {
	for _, tt := range []struct{ size, kept int }{
		{100, 100},
		{clipLen, clipLen},
		{clipLen + 1, clipLen},
		{8 << 20, clipLen},
	} {
		s := newStage(t, nil)
		s.MaxBody = 50
		var got wire.Publishing
		s.Publish = func(_ context.Context, p wire.Publishing) error { got = p; return nil }
		long := strings.Repeat("x", tt.size)
		s.Deliver(s.ctx, s.out.delivery("m", long))
		s.Wait()
		length, sum := got.Headers[headerLength], got.Headers[headerSHA256]
		whole := sha256.Sum256([]byte(long))
		switch {
		case string(got.Body) != long[:tt.kept]:
			t.Errorf("of %d bytes %d are kept, want %d", tt.size, len(got.Body), tt.kept)
		case tt.kept == tt.size && (length != nil || sum != nil):
			t.Errorf("%d bytes are whole, and have the headers %v", tt.size, got.Headers)
		case tt.kept < tt.size && (length != int64(tt.size) || sum != hex.EncodeToString(whole[:])):
			t.Errorf("%d bytes are cut, and have the headers %v", tt.size, got.Headers)
		}
	}
}

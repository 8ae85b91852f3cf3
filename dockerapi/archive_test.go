package dockerapi

import (
	"encoding/base64"
	"testing"
)

// Whatever a stat's field is, it is a stat or the one error.
func FuzzPathStat(f *testing.F) {
	for _, field := range []string{
		"",
		"e30=",
		"e30",
		"bnVsbA==",
		"\n\n",
		base64.StdEncoding.EncodeToString([]byte(`{"name":"a","size":-1,"mode":4294967295,"mtime":"2000-01-01T00:00:00Z","linkTarget":"/b"}`)),
		base64.StdEncoding.EncodeToString([]byte(`{"mode":4294967296}`)),
		base64.StdEncoding.EncodeToString([]byte(`{"mtime":"yesterday"}`)),
	} {
		f.Add(field)
	}
	const want = "X-Docker-Container-Path-Stat is not JSON in base64"
	f.Fuzz(func(t *testing.T, field string) {
		if _, err := pathStat(field); err != nil && err.Error() != want {
			t.Errorf("pathStat(%q) = %v, want %s", field, err, want)
		}
	})
}

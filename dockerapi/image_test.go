package dockerapi

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplitReference(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, tt := range []struct{ image, name, tag string }{
		{"debian", "debian", "latest"},
		{"debian:jessie", "debian", "jessie"},
		{"library/debian:jessie", "library/debian", "jessie"},
		{"host/a/b", "host/a/b", "latest"},
		{"host:5000/a/b", "host:5000/a/b", "latest"},
		{"host:5000/a/b:1.2", "host:5000/a/b", "1.2"},
		{"[::1]:5000/a", "[::1]:5000/a", "latest"},
		{"[::1]:5000/a:1", "[::1]:5000/a", "1"},
		{"debian@" + digest, "debian", digest},
		{"host:5000/a/b@" + digest, "host:5000/a/b", digest},
	} {
		if name, tag := splitReference(tt.image); name != tt.name || tag != tt.tag {
			t.Errorf("splitReference(%q) = %q, %q; want %q, %q", tt.image, name, tag, tt.name, tt.tag)
		}
	}
}

// A line of progress is a refusal with words, or named as nonsense, or nothing to speak of.
func FuzzPullProgress(f *testing.F) {
	for _, line := range []string{
		"",
		"null",
		"[]",
		"{",
		`{"status":"Pulling"}`,
		`{"error":"denied"}`,
		`{"errorDetail":{"message":"denied"},"error":""}`,
		`{"errorDetail":"denied"}`,
		`{"ERROR":"denied","errordetail":{"MESSAGE":"no"}}`,
		"{\"error\":\"\xff\\u0000\"}",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		err := pullError(line)
		var refused *Error
		switch {
		case err == nil:
		case errors.As(err, &refused):
			if refused.Operation != "ImageCreate" || refused.Status != 200 || refused.Message == "" || !utf8.ValidString(refused.Message) {
				t.Errorf("pullError(%q) = %#v", line, refused)
			}
		case !strings.HasPrefix(err.Error(), "dockerapi: ImageCreate: progress: ") || errors.Unwrap(err) == nil:
			t.Errorf("pullError(%q) = %v", line, err)
		}
	})
}

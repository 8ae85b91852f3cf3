package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Redacted is what stands in texts for a secret.
const Redacted = "***"

// Secret is a password, a token, or anything else that texts do not have: package fmt prints Redacted for it, whatever it is
// in and with whatever verb. As JSON it is itself.
type Secret string

// Format implements fmt.Formatter.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, Redacted) }

// secretLen bounds the file of a password, in bytes.
const secretLen = 4 << 10

// ReadSecret reads a file that has a password and nothing else: one line, whose newline is left out if it has one. Errors have
// nothing of what is in it.
func ReadSecret(path string) (Secret, error) {
	text, err := ReadFile(path, secretLen)
	if err != nil {
		return "", fmt.Errorf("wire: password file: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case line == "":
		err = errors.New("it is empty")
	case strings.ContainsAny(line, "\r\n\x00"):
		err = errors.New("it has more than one line, or a NUL; it is to have the password alone")
	}
	if err != nil {
		return "", fmt.Errorf("wire: password file: %s: %w", path, err)
	}
	return Secret(line), nil
}

// Permissions of users other than a file's owner.
const (
	AnyAccess   fs.FileMode = 0o077
	WriteAccess fs.FileMode = 0o022
)

// OpenToOthers tells whether users other than the owner of a file may do any of that with it, and its permissions. A file that is
// not there is open to nobody.
func OpenToOthers(path string, may fs.FileMode) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	mode := info.Mode().Perm()
	return mode, mode&may != 0
}

// ReadFile reads a file of at most limit bytes; a longer one is an error.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text bytes.Buffer
	if n, err := text.ReadFrom(io.LimitReader(f, limit+1)); err != nil || n <= limit {
		return text.Bytes(), err
	}
	return nil, fmt.Errorf("%s: longer than %d KiB", path, limit>>10)
}

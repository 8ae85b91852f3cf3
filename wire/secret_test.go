package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"docker-dispatch/wire/logfmt"
)

// TestSecret prints one in every way that there is.
func TestSecret(t *testing.T) {
	type login struct {
		User     string
		Password Secret
		Old      []Secret
		Next     *Secret
		err      error
	}
	const text = "hunter2"
	next := Secret(text)
	l := login{"bob", text, []Secret{text}, &next, fmt.Errorf("with %v", next)}
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%5.2s"} {
		fmt.Fprintf(&b, verb+verb+verb, next, l, &l)
	}
	fmt.Fprint(&b, errors.Join(l.err), next, l)
	logfmt.New(&b, logfmt.Info).Info("login", "password", next, "login", l, "error", l.err)
	for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprintf("%d", []byte(text))} {
		if strings.Contains(b.String(), form) {
			t.Errorf("%q is told in\n%s", form, b.String())
		}
	}
	if out, err := json.Marshal(l); err != nil || string(out) != `{"User":"bob","Password":"hunter2","Old":["hunter2"],"Next":"hunter2"}` {
		t.Errorf("as JSON it is %s, %v", out, err)
	}
}

func TestReadSecret(t *testing.T) {
	path := t.TempDir() + "/password"
	for _, c := range []struct {
		text, want string
		err        string // after the path
	}{
		{"hunter2", "hunter2", ""},
		{"hunter2\n", "hunter2", ""},
		{"hunter2\r\n", "hunter2", ""},
		{" hunter 2 ", " hunter 2 ", ""},
		{"hunter2\n\n", "", "it has more than one line, or a NUL; it is to have the password alone"},
		{"hunter2\nguest\n", "", "it has more than one line, or a NUL; it is to have the password alone"},
		{"guest\x00hunter2", "", "it has more than one line, or a NUL; it is to have the password alone"},
		{"\n", "", "it is empty"},
		{"", "", "it is empty"},
		{strings.Repeat("p", 4096), strings.Repeat("p", 4096), ""},
		{strings.Repeat("p", 4097), "", "longer than 4 KiB"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecret(path)
		if c.err != "" {
			c.err = "wire: password file: " + path + ": " + c.err
		}
		if string(got) != c.want || err == nil && c.err != "" || err != nil && err.Error() != c.err {
			t.Errorf("%.30q: got %.30q, %v; want %.30q, %q", c.text, string(got), err, c.want, c.err)
		}
	}
	if _, err := ReadSecret(path + "/none"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestOpenToOthers(t *testing.T) {
	path := t.TempDir() + "/key"
	if _, open := OpenToOthers(path, AnyAccess); open {
		t.Error("a file that is not there is open")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode][2]bool{
		0o600: {}, 0o400: {}, 0o700: {}, 0o640: {true, false}, 0o604: {true, false}, 0o660: {true, true}, 0o602: {true, true},
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, any := OpenToOthers(path, AnyAccess)
		_, write := OpenToOthers(path, WriteAccess)
		if got != mode || any != want[0] || write != want[1] {
			t.Errorf("%04o: got %04o, %t, %t", mode, got, any, write)
		}
	}
}

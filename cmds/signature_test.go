package cmds

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"docker-dispatch/wire"
)

// The key whose 32 bytes are 0 to 31, and its signature of knownBody with the id m1 in the queue jobs, as another implementation has
// made them.
const (
	knownPEM    = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n"
	knownPublic = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
	knownMoment = "2026-01-02T03:04:05Z"
	knownSum    = "67duI/GpeRE5L0sJxSFXZhm4nh/8z09gRAb/v/cSTV/YLS7BMtdzk8HoQduNThMLXvu3CjzgmWML6sg5qEL9CQ=="
	knownBody   = `{"Dockercmd":"ps"}`
)

// knownSeed is that key, and knownVerifier one that knows it as alice, beside another's.
var knownSeed = []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f")

func knownKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(knownSeed) }

func knownVerifier(t testing.TB) *Verifier {
	t.Helper()
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)).Public().(ed25519.PublicKey)
	path := filepath.Join(t.TempDir(), "keys")
	writeFile(t, path, "bob "+base64.StdEncoding.EncodeToString(other)+"\nalice "+knownPublic+"\n")
	v, err := NewVerifier(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signed is a delivery of the known message with that header.
func signed(header any) wire.Delivery {
	return wire.Delivery{Properties: wire.Properties{MessageID: "m1", Headers: map[string]any{HeaderSignature: header}}, Queue: "jobs", Body: []byte(knownBody)}
}

func TestSignIsKnown(t *testing.T) {
	at, _ := time.Parse(time.RFC3339, knownMoment)
	if got, want := Sign(knownKey(), "jobs", "m1", at, []byte(knownBody)), "v1 "+knownMoment+" "+knownSum; got != want {
		t.Errorf("signed\n%s, want\n%s", got, want)
	}
}

func TestVerify(t *testing.T) {
	sum := func(moment string) string {
		return base64.StdEncoding.EncodeToString(ed25519.Sign(knownKey(), signedText("jobs", "m1", moment, []byte(knownBody))))
	}
	right := "v1 " + knownMoment + " " + knownSum
	stranger := Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)), "jobs", "m1", time.Now(), []byte(knownBody))
	const none = "of no key that is known here"
	for _, tt := range []struct {
		name   string
		header any
		bend   func(d *wire.Delivery)
		want   string // in the error; "" is none
	}{
		{"right", right, nil, ""},
		{"as bytes", []byte(right), nil, ""},
		{"of any age, at first", "v1 1985-04-12T23:20:50.52Z " + sum("1985-04-12T23:20:50.52Z"), nil, ""},
		{"another zone", "v1 2026-01-02T04:04:05+01:00 " + sum("2026-01-02T04:04:05+01:00"), nil, ""},
		{"the same instant, otherwise written", "v1 2026-01-02T04:04:05+01:00 " + knownSum, nil, none},
		{"another time", "v1 2026-01-02T03:04:06Z " + knownSum, nil, none},
		{"another key", stranger, nil, none},
		{"another body", right, func(d *wire.Delivery) { d.Body = []byte(`{"Dockercmd":"pS"}`) }, none},
		{"a longer body", right, func(d *wire.Delivery) { d.Body = append(d.Body, ' ') }, none},
		{"another queue", right, func(d *wire.Delivery) { d.Queue = "jobs2" }, none},
		{"another id", right, func(d *wire.Delivery) { d.MessageID = "m2" }, none},
		{"bytes moved from the id to the queue", right, func(d *wire.Delivery) { d.Queue, d.MessageID = "jobsm", "1" }, none},
		{"no id", right, func(d *wire.Delivery) { d.MessageID = "" }, "the message has no message_id"},
		{"a body that is too long", right, func(d *wire.Delivery) { d.Body = make([]byte, testMaxBody+1) }, "-max-body allows"},
		{"no headers", right, func(d *wire.Delivery) { d.Headers = nil }, "there is none, and messages have to be signed here"},
		{"another header", right, func(d *wire.Delivery) { d.Headers = map[string]any{"Docker-Dispatch-Signature": right} }, "there is none"},
		{"a number", int64(1), nil, "not a string"},
		{"nothing", nil, nil, "not a string"},
		{"a list", []any{right}, nil, "not a string"},
		{"a table", map[string]any{"v1": right}, nil, "not a string"},
		{"empty", "", nil, `"": not "v1 TIME BASE64"`},
		{"too long", right + strings.Repeat(" ", 100), nil, "bytes; one has at most 160"},
		{"another version", strings.Replace(right, "v1", "v2", 1), nil, `not "v1 TIME BASE64"`},
		{"words twice", right + " " + knownSum[:8], nil, `not "v1 TIME BASE64"`},
		{"two spaces", strings.Replace(right, " ", "  ", 1), nil, `not "v1 TIME BASE64"`},
		{"a tab", strings.Replace(right, " ", "\t", 1), nil, `not "v1 TIME BASE64"`},
		{"a space before", " " + right, nil, `not "v1 TIME BASE64"`},
		{"a newline behind", right + "\n", nil, "not the base64 of 64 bytes"},
		{"an escape", "v1 \x1b[2J " + knownSum, nil, `"\x1b[2J": not a time`},
		{"cut", right[:len(right)-4], nil, "not the base64 of 64 bytes"},
		{"a byte more", "v1 " + knownMoment + " " + strings.TrimSuffix(knownSum, "==") + "AA", nil, "not the base64 of 64 bytes"},
		{"no padding", strings.TrimSuffix(right, "=="), nil, "not the base64 of 64 bytes"},
		{"the alphabet of URLs", strings.ReplaceAll(right, "/", "_"), nil, "not the base64 of 64 bytes"},
		{"a newline within", right[:60] + "\n" + right[60:], nil, "not the base64 of 64 bytes"},
		{"trailing bits", strings.Replace(right, "CQ==", "CR==", 1), nil, "not the base64 of 64 bytes"},
		{"zeros", "v1 " + knownMoment + " " + base64.StdEncoding.EncodeToString(make([]byte, 64)), nil, none},
		{"no time", "v1 - " + sum("-"), nil, "not a time"},
		{"Unix time", "v1 1767323045 " + sum("1767323045"), nil, "not a time"},
		{"a leap second", "v1 2016-12-31T23:59:60Z " + sum("2016-12-31T23:59:60Z"), nil, "not a time"},
		{"a day that is none", "v1 2026-02-29T00:00:00Z " + sum("2026-02-29T00:00:00Z"), nil, "not a time"},
		{"a time without zone", "v1 2026-01-02T03:04:05 " + sum("2026-01-02T03:04:05"), nil, "not a time"},
		{"a short hour", "v1 2026-01-02T3:04:05Z " + sum("2026-01-02T3:04:05Z"), nil, "not a time"},
		{"a comma", "v1 2026-01-02T03:04:05,5Z " + sum("2026-01-02T03:04:05,5Z"), nil, "not a time"},
		{"small letters", "v1 2026-01-02t03:04:05z " + sum("2026-01-02t03:04:05z"), nil, "not a time"},
	} {
		v := knownVerifier(t)
		d := signed(tt.header)
		if tt.bend != nil {
			tt.bend(&d)
		}
		s := v.verify(&d, testMaxBody)
		var denied *Denied
		switch {
		case tt.want == "" && (s.err != nil || s.signer != "alice" || d.Headers[HeaderSignature] != string(s.text(d))):
			t.Errorf("%s: %v, signed by %q", tt.name, s.err, s.signer)
		case tt.want != "" && (!errors.As(s.err, &denied) || s.signer != "" || !strings.HasPrefix(s.err.Error(), "Signature: ") || !strings.Contains(s.err.Error(), tt.want)):
			t.Errorf("%s: %v, want %s", tt.name, s.err, tt.want)
		}
	}
}

// text is the header that a verified delivery has.
func (s seal) text(d wire.Delivery) string {
	signed, _, _ := parseSignature(d.Headers)
	return signed.text
}

// A signature is good for a while, and a dispatcher's own for its further attempts.
func TestStale(t *testing.T) {
	for _, tt := range []struct {
		name    string
		after   time.Duration // since it was signed
		attempt int64
		user    string
		want    string
	}{
		{"at once", 0, 0, "", ""},
		{"old", time.Hour, 0, "", ""},
		{"too old", time.Hour + time.Second, 0, "", "Signature: signed at 1999-12-31T22:59:59Z, and here it is 2000-01-01T00:00:00Z: longer ago than -verify-age, 1h0m0s"},
		{"ahead", -time.Minute, 0, "", ""},
		{"too far ahead", -time.Minute - time.Second, 0, "", "Signature: signed at 2000-01-01T00:01:01Z, and here it is 2000-01-01T00:00:00Z: more than 1m0s ahead"},
		{"an attempt of ours", 24 * time.Hour, 2, "us", ""},
		{"a first one of ours", 24 * time.Hour, 1, "us", "longer ago"},
		{"an attempt of others", 24 * time.Hour, 2, "them", "longer ago"},
		{"an attempt of nobody", 24 * time.Hour, 2, "", "longer ago"},
		{"an attempt of ours, ahead", -24 * time.Hour, 2, "us", "ahead"},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := knownVerifier(t)
			v.User = "us"
			d := signed(Sign(knownKey(), "jobs", "m1", time.Now().Add(-tt.after), []byte(knownBody)))
			d.Headers[headerAttempt], d.UserID = tt.attempt, tt.user
			s := v.verify(&d, testMaxBody)
			if s.err != nil {
				t.Fatal(s.err)
			}
			if err := v.stale(s); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
		})
	}
}

// A broker's user that nobody knows proves nothing.
func TestNoLoginProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := knownVerifier(t)
		d := signed(Sign(knownKey(), "jobs", "m1", time.Now().Add(-2*time.Hour), []byte(knownBody)))
		d.Headers[headerAttempt] = int64(2)
		if err := v.stale(v.verify(&d, testMaxBody)); err == nil {
			t.Error("an old signature is good")
		}
	})
}

func TestReadKeys(t *testing.T) {
	other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32))
	many := func(count int) (text string) {
		for i := range count {
			text += fmt.Sprintf("k%d %s\n", i, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(i)}, 32)))
		}
		return text
	}
	for _, tt := range []struct {
		name, text, want string // the names, or what the error has
	}{
		{"one", "alice " + knownPublic, "alice"},
		{"two, with comments", "# keys\n\n  alice\t" + knownPublic + "\r\n#bob x\nbob@host.example-1_ " + other + "\n", "alice bob@host.example-1_"},
		{"as many as there may be", many(64), strings.TrimSpace(strings.Join(ids64(), " "))},
		{"too many", many(65), "65 of them; 64 are as many"},
		{"empty", "", "there is none; docker-dispatch keygen"},
		{"comments alone", "# alice " + knownPublic + "\n", "there is none"},
		{"a name alone", "\nalice\n", "line 2: 1 words; a line is NAME BASE64"},
		{"a comment behind", "alice " + knownPublic + " # x\n", "line 1: 4 words"},
		{"a name of control characters", "al\x1bice " + knownPublic, `line 1: key's name "al\x1bice"`},
		{"a name that begins with a dot", ".alice " + knownPublic, "line 1: key's name"},
		{"a long name", strings.Repeat("a", 65) + " " + knownPublic, "line 1: key's name"},
		{"no base64", "alice ???", `line 1: alice: "???" is not the base64 of 32 bytes`},
		{"a short key", "alice AAAA", "is not the base64 of 32 bytes"},
		{"no padding", "alice " + strings.TrimSuffix(knownPublic, "="), "is not the base64 of 32 bytes"},
		{"the alphabet of URLs", "alice " + strings.ReplaceAll(knownPublic, "/", "_"), "is not the base64 of 32 bytes"},
		{"trailing bits", "alice " + strings.Replace(knownPublic, "bg=", "bh=", 1), "is not the base64 of 32 bytes"},
		{"a private key", knownPEM, "line 1: 3 words"},
		{"a name twice", "alice " + knownPublic + "\nalice " + other, "line 2: the name alice is there twice"},
		{"a key twice", "alice " + knownPublic + "\nbob " + knownPublic, "line 2: bob is the key of alice too"},
		{"a long file", strings.Repeat("\n", keysLen+1), "longer than 64 KiB"},
		{"a long line", "#" + strings.Repeat("x", keysLen-1), "there is none"},
	} {
		path := filepath.Join(t.TempDir(), "keys")
		writeFile(t, path, tt.text)
		keys, err := ReadKeys(path)
		var got string
		for _, k := range keys {
			got += " " + k.Name
		}
		if err != nil {
			got = " " + err.Error()
		}
		if got != " "+tt.want && (err == nil || !strings.Contains(got, tt.want) || !utf8.ValidString(got) || strings.ContainsFunc(got, deceptive)) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if _, err := ReadKeys(filepath.Join(t.TempDir(), "none")); err == nil || !strings.HasPrefix(err.Error(), "cmds: keys: open ") {
		t.Error(err)
	}
}

func ids64() (names []string) {
	for i := range 64 {
		names = append(names, fmt.Sprint("k", i))
	}
	return names
}

// Keys are read anew, or stay as they were.
func TestReread(t *testing.T) {
	v := knownVerifier(t)
	d := signed("v1 " + knownMoment + " " + knownSum)
	writeFile(t, v.path, "alice ?\n")
	if err := v.Reread(); err == nil || v.verify(&d, testMaxBody).signer != "alice" {
		t.Errorf("a broken file: %v", err)
	}
	writeFile(t, v.path, "carol "+knownPublic+"\n")
	if err := v.Reread(); err != nil || v.verify(&d, testMaxBody).signer != "carol" {
		t.Errorf("another file: %v", err)
	}
}

func TestMakeKey(t *testing.T) {
	t.Chdir(t.TempDir())
	line, err := MakeKey("alice")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ReadPrivateKey("alice.key")
	if want := "alice " + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)); err != nil || line != want {
		t.Errorf("%v: %s, want %s", err, line, want)
	}
	if mode, open := wire.OpenToOthers("alice.key", wire.AnyAccess); open || mode != 0o600 {
		t.Errorf("the mode is %o", mode)
	}
	for _, name := range []string{"alice", "", "../bob", "/bob", "a b", "#a", "-a", ".a", "é", strings.Repeat("a", 65)} {
		if line, err := MakeKey(name); err == nil {
			t.Errorf("%q: %s", name, line)
		}
	}
	if files, _ := os.ReadDir("."); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
}

func TestReadPrivateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for text, ok := range map[string]bool{
		knownPEM: true, "Bag Attributes\n" + knownPEM: true, "": false, "x": false, strings.Replace(knownPEM, "MC4C", "MC5C", 1): false,
		strings.ReplaceAll(knownPEM, "PRIVATE KEY", "EC PRIVATE KEY"): true, strings.Repeat("x", keysLen+1): false,
	} {
		writeFile(t, path, text)
		key, err := ReadPrivateKey(path)
		if ok != (err == nil) || ok && !key.Equal(knownKey()) || err != nil && strings.Contains(err.Error(), "AAEC") {
			t.Errorf("%.80q: %v", text, err)
		}
	}
	if _, err := ReadPrivateKey(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("there is none")
	}
}

// TestOpenssl has openssl make a key and sign with it, by the words of the documentation alone.
func TestOpenssl(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl, the other implementation, is not installed")
	}
	t.Chdir(t.TempDir())
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.Command("openssl", args...).Output()
		if err != nil {
			t.Fatal(args, err)
		}
		return out
	}
	run("genpkey", "-algorithm", "ed25519", "-out", "k.key")
	public := run("pkey", "-in", "k.key", "-pubout", "-outform", "DER")
	if key, err := ReadPrivateKey("k.key"); err != nil || !bytes.HasSuffix(public, key.Public().(ed25519.PublicKey)) {
		t.Fatal(err)
	}
	writeFile(t, "keys", "k "+base64.StdEncoding.EncodeToString(public[len(public)-32:])+"\n")
	writeFile(t, "message", "docker-dispatch message v1\n4:jobs,2:m1,20:"+knownMoment+",18:"+knownBody+",")
	sum := run("pkeyutl", "-sign", "-inkey", "k.key", "-rawin", "-in", "message")
	v, err := NewVerifier("keys", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	d := signed("v1 " + knownMoment + " " + base64.StdEncoding.EncodeToString(sum))
	if s := v.verify(&d, testMaxBody); s.err != nil || s.signer != "k" {
		t.Error(s.err)
	}
}

// FuzzSignatureHeader: a header that nobody has signed is refused in one bounded line, whatever it is.
func FuzzSignatureHeader(f *testing.F) {
	right := "v1 " + knownMoment + " " + knownSum
	for _, header := range []string{
		right, "", "v1", "v1  ", right + "\n", strings.Replace(right, "Z", "+00:00", 1), strings.Replace(right, "/", "_", 1),
		strings.Replace(right, "CQ==", "CR==", 1), right[:40], "v1 2016-12-31T23:59:60Z " + knownSum, strings.Repeat("v1 ", 60), "v2" + right[2:],
	} {
		f.Add(header)
	}
	v := knownVerifier(f)
	f.Fuzz(func(t *testing.T, header string) {
		d := signed(header)
		s := v.verify(&d, testMaxBody)
		if header == right {
			if s.err != nil {
				t.Error(s.err)
			}
			return
		}
		if s.err == nil {
			t.Fatalf("%q is %s's signature", header, s.signer)
		}
		if text := s.err.Error(); len(text) > errorLen || !utf8.ValidString(text) || strings.ContainsFunc(text, deceptive) {
			t.Errorf("%q: the error is %q", header, text)
		}
	})
}

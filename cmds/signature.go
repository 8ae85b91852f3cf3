package cmds

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"docker-dispatch/wire"
)

// HeaderSignature is that of a signed message: "v1 TIME BASE64", a time of RFC 3339 and the 64 bytes of an Ed25519 signature (RFC
// 8032). Signed are the line of signedFormat and, each as a netstring ("3:abc,"), the queue, the message_id, TIME as it is written
// in the header, and the body.
const HeaderSignature = "docker-dispatch-signature"

const signedFormat = "docker-dispatch message v1\n"

const (
	signatureVersion = "v1"
	signatureLen     = 160         // bytes of the header: a time has 20 to 35, the signature 88
	signatureSkew    = time.Minute // that the signer's clock may be ahead

	keysMost    = 64       // each is tried for a message that none has signed: 0.1 ms, and 2 ms for each MiB of its body
	keysLen     = 64 << 10 // bytes of their file
	keyNameLen  = 64
	keyFileMode = 0o600
)

// base64Strict takes one spelling for one value.
var base64Strict = base64.StdEncoding.Strict()

// Key is who may sign.
type Key struct {
	Name   string
	Public ed25519.PublicKey
}

// ReadKeys reads a file with a line NAME BASE64 for each key, the base64 of its 32 bytes, beside blank lines and those that begin
// with #. Whatever else is in it is an error with the number of its line.
func ReadKeys(path string) ([]Key, error) {
	text, err := wire.ReadFile(path, keysLen)
	if err != nil {
		return nil, fmt.Errorf("cmds: keys: %w", err)
	}
	keys, err := parseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("cmds: keys %.200q: %w", path, err)
	}
	return keys, nil
}

func parseKeys(text string) (keys []Key, err error) {
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		key, err := parseKey(fields, keys)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		keys = append(keys, key)
	}
	switch {
	case len(keys) == 0:
		err = errors.New("there is none; docker-dispatch keygen prints the line of one")
	case len(keys) > keysMost:
		err = fmt.Errorf("%d of them; %d are as many as are tried", len(keys), keysMost)
	}
	return keys, err
}

// parseKey reads a line that is not to repeat any of those before.
func parseKey(fields []string, before []Key) (k Key, err error) {
	if len(fields) != 2 {
		return k, fmt.Errorf("%d words; a line is NAME BASE64", len(fields))
	}
	if k.Name = fields[0]; !isKeyName(k.Name) {
		return k, badKeyName(k.Name)
	}
	public, err := base64Strict.DecodeString(fields[1])
	if err != nil || len(public) != ed25519.PublicKeySize {
		return k, fmt.Errorf("%s: %s is not the base64 of %d bytes; docker-dispatch keygen prints them", k.Name, excerptText(fields[1]), ed25519.PublicKeySize)
	}
	k.Public = public
	for _, other := range before {
		switch {
		case other.Name == k.Name:
			return k, fmt.Errorf("the name %s is there twice", k.Name)
		case other.Public.Equal(k.Public):
			return k, fmt.Errorf("%s is the key of %s too: leave one of the two out", k.Name, other.Name)
		}
	}
	return k, nil
}

func isKeyName(s string) bool {
	return s != "" && len(s) <= keyNameLen && only(s, "._-@") && only(s[:1], "")
}

func badKeyName(s string) error {
	return fmt.Errorf("key's name %s: 1 to %d letters, digits, and . _ - @ behind the first", excerptText(s), keyNameLen)
}

// pkcs8Head and the 32 bytes of a private key are its PKCS #8 (RFC 8410 §7).
const pkcs8Head = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"

// MakeKey writes a new private key to the file NAME.key, which must not be there, as PEM and for its owner alone. It returns the line
// for the file of those who verify.
func MakeKey(name string) (line string, err error) {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	if err := writeKey(name, seed); err != nil {
		return "", fmt.Errorf("cmds: making a key: %w", err)
	}
	public := ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:]
	return name + " " + base64Strict.EncodeToString(public), nil
}

func writeKey(name string, seed []byte) error {
	if !isKeyName(name) {
		return badKeyName(name)
	}
	file, err := os.OpenFile(name+".key", os.O_WRONLY|os.O_CREATE|os.O_EXCL, keyFileMode)
	if err != nil {
		return err
	}
	body := base64Strict.EncodeToString(append([]byte(pkcs8Head), seed...))
	_, err = file.WriteString("-----BEGIN PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n")
	return errors.Join(err, file.Close())
}

// ReadPrivateKey reads an Ed25519 key as MakeKey and openssl genpkey write it. Errors have nothing of what is in it.
func ReadPrivateKey(path string) (ed25519.PrivateKey, error) {
	text, err := wire.ReadFile(path, keysLen)
	if err != nil {
		return nil, fmt.Errorf("cmds: private key: %w", err)
	}
	if block, _ := pem.Decode(text); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if private, is := key.(ed25519.PrivateKey); is {
				return private, nil
			}
		}
	}
	return nil, fmt.Errorf("cmds: private key %.200q: no Ed25519 key in PEM (PKCS #8); docker-dispatch keygen makes one, or openssl genpkey -algorithm ed25519", path)
}

// Sign makes the value of HeaderSignature for a message.
func Sign(key ed25519.PrivateKey, queue, messageID string, at time.Time, body []byte) string {
	moment := at.UTC().Format(time.RFC3339)
	sum := ed25519.Sign(key, signedText(queue, messageID, moment, body))
	return signatureVersion + " " + moment + " " + base64Strict.EncodeToString(sum)
}

func signedText(queue, messageID, moment string, body []byte) []byte {
	text := make([]byte, 0, len(body)+1<<10) // queue and id have up to 255 bytes each
	text = fmt.Appendf(text, "%s%d:%s,%d:%s,%d:%s,%d:", signedFormat, len(queue), queue, len(messageID), messageID, len(moment), moment, len(body))
	return append(append(text, body...), ',')
}

// signature is the header, taken apart.
type signature struct {
	text   string // the whole header
	moment string // as it is written
	at     time.Time
	sum    []byte // 64 bytes
}

// parseSignature reads the header. Its errors are for Denied.
func parseSignature(headers map[string]any) (s signature, value, problem string) {
	header, there := headers[HeaderSignature]
	switch v := header.(type) {
	case string:
		s.text = v
	case []byte:
		s.text = string(v)
	default:
		if !there {
			return s, "", "there is none, and messages have to be signed here"
		}
		return s, "", "not a string"
	}
	if len(s.text) > signatureLen {
		return s, "", fmt.Sprintf("%d bytes; one has at most %d", len(s.text), signatureLen)
	}
	words := strings.Split(s.text, " ")
	if len(words) != 3 || words[0] != signatureVersion {
		return s, excerptText(s.text), `not "v1 TIME BASE64"`
	}
	var err error
	s.moment = words[1]
	s.at, err = time.Parse(time.RFC3339, s.moment)
	if err != nil || strings.Contains(s.moment, ",") || !strings.HasPrefix(s.moment, s.at.Format("2006-01-02T15:04:05")) { // Parse alone takes more
		return s, excerptText(s.moment), "not a time (RFC 3339)"
	}
	s.sum, err = base64Strict.DecodeString(words[2])
	if err != nil || len(words[2]) != base64Strict.EncodedLen(ed25519.SignatureSize) || len(s.sum) != ed25519.SignatureSize {
		return s, excerptText(words[2]), fmt.Sprintf("not the base64 of %d bytes", ed25519.SignatureSize)
	}
	return s, "", ""
}

// use is what is remembered of the signature when the message is done with: each attempt is one.
func (s signature) use(attempt int) use {
	return use{s.at.Unix(), sha256.Sum256(fmt.Appendf(nil, "%s%d", s.sum, attempt))}
}

// seal is what a dispatcher knows of a delivery's signature. The zero value is one that was not asked for.
type seal struct {
	signer string
	moment string
	at     time.Time
	use    use
	own    bool  // a dispatcher has published it, as a further attempt at what was accepted
	err    error // why the message is refused, a *Denied
}

// Verifier holds messages to be signed, lately and once. Nil asks for nothing.
type Verifier struct {
	User string // the dispatchers' login at the broker, which it has checked where a delivery has it; "" is not known

	path string
	age  time.Duration
	keys atomic.Pointer[[]Key]
	uses uses
}

// NewVerifier takes messages that were signed no longer ago than age, by a key of that file.
func NewVerifier(path string, age time.Duration) (*Verifier, error) {
	v := &Verifier{path: path, age: age, uses: uses{age: age, most: usesMost}}
	return v, v.Reread()
}

// Reread reads the file of keys anew. With an error the keys stay as they were.
func (v *Verifier) Reread() error {
	keys, err := ReadKeys(v.path)
	if err == nil {
		v.keys.Store(&keys)
	}
	return err
}

// Remember has the used signatures written to a file, and reads those that are there. No other dispatcher may have the file. Close the
// verifier then.
func (v *Verifier) Remember(path string) error { return v.uses.open(path) }

// Close ends what Remember began.
func (v *Verifier) Close() { v.uses.close() }

// verify tells whose the signature is, without a look at the clock and at what is used.
func (v *Verifier) verify(d *wire.Delivery, maxBody int) (s seal) {
	signed, value, problem := parseSignature(d.Headers)
	switch {
	case problem != "":
	case d.MessageID == "":
		problem = "the message has no message_id, which has to be signed too"
	case len(d.Body) > maxBody:
		problem = fmt.Sprintf("the message has %d bytes; -max-body allows %d", len(d.Body), maxBody)
	default:
		if s.signer = v.signer(d, signed); s.signer == "" {
			problem = fmt.Sprintf("of no key that is known here, or not of this message: body, queue (%.255q), message_id and time are signed", d.Queue)
		}
	}
	if problem != "" {
		return seal{err: badSignature(value, problem)}
	}
	if raw, is := d.Headers[HeaderSignature].([]byte); is { // of which a claim would make another text
		d.Headers = maps.Clone(d.Headers)
		d.Headers[HeaderSignature] = string(raw)
	}
	n := attempt(d.Headers)
	s.moment, s.at, s.use = signed.moment, signed.at, signed.use(n)
	s.own = n > 1 && v.User != "" && d.UserID == v.User
	return s
}

// signer is the name of the key that fits; "" is none.
func (v *Verifier) signer(d *wire.Delivery, signed signature) string {
	text := signedText(d.Queue, d.MessageID, signed.moment, d.Body)
	for _, key := range *v.keys.Load() {
		if ed25519.Verify(key.Public, text, signed.sum) {
			return key.Name
		}
	}
	return ""
}

// errUsed refuses what was done.
var errUsed = badSignature("", "seen before: a signature is good once; sign the message again")

func badSignature(value, problem string) error {
	return &Denied{Key: "Signature", Value: value, Problem: problem}
}

// stale says why a signature is good no more, or not yet.
func (v *Verifier) stale(s seal) error {
	now := time.Now()
	problem := ""
	switch {
	case s.at.After(now.Add(signatureSkew)):
		problem = fmt.Sprintf("signed at %s, and here it is %s: more than %v ahead", s.moment, now.UTC().Format(time.RFC3339), signatureSkew)
	case !s.own && now.Sub(s.at) > v.age:
		problem = fmt.Sprintf("signed at %s, and here it is %s: longer ago than -verify-age, %v", s.moment, now.UTC().Format(time.RFC3339), v.age)
	case v.uses.has(s.use, s.own):
		return errUsed
	default:
		return nil
	}
	return badSignature("", problem)
}

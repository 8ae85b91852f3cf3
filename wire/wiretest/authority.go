package wiretest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"testing"
	"time"
)

// Authority signs certificates, and keeps them in files as TLS programs read them: in PEM, for their owner only.
type Authority struct {
	File string // its own certificate

	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Identity is a certificate of an Authority and its key.
type Identity struct{ Cert, Key string }

// NewAuthority makes one that keeps its files in a directory, under the name ca.pem.
func NewAuthority(t testing.TB, dir string) *Authority {
	t.Helper()
	a := &Authority{File: dir + "/ca.pem", t: t, dir: dir}
	template := certificate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.cert, a.key = template, a.newKey()
	a.cert = a.sign(template, a.key)
	a.write(a.File, "CERTIFICATE", a.cert.Raw)
	return a
}

// Issue makes the certificate of a name, for servers on the host localhost and for clients, valid for an hour, in NAME.pem and
// NAME-key.pem. Bend changes what is signed; nil changes nothing.
func (a *Authority) Issue(name string, bend func(*x509.Certificate)) Identity {
	a.t.Helper()
	template := certificate(name)
	template.DNSNames = []string{"localhost"}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	if bend != nil {
		bend(template)
	}
	key := a.newKey()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	id := Identity{a.dir + "/" + name + ".pem", a.dir + "/" + name + "-key.pem"}
	a.write(id.Cert, "CERTIFICATE", a.sign(template, key).Raw)
	a.write(id.Key, "PRIVATE KEY", der)
	return id
}

// Expired is a bend for Issue.
func Expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
}

// Load reads an identity's files.
func (id Identity) Load(t testing.TB) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(id.Cert, id.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Pool has the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(time.Hour),
	}
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a *Authority) write(path, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// pemLen bounds each file of certificates: those of a system's authorities have some 220 KiB.
const pemLen = 1 << 20

// TLS is how both ends of a connection prove who they are, by files in PEM. TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) are spoken.
// The files are read anew for each connection, since certificates are renewed. The zero value verifies the peer by the system's
// authorities, and has no certificate of its own.
type TLS struct {
	CA         string // the authorities one of which has to have signed the peer's certificate; "" is those of the system
	Cert, Key  string // our own certificate, with those between it and its authority behind it, and its key; "" is none
	Name       string // the host that the peer's certificate has to be for; "" is the one that is dialled
	Unverified bool   // whoever answers is taken for the peer; CA and Name mean nothing then
}

// Distrust is a peer and we that do not accept each other's certificates, or do not both speak TLS. To try again helps only
// when a person has mended something.
type Distrust struct {
	Err  error  // in the words of crypto/tls or crypto/x509, which may have the peer's
	Mend string // what to do about it
}

func (d *Distrust) Error() string {
	return fmt.Sprintf("wire: TLS: %.300s; %s", quoteControls(d.Err), d.Mend)
}

// Unwrap returns the cause.
func (d *Distrust) Unwrap() error { return d.Err }

// quoteControls is an error on one line: names in a certificate are the peer's own.
func quoteControls(err error) string {
	quoted := strconv.Quote(err.Error())
	return quoted[1 : len(quoted)-1]
}

// Check reads the files.
func (t *TLS) Check() error {
	_, err := t.config("")
	return err
}

// Client makes TLS of a connection to a host, as its client. When that fails with a *Distrust, and when ctx ends first, the
// connection is of no more use. In TLS 1.3 a client's handshake is over before the peer has looked at its certificate: the
// alert of one that refuses it (RFC 8446 section 4.4.2.4) fails the first Read with a *Distrust.
func (t *TLS) Client(ctx context.Context, raw net.Conn, host string) (net.Conn, error) {
	config, err := t.config(host)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	err = conn.HandshakeContext(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, t.judge(err)
	}
	return secured{conn, t}, nil
}

func (t *TLS) config(host string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: t.Unverified}
	if t.Name != "" {
		config.ServerName = t.Name
	}
	if err := t.authorities(config); err != nil {
		return nil, err
	}
	return config, t.identify(config)
}

func (t *TLS) authorities(config *tls.Config) error {
	if t.CA == "" || t.Unverified {
		return nil
	}
	text, err := ReadFile(t.CA, pemLen)
	if err != nil {
		return fmt.Errorf("wire: TLS: the authorities' certificates: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("wire: TLS: the authorities' certificates: %s has none in PEM", t.CA)
	}
	return nil
}

// identify puts our own certificate into config.
func (t *TLS) identify(config *tls.Config) error {
	if t.Cert == "" && t.Key == "" {
		return nil
	}
	cert, err := ReadFile(t.Cert, pemLen)
	if err != nil {
		return fmt.Errorf("wire: TLS: the client's certificate: %w", err)
	}
	key, err := ReadFile(t.Key, pemLen)
	if err != nil {
		return fmt.Errorf("wire: TLS: the client's key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("wire: TLS: %s and %s: %w", t.Cert, t.Key, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

// secured is a connection whose Read tells the peer's refusal of our certificate.
type secured struct {
	*tls.Conn
	by *TLS
}

func (s secured) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if isAlert(err) {
		err = s.by.judge(err)
	}
	return n, err
}

// judge makes a *Distrust of what a person has to mend, and leaves a failure of the network as it is.
func (t *TLS) judge(err error) error {
	mend := t.mend(err)
	if mend == "" {
		return err
	}
	return &Distrust{err, mend}
}

func (t *TLS) mend(err error) string {
	var plain tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var misnamed x509.HostnameError
	var unfit x509.CertificateInvalidError
	switch {
	case errors.As(err, &plain):
		return "that port does not speak TLS"
	case errors.As(err, &unknown) && t.CA == "":
		return "no authority that this system knows has signed the peer's certificate: name its authority's file"
	case errors.As(err, &unknown):
		return "no authority in " + t.CA + " has signed the peer's certificate"
	case errors.As(err, &misnamed):
		return "the peer's certificate is for other hosts: use one of their names in the address"
	case errors.As(err, &unfit):
		return "the peer's certificate is to be renewed or replaced"
	case isAlert(err) && t.Cert == "":
		return "the peer may want a client certificate, and there is none"
	case isAlert(err):
		return "the peer may not accept the client certificate in " + t.Cert + ": has its authority signed it, and has it not expired?"
	case isNetwork(err):
		return ""
	}
	return "the peer's TLS and this program's do not go together"
}

// isAlert tells an alert of the peer (RFC 8446 section 6.2).
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// isNetwork tells what has nothing to do with TLS.
func isNetwork(err error) bool {
	var op *net.OpError
	var network net.Error
	if errors.As(err, &op) && op.Op == "local error" { // our own alert
		return false
	}
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxFile bounds the size of a file, in bytes: a chain has a few KiB, a bundle of
// authorities a few hundred.
const maxFile = 4 << 20

// Error says which file is unusable. It never contains any of the file's contents.
type Error struct {
	// File is the file's name.
	File string
	// Key is set for the file with the private key.
	Key bool
	// Err is what is wrong with it.
	Err error
}

// Error returns the file's name and what is wrong with it.
func (e *Error) Error() string {
	var path *fs.PathError
	if errors.As(e.Err, &path) { // its text has the name already
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.File, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Remedy returns what is expected of the file. It completes the sentence "expected …".
func (e *Error) Remedy() string {
	what := "a certificate and its chain in PEM, the server's own first (-----BEGIN CERTIFICATE-----)"
	if e.Key {
		what = "the certificate's private key in PEM, not encrypted (-----BEGIN PRIVATE KEY-----)"
	}
	switch {
	case e.missing():
		return "a file that exists, with " + what
	case errors.Is(e.Err, fs.ErrPermission):
		return "a file that this process may read, with " + what
	default:
		return what
	}
}

func (e *Error) missing() bool { return errors.Is(e.Err, fs.ErrNotExist) }

var (
	errNoCertificate = errors.New("holds no certificate in PEM")
	errNoKey         = errors.New("holds no private key in PEM")
	errEncryptedKey  = errors.New("holds an encrypted private key")
	errOtherKey      = errors.New("holds the key of another certificate")
)

func (p *Pair) parse(certPEM, keyPEM []byte) (*tls.Certificate, error) {
	if _, err := certificates(certPEM); err != nil {
		return nil, &Error{File: p.opts.CertificateFile, Err: err}
	}
	if err := checkKey(keyPEM); err != nil {
		return nil, &Error{File: p.opts.KeyFile, Key: true, Err: err}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		// The certificates parse, so the key is at fault: broken, of an unsupported
		// kind, or of another certificate. The library's error is not passed on,
		// because it might quote from the file.
		return nil, &Error{File: p.opts.KeyFile, Key: true, Err: errOtherKey}
	}
	return &pair, nil
}

func certificates(data []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(found)+1, err)
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, errNoCertificate
	}
	return found, nil
}

func checkKey(data []byte) error {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return errEncryptedKey
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return nil
		}
	}
	return errNoKey
}

// Authorities reads the certificates of authorities, in PEM. The error is an [*Error].
func Authorities(file string) (*x509.CertPool, error) {
	data, err := readBounded(file)
	if err != nil {
		return nil, &Error{File: file, Err: err}
	}
	found, err := certificates(data)
	if err != nil {
		return nil, &Error{File: file, Err: err}
	}
	pool := x509.NewCertPool()
	for _, c := range found {
		pool.AddCert(c)
	}
	return pool, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file) //nolint:gosec // the configuration names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	var data bytes.Buffer
	n, err := io.Copy(&data, io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if n > maxFile {
		return nil, fmt.Errorf("is larger than %d bytes", maxFile)
	}
	return data.Bytes(), nil
}

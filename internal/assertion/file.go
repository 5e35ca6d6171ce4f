package assertion

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

const (
	// maxFile bounds a key file, in bytes; a P-256 key takes 300 bytes of PEM.
	maxFile = 64 << 10
	makeKey = "openssl genpkey -algorithm ed25519 -out assertion.pem"
)

// readKey reads the only private key in a file. Errors name the file and never quote
// from it.
func readKey(name string) (private any, warning string, err error) {
	text, mode, err := readFile(name)
	if err != nil {
		return nil, "", err
	}
	if runtime.GOOS != "windows" { // there, mode bits say nothing about who may read
		if mode.Perm()&0o022 != 0 {
			return nil, "", fmt.Errorf("%s: others can write to it (mode %04o) and replace the key: chmod 600 %s", name, mode.Perm(), name)
		}
		// A warning only: a Kubernetes secret is mounted like this by default.
		if mode.Perm()&0o004 != 0 {
			warning = fmt.Sprintf("%s: everybody can read it (mode %04o): chmod 600 %s, or defaultMode: 0400 for a Kubernetes secret", name, mode.Perm(), name)
		}
	}
	if private, err = parsePEM(text); err != nil {
		return nil, warning, fmt.Errorf("%s: %w", name, err)
	}
	return private, warning, nil
}

func readFile(name string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err // contains the name
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, 0, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return nil, 0, err
	}
	defer f.Close() //nolint:errcheck // only read from
	// Again, of the open file: the name may lead to another one by now.
	if info, err = f.Stat(); err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(text) > maxFile {
		return nil, 0, fmt.Errorf("%s: larger than %d bytes: not a key file", name, maxFile)
	}
	return text, info.Mode(), nil
}

// parsePEM returns the only private key in the text.
func parsePEM(text []byte) (any, error) {
	var found any
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" { // written by openssl ecparam before the key, which also names its curve
			continue
		}
		if found != nil {
			return nil, errors.New("more than one PEM block: put each key into its own file")
		}
		private, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		found = private
	}
	if found == nil {
		return nil, errors.New("no private key in PEM form; create one with: " + makeKey)
	}
	if len(bytes.TrimSpace(text)) > 0 && bytes.Contains(text, []byte("-----BEGIN")) {
		return nil, errors.New("a PEM block is broken: copy the file again")
	}
	return found, nil
}

func parseBlock(block *pem.Block) (any, error) {
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, errors.New("the key is encrypted; remove the passphrase with: openssl pkey -in old.pem -out new.pem")
	case block.Type == "PRIVATE KEY":
		return parsed(x509.ParsePKCS8PrivateKey(block.Bytes))
	case block.Type == "EC PRIVATE KEY":
		return parsed(x509.ParseECPrivateKey(block.Bytes))
	case block.Type == "RSA PRIVATE KEY":
		return nil, errors.New("the key is RSA, want P-256 or Ed25519; create one with: " + makeKey)
	case strings.HasSuffix(block.Type, "PUBLIC KEY") || block.Type == "CERTIFICATE":
		return nil, fmt.Errorf("the file holds a %s: name the file with the private key", strings.ToLower(block.Type))
	}
	return nil, fmt.Errorf("PEM block %.40q: want PRIVATE KEY (PKCS #8) or EC PRIVATE KEY; create one with: %s", block.Type, makeKey)
}

// parsed replaces the parser's error, which may quote from the key.
func parsed[K any](private K, err error) (any, error) {
	if err != nil {
		return nil, errors.New("the private key cannot be read: it is damaged, or neither P-256 nor Ed25519; create one with: " + makeKey)
	}
	return private, nil
}

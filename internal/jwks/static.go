package jwks

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Static is a source of one key that never changes. It is safe for concurrent use.
type Static struct{ public *rsa.PublicKey }

const (
	pemBegin = "-----BEGIN PUBLIC KEY-----"
	pemEnd   = "-----END PUBLIC KEY-----"
)

// NewStatic reads the instance's public key from the PEM text that Clerk's
// dashboard shows ("JWKS Public Key": an RSA key in a PUBLIC KEY block).
// Environment variables mangle line breaks, so a block whose lines are joined, or
// separated by spaces or by a literal \n, is read as well. So is the base64 alone,
// without the BEGIN and END lines, as in Clerk's SDKs. The error says what was found
// instead; it completes the sentence "found …".
func NewStatic(text string) (*Static, error) {
	text = strings.NewReplacer(`\r`, "\n", `\n`, "\n").Replace(strings.TrimSpace(text))
	text = strings.Trim(text, "\"' \t\r\n") // quotes an env file left on
	body, begins := strings.CutPrefix(text, pemBegin)
	body, ends := strings.CutSuffix(body, pemEnd)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	switch {
	case !begins && (ends || err != nil || len(der) == 0):
		return nil, errors.New("text that does not begin with " + pemBegin)
	case begins && !ends:
		return nil, errors.New("text that does not end with " + pemEnd)
	case err != nil:
		return nil, fmt.Errorf("text that is not base64 between the PEM lines: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("a PEM block that is not a public key: %w", err)
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("a public key that is not RSA")
	}
	if public.N.BitLen() < 2048 {
		return nil, errors.New("an RSA key shorter than 2048 bits")
	}
	return &Static{public}, nil
}

// Key returns the key for any kid: a configured key is trusted because it is
// configured, whatever its name (docs/protocol.md, 7.16). Clerk signs with RS256 only,
// and its SDK reads the PEM as a key for RS256: for any other algorithm the error is
// [ErrAlgorithm].
func (st *Static) Key(_ context.Context, t *jwt.Token) (*rsa.PublicKey, error) {
	if t.Header["alg"] != jwt.SigningMethodRS256.Alg() {
		return nil, ErrAlgorithm
	}
	return st.public, nil
}

// Generation returns a constant, since the key never changes.
func (st *Static) Generation() uint64 { return 1 }

// Ready returns nil: there is nothing to load.
func (st *Static) Ready(context.Context) error { return nil }

// Close does nothing; it exists so that both kinds of source are used alike.
func (st *Static) Close() {}

package assertion

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// maxKeys bounds the key set: the signing key, its successors and predecessors.
const maxKeys = 8

// Keys are the private keys of this proxy. They are immutable, and safe for concurrent
// use. Printing and logging show key ids only.
type Keys struct {
	signing  key
	ids      []string
	jwks     []byte
	etag     string
	warnings []string
}

// key is a private key with its id, algorithm and public key.
type key struct {
	id      string // RFC 7638 thumbprint
	method  jwt.SigningMethod
	private crypto.Signer
	public  jwk
}

// jwk is a public key in a key set (RFC 7517). The first fields are in the order of the
// thumbprint (RFC 7638).
type jwk struct {
	CRV string `json:"crv"`
	KTY string `json:"kty"`
	X   string `json:"x"`
	Y   string `json:"y,omitempty"`
	USE string `json:"use,omitempty"`
	ALG string `json:"alg,omitempty"`
	KID string `json:"kid,omitempty"`
}

// Load reads one private key from each file, in PEM with PKCS #8 or SEC 1: P-256
// (ES256) or Ed25519 (EdDSA). The first one signs, and all are published. The error
// names every unusable file and what to do about it. What is only unwise is in
// [Keys.Warnings].
func Load(files []string) (*Keys, error) {
	if len(files) == 0 {
		return nil, errors.New("assertion keys: no file is named; create a key with: " + makeKey)
	}
	if len(files) > maxKeys {
		return nil, fmt.Errorf("assertion keys: %d files, want at most %d: remove those that no upstream needs any more", len(files), maxKeys)
	}
	var problems []error
	var warnings []string
	var keys []key
	seen := map[string]string{}
	for _, name := range files {
		private, warning, err := readKey(name)
		if warning != "" {
			warnings = append(warnings, warning)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		k, err := newKey(private)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if other, ok := seen[k.id]; ok {
			problems = append(problems, fmt.Errorf("%s: the same key as in %s: name each key once", name, other))
			continue
		}
		seen[k.id] = name
		keys = append(keys, k)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("assertion keys: %w", err)
	}
	return newKeys(keys, warnings)
}

func newKeys(keys []key, warnings []string) (*Keys, error) {
	ks := &Keys{signing: keys[0], warnings: warnings}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for _, k := range keys {
		ks.ids = append(ks.ids, k.id)
		set.Keys = append(set.Keys, k.public)
	}
	var err error
	if ks.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("assertion keys: %w", err)
	}
	sum := sha256.Sum256(ks.jwks)
	ks.etag = `"` + encode(sum[:16]) + `"`
	return ks, nil
}

// newKey accepts P-256 and Ed25519, which JWT libraries commonly support and whose
// signatures are small and fast.
func newKey(private any) (key, error) {
	var k key
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if p.Curve != elliptic.P256() {
			return key{}, fmt.Errorf("the curve is %s, want P-256 or Ed25519; create a key with: %s", p.Params().Name, makeKey)
		}
		point, err := p.PublicKey.Bytes()
		if err != nil {
			return key{}, fmt.Errorf("public key: %w", err)
		}
		// SEC 1: 4, then the coordinates at their full length.
		k = key{method: jwt.SigningMethodES256, private: p}
		k.public = jwk{CRV: "P-256", KTY: "EC", X: encode(point[1:33]), Y: encode(point[33:])}
	case ed25519.PrivateKey:
		public, ok := p.Public().(ed25519.PublicKey)
		if !ok {
			return key{}, errors.New("no Ed25519 public key")
		}
		k = key{method: jwt.SigningMethodEdDSA, private: p}
		k.public = jwk{CRV: "Ed25519", KTY: "OKP", X: encode(public)}
	default:
		return key{}, fmt.Errorf("the key is neither P-256 nor Ed25519; create one with: %s", makeKey)
	}
	// RFC 7638: only the required members, in order, without white space.
	required, err := json.Marshal(k.public)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(required)
	k.id = encode(sum[:])
	k.public.KID, k.public.ALG, k.public.USE = k.id, k.method.Alg(), "sig"
	return k, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// IDs returns the key ids (RFC 7638 thumbprints); the first is the signing key's.
func (k *Keys) IDs() []string { return append([]string(nil), k.ids...) }

// Warnings returns what is unwise about the key files, each with its remedy, to be
// logged at startup.
func (k *Keys) Warnings() []string { return append([]string(nil), k.warnings...) }

// JWKS returns the public keys as a JSON Web Key Set. It is the same for the same files.
func (k *Keys) JWKS() []byte { return append([]byte(nil), k.jwks...) }

// Format prints the key ids, so that a stray %v does not print a private key.
func (k *Keys) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "assertion keys ["+strings.Join(k.ids, " ")+"]")
}

// LogValue returns the key ids.
func (k *Keys) LogValue() slog.Value { return slog.AnyValue(k.IDs()) }

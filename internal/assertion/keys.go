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

// maxKeys bounds the key set: the one that signs, those that come and those that go.
const maxKeys = 8

// Keys are the private keys of this proxy. They never change; any number of
// goroutines may use them. Printing and logging show key ids alone.
type Keys struct {
	signing  key
	ids      []string
	jwks     []byte
	etag     string
	warnings []string
}

// key is a private key with what its tokens say of it.
type key struct {
	id      string // RFC 7638 thumbprint
	method  jwt.SigningMethod
	private crypto.Signer
	public  jwk
}

// jwk is a public key in a key set (RFC 7517). The order of the first fields is
// that of the thumbprint.
type jwk struct {
	CRV string `json:"crv"`
	KTY string `json:"kty"`
	X   string `json:"x"`
	Y   string `json:"y,omitempty"`
	USE string `json:"use,omitempty"`
	ALG string `json:"alg,omitempty"`
	KID string `json:"kid,omitempty"`
}

// Load reads one private key from each file: PEM, PKCS #8 or SEC 1, P-256 (ES256)
// or Ed25519 (EdDSA). The first one signs, all are published. The error names
// every file that is not as it should be and what to do about it; with an error
// there are no Keys. See [Keys.Warnings] for what is only unwise.
func Load(files []string) (*Keys, error) {
	if len(files) == 0 {
		return nil, errors.New("assertion keys: no file is named; make a key by: " + makeKey)
	}
	if len(files) > maxKeys {
		return nil, fmt.Errorf("assertion keys: %d files, want at most %d: drop those that no upstream needs any more", len(files), maxKeys)
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

// newKey accepts the two kinds of keys that every JWT library verifies and whose
// signatures are small and quick to make.
func newKey(private any) (key, error) {
	var k key
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if p.Curve != elliptic.P256() {
			return key{}, fmt.Errorf("the curve is %s, want P-256 or Ed25519; %s", p.Params().Name, makeKey)
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
		return key{}, fmt.Errorf("the key is neither P-256 nor Ed25519; make one by: %s", makeKey)
	}
	// RFC 7638: the required members alone, in order, without white space.
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

// IDs returns the key ids (RFC 7638 thumbprints), the signing one first.
func (k *Keys) IDs() []string { return append([]string(nil), k.ids...) }

// Warnings returns what is unwise about the key files, each with its remedy, to be
// logged at the start. None means that all is well.
func (k *Keys) Warnings() []string { return append([]string(nil), k.warnings...) }

// JWKS returns the public keys as a JSON Web Key Set, the same bytes for the same
// files.
func (k *Keys) JWKS() []byte { return append([]byte(nil), k.jwks...) }

// Format prints the key ids; private keys must not reach a log by a stray %v.
func (k *Keys) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "assertion keys ["+strings.Join(k.ids, " ")+"]")
}

// LogValue shows the key ids.
func (k *Keys) LogValue() slog.Value { return slog.AnyValue(k.IDs()) }

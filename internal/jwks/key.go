package jwks

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
)

// Failures that [Source.Key] can answer with, to be told apart by errors.Is.
var (
	// ErrUnknownKey says that the key set is loaded and lacks the key id.
	ErrUnknownKey = errors.New("no key with this id")
	// ErrUnavailable says that no key set could be loaded.
	ErrUnavailable = errors.New("key set unavailable")
	// ErrEmpty says that Clerk answered with a set that holds no usable key.
	// It wraps [ErrUnavailable].
	ErrEmpty = fmt.Errorf("%w: no signing keys in it", ErrUnavailable)
	// ErrSecretKeyInvalid says that Clerk refused the secret key.
	ErrSecretKeyInvalid = errors.New("secret key refused")
)

// maxDocument bounds the JWKS document; a real one is below 2 KiB.
const maxDocument = 1 << 20

// Key is a public key and the algorithm it may be used with.
type Key struct {
	Public *rsa.PublicKey
	// Alg is the key's "alg", e.g. "RS256". Empty means that the key names none.
	Alg string
}

// parse reads a JWKS document. Keys that can't sign session tokens (other
// types, other uses, malformed ones) are left out and counted in skipped, so
// that one odd key does not take the good ones with it.
func parse(doc []byte) (keys map[string]Key, skipped int, err error) {
	if len(doc) > maxDocument {
		return nil, 0, fmt.Errorf("%w: document larger than %d bytes", ErrUnavailable, maxDocument)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(doc, &set); err != nil {
		return nil, 0, fmt.Errorf("%w: decode document: %w", ErrUnavailable, err)
	}
	keys = make(map[string]Key, len(set.Keys))
	for _, raw := range set.Keys {
		kid, key, err := parseKey(raw)
		if err != nil {
			skipped++
			continue
		}
		keys[kid] = key // of two keys with one id the later counts, as in Clerk's own client
	}
	if len(keys) == 0 {
		return nil, skipped, ErrEmpty
	}
	return keys, skipped, nil
}

func parseKey(raw json.RawMessage) (string, Key, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", Key{}, err
	}
	if m.KID == "" || m.KTY != jwkset.KtyRSA || (m.USE != "" && m.USE != jwkset.UseSig) {
		return "", Key{}, errors.New("not an RSA signing key with an id")
	}
	// Only what makes the public key is handed on: certificates and their
	// addresses (x5c, x5u) have no part in trust here.
	jwk, err := jwkset.NewJWKFromMarshal(
		jwkset.JWKMarshal{KTY: m.KTY, N: m.N, E: m.E},
		jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{},
	)
	if err != nil {
		return "", Key{}, err
	}
	public, ok := jwk.Key().(*rsa.PublicKey)
	if !ok {
		return "", Key{}, errors.New("not an RSA public key")
	}
	return m.KID, Key{Public: public, Alg: string(m.ALG)}, nil
}

func sameKeys(a, b map[string]Key) bool {
	if len(a) != len(b) {
		return false
	}
	for kid, k := range a {
		o, ok := b[kid]
		if !ok || o.Alg != k.Alg || !o.Public.Equal(k.Public) {
			return false
		}
	}
	return true
}

package jwks

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// Errors returned by [Source.Key], to be distinguished with errors.Is.
var (
	// ErrUnknownKey means that the key set is loaded and has no key with the id.
	ErrUnknownKey = errors.New("no key with this id")
	// ErrAlgorithm means that the key is for another algorithm than the token's.
	ErrAlgorithm = errors.New("key is for another algorithm")
	// ErrUnavailable means that no key set could be loaded.
	ErrUnavailable = errors.New("key set unavailable")
	// ErrEmpty means that Clerk returned a set without a usable key.
	// It wraps [ErrUnavailable].
	ErrEmpty = fmt.Errorf("%w: it has no signing keys", ErrUnavailable)
	// ErrSecretKeyInvalid means that Clerk rejected the secret key.
	ErrSecretKeyInvalid = errors.New("secret key refused")
)

// maxDocument bounds the JWKS document; a real one is below 2 KiB.
const maxDocument = 1 << 20

// keySet holds the keys of one JWKS document. It is immutable.
type keySet struct {
	lookUp keyfunc.Keyfunc
	keys   []jwkset.JWK
}

// parse reads a JWKS document. Keys that can't sign session tokens (other
// types, other uses, malformed ones) are left out and counted in skipped, so
// that one odd key does not take the good ones with it.
func parse(doc []byte) (set *keySet, skipped int, err error) {
	if len(doc) > maxDocument {
		return nil, 0, fmt.Errorf("%w: document larger than %d bytes", ErrUnavailable, maxDocument)
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(doc, &document); err != nil {
		return nil, 0, fmt.Errorf("%w: decode document: %w", ErrUnavailable, err)
	}
	var keys []jwkset.JWK
	for _, raw := range document.Keys {
		key, err := parseKey(raw)
		if err != nil {
			skipped++
			continue
		}
		// Of two keys with one id the later counts, as in Clerk's own client.
		keys = slices.DeleteFunc(keys, func(k jwkset.JWK) bool { return k.Marshal().KID == key.Marshal().KID })
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, skipped, ErrEmpty
	}
	set, err = newKeySet(keys)
	return set, skipped, err
}

func newKeySet(keys []jwkset.JWK) (*keySet, error) {
	storage := jwkset.NewMemoryStorage()
	if err := storage.KeyReplaceAll(context.Background(), keys); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	lookUp, err := keyfunc.New(keyfunc.Options{Storage: storage})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &keySet{lookUp: lookUp, keys: keys}, nil
}

func parseKey(raw json.RawMessage) (jwkset.JWK, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return jwkset.JWK{}, err
	}
	if m.KID == "" || m.KTY != jwkset.KtyRSA || (m.USE != "" && m.USE != jwkset.UseSig) {
		return jwkset.JWK{}, errors.New("not an RSA signing key with an id")
	}
	// Only the public key's own members are kept: certificates and their URLs
	// (x5c, x5u) play no part in trust here.
	return jwkset.NewJWKFromMarshal(
		jwkset.JWKMarshal{KTY: m.KTY, KID: m.KID, ALG: m.ALG, N: m.N, E: m.E},
		jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{},
	)
}

// key returns the key that t names. The error is [ErrUnknownKey] or [ErrAlgorithm].
func (ks *keySet) key(ctx context.Context, t *jwt.Token) (*rsa.PublicKey, error) {
	if keyID(t) == "" {
		return nil, ErrUnknownKey // for a token that names no key, keyfunc would try them all
	}
	found, err := ks.lookUp.KeyfuncCtx(ctx)(t)
	switch {
	case errors.Is(err, jwkset.ErrKeyNotFound):
		return nil, ErrUnknownKey
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrAlgorithm, err)
	}
	public, ok := found.(*rsa.PublicKey)
	if !ok {
		return nil, ErrUnknownKey
	}
	return public, nil
}

// keyID returns the kid in the header of t, or "" if it is absent or not a string.
func keyID(t *jwt.Token) string {
	id, _ := t.Header[jwkset.HeaderKID].(string)
	return id
}

func (ks *keySet) equal(other *keySet) bool {
	return len(ks.keys) == len(other.keys) && !slices.ContainsFunc(ks.keys, func(k jwkset.JWK) bool {
		return !slices.ContainsFunc(other.keys, func(o jwkset.JWK) bool { return sameKey(k, o) })
	})
}

func sameKey(a, b jwkset.JWK) bool {
	x, y := a.Marshal(), b.Marshal()
	public, ok := a.Key().(*rsa.PublicKey)
	other, otherOK := b.Key().(*rsa.PublicKey)
	return ok && otherOK && x.KID == y.KID && x.ALG == y.ALG && public.Equal(other)
}

// Package seal encrypts and authenticates what is kept in a store that nobody has to
// trust. The cipher is AES-256-GCM with random nonces, under keys that HKDF-SHA256 (RFC
// 5869) derives from the secrets that [New] is given.
//
// A value is sealed for one name, so that it does not open under another one, and may be
// bound to a further secret, without which it does not open even with the keys.
//
// GCM with random nonces is safe for 2³² values under one key: those that are bound to
// nothing are few, and each further secret has a key of its own.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 32

// version is the first byte of a sealed value. A release that changes anything about
// sealing changes it.
const version = 1

const (
	idSize   = 4  // of a key's id, in bytes
	overhead = 28 // nonce and tag of GCM, in bytes
)

// ErrNotOpened means that a value was not sealed for this name and secret with any of the
// keys, or was changed since.
var ErrNotOpened = errors.New("seal: value does not open")

// Keys seals with the first of its keys and opens with any. It is safe for concurrent use.
type Keys struct{ keys []*key }

type key struct {
	id      [idSize]byte // says which key a value was sealed with
	master  []byte
	unbound cipher.AEAD
}

// New derives keys from secrets of at least [MinSecret] bytes with high entropy.
func New(secrets ...[]byte) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, errors.New("seal: no secret")
	}
	ks := &Keys{}
	for i, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("seal: secret %d has %d bytes, fewer than %d", i+1, len(secret), MinSecret)
		}
		k, err := newKey(secret)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		ks.keys = append(ks.keys, k)
	}
	return ks, nil
}

func newKey(secret []byte) (*key, error) {
	master, err := hkdf.Extract(sha256.New, secret, []byte("clerkgate sealed values 1"))
	if err != nil {
		return nil, err
	}
	id, err := hkdf.Expand(sha256.New, master, "id", idSize)
	if err != nil {
		return nil, err
	}
	k := &key{id: [idSize]byte(id), master: master}
	k.unbound, err = k.derive(nil)
	return k, err
}

// derive returns the cipher for values that are bound to a secret.
func (k *key) derive(bound []byte) (cipher.AEAD, error) {
	secret, err := hkdf.Key(sha256.New, k.master, bound, "value", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (k *key) cipher(bound string) (cipher.AEAD, error) {
	if bound == "" {
		return k.unbound, nil
	}
	return k.derive([]byte(bound))
}

// Seal seals a value for a name, and binds it to a further secret unless that is "".
func (ks *Keys) Seal(value []byte, name, bound string) ([]byte, error) {
	k := ks.keys[0]
	gcm, err := k.cipher(bound)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	sealed := make([]byte, 0, 1+idSize+overhead+len(value))
	sealed = append(append(sealed, version), k.id[:]...)
	return gcm.Seal(sealed, nil, value, header(sealed, name)), nil //nolint:gosec // the cipher makes a random nonce itself
}

// Open returns the value that was sealed for this name and secret. The error is
// [ErrNotOpened].
func (ks *Keys) Open(sealed []byte, name, bound string) ([]byte, error) {
	const head = 1 + idSize
	if len(sealed) < head+overhead || sealed[0] != version {
		return nil, ErrNotOpened
	}
	for _, k := range ks.keys {
		if !bytes.Equal(k.id[:], sealed[1:head]) {
			continue
		}
		gcm, err := k.cipher(bound)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotOpened, err)
		}
		if value, err := gcm.Open(nil, nil, sealed[head:], header(sealed[:head], name)); err == nil {
			return value, nil
		}
	}
	return nil, ErrNotOpened
}

// header is what is authenticated beside a value.
func header(head []byte, name string) []byte { return append(bytes.Clone(head), name...) }

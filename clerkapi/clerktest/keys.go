package clerktest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// keyBits is the size of Clerk's own signing keys.
const keyBits = 2048

// keyring holds the signing key and, after RotateKeysKeepOld, the public halves of earlier ones. The first key is
// generated when it is needed, so that an instance that only serves pages starts at once.
type keyring struct {
	first *rsa.PrivateKey

	mu      sync.Mutex
	current signingKey
	earlier []signingKey // newest first; only their public halves are used
}

type signingKey struct {
	kid string
	key *rsa.PrivateKey
}

// RotateKeys starts signing with a new key with a new kid, and removes all older keys from the JWKS at once: tokens
// signed before can no longer be verified.
func (c *Clerk) RotateKeys() { c.keys.rotate(false) }

// RotateKeysKeepOld starts signing with a new key with a new kid, and keeps the last four older ones in the JWKS.
func (c *Clerk) RotateKeysKeepOld() { c.keys.rotate(true) }

// JWTKey returns the public half of the current signing key as PEM (SPKI), for verification without a network.
func (c *Clerk) JWTKey() string {
	der, err := x509.MarshalPKIXPublicKey(&c.keys.signing().key.PublicKey)
	if err != nil {
		panic(fmt.Sprintf("clerktest: encode public key: %v", err)) // an RSA key always encodes
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (k *keyring) signing() signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signingLocked()
}

func (k *keyring) signingLocked() signingKey {
	if k.current.key == nil {
		key := k.first
		if key == nil {
			key = generateKey()
		}
		k.current = signingKey{kid: newID("ins"), key: key}
	}
	return k.current
}

func (k *keyring) rotate(keep bool) {
	next := signingKey{kid: newID("ins"), key: generateKey()} // slow, so outside the lock
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.signingLocked()
	if keep {
		k.earlier = append([]signingKey{old}, k.earlier...)
		k.earlier = k.earlier[:min(len(k.earlier), 4)]
	} else {
		k.earlier = nil
	}
	k.current = next
}

func generateKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		panic(fmt.Sprintf("clerktest: generate key: %v", err)) // the system's random source does not fail
	}
	return key
}

// public returns the keys of the JWKS, the signing key first.
func (k *keyring) public() []signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]signingKey{k.signingLocked()}, k.earlier...)
}

// jwks returns the body of GET /v1/jwks and of /.well-known/jwks.json.
func (k *keyring) jwks() object {
	keys := []object{}
	for _, key := range k.public() {
		keys = append(keys, object{
			"use": "sig", "kty": "RSA", "kid": key.kid, "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(key.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.key.E)).Bytes()),
		})
	}
	return object{"keys": keys}
}

// sign returns an RS256 JWT with Clerk's category for session and handshake tokens.
func (k *keyring) sign(claims jwt.MapClaims) string { return k.signAs(sessionCategory, claims) }

func (k *keyring) signAs(category string, claims jwt.MapClaims) string {
	key := k.signing()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = key.kid
	token.Header["cat"] = category
	signed, err := token.SignedString(key.key)
	if err != nil {
		panic(fmt.Sprintf("clerktest: sign token: %v", err)) // our own claims always encode
	}
	return signed
}

// parse verifies the signature and the category of one of our own tokens. It does not check the times, because it is
// used for expired tokens.
func (k *keyring) parse(raw string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	token, err := parser.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		for _, key := range k.public() {
			if t.Header["kid"] == key.kid {
				return &key.key.PublicKey, nil
			}
		}
		return nil, errors.New("unknown kid")
	})
	if err != nil {
		return nil, fmt.Errorf("parse token: %w", err)
	}
	if token.Header["cat"] != sessionCategory {
		return nil, errors.New("parse token: not a session token")
	}
	return claims, nil
}

package kit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// rsaKeys are made once in a process: making one takes a tenth of a second, and
// several under the race detector.
var rsaKeys = [3]func() (*rsa.PrivateKey, error){ //nolint:gochecknoglobals // a cache of values that never change
	sync.OnceValues(newRSAKey), sync.OnceValues(newRSAKey), sync.OnceValues(newRSAKey),
}

func newRSAKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// RSAKey returns one of three RSA keys, by its number from 0 to 2, which all tests
// of a process share. Tests must not change it.
func RSAKey(t testing.TB, number int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsaKeys[number]()
	require.NoError(t, err)
	return key
}

// ECKey returns a new key on the curve P-256.
func ECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// PublicPEM is a public key, such as an [rsa.PublicKey]'s pointer, in PKIX form.
func PublicPEM(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// PrivatePEM is a private key in PKCS #8 form.
func PrivatePEM(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// PublishableKey is the publishable key of an instance: kind is "live" or "test",
// host the host of its Frontend API.
func PublishableKey(kind, host string) string {
	return "pk_" + kind + "_" + base64.StdEncoding.EncodeToString([]byte(host+"$"))
}

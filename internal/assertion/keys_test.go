package assertion_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/assertion"
)

func members(t testing.TB, jwks []byte) []json.RawMessage {
	t.Helper()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	require.NoError(t, json.Unmarshal(jwks, &set))
	return set.Keys
}

func sec1(t testing.TB, private *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

func TestKeyIDIsTheThumbprint(t *testing.T) {
	t.Parallel()
	// RFC 8037, appendix A.1 to A.3.
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	require.NoError(t, err)
	keys := load(t, file(t, pkcs8(t, ed25519.NewKeyFromSeed(seed))))
	assert.Equal(t, []string{"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}, keys.IDs())
	assert.JSONEq(t, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
		"use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}]}`, string(keys.JWKS()))
}

func TestLoadReadsBothFormsAndKinds(t *testing.T) {
	t.Parallel()
	ec, okp := p256(t), ed(t)
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}})
	for name, c := range map[string]struct {
		text []byte
		kty  string
		alg  string
	}{
		"P-256, PKCS #8":              {pkcs8(t, ec), "EC", "ES256"},
		"P-256, SEC 1":                {sec1(t, ec), "EC", "ES256"},
		"P-256, as openssl ecparam":   {append(parameters, sec1(t, ec)...), "EC", "ES256"},
		"Ed25519":                     {pkcs8(t, okp), "OKP", "EdDSA"},
		"text before, newline behind": {[]byte("made in March\n" + string(pkcs8(t, okp)) + "\n\n"), "OKP", "EdDSA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := load(t, file(t, c.text))
			assert.Empty(t, keys.Warnings())
			set := members(t, keys.JWKS())
			require.Len(t, set, 1)
			var key map[string]any
			require.NoError(t, json.Unmarshal(set[0], &key))
			assert.Equal(t, c.kty, key["kty"])
			assert.Equal(t, c.alg, key["alg"])
			assert.Equal(t, "sig", key["use"])
			assert.NotContains(t, key, "d", "a private key is published")
			stored, err := storage(t, keys.JWKS()).KeyRead(t.Context(), keys.IDs()[0])
			require.NoError(t, err)
			if c.kty == "EC" {
				assert.True(t, ec.PublicKey.Equal(stored.Key()))
			} else {
				assert.True(t, okp.Public().(ed25519.PublicKey).Equal(stored.Key()))
			}
		})
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	pkix, err := x509.MarshalPKIXPublicKey(&p256(t).PublicKey)
	require.NoError(t, err)
	block := func(kind string, bytes []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	}
	legacy := pem.EncodeToMemory(&pem.Block{
		Type: "EC PRIVATE KEY", Bytes: []byte("x"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"},
	})
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"empty":                {nil, "no private key in PEM form"},
		"no PEM":               {[]byte("not a key"), "no private key in PEM form"},
		"another curve":        {pkcs8(t, p384), "the curve is P-384, want P-256"},
		"another curve, SEC 1": {sec1(t, p384), "the curve is P-384, want P-256"},
		"RSA, PKCS #8":         {pkcs8(t, weak), "neither P-256 nor Ed25519"},
		"RSA, PKCS #1":         {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(weak)), "the key is RSA"},
		"public key":           {block("PUBLIC KEY", pkix), "name the file with the private key"},
		"certificate":          {block("CERTIFICATE", []byte("x")), "name the file with the private key"},
		"encrypted":            {block("ENCRYPTED PRIVATE KEY", []byte("x")), "openssl pkey -in"},
		"encrypted, old form":  {legacy, "openssl pkey -in"},
		"OpenSSH":              {block("OPENSSH PRIVATE KEY", []byte("x")), "want PRIVATE KEY (PKCS #8)"},
		"damaged":              {block("PRIVATE KEY", []byte("secret bytes")), "damaged"},
		"damaged, SEC 1":       {block("EC PRIVATE KEY", []byte("secret bytes")), "damaged"},
		"two keys":             {append(pkcs8(t, ed(t)), pkcs8(t, ed(t))...), "more than one PEM block"},
		"broken second block":  {append(pkcs8(t, ed(t)), "-----BEGIN PRIVATE KEY-----\n!"...), "broken"},
		"too large":            {[]byte(strings.Repeat("\n", 64<<10+1)), "not a key file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			name := file(t, c.text)
			keys, err := assertion.Load([]string{name})
			require.Error(t, err)
			assert.Nil(t, keys)
			assert.ErrorContains(t, err, name)
			assert.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret bytes")
		})
	}
}

func TestLoadNamesEveryBadFile(t *testing.T) {
	t.Parallel()
	good, bad := file(t, pkcs8(t, ed(t))), file(t, nil)
	missing := filepath.Join(t.TempDir(), "missing.pem")
	_, err := assertion.Load([]string{good, bad, missing, t.TempDir(), good})
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, want := range []string{bad, missing, "not a regular file", "the same key as in " + good} {
		assert.ErrorContains(t, err, want)
	}
	_, err = assertion.Load(nil)
	require.ErrorContains(t, err, "openssl genpkey")
	_, err = assertion.Load(make([]string, 9))
	require.ErrorContains(t, err, "at most 8")
}

func TestKeyFilesOfOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	name := file(t, pkcs8(t, ed(t)))
	for mode, want := range map[os.FileMode]string{0o600: "", 0o400: "", 0o640: "", 0o644: "warning", 0o620: "error", 0o602: "error", 0o666: "error"} {
		require.NoError(t, os.Chmod(name, mode))
		keys, err := assertion.Load([]string{name})
		if want == "error" {
			require.ErrorContains(t, err, "chmod 600 "+name, "%o", mode)
			continue
		}
		require.NoError(t, err, "%o", mode)
		assert.Equal(t, want == "warning", len(keys.Warnings()) > 0, "%o", mode)
	}
}

func TestPrintedKeysAreSecret(t *testing.T) {
	t.Parallel()
	private := ed(t)
	keys := load(t, file(t, pkcs8(t, private)))
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "keys", keys)
	fmt.Fprintf(&out, "%v %+v %#v %s %d %x", keys, keys, keys, keys, keys, keys)
	assert.Contains(t, out.String(), keys.IDs()[0])
	assert.NotContains(t, out.String(), fmt.Sprintf("%d %d %d", private[0], private[1], private[2]))
	assert.NotContains(t, out.String(), fmt.Sprintf("%x", []byte(private[:4])))
}

func TestHandler(t *testing.T) {
	t.Parallel()
	keys := load(t, file(t, pkcs8(t, ed(t))), file(t, pkcs8(t, p256(t))))
	ask := func(method, etag string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), method, "/.well-known/clerkgate/jwks.json", nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		keys.Handler().ServeHTTP(w, r)
		return w.Result()
	}
	got := ask(http.MethodGet, "")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, "application/jwk-set+json", got.Header.Get("Content-Type"))
	assert.Equal(t, "public, max-age=300", got.Header.Get("Cache-Control"))
	body := make([]byte, 4096)
	n, _ := got.Body.Read(body)
	assert.Equal(t, string(keys.JWKS()), string(body[:n]))

	head := ask(http.MethodHead, "")
	assert.Equal(t, got.ContentLength, head.ContentLength)
	n, _ = head.Body.Read(body)
	assert.Zero(t, n)

	assert.Equal(t, http.StatusNotModified, ask(http.MethodGet, got.Header.Get("Etag")).StatusCode)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "get"} {
		refused := ask(method, "")
		assert.Equal(t, http.StatusMethodNotAllowed, refused.StatusCode, method)
		assert.Equal(t, "GET, HEAD", refused.Header.Get("Allow"))
	}
}

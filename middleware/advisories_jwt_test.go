package middleware_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// Published vulnerabilities of libraries for JWTs and keys.

// CVE-2020-26160 (dgrijalva/jwt-go): an aud of a type that the library did not expect
// counted as absent.
func TestCVE_2020_26160_AudienceOfAnyType(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) {
		o.Audience = []string{"https://api.example.com", "urn:second"}
		o.AcceptsToken = []middleware.TokenType{middleware.AnyToken}
	})
	oauth := with{"typ": "at+jwt", "cat": nil}
	for _, c := range []struct {
		aud            any
		session, oauth bool // Clerk's SDK lets a session lack an audience, and OAuth not
	}{
		{"https://api.example.com", true, true},
		{[]string{"x", "urn:second"}, true, true},
		{"https://api.example.com/", false, false},
		{"https://API.example.com", false, false},
		{[]string{"x", "y"}, false, false},
		{[]string{"", "x"}, false, false},
		{"urn:second urn:third", false, false},
		{nil, true, false},
		{"", true, false},
		{[]string{}, true, false},
		{7, true, false},
		{[]any{"urn:second", 7}, true, false},
		{map[string]string{"aud": "urn:second"}, true, false},
	} {
		assert.Equal(t, c.session, a.Authenticate(bearer(f.token(nil, with{"aud": c.aud}))).Auth.IsSignedIn(), "session for %v", c.aud)
		assert.Equal(t, c.oauth, a.Authenticate(bearer(f.token(oauth, with{"aud": c.aud}))).Auth.IsSignedIn(), "OAuth for %v", c.aud)
	}
}

// CVE-2024-51744 (golang-jwt): an error about the claims was reported before the bad
// signature, so that callers who tolerated it accepted the token.
func TestCVE_2024_51744_BadSignatureComesFirst(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.AuthorizedParties = []string{flowOrigin} })
	now := f.now.Unix()
	for name, claims := range map[string]with{
		"good": nil, "expired": {"exp": now - 60}, "early": {"nbf": now + 60}, "issued later": {"iat": now + 60}, "no exp": {"exp": nil},
		"other party": {"azp": "https://evil.example"}, "no sub": {"sub": nil}, "expired and early": {"exp": now - 60, "nbf": now + 60},
	} {
		good := f.token(nil, claims)
		end := strings.LastIndexByte(good, '.') + 1
		forged := newForge(t, 1).token(nil, claims)
		for how, token := range map[string]string{"other key": forged, "bit": flip(good), "cut": good[:end] + good[end+4:], "none": good[:end]} {
			for _, r := range []*http.Request{bearer(token), f.page(token, "__refresh_"+a.CookieSuffix()+"=rt_1")} {
				s := a.Authenticate(r)
				assert.Equal(t, middleware.SignedOut, s.Status, "%s, %s", name, how)
				assert.Equal(t, middleware.Reason("token-invalid-signature"), s.Reason, "%s, %s", name, how)
			}
		}
	}
	assert.Empty(t, f.made(), "a token with a bad signature is never exchanged for a good one")
}

// flip changes one bit of the signature.
func flip(token string) string {
	end := strings.LastIndexByte(token, '.') + 1
	signature, _ := base64.RawURLEncoding.DecodeString(token[end:])
	signature[0] ^= 1
	return token[:end] + base64.RawURLEncoding.EncodeToString(signature)
}

// CVE-2025-30204 (golang-jwt), CVE-2025-27144 (go-jose), CVE-2025-22868 (x/oauth2/jws):
// a token of dots was split into as many pieces.
func TestCVE_2025_30204_DotsAndLengthCostNothing(t *testing.T) {
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.AnyToken} })
	good := f.token(nil, nil)
	for name, token := range map[string]string{
		"dots": strings.Repeat(".", 1<<20), "parts": strings.Repeat("a.", 1<<19), "long": strings.Repeat("a", 1<<20), "long parts": strings.Repeat("a", 1<<19) + "." + strings.Repeat("b", 1<<19) + ".c",
		"tail": good + strings.Repeat(".", 1<<20), "padded": good + strings.Repeat("=", 1<<20), "four parts": good + ".", "signed, too long": f.token(nil, with{"pad": strings.Repeat("x", 16<<10)}),
	} {
		r := bearer(token)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := a.Authenticate(r)
		runtime.ReadMemStats(&after)
		assert.Equal(t, middleware.SignedOut, s.Status, name)
		assert.Equal(t, middleware.Reason("token-invalid"), s.Reason, name)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(256<<10), "bytes allocated for %s", name)
	}
	assert.Empty(t, f.made())
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(f.token(nil, with{"pad": strings.Repeat("x", 8<<10)}))).Status)
}

// CVE-2025-22149, GHSA-675f-rq2r-jw82 (keyfunc, jwkset): a key that its owner took
// out of the set was still accepted.
func TestCVE_2025_22149_RemovedKeyIsRefused(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	session := clerk.SignIn("jane@example.com")
	a := newFlow(t, clerk, nil)
	old := clerk.Token(session.ID, flowOrigin)
	for range 2 { // the second from memory
		require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(old)).Status)
	}
	clerk.RotateKeysKeepOld()
	second := clerk.Token(session.ID, flowOrigin)
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(second)).Status, "each token by its own key")
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(old)).Status, "each token by its own key")
	clerk.RotateKeys()
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(clerk.Token(session.ID, flowOrigin))).Status)
	for _, token := range []string{old, second} {
		s := a.Authenticate(bearer(token))
		assert.Equal(t, middleware.SignedOut, s.Status)
		assert.Equal(t, middleware.Reason("jwk-kid-mismatch"), s.Reason)
	}
}

// CVE-2024-28180 and CVE-2026-34986 (go-jose): encrypted tokens were parsed and
// decompressed even if the caller did not accept such tokens.
func TestCVE_2024_28180_OnlyCompactSignedTokens(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	good := f.token(nil, nil)
	parts := strings.Split(good, ".")
	header := encodePart(t, map[string]any{"alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF", "kid": f.kid})
	object, err := json.Marshal(map[string]any{"payload": parts[1], "protected": parts[0], "signature": parts[2], "signatures": []any{map[string]string{"protected": parts[0], "signature": parts[2]}}})
	require.NoError(t, err)
	for name, token := range map[string]string{
		"JWE": header + ".a.b.c.d", "JWE of a JWS": header + "." + parts[0] + "." + parts[1] + "." + parts[2] + ".d",
		"JSON": string(object), "JSON in base64": base64.RawURLEncoding.EncodeToString(object), "detached": parts[0] + ".." + parts[2], "nested": good + "." + good,
		"spaces": strings.Join(parts, "\u00a0.\u00a0"), "standard base64": strings.NewReplacer("-", "+", "_", "/").Replace(good) + "/+",
	} {
		for _, r := range []*http.Request{bearer(token), f.page(token)} {
			s := a.Authenticate(r)
			assert.NotEqual(t, middleware.SignedIn, s.Status, name)
			assert.Contains(t, []middleware.Reason{"token-invalid"}, s.Reason, name)
		}
	}
}

// CVE-2015-9235 (jsonwebtoken) and many like it: the token's own header chose the
// algorithm, so that "none", or the public key as an HMAC secret, was accepted.
func TestCVE_2015_9235_HeaderChoosesNoAlgorithm(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	clerk := clerktest.New(clerktest.Options{Production: true, SigningKey: f.key})
	for _, static := range []bool{false, true} {
		a := f.authenticator(func(o *middleware.Options) {
			if static {
				o.JWTKey = clerk.JWTKey()
			}
		})
		require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(f.token(nil, nil))).Status)
		for _, alg := range []any{"none", "None", "NONE", "nOnE", "", nil, "HS256", "HS384", "HS512", "ES256", "PS256", "EdDSA", "rs256", "RS256 ", []string{"RS256"}, 256} {
			unsigned := f.unsigned(with{"alg": alg}, nil)
			tokens := []string{unsigned + ".", unsigned + "." + strings.Split(f.token(nil, nil), ".")[2], f.token(with{"alg": alg}, nil)}
			for _, secret := range []string{clerk.JWTKey(), strings.TrimSpace(clerk.JWTKey()), string(f.key.N.Bytes())} {
				signature, err := jwt.SigningMethodHS256.Sign(unsigned, []byte(secret))
				require.NoError(t, err)
				tokens = append(tokens, unsigned+"."+base64.RawURLEncoding.EncodeToString(signature))
			}
			for _, token := range tokens {
				for _, r := range []*http.Request{bearer(token), f.page(token)} {
					s := a.Authenticate(r)
					assert.Equal(t, middleware.SignedOut, s.Status, "alg %v", alg)
					assert.Equal(t, middleware.Reason("token-invalid-algorithm"), s.Reason, "alg %v", alg)
				}
			}
		}
		for _, alg := range []string{"RS384", "RS512"} { // the key says RS256
			method := jwt.GetSigningMethod(alg)
			unsigned := f.unsigned(with{"alg": alg}, nil)
			signature, err := method.Sign(unsigned, f.key)
			require.NoError(t, err)
			assert.Equal(t, middleware.SignedOut, a.Authenticate(bearer(unsigned+"."+base64.RawURLEncoding.EncodeToString(signature))).Status, alg)
		}
	}
}

// CVE-2018-0114 (node-jose): a key inside the token's own header verified it.
func TestCVE_2018_0114_KeyInTheHeader(t *testing.T) {
	t.Parallel()
	f, thief := newForge(t, 0), newForge(t, 1)
	a := f.authenticator(nil)
	enc := base64.RawURLEncoding
	jwk := map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": f.kid, "n": enc.EncodeToString(thief.key.N.Bytes()), "e": "AQAB"}
	for name, header := range map[string]with{
		"jwk": {"jwk": jwk}, "jku": {"jku": "https://evil.example/jwks.json"}, "x5u": {"x5u": "https://evil.example/cert.pem"},
		"x5c": {"x5c": []string{"AAAA"}}, "iss": {"iss": "https://evil.example"},
	} {
		s := a.Authenticate(bearer(thief.token(header, nil)))
		assert.Equal(t, middleware.Reason("token-invalid-signature"), s.Reason, name)
	}
	for name, kid := range map[string]any{
		"other": "ins_2", "path": "../../../../dev/null", "query": "' UNION SELECT 'x", "empty": "", "absent": nil, "list": []string{"ins_1"}, "case": "INS_1", "space": "ins_1 ",
	} {
		s := a.Authenticate(bearer(f.token(with{"kid": kid}, nil)))
		assert.Equal(t, middleware.Reason("jwk-kid-mismatch"), s.Reason, "a good signature under the kid %s", name)
	}
	assert.Empty(t, f.made())
}

// CVE-2026-50149 (Contour): on one listener, tokens were not verified. A request
// without a Host, or with an IP address as Host, is authenticated like any other.
func TestCVE_2026_50149_OddHostsAreJudged(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	unsigned := f.unsigned(with{"alg": "none"}, nil) + "."
	for _, host := range []string{"", "127.0.0.1", "[::1]:8080", "example.com.", "EXAMPLE.com:80", "evil.example", "a b", "exa\x00mple.com", "user@example.com"} {
		for _, r := range []*http.Request{bearer(unsigned), f.page(unsigned), httptest.NewRequest(http.MethodGet, "/", nil)} {
			r.Host, r.Proto, r.ProtoMinor = host, "HTTP/1.0", 0
			w, reached := serve(a, middleware.Requirement{}, r)
			assert.False(t, reached, "host %q", host)
			assert.Less(t, w.Code, 500, "host %q", host)
		}
	}
}

// A token's times are checked at each use, even if the token is cached.
func TestRememberedTokenExpires(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	token := f.token(nil, nil)
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(token)).Status)
	f.now = f.now.Add(64 * time.Second)
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(token)).Status, "five seconds of grace")
	f.now = f.now.Add(time.Second)
	s := a.Authenticate(bearer(token))
	assert.Equal(t, middleware.SignedOut, s.Status)
	assert.Equal(t, middleware.Reason("session-token-expired-refresh-non-eligible-no-refresh-cookie"), s.Reason, fmt.Sprint(f.now))
}

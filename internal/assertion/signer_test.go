package assertion_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/assertion"
)

func TestSignedClaims(t *testing.T) {
	t.Parallel()
	for alg, private := range map[string]any{"ES256": p256(t), "EdDSA": ed(t)} {
		keys := load(t, file(t, pkcs8(t, private)))
		c := &clock{}
		c.advance(999 * time.Millisecond)
		raw, err := signer(t, keys, c).Sign(jane(), audience)
		require.NoError(t, err)
		claims, err := verify(t, keys.JWKS(), raw, c.now())
		require.NoError(t, err)
		iat := float64(epoch().Unix())
		assert.Equal(t, jwt.MapClaims{
			"iss": issuer, "sub": "user_jane", "aud": audience, "iat": iat, "exp": iat + 60,
			"token_type": "session_token", "sid": "sess_1", "org_id": "org_acme", "org_slug": "acme", "org_role": "org:admin",
		}, claims)
		header, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[0])
		require.NoError(t, err)
		assert.JSONEq(t, fmt.Sprintf(`{"typ":"clerkgate+jwt","alg":%q,"kid":%q}`, alg, keys.IDs()[0]), string(header))
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	keys := load(t, file(t, pkcs8(t, ed(t))))
	s := signer(t, keys, &clock{})
	for name, c := range map[string]struct {
		subject assertion.Subject
		want    string
	}{
		"machine":                 {assertion.Subject{TokenType: "m2m_token", MachineID: "mch_1", TokenID: "mt_1"}, `{"sub":"mch_1","token_type":"m2m_token","token_id":"mt_1"}`},
		"user's key":              {assertion.Subject{TokenType: "api_key", UserID: "user_1", OrgID: "org_1"}, `{"sub":"user_1","token_type":"api_key","org_id":"org_1"}`},
		"organization's key":      {assertion.Subject{TokenType: "api_key", OrgID: "org_1"}, `{"sub":"org_1","token_type":"api_key","org_id":"org_1"}`},
		"OAuth client for a user": {assertion.Subject{TokenType: "oauth_token", UserID: "user_1", ClientID: "c", Scope: "read write"}, `{"sub":"user_1","token_type":"oauth_token","client_id":"c","scope":"read write"}`},
		"impersonated user":       {assertion.Subject{UserID: "user_1", ActorID: "user_2"}, `{"sub":"user_1","act":{"sub":"user_2"}}`},
	} {
		raw, err := s.Sign(c.subject, audience)
		require.NoError(t, err, name)
		claims, err := verify(t, keys.JWKS(), raw, epoch())
		require.NoError(t, err, name)
		for _, always := range []string{"iss", "aud", "iat", "exp"} {
			assert.Contains(t, claims, always, name)
			delete(claims, always)
		}
		got, err := json.Marshal(claims)
		require.NoError(t, err)
		assert.JSONEq(t, c.want, string(got), name)
	}

	for want, ask := range map[error]func() (string, error){
		assertion.ErrNoSubject:  func() (string, error) { return s.Sign(assertion.Subject{SessionID: "sess_1"}, audience) },
		assertion.ErrNoAudience: func() (string, error) { return s.Sign(jane(), "") },
		assertion.ErrTooLarge: func() (string, error) {
			return s.Sign(assertion.Subject{UserID: "user_1", Scope: strings.Repeat("x", 4096)}, audience)
		},
	} {
		raw, err := ask()
		require.ErrorIs(t, err, want)
		assert.Empty(t, raw)
	}
}

// A token that one service made for another use must not be believed here, nor
// the other way round.
func TestCVE_2024_47616_AssertionsAreNoSessionTokens(t *testing.T) {
	t.Parallel()
	private := ed(t)
	keys := load(t, file(t, pkcs8(t, private)))
	raw, err := signer(t, keys, &clock{}).Sign(jane(), audience)
	require.NoError(t, err)
	parsed, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	require.NoError(t, err)
	assert.NotEqual(t, "JWT", parsed.Header["typ"])

	session := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{"iss": issuer, "aud": audience, "sub": "user_jane", "exp": epoch().Unix() + 60})
	session.Header["kid"] = keys.IDs()[0]
	forged, err := session.SignedString(private)
	require.NoError(t, err)
	_, err = verify(t, keys.JWKS(), forged, epoch())
	require.ErrorIs(t, err, jwt.ErrTokenUnverifiable)
}

func TestTamperedAssertions(t *testing.T) {
	t.Parallel()
	keys := load(t, file(t, pkcs8(t, p256(t))))
	s := signer(t, keys, &clock{})
	raw, err := s.Sign(jane(), audience)
	require.NoError(t, err)
	other, err := s.Sign(assertion.Subject{UserID: "user_eve"}, audience)
	require.NoError(t, err)
	h, rest, _ := strings.Cut(raw, ".")
	p, sig, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"none","typ":%q,"kid":%q}`, assertion.Type, keys.IDs()[0]))
	for name, text := range map[string]string{
		"claims of another": h + "." + strings.Split(other, ".")[1] + "." + sig,
		"no signature":      h + "." + p + ".",
		"cut signature":     h + "." + p + "." + sig[:len(sig)-4],
		"alg none":          none + "." + p + ".",
	} {
		_, err := verify(t, keys.JWKS(), text, epoch())
		require.Error(t, err, name)
	}
	_, err = verify(t, load(t, file(t, pkcs8(t, p256(t)))).JWKS(), raw, epoch())
	require.Error(t, err, "another proxy's keys")
	elsewhere, err := s.Sign(jane(), "https://other.internal")
	require.NoError(t, err)
	_, err = verify(t, keys.JWKS(), elsewhere, epoch())
	require.ErrorIs(t, err, jwt.ErrTokenInvalidAudience)
	_, err = verify(t, keys.JWKS(), raw, epoch().Add(61*time.Second))
	require.ErrorIs(t, err, jwt.ErrTokenExpired)
}

func TestRotationFailsNoRequest(t *testing.T) {
	t.Parallel()
	old, next := file(t, pkcs8(t, p256(t))), file(t, pkcs8(t, ed(t)))
	c := &clock{}
	var stages []*assertion.Keys
	for _, files := range [][]string{{old}, {old, next}, {next, old}, {next}} {
		stages = append(stages, load(t, files...))
	}
	for i, stage := range stages {
		raw, err := signer(t, stage, c).Sign(jane(), audience)
		require.NoError(t, err)
		// An upstream may be a stage behind or ahead.
		for _, set := range stages[max(0, i-1):min(len(stages), i+2)] {
			_, err = verify(t, set.JWKS(), raw, c.now())
			require.NoError(t, err, "stage %d", i)
		}
	}
	raw, err := signer(t, stages[0], c).Sign(jane(), audience)
	require.NoError(t, err)
	_, err = verify(t, stages[3].JWKS(), raw, c.now())
	require.Error(t, err, "a key that was dropped still counts")
}

func TestAssertionsAreSignedOncePerHalfLife(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := signer(t, load(t, file(t, pkcs8(t, p256(t)))), c) // ECDSA signatures are never twice the same
	sign := func() string {
		raw, err := s.Sign(jane(), audience)
		require.NoError(t, err)
		return raw
	}
	first := sign()
	c.advance(30*time.Second - 1)
	assert.Equal(t, first, sign())
	c.advance(1)
	second := sign()
	assert.NotEqual(t, first, second)
	c.advance(-time.Second)
	assert.NotEqual(t, second, sign(), "the clock was set back to before iat")
}

// Whatever differs in what an assertion says must differ in what it is found by.
func TestAssertionsNeverCross(t *testing.T) {
	t.Parallel()
	s := signer(t, load(t, file(t, pkcs8(t, ed(t)))), &clock{})
	subjects := []assertion.Subject{
		{UserID: "ab", SessionID: "c"}, {UserID: "a", SessionID: "bc"}, {UserID: "ab", OrgID: "c"}, {UserID: "ab", OrgSlug: "c"},
		{UserID: "ab", OrgRole: "c"}, {UserID: "ab", ClientID: "c"}, {UserID: "ab", TokenID: "c"},
		{UserID: "ab", Scope: "c"}, {UserID: "ab", ActorID: "c"}, {UserID: "ab", TokenType: "c"}, {MachineID: "ab"}, {OrgID: "ab"},
	}
	seen := map[string]string{}
	for range 2 { // the second time from memory
		for _, subject := range subjects {
			for _, aud := range []string{"x", "y"} {
				raw, err := s.Sign(subject, aud)
				require.NoError(t, err)
				name := fmt.Sprintf("%+v %s", subject, aud)
				if before, ok := seen[raw]; ok {
					assert.Equal(t, before, name)
				}
				seen[raw] = name
			}
		}
	}
	assert.Len(t, seen, 2*len(subjects))
}

func TestConcurrentSigning(t *testing.T) {
	t.Parallel()
	keys := load(t, file(t, pkcs8(t, ed(t))))
	s, err := assertion.NewSigner(assertion.Options{Keys: keys, Issuer: issuer, Size: 8, Now: epoch})
	require.NoError(t, err)
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 100 {
				user := fmt.Sprintf("user_%d", (worker+i)%20)
				raw, err := s.Sign(assertion.Subject{UserID: user}, audience)
				if !assert.NoError(t, err) {
					return
				}
				payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
				assert.NoError(t, err)
				assert.Contains(t, string(payload), `"sub":"`+user+`"`)
			}
		})
	}
	all.Wait()
}

func TestOptionsNameEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := assertion.NewSigner(assertion.Options{Lifetime: time.Hour, Size: -1})
	for _, want := range []string{"no keys", "issuer", "10s to 10m0s", "size"} {
		require.ErrorContains(t, err, want)
	}
	keys := load(t, file(t, pkcs8(t, ed(t))))
	for _, bad := range []string{"", "app.example.com", "ftp://x", "https://", "https://user@app.example.com", "https://a b/"} {
		_, err := assertion.NewSigner(assertion.Options{Keys: keys, Issuer: bad})
		require.Error(t, err, "%q", bad)
	}
	for _, bad := range []time.Duration{-1, 1, 9 * time.Second, 10*time.Minute + 1} {
		_, err := assertion.NewSigner(assertion.Options{Keys: keys, Issuer: issuer, Lifetime: bad})
		require.Error(t, err, "%s", bad)
	}
}

package token

import (
	"context"
	"crypto/rsa"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

var now = time.Unix(1_790_000_000, 0)

// keys is a source of one key that a test can take away.
type keys struct {
	kid  string
	key  *rsa.PublicKey
	alg  string
	err  error
	gen  atomic.Uint64
	asks atomic.Int64
}

func (k *keys) Generation() uint64 { return k.gen.Load() }

func (k *keys) Key(_ context.Context, t *jwt.Token) (*rsa.PublicKey, error) {
	k.asks.Add(1)
	switch {
	case k.err != nil:
		return nil, k.err
	case t.Header["kid"] != k.kid:
		return nil, jwks.ErrUnknownKey
	case t.Header["alg"] != k.alg:
		return nil, jwks.ErrAlgorithm
	}
	return k.key, nil
}

type signer struct {
	private *rsa.PrivateKey
	source  *keys
}

func newSigner(tb testing.TB) signer {
	tb.Helper()
	private := kit.RSAKey(tb, 0)
	return signer{private, &keys{kid: "ins_1", key: &private.PublicKey, alg: "RS256"}}
}

// signText signs header and payload as they are written.
func (s signer) signText(tb testing.TB, header, payload string) string {
	tb.Helper()
	input := encode(header) + "." + encode(payload)
	sig, err := jwt.SigningMethodRS256.Sign(input, s.private)
	require.NoError(tb, err)
	return input + "." + encode(string(sig))
}

func encode(s string) string { return tokenEncoding.EncodeToString([]byte(s)) }

const goodHeader = `{"alg":"RS256","kid":"ins_1","typ":"JWT"}`

func (s signer) verifier(tb testing.TB, change func(*Config)) *Verifier {
	tb.Helper()
	cfg := Config{Keys: s.source, ClockSkew: 5 * time.Second, Now: func() time.Time { return now }}
	if change != nil {
		change(&cfg)
	}
	v, err := New(cfg)
	require.NoError(tb, err)
	return v
}

func reasonOf(tb testing.TB, err error) Reason {
	tb.Helper()
	var e *Error
	require.ErrorAs(tb, err, &e)
	return e.Reason
}

func TestSessionReasons(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	const good = `{"sub":"user_1","azp":"https://a.example","exp":1790000060,"nbf":1789999990,"iat":1790000000}`
	tests := []struct {
		name            string
		header, payload string
		change          func(*Config)
		want            Reason // "" means verified
	}{
		{name: "good", payload: good},
		{name: "typ absent", header: `{"alg":"RS256","kid":"ins_1"}`, payload: good},
		{name: "typ lower case", header: `{"alg":"RS256","kid":"ins_1","typ":"jwt"}`, payload: good, want: ReasonInvalid},
		{name: "typ null", header: `{"alg":"RS256","kid":"ins_1","typ":null}`, payload: good, want: ReasonInvalid},
		{name: "m2m category", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD333AAA"}`, payload: good, want: ReasonInvalid},
		{name: "template category passes plain verification", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD222AAA"}`, payload: good},
		{name: "unknown kid comes before alg none", header: `{"alg":"none","kid":"x"}`, payload: good, want: ReasonKIDMismatch},
		{name: "kid absent", header: `{"alg":"RS256"}`, payload: good, want: ReasonKIDMismatch},
		{name: "kid in a list", header: `{"alg":"RS256","kid":["ins_1"]}`, payload: good, want: ReasonKIDMismatch},
		{name: "alg none", header: `{"alg":"none","kid":"ins_1"}`, payload: good, want: ReasonInvalidAlgorithm},
		{name: "alg HS256", header: `{"alg":"HS256","kid":"ins_1"}`, payload: good, want: ReasonInvalidAlgorithm},
		{name: "alg absent", header: `{"kid":"ins_1"}`, payload: good, want: ReasonInvalidAlgorithm},
		{name: "alg spelled with an escape", header: `{"\u0061lg":"RS\u003256","kid":"ins_1"}`, payload: good},
		{name: "RS512 with a key for RS256", header: `{"alg":"RS512","kid":"ins_1"}`, payload: good, want: ReasonVerificationFailed},
		{name: "header null", header: `null`, payload: good, want: ReasonKIDMismatch},
		{name: "payload null", payload: `null`, want: ReasonVerificationFailed},
		{name: "payload array", payload: `[1]`, want: ReasonVerificationFailed},
		{name: "payload number", payload: `1`, want: ReasonVerificationFailed},
		{name: "byte order mark", payload: "\uFEFF" + good},
		{name: "other case of names", payload: `{"SUB":"x","EXP":1,"Exp":1,"sub":"user_1","exp":1790000060,"Sub":5}`},
		{name: "last duplicate wins", payload: `{"sub":5,"exp":1,"sub":"user_1","exp":1790000060}`},
		{name: "last duplicate loses", payload: `{"sub":"user_1","exp":1790000060,"exp":1}`, want: ReasonExpired},
		{name: "issuer", payload: withIssuer(`"https://clerk.example.com"`), change: issuers("https://a.example", "https://clerk.example.com")},
		{name: "another issuer", payload: withIssuer(`"https://clerk.example.com"`), change: issuers("https://clerk.example.com/"), want: ReasonInvalidIssuer},
		{name: "issuer in other case", payload: withIssuer(`"https://CLERK.example.com"`), change: issuers("https://clerk.example.com"), want: ReasonInvalidIssuer},
		{name: "issuer absent", payload: `{"sub":"u","exp":1790000060}`, change: issuers("https://clerk.example.com"), want: ReasonInvalidIssuer},
		{name: "issuer a list", payload: withIssuer(`["https://clerk.example.com"]`), change: issuers("https://clerk.example.com"), want: ReasonInvalidIssuer},
		{name: "an empty issuer is ignored", payload: withIssuer(`"x"`), change: issuers("")},
		{name: "azp comes before iss", payload: `{"sub":"u","exp":1790000060,"azp":"x"}`, change: func(c *Config) { c.Issuers, c.AuthorizedParties = []string{"y"}, []string{"y"} }, want: ReasonInvalidAuthorizedParties},
		{name: "iss comes before exp", payload: `{"sub":"u","exp":1}`, change: issuers("y"), want: ReasonInvalidIssuer},
		{name: "sub empty", payload: `{"sub":"","exp":1790000060}`},
		{name: "sub absent", payload: `{"exp":1790000060}`, want: ReasonVerificationFailed},
		{name: "sub a number", payload: `{"sub":1,"exp":1790000060}`, want: ReasonVerificationFailed},
		{name: "exp absent", payload: `{"sub":"u"}`, want: ReasonVerificationFailed},
		{name: "exp text", payload: `{"sub":"u","exp":"1790000060"}`, want: ReasonVerificationFailed},
		{name: "exp edge out", payload: `{"sub":"u","exp":1789999995}`, want: ReasonExpired},
		{name: "exp edge in", payload: `{"sub":"u","exp":1789999996}`},
		{name: "exp fraction is cut", payload: `{"sub":"u","exp":1789999995.9}`, want: ReasonExpired},
		{name: "exp out of range never expires", payload: `{"sub":"u","exp":1e15}`},
		{name: "exp infinite never expires", payload: `{"sub":"u","exp":1e999}`},
		{name: "exp far negative out of range", payload: `{"sub":"u","exp":-1e15}`},
		{name: "exp zero", payload: `{"sub":"u","exp":-0}`, want: ReasonExpired},
		{name: "nbf edge in", payload: `{"sub":"u","exp":1790000060,"nbf":1790000005}`},
		{name: "nbf edge out", payload: `{"sub":"u","exp":1790000060,"nbf":1790000006}`, want: ReasonNotActiveYet},
		{name: "nbf out of range is active", payload: `{"sub":"u","exp":1790000060,"nbf":1e15}`},
		{name: "nbf null", payload: `{"sub":"u","exp":1790000060,"nbf":null}`, want: ReasonVerificationFailed},
		{name: "iat edge in", payload: `{"sub":"u","exp":1790000060,"iat":1790000005}`},
		{name: "iat edge out", payload: `{"sub":"u","exp":1790000060,"iat":1790000006}`, want: ReasonIATInTheFuture},
		{name: "iat text", payload: `{"sub":"u","exp":1790000060,"iat":"1"}`, want: ReasonVerificationFailed},
		{name: "expired before bad iat type", payload: `{"sub":"u","exp":1,"iat":"1"}`, want: ReasonExpired},
		{name: "party matches", payload: good, change: parties("https://b.example", "https://a.example")},
		{name: "party differs in case", payload: good, change: parties("https://A.example"), want: ReasonInvalidAuthorizedParties},
		{name: "party missing", payload: `{"sub":"u","exp":1790000060}`, change: parties("https://a.example"), want: ReasonInvalidAuthorizedParties},
		{name: "party empty", payload: `{"sub":"u","azp":"","exp":1790000060}`, change: parties(""), want: ReasonInvalidAuthorizedParties},
		{name: "party before expiry", payload: `{"sub":"u","exp":1}`, change: parties("https://a.example"), want: ReasonInvalidAuthorizedParties},
		{name: "aud absent", payload: good, change: audience("x")},
		{name: "aud text", payload: `{"sub":"u","exp":1790000060,"aud":"x"}`, change: audience("y", "x")},
		{name: "aud other", payload: `{"sub":"u","exp":1790000060,"aud":"z"}`, change: audience("x"), want: ReasonVerificationFailed},
		{name: "aud list", payload: `{"sub":"u","exp":1790000060,"aud":["z","x"]}`, change: audience("x")},
		{name: "aud list other", payload: `{"sub":"u","exp":1790000060,"aud":["z",""]}`, change: audience("x"), want: ReasonVerificationFailed},
		{name: "aud mixed list", payload: `{"sub":"u","exp":1790000060,"aud":["z",1]}`, change: audience("x")},
		{name: "aud empties", payload: `{"sub":"u","exp":1790000060,"aud":[""]}`, change: audience("x")},
		{name: "aud empty list", payload: `{"sub":"u","exp":1790000060,"aud":[]}`, change: audience("x")},
		{name: "aud number", payload: `{"sub":"u","exp":1790000060,"aud":7}`, change: audience("x")},
		{name: "empty audiences are ignored", payload: `{"sub":"u","exp":1790000060,"aud":"z"}`, change: audience("")},
		{name: "no skew", payload: `{"sub":"u","exp":1790000000}`, change: func(c *Config) { c.ClockSkew = 0 }, want: ReasonExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := tt.header
			if header == "" {
				header = goodHeader
			}
			v := s.verifier(t, tt.change)
			raw := s.signText(t, header, tt.payload)
			for range 2 { // the second answer may come from the cache
				got, err := v.Session(t.Context(), raw)
				if tt.want == "" {
					require.NoError(t, err)
					assert.Equal(t, raw, got.Token().Raw())
				} else {
					assert.Nil(t, got)
					assert.Equal(t, tt.want, reasonOf(t, err))
				}
			}
		})
	}
}

func withIssuer(iss string) string { return `{"sub":"u","exp":1790000060,"iss":` + iss + `}` }

func parties(p ...string) func(*Config)  { return func(c *Config) { c.AuthorizedParties = p } }
func issuers(i ...string) func(*Config)  { return func(c *Config) { c.Issuers = i } }
func audience(a ...string) func(*Config) { return func(c *Config) { c.Audience = a } }

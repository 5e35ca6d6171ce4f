package token

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/jwks"
)

func TestMachineTokens(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	const oauthHeader = `{"alg":"RS256","kid":"ins_1","typ":"at+jwt"}`
	tests := []struct {
		name            string
		oauth           bool
		header, payload string
		audience        []string
		scopes          []string
		want            Reason
		message         string
	}{
		{name: "m2m", payload: `{"sub":"mch_1","exp":1790000060,"scopes":"a b","aud":["c"]}`, scopes: []string{"a", "b"}},
		{name: "m2m scopes from aud", payload: `{"sub":"mch_1","exp":1790000060,"aud":["c","d"]}`, scopes: []string{"c", "d"}},
		{name: "m2m own category", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD333AAA"}`, payload: `{"sub":"mch_1","exp":1790000060}`},
		{name: "m2m session category", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD111AAA"}`, payload: `{"sub":"mch_1","exp":1790000060}`, want: ReasonInvalid, message: "Invalid M2M JWT category. (code=token-invalid, status=n/a)"},
		{name: "m2m ignore category", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_I7d4PD111III"}`, payload: `{"sub":"mch_1","exp":1790000060}`, want: ReasonInvalid},
		{name: "m2m null category before the key", header: `{"alg":"RS256","kid":"x","cat":null}`, payload: `{"sub":"mch_1","exp":1790000060}`, want: ReasonInvalid},
		{name: "m2m expired", payload: `{"sub":"mch_1","exp":1}`, want: ReasonVerificationFailed,
			message: "JWT is expired. Expiry date: Thu, 01 Jan 1970 00:00:01 GMT, Current date: Mon, 21 Sep 2026 14:13:20 GMT. (code=token-verification-failed, status=n/a)"},
		{name: "m2m unknown key", header: `{"alg":"RS256","kid":"x"}`, payload: `{"sub":"mch_1","exp":1790000060}`, want: ReasonVerificationFailed},
		{name: "m2m typed as access token", header: oauthHeader, payload: `{"sub":"mch_1","exp":1790000060}`, want: ReasonVerificationFailed},
		{name: "m2m without aud, configured", payload: `{"sub":"mch_1","exp":1790000060}`, audience: []string{"x"}},
		{name: "m2m other aud", payload: `{"sub":"mch_1","exp":1790000060,"aud":["y"]}`, audience: []string{"x"}, want: ReasonVerificationFailed},
		{name: "a user is no machine", payload: `{"sub":"user_1","exp":1790000060}`, want: ReasonVerificationFailed},

		{name: "oauth scp", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"scp":["a","b"],"scope":"c"}`, scopes: []string{"a", "b"}},
		{name: "oauth scope", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"scope":"c d"}`, scopes: []string{"c", "d"}},
		{name: "oauth long type", oauth: true, header: `{"alg":"RS256","kid":"ins_1","typ":"application/at+jwt"}`, payload: `{"sub":"user_1","exp":1790000060}`},
		{name: "oauth without aud, configured", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060}`, audience: []string{"x"}, want: ReasonVerificationFailed,
			message: "Invalid OAuth audience claim (aud) undefined. Expected a non-empty string or a non-empty array of non-empty strings. (code=token-verification-failed, status=n/a)"},
		{name: "oauth aud", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"aud":"x"}`, audience: []string{"x"}},
		{name: "oauth aud list", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"aud":["y","x"]}`, audience: []string{"x"}},
		{name: "oauth aud with an empty one", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"aud":["x",""]}`, audience: []string{"x"}, want: ReasonVerificationFailed},
		{name: "oauth aud mixed", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"aud":["x",1]}`, audience: []string{"x"}, want: ReasonVerificationFailed},
		{name: "oauth other aud", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":1790000060,"aud":["https://nobody.example","https://api.two.example"]}`, audience: []string{"https://api.one.example"}, want: ReasonVerificationFailed,
			message: `OAuth audience mismatch. Verification expected audience ["https://api.one.example"], but incoming token has aud ["https://nobody.example","https://api.two.example"]. (code=token-verification-failed, status=n/a)`},
		{name: "oauth expiry before aud", oauth: true, header: oauthHeader, payload: `{"sub":"user_1","exp":0}`, audience: []string{"x"}, want: ReasonVerificationFailed,
			message: "JWT is expired. Expiry date: Thu, 01 Jan 1970 00:00:00 GMT, Current date: Mon, 21 Sep 2026 14:13:20 GMT. (code=token-verification-failed, status=n/a)"},
		{name: "a session is no access token", oauth: true, payload: `{"sub":"user_1","exp":1790000060}`, want: ReasonVerificationFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.header == "" {
				tt.header = goodHeader
			}
			v := s.verifier(t, func(c *Config) { c.Audience = tt.audience })
			verify := v.M2M
			if tt.oauth {
				verify = v.OAuth
			}
			got, err := verify(t.Context(), s.signText(t, tt.header, tt.payload))
			if tt.want == "" {
				require.NoError(t, err)
				assert.Equal(t, tt.scopes, got.Claims().Scopes)
				return
			}
			assert.Nil(t, got)
			require.Equal(t, tt.want, reasonOf(t, err))
			if tt.message != "" {
				assert.Equal(t, tt.message, err.(*Error).FullMachineMessage())
			}
		})
	}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	const lines = `{"handshake":["__session=a; Path=/","__client_uat=1"],"exp":1}`
	tests := []struct {
		name, header, payload string
		want                  Reason
		message               string
	}{
		{name: "expired is fine", header: goodHeader, payload: lines},
		{name: "session category", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD111AAA"}`, payload: lines},
		{name: "template category", header: `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD222AAA"}`, payload: lines, want: ReasonInvalid,
			message: "Invalid handshake token category. Make sure that this is a valid Clerk-generated JWT. (reason=token-invalid, token-carrier=undefined)"},
		{name: "unknown key", header: `{"alg":"RS256","kid":"x"}`, payload: lines, want: ReasonKIDMismatch},
		{name: "type", header: `{"alg":"RS256","kid":"ins_1","typ":"at+jwt"}`, payload: lines, want: ReasonInvalid},
		{name: "algorithm", header: `{"alg":"HS256","kid":"ins_1"}`, payload: lines, want: ReasonInvalidAlgorithm},
		{name: "algorithm of another key", header: `{"alg":"RS512","kid":"ins_1"}`, payload: lines, want: ReasonVerificationFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := v.Handshake(t.Context(), s.signText(t, tt.header, tt.payload))
			if tt.want == "" {
				require.NoError(t, err)
				assert.Equal(t, []string{"__session=a; Path=/", "__client_uat=1"}, got)
				return
			}
			assert.Nil(t, got)
			require.Equal(t, tt.want, reasonOf(t, err))
			if tt.message != "" {
				assert.Equal(t, tt.message, err.(*Error).FullMessage(""))
			}
		})
	}
	raw := s.signText(t, goodHeader, lines)
	_, err := v.Handshake(t.Context(), raw[:strings.LastIndexByte(raw, '.')+1]+"AAAA")
	assert.Equal(t, ReasonInvalidSignature, reasonOf(t, err))
}

// A handshake claim that is no list sets nothing; a list with something else
// than lines in it is an error, and no reason of the protocol.
func TestHandshakeOfOddShape(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	for _, payload := range []string{`{"handshake":"__session=a"}`, `{"handshake":null}`, `{}`, `null`, `5`} {
		got, err := v.Handshake(t.Context(), s.signText(t, goodHeader, payload))
		require.NoError(t, err, payload)
		assert.Empty(t, got, payload)
	}
	got, err := v.Handshake(t.Context(), s.signText(t, goodHeader, `{"handshake":["__session=a",1]}`))
	require.ErrorIs(t, err, errHandshakeClaim)
	assert.Nil(t, got)
}

// The texts are those recorded from the reference.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	tests := []struct{ name, header, payload, want string }{
		{"sub", goodHeader, `{}`, "Subject claim (sub) is required and must be a string. Received undefined. Make sure that this is a valid Clerk-generated JWT. (reason=token-verification-failed, token-carrier=cookie)"},
		{"typ", `{"kid":"ins_1","alg":"RS256","typ":null}`, `{}`, `Invalid JWT type null. Expected "JWT". Make sure that this is a valid Clerk-generated JWT. (reason=token-invalid, token-carrier=cookie)`},
		{"alg", `{"kid":"ins_1","alg":"None"}`, `{}`, `Invalid JWT algorithm "None". Supported: RS256,RS384,RS512. Make sure that this is a valid Clerk-generated JWT. (reason=token-invalid-algorithm, token-carrier=cookie)`},
		{"alg of key", `{"kid":"ins_1","alg":"RS512"}`, `{}`, `Error verifying JWT signature. Error: JWK "alg" does not match the requested algorithm Make sure that this is a valid Clerk-generated JWT. (reason=token-verification-failed, token-carrier=cookie)`},
		{"azp", goodHeader, `{"sub":"u"}`, `Invalid JWT Authorized party claim (azp) undefined. Expected "https://a.example,https://b.example". (reason=token-invalid-authorized-parties, token-carrier=cookie)`},
		{"exp", goodHeader, `{"sub":"u","azp":"https://a.example","exp":"1790007200"}`, `Invalid JWT expiry date claim (exp) "1790007200". Expected number. Make sure that this is a valid Clerk-generated JWT. (reason=token-verification-failed, token-carrier=cookie)`},
		{"nbf", goodHeader, `{"sub":"u","azp":"https://a.example","exp":1790007200,"nbf":1790000006}`, "JWT cannot be used prior to not before date claim (nbf). Not before date: Mon, 21 Sep 2026 14:13:26 GMT; Current date: Mon, 21 Sep 2026 14:13:20 GMT; (reason=token-not-active-yet, token-carrier=cookie)"},
		{"kid", `{"kid":"","alg":"RS256"}`, `{}`, "Unable to find a signing key in JWKS that matches the kid='' of the provided session token. Please make sure that the __session cookie or the HTTP authorization header contain a Clerk-generated session JWT. Go to your Dashboard and validate your secret and public keys are correct. Contact support@clerk.com if the issue persists. (reason=jwk-kid-mismatch, token-carrier=cookie)"},
	}
	v := s.verifier(t, parties("https://a.example", "https://b.example"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Session(t.Context(), s.signText(t, tt.header, tt.payload))
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.want, e.FullMessage("cookie"))
		})
	}
}

func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	long := strings.Repeat("é", 2000)
	for _, header := range []string{
		`{"kid":"` + long + `","alg":"RS256"}`, `{"kid":"ins_1","alg":"` + long + `"}`, `{"kid":"ins_1","alg":["` + long + `"]}`,
	} {
		raw := s.signText(t, header, `{}`)
		_, err := v.Session(t.Context(), raw)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 900)
		assert.NotContains(t, err.Error(), raw)
	}
}

func TestKeyFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want Reason
	}{
		{jwks.ErrUnknownKey, ReasonKIDMismatch},
		{jwks.ErrUnavailable, ReasonRemoteKeysFailedToLoad},
		{jwks.ErrEmpty, ReasonRemoteKeysFailedToLoad},
		{fmt.Errorf("fetch: %w", jwks.ErrSecretKeyInvalid), ReasonSecretKeyInvalid},
		{errors.New("odd"), ReasonRemoteKeysFailedToLoad},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			t.Parallel()
			s := newSigner(t)
			s.source.err = tt.err
			raw := s.signText(t, goodHeader, shortClaims)
			_, err := s.verifier(t, nil).Session(t.Context(), raw)
			assert.Equal(t, tt.want, reasonOf(t, err))
			require.ErrorIs(t, err, tt.err)
		})
	}
	s := newSigner(t)
	v := s.verifier(t, func(c *Config) { c.Keys = nil })
	_, err := v.Session(t.Context(), s.signText(t, goodHeader, shortClaims))
	assert.Equal(t, ReasonKeyFailedToResolve, reasonOf(t, err))
}

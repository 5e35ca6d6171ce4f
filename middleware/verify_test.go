package middleware_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

func TestVerifyToken(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	f.answer = func(path, _ string) (int, string) {
		switch {
		case strings.HasSuffix(path, "/sess_ended"):
			return http.StatusOK, `{"object":"session","id":"sess_ended","status":"ended"}`
		case strings.Contains(path, "/sessions/"):
			return http.StatusOK, `{"object":"session","id":"sess_1","status":"active"}`
		}
		return http.StatusNotFound, `{"errors":[{"code":"resource_not_found","message":"no"}]}`
	}
	a := f.authenticator(func(o *middleware.Options) {
		o.AcceptsToken = []middleware.TokenType{middleware.SessionToken, middleware.M2MToken}
		o.AuthorizedParties, o.Issuer = []string{flowOrigin}, []string{"https://" + f.host}
		o.SessionLookup = middleware.LookupCached
	})
	machine := with{"cat": categoryMachine}
	for name, tt := range map[string]struct {
		token string
		want  middleware.Reason // "" means signed in
	}{
		"session":          {f.token(nil, nil), ""},
		"M2M":              {f.token(machine, with{"sub": "mch_1"}), ""},
		"M2M, any issuer":  {f.token(machine, with{"sub": "mch_1", "iss": "https://other.example"}), ""},
		"nothing":          {"", "token-invalid"},
		"no token":         {"x", "token-invalid"},
		"two tokens":       {f.token(nil, nil) + " " + f.token(nil, nil), "token-invalid"},
		"forged":           {f.unsigned(nil, nil) + ".c2ln", "token-invalid-signature"},
		"expired":          {f.token(nil, with{"exp": f.now.Unix() - 60}), "session-token-expired"},
		"early":            {f.token(nil, with{"nbf": f.now.Unix() + 60}), "session-token-nbf"},
		"another party":    {f.token(nil, with{"azp": "https://other.example"}), "token-invalid-authorized-parties"},
		"another issuer":   {f.token(nil, with{"iss": "https://other.example"}), "token-invalid-issuer"},
		"no issuer":        {f.token(nil, with{"iss": nil}), "token-invalid-issuer"},
		"template":         {f.token(with{"cat": categoryTemplate}, nil), "token-type-mismatch"},
		"API key":          {"ak_1", "token-type-mismatch"},
		"unknown M2M":      {"mt_1", "token-invalid"},
		"ended session":    {f.token(nil, with{"sid": "sess_ended"}), "session-revoked"},
		"pending session":  {f.token(nil, with{"sts": "pending"}), "session-pending"},
		"nobody's session": {f.token(nil, with{"sub": ""}), "token-without-subject"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				auth, err := a.VerifyToken(t.Context(), tt.token)
				if tt.want == "" {
					require.NoError(t, err)
					assert.True(t, auth.IsSignedIn())
					continue
				}
				assert.Nil(t, auth)
				var refused *middleware.TokenError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, tt.want, refused.Reason)
				assert.Contains(t, err.Error(), string(tt.want))
			}
		})
	}
}

func TestVerifyTokenSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) {
		o.AcceptsToken, o.BackendRateLimit = []middleware.TokenType{middleware.APIKeyToken}, 1
	})
	_, _ = a.VerifyToken(t.Context(), "ak_1")
	_, err := a.VerifyToken(t.Context(), "ak_2")
	var refused *middleware.TokenError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 10*time.Second, refused.RetryAfter)
}

// TestPendingSessionsByPart: one part of an application accepts pending sessions that the
// others do not.
func TestPendingSessionsByPart(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	tasks, err := a.With(middleware.Variant{AcceptPendingSessions: true})
	require.NoError(t, err)
	pending := f.token(nil, with{"sts": "pending"})
	for range 2 {
		assert.False(t, a.Authenticate(bearer(pending)).Auth.IsSignedIn())
		assert.True(t, tasks.Authenticate(bearer(pending)).Auth.IsSignedIn())
	}
}

// TestAudienceAndActorOfOAuthTokens are as @clerk/backend 3.25 has them in
// IdPOAuthAccessToken: a text becomes a list, and an actor has sub, iss and one more behind.
func TestAudienceAndActorOfOAuthTokens(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		aud, act string
		audience []string
		actor    string
	}{
		"neither":           {"", "", nil, ""},
		"text":              {`"urn:one"`, "", []string{"urn:one"}, ""},
		"list":              {`["urn:one","urn:two"]`, "", []string{"urn:one", "urn:two"}, ""},
		"number":            {`5`, `5`, nil, ""},
		"null":              {`null`, `null`, nil, ""},
		"actor":             {`"urn:one"`, `{"sub":"agent_1","iss":"https://a.example","more":1}`, []string{"urn:one"}, `{"sub":"agent_1","iss":"https://a.example"}`},
		"odd issuer":        {"", `{"sub":"agent_1","iss":5}`, nil, `{"sub":"agent_1"}`},
		"nested":            {"", `{"sub":"a","act":{"sub":"b","act":{"sub":"c"}}}`, nil, `{"sub":"a","act":{"sub":"b"}}`},
		"nested without":    {"", `{"sub":"a","act":{"iss":"b"}}`, nil, `{"sub":"a"}`},
		"without a subject": {"", `{"iss":"a"}`, nil, ""},
		"other case":        {"", `{"SUB":"a"}`, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, members := with{}, ""
			for member, raw := range map[string]string{"aud": tt.aud, "act": tt.act} {
				if raw != "" {
					claims[member] = json.RawMessage(raw)
					members += `,"` + member + `":` + raw
				}
			}
			f := newForge(t, 0)
			f.answer = func(string, string) (int, string) {
				return http.StatusOK, `{"object":"clerk_idp_oauth_access_token","id":"oat_1","client_id":"client_1","subject":"user_1","scopes":[]` + members + `}`
			}
			a := f.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.OAuthToken} })
			for _, raw := range []string{f.token(with{"typ": "at+jwt", "cat": nil}, claims), "oat_opaque"} {
				auth, err := a.VerifyToken(t.Context(), raw)
				require.NoError(t, err)
				assert.Equal(t, tt.audience, auth.Audience, raw)
				if tt.actor == "" {
					assert.Nil(t, auth.Actor, raw)
				} else {
					assert.JSONEq(t, tt.actor, string(auth.Actor), raw)
				}
			}
		})
	}
}

func TestClaimsOfM2MTokensAreTheIssuersOwn(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.M2MToken} })
	claims := func(more with) json.RawMessage {
		t.Helper()
		registered := with{"sub": "mch_1", "jti": "mt_1", "sid": nil, "azp": nil}
		maps.Copy(registered, more)
		auth, err := a.VerifyToken(t.Context(), f.token(with{"cat": categoryMachine}, registered))
		require.NoError(t, err)
		return auth.Claims()
	}
	assert.Nil(t, claims(with{"jti": "x"}))
	assert.JSONEq(t, `{"plan":"pro","n":12345678901234567890,"scopes":"a b","aud":["mch_2"]}`,
		string(claims(with{"plan": "pro", "n": json.Number("12345678901234567890"), "scopes": "a b", "aud": []string{"mch_2"}})))
}

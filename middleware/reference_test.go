package middleware_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// What the run beside Clerk's own SDK (internal/test/differential) found, each with the
// answer that the SDK gave.

// keysFrom answers requests for the keys by itself, and all else by the forge.
type keysFrom struct {
	*forge
	answer vectors.Answer
}

func (k keysFrom) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1/jwks" {
		return k.forge.RoundTrip(r)
	}
	if k.answer.Hangup {
		return nil, errors.New("connection reset")
	}
	return k.answer.Response()
}

func TestKeysThatCannotBeLoaded(t *testing.T) {
	t.Parallel()
	const asJSON = "application/json"
	tests := []struct {
		name   string
		answer vectors.Answer
		want   middleware.Reason
	}{
		{"no connection", vectors.Answer{Hangup: true}, middleware.ReasonUnexpectedError},
		{"a proxy's page", vectors.Answer{Status: 502, ContentType: "text/html", Body: "<html>"}, middleware.ReasonUnexpectedError},
		{"cut short", vectors.Answer{Status: 200, ContentType: asJSON, Body: `{"keys":`}, middleware.ReasonUnexpectedError},
		{"an error", vectors.Answer{Status: 500, ContentType: asJSON, Body: `{"errors":[{"code":"internal_clerk_error"}]}`}, "jwk-remote-failed-to-load"},
		{"null", vectors.Answer{Status: 200, ContentType: asJSON, Body: `null`}, middleware.ReasonUnexpectedError},
		{"no list of keys", vectors.Answer{Status: 200, ContentType: asJSON, Body: `{}`}, "jwk-remote-failed-to-load"},
		{"no keys", vectors.Answer{Status: 200, ContentType: asJSON, Body: `{"keys":[]}`}, "jwk-remote-failed-to-load"},
		{"wrong secret key", vectors.Answer{Status: 401, ContentType: asJSON, Body: `{"errors":[{"code":"clerk_key_invalid"}]}`}, "secret-key-invalid"},
		{"wrong secret key among errors", vectors.Answer{Status: 403, ContentType: asJSON, Body: `{"errors":[{"code":"x"},{"code":"clerk_key_invalid"}]}`}, "secret-key-invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, 0)
			a := f.authenticator(func(o *middleware.Options) {
				o.Transport, o.Outage = keysFrom{f, tt.answer}, middleware.OutageHandshake
			})
			for carrier, r := range map[string]*http.Request{"header": bearer(f.token(nil, nil)), "cookie": f.page(f.token(nil, nil))} {
				s := a.Authenticate(r)
				assert.Equal(t, middleware.SignedOut, s.Status, carrier)
				assert.Equal(t, tt.want, s.Reason, carrier)
			}
		})
	}
}

func TestOddClaims(t *testing.T) {
	t.Parallel()
	org := map[string]any{"id": "org_1", "per": "read", "fpm": "1"}
	tests := []struct {
		name          string
		header        with
		claims        with
		status        middleware.Status
		cookie, plain middleware.Reason // the reason in a cookie, and in the header
	}{
		{"iat as hexadecimal text", nil, with{"iat": "0x10"}, middleware.Handshake, middleware.ReasonSessionTokenIATBeforeClientUAT, "token-verification-failed"},
		{"iat as a list", nil, with{"iat": []any{5}}, middleware.Handshake, middleware.ReasonSessionTokenIATBeforeClientUAT, "token-verification-failed"},
		{"iat as an empty list", nil, with{"iat": []any{}}, middleware.Handshake, middleware.ReasonSessionTokenIATBeforeClientUAT, "token-verification-failed"},
		{"iat as a list of true", nil, with{"iat": []any{true}}, middleware.SignedOut, "token-verification-failed", "token-verification-failed"},
		{"iat as two numbers", nil, with{"iat": []any{1, 2}}, middleware.SignedOut, "token-verification-failed", "token-verification-failed"},
		{"a feature without scope", nil, with{"v": 2, "o": org, "fea": "o:a,b"}, middleware.SignedOut, middleware.ReasonUnexpectedError, middleware.ReasonUnexpectedError},
		{"features as a list", nil, with{"v": 2, "o": org, "fea": []any{"o:a"}}, middleware.SignedOut, middleware.ReasonUnexpectedError, middleware.ReasonUnexpectedError},
		{"permissions as a number", nil, with{"v": 2, "o": map[string]any{"id": "org_1", "per": 5, "fpm": "1"}}, middleware.SignedOut, middleware.ReasonUnexpectedError, middleware.ReasonUnexpectedError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, 0)
			a, token := f.authenticator(nil), f.token(tt.header, tt.claims)
			inCookie, inHeader := a.Authenticate(f.page(token)), a.Authenticate(bearer(token))
			assert.Equal(t, tt.status, inCookie.Status)
			assert.Equal(t, tt.cookie, inCookie.Reason)
			assert.Equal(t, middleware.SignedOut, inHeader.Status)
			assert.Equal(t, tt.plain, inHeader.Reason)
		})
	}
}

func TestOddScopesOfAMachine(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.AnyToken} })
	m2m := with{"cat": categoryMachine}
	for name, claims := range map[string]with{"text": {"sub": "mch_1", "scopes": "a b"}, "absent": {"sub": "mch_1"}} {
		require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(f.token(m2m, claims))).Status, name)
	}
	for name, token := range map[string]string{
		"m2m":   f.token(m2m, with{"sub": "mch_1", "scopes": []string{"a"}}),
		"oauth": f.token(with{"typ": "at+jwt", "cat": nil}, with{"scope": 5}),
	} {
		s := a.Authenticate(bearer(token))
		assert.Equal(t, middleware.SignedOut, s.Status, name)
		assert.Equal(t, middleware.ReasonUnexpectedError, s.Reason, name)
	}
}

// The SDK throws on such a cookie even if there is a valid token in the header.
func TestNullSessionCookieSignsNobodyIn(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a, good := f.authenticator(nil), f.token(nil, nil)
	null := good[:strings.IndexByte(good, '.')] + ".bnVsbA.AAAA"
	suffixed := "__session_" + a.CookieSuffix() + "="
	foreign := f.token(nil, with{"iss": "https://clerk.other.example"})
	tests := []struct {
		name, cookies string
		want          middleware.Status
	}{
		{"plain", "__session=" + null, middleware.SignedOut},
		{"suffixed", suffixed + null, middleware.SignedOut},
		{"suffixed beside a good one", "__session=" + good + "; " + suffixed + null, middleware.SignedOut},
		{"suffixed, not looked at", "__session=" + foreign + "; " + suffixed + null, middleware.SignedIn},
		{"none", "a=b", middleware.SignedIn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bearer(good)
			r.Header.Set("Cookie", tt.cookies)
			assert.Equal(t, tt.want, a.Authenticate(r).Status)
		})
	}
}

func TestOddAnswersToARefresh(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		why        string
	}{
		{"null", `null`, 200, "fetch-error"},
		{"a number", `5`, 200, "fetch-error"},
		{"a text", `"x"`, 200, "unexpected-sdk-error"},
		{"nothing", ``, 500, "fetch-error"},
		{"errors null", `{"errors":null}`, 400, "fetch-error"},
		{"errors as text", `{"errors":"x"}`, 400, "fetch-error"},
		{"errors with null", `{"errors":[null]}`, 400, "fetch-error"},
		{"no errors", `{"errors":[]}`, 400, "unexpected-bapi-error"},
		{"no list", `{}`, 400, "unexpected-bapi-error"},
		{"no code", `{"errors":[{"message":"m"}]}`, 400, "unexpected-sdk-error"},
		{"a code", `{"errors":[{"code":"a"},{"code":"b"}]}`, 400, "a"},
		{"a cookie that is no header", `{"object":"cookies","cookies":["__session=x; a=✓"]}`, 200, "unexpected-sdk-error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, 0)
			f.answer = func(string, string) (int, string) { return tt.status, tt.body }
			a := f.authenticator(func(o *middleware.Options) { o.Outage = middleware.OutageHandshake })
			expired := f.token(nil, with{"exp": f.now.Unix() - 60})
			s := a.Authenticate(f.page(expired, "__refresh_"+a.CookieSuffix()+"=rt_1"))
			assert.Equal(t, middleware.Handshake, s.Status)
			assert.Equal(t, middleware.Reason("session-token-expired-refresh-"+tt.why), s.Reason)
		})
	}
}

func TestAudienceOfAnInactiveOAuthToken(t *testing.T) {
	t.Parallel()
	for audience, want := range map[string]middleware.Reason{"https://api.example": "token-invalid", "https://other.example": "token-verification-failed"} {
		f := newForge(t, 0)
		f.answer = func(string, string) (int, string) {
			return 200, `{"object":"clerk_idp_oauth_access_token","id":"oat_1","client_id":"c","subject":"user_1","scopes":[],"aud":["` + audience + `"],"expired":true}`
		}
		a := f.authenticator(func(o *middleware.Options) {
			o.AcceptsToken, o.Audience = []middleware.TokenType{middleware.OAuthToken}, []string{"https://api.example"}
		})
		assert.Equal(t, want, a.Authenticate(bearer("oat_1")).Reason, audience)
	}
}

func TestOddHandshakes(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	session := "__session=" + f.token(nil, nil) + "; Path=/"
	a := f.authenticator(nil)
	resolve := func(directives ...string) *middleware.State {
		return a.Authenticate(f.page(f.token(nil, nil), "__clerk_handshake="+f.token(nil, with{"handshake": directives})))
	}

	latin := resolve(session, "name=Zoé")
	assert.Equal(t, []string{session, "name=Zo\xe9"}, latin.Header["Set-Cookie"], "one byte for each character")

	other := resolve(session, "name=✓")
	assert.Equal(t, middleware.SignedIn, other.Status, "by the session cookie, as if there were no handshake")
	assert.Empty(t, other.Header["Set-Cookie"])

	f.kind, f.host = "test", "calm-panda-1.clerk.accounts.dev"
	development := f.authenticator(nil)
	s := development.Authenticate(f.page(f.token(nil, nil), "__clerk_handshake=bnVsbA.e30.AAAA"))
	assert.Equal(t, middleware.SignedIn, s.Status, "a null header is no reason to stop")
}

// A repeated parameter is a list to the SDK, and no list is the active organization.
func TestRepeatedOrganizationParameter(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	token := f.token(nil, with{"org_id": "org_1", "org_slug": "one"})
	for pattern, want := range map[string]middleware.Status{
		"/orgs/:slug": middleware.SignedIn, "/orgs/:slug+": middleware.Handshake, "/orgs/:slug*": middleware.Handshake, "/:x/:slug": middleware.SignedIn,
	} {
		a := f.authenticator(func(o *middleware.Options) { o.OrganizationPatterns = []string{"/other/:slug+", pattern} })
		r := f.page(token)
		r.RequestURI, r.URL.Path = "/orgs/one", "/orgs/one"
		assert.Equal(t, want, a.Authenticate(r).Status, pattern)
	}
}

// An empty audience counts as absent, for opaque tokens as for JWTs.
func TestEmptyAudiencesAreNone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		audience []string
		want     middleware.Status
	}{
		"none":              {nil, middleware.SignedIn},
		"empty":             {[]string{""}, middleware.SignedIn},
		"empty and other":   {[]string{"", "https://other.example"}, middleware.SignedOut},
		"empty and its own": {[]string{"", "https://api.example"}, middleware.SignedIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, 0)
			f.answer = func(string, string) (int, string) {
				return 200, `{"object":"clerk_idp_oauth_access_token","id":"oat_1","client_id":"c","subject":"user_1","scopes":[],"aud":["https://api.example"]}`
			}
			a := f.authenticator(func(o *middleware.Options) {
				o.AcceptsToken, o.Audience = []middleware.TokenType{middleware.OAuthToken}, tt.audience
			})
			assert.Equal(t, tt.want, a.Authenticate(bearer("oat_1")).Status)
			jwt := f.token(with{"typ": "at+jwt", "cat": nil}, with{"aud": "https://api.example", "client_id": "c"})
			assert.Equal(t, tt.want, a.Authenticate(bearer(jwt)).Status)
		})
	}
}

package clerktest_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const app = "http://localhost:8080"

func handshakePath(pairs ...string) string {
	query := url.Values{"redirect_url": {app + "/page?a=1"}, "format": {"nonce"}}
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return "/v1/client/handshake?" + query.Encode()
}

// devBrowser is the value that the session's browser shows in development.
func (f *fixture) devBrowser(sessionID string) string {
	for _, cookie := range f.Cookies(sessionID, app) {
		if cookie.Name == "__clerk_db_jwt" {
			return cookie.Value
		}
	}
	return ""
}

func TestHandshakeInDevelopment(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"nonce", "token"} {
		t.Run(format, func(t *testing.T) {
			f := setup(t, clerktest.Options{})
			session := f.SignIn("jane@example.com")
			got := f.do(http.MethodGet, handshakePath("format", format, "__clerk_db_jwt", f.devBrowser(session.ID)), "")
			require.Equal(t, http.StatusTemporaryRedirect, got.StatusCode, "%s", got.body)
			assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
			assert.Empty(t, got.Cookies(), "in development the payload travels in the address")

			target, err := got.Location()
			require.NoError(t, err)
			assert.Equal(t, "1", target.Query().Get("a"))
			var lines []string
			if format == "nonce" {
				nonce := target.Query().Get("__clerk_handshake_nonce")
				body := f.backend(http.MethodGet, "/v1/clients/handshake_payload?nonce="+nonce, nil)
				require.Equal(t, http.StatusOK, body.StatusCode)
				lines = stringList(body.json(t)["directives"])
			} else {
				lines = stringList(f.claims(target.Query().Get("__clerk_handshake"))["handshake"])
			}
			assertSignedIn(t, f, lines, session)
			assert.Equal(t, f.devBrowser(session.ID), cookiesIn(t, lines)["__clerk_db_jwt"].Value)
			assert.Contains(t, cookiesIn(t, lines), "__clerk_db_jwt_"+f.CookieSuffix())
		})
	}
}

func assertSignedIn(t *testing.T, f *fixture, lines []string, session *clerktest.Session) {
	t.Helper()
	cookies := cookiesIn(t, lines)
	sfx := "_" + f.CookieSuffix()
	for _, name := range []string{"__session", "__session" + sfx} {
		require.Contains(t, cookies, name)
		claims := f.claims(cookies[name].Value)
		assert.Equal(t, session.ID, claims["sid"])
		assert.Equal(t, app, claims["azp"])
		assert.False(t, cookies[name].HttpOnly)
	}
	uat := strconv.FormatInt(session.CreatedAt.Unix(), 10)
	assert.Equal(t, uat, cookies["__client_uat"].Value)
	assert.Equal(t, uat, cookies["__client_uat"+sfx].Value)
	require.Contains(t, cookies, "__refresh"+sfx)
	assert.True(t, cookies["__refresh"+sfx].HttpOnly)
	assert.NotContains(t, cookies, "__refresh")
}

func TestHandshakeInProduction(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true})
	session := f.SignIn("omar@example.com")
	clientCookie := ""
	for _, cookie := range f.Cookies(session.ID, app) {
		if cookie.Name == "__client" {
			clientCookie = cookie.String()
		}
	}
	got := f.do(http.MethodGet, handshakePath(), "", append(f.asProxy(app), "Cookie", clientCookie)...)
	require.Equal(t, http.StatusTemporaryRedirect, got.StatusCode, "%s", got.body)
	assert.Equal(t, app+"/page?a=1", got.Header.Get("Location"))
	cookies := cookiesIn(t, got.Header.Values("Set-Cookie"))
	require.Contains(t, cookies, "__clerk_handshake_nonce")
	assert.Equal(t, 60, cookies["__clerk_handshake_nonce"].MaxAge)

	path := "/v1/clients/handshake_payload?nonce=" + cookies["__clerk_handshake_nonce"].Value
	lines := stringList(f.backend(http.MethodGet, path, nil).json(t)["directives"])
	assertSignedIn(t, f, lines, session)
	directives := cookiesIn(t, lines)
	assert.NotContains(t, directives, "__clerk_db_jwt")
	assert.Negative(t, directives["__clerk_handshake"].MaxAge)
	assert.Negative(t, directives["__clerk_handshake_nonce"].MaxAge)

	again := f.backend(http.MethodGet, path, nil)
	assert.Equal(t, http.StatusBadRequest, again.StatusCode, "a nonce works once")
	assert.Equal(t, "invalid_nonce", again.code())
}

func TestHandshakeSignedOut(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	for name, browser := range map[string]string{
		"no dev browser": "", "unknown dev browser": "dvb_unknown", "session over": f.devBrowser(session.ID),
	} {
		t.Run(name, func(t *testing.T) {
			f.RevokeSession(session.ID)
			got := f.do(http.MethodGet, handshakePath("format", "token", "__clerk_db_jwt", browser), "")
			target, err := got.Location()
			require.NoError(t, err)
			cookies := cookiesIn(t, stringList(f.claims(target.Query().Get("__clerk_handshake"))["handshake"]))
			assert.Equal(t, "0", cookies["__client_uat"].Value)
			assert.Negative(t, cookies["__session"].MaxAge)
			assert.Negative(t, cookies["__refresh_"+f.CookieSuffix()].MaxAge)
			assert.NotEmpty(t, cookies["__clerk_db_jwt"].Value)
			assert.NotEqual(t, "dvb_unknown", cookies["__clerk_db_jwt"].Value, "an invented value is never adopted")
		})
	}
}

func TestHandshakeNonceExpires(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	target, err := f.do(http.MethodGet, handshakePath(), "").Location()
	require.NoError(t, err)
	f.Advance(time.Minute)
	got := f.backend(http.MethodGet, "/v1/clients/handshake_payload?nonce="+target.Query().Get("__clerk_handshake_nonce"), nil)
	assert.Equal(t, "invalid_nonce", got.code())
}

func TestHandshakeRedirectURL(t *testing.T) {
	t.Parallel()
	dev := setup(t, clerktest.Options{AllowedOrigins: []string{"https://staging.example.test"}})
	prod := setup(t, clerktest.Options{Production: true})
	tests := []struct {
		name, target string
		dev, prod    bool
	}{
		{"localhost", "http://localhost:3000/x", true, false},
		{"sub-domain of localhost", "http://app.localhost/x", true, false},
		{"loopback address", "http://127.0.0.1:3000/", true, false},
		{"loopback address, IPv6", "http://[::1]:3000/", true, false},
		{"configured origin", "https://staging.example.test/x", true, false},
		{"configured host, other scheme", "http://staging.example.test/x", false, false},
		{"configured host, other port", "https://staging.example.test:444/x", false, false},
		{"instance domain", "https://app.example.com/x", false, true},
		{"instance domain, plain http", "http://app.example.com/x", false, false},
		{"look-alike suffix", "https://evilexample.com/", false, false},
		{"look-alike prefix", "https://app.example.com.evil.test/", false, false},
		{"localhost as prefix", "http://localhost.evil.test/", false, false},
		{"user info", "http://localhost@evil.test/", false, false},
		{"user info before loopback", "http://evil.test@localhost/", false, false},
		{"backslash", `http://evil.test\@localhost/`, false, false},
		{"backslash in path", `http://localhost/\evil.test`, false, false},
		{"tab", "http://local\thost/", false, false},
		{"newline", "http://localhost/\nx", false, false},
		{"script", "javascript:alert(1)", false, false},
		{"scheme-relative", "//localhost/", false, false},
		{"path", "/page", false, false},
		{"opaque", "http:localhost", false, false},
		{"empty", "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, side := range []struct {
				f  *fixture
				ok bool
			}{{dev, tt.dev}, {prod, tt.prod}} {
				got := side.f.do(http.MethodGet, handshakePath("redirect_url", tt.target), "")
				if side.ok {
					assert.Equal(t, http.StatusTemporaryRedirect, got.StatusCode, "%s", got.body)
					continue
				}
				assert.Equal(t, http.StatusBadRequest, got.StatusCode)
				assert.Equal(t, "invalid_handshake", got.code())
				assert.Empty(t, got.Header.Get("Location"))
				if tt.target == "" {
					continue
				}
				page := side.f.do(http.MethodGet, "/sign-in?redirect_url="+url.QueryEscape(tt.target), "")
				assert.Equal(t, http.StatusBadRequest, page.StatusCode, "the pages are as strict")
			}
		})
	}
}

func TestProxyURLNeedsSecretKey(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true})
	got := f.do(http.MethodGet, handshakePath(), "", "Clerk-Proxy-Url", app+"/__clerk", "Clerk-Secret-Key", "sk_live_other")
	assert.Equal(t, http.StatusUnauthorized, got.StatusCode)
	assert.Equal(t, "clerk_key_invalid", got.code())
}

func TestHandshakeSwitchesOrganization(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("mei@example.com")
	for _, tt := range []struct{ wanted, active string }{
		{"", ""}, {"acme", "org_2fAcmeSampleOrg00000000000D"}, {"somebody-elses", "org_2fAcmeSampleOrg00000000000D"},
	} {
		f.do(http.MethodGet, handshakePath("organization_id", tt.wanted, "__clerk_db_jwt", f.devBrowser(session.ID)), "")
		assert.Equal(t, tt.active, f.Session(session.ID).OrganizationID, "asked for %q", tt.wanted)
	}
}

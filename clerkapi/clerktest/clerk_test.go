package clerktest_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

func TestOldestBrowsersAreForgotten(t *testing.T) {
	t.Parallel()
	clerk := clerktest.New(clerktest.Options{})
	first := clerk.SignIn("jane@example.com")
	second := clerk.SignIn("jane@example.com")
	for range 9_999 {
		clerk.SignIn("omar@example.com")
	}
	assert.Nil(t, clerk.Session(first.ID))
	assert.NotNil(t, clerk.Session(second.ID))
}

func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_767_225_600, 0)
	clerk := clerktest.New(clerktest.Options{Now: func() time.Time { return start }})
	clerk.Advance(time.Hour)
	assert.Equal(t, start.Add(time.Hour), clerk.Now())
	clerk.Advance(-2 * time.Hour)
	assert.Equal(t, start.Add(-time.Hour), clerk.Now())
}

func TestMistakesInTestsStopThem(t *testing.T) {
	t.Parallel()
	clerk := clerktest.New(clerktest.Options{})
	assert.Panics(t, func() { clerk.SignIn("nobody@example.com") })
	assert.Panics(t, func() { clerk.Token("sess_x", app) })
	assert.Panics(t, func() { clerk.Cookies("sess_x", app) })
	clerk.RevokeSession("sess_x")
	clerk.EndSession("sess_x")
	clerk.InvalidateRefreshTokens("sess_x")
	assert.Nil(t, clerk.Session("sess_x"))
	assert.NotNil(t, clerk.SignIn("jane@example.com"), "nothing stays locked")
}

func TestCookiesOfASignedInBrowser(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		production   bool
		origin       string
		with         []string
		without      []string
		secureCookie bool
	}{
		"development": {false, app, []string{"__clerk_db_jwt", "__clerk_db_jwt_sfx"}, []string{"__client"}, false},
		"production":  {true, "https://app.example.com", []string{"__client"}, []string{"__clerk_db_jwt"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, clerktest.Options{Production: tt.production})
			session := f.SignIn("jane@example.com")
			sfx := "_" + f.CookieSuffix()
			cookies := map[string]*http.Cookie{}
			for _, cookie := range f.Cookies(session.ID, tt.origin) {
				cookies[cookie.Name] = cookie
				assert.Equal(t, tt.secureCookie, cookie.Secure, cookie.Name)
				assert.Empty(t, cookie.Domain)
			}
			for _, name := range append(tt.with, "__session", "__session_sfx", "__client_uat_sfx", "__refresh_sfx") {
				assert.Contains(t, cookies, replaceSuffix(name, sfx))
			}
			for _, name := range tt.without {
				assert.NotContains(t, cookies, name)
			}
			require.Contains(t, cookies, "__client_uat")
			assert.Equal(t, strconv.FormatInt(session.CreatedAt.Unix(), 10), cookies["__client_uat"].Value)
			claims := f.claims(cookies["__session"].Value)
			assert.Equal(t, tt.origin, claims["azp"])
			assert.LessOrEqual(t, session.CreatedAt.Unix(), int64(claims["iat"].(float64)), "no handshake for a younger client_uat")
		})
	}
}

func replaceSuffix(name, sfx string) string {
	if len(name) > 4 && name[len(name)-4:] == "_sfx" {
		return name[:len(name)-4] + sfx
	}
	return name
}

func TestCallersValuesAreCopied(t *testing.T) {
	t.Parallel()
	users := []clerktest.User{{
		Email: "ada@example.com", Password: "x",
		Organization: &clerktest.Organization{Slug: "a", Role: "org:admin", Permissions: []string{"org:a:b", "odd", "org::x"}},
	}}
	f := setup(t, clerktest.Options{Users: users})
	users[0].Organization.Permissions[0] = "org:changed:b"
	users[0].Email = "changed@example.com"
	session := f.SignIn("ADA@example.com ")
	assert.Regexp(t, `^user_\w{27}$`, session.UserID)
	claims := f.claims(f.Token(session.ID, app))
	assert.Equal(t, "o:a", claims["fea"], "keys of another shape are left out")
	assert.Equal(t, "1", claims["o"].(map[string]any)["fpm"])
}

func TestProductionOnTheInstanceDomain(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true})
	headers := []string{"Clerk-Proxy-Url", "https://clerk.example.com", "Clerk-Secret-Key", f.SecretKey()}
	got := f.do(http.MethodGet, handshakePath("redirect_url", "https://app.example.com/"), "", headers...)
	require.Equal(t, http.StatusTemporaryRedirect, got.StatusCode, "%s", got.body)
	cookie := cookiesIn(t, got.Header.Values("Set-Cookie"))["__clerk_handshake_nonce"]
	assert.Equal(t, "example.com", cookie.Domain, "a cookie of clerk.example.com alone would never reach the app")
	assert.True(t, cookie.Secure)
}

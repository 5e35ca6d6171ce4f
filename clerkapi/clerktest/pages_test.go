package clerktest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const signInAndBack = "/sign-in?redirect_url=http%3A%2F%2Flocalhost%3A8080%2Fpage%3Fa%3D1"

func TestSignInPage(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{AppName: `Shop <&>`})
	got := f.do(http.MethodGet, signInAndBack, "")
	require.Equal(t, http.StatusOK, got.StatusCode)
	page := string(got.body)
	signUp := f.do(http.MethodGet, strings.Replace(signInAndBack, "/sign-in", "/sign-in/create", 1), "")
	require.Equal(t, http.StatusOK, signUp.StatusCode)
	assert.Equal(t, page, string(signUp.body))
	for _, user := range clerktest.SampleUsers() {
		assert.Contains(t, page, user.Email)
	}
	assert.Contains(t, page, "Shop &lt;&amp;&gt;")
	assert.NotContains(t, page, "<script")
	assert.NotContains(t, page, "action=", "forms post to the page's own address, under any prefix")
	assert.Contains(t, got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	assert.Empty(t, got.Cookies(), "looking changes nothing")
}

func TestPageSignInDevelopment(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]url.Values{
		"one click": {"user": {"jane@example.com"}},
		"password":  {"email": {"jane@example.com"}, "password": {"correct horse"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, clerktest.Options{})
			got := f.form(signInAndBack, values, append(f.asProxy(app), "Origin", app, "Sec-Fetch-Site", "same-origin")...)
			require.Equal(t, http.StatusSeeOther, got.StatusCode, "%s", got.body)
			target, err := got.Location()
			require.NoError(t, err)
			assert.Equal(t, "localhost:8080", target.Host)
			assert.Equal(t, "1", target.Query().Get("a"))
			browser := target.Query().Get("__clerk_db_jwt")
			require.NotEmpty(t, browser)
			assert.Equal(t, browser, cookiesIn(t, got.Header.Values("Set-Cookie"))["__clerk_db_jwt"].Value)

			shake := f.do(http.MethodGet, handshakePath("format", "token", "__clerk_db_jwt", browser), "", f.asProxy(app)...)
			back, err := shake.Location()
			require.NoError(t, err)
			cookies := cookiesIn(t, stringList(f.claims(back.Query().Get("__clerk_handshake"))["handshake"]))
			assert.Equal(t, clerktest.SampleUsers()[0].ID, f.claims(cookies["__session"].Value)["sub"])

			page := f.do(http.MethodGet, signInAndBack, "")
			assert.Contains(t, string(page.body), "Signed in as <b>Jane Doe</b>")
			assert.Equal(t, 1, strings.Count(string(page.body), "jane@example.com"), "she is not somebody else")
			assert.Contains(t, string(page.body), "__clerk_db_jwt="+browser, "the link to go on brings the dev browser along")

			out := f.form("/sign-out?redirect_url="+url.QueryEscape(app+"/"), nil)
			require.Equal(t, http.StatusSeeOther, out.StatusCode)
			shake = f.do(http.MethodGet, handshakePath("format", "token", "__clerk_db_jwt", browser), "")
			back, err = shake.Location()
			require.NoError(t, err)
			cookies = cookiesIn(t, stringList(f.claims(back.Query().Get("__clerk_handshake"))["handshake"]))
			assert.Equal(t, "0", cookies["__client_uat"].Value)
		})
	}
}

func TestPageSignInProduction(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true})
	headers := append(f.asProxy(app), "Origin", app)
	got := f.form(signInAndBack, url.Values{"user": {"omar@example.com"}}, headers...)
	require.Equal(t, http.StatusSeeOther, got.StatusCode, "%s", got.body)
	assert.Equal(t, app+"/page?a=1", got.Header.Get("Location"))
	cookies := cookiesIn(t, got.Header.Values("Set-Cookie"))
	assert.True(t, cookies["__client"].HttpOnly)
	assert.NotEqual(t, "0", cookies["__client_uat"].Value)
	assert.NotContains(t, cookies, "__clerk_db_jwt")

	shake := f.do(http.MethodGet, handshakePath("format", "token"), "", f.asProxy(app)...)
	token := cookiesIn(t, shake.Header.Values("Set-Cookie"))["__clerk_handshake"].Value
	lines := cookiesIn(t, stringList(f.claims(token)["handshake"]))
	assert.Equal(t, clerktest.SampleUsers()[1].ID, f.claims(lines["__session"].Value)["sub"])

	out := f.form("/sign-out", nil, headers...)
	assert.Equal(t, app+"/", out.Header.Get("Location"))
	assert.Equal(t, "0", cookiesIn(t, out.Header.Values("Set-Cookie"))["__client_uat"].Value)
}

func TestPageRefusals(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	jane := url.Values{"user": {"jane@example.com"}}
	for name, headers := range map[string][]string{
		"foreign origin":      {"Origin", "https://evil.test"},
		"null origin":         {"Origin", "null"},
		"other port":          {"Origin", "http://127.0.0.1:1"},
		"cross-site":          {"Sec-Fetch-Site", "cross-site"},
		"same site":           {"Sec-Fetch-Site", "same-site"},
		"cross-site, our own": {"Origin", f.URL, "Sec-Fetch-Site", "cross-site"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{signInAndBack, "/sign-out"} {
				got := f.form(path, jane, headers...)
				assert.Equal(t, http.StatusForbidden, got.StatusCode)
				assert.Empty(t, got.Cookies())
			}
		})
	}
	for name, values := range map[string]url.Values{
		"wrong password": {"email": {"jane@example.com"}, "password": {"x"}},
		"unknown email":  {"email": {"eve@example.com"}, "password": {"correct horse"}},
		"unknown user":   {"user": {"eve@example.com"}},
		"nothing":        {},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.form(signInAndBack, values)
			assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
			assert.Contains(t, string(got.body), "do not go together")
		})
	}
	own := f.form("/sign-in", jane, "Origin", f.URL)
	assert.Equal(t, "sign-in", own.Header.Get("Location"), "relative: right under any prefix")
}

package proxy

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const signOutRoutes = `
upstreams: { app: APP }
routes:
  - { match: "/*", upstream: app }
`

// TestSignOutWithoutJavaScript goes the way of a browser, cookies and all.
func TestSignOutWithoutJavaScript(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, signOutRoutes)
	_, cookie := r.cookie("jane@example.com")
	res, _ := r.do(t, http.MethodGet, "/page", "Cookie", cookie)
	require.Equal(t, http.StatusOK, res.StatusCode)
	passed := r.app.count()

	res, text := r.do(t, http.MethodGet, "/.clerkgate/sign-out", "Cookie", cookie, "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, text, `<form method="post">`)

	res, _ = r.do(t, http.MethodPost, "/.clerkgate/sign-out", "Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	res, _ = r.do(t, http.MethodGet, "/page", "Cookie", cookie)
	assert.Equal(t, http.StatusOK, res.StatusCode)

	res, _ = r.do(t, http.MethodPost, "/.clerkgate/sign-out", "Cookie", cookie, "Sec-Fetch-Site", "same-origin", "Origin", r.URL)
	assert.Equal(t, http.StatusSeeOther, res.StatusCode)
	assert.Equal(t, "/", res.Header.Get("Location"))
	assert.NotEmpty(t, res.Cookies())
	assert.Equal(t, 1, r.clerk.CallCount(http.MethodPost, "/v1/sessions/"))

	res, _ = r.do(t, http.MethodGet, "/page", "Cookie", cookie)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "a copy of the token is worth nothing")
	assert.Equal(t, passed+1, r.app.count())
}

func TestSignOutWhileClerkIsDown(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, signOutRoutes)
	_, cookie := r.cookie("jane@example.com")
	r.clerk.Fail(clerktest.Fault{Method: http.MethodPost, Path: "/v1/sessions/*/revoke", Status: http.StatusServiceUnavailable})
	res, text := r.do(t, http.MethodPost, "/.clerkgate/sign-out", "Cookie", cookie, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.NotEmpty(t, res.Cookies())
	assert.Contains(t, text, "may still be open elsewhere")
}

func TestSignOutPathIsASetting(t *testing.T) {
	t.Parallel()
	for value, path := range map[string]string{"": "/.clerkgate/sign-out", "/logout": "/logout", "off": ""} {
		variables := map[string]string{}
		if value != "" {
			variables["CLERKGATE_SIGN_OUT_PATH"] = value
		}
		cfg, _, err := load(environment(variables))
		require.NoError(t, err)
		assert.Equal(t, path, cfg.SignOut())
	}
	for variable, value := range map[string]string{
		"CLERKGATE_SIGN_OUT_PATH": "logout", "CLERKGATE_AFTER_SIGN_OUT_URL": "https://elsewhere.example/bye",
	} {
		_, _, err := load(environment(map[string]string{variable: value}))
		require.ErrorContains(t, err, variable)
		assert.ErrorContains(t, err, value)
	}
	cfg, _, err := load(environment(map[string]string{
		"CLERKGATE_AFTER_SIGN_OUT_URL": "https://Elsewhere.example/bye", "CLERKGATE_TRUSTED_ORIGINS": "https://elsewhere.example",
	}))
	require.NoError(t, err)
	assert.Equal(t, "https://Elsewhere.example/bye", cfg.Auth.AfterSignOutURL)
}

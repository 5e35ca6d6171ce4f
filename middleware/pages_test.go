package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// looksLikeOurs checks what all pages share.
func looksLikeOurs(t *testing.T, res *http.Response, text, title string) {
	t.Helper()
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	policy := res.Header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'; style-src 'sha256-")
	assert.NotContains(t, policy, "unsafe-inline")
	assert.Contains(t, text, "<html lang=\"en\">")
	assert.Contains(t, text, "<title>"+title+"</title>")
	assert.Contains(t, text, "<main>\n<h1>"+title+"</h1>")
}

// The pages of the middleware look like those of the sidecar.
func TestSignOutPages(t *testing.T) {
	t.Parallel()
	e := newExit(t, false, func(o *middleware.Options) { o.AfterSignOutURL = "/bye?a=1&b=2" })
	person := []string{"Sec-Fetch-Dest", "document"}
	page := e.do(t, http.MethodGet, "/sign-out", nil, person...)
	text := body(t, page)
	looksLikeOurs(t, page, text, "Sign out")
	assert.Contains(t, text, `<form method="post"><button>Sign out</button></form>`)
	assert.NotContains(t, page.Header.Get("Content-Security-Policy"), "form-action", "the redirect that follows may lead to Clerk")

	forged := append(person, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	refused := e.do(t, http.MethodPost, "/sign-out", nil, forged...)
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	looksLikeOurs(t, refused, body(t, refused), "Forbidden")
	refused = e.do(t, http.MethodPost, "/sign-out", nil, forged[2:]...)
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	assert.Contains(t, body(t, refused), `"code":"cross_site_request"`, "a program")

	other := e.do(t, http.MethodPut, "/sign-out", nil, person...)
	assert.Equal(t, http.StatusMethodNotAllowed, other.StatusCode)
	assert.Equal(t, "GET, HEAD, POST", other.Header.Get("Allow"))
	looksLikeOurs(t, other, body(t, other), "Method not allowed")

	session := e.clerk.SignIn("jane@example.com")
	e.clerk.Fail(clerktest.Fault{Method: http.MethodPost, Path: "/v1/sessions/*/revoke", Status: http.StatusServiceUnavailable})
	left := e.do(t, http.MethodPost, "/sign-out", e.clerk.Cookies(session.ID, flowOrigin), document...)
	text = body(t, left)
	looksLikeOurs(t, left, text, "Signed out in this browser")
	assert.Contains(t, text, `<a href="/bye?a=1&amp;b=2">Continue</a>`)
}

// An application's own pages stand in for refusals here too.
func TestSignOutRefusalsByTheErrorHandler(t *testing.T) {
	t.Parallel()
	e := newExit(t, false, func(o *middleware.Options) {
		o.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, e *middleware.Error) {
			w.WriteHeader(e.Status)
			_, _ = w.Write([]byte("mine: " + e.Code))
		}
	})
	refused := e.do(t, http.MethodPost, "/sign-out", nil, "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	assert.Equal(t, "mine: cross_site_request", body(t, refused))
	assert.Equal(t, "mine: method_not_allowed", body(t, e.do(t, http.MethodDelete, "/sign-out", nil)))
}

func TestDeveloperErrorPage(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	get := protected(t, newFlow(t, clerk, nil), ok)
	const address = "/?__clerk_redirect_url=http://[<script>"
	res := get(address, nil, "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusBadRequest, res.StatusCode)
	text := body(t, res)
	looksLikeOurs(t, res, text, "Clerk could not sign you in")
	assert.Contains(t, text, "is not a URL")
	assert.Contains(t, text, "primary-responds-to-syncing")
	assert.NotContains(t, text, "<script")

	program := get(address, nil, "Sec-Fetch-Dest", "empty")
	assert.Equal(t, http.StatusUnauthorized, program.StatusCode)
	assert.Contains(t, body(t, program), `"code":"authentication_invalid"`)
}

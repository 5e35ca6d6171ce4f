package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// protected is a on a socket, before a page that needs a signed-in user. Redirects
// are not followed.
func protected(t *testing.T, a *middleware.Authenticator, page http.HandlerFunc) (get func(path string, cookies []*http.Cookie, headers ...string) *http.Response) {
	t.Helper()
	server := httptest.NewServer(a.Handler(middleware.Require(middleware.Requirement{})(page)))
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(path string, cookies []*http.Cookie, headers ...string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		r.Host = "example.com" // as flowOrigin
		for _, c := range cookies {
			r.AddCookie(c)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// Browsers send no Sec-Fetch-Dest over plain HTTP. A script whose request is redirected
// to another origin fails by CORS, and cannot tell its user why.
func TestScriptsOverPlainHTTPAreNotRedirected(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]string{
		"htmx":           {"HX-Request", "true"},
		"Turbo":          {"X-Turbo-Request-Id", "1b2c"},
		"frame of Turbo": {"Turbo-Frame", "messages"},
		"jQuery":         {"X-Requested-With", "XMLHttpRequest"},
		"Next":           {"RSC", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
			session := clerk.SignIn("jane@example.com")
			cookies := clerk.Cookies(session.ID, flowOrigin)
			clerk.InvalidateRefreshTokens(session.ID)
			get := protected(t, newFlow(t, clerk, nil), ok)
			headers = append(headers, "Accept", "text/html, */*")

			assert.Equal(t, http.StatusOK, get("/", cookies, headers...).StatusCode)
			res := get("/", nil, headers...)
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "signed out")
			assert.Empty(t, res.Header.Get("Location"))

			clerk.Advance(2 * time.Minute)
			res = get("/", cookies, headers...)
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "expired")
			assert.Empty(t, res.Header.Get("Location"))
			assert.Empty(t, res.Header.Values("Set-Cookie"))

			res = get("/", cookies, "Accept", "text/html, */*")
			assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode, "a person")
		})
	}
}

// A prefetch must not be redirected to Clerk: nobody sees where that would end, and each
// redirect counts for the loop guard.
func TestSpeculativeRequestsAreNotRedirected(t *testing.T) {
	t.Parallel()
	for name, speculative := range map[string][]string{
		"prefetch":  {"Sec-Purpose", "prefetch"},
		"prerender": {"Sec-Purpose", "prefetch;prerender"},
		"Firefox":   {"X-Moz", "prefetch"},
		"older":     {"Purpose", "prefetch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
			session := clerk.SignIn("jane@example.com")
			cookies := clerk.Cookies(session.ID, flowOrigin)
			get := protected(t, newFlow(t, clerk, nil), ok)
			speculative = append(speculative, "Sec-Fetch-Dest", "document")

			assert.Equal(t, http.StatusOK, get("/", cookies, speculative...).StatusCode, "a live session")
			refused(t, get("/", nil, speculative...))

			clerk.Advance(2 * time.Minute)
			res := get("/", cookies, speculative...)
			assert.Equal(t, http.StatusOK, res.StatusCode, "an expired session is refreshed")
			assert.NotEmpty(t, res.Header.Values("Set-Cookie"))

			clerk.InvalidateRefreshTokens(session.ID)
			clerk.Advance(2 * time.Minute)
			for range 3 {
				refused(t, get("/", cookies, speculative...))
			}
			res = get("/", cookies, "Sec-Fetch-Dest", "document")
			assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
			assert.Contains(t, res.Header.Get("Location"), "/v1/client/handshake?", "the click finds the loop guard fresh")
		})
	}
}

func refused(t *testing.T, res *http.Response) {
	t.Helper()
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Empty(t, res.Header.Get("Location"))
	assert.Empty(t, res.Header.Values("Set-Cookie"))
	assert.Empty(t, res.Header.Get("Retry-After"), "Chromium would fetch nothing ahead for as long")
}

// A page that differs by user must not be served to another user from a cache, even if the
// page is public.
func TestAnswersVaryByIdentity(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	session := clerk.SignIn("jane@example.com")
	a := newFlow(t, clerk, nil)
	for name, test := range map[string]struct {
		app  http.HandlerFunc
		want []string
	}{
		"an application that says nothing": {ok, []string{"Cookie, Authorization"}},
		"one that adds its own": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Vary", "Accept-Encoding") },
			[]string{"Cookie, Authorization", "Accept-Encoding"}},
	} {
		server := httptest.NewServer(a.Handler(test.app))
		defer server.Close()
		for _, cookies := range [][]*http.Cookie{nil, clerk.Cookies(session.ID, flowOrigin)} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			require.NoError(t, err)
			r.Host = "example.com"
			for _, c := range cookies {
				r.AddCookie(c)
			}
			res, err := server.Client().Do(r)
			require.NoError(t, err)
			_ = res.Body.Close()
			assert.Equal(t, test.want, res.Header["Vary"], name)
		}
	}

	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Origin, Cookie")
	a.Handler(http.HandlerFunc(ok)).ServeHTTP(w, pageRequest(clerk.Cookies(session.ID, flowOrigin)))
	assert.Equal(t, []string{"Origin, Cookie", "Authorization"}, w.Header()["Vary"], "what is there stays")
}

// A sign-in page behind Require would be redirected to itself forever.
func TestSignInPageIsNotRedirectedToItself(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	for _, signInURL := range []string{
		"/sign-in", "/sign-in/", "/sign-in#top", "/sign-in?theme=dark", "http://example.com/sign-in", "http://EXAMPLE.com:80/sign-in/#top",
	} {
		get := protected(t, newFlow(t, clerk, func(o *middleware.Options) { o.SignInURL = signInURL }), ok)
		for path, status := range map[string]int{
			"/sign-in":                       http.StatusUnauthorized,
			"/sign-in/":                      http.StatusUnauthorized,
			"/sign-in?redirect_url=%2F":      http.StatusUnauthorized,
			"/":                              http.StatusTemporaryRedirect,
			"/sign-in/factor-one":            http.StatusTemporaryRedirect,
			"/other?redirect_url=%2Fsign-in": http.StatusTemporaryRedirect,
		} {
			res := get(path, nil, "Sec-Fetch-Dest", "document")
			assert.Equal(t, status, res.StatusCode, "%s at %s", path, signInURL)
			assert.Equal(t, status == http.StatusUnauthorized, res.Header.Get("Location") == "", path)
		}
	}
	for _, elsewhere := range []string{"https://example.com/sign-in", "http://example.com:81/sign-in", "http://accounts.example.com/sign-in"} {
		get := protected(t, newFlow(t, clerk, func(o *middleware.Options) { o.SignInURL = elsewhere }), ok)
		assert.Equal(t, http.StatusTemporaryRedirect, get("/sign-in", nil, "Sec-Fetch-Dest", "document").StatusCode, elsewhere)
	}
}

// The page where a pending session is completed must be open too.
func TestTasksPageIsNotRedirectedToItself(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	session := clerk.SignIn("jane@example.com")
	a := newFlow(t, clerk, func(o *middleware.Options) { o.SignInURL = "/sign-in" })
	pending := &middleware.State{Status: middleware.SignedIn, TokenType: middleware.SessionToken,
		Auth: &middleware.Auth{TokenType: middleware.SessionToken, SessionID: session.ID, SessionStatus: "pending"}}
	for path, status := range map[string]int{"/": http.StatusTemporaryRedirect, "/sign-in/tasks": http.StatusUnauthorized} {
		w, r := httptest.NewRecorder(), pageRequest(nil)
		r.URL.Path, r.RequestURI = path, path
		assert.False(t, a.Permits(w, r, pending, &middleware.Requirement{}))
		assert.Equal(t, status, w.Code, "%s %s", path, w.Header())
	}
}

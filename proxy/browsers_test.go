package proxy

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// The kind of client decides whether the answer is a redirect, a 401, or one that a browser
// does not keep.
func TestSignedOutByWhoAsks(t *testing.T) {
	t.Parallel()
	s := start(t, http.NotFoundHandler(), nil)
	for name, test := range map[string]struct {
		headers []string // name, value, …
		status  int
	}{
		"a person":                  {[]string{"Sec-Fetch-Dest", "document"}, http.StatusTemporaryRedirect},
		"a person over plain HTTP":  {[]string{"Accept", "text/html"}, http.StatusTemporaryRedirect},
		"a script":                  {[]string{"Sec-Fetch-Dest", "empty", "Accept", "text/html"}, http.StatusUnauthorized},
		"htmx over plain HTTP":      {[]string{"Accept", "text/html, */*", "HX-Request", "true"}, http.StatusUnauthorized},
		"Turbo over plain HTTP":     {[]string{"Accept", "text/html", "X-Turbo-Request-Id", "1b2c"}, http.StatusUnauthorized},
		"jQuery over plain HTTP":    {[]string{"Accept", "text/html, */*; q=0.01", "X-Requested-With", "XMLHttpRequest"}, http.StatusUnauthorized},
		"a page fetched ahead":      {[]string{"Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch;prerender"}, http.StatusServiceUnavailable},
		"a page fetched by Firefox": {[]string{"Accept", "text/html", "X-Moz", "prefetch"}, http.StatusServiceUnavailable},
		"a resource fetched ahead":  {[]string{"Sec-Fetch-Dest", "empty", "Sec-Purpose", "prefetch"}, http.StatusUnauthorized},
	} {
		res, _ := s.get(t, "/", test.headers...)
		assert.Equal(t, test.status, res.StatusCode, name)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"), name)
		assert.Equal(t, test.status == http.StatusTemporaryRedirect, res.Header.Get("Location") != "", name)
	}
	// A client_uat without a session asks for a handshake.
	for _, purpose := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		res, _ := s.get(t, "/", "Cookie", "__client_uat=1700000000", "Sec-Fetch-Dest", "document", purpose, "prefetch")
		assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		assert.Empty(t, res.Header.Get("Location"))
		assert.Empty(t, res.Header.Values("Set-Cookie"))
	}
	res, _ := s.get(t, "/", "Cookie", "__client_uat=1700000000", "Sec-Fetch-Dest", "document")
	assert.Contains(t, res.Header.Get("Location"), "/v1/client/handshake?")
}

// What an application answers may differ by who is signed in, on public paths too.
func TestJudgedAnswersVary(t *testing.T) {
	t.Parallel()
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, line := range r.URL.Query()["vary"] {
			w.Header().Add("Vary", line)
		}
	})
	for _, policy := range []settings.Policy{settings.PolicyOptional, settings.PolicyRequired} {
		s := start(t, app, func(c *settings.Config) { c.Policy = policy })
		bearer := "Bearer " + sessionToken(t, nil)
		for query, want := range map[string][]string{
			"":                                {"Cookie, Authorization"},
			"?vary=Accept-Encoding":           {"Accept-Encoding", "Cookie, Authorization"},
			"?vary=accept,cookie":             {"accept,cookie", "Authorization"},
			"?vary=Authorization&vary=Cookie": {"Authorization", "Cookie"},
			"?vary=*":                         {"*"},
		} {
			res, _ := s.get(t, "/"+query, "Authorization", bearer)
			assert.Equal(t, http.StatusOK, res.StatusCode)
			assert.Equal(t, want, res.Header["Vary"], "%s %s", policy, query)
		}
	}
}

func TestAnswersThatNobodyJudgedDoNotVary(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/assets/*", upstream: app, auth: none }
  - { match: "/cross", upstream: app, auth: public }
  - match: "/shared"
    upstream: app
    auth: public
    cors: { origins: ["https://other.example"] }
`)
	res, _ := r.get(t, "/assets/app.js")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Empty(t, res.Header["Vary"])

	res, _ = r.get(t, "/shared", "Origin", "https://other.example")
	assert.Equal(t, []string{"Cookie, Authorization", "Origin"}, res.Header["Vary"])

	// Because of the loop guard it counts as signed out.
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/cross", nil)
	assert.NoError(t, err)
	post.Header = http.Header{"Origin": {"https://other.example"}, "Cookie": {"__session=x"}}
	res, _ = send(t, post)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, []string{"Cookie, Authorization"}, res.Header["Vary"])
}

package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/weburl"
	"github.com/clerkgate/clerkgate/middleware"
)

// permitted requests target from http://example.com as who, and returns the response.
func permitted(a *middleware.Authenticator, q middleware.Requirement, who *middleware.Auth, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://example.com/", nil)
	r.RequestURI = target
	if u, err := url.ParseRequestURI(target); err == nil {
		r.URL = u
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	state := &middleware.State{Status: middleware.SignedOut, Auth: who}
	if who.IsSignedIn() {
		state.Status = middleware.SignedIn
	}
	w := httptest.NewRecorder()
	if a.Permits(w, r, state, &q) {
		w.WriteHeader(http.StatusOK)
	}
	return w
}

// The pages of a Requirement are for people: clients that could not follow a redirect get
// the status.
func TestPagesOfARequirement(t *testing.T) {
	t.Parallel()
	a := newFlow(t, clerktest.NewServer(t, clerktest.Options{Production: true}), func(o *middleware.Options) { o.SignInURL, o.SignUpURL = "/sign-in", "/sign-up?plan=free" })
	person := []string{"Sec-Fetch-Dest", "document"}
	nobody, jane := &middleware.Auth{}, &middleware.Auth{TokenType: middleware.SessionToken, UserID: "user_jane"}
	landing := middleware.Requirement{UnauthenticatedURL: "/welcome?from=gate", ForbiddenURL: "https://help.example/access#ask", Role: "org:admin"}
	for name, c := range map[string]struct {
		q              middleware.Requirement
		who            *middleware.Auth
		method, target string
		headers        []string
		status         int
		location       string
	}{
		"signed out":               {landing, nobody, "GET", "/a?b=c&d", person, 307, "http://example.com/welcome?from=gate&redirect_url=http%3A%2F%2Fexample.com%2Fa%3Fb%3Dc%26d"},
		"signed out program":       {landing, nobody, "GET", "/a", []string{"Accept", "*/*"}, 401, ""},
		"signed out script":        {landing, nobody, "GET", "/a", []string{"Sec-Fetch-Dest", "empty", "Accept", "text/html"}, 401, ""},
		"signed out form":          {landing, nobody, "POST", "/a", person, 401, ""},
		"signed out, ahead":        {landing, nobody, "GET", "/a", append([]string{"Sec-Purpose", "prefetch"}, person...), 503, ""},
		"the page itself":          {landing, nobody, "GET", "/welcome/?x", person, 401, ""},
		"forbidden":                {landing, jane, "GET", "/a", person, 307, "https://help.example/access?redirect_url=http%3A%2F%2Fexample.com%2Fa#ask"},
		"forbidden program":        {landing, jane, "GET", "/a", nil, 403, ""},
		"forbidden form":           {landing, jane, "POST", "/a", person, 403, ""},
		"forbidden, ahead":         {landing, jane, "GET", "/a", append([]string{"Sec-Purpose", "prefetch"}, person...), 403, ""},
		"forbidden page itself":    {middleware.Requirement{ForbiddenURL: "/no", Role: "org:admin"}, jane, "GET", "/no", person, 403, ""},
		"a stale factor":           {middleware.Requirement{ForbiddenURL: "/no", Reverification: "strict"}, jane, "GET", "/a", person, 403, ""},
		"parameter already there":  {middleware.Requirement{UnauthenticatedURL: "/w?redirect_url=x&redirect_url=y"}, nobody, "GET", "/a", person, 307, "http://example.com/w?redirect_url=http%3A%2F%2Fexample.com%2Fa"},
		"401 for everybody":        {middleware.Requirement{UnauthenticatedURL: "/w", Unauthenticated: middleware.Unauthenticated401}, nobody, "GET", "/a", person, 401, ""},
		"404 for everybody":        {middleware.Requirement{UnauthenticatedURL: "/w", Unauthenticated: middleware.Unauthenticated404}, nobody, "GET", "/a", person, 404, ""},
		"sign-up":                  {middleware.Requirement{Unauthenticated: middleware.UnauthenticatedSignUp}, nobody, "GET", "/a", person, 307, "http://example.com/sign-up?plan=free&redirect_url=http%3A%2F%2Fexample.com%2Fa"},
		"sign-up, program":         {middleware.Requirement{Unauthenticated: middleware.UnauthenticatedSignUp}, nobody, "GET", "/a", nil, 401, ""},
		"sign-up page itself":      {middleware.Requirement{Unauthenticated: middleware.UnauthenticatedSignUp}, nobody, "GET", "/sign-up", person, 401, ""},
		"not of this origin":       {middleware.Requirement{UnauthenticatedURL: "//evil.example/"}, nobody, "GET", "/a", person, 401, ""},
		"a backslash":              {middleware.Requirement{UnauthenticatedURL: `/\evil.example/`}, nobody, "GET", "/a", person, 401, ""},
		"plain HTTP":               {middleware.Requirement{ForbiddenURL: "http://help.example/", Role: "org:admin"}, jane, "GET", "/a", person, 403, ""},
		"a script in place of one": {middleware.Requirement{UnauthenticatedURL: "javascript:alert(1)"}, nobody, "GET", "/a", person, 401, ""},
		"a path of no origin":      {middleware.Requirement{UnauthenticatedURL: "welcome"}, nobody, "GET", "/a", person, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := permitted(a, c.q, c.who, c.method, c.target, c.headers...)
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.location, w.Header().Get("Location"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		})
	}
	w := permitted(nil, landing, jane, "GET", "/a", person...)
	assert.Equal(t, http.StatusForbidden, w.Code, "no Authenticator, no public URL")
}

// The URLs that the application itself redirects to.
func TestSignInAndSignUpURL(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	signedOut := &middleware.State{Status: middleware.SignedOut, Auth: &middleware.Auth{}}
	a := newFlow(t, clerk, func(o *middleware.Options) { o.SignInURL = "/sign-in" })
	for name, c := range map[string]struct{ method, referer, returnTo, want string }{
		"this page":         {"GET", "", "", "http://example.com/a?b"},
		"a form":            {"POST", "http://example.com/form", "", "http://example.com/form"},
		"a stranger's form": {"POST", "http://evil.example/form", "", "http://example.com/"},
		"another page":      {"GET", "", "/welcome", "http://example.com/welcome"},
		"another origin":    {"GET", "", "https://docs.example/x?y", "https://docs.example/x?y"},
	} {
		r := httptest.NewRequest(c.method, "http://example.com/a?b", nil)
		r.Header.Set("Referer", c.referer)
		for page, build := range map[string]func(*http.Request, *middleware.State, string) (string, error){"/sign-in": a.SignInURL, "/sign-in/create": a.SignUpURL} {
			got, err := build(r, signedOut, c.returnTo)
			require.NoError(t, err, name)
			assert.Equal(t, "http://example.com"+page+"?redirect_url="+url.QueryEscape(c.want), got, name)
		}
	}
	first := newFlow(t, clerk, func(o *middleware.Options) { o.SignInURL = "/" })
	pending := &middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{SessionStatus: "pending"}}
	got, err := first.SignInURL(httptest.NewRequest(http.MethodGet, "http://example.com/a", nil), pending, "")
	require.NoError(t, err)
	assert.Equal(t, "http://example.com/tasks?redirect_url=http%3A%2F%2Fexample.com%2Fa", got, "not a host that is called tasks")
	_, err = a.SignUpURL(httptest.NewRequest(http.MethodGet, "/", nil), signedOut, "https://[")
	require.Error(t, err)
}

// FuzzPagesOfARequirement: whatever the request says, people are led to the origins that
// the configuration names, and what they asked for stays one parameter of that URL.
func FuzzPagesOfARequirement(f *testing.F) {
	for _, seed := range [][2]string{
		{"/a?b=c", ""}, {"//evil.example/x", ""}, {`/\evil.example`, "evil.example"}, {"/?redirect_url=https://evil.example&x#y", ""},
		{"/x%0d%0aLocation:%20https://evil.example", ""}, {"http://evil.example/", ""}, {"/%2F%2Fevil.example", `example.com"`}, {"/\xff", "[::1]"},
	} {
		f.Add(seed[0], seed[1])
	}
	a := newFlow(f, clerktest.NewServer(f, clerktest.Options{Production: true}), func(o *middleware.Options) { o.SignUpURL = "https://accounts.example/sign-up" })
	nobody, jane := &middleware.Auth{}, &middleware.Auth{TokenType: middleware.SessionToken, UserID: "user_jane"}
	f.Fuzz(func(t *testing.T, target, forwardedHost string) {
		for wanted, c := range map[string]struct {
			q   middleware.Requirement
			who *middleware.Auth
		}{
			"https://accounts.example/sign-up?": {middleware.Requirement{Unauthenticated: middleware.UnauthenticatedSignUp}, nobody},
			"https://welcome.example/a?b=c&":    {middleware.Requirement{UnauthenticatedURL: "https://welcome.example/a?b=c"}, nobody},
			"http://example.com/no?":            {middleware.Requirement{ForbiddenURL: "/no", Role: "org:admin"}, jane},
		} {
			w := permitted(a, c.q, c.who, http.MethodGet, target, "Sec-Fetch-Dest", "document", "X-Forwarded-Host", forwardedHost)
			location := w.Header().Get("Location")
			if location == "" {
				continue
			}
			require.True(t, strings.HasPrefix(location, wanted+"redirect_url="), "%q", location)
			require.False(t, strings.ContainsAny(location, "\r\n\x00 \"<>"), "%q", location)
			u, err := weburl.Parse(location)
			require.NoError(t, err)
			query, err := url.ParseQuery(strings.TrimPrefix(u.Search(), "?"))
			require.NoError(t, err)
			require.Len(t, query["redirect_url"], 1)
			require.True(t, strings.HasPrefix(query.Get("redirect_url"), "http://example.com/"), "%q", location)
		}
	})
}

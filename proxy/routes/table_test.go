package routes

import (
	"net/url"
	gopath "path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/middleware"
)

func mustTable(t testing.TB, routes ...Route) *Table {
	t.Helper()
	table, err := NewTable(routes)
	require.NoError(t, err)
	return table
}

// request parses a request target as net/http's server does.
func request(t testing.TB, target string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	require.NoError(t, err)
	return u
}

func TestMatch(t *testing.T) {
	t.Parallel()
	table := mustTable(t,
		Route{Match: "/assets/*", Methods: []string{"GET", "HEAD"}},
		Route{Match: "/api/*", Hosts: []string{"api.example.com", "*.eu.example.com"}},
		Route{Match: "/admin/*", StripPrefix: "/admin"},
		Route{Match: "/files/*", AmbiguousPaths: true},
		Route{Match: "/strip/me/*", StripPrefix: "/strip", AmbiguousPaths: true},
		Route{Match: "/exact", StripPrefix: "/exact"},
		Route{Match: "/"},
		Route{Match: "/caf%c3%a9"},
	)
	for _, c := range []struct {
		method, host, target string
		want                 int // the route's index
		path, upstream       string
		err                  error
	}{
		{"GET", "a", "/assets/x.js?v=1", 0, "/assets/x.js", "/assets/x.js", nil},
		{"POST", "a", "/assets/x.js", 0, "", "", ErrNoRoute},
		{"get", "a", "/assets/x.js", 0, "", "", ErrNoRoute},
		{"GET", "api.example.com:8443", "/api/x", 1, "/api/x", "/api/x", nil},
		{"GET", "x.eu.example.com", "/api/x", 1, "/api/x", "/api/x", nil},
		{"GET", "www.example.com", "/api/x", 0, "", "", ErrNoRoute},
		{"GET", "", "/api/x", 0, "", "", ErrInvalidHost},
		{"GET", "a", "/admin/users/1", 2, "/admin/users/1", "/users/1", nil},
		{"GET", "a", "/admin/", 2, "/admin/", "/", nil},
		{"GET", "a", "/%61dmin/x", 2, "/admin/x", "/x", nil},
		{"GET", "a", "/admin", 0, "", "", ErrNoRoute},
		{"GET", "a", "/admin/a%2fb", 2, "/admin/a%2fb", "/a%2fb", nil},
		{"GET", "a", "/admin/../files/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/a%2fb", 3, "/files/a%2fb", "/files/a%2fb", nil},
		{"GET", "a", "/files/a/..%2fb", 3, "/files/a/..%2fb", "/files/a/..%2fb", nil},
		{"GET", "a", "/files//a;x/./b", 3, "/files//a;x/./b", "/files//a;x/./b", nil},
		{"GET", "a", "/files/caf%e9", 3, "/files/caf%e9", "/files/caf%e9", nil},
		{"GET", "a", "/files/..%2fadmin/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/%252e%252e/admin/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/..%5cadmin/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/..;/admin/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/%c0%ae%c0%ae/admin/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/x/..%2ffiles/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "//files/x", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/%00", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/files/a%2500", 0, "", "", ErrAmbiguousPath},
		{"GET", "a", "/strip/me/a%2fb", 4, "/strip/me/a%2fb", "/me/a%2fb", nil},
		{"GET", "a", "/strip/me/../../strip/me/x", 0, "", "", ErrAmbiguousPath}, // cut, it reads as /strip/me/x
		{"GET", "a", "/exact", 5, "/exact", "/", nil},
		{"GET", "a", "/exact/", 0, "", "", ErrNoRoute},
		{"GET", "a", "/", 6, "/", "/", nil},
		{"GET", "a", "/caf%c3%a9", 7, "/caf%C3%A9", "/caf%C3%A9", nil},
		{"OPTIONS", "a", "*", 0, "", "", ErrAmbiguousPath},
	} {
		t.Run(c.method+" "+c.host+c.target, func(t *testing.T) {
			t.Parallel()
			u := &url.URL{Path: "*"}
			if c.target != "*" {
				u = request(t, c.target)
			}
			m, err := table.Match(c.method, c.host, u)
			if c.err != nil {
				assert.ErrorIs(t, err, c.err)
				assert.Zero(t, m)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, m.Index)
			assert.Equal(t, c.path, m.Path)
			assert.Equal(t, c.upstream, m.UpstreamPath())
		})
	}
}

// TestNoSpellingAvoidsARoute is the corpus of CVE-2026-33494, CVE-2026-41248,
// CVE-2025-66490 and their kin: whatever some server may read as a path below
// /admin is judged as one, or refused.
func TestNoSpellingAvoidsARoute(t *testing.T) {
	t.Parallel()
	table := mustTable(t,
		Route{Match: "/admin", Require: requirement()}, Route{Match: "/admin/*", Require: requirement()},
		Route{Match: "/open/*", Auth: AuthPublic, AmbiguousPaths: true}, Route{Match: "/*", Auth: AuthPublic, AmbiguousPaths: true})
	for _, target := range []string{
		"/admin/x", "/%61dmin/x", "/%2561dmin/x", "/%252561dmin/x", "/admin%2fx", "/admin%252fx", "//admin/x", "/./admin/x",
		"/open/../admin/x", "/open/%2e%2e/admin/x", "/open/%252e%252e/admin/x", "/open/..%2fadmin/x", "/open/..;/admin/x",
		"/open/..%3b/admin/x", "/open/..%00/admin/x", `/open/..\admin/x`, "/open/..%5cadmin/x", "/open/%c0%ae%c0%ae/admin/x",
		"/open/%e0%80%ae%e0%80%ae/admin/x", "/open/%c0%ae%c0%ae%c0%afadmin/x", "/open/x/..//../admin/x", "/open/.;x/../admin/x",
		"/admin;x", "/admin;x/y", "/admin%3bx", "/admin%3Fx", "/admin%23x", "/admin%3Fx/../../open/y", "/%5cadmin/x", "/open%2f%2e%2e%2fadmin%2fx",
		"/admin%00", "/admin%0a/x", "/%0aadmin/x", "/open/%2e%2e%5cadmin",
	} {
		m, err := table.Match("GET", "a", request(t, target))
		if err == nil {
			assert.Equal(t, requirement(), m.Route.Require, "%s passes as %s", target, m.Path)
			continue
		}
		assert.ErrorIs(t, err, ErrAmbiguousPath, target)
	}
}

func TestCanonicalHostIsForTheUpstream(t *testing.T) {
	t.Parallel()
	byHost := mustTable(t, Route{Match: "/*", Hosts: []string{"app.example.com"}})
	m, err := byHost.Match("GET", "APP.example.com.:80", request(t, "/"))
	require.NoError(t, err)
	assert.Equal(t, "app.example.com:80", m.Host)
	anyHost := mustTable(t, Route{Match: "/*"})
	m, err = anyHost.Match("GET", "anything goes", request(t, "/"))
	require.NoError(t, err)
	assert.Equal(t, "anything goes", m.Host)
}

func TestNewTableRefuses(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Route{
		`route "x": match "api" does not begin with a slash`:                                {Name: "x", Match: "api"},
		`the route in line 7: host "a b" is not valid`:                                      {Line: 7, Match: "/*", Hosts: []string{"a b"}},
		`the route for "/a": strip_prefix "/b" is not whole segments at the start of match`: {Match: "/a", StripPrefix: "/b"},
	} {
		table, err := NewTable([]Route{{Match: "/ok"}, r})
		assert.Nil(t, table)
		assert.EqualError(t, err, want)
	}
}

func TestTableKeepsACopy(t *testing.T) {
	t.Parallel()
	list := []Route{{Match: "/*", Auth: AuthNone}}
	table := mustTable(t, list...)
	list[0].Auth = AuthPublic
	m, err := table.Match("GET", "a", request(t, "/"))
	require.NoError(t, err)
	assert.Equal(t, AuthNone, m.Route.Auth)
}

// FuzzMatch holds that what was judged is what is sent: asked again with the path
// that is sent, and with every reading of it, a table answers the same.
func FuzzMatch(f *testing.F) {
	table := mustTable(f,
		Route{Match: "/admin"}, Route{Match: "/admin/*"}, Route{Match: "/caf%C3%A9/*", StripPrefix: "/caf%C3%A9"},
		Route{Match: "/files/in/*", AmbiguousPaths: true, StripPrefix: "/files"}, Route{Match: "/a%20b"}, Route{Match: "/*", AmbiguousPaths: true})
	for _, seed := range []string{"/admin/x", "/files/in/a%2fb", "/files/in/..%2f..%2fadmin", "/caf%c3%a9/x", "/a%20b", "/a%2520b", "/files/in/%c0%ae%c0%ae/x", "/;/admin", "/admin%3f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		m, err := table.Match("GET", "a", u)
		steps := table.Explain("GET", "a", u)
		if err != nil {
			require.Zero(t, m)
			for _, s := range steps {
				require.False(t, s.Applies)
			}
			return
		}
		require.Equal(t, m.Route, steps[len(steps)-1].Route)
		require.True(t, steps[len(steps)-1].Applies)

		sent := &url.URL{}
		urlpath.Set(sent, m.Path)
		require.Equal(t, m.Path, sent.EscapedPath())
		again, err := table.Match("GET", "a", sent)
		require.NoError(t, err)
		require.Equal(t, m, again)

		all, ok := urlpath.Readings(m.Path)
		require.True(t, ok || !containsAny(m.Path, "%;"))
		for _, r := range all {
			if r.Text == "" || containsAny(r.Text, "?#") {
				continue
			}
			read := &url.URL{Path: r.Text}
			if !r.Decoded {
				urlpath.Set(read, r.Text)
			}
			other, err := table.Match("GET", "a", read)
			if err == nil {
				require.Equal(t, m.Index, other.Index, "%q reads as %q", m.Path, r.Text)
			}
		}
		require.Equal(t, byte('/'), m.UpstreamPath()[0])
	})
}

func BenchmarkMatch(b *testing.B) {
	var list []Route
	for i := range 49 {
		list = append(list, Route{Match: "/service" + strconv.Itoa(i) + "/*", Hosts: []string{"app.example.com"}, Methods: []string{"GET", "POST"}})
	}
	table := mustTable(b, append(list, Route{Match: "/*"})...)
	for name, target := range map[string]string{"plain": "/users/42", "escaped": "/caf%C3%A9/42", "first": "/service0/x"} {
		b.Run(name, func(b *testing.B) {
			u := request(b, target)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Match("GET", "app.example.com", u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestMatchAllocatesNothingForCanonicalPaths(t *testing.T) {
	table := mustTable(t, Route{Match: "/admin/*", Hosts: []string{"*.example.com"}, StripPrefix: "/admin"}, Route{Match: "/*"})
	u := request(t, "/admin/users")
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		m, err := table.Match("GET", "app.example.com:8443", u)
		if err != nil || m.UpstreamPath() != "/users" {
			t.Error("not matched")
		}
	}))
}

// Registries and forges write encoded slashes into paths: where every reading leads
// to one route that asks for a session, they pass as they came.
func TestPathsThatEveryReadingAgreesOn(t *testing.T) {
	t.Parallel()
	table := mustTable(t, Route{Match: "/health", Auth: AuthPublic}, Route{Match: "/assets/*", Auth: AuthPublic},
		Route{Match: "/cdn/*", Auth: AuthPublic, AmbiguousPaths: true}, Route{Match: "/*"})
	steps := table.Explain("GET", "a", request(t, "/assets//a.css"))
	assert.Equal(t, `the path has no canonical form, and the route for "/*" asks for what this one does not; ambiguous_paths: true would let it pass`, steps[len(steps)-1].Why)
	for target, want := range map[string]int{
		"/api/v4/projects/group%2Fproject": 3, "/npm/@scope%2fname": 3, "/a//b": 3, "/a/./b": 3, "/a/b/../c": 3, "/x%5cy": 3, "/a%2eb": 3,
		"/health%2f": 3, "/health/..%2fapi": 3, "/cdn/@scope%2fname.js": 2,
		"/assets/@scope%2fname.js": -1, "/assets//a.css": -1, // public, where others are not
		"//health": -1, "/x/..%2fhealth": -1, "/health;x": -1, "/./health": -1, "/%2fhealth": -1,
		"/assets/..%2fapi": -1, "/assets/%2e%2e/api": -1, "/assets/..;/api": -1, "/cdn/%252e%252e%252fapi": -1, "/api/..%2fassets/x": -1,
		"/api/%00": -1, "/api/%0a": -1, "/api/%2525252f": -1,
	} {
		m, err := table.Match("GET", "a", request(t, target))
		if want < 0 {
			assert.ErrorIs(t, err, ErrAmbiguousPath, target)
			continue
		}
		if assert.NoError(t, err, target) {
			assert.Equal(t, want, m.Index, target)
			if _, canonical := urlpath.Canonical(request(t, target)); !canonical {
				assert.Equal(t, request(t, target).EscapedPath(), m.Path, "as it came")
			}
		}
	}
}

// A route for another host or method is no other reading of a path.
func TestOtherHostsAndMethodsMakeNoPathAmbiguous(t *testing.T) {
	t.Parallel()
	table := mustTable(t, Route{Match: "/admin/*", Hosts: []string{"admin.example.com"}}, Route{Match: "/admin/*", Methods: []string{"DELETE"}},
		Route{Match: "/*", Auth: AuthPublic, Methods: []string{"GET"}, Hosts: []string{"www.example.com"}},
		Route{Match: "/*", Auth: AuthPublic, Hosts: []string{"*.example.com"}})
	m, err := table.Match("GET", "www.example.com", request(t, "/a%2fb"))
	require.NoError(t, err)
	assert.Equal(t, 2, m.Index)
	m, err = table.Match("POST", "x.example.com", request(t, "/a%2fb"))
	require.NoError(t, err)
	assert.Equal(t, 3, m.Index)
	for _, method := range []string{"GET", "DELETE"} {
		_, err = table.Match(method, "admin.example.com", request(t, "/a%2fb"))
		assert.ErrorIs(t, err, ErrAmbiguousPath, method)
	}
	_, err = table.Match("DELETE", "x.example.com", request(t, "/a%2fb"))
	assert.ErrorIs(t, err, ErrAmbiguousPath)
}

// A reading that is not among the known ones must lead to nothing that asks for more, in
// whatever way.
func TestPathsOfRoutesThatAreLessStrict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		other, route Route
		want         error
	}{
		"a role":                   {Route{Require: middleware.Requirement{Role: "org:admin"}}, Route{}, ErrAmbiguousPath},
		"the same role":            {Route{Require: middleware.Requirement{Role: "org:admin"}}, Route{Require: middleware.Requirement{Role: "org:admin", Plan: "org:gold"}}, nil},
		"a scope":                  {Route{Accepts: []middleware.TokenType{middleware.OAuthToken}, Require: middleware.Requirement{Scopes: []string{"a", "b"}}}, Route{Accepts: []middleware.TokenType{middleware.OAuthToken}, Require: middleware.Requirement{Scopes: []string{"a"}}}, ErrAmbiguousPath},
		"a fresh factor":           {Route{Require: middleware.Requirement{Reverification: "strict"}}, Route{}, ErrAmbiguousPath},
		"fewer tokens":             {Route{Accepts: []middleware.TokenType{"session_token"}}, Route{Accepts: []middleware.TokenType{"session_token", "api_key"}}, ErrAmbiguousPath},
		"other than all tokens":    {Route{Accepts: []middleware.TokenType{"session_token"}}, Route{}, ErrAmbiguousPath},
		"more tokens":              {Route{Accepts: []middleware.TokenType{"any"}}, Route{Accepts: []middleware.TokenType{"api_key"}}, nil},
		"tokens of a public route": {Route{Auth: AuthPublic, Accepts: []middleware.TokenType{"session_token"}}, Route{}, nil},
		"settled sessions":         {Route{}, Route{AcceptPending: true}, ErrAmbiguousPath},
		"pending sessions":         {Route{AcceptPending: true}, Route{}, nil},
		"revocations":              {Route{Revocation: RevocationStrict}, Route{}, ErrAmbiguousPath},
		"fewer revocations":        {Route{}, Route{Revocation: RevocationStrict}, nil},
		"the guard":                {Route{}, Route{CSRF: CSRF{Off: true}}, ErrAmbiguousPath},
		"no guard":                 {Route{CSRF: CSRF{Off: true}}, Route{}, nil},
		"another trusted origin":   {Route{}, Route{CSRF: CSRF{TrustedOrigins: []string{"https://x.example"}}}, ErrAmbiguousPath},
		"another origin may read":  {Route{}, Route{CORS: &CORS{Origins: []string{"https://x.example"}}}, ErrAmbiguousPath},
		"public":                   {Route{Auth: AuthNone}, Route{Auth: AuthPublic}, nil},
		"a look":                   {Route{Auth: AuthPublic}, Route{Auth: AuthNone}, ErrAmbiguousPath},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.other.Match, c.route.Match = "/other/*", "/*"
			_, err := mustTable(t, c.other, c.route).Match("GET", "a", request(t, "/a%2fb"))
			assert.ErrorIs(t, err, c.want)
		})
	}
}

// FuzzMatchPublicPaths holds what a sidecar with public paths promises: whatever a server
// makes of a path, by decoding and cleaning it as Go does, it does not get beyond the
// public paths unless somebody was asked to sign in.
func FuzzMatchPublicPaths(f *testing.F) {
	table := mustTable(f, Route{Match: "/health", Auth: AuthPublic}, Route{Match: "/assets/*", Auth: AuthPublic}, Route{Match: "/*"})
	for _, seed := range []string{
		"/health", "/health/../private", "/private/..;/health", "/%2e%2e/health", "//health", `/assets\..\private`, "/assets/%5c..%5cprivate",
		"/assets/a%2fb", "/assets/%252e%252e/x", "/assets/x;/../../y", "/assets//x", "/api/group%2Fproject", "/assets/..%c0%af", "/assets/.%2e/x?y",
	} {
		f.Add(seed)
	}
	parameters, query := regexp.MustCompile(`;[^/]*`), regexp.MustCompile(`(?s)[?#].*`)
	public := func(p string) bool {
		return p == "/health" || strings.HasPrefix(p, "/assets/")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		m, err := table.Match("GET", "a", u)
		if err != nil || m.Route.Auth == AuthRequired {
			return
		}
		path, ok := urlpath.Canonical(u)
		require.True(t, ok, "a public path has one form")
		require.Equal(t, path, m.Path)
		for text := m.Path; ; {
			bare := strings.ReplaceAll(parameters.ReplaceAllString(text, ""), `\`, "/")
			for _, read := range []string{text, bare, gopath.Clean(text), gopath.Clean(bare), gopath.Clean(text + "/x"), query.ReplaceAllString(text, "")} {
				require.True(t, public(read) || read == "/assets" || read == "/health/x", "%q reads as %q", m.Path, read)
			}
			next, err := url.PathUnescape(text)
			if err != nil || next == text {
				return
			}
			text = next
		}
	})
}

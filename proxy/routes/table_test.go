package routes

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		{"GET", "a", "/admin/a%2fb", 0, "", "", ErrAmbiguousPath},
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
		SetPath(sent, m.Path)
		require.Equal(t, m.Path, sent.EscapedPath())
		again, err := table.Match("GET", "a", sent)
		require.NoError(t, err)
		require.Equal(t, m, again)

		all, ok := readings(m.Path)
		require.True(t, ok || !containsAny(m.Path, "%;"))
		for _, r := range all {
			if r.text == "" || containsAny(r.text, "?#") {
				continue
			}
			read := &url.URL{Path: r.text}
			if !r.decoded {
				SetPath(read, r.text)
			}
			other, err := table.Match("GET", "a", read)
			if err == nil {
				require.Equal(t, m.Index, other.Index, "%q reads as %q", m.Path, r.text)
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

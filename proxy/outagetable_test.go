package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// startBesideClerk starts a proxy in front of an application, for an instance of the local
// Clerk, all of them on sockets.
func startBesideClerk(t testing.TB, change func(*settings.Config)) *routed {
	t.Helper()
	r := &routed{app: &received{}, clerk: clerktest.NewServer(t, clerktest.Options{})}
	upstream := httptest.NewServer(r.app)
	t.Cleanup(upstream.Close)
	cfg, _, err := load(map[string]string{
		"CLERK_PUBLISHABLE_KEY": r.clerk.PublishableKey(), "CLERK_SECRET_KEY": r.clerk.SecretKey(), "CLERK_API_URL": r.clerk.URL,
		"CLERKGATE_UPSTREAM": upstream.URL,
	})
	require.NoError(t, err)
	cfg.Auth.Now, cfg.Auth.FrontendAPIURL = r.clerk.Now, r.clerk.URL
	cfg.Auth.AcceptsToken = []middleware.TokenType{middleware.AnyToken}
	change(&cfg)
	s := &system{log: &kit.Buffer{}}
	s.proxy, err = New(cfg, Deps{Logger: testLogger(s.log), Now: r.clerk.Now})
	require.NoError(t, err)
	t.Cleanup(s.proxy.Close)
	s.Server = httptest.NewServer(s.proxy)
	t.Cleanup(s.Close)
	r.system = s
	return r
}

// TestOutageTable is the table of docs/outage.md, with the local Clerk.
func TestOutageTable(t *testing.T) {
	t.Parallel()
	none := func(*settings.Config) {}
	grace := func(c *settings.Config) { c.Auth.OutageGrace = 10 * time.Minute }
	unsafe := func(c *settings.Config) { c.Auth.OutageGrace, c.Auth.OutageGraceUnsafe = 10*time.Minute, true }
	short := func(c *settings.Config) { c.Auth.OutageGrace = time.Minute }
	both := clerktest.Outage{Kind: clerktest.OutageDown}
	backend := clerktest.Outage{Kind: clerktest.OutageError, Part: clerktest.BackendAPI}
	limited := clerktest.Outage{Kind: clerktest.OutageRateLimit, Part: clerktest.BackendAPI}
	maintenance := clerktest.Outage{Kind: clerktest.OutageMaintenance}

	// Who asks; each signs in first, and the outage begins when the token is as old as said.
	live, expired := time.Duration(0), 3*time.Minute
	ended := func(r *routed, session string) { r.clerk.EndSession(session) }
	for name, test := range map[string]struct {
		change       func(*settings.Config)
		age          time.Duration
		before       func(*routed, string)
		outage       clerktest.Outage
		method, dest string
		want         int
	}{
		"live, page":                             {none, live, nil, both, "GET", "document", 200},
		"live, fetch":                            {none, live, nil, both, "GET", "empty", 200},
		"live, POST":                             {none, live, nil, both, "POST", "empty", 200},
		"refused, page":                          {none, expired, ended, clerktest.Outage{}, "GET", "document", 307},
		"refused, fetch":                         {none, expired, ended, clerktest.Outage{}, "GET", "empty", 401},
		"refused, page, grace":                   {grace, expired, ended, clerktest.Outage{}, "GET", "document", 307},
		"refused, fetch, grace":                  {grace, expired, ended, clerktest.Outage{}, "GET", "empty", 401},
		"Backend API down, page":                 {none, expired, nil, backend, "GET", "document", 307},
		"Backend API down, fetch":                {none, expired, nil, backend, "GET", "empty", 503},
		"Backend API down, POST":                 {none, expired, nil, backend, "POST", "empty", 503},
		"Backend API down, fetch, grace":         {grace, expired, nil, backend, "GET", "empty", 503},
		"rate limit, page":                       {none, expired, nil, limited, "GET", "document", 307},
		"rate limit, fetch":                      {none, expired, nil, limited, "GET", "empty", 503},
		"maintenance of a development instance":  {none, expired, nil, maintenance, "GET", "document", 503},
		"both down, page":                        {none, expired, nil, both, "GET", "document", 503},
		"both down, fetch":                       {none, expired, nil, both, "GET", "empty", 503},
		"both down, form":                        {none, expired, nil, both, "POST", "document", 503},
		"both down, page, within the grace":      {grace, expired, nil, both, "GET", "document", 200},
		"both down, fetch, within the grace":     {grace, expired, nil, both, "GET", "empty", 200},
		"both down, POST, within the grace":      {grace, expired, nil, both, "POST", "empty", 503},
		"both down, POST, grace for all methods": {unsafe, expired, nil, both, "POST", "empty", 200},
		"both down, page, outside the grace":     {short, expired, nil, both, "GET", "document", 503},
		"both down, fetch, outside the grace":    {short, expired, nil, both, "GET", "empty", 503},
		"both down, within the grace, signed out": {grace, expired, func(r *routed, session string) {
			_ = r.proxy.site.Load().instance.Auth.Revoke(t.Context(), middleware.Revocation{SessionID: session})
		}, both, "GET", "empty", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startBesideClerk(t, test.change)
			session := r.clerk.SignIn("jane@example.com").ID
			var cookies []string
			for _, c := range r.clerk.Cookies(session, r.URL) {
				cookies = append(cookies, c.Name+"="+c.Value)
			}
			require.NoError(t, r.proxy.Ready(t.Context()))
			r.clerk.Advance(test.age)
			if test.before != nil {
				test.before(r, session)
			}
			r.clerk.SetOutage(test.outage)
			res, body := r.do(t, test.method, "/", "Cookie", strings.Join(cookies, "; "), "Sec-Fetch-Dest", test.dest, "Sec-Fetch-Site", "same-origin")
			require.Equal(t, test.want, res.StatusCode, body)
			assert.Equal(t, test.want == 200, r.app.count() == 1)
			switch {
			case test.want == 200 && test.age == expired:
				assert.NotEmpty(t, r.app.last(t).Header.Get("X-Clerk-Auth-Stale"))
			case test.want == 200:
				assert.Empty(t, r.app.last(t).Header.Get("X-Clerk-Auth-Stale"))
			case test.want == 503:
				assertUnavailable(t, res, body, test.method, test.dest)
			case test.want == 307:
				assert.Contains(t, res.Header.Get("Location"), "/v1/client/handshake?")
			}
		})
	}
}

// assertUnavailable checks what a 503 tells a person or a program.
func assertUnavailable(t *testing.T, res *http.Response, body, method, dest string) {
	t.Helper()
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Equal(t, "unavailable", res.Header.Get("X-Clerk-Auth-Status"))
	assert.Empty(t, res.Cookies())
	assert.Equal(t, dest == "document" && method == "GET", res.Header.Get("Refresh") != "")
	if dest == "document" {
		assert.Contains(t, res.Header.Get("Content-Type"), "text/html")
		return
	}
	var problem struct{ Recoverable bool }
	require.NoError(t, json.Unmarshal([]byte(body), &problem), body)
	assert.True(t, problem.Recoverable)
}

// TestOutageOfKeys: a start without keys, keys that are old, and tokens that no key makes good.
func TestOutageOfKeys(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T, r *routed, token string) int {
		t.Helper()
		res, _ := r.do(t, "GET", "/", "Authorization", "Bearer "+token)
		return res.StatusCode
	}
	token := func(r *routed) string { return r.clerk.Token(r.clerk.SignIn("jane@example.com").ID, r.URL) }
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		r := startBesideClerk(t, func(*settings.Config) {})
		r.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageDown})
		assert.Equal(t, 503, ask(t, r, token(r)))
		assert.Equal(t, 401, ask(t, r, "e30.e30.AAAA"), "malformed")
	})
	t.Run("old", func(t *testing.T) {
		t.Parallel()
		r := startBesideClerk(t, func(*settings.Config) {})
		require.Equal(t, 200, ask(t, r, token(r)))
		r.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageDown})
		r.clerk.Advance(23 * time.Hour)
		good := token(r)
		require.Equal(t, 200, ask(t, r, good))
		assert.Equal(t, 401, ask(t, r, good[:strings.LastIndexByte(good, '.')+1]+strings.Repeat("A", 342)), "forged")
	})
}

// TestOutageOfMachineTokens: a program is told to try again, and not that its token is bad.
func TestOutageOfMachineTokens(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"without a grace": 0, "with a grace": time.Hour} {
		for _, kind := range []string{clerktest.KindAPIKey, clerktest.KindM2M, clerktest.KindOAuth} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				r := startBesideClerk(t, func(c *settings.Config) { c.Auth.OutageGrace = grace })
				subject := r.clerk.Users()[0].ID
				if kind == clerktest.KindM2M {
					subject = "mch_1"
				}
				known := r.clerk.AddMachineToken(clerktest.MachineToken{Kind: kind, Subject: subject}).Token
				ask := func(token string) (*http.Response, string) {
					return r.do(t, "POST", "/", "Authorization", "Bearer "+token)
				}
				res, body := ask(known)
				require.Equal(t, 200, res.StatusCode, body)
				r.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageDown})
				r.clerk.Advance(15 * time.Second)
				res, _ = ask(known)
				assert.Equal(t, grace > 0, res.StatusCode == 200)
				if grace > 0 {
					assert.Equal(t, "15", r.app.last(t).Header.Get("X-Clerk-Auth-Stale"))
				}
				r.clerk.Advance(time.Minute)
				for _, token := range []string{known, known[:4] + "other" + known[9:]} {
					res, body = ask(token)
					assert.Equal(t, 503, res.StatusCode)
					assert.NotEmpty(t, res.Header.Get("Retry-After"))
					assert.Contains(t, body, "clerk_unavailable")
				}
				r.clerk.SetOutage(clerktest.Outage{})
				r.clerk.Advance(10 * time.Second)
				res, _ = ask(known)
				assert.Equal(t, 200, res.StatusCode)
			})
		}
	}
}

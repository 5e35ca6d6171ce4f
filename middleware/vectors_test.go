package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// vectorOptions are the options that express a recorded configuration.
func vectorOptions(c *vectors.Config, now int64, transport http.RoundTripper) middleware.Options {
	o := middleware.Options{
		PublishableKey: c.PublishableKey, SecretKey: c.SecretKey, MachineSecretKey: c.MachineSecretKey, JWTKey: c.JWTKey,
		ProxyURL: c.ProxyURL, Domain: c.Domain, SignInURL: c.SignInURL, IsSatellite: c.IsSatellite, SatelliteAutoSync: c.SatelliteAutoSync,
		AuthorizedParties: c.AuthorizedParties, Audience: c.Audience,
		OrganizationPatterns: c.OrganizationSyncOptions.OrganizationPatterns, PersonalAccountPatterns: c.OrganizationSyncOptions.PersonalAccountPatterns,
		Transport: transport, Now: func() time.Time { return time.Unix(now, 0) },
		Outage: middleware.OutageHandshake, // what the reference does, to the letter
	}
	if c.ClockSkewInMs != nil {
		o.ClockSkew = max(time.Duration(*c.ClockSkewInMs)*time.Millisecond, middleware.NoClockSkew)
	}
	for _, k := range c.AcceptsToken {
		o.AcceptsToken = append(o.AcceptsToken, middleware.TokenType(k))
	}
	if c.TrustForwarded {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	return o
}

func vectorRequest(c *vectors.Case) *http.Request {
	u, err := url.Parse(c.Request.URL)
	if err != nil {
		u = &url.URL{Scheme: "http", Host: "unparsable.invalid", Path: "/"}
	}
	r := httptest.NewRequest(c.Request.Method, "http://x.invalid/", nil)
	r.URL, r.RequestURI, r.RemoteAddr = u, c.Request.Target, "127.0.0.1:40000"
	for _, kv := range c.Request.Headers {
		if strings.EqualFold(kv[0], "Host") {
			r.Host = kv[1]
			continue
		}
		r.Header.Add(kv[0], kv[1])
	}
	return r
}

// saysRevokedOrExpired finds machine tokens whose answer is 200 and says that they
// are not good any more. Clerk's SDK signs them in; here they are refused.
func saysRevokedOrExpired(c *vectors.Case) bool {
	for _, rule := range c.BAPI {
		body := strings.ReplaceAll(rule.Answer.Body, " ", "")
		if rule.Answer.Status == http.StatusOK && (strings.Contains(body, `"revoked":true`) || strings.Contains(body, `"expired":true`)) {
			return c.Expect.Status == "signed-in" && c.Expect.TokenType != nil && *c.Expect.TokenType != "session_token"
		}
	}
	return false
}

// TestVectors replays what Clerk's SDK decided.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, f := range vectors.Load(t) {
		for _, c := range f.Cases {
			t.Run(c.ID, func(t *testing.T) { replayVector(t, &f.Instance, c) })
		}
	}
}

func replayVector(t *testing.T, in *vectors.Instance, c *vectors.Case) {
	backend := &vectors.Backend{JWKS: in.JWKS, Case: c}
	a, err := middleware.New(vectorOptions(&in.Config, c.Now, backend))
	if err != nil {
		// What is an error with every request in Clerk's SDK is an error of New here.
		require.Equal(t, "throws", c.Expect.Outcome, "%v", err)
		return
	}
	defer a.Close()
	state := a.Authenticate(vectorRequest(c))
	if saysRevokedOrExpired(c) {
		require.Equal(t, middleware.SignedOut, state.Status)
		return
	}
	checkVector(t, c, state, backend.Calls)
}

func checkVector(t *testing.T, c *vectors.Case, s *middleware.State, calls []vectors.Call) {
	e := &c.Expect
	if e.Outcome == "throws" {
		assert.NotEqual(t, middleware.SignedIn, s.Status, "fail closed")
		return
	}
	assert.Equal(t, e.Status, string(s.Status), "status")
	assert.Equal(t, deref(e.Reason), string(s.Reason), "reason")
	assert.Equal(t, deref(e.TokenType), string(s.TokenType), "token type")
	_, hasMessage := s.Header["X-Clerk-Auth-Message"]
	assert.Equal(t, e.MessagePresent, hasMessage, "message: %q", s.Message)
	if e.Status == "signed-in" {
		assert.Equal(t, deref(e.UserID), s.Auth.UserID, "user")
		assert.Equal(t, deref(e.SessionID), s.Auth.SessionID, "session")
		assert.Equal(t, deref(e.OrgID), s.Auth.OrgID, "org")
		assert.Equal(t, deref(e.OrgSlug), s.Auth.OrgSlug, "org slug")
		assert.Equal(t, deref(e.OrgRole), s.Auth.OrgRole, "org role")
	}
	assert.Equal(t, deref(e.Location), s.Location(), "location")
	assert.Equal(t, append([]string{}, e.SetCookie...), append([]string{}, s.Header["Set-Cookie"]...), "cookies")
	if len(e.SetCookie) == 0 || e.CacheControl != nil {
		assert.Equal(t, deref(e.CacheControl), s.Header.Get("Cache-Control"))
	} else {
		assert.Equal(t, "no-store", s.Header.Get("Cache-Control"), "beside Set-Cookie")
	}
	assert.Equal(t, deref(e.AccessControlAllowOrigin), s.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, deref(e.AccessControlAllowCredentials), s.Header.Get("Access-Control-Allow-Credentials"))
	checkCalls(t, e.BAPICalls, calls)
}

func checkCalls(t *testing.T, want, got []vectors.Call) {
	require.Len(t, got, len(want), "calls to the Backend API")
	for i := range want {
		w, g := want[i], got[i]
		dropUnmatched(w.Body)
		dropUnmatched(g.Body)
		if w.Query == nil {
			w.Query = [][2]string{}
		}
		if len(w.Body) == 0 {
			w.Body, g.Body = nil, emptyToNil(g.Body)
		}
		assert.Equal(t, w, g)
	}
}

func emptyToNil(m map[string]any) map[string]any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// dropUnmatched removes the forwarded headers that the vectors leave open.
func dropUnmatched(body map[string]any) {
	headers, ok := body["request_headers"].(map[string]any)
	if !ok {
		return
	}
	for name := range headers {
		open := []string{"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", "proxy-authenticate", "proxy-authorization"}
		if slices.Contains(open, name) || strings.HasPrefix(name, "x-clerk-") {
			delete(headers, name)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

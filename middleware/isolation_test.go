package middleware_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// What is cached for one question is never used for another.

// TestClerkBackend_KeysAreNotShared: @clerk/backend kept the keys of all instances
// in one table, where two instances with the same key id collided.
func TestClerkBackend_KeysAreNotShared(t *testing.T) {
	t.Parallel()
	one, two := newForge(t, 0), newForge(t, 1)
	a, b := one.authenticator(nil), two.authenticator(nil)
	ofOne, ofTwo := one.token(nil, nil), two.token(nil, nil)
	require.Equal(t, one.kid, two.kid)
	for range 2 {
		assert.Equal(t, middleware.SignedIn, a.Authenticate(bearer(ofOne)).Status)
		assert.Equal(t, middleware.Reason("token-invalid-signature"), a.Authenticate(bearer(ofTwo)).Reason)
		assert.Equal(t, middleware.SignedIn, b.Authenticate(bearer(ofTwo)).Status)
		assert.Equal(t, middleware.Reason("token-invalid-signature"), b.Authenticate(bearer(ofOne)).Reason)
	}
}

// CVE-2021-32701, GHSA-qvp4-rpmr-xwrr (Oathkeeper): a token found in the cache
// skipped the checks of scope and audience that another route asked for.
func TestCVE_2021_32701_RememberedTokenIsCheckedForEachRoute(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	f.answer = func(string, string) (int, string) {
		return http.StatusOK, `{"object":"clerk_idp_oauth_access_token","id":"oat_1","client_id":"client_1","type":"oauth:access_token","subject":"user_1","scopes":["read"],"aud":["urn:one"],"expiration":null,"expired":false,"revoked":false}`
	}
	kinds := []middleware.TokenType{middleware.AnyToken}
	build := func(audience string) *middleware.Authenticator {
		return f.authenticator(func(o *middleware.Options) { o.Audience, o.AcceptsToken = []string{audience}, kinds })
	}
	one, two := build("urn:one"), build("urn:two")
	for name, token := range map[string]string{
		"session": f.token(nil, with{"aud": "urn:one"}), "OAuth JWT": f.token(with{"typ": "at+jwt", "cat": nil}, with{"aud": "urn:one"}),
		"M2M": f.token(with{"cat": categoryMachine}, with{"sub": "mch_1", "aud": "urn:one"}), "OAuth": "oat_abc",
	} {
		for range 2 {
			assert.True(t, one.Authenticate(bearer(token)).Auth.IsSignedIn(), name)
			assert.False(t, two.Authenticate(bearer(token)).Auth.IsSignedIn(), name)
		}
	}
	// One application, two routes: the requirement is asked for with each request.
	token := f.token(nil, with{"v": 2, "aud": "urn:one", "o": with{"id": "org_1", "slg": "acme", "rol": "member"}})
	for range 2 {
		_, reached := serve(one, middleware.Requirement{Role: "org:member"}, bearer(token))
		assert.True(t, reached)
		_, reached = serve(one, middleware.Requirement{Role: "org:admin"}, bearer(token))
		assert.False(t, reached)
	}
}

// CVE-2026-33496, GHSA-4mq7-pvjg-xp2r (Oathkeeper): the cache was keyed by the
// token alone, so that one endpoint's answer was taken for another's.
func TestCVE_2026_33496_AnswersAreKeptApart(t *testing.T) {
	t.Parallel()
	yes, no := newForge(t, 0), newForge(t, 0)
	yes.answer = func(path, body string) (int, string) {
		for machine, secret := range map[string]string{"mch_1": `"mt_secret"`, "mch_2": `"mt_other"`} {
			if strings.Contains(path, "m2m") && strings.Contains(body, secret) {
				return http.StatusOK, fmt.Sprintf(`{"object":"machine_to_machine_token","id":"mt_1","subject":%q,"scopes":[],"claims":null,"expired":false,"revoked":false,"expiration":null}`, machine)
			}
		}
		return http.StatusNotFound, `{"errors":[{"code":"resource_not_found","message":"not found"}]}`
	}
	build := func(f *forge, kinds ...middleware.TokenType) *middleware.Authenticator {
		return f.authenticator(func(o *middleware.Options) { o.AcceptsToken = kinds })
	}
	a, b := build(yes, middleware.AnyToken), build(no, middleware.AnyToken)
	other := build(yes, middleware.APIKeyToken, middleware.SessionToken)
	for range 2 {
		s := a.Authenticate(bearer("mt_secret"))
		require.Equal(t, middleware.SignedIn, s.Status, s.Message)
		assert.Equal(t, "mch_1", s.Auth.MachineID)
		assert.Equal(t, middleware.SignedOut, b.Authenticate(bearer("mt_secret")).Status, "another instance")
		assert.Equal(t, middleware.ReasonTokenTypeMismatch, other.Authenticate(bearer("mt_secret")).Reason, "another kind")
		assert.Equal(t, middleware.SignedOut, a.Authenticate(bearer("ak_secret")).Status)
		assert.Equal(t, "mch_2", a.Authenticate(bearer("mt_other")).Auth.MachineID, "another token")
		assert.Equal(t, middleware.SignedOut, a.Authenticate(bearer("mt_unknown")).Status)
	}
	assert.Len(t, yes.made(), 4, "each question once: %v", yes.made())
	// A JWT that verified as one kind does not count as another.
	machine := yes.token(with{"cat": categoryMachine}, with{"sub": "mch_1"})
	require.True(t, a.Authenticate(bearer(machine)).Auth.IsSignedIn())
	assert.Equal(t, middleware.ReasonTokenTypeMismatch, build(yes, middleware.SessionToken).Authenticate(bearer(machine)).Reason)
	assert.NotEqual(t, middleware.SignedIn, a.Authenticate(yes.page(machine)).Status, "a machine token in a cookie")
}

// CVE-2026-71326, GHSA-6765-c87h-8mrf (Traefik): requests that waited for the same
// answer were told apart by too little, and one user got another's identity.
func TestCVE_2026_71326_WaitersAreToldApart(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	f.answer = func(_, body string) (int, string) {
		for _, user := range []string{"ann", "bob"} {
			if strings.Contains(body, `"rt_`+user+`"`) {
				return http.StatusOK, fmt.Sprintf(`{"object":"cookies","cookies":["__session=%s; Path=/"]}`, f.token(nil, with{"sub": "user_" + user}))
			}
		}
		return http.StatusUnauthorized, `{"errors":[{"code":"refresh_token_not_found","message":"no"}]}`
	}
	expired := f.token(nil, with{"exp": f.now.Unix() - 60})
	var wg sync.WaitGroup
	for i := range 300 {
		token := []string{"rt_ann", "rt_bob", "rt_mallory"}[i%3]
		wg.Go(func() {
			r := f.page(expired, "__refresh_"+a.CookieSuffix()+"="+token)
			s := a.Authenticate(r)
			if token == "rt_mallory" {
				assert.Equal(t, middleware.Handshake, s.Status)
				assert.Equal(t, middleware.Reason("session-token-expired-refresh-refresh_token_not_found"), s.Reason)
				return
			}
			assert.Equal(t, "user_"+token[len("rt_"):], s.Auth.UserID)
		})
	}
	wg.Wait()
	// Inputs are also told apart if they are equal once they are concatenated.
	for _, origin := range []string{flowOrigin, "http://evil.example"} {
		r := f.page(expired, "__refresh_"+a.CookieSuffix()+"=rt_ann")
		r.Host = strings.TrimPrefix(origin, "http://")
		before := len(f.made())
		a.Authenticate(r)
		assert.Equal(t, origin != flowOrigin, len(f.made()) > before, "a refresh is for one origin: %s", origin)
	}
}

// TestIdentitiesNeverCross: many users at once, each sees itself.
func TestIdentitiesNeverCross(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.TokenCacheSize = 64 })
	tokens := make([]string, 200)
	for i := range tokens {
		tokens[i] = f.token(nil, with{"sub": fmt.Sprintf("user_%d", i), "sid": fmt.Sprintf("sess_%d", i)})
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 300 {
				n := (i*7 + worker) % len(tokens)
				s := a.Authenticate(bearer(tokens[n]))
				if !assert.Equal(t, fmt.Sprintf("user_%d", n), s.Auth.UserID) || !assert.Equal(t, tokens[n], s.Token) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestRefreshIsForgotten: a refreshed session is cached for seconds, not forever.
func TestRefreshIsForgotten(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	f.answer = func(string, string) (int, string) {
		return http.StatusOK, fmt.Sprintf(`{"object":"cookies","cookies":["__session=%s; Path=/"]}`, f.token(nil, nil))
	}
	visit := func() *middleware.State {
		return a.Authenticate(f.page(f.token(nil, with{"iat": int64(1_789_999_000), "nbf": nil, "exp": int64(1_789_999_060)}), "__refresh_"+a.CookieSuffix()+"=rt_1"))
	}
	for range 3 {
		require.True(t, visit().Refreshed)
	}
	require.Len(t, f.made(), 1)
	f.now = f.now.Add(11 * time.Second)
	require.True(t, visit().Refreshed)
	assert.Len(t, f.made(), 2)
}

package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// Published vulnerabilities of Clerk's own packages, and one of Next.js, on which they
// build. Those that concern the proxy are tested there, and those of webhooks in clerkapi.

// CVE-2024-22206, GHSA-q6w5-jg5q-47vg: of two helpers that return who is signed in, one
// used a token that was not verified.
func TestCVE_2024_22206_EveryHelperTellsTheSame(t *testing.T) {
	t.Parallel()
	f, other := newForge(t, 0), newForge(t, 1)
	good := f.token(nil, nil)
	parts := strings.Split(good, ".")
	tokens := map[string]string{
		"good": good, "none": "", "garbage": "a.b.c", "no signature": parts[0] + "." + parts[1] + ".",
		"other claims":     parts[0] + "." + encodePart(t, f.claims(with{"sub": "user_admin"})) + "." + parts[2],
		"other key":        other.token(nil, nil),
		"alg none":         f.unsigned(with{"alg": "none"}, nil) + ".",
		"expired":          f.token(nil, with{"exp": f.now.Unix() - 60}),
		"machine":          f.token(with{"cat": categoryMachine}, with{"sub": "mch_1"}),
		"template":         f.token(with{"cat": categoryTemplate}, nil),
		"pending":          f.token(nil, with{"sts": "pending"}),
		"empty sub":        f.token(nil, with{"sub": ""}),
		"before sign-in":   f.token(nil, with{"iat": f.now.Unix() - 7200}),
		"not active yet":   f.token(nil, with{"nbf": f.now.Unix() + 60}),
		"sub of odd type":  f.token(nil, with{"sub": []string{"user_1"}}),
		"header of a list": "W10." + parts[1] + "." + parts[2],
	}
	a := f.authenticator(nil)
	for name, token := range tokens {
		for carrier, r := range map[string]*http.Request{"header": bearer(token), "cookie": f.page(token)} {
			t.Run(name+" in "+carrier, func(t *testing.T) {
				want := name == "good" || name == "before sign-in" && carrier == "header"
				state := a.Authenticate(r)
				_, reached := serve(a, middleware.Requirement{}, r)
				var inside *middleware.Auth
				a.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					inside = middleware.FromContext(r.Context())
					same, ok := middleware.StateFromContext(r.Context())
					assert.True(t, ok)
					assert.Same(t, same.Auth, inside)
				})).ServeHTTP(httptest.NewRecorder(), r)
				assert.Equal(t, want, reached, "Require")
				assert.Equal(t, want, state.Auth.UserID != "", "Authenticate")
				if inside != nil {
					assert.Equal(t, state.Auth, inside)
				}
				assert.Equal(t, want, state.Auth.IsSignedIn(), "IsSignedIn")
				// These two are signed in without a user, as in Clerk's SDK.
				nobody := name == "pending" || name == "empty sub"
				assert.Equal(t, want || nobody, state.Status == middleware.SignedIn, state.Reason)
				assert.Equal(t, want || nobody, state.Token != "", "token")
			})
		}
	}
}

// CVE-2026-42349, GHSA-w24r-5266-9c3c: a part of a combined check that the session
// had no data for counted as undecided, and further options hid it.
func TestCVE_2026_42349_MissingDataDenies(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	const role, permission, feature, plan, fresh = 1, 2, 4, 8, 16
	for held := range 32 {
		org, features := with{"id": "org_1", "slg": "acme", "rol": "member"}, "o:invoices"
		claims := with{"v": 2, "o": org, "fea": features}
		if held&role != 0 {
			org["rol"] = "admin"
		}
		if held&permission != 0 {
			org["per"], org["fpm"] = "view", "1"
		}
		if held&feature != 0 {
			claims["fea"] = features + ",u:exports"
		}
		if held&plan != 0 {
			claims["pla"] = "u:pro"
		}
		if held&fresh != 0 {
			claims["fva"] = []int{1, 1}
		}
		token := f.token(nil, claims)
		for asked := range 32 {
			q := middleware.Requirement{}
			if asked%3 == 0 {
				q.Unauthenticated = middleware.Unauthenticated401
			}
			for bit, set := range map[int]func(){
				role: func() { q.Role = "org:admin" }, permission: func() { q.Permission = "org:invoices:view" },
				feature: func() { q.Feature = "exports" }, plan: func() { q.Plan = "pro" }, fresh: func() { q.Reverification = "strict" },
			} {
				if asked&bit != 0 {
					set()
				}
			}
			w, reached := serve(a, q, bearer(token))
			want := asked&^held == 0
			require.Equal(t, want, reached, "held %05b, asked %05b", held, asked)
			if want {
				continue
			}
			require.Equal(t, http.StatusForbidden, w.Code)
			mends := asked&^held == fresh
			require.Equal(t, mends, strings.Contains(w.Body.String(), "reverification-error"), "held %05b, asked %05b", held, asked)
		}
	}
}

// @clerk/backend 3.12.0, clerk/javascript#9145: any host named accounts.… counted
// as a page of Clerk's, so that a visit from it was no cross-origin visit.
func TestClerkJavaScript9145_RefererNamedAccounts(t *testing.T) {
	t.Parallel()
	for kind, referers := range map[string]map[string]bool{ // true: one of Clerk's own pages
		"live": {
			"https://accounts.example.com/sign-in": true, "https://clerk.example.com/v1": true, flowOrigin + "/other": true,
			"https://accounts.evil.example/": false, "https://accounts.example.com.evil.example/": false, "http://accounts.example.com/": false,
			"https://accounts.example.com:444/": false, "https://evil.example/accounts.example.com": false, "https://accounts.example.com@evil.example/": false,
			"https://busy-owl-1.accounts.dev/": false, "https://accounts.busy-owl-1.lcl.dev/": false,
		},
		"test": {
			"https://busy-owl-1.accounts.dev/": true, "https://accounts.busy-owl-1.lcl.dev/": true,
			"https://accounts.evil.example/": false, "https://accounts.dev.evil.example/": false, "https://evil.clerk.accounts.dev/": false, "https://evilaccounts.dev/": false,
		},
	} {
		f := newForge(t, 0)
		if f.kind = kind; kind == "test" {
			f.host = "busy-owl-1.clerk.accounts.dev"
		}
		a := f.authenticator(nil)
		for referer, own := range referers {
			r := f.page(f.token(nil, nil))
			r.Header.Set("Referer", referer)
			s := a.Authenticate(r)
			if own {
				assert.Equal(t, middleware.SignedIn, s.Status, "%s from %s", kind, referer)
				continue
			}
			assert.Equal(t, middleware.ReasonPrimaryDomainCrossOriginSync, s.Reason, "%s from %s", kind, referer)
		}
	}
}

// @clerk/backend 3.11.1, clerk/javascript#8877: a token without azp passed although
// authorized parties were configured.
func TestClerkJavaScript8877_MissingAZP(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.AuthorizedParties = []string{flowOrigin, "https://www.example.com"} })
	require.Equal(t, middleware.SignedIn, a.Authenticate(bearer(f.token(nil, nil))).Status)
	for name, azp := range map[string]any{
		"absent": nil, "empty": "", "other": "https://evil.example", "list": []string{flowOrigin}, "prefix": flowOrigin + ".evil.example", "slash": flowOrigin + "/",
	} {
		token := f.token(nil, with{"azp": azp})
		for _, r := range []*http.Request{bearer(token), f.page(token)} {
			s := a.Authenticate(r)
			assert.Equal(t, middleware.SignedOut, s.Status, name)
			assert.Equal(t, middleware.Reason("token-invalid-authorized-parties"), s.Reason, name)
		}
		f.answer = func(string, string) (int, string) {
			return http.StatusOK, fmt.Sprintf(`{"object":"cookies","cookies":["__session=%s; Path=/"]}`, token)
		}
		r := f.page(f.token(nil, with{"exp": f.now.Unix() - 60, "jti": name}), "__refresh_"+a.CookieSuffix()+"=rt_1")
		s := a.Authenticate(r)
		assert.Equal(t, middleware.Reason("session-token-expired-refresh-invalid-session-token"), s.Reason, "refreshed: "+name)
	}
}

// clerk/javascript#8331: an id out of a token went into the path of a call to the
// Backend API, where it could name another endpoint.
func TestClerkJavaScript8331_SessionIDNamesNoOtherEndpoint(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	refresh := "__refresh_" + a.CookieSuffix() + "=rt_1"
	for _, sid := range []string{
		"../users/user_2", "sess_1/../../users/user_2", "..", ".", "sess_1/verify", "%2e%2e/users", "..%2fusers", "%252e%252e%252fusers", `..\users`, "sess_1\x00", "sess_1\r\nX: y", "//evil.example",
	} {
		s := a.Authenticate(f.page(f.token(nil, with{"sid": sid, "exp": f.now.Unix() - 60}), refresh))
		assert.Equal(t, middleware.Handshake, s.Status, sid)
		assert.Equal(t, middleware.Reason("session-token-expired-refresh-unexpected-bapi-error"), s.Reason, sid)
		assert.Empty(t, f.made(), "the session %q caused a call", sid)
	}
	for sid, path := range map[string]string{"sess_1": "/v1/sessions/sess_1/refresh", "sess_1?a=b": "/v1/sessions/sess_1%3Fa=b/refresh", "sess_1#a": "/v1/sessions/sess_1%23a/refresh"} {
		f.calls = nil
		a.Authenticate(f.page(f.token(nil, with{"sid": sid, "exp": f.now.Unix() - 60}), refresh))
		assert.Equal(t, []string{"POST " + path}, f.made())
	}
	live := f.authenticator(func(o *middleware.Options) { o.SessionLookup = middleware.LookupCached })
	f.calls = nil
	live.Authenticate(bearer(f.token(nil, with{"sid": "../users/user_2"})))
	assert.Empty(t, f.made())
}

// @clerk/express trusted whatever value was where it stores who is signed in.
func TestClerkExpress_WhatLiesInTheContextIsNotTrusted(t *testing.T) {
	t.Parallel()
	a := newForge(t, 0).authenticator(nil)
	type contextKey struct{}
	stranger := &middleware.Auth{TokenType: middleware.SessionToken, UserID: "user_admin", SessionID: "sess_1"}
	ctx := middleware.NewContext(t.Context(), stranger)
	for _, key := range []any{contextKey{}, "auth", "clerk.auth", "middleware.contextKey"} {
		ctx = context.WithValue(ctx, key, stranger)
	}
	_, reached := serve(a, middleware.Requirement{}, httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil).WithContext(ctx))
	assert.False(t, reached, "Handler judges anew")
	//lint:ignore SA1029 a foreign key of a plain type is what is tested
	bare := context.WithValue(t.Context(), "auth", stranger) //nolint:staticcheck,revive // a stranger's key is the subject
	assert.False(t, middleware.FromContext(bare).IsSignedIn())
}

// clerk/javascript#8369: without keys the application started and let everybody in.
func TestClerkJavaScript8369_NothingStartsWithoutKeys(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	for _, o := range []middleware.Options{
		{}, {SecretKey: "sk_live_x"}, {PublishableKey: "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"},
		{PublishableKey: "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", SecretKey: "sk_test_x"}, {PublishableKey: "pk_live_", SecretKey: "sk_live_x"},
	} {
		a, err := middleware.New(o)
		require.Error(t, err)
		require.Nil(t, a)
	}
	f.kid = "" // and a key set without a usable key verifies nothing
	s := f.authenticator(nil).Authenticate(bearer(f.token(nil, nil)))
	assert.Equal(t, middleware.SignedOut, s.Status)
	assert.Equal(t, middleware.Reason("jwk-remote-failed-to-load"), s.Reason)
}

// A cookie header that was percent-decoded before it was split let one cookie's
// value become a second cookie.
func TestClerkBackend_CookieDecodingForgesNothing(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	token := f.token(nil, nil)
	uat := fmt.Sprintf("__client_uat=%d", f.now.Unix()-60)
	encoded := strings.ReplaceAll(token, ".", "%2E")
	for line, want := range map[string]bool{
		uat + "; __session=" + token:                               true,
		uat + "; __session=" + encoded:                             true,
		uat + "; theme=x%3B%20__session=" + token:                  false,
		uat + "; theme=x%3B%20__session%3D" + token:                false,
		uat + "; theme=x;%20__session=" + token:                    false,
		uat + "; %5F%5Fsession=" + token:                           false,
		uat + "; theme=x%0d%0a__session=" + token:                  false,
		uat + "; __session=" + url.QueryEscape(encoded):            false,
		uat + "; __session=; __session=" + token:                   false,
		uat + "; __session=" + token + "; __session=forged":        true,
		uat + `; __session="` + token + `"`:                        false,
		"x=%3B%20" + uat + "; __session=" + token:                  false,
		"__client_uat=0; " + uat + "; __session=" + token:          false,
		uat + "; __Session=" + token:                               false,
		uat + "; __session" + strings.Repeat(" ", 3) + token:       false,
		uat + "; theme=" + url.QueryEscape("; __session=") + token: false,
	} {
		r := pageRequest(nil)
		r.Header.Set("Cookie", line)
		assert.Equal(t, want, a.Authenticate(r).Status == middleware.SignedIn, strings.ReplaceAll(line, token, "<token>"))
	}
}

// AISEC-85: a token from a template, whose author chooses the claims, was accepted as a
// handshake and could set cookies.
func TestAISEC85_HandshakeOfAnotherCategory(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"live", "test"} {
		f := newForge(t, 0)
		f.kind = kind
		a := f.authenticator(nil)
		claims := with{"handshake": []string{"__session=" + f.token(nil, nil) + "; Path=/", "__client_uat=1; Path=/"}}
		visit := func(token string) *middleware.State {
			if kind == "test" {
				r := httptest.NewRequest(http.MethodGet, flowOrigin+"/?__clerk_handshake="+token, nil)
				r.Header.Set("Sec-Fetch-Dest", "document")
				return a.Authenticate(r)
			}
			r := pageRequest(nil)
			r.Header.Set("Cookie", "__clerk_handshake="+token)
			return a.Authenticate(r)
		}
		good := visit(f.token(nil, claims))
		require.Equal(t, middleware.SignedIn, good.Status)
		require.Len(t, good.Header["Set-Cookie"], 2)
		require.Equal(t, "no-store", good.Header.Get("Cache-Control"))
		for name, token := range map[string]string{
			"template": f.token(with{"cat": categoryTemplate}, claims), "machine": f.token(with{"cat": categoryMachine}, claims),
			"empty": f.token(with{"cat": ""}, claims), "list": f.token(with{"cat": []string{categorySession}}, claims),
			"other key": newForge(t, 1).token(nil, claims), "unsigned": f.unsigned(with{"alg": "none"}, claims) + ".",
		} {
			s := visit(token)
			assert.Equal(t, middleware.SignedOut, s.Status, "%s, %s", kind, name)
			assert.Empty(t, s.Header["Set-Cookie"], "%s, %s", kind, name)
			assert.Equal(t, kind == "test", s.DeveloperError != "", "%s, %s", kind, name)
		}
	}
}

// SEC-340: tokens of machines and of templates, signed with the same key, passed
// as sessions.
func TestSEC340_MachineAndTemplateTokensAreNoSessions(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	tokens := map[string]string{
		"template":         f.token(with{"cat": categoryTemplate}, nil),
		"machine category": f.token(with{"cat": categoryMachine}, nil),
		"machine subject":  f.token(nil, with{"sub": "mch_1"}),
		"machine":          f.token(with{"cat": categoryMachine}, with{"sub": "mch_1"}),
		"OAuth":            f.token(with{"typ": "at+jwt", "cat": nil}, nil),
		"OAuth, long":      f.token(with{"typ": "application/at+jwt"}, nil),
		"empty category":   f.token(with{"cat": ""}, nil),
		"unknown category": f.token(with{"cat": "cl_B7d4PD999AAA"}, nil),
	}
	for name, token := range tokens {
		for _, r := range []*http.Request{bearer(token), f.page(token)} {
			s := a.Authenticate(r)
			assert.Equal(t, middleware.SignedOut, s.Status, name)
			assert.Equal(t, middleware.ReasonTokenTypeMismatch, s.Reason, name)
		}
	}
	// Nor does a refresh turn them into one.
	for _, name := range []string{"template", "machine category", "machine", "OAuth", "empty category", "unknown category"} {
		f.answer = func(string, string) (int, string) {
			return http.StatusOK, fmt.Sprintf(`{"object":"cookies","cookies":["__session=%s; Path=/"]}`, tokens[name])
		}
		s := a.Authenticate(f.page(f.token(nil, with{"exp": f.now.Unix() - 60, "jti": name}), "__refresh_"+a.CookieSuffix()+"=rt_1"))
		assert.Equal(t, middleware.Handshake, s.Status, name)
		assert.Equal(t, middleware.Reason("session-token-expired-refresh-invalid-session-token"), s.Reason, name)
		for _, line := range s.Header["Set-Cookie"] {
			assert.NotContains(t, line, tokens[name], name)
		}
	}
}

// clerk/javascript#7625: a name such as __proto__ in data of Clerk's changed what
// every other object had.
func TestClerkJavaScript7625_PrototypeNamesAreOrdinary(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	poison := map[string]any{"sub": "user_admin", "org_role": "org:admin", "fva": []int{0, 0}, "org_id": "org_1"}
	token := f.token(with{"__proto__": with{"alg": "none"}}, with{"__proto__": poison, "constructor": with{"prototype": poison}})
	s := a.Authenticate(bearer(token))
	require.Equal(t, middleware.SignedIn, s.Status)
	assert.Equal(t, "user_1", s.Auth.UserID)
	for _, auth := range []*middleware.Auth{s.Auth, a.Authenticate(bearer(f.token(nil, nil))).Auth} {
		assert.Empty(t, auth.OrgRole)
		assert.False(t, auth.Has(middleware.Requirement{Role: "org:admin"}))
		assert.False(t, auth.Has(middleware.Requirement{Reverification: "lax"}))
	}
}

// CVE-2025-29927 (and CVE-2026-44574, CVE-2026-44575, GHSA-26hh-7cqf-hhc6): an
// internal header told the application that a request had been checked already.
func TestCVE_2025_29927_NoHeaderMarksARequestAsChecked(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(nil)
	token := f.unsigned(nil, nil) + "."
	for _, name := range []string{
		"X-Middleware-Subrequest", "X-Middleware-Next", "X-Middleware-Rewrite", "X-Middleware-Override-Headers", "X-Nextjs-Data", "Next-Router-Prefetch",
		"X-Clerk-Auth-Status", "X-Clerk-Auth-Token", "X-Clerk-Auth-Signature", "X-Clerk-Clerk-Url", "X-Clerk-Request-Data", "X-Clerk-User-Id", "X-Clerk-Session-Id",
		"X-Forwarded-User", "X-Auth-Request-User", "X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Uri", "X-Http-Method-Override", "Clerk-Secret-Key",
	} {
		for _, value := range []string{"1", "signed-in", "user_admin", token, "middleware:middleware:middleware:middleware:middleware", "/public"} {
			r := httptest.NewRequest(http.MethodGet, flowOrigin+"/admin", nil)
			r.Header.Set(name, value)
			w, reached := serve(a, middleware.Requirement{}, r)
			assert.False(t, reached, "%s: %s", name, value)
			assert.Equal(t, http.StatusUnauthorized, w.Code)
		}
	}
	// The inner layer does not rely on the outer one.
	w := httptest.NewRecorder()
	middleware.Require(middleware.Requirement{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") })).ServeHTTP(w, bearer(f.token(nil, nil)))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
}

package gateways

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// testRecipeIn is testRecipe with additions to clerkgate's environment and with a
// test of its own for refreshed sessions.
func testRecipeIn(t *testing.T, env map[string]string, start gateway, refreshed, outage func(*testing.T, *stack)) {
	all := map[string]string{"CLERKGATE_PUBLIC_PATHS": "/public,/assets/*"}
	for name, value := range env {
		all[name] = value
	}
	s := newStack(t, all)
	start(t, s)
	for name, test := range map[string]func(*testing.T, *stack){
		"allowed":            testAllowed,
		"signed out":         testSignedOut,
		"refreshed":          refreshed,
		"handshake":          testHandshake,
		"signed out by uat":  testSignedOutElsewhere,
		"spoofed identity":   testSpoofedIdentity,
		"spoofed original":   testSpoofedOriginal,
		"ambiguous path":     testAmbiguousPath,
		"request line":       testRequestLine,
		"body":               testBody,
		"uploads":            testUploads,
		"obeyed headers":     func(t *testing.T, s *stack) { testObeyedHeaders(t, s) },
		"websocket":          testWebSocket,
		"endpoint is hidden": testEndpointIsHidden,
		"methods":            testMethods,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
	t.Run("Clerk is down", func(t *testing.T) { outage(t, s) })
	t.Run("clerkgate is down", func(t *testing.T) { testGateIsDown(t, s) }) // the last one: it stops it
}

// testRecipeWithoutCacheControl is for gateways that can bring refreshed cookies to
// the browser, but not keep the application's answer beside them out of caches.
func testRecipeWithoutCacheControl(t *testing.T, start gateway, outage func(*testing.T, *stack)) {
	testRecipeIn(t, nil, start, func(t *testing.T, s *stack) {
		const refreshes = "/v1/sessions/*/refresh"
		b := s.signIn(t, jane, 2*time.Minute)
		old, before := b.Cookies(s.origin), s.clerk.CallCount(http.MethodPost, refreshes)
		got := echoed(t, b.Open(s.origin+"/page"))
		assert.Equal(t, []string{"200 /page"}, b.Trail, "no redirect")
		assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))
		held := b.Cookies(s.origin)
		for _, name := range []string{"__session", "__session_" + s.clerk.CookieSuffix()} {
			assert.NotEqual(t, old[name], held[name], name)
			assert.NotEmpty(t, held[name], name)
			assert.Contains(t, got.Header.Get("Cookie"), name+"="+held[name], "the application sees the fresh session")
		}
		assert.Contains(t, held, "__client_uat")
		second := b.Open(s.origin + "/page")
		echoed(t, second)
		assert.Equal(t, before+1, s.clerk.CallCount(http.MethodPost, refreshes), "the new cookies arrived, all of them")
		assert.Empty(t, second.Header["Set-Cookie"])
	}, outage)
	t.Run("peer not trusted", func(t *testing.T) { testPeerNotTrusted(t, start) })
}

package gateways

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// testClerkIsDown has a session expire while Clerk is down: browsers and programs get 503 with
// Retry-After from behind the gateway, never a refusal, and a live session passes.
func testClerkIsDown(t *testing.T, s *stack) {
	defer s.clerk.SetOutage(clerktest.Outage{})
	live, expired := s.signIn(t, jane, 0), s.signIn(t, jane, 2*time.Minute)
	assert.Equal(t, http.StatusOK, live.Fetch(http.MethodGet, s.origin+"/x", "").StatusCode)
	s.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageError})
	assert.Equal(t, http.StatusOK, live.Fetch(http.MethodGet, s.origin+"/x", "").StatusCode, "a live session")
	before := s.app.count()
	for name, reply := range map[string]kit.Reply{
		"page": expired.Open(s.origin + "/x"), "fetch": expired.Fetch(http.MethodGet, s.origin+"/x", ""), "POST": expired.Fetch(http.MethodPost, s.origin+"/x", "a"),
	} {
		assert.Equal(t, http.StatusServiceUnavailable, reply.StatusCode, name)
		assert.NotEmpty(t, reply.Header.Get("Retry-After"), name)
		assert.Contains(t, reply.Header.Get("Cache-Control"), "no-store", name)
		assert.Equal(t, "unavailable", reply.Header.Get("X-Clerk-Auth-Status"), name)
		if name == "page" {
			assert.NotEmpty(t, reply.Header.Get("Refresh"), "the page opens itself again")
			continue
		}
		assert.Contains(t, reply.Text, "clerk_unavailable", name)
	}
	assert.Equal(t, before, s.app.count(), "the application saw none of them")
}

// testClerkIsDownBarely is for Envoy over HTTP, which takes every 5xx for the failure of clerkgate
// and answers with one of its own.
func testClerkIsDownBarely(t *testing.T, s *stack) {
	defer s.clerk.SetOutage(clerktest.Outage{})
	expired := s.signIn(t, jane, 2*time.Minute)
	s.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageError})
	before := s.app.count()
	page, fetch := expired.Open(s.origin+"/x"), expired.Fetch(http.MethodPost, s.origin+"/x", "a")
	for _, reply := range []kit.Reply{page, fetch} {
		assert.Equal(t, http.StatusServiceUnavailable, reply.StatusCode)
		assert.NotEmpty(t, reply.Header.Get("Retry-After"))
		assert.Equal(t, "no-store", reply.Header.Get("Cache-Control"))
	}
	assert.NotEmpty(t, page.Header.Get("Refresh"), "the page opens itself again")
	assert.Contains(t, page.Text, "You are not signed out")
	assert.Empty(t, fetch.Header.Get("Refresh"))
	assert.JSONEq(t, `{"errors":[{"code":"clerk_unavailable","message":"Try again later. Nobody is signed out."}],"recoverable":true}`, fetch.Text)
	assert.Equal(t, before, s.app.count())
}

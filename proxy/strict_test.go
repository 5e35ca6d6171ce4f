package proxy

import (
	"net/http"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// While the store is down, only routes that ask for that refuse what it might have told.
func TestStrictRoute(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	s := start(t, &received{}, func(c *settings.Config) {
		c.Store = "redis://" + server.Addr()
		c.Routes = &routes.Config{Routes: []routes.Route{
			{Match: "/strict/*", Revocation: routes.RevocationStrict}, {Match: "/*"},
		}}
	})
	token := "Bearer " + sessionToken(t, nil)
	statuses := func() [2]int {
		strict, _ := s.get(t, "/strict/x", "Authorization", token)
		usual, _ := s.get(t, "/", "Authorization", token)
		return [2]int{strict.StatusCode, usual.StatusCode}
	}
	s.proxy.site.Load().instance.Auth.AwaitRevocations(t.Context())
	require.Equal(t, [2]int{http.StatusOK, http.StatusOK}, statuses())
	server.Close()
	require.Eventually(t, func() bool { return statuses() == [2]int{http.StatusServiceUnavailable, http.StatusOK} }, time.Minute, 50*time.Millisecond)
	res, _ := s.get(t, "/strict/x", "Authorization", token)
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	res, _ = s.get(t, "/strict/x")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "signed out as ever")
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return statuses() == [2]int{http.StatusOK, http.StatusOK} }, time.Minute, 50*time.Millisecond)
}

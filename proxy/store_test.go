package proxy

import (
	"net/http"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// A store that is down makes a replica degraded, not unready, and is noticed when it is there.
func TestStoreIsAPartOfTheHealth(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	address := server.Addr()
	server.Close()
	s := start(t, http.NotFoundHandler(), func(c *settings.Config) { c.Store = "redis://" + address })
	require.Eventually(t, func() bool { return s.proxy.Parts(t.Context())["store"] == "down" }, time.Minute, 10*time.Millisecond)
	require.NoError(t, s.proxy.Ready(t.Context()))
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return s.proxy.Parts(t.Context())["store"] == "up" }, time.Minute, 10*time.Millisecond)

	assert.NotContains(t, start(t, http.NotFoundHandler(), nil).proxy.Parts(t.Context()), "store")
}

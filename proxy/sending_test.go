package proxy

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// TestUpstreamThatTakesNothing: an application that accepts a connection and reads
// nothing of a large body gives 504, over either transport.
func TestUpstreamThatTakesNothing(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	accepted := make(chan net.Conn, 4)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	s := start(t, http.NotFoundHandler(), func(c *settings.Config) {
		c.Upstream = &url.URL{Scheme: "http", Host: listener.Addr().String()}
		c.UpstreamTimeout = 50 * time.Millisecond
	})
	// More than the buffers of two sockets hold.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/x", io.LimitReader(zeros{}, 256<<20))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+sessionToken(t, nil))
	res, _ := send(t, r)
	assert.Equal(t, http.StatusGatewayTimeout, res.StatusCode)
	require.NoError(t, listener.Close())
	for conn := range accepted {
		_ = conn.Close()
	}
}

package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// TestUpstreamThatTakesNothing: an application that accepts a connection and reads
// nothing of a large body gives 504, over either transport.
func TestUpstreamThatTakesNothing(t *testing.T) {
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

// TestSlowClientIsNotTheUpstreamsFault: while the client is what is waited for, the
// upstream's time does not run.
func TestSlowClientIsNotTheUpstreamsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, client := io.Pipe()
		u := &upstream{wait: time.Minute}
		request, stop := u.send((&http.Request{Body: body}).WithContext(t.Context()))
		defer stop()
		read := make(chan error)
		go func() {
			_, err := request.Body.Read(make([]byte, 1))
			read <- err
		}()
		time.Sleep(time.Hour) // of the test's own time
		require.NoError(t, request.Context().Err(), "the client is slow")
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, <-read)

		time.Sleep(59 * time.Second)
		require.NoError(t, request.Context().Err())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, errUpstreamTakesNothing, context.Cause(request.Context()), "nobody reads on")
	})
}

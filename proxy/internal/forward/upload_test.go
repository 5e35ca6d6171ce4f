package forward

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSlowClientIsNotTheUpstreamsFault: while the client is what is waited for, the
// upstream's time does not run.
func TestSlowClientIsNotTheUpstreamsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, client := io.Pipe()
		u := &Upstream{wait: time.Minute}
		request, sent := u.send((&http.Request{Body: body}).WithContext(t.Context()))
		defer sent.stop()
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

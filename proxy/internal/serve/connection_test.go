package serve

import (
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := usual
		limits.MaxConnections = 2
		s := inMemory(t, limits, func(http.ResponseWriter, *http.Request) {})
		one, two := s.dial(), s.dial()
		defer two.Close()
		third := make(chan net.Conn)
		go func() { third <- s.dial() }()
		synctest.Wait()
		select {
		case <-third:
			t.Fatal("a third connection was accepted")
		default:
		}
		require.NoError(t, one.Close())
		require.NoError(t, (<-third).Close(), "it had its turn")
	})
}

// half is a connection that can say it has nothing more to say.
type half struct {
	net.Conn
	closed bool
}

func (h *half) CloseWrite() error { h.closed = true; return nil }

func TestConnectionsKeepForeignDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		c := &boundedConn{Conn: server, idle: time.Minute, opened: time.Now(), leave: func() {}}
		defer c.Close()
		start := time.Now()
		require.NoError(t, c.SetDeadline(start.Add(time.Second)))
		_, err := c.Write([]byte("x"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start), "as crypto/tls wants it before it closes")

		require.NoError(t, c.SetDeadline(time.Time{}))
		start = time.Now()
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, 75*time.Second, time.Since(start), "no deadline means the server's own")
		require.ErrorIs(t, c.CloseWrite(), errors.ErrUnsupported)
		h := &half{Conn: server}
		require.NoError(t, (&boundedConn{Conn: h}).CloseWrite())
		assert.True(t, h.closed)
	})
}

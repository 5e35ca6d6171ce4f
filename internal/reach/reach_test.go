package reach_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/reach"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]reach.Address{
		"http://app:3000":      {"tcp", "app:3000"},
		"http://app":           {"tcp", "app:80"},
		"https://app":          {"tcp", "app:443"},
		"https://[::1]":        {"tcp", "[::1]:443"},
		"unix:/run/app.sock":   {"unix", "/run/app.sock"},
		"unix:///run/app.sock": {"unix", "/run/app.sock"},
	} {
		target, err := url.Parse(text)
		require.NoError(t, err)
		assert.Equal(t, want, reach.AddressOf(target), text)
	}
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "app.sock")
	assert.False(t, reach.Address{Network: "unix", Address: socket}.Accepts(t.Context()), "no such file")
	assert.False(t, reach.Address{Network: "tcp", Address: kit.Refusing(t)}.Accepts(t.Context()))
	for network, address := range map[string]string{"unix": socket, "tcp": "127.0.0.1:0"} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
		require.NoError(t, err)
		defer l.Close()
		at := reach.Address{Network: network, Address: l.Addr().String()}
		assert.True(t, at.Accepts(t.Context()), network)
		ended, end := context.WithCancel(t.Context())
		end()
		assert.False(t, at.Accepts(ended), network)
	}
}

func TestPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		require.NoError(t, reach.Poll(t.Context(), func() bool { tries++; return tries == 3 }))
		assert.Equal(t, 100*time.Millisecond, time.Since(began))

		errEnded := errors.New("the program ended")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(120*time.Millisecond, func() { cancel(errEnded) })
		tries = 0
		require.ErrorIs(t, reach.Poll(ctx, func() bool { tries++; return false }), errEnded)
		assert.Equal(t, 3, tries)
	})
}

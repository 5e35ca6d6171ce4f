package proxy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// fickleClerk is both of Clerk's APIs: its keys, which it gives for one of two secret keys, and
// nothing else.
type fickleClerk struct {
	tb   testing.TB
	down atomic.Bool
}

func (c *fickleClerk) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.down.Load() {
		return nil, errors.New("connection refused")
	}
	status, body := http.StatusNotFound, `{"errors":[{"code":"resource_not_found"}]}`
	if r.URL.Path == "/v1/jwks" {
		public := kit.RSAKey(c.tb, 0).PublicKey
		status, body = http.StatusOK, fmt.Sprintf(`{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"ins_1","n":%q,"e":%q}]}`,
			base64.RawURLEncoding.EncodeToString(public.N.Bytes()), base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()))
		if strings.HasSuffix(r.Header.Get("Authorization"), "_wrong") {
			status, body = http.StatusUnauthorized, `{"errors":[{"code":"clerk_key_invalid"}]}`
		}
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func expiredToken(t testing.TB) string {
	now := time.Now()
	return sessionToken(t, map[string]any{"iat": now.Add(-3 * time.Minute).Unix(), "nbf": now.Add(-3 * time.Minute).Unix(), "exp": now.Add(-2 * time.Minute).Unix()})
}

// TestOutageThroughTheSidecar: a request with an expired session gets 503, as a page or as
// JSON; within the grace it reaches the application, which is told.
func TestOutageThroughTheSidecar(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, time.Hour} {
		t.Run(grace.String(), func(t *testing.T) {
			t.Parallel()
			clerk, app := &fickleClerk{tb: t}, &received{}
			s := start(t, app, func(c *settings.Config) {
				c.Auth.JWTKey, c.Auth.Transport, c.Auth.OutageGrace = "", clerk, grace
			})
			require.NoError(t, s.proxy.Ready(t.Context()))
			_, _ = s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, nil), "X-Clerk-Auth-Stale", "9")
			assert.Empty(t, app.last(t).Header["X-Clerk-Auth-Stale"], "a client's")
			clerk.down.Store(true)

			cookies := "__client_uat=1; __refresh_" + s.proxy.site.Load().instance.Auth.CookieSuffix() + "=rt_1; __session=" + expiredToken(t)
			reached := app.count()
			res, body := s.get(t, "/", "Cookie", cookies, "Sec-Fetch-Dest", "document", "X-Clerk-Auth-Stale", "9")
			if grace > 0 {
				assert.Equal(t, http.StatusOK, res.StatusCode)
				stale := app.last(t).Header["X-Clerk-Auth-Stale"]
				require.Len(t, stale, 1)
				assert.Regexp(t, `^1[123]\d$`, stale[0])
				assert.Equal(t, "user_jane", app.last(t).Header.Get("X-Clerk-User-Id"))
				return
			}
			assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
			assert.Contains(t, body, "You are not signed out.")
			assert.Contains(t, body, "It has been so since "+time.Now().UTC().Format("15:"))
			assert.Contains(t, body, "This page reloads itself.")
			assert.NotEmpty(t, res.Header.Get("Refresh"))
			assert.NotEmpty(t, res.Header.Get("Retry-After"))
			res, body = s.get(t, "/", "Cookie", cookies, "Sec-Fetch-Dest", "empty")
			assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
			assert.Contains(t, body, `"recoverable":true`)
			assert.Empty(t, res.Header.Get("Refresh"))
			assert.Equal(t, reached, app.count())
		})
	}
}

// TestReloadWhileClerkIsDown: another secret key is taken with the keys that are known, but not a
// wrong one.
func TestReloadWhileClerkIsDown(t *testing.T) {
	t.Parallel()
	clerk, app := &fickleClerk{tb: t}, &received{}
	var cfg settings.Config
	s := start(t, app, func(c *settings.Config) {
		c.Auth.JWTKey, c.Auth.Transport = "", clerk
		cfg = *c
	})
	pass := func() int {
		res, _ := s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, nil))
		return res.StatusCode
	}
	require.Equal(t, http.StatusOK, pass())
	good := cfg.Auth.SecretKey
	cfg.Auth.SecretKey = good + "_wrong"
	require.Error(t, s.proxy.Reload(cfg), "Clerk refuses it")
	clerk.down.Store(true)
	cfg.Auth.SecretKey = good + "_new"
	require.NoError(t, s.proxy.Reload(cfg))
	assert.Equal(t, http.StatusOK, pass(), "the keys that were known")
}

func TestReadyWhileClerkIsDown(t *testing.T) {
	t.Parallel()
	for when, want := range map[settings.ReadyWhen]int{settings.ReadyWithKeys: 503, settings.ReadyAlways: 200} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			clerk := &fickleClerk{tb: t}
			clerk.down.Store(true)
			r := run(t, &received{}, func(c *settings.Config) { c.Auth.JWTKey, c.Auth.Transport, c.ReadyWhen = "", clerk, when })
			status, body := fetch(t, "http://"+r.Admin.String()+"/readyz")
			assert.Equal(t, want, status)
			assert.Contains(t, body, `"keys":"down"`)
			assert.Equal(t, want == 200, strings.Contains(body, `"status":"degraded"`), body)
			r.stop()
			require.NoError(t, <-r.done)
		})
	}
}

// TestPartsWithAKey: with CLERK_JWT_KEY a start needs no Clerk, and an outage is noticed by calls.
func TestPartsWithAKey(t *testing.T) {
	t.Parallel()
	clerk := &fickleClerk{tb: t}
	clerk.down.Store(true)
	s := start(t, &received{}, func(c *settings.Config) { c.Auth.Transport = clerk })
	require.NoError(t, s.proxy.Ready(t.Context()))
	assert.Equal(t, map[string]string{"keys": "up", "backend_api": "not asked", "machine_tokens": "not asked", "frontend_api": "not asked"}, s.proxy.Parts(t.Context()))
	_, _ = s.get(t, "/", "Cookie", "__client_uat=1; __refresh_"+s.proxy.site.Load().instance.Auth.CookieSuffix()+"=rt_1; __session="+expiredToken(t))
	assert.Equal(t, map[string]string{"keys": "up", "backend_api": "down", "machine_tokens": "not asked", "frontend_api": "down"}, s.proxy.Parts(t.Context()))
}

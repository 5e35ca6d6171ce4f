package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// looped is a listener whose handler is set later, so that its address can be an
// upstream before. It counts requests and, so that a test of a loop ends, answers 500
// beyond a hundred.
type looped struct {
	*httptest.Server
	handler atomic.Pointer[http.Handler]
	came    atomic.Int64
}

func newLooped(t testing.TB) *looped {
	t.Helper()
	l := &looped{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.came.Add(1) > 100 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		(*l.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

// toward lets everybody through to an address.
func toward(t testing.TB, address string, transport settings.UpstreamTransport) func(*settings.Config) {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	return func(cfg *settings.Config) {
		cfg.Upstream, cfg.Policy, cfg.UpstreamTransport = target, settings.PolicyOptional, transport
	}
}

func TestAnUpstreamThatLeadsBack(t *testing.T) {
	t.Parallel()
	for _, transport := range []settings.UpstreamTransport{settings.TransportDirect, settings.TransportStandard} {
		for name, proxies := range map[string]int{"to itself": 1, "through another": 2} {
			t.Run(string(transport)+", "+name, func(t *testing.T) {
				t.Parallel()
				first, others := newLooped(t), []*looped{}
				for range proxies {
					others = append(others, newLooped(t))
				}
				var entry *system
				for i, at := range others {
					next := first.URL
					if i+1 < len(others) {
						next = others[i+1].URL
					}
					s := start(t, http.NotFoundHandler(), toward(t, next, transport))
					var handler http.Handler = s.proxy
					at.handler.Store(&handler)
					if i == 0 {
						entry = s
						first.handler.Store(&handler)
					}
				}
				res, body := entry.get(t, "/")
				assert.Equal(t, http.StatusLoopDetected, res.StatusCode)
				assert.Contains(t, body, "upstream_loop")
				assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
				total := first.came.Load()
				for _, at := range others {
					total += at.came.Load()
				}
				assert.LessOrEqual(t, total, int64(maxHops), "one request of a stranger makes a few of ours")
				assert.Contains(t, entry.log.String(), "leads back to clerkgate")
			})
		}
	}
}

// An application may call itself through clerkgate, and hand on the headers it got.
func TestAnApplicationMayCallItselfThroughClerkgate(t *testing.T) {
	t.Parallel()
	var s *system
	s = start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inner" {
			_, _ = io.WriteString(w, "inner, hop "+r.Header.Get(outbound.HopsHeader))
			return
		}
		inner, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.URL+"/inner", nil)
		assert.NoError(t, err)
		inner.Header = r.Header.Clone()
		res, body := send(t, inner)
		w.WriteHeader(res.StatusCode)
		_, _ = io.WriteString(w, body)
	}), func(cfg *settings.Config) { cfg.Policy = settings.PolicyOptional })
	res, body := s.get(t, "/outer")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "inner, hop 2", body)
}

// A client's own count of hops affects its own request alone, and is not passed on as it is.
func TestClientsSayNothingOfHops(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Len(t, r.Header.Values(outbound.HopsHeader), 1)
		_, _ = io.WriteString(w, r.Header.Get(outbound.HopsHeader))
	}), func(cfg *settings.Config) { cfg.Policy = settings.PolicyOptional })
	for name, test := range map[string]struct {
		headers []string
		status  int
		hops    string
	}{
		"none":                 {nil, 200, "1"},
		"one":                  {[]string{outbound.HopsHeader, "1"}, 200, "2"},
		"too many":             {[]string{outbound.HopsHeader, "8"}, 508, ""},
		"far too many":         {[]string{outbound.HopsHeader, "99999999999999999999"}, 200, "1"},
		"fewer than none":      {[]string{outbound.HopsHeader, "-5"}, 200, "1"},
		"no number":            {[]string{outbound.HopsHeader, "many"}, 200, "1"},
		"empty":                {[]string{outbound.HopsHeader, ""}, 200, "1"},
		"twice":                {[]string{outbound.HopsHeader, "1", outbound.HopsHeader, "8"}, 508, ""},
		"in another spelling":  {[]string{"Clerkgate_Hops", "8"}, 200, "1"},
		"as about connections": {[]string{"Connection", outbound.HopsHeader, outbound.HopsHeader, "3"}, 200, "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := s.get(t, "/", test.headers...)
			assert.Equal(t, test.status, res.StatusCode)
			if test.hops != "" {
				assert.Equal(t, test.hops, body)
			}
		})
	}
}

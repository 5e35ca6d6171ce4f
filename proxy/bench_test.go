package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// BenchmarkServe is all that clerkgate itself does for a request: the upstream's
// answer is there at once, and nobody reads ours.
func BenchmarkServe(b *testing.B) {
	body := strings.Repeat("x", 1<<10)
	answer := kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"1024"}},
			ContentLength: 1 << 10, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})
	for _, carrier := range []string{"Bearer", "Cookie"} {
		b.Run(carrier, func(b *testing.B) {
			p := newBenchProxy(b, &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Deps{Transport: answer})
			serveOften(b, p, benchRequest(b, carrier))
		})
	}
}

// BenchmarkRoundTrip asks an upstream over the loopback interface, by either
// transport.
func BenchmarkRoundTrip(b *testing.B) {
	body := strings.Repeat("x", 1<<10)
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	b.Cleanup(application.Close)
	target, err := url.Parse(application.URL)
	require.NoError(b, err)
	for _, transport := range []string{"direct", "standard"} {
		b.Run(transport, func(b *testing.B) {
			p := newBenchProxy(b, target, Deps{}, "CLERKGATE_UPSTREAM_TRANSPORT", transport)
			serveOften(b, p, benchRequest(b, "Bearer"))
		})
	}
}

// newBenchProxy is a production instance's proxy with the variables that follow.
func newBenchProxy(tb testing.TB, target *url.URL, deps Deps, variables ...string) *Proxy {
	all := map[string]string{
		"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("live", "clerk.example.com"),
		"CLERK_SECRET_KEY":      "sk_live_planted0secret",
		"CLERK_JWT_KEY":         testPEM(tb),
	}
	for i := 0; i < len(variables); i += 2 {
		all[variables[i]] = variables[i+1]
	}
	cfg, _, err := load(environment(all))
	require.NoError(tb, err)
	cfg.Upstream = target
	p, err := New(cfg, deps)
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

func benchRequest(tb testing.TB, carrier string) *http.Request {
	token := sessionToken(tb, map[string]any{"o": map[string]string{"id": "org_3aQm5TpWk1HbZ6cMy8RnSeJgA4U", "slg": "acme", "rol": "admin"}})
	r := httptest.NewRequest(http.MethodGet, "https://app.example.com/api/items", nil)
	r.Header = http.Header{
		"User-Agent": {"bench"}, "Accept": {"application/json"}, "Accept-Language": {"en-GB"}, "Accept-Encoding": {"gzip"},
		"Authorization": {"Bearer " + token},
	}
	if carrier == "Cookie" {
		delete(r.Header, "Authorization")
		r.Header["Cookie"] = []string{"theme=dark; __client_uat=1; __session=" + token}
	}
	return r
}

// serveOften asks p again and again.
func serveOften(b *testing.B, p *Proxy, r *http.Request) {
	b.Helper()
	first := httptest.NewRecorder()
	p.ServeHTTP(first, r)
	require.Equal(b, http.StatusOK, first.Code, first.Body.String())
	w := &discarding{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		p.ServeHTTP(w, r)
	}
}

// discarding is a client that reads nothing.
type discarding struct{ header http.Header }

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) WriteHeader(int)             {}
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }

package proxy

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// regexp2 keeps its clock for a second after the last match of a custom pattern.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

func testPEM(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(kit.PublicPEM(t, &kit.RSAKey(t, 0).PublicKey))
}

// sessionToken is a live token of user_jane, changed by claims.
func sessionToken(t testing.TB, claims map[string]any) string {
	t.Helper()
	now := time.Now()
	all := jwt.MapClaims{
		"iss": "https://clerk.example.com", "sub": "user_jane", "sid": "sess_jane", "azp": "https://app.example.com",
		"iat": now.Add(-time.Second).Unix(), "nbf": now.Add(-time.Second).Unix(), "exp": now.Add(time.Minute).Unix(), "v": 2,
	}
	maps.Copy(all, claims)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	token.Header["kid"] = "ins_1"
	signed, err := token.SignedString(kit.RSAKey(t, 0))
	require.NoError(t, err)
	return signed
}

// system is a proxy with its upstream, over real sockets.
type system struct {
	*httptest.Server
	proxy *Proxy
	log   *kit.Buffer
}

// start runs a production instance's proxy before app. No Backend API answers
// unless change sets a transport.
func start(t testing.TB, app http.Handler, change func(*settings.Config)) *system {
	t.Helper()
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)

	cfg, _, err := load(environment(map[string]string{
		"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("live", "clerk.example.com"),
		"CLERK_SECRET_KEY":      "sk_live_planted0secret",
		"CLERK_JWT_KEY":         testPEM(t),
	}))
	require.NoError(t, err)
	cfg.Upstream = target
	// The whole suite runs over either transport.
	cfg.UpstreamTransport = settings.UpstreamTransport(os.Getenv("CLERKGATE_UPSTREAM_TRANSPORT"))
	cfg.Auth.Transport = kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		t.Errorf("the Backend API was called: %s %s", r.Method, r.URL.Path)
		return nil, io.ErrUnexpectedEOF
	})
	if change != nil {
		change(&cfg)
	}
	s := &system{log: &kit.Buffer{}}
	s.proxy, err = New(cfg, Deps{Logger: slog.New(slog.NewTextHandler(s.log, nil)), AccessLog: s.log})
	require.NoError(t, err)
	t.Cleanup(s.proxy.Close)
	s.Server = httptest.NewServer(s.proxy)
	t.Cleanup(s.Close)
	return s
}

// get sends one request without following redirects; headers are name, value, …
func (s *system) get(t testing.TB, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return send(t, r)
}

func send(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

// raw writes bytes as they are and reads one answer.
func (s *system) raw(t testing.TB, request string) *http.Response {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

// received is an upstream that keeps what it got.
type received struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (u *received) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests = append(u.requests, r.Clone(r.Context()))
	u.bodies = append(u.bodies, string(body))
	_, _ = io.WriteString(w, "hello from the app")
}

func (u *received) last(t testing.TB) *http.Request {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	require.NotEmpty(t, u.requests, "nothing reached the upstream")
	return u.requests[len(u.requests)-1]
}

func (u *received) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.requests)
}

func testLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// environment is a working configuration that tests change.
func environment(changes map[string]string) map[string]string {
	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("test", "mock-emulator-13.clerk.accounts.dev"),
		"CLERK_SECRET_KEY":      "sk_test_planted0secret",
		"CLERKGATE_UPSTREAM":    "http://127.0.0.1:3000",
	}
	for name, value := range changes {
		env[name] = value
	}
	return env
}

func load(env map[string]string) (settings.Config, []settings.Warning, error) {
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	return settings.Load(func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, environ)
}

func problems(t testing.TB, err error) map[string]settings.Problem {
	t.Helper()
	var invalid *settings.Error
	require.ErrorAs(t, err, &invalid)
	byName := make(map[string]settings.Problem)
	for _, p := range invalid.Problems {
		assert.NotContains(t, byName, p.Where, "one problem per variable")
		assert.NotEmpty(t, p.Want)
		byName[p.Where] = p
	}
	return byName
}

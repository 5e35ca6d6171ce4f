package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// inJSON makes the access log easy to read.
func inJSON(change func(*settings.Config)) func(*settings.Config) {
	return func(c *settings.Config) {
		c.AccessLog = "json"
		if change != nil {
			change(c)
		}
	}
}

// lastLine returns the last line of the access log, once it has been written.
func (s *system) lastLine(t testing.TB, path string) map[string]any {
	t.Helper()
	s.log.Await(t, `"url.path":"`+path)
	var last map[string]any
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"url.path":"`+path) {
			last = nil
			require.NoError(t, json.Unmarshal([]byte(line), &last), line)
		}
	}
	return last
}

func TestAccessLogOfASignedInUser(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, inJSON(nil))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/items?secret=planted", strings.NewReader("12345"))
	require.NoError(t, err)
	token := sessionToken(t, map[string]any{"o": map[string]string{"id": "org_1", "slg": "acme", "rol": "admin"}})
	r.Host = "app.example.com"
	r.Header = http.Header{
		"Authorization": {"Bearer " + token}, "Origin": {"http://app.example.com"}, "User-Agent": {"a \"browser\"\u202e"}, "Referer": {"https://app.example.com/?planted"},
		"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, "X-Request-Id": {"planted"},
	}
	res, _ := send(t, r)
	line := s.lastLine(t, "/items")
	for name, want := range map[string]any{
		"level": "INFO", "msg": "request", "http.response.status_code": 200., "http.request.method": "POST", "server.address": "app.example.com", "url.path": "/items",
		"outcome": "forwarded", "decision": "signed-in", "user_id": "user_jane", "session_id": "sess_jane", "organization_id": "org_1", "client.address": "127.0.0.1",
		"http.request.body.size": 5., "http.response.body.size": float64(len("hello from the app")), "upstream.status_code": 200.,
		"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "user_agent.original": "a \"browser\"\u202e", "reason": nil, "error": nil, "client_left": nil, "route": nil,
	} {
		assert.Equal(t, want, line[name], name)
	}
	assert.GreaterOrEqual(t, line["duration_ms"], line["upstream.duration_ms"])
	assert.Regexp(t, `^127\.0\.0\.1:\d+$`, line["upstream.address"])
	assert.NotContains(t, s.log.String(), "planted")
	id := res.Header["X-Request-Id"]
	require.Len(t, id, 1)
	assert.Equal(t, id[0], line["request_id"])
	assert.Equal(t, id, app.last(t).Header["X-Request-Id"])
}

func TestAccessLogOfRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, &received{}, inJSON(func(c *settings.Config) {
		var err error
		c.Routes, err = routes.Parse("test", []byte(`
routes:
  - { match: "/admin/*", name: admins, require: { role: "org:owner" } }
  - { match: "/private/*" }
  - { match: "/open/*", auth: public }
`))
		require.NoError(t, err)
	}))
	for _, test := range []struct {
		path    string
		headers []string
		want    map[string]any
	}{
		{"/private/x", nil, map[string]any{"status": 401., "outcome": "refused", "decision": "signed-out", "reason": "session-token-and-uat-missing", "route": "line 4"}},
		{"/admin/x", []string{"Authorization", "Bearer " + sessionToken(t, nil)}, map[string]any{"status": 403., "outcome": "refused", "decision": "signed-in", "user_id": "user_jane", "route": "admins"}},
		{"/nowhere", nil, map[string]any{"status": 404., "outcome": "refused", "reason": "no_route", "decision": nil, "route": nil}},
		{"/open/a%2fb", nil, map[string]any{"status": 400., "outcome": "refused", "reason": "ambiguous_path"}},
		{"/private/y", []string{"Accept", "text/html", "Sec-Fetch-Dest", "document"}, map[string]any{"outcome": "redirected"}},
		{"/.clerkgate/sign-out", nil, map[string]any{"status": 200., "outcome": "answered"}},
	} {
		s.get(t, test.path, test.headers...)
		line := s.lastLine(t, test.path)
		line["status"] = line["http.response.status_code"]
		for name, want := range test.want {
			assert.Equal(t, want, line[name], "%s: %s", test.path, name)
		}
		assert.NotEmpty(t, line["request_id"], test.path)
	}
	assert.NotEmpty(t, s.lastLine(t, "/admin/x")["reason"])
	traced := s.raw(t, "TRACE /traced HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
	assert.Equal(t, http.StatusMethodNotAllowed, traced.StatusCode)
	assert.Equal(t, "method_not_allowed", s.lastLine(t, "/traced")["reason"])
}

// A client that leaves is no failure of the application.
func TestAccessLogOfClientsThatLeave(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{true, false} {
		asked, proceed := make(chan struct{}, 1), make(chan struct{})
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/during") {
				_, _ = io.WriteString(w, "a piece")
				_ = http.NewResponseController(w).Flush()
			}
			asked <- struct{}{}
			select {
			case <-proceed:
			case <-r.Context().Done():
			}
		})
		s := start(t, app, inJSON(func(c *settings.Config) {
			c.Policy = settings.PolicyOptional
			if c.UpstreamTransport = settings.TransportStandard; direct {
				c.UpstreamTransport = settings.TransportDirect
			}
		}))
		for path, want := range map[string]map[string]any{
			"/before": {"status": 499., "client_left": "before-response", "outcome": "client-left", "level": "INFO"},
			"/during": {"status": 200., "client_left": "during-response", "outcome": "failed", "level": "INFO"},
		} {
			ctx, leave := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
			require.NoError(t, err)
			transport := &http.Transport{}
			left := make(chan struct{})
			go func() {
				defer close(left)
				if res, err := transport.RoundTrip(r); err == nil {
					_, _ = io.ReadFull(res.Body, make([]byte, len("a piece")))
					leave()
					_ = res.Body.Close()
				}
			}()
			<-asked
			if path == "/before" {
				leave()
			}
			<-left
			transport.CloseIdleConnections()
			line := s.lastLine(t, path)
			line["status"] = line["http.response.status_code"]
			for name, value := range want {
				assert.Equal(t, value, line[name], "%s: %s", path, name)
			}
			assert.NotEmpty(t, line["error"], path)
			leave()
		}
		close(proceed)
	}
}

// An application that is down is one, even if the client has patience.
func TestAccessLogOfAnApplicationThatIsDown(t *testing.T) {
	t.Parallel()
	s := start(t, &received{}, inJSON(func(c *settings.Config) {
		c.Policy, c.Upstream = settings.PolicyOptional, &url.URL{Scheme: "http", Host: kit.Refusing(t)}
	}))
	s.get(t, "/x")
	line := s.lastLine(t, "/x")
	assert.Equal(t, "WARN", line["level"])
	assert.Equal(t, "failed", line["outcome"])
	assert.Equal(t, "upstream_unavailable", line["reason"])
	assert.Contains(t, line["error"], "refused")
	assert.Nil(t, line["upstream.status_code"])
}

func TestAccessLogOfAWebSocket(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_ = conn.Close()
		}
	}), inJSON(func(c *settings.Config) { c.Policy = settings.PolicyOptional }))
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, bufio.NewReader(conn))
	require.NoError(t, conn.Close())
	line := s.lastLine(t, "/socket")
	assert.EqualValues(t, 101, line["http.response.status_code"])
	assert.Equal(t, "forwarded", line["outcome"])
	assert.Nil(t, line["http.response.body.size"])
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		app := &received{}
		s := start(t, app, inJSON(func(c *settings.Config) {
			c.Policy = settings.PolicyOptional
			if trusted {
				c.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			}
		}))
		for given, usable := range map[string]bool{
			"req-1": true, "b7e2~a:b@c=+/._": true, strings.Repeat("x", 128): true,
			"": false, "a b": false, "<x>": false, "a\"b": false, strings.Repeat("x", 129): false, "ü": false,
		} {
			res, _ := s.get(t, "/x", "X-Request-Id", given, "X_Request_Id", "planted")
			got := res.Header["X-Request-Id"]
			require.Len(t, got, 1)
			if trusted && usable {
				assert.Equal(t, given, got[0])
			} else {
				assert.Regexp(t, `^[0-9a-f]{32}$`, got[0], given)
			}
			last := app.last(t)
			assert.Equal(t, got, last.Header["X-Request-Id"])
			assert.Empty(t, last.Header["X_request_id"])
			assert.Equal(t, got[0], s.lastLine(t, "/x")["request_id"])
		}
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	t.Parallel()
	var ids requestIDs
	seen := make(map[string]bool)
	for range 10 * idBatch {
		seen[ids.next()] = true
	}
	assert.Len(t, seen, 10*idBatch)
}

// The application may send the id back, as Rails does; the client gets one.
func TestOneRequestIDInAResponse(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Request-Id", "its own") }),
		func(c *settings.Config) { c.Policy = settings.PolicyOptional })
	res, _ := s.get(t, "/")
	require.Len(t, res.Header["X-Request-Id"], 1)
	assert.Len(t, res.Header.Get("X-Request-Id"), 32)
}

func TestGatewaysPassTheRequestIDOn(t *testing.T) {
	t.Parallel()
	s := start(t, &received{}, inJSON(func(c *settings.Config) {
		c.ForwardAuthPath, c.Auth.TrustedProxies = "/auth", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}))
	question := []string{
		"X-Forwarded-Method", "POST", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/theirs?planted", "X-Forwarded-For", "192.0.2.7",
	}
	res, _ := s.get(t, "/auth/traefik", append(question, "Authorization", "Bearer "+sessionToken(t, nil))...)
	require.Equal(t, http.StatusOK, res.StatusCode)
	line := s.lastLine(t, "/theirs")
	for name, want := range map[string]any{
		"outcome": "granted", "http.request.method": "POST", "server.address": "app.example.com", "client.address": "192.0.2.7", "user_id": "user_jane", "request_id": res.Header.Get("X-Request-Id"),
	} {
		assert.Equal(t, want, line[name], name)
	}
	res, _ = s.get(t, "/auth/traefik", append(question, "X-Request-Id", "theirs")...)
	assert.Equal(t, "theirs", res.Header.Get("X-Request-Id"))
	line = s.lastLine(t, "/theirs")
	assert.Equal(t, "refused", line["outcome"])
	assert.Equal(t, "theirs", line["request_id"])
}

func TestTraceID(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for value, want := range map[string]string{
		"00-" + id + "-00f067aa0ba902b7-01":                       id,
		"cc-" + id + "-00f067aa0ba902b7-01-more":                  id,
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":      "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "",
		"00-" + id + "-00f067aa0ba902b7":                          "",
		"00-" + id[1:] + "\"-00f067aa0ba902b7-01":                 "",
		"00" + id + "-00f067aa0ba902b7-01":                        "",
		"":                                                        "",
	} {
		assert.Equal(t, want, traceID(http.Header{"Traceparent": {value}}), value)
	}
	assert.Empty(t, traceID(http.Header{"Traceparent": {"00-" + id + "-00f067aa0ba902b7-01", "x"}}))
	assert.Empty(t, traceID(nil))
}

func TestAccessLogOfAPanic(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	p := newBenchProxy(t, &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Deps{AccessLog: log, Transport: kit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
		panic("a bug")
	})})
	assert.Panics(t, func() { p.ServeHTTP(httptest.NewRecorder(), benchRequest(t, "Bearer")) })
	assert.Contains(t, log.String(), `error="the handler panicked"`)
}

// What the log adds to a request: no allocation.
func TestTheAccessLogCostsNoAllocation(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector makes pools forget")
	}
	answer := kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Length": {"0"}}, Body: http.NoBody, Request: r}, nil
	})
	var costs []float64
	for _, format := range []string{"off", "text", "json", "combined"} {
		p := newBenchProxy(t, &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Deps{Transport: answer, AccessLog: io.Discard}, settings.EnvAccessLog, format)
		r, w := benchRequest(t, "Bearer"), &discarding{header: make(http.Header)}
		costs = append(costs, testing.AllocsPerRun(500, func() {
			clear(w.header)
			p.ServeHTTP(w, r)
		}))
	}
	for _, cost := range costs[1:] {
		assert.InDelta(t, costs[0], cost, 0.5, fmt.Sprint(costs))
	}
}

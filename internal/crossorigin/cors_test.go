package crossorigin_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
)

func options() crossorigin.CORSOptions {
	return crossorigin.CORSOptions{
		Origins:     []string{public, "https://*.preview.example.com", "http://localhost:5173"},
		Methods:     []string{"GET", "POST", "PUT"},
		Headers:     []string{"Authorization", "Content-Type"},
		Expose:      []string{"X-Request-Id"},
		Credentials: true,
		MaxAge:      10 * time.Minute,
	}
}

func policy(t testing.TB, o crossorigin.CORSOptions) *crossorigin.CORS {
	t.Helper()
	c, err := crossorigin.NewCORS(o)
	require.NoError(t, err)
	return c
}

func answer(c *crossorigin.CORS, next http.HandlerFunc, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	c.Handler(next).ServeHTTP(w, r)
	return w.Result()
}

func none(http.ResponseWriter, *http.Request) {}

// allowControl is all that an answer says of CORS.
func allowControl(h http.Header) map[string][]string {
	said := map[string][]string{}
	for name, values := range h {
		if strings.HasPrefix(textproto.CanonicalMIMEHeaderKey(name), "Access-Control-") {
			said[name] = values
		}
	}
	return said
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	c := policy(t, options())
	granted := map[string][]string{
		"Access-Control-Allow-Origin":      {public},
		"Access-Control-Allow-Methods":     {"PUT"},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Max-Age":           {"600"},
	}
	withHeaders := map[string][]string{"Access-Control-Allow-Headers": {"authorization,content-type"}}
	for k, v := range granted {
		withHeaders[k] = v
	}
	nothing := map[string][]string{}
	for _, c2 := range []struct {
		name   string
		header []string
		want   map[string][]string
	}{
		{"listed", []string{"Origin", public, "Access-Control-Request-Method", "PUT"}, granted},
		{"with headers", []string{"Origin", public, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,content-type"}, withHeaders},
		{"header not listed", []string{"Origin", public, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "x-admin"}, nothing},
		{"method not listed", []string{"Origin", public, "Access-Control-Request-Method", "DELETE"}, nothing},
		{"origin not listed", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "PUT"}, nothing},
		{"null", []string{"Origin", "null", "Access-Control-Request-Method", "PUT"}, nothing},
	} {
		t.Run(c2.name, func(t *testing.T) {
			t.Parallel()
			got := answer(c, func(http.ResponseWriter, *http.Request) { t.Error("a preflight went on") }, request("OPTIONS", c2.header...))
			assert.Equal(t, http.StatusNoContent, got.StatusCode)
			assert.Equal(t, c2.want, allowControl(got.Header))
			assert.Contains(t, got.Header.Get("Vary"), "Origin")
		})
	}
}

func TestOnlyTruePreflightsAreAnswered(t *testing.T) {
	t.Parallel()
	c := policy(t, options())
	for name, r := range map[string]*http.Request{
		"no method asked":    request("OPTIONS", "Origin", public),
		"empty method asked": request("OPTIONS", "Origin", public, "Access-Control-Request-Method", ""),
		"two methods asked":  request("OPTIONS", "Origin", public, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Method", "GET"),
		"no origin":          request("OPTIONS", "Access-Control-Request-Method", "PUT"),
		"two origins":        request("OPTIONS", "Origin", public, "Origin", public, "Access-Control-Request-Method", "PUT"),
		"another method":     request("POST", "Origin", public, "Access-Control-Request-Method", "PUT"),
	} {
		reached := false
		answer(c, func(http.ResponseWriter, *http.Request) { reached = true }, r)
		assert.True(t, reached, name)
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	t.Parallel()
	c := policy(t, options())
	want := map[string][]string{
		"Access-Control-Allow-Origin":      {public},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers":    {"X-Request-Id"},
	}
	for name, next := range map[string]http.HandlerFunc{
		"nothing written": none,
		"200":             func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") },
		"307":             func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", "/x"); w.WriteHeader(307) },
		"401":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"403":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"502":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"copied": func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, struct{ io.Reader }{strings.NewReader("ok")}) // by ReadFrom
		},
		"flushed": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"controlled": func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
		},
		"upstream has a policy": func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range map[string]string{
				"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*", "Access-Control-Allow-Private-Network": "true",
			} {
				w.Header().Add(name, value)
				w.Header().Add(name, "second")
			}
			w.Header()["access-control-allow-headers"] = []string{"*"}
			w.WriteHeader(http.StatusOK)
		},
	} {
		for who, r := range map[string]*http.Request{
			"listed":                             request("GET", "Origin", public),
			"by DELETE":                          request("DELETE", "Origin", public), // not a listed method
			"by OPTIONS":                         request("OPTIONS", "Origin", public),
			"by POST, with a preflight's header": request("POST", "Origin", public, "Access-Control-Request-Method", "PUT"),
			"not listed":                         request("GET", "Origin", "https://evil.example"),
			"null":                               request("GET", "Origin", "null"),
			"two origins":                        request("GET", "Origin", public, "Origin", public),
			"no origin":                          request("GET"),
		} {
			got := answer(c, next, r)
			if who == "listed" || strings.HasPrefix(who, "by ") {
				assert.Equal(t, want, allowControl(got.Header), "%s, %s", name, who)
			} else {
				assert.Empty(t, allowControl(got.Header), "%s, %s", name, who)
			}
			assert.Equal(t, []string{"Origin"}, got.Header["Vary"], "%s, %s", name, who)
		}
	}
}

func TestVaryIsKept(t *testing.T) {
	t.Parallel()
	c := policy(t, options())
	for _, v := range []struct{ upstream, want []string }{
		{nil, []string{"Origin"}},
		{[]string{"Accept"}, []string{"Accept", "Origin"}},
		{[]string{"Accept, Cookie", "X"}, []string{"Accept, Cookie", "X", "Origin"}},
		{[]string{"accept , origin"}, []string{"accept , origin"}},
		{[]string{"*"}, []string{"*"}},
		{[]string{"X-Origin"}, []string{"X-Origin", "Origin"}},
	} {
		got := answer(c, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Vary"] = v.upstream
			w.WriteHeader(http.StatusOK)
		}, request("GET", "Origin", public))
		assert.Equal(t, v.want, got.Header["Vary"])
	}
}

func TestListedOrigins(t *testing.T) {
	t.Parallel()
	c := policy(t, options())
	for from, want := range map[string]bool{
		public:                                      true,
		"http://localhost:5173":                     true,
		"https://pr-12.preview.example.com":         true,
		"https://preview.example.com":               false,
		"https://.preview.example.com":              false,
		"https://a.b.preview.example.com":           false,
		"https://evilpreview.example.com":           false,
		"http://pr-12.preview.example.com":          false,
		"https://pr.preview.example.com:8443":       false,
		"https://pr.preview.example.com.evil":       false,
		"https://pr%2e.preview.example.com":         false,
		"https://u@pr.preview.example.com":          false,
		"https://evil.example/.preview.example.com": false,
		"http://localhost":                          false,
		"http://localhost:5174":                     false,
		"https://app.example.com.":                  false,
		"https://evilapp.example.com":               false,
		"https://app.example.com.evil.example":      false,
		"null":                                      false,
		"":                                          false,
		"*":                                         false,
	} {
		got := answer(c, none, request("GET", "Origin", from))
		assert.Equal(t, want, got.Header.Get("Access-Control-Allow-Origin") == from && from != "", "%q", from)
		assert.Equal(t, want, len(allowControl(got.Header)) > 0, "%q", from)
	}
}

func TestAnyOrigin(t *testing.T) {
	t.Parallel()
	c := policy(t, crossorigin.CORSOptions{Origins: []string{"*"}, Headers: []string{"*"}})
	got := answer(c, none, request("GET", "Origin", "https://anybody.example"))
	assert.Equal(t, map[string][]string{"Access-Control-Allow-Origin": {"https://anybody.example"}}, allowControl(got.Header))
	assert.Empty(t, allowControl(answer(c, none, request("GET", "Origin", "null")).Header))
	preflight := answer(c, none, request("OPTIONS", "Origin", "https://anybody.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-anything"))
	assert.Equal(t, "x-anything", preflight.Header.Get("Access-Control-Allow-Headers"))
	assert.Empty(t, preflight.Header.Get("Access-Control-Allow-Credentials"))
}

func TestNewCORSNamesEveryProblem(t *testing.T) {
	t.Parallel()
	c, err := crossorigin.NewCORS(crossorigin.CORSOptions{
		Origins: []string{"*", "null", "https://*.com", "https://*.*.example.com", "https://*", "app.example.com", "https://a*.example.com"},
		Methods: []string{"get", "*", "P T"}, Headers: []string{"X Y", ""}, Expose: []string{"*"}, Credentials: true, MaxAge: -1,
	})
	assert.Nil(t, c)
	for _, want := range []string{
		`"*" with credentials`, `"null", the origin of every sandboxed document`, `"https://*.com": *. must be followed by`, `"https://*.*.example.com": *. must be followed by`, `"https://*": found "https://*"; expected each origin written out`,
		`"app.example.com", without a scheme`, `"https://a*.example.com"; expected each origin written out`, `method "get"`, `method "*"`, `method "P T"`, `header "X Y"`,
		`header ""`, `exposed header "*"`, "max age",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = crossorigin.NewCORS(crossorigin.CORSOptions{})
	require.ErrorContains(t, err, "no origins")
}

// A real server, a real reverse proxy, and all that a handler may ask of a writer.
func TestBehindAReverseProxy(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		switch r.URL.Path {
		case "/hints":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		case "/socket":
			conn, buffer, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				defer conn.Close()
				buffer.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				buffer.Flush()
				line, _ := buffer.ReadString('\n')
				io.WriteString(conn, line)
			}
			return
		case "/stream":
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		io.WriteString(w, "hello")
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	front := httptest.NewServer(policy(t, options()).Handler(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}))
	defer front.Close()

	for _, path := range []string{"/", "/hints", "/stream"} {
		var informational []int
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
				informational = append(informational, code)
				return nil
			},
		})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, front.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("Origin", public)
		got, err := front.Client().Do(r)
		require.NoError(t, err)
		assert.Equal(t, []string{public}, got.Header["Access-Control-Allow-Origin"], path)
		assert.Equal(t, path == "/hints", slices.Contains(informational, http.StatusEarlyHints), path)
		got.Body.Close() // ends the stream
	}

	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: x\r\nOrigin: "+public+"\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(conn)
	got, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusSwitchingProtocols, got.StatusCode)
	io.WriteString(conn, "ping\n")
	line, err := reader.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "ping\n", line)
}

func BenchmarkCORS(b *testing.B) {
	h := policy(b, options()).Handler(http.HandlerFunc(none))
	for name, r := range map[string]*http.Request{"no origin": request("GET"), "listed": request("GET", "Origin", public)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := httptest.NewRecorder()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const token = "0123456789abcdef0123456789abcdef"

// pages are one that shows something and one that returns what it got.
func pages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: "/healthz", About: "of the server itself"},
		{Method: http.MethodGet, Path: "/metrics", About: "numbers", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "numbers")
		})},
		{Method: http.MethodPost, Path: "/-/echo", About: "the body", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		})},
	}
}

// request is one that curl sends over loopback.
func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:9090"
	return at(r, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9090})
}

// at has r arrive at a local address.
func at(r *http.Request, local net.Addr) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
}

func ask(h http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := New(Options{Pages: pages()})
	status, body := ask(h, request("GET", "/-/", ""))
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"pages":[{"method":"GET","path":"/-/","about":"this list"},{"method":"GET","path":"/healthz","about":"of the server itself"},
		{"method":"GET","path":"/metrics","about":"numbers"},{"method":"POST","path":"/-/echo","about":"the body"}]}`, body)
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/metrics", 200, "numbers"}, {"HEAD", "/metrics", 200, ""}, {"POST", "/-/echo", 200, "sent"},
		{"POST", "/metrics", 405, ""}, {"GET", "/-/echo", 405, ""}, {"POST", "/-/", 405, ""},
		{"GET", "/", 404, ""}, {"GET", "/-/other", 404, ""}, {"GET", "/healthz", 404, ""},
	} {
		status, body := ask(h, request(test.method, test.path, "sent"))
		assert.Equal(t, test.status, status, test)
		if test.body != "" {
			assert.Equal(t, test.body, body, test)
		}
	}
}

func TestWithoutTokenOnlyThisMachineMayAsk(t *testing.T) {
	t.Parallel()
	h := New(Options{Pages: pages()})
	loopback, elsewhere := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 7)
	for _, test := range []struct {
		local  net.Addr
		host   string
		status int
	}{
		{&net.TCPAddr{IP: loopback}, "127.0.0.1:9090", 200},
		{&net.TCPAddr{IP: loopback}, "localhost:9090", 200},
		{&net.TCPAddr{IP: loopback}, "LOCALHOST", 200},
		{&net.TCPAddr{IP: net.IPv6loopback}, "[::1]:9090", 200},
		{&net.TCPAddr{IP: net.IPv6loopback}, "[::1]", 200},
		{&net.UnixAddr{Name: "/run/admin.sock", Net: "unix"}, "any", 200},
		{&net.TCPAddr{IP: elsewhere}, "127.0.0.1:9090", 403},
		{nil, "127.0.0.1:9090", 403},
		{&net.TCPAddr{IP: loopback}, "rebound.evil.example:9090", 421},
		{&net.TCPAddr{IP: loopback}, "localhost.evil.example", 421},
		{&net.TCPAddr{IP: loopback}, "127.0.0.1.evil.example", 421},
		{&net.TCPAddr{IP: loopback}, "192.0.2.7:9090", 421},
		{&net.TCPAddr{IP: loopback}, "", 421},
	} {
		for _, path := range []string{"/-/", "/metrics"} {
			r := at(request("GET", path, ""), test.local)
			r.Host = test.host
			status, _ := ask(h, r)
			assert.Equal(t, test.status, status, "%s at %v of %q", path, test.local, test.host)
		}
	}
}

func TestTokenIsDemandedOfEveryone(t *testing.T) {
	t.Parallel()
	h := New(Options{Pages: pages(), Token: token})
	for _, test := range []struct {
		authorization []string
		status        int
	}{
		{[]string{"Bearer " + token}, 200}, {[]string{"bearer  " + token}, 200},
		{nil, 401}, {[]string{""}, 401}, {[]string{"Bearer"}, 401}, {[]string{"Bearer "}, 401}, {[]string{token}, 401},
		{[]string{"Basic " + token}, 401}, {[]string{"Bearer " + token[1:]}, 401}, {[]string{"Bearer " + token + "0"}, 401},
		{[]string{"Bearer " + strings.ToUpper(token)}, 401}, {[]string{"Bearer " + token, "Bearer " + token}, 401},
	} {
		for _, local := range []net.Addr{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)}, &net.UnixAddr{Net: "unix"}} {
			for _, path := range []string{"/-/", "/metrics"} {
				r := at(request("GET", path, ""), local)
				r.Host, r.Header["Authorization"] = "clerkgate.internal", test.authorization
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				assert.Equal(t, test.status, w.Code, "%s %q from %v", path, test.authorization, local)
				if test.status == 401 {
					assert.Equal(t, `Bearer realm="clerkgate admin"`, w.Header().Get("WWW-Authenticate"))
					assert.NotContains(t, w.Body.String(), token)
				}
			}
		}
	}
	status, _ := ask(h, request("GET", "/-/other", ""))
	assert.Equal(t, 401, status, "strangers do not learn which pages there are")
}

func TestClientCertificateCountsOnceVerified(t *testing.T) {
	t.Parallel()
	sent := []*x509.Certificate{{}}
	verified := [][]*x509.Certificate{sent}
	for _, test := range []struct {
		options Options
		state   *tls.ConnectionState
		bearer  string
		status  int
	}{
		{Options{ClientCertificates: true}, &tls.ConnectionState{PeerCertificates: sent, VerifiedChains: verified}, "", 200},
		{Options{ClientCertificates: true}, &tls.ConnectionState{PeerCertificates: sent}, "", 401},
		{Options{ClientCertificates: true}, &tls.ConnectionState{}, "", 401},
		{Options{ClientCertificates: true}, nil, "", 401},
		{Options{ClientCertificates: true}, nil, "Bearer ", 401},
		{Options{ClientCertificates: true, Token: token}, &tls.ConnectionState{}, "Bearer " + token, 200},
		{Options{ClientCertificates: true, Token: token}, &tls.ConnectionState{VerifiedChains: verified}, "", 200},
		{Options{Token: token}, &tls.ConnectionState{VerifiedChains: verified}, "", 401},
	} {
		r := request("GET", "/-/", "")
		r.TLS = test.state
		if test.bearer != "" {
			r.Header.Set("Authorization", test.bearer)
		}
		status, _ := ask(New(test.options), r)
		assert.Equal(t, test.status, status, test)
	}
}

func TestBrowsersCannotAct(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site",
	} {
		for _, options := range []Options{{Pages: pages()}, {Pages: pages(), ClientCertificates: true}} {
			r := request("POST", "/-/echo", "sent")
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}
			r.Header.Set(name, value)
			status, body := ask(New(options), r)
			assert.Equal(t, 403, status, name)
			assert.NotContains(t, body, "sent")
		}
	}
	r := request("POST", "/-/echo", "sent")
	r.Header["Origin"] = []string{""}
	status, _ := ask(New(Options{Pages: pages()}), r)
	assert.Equal(t, 403, status)
}

// failing is a body whose sender goes away.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	if n, err := f.Reader.Read(p); err == nil {
		return n, nil
	}
	return 0, errors.New("connection reset")
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	h := New(Options{Pages: pages()})
	status, body := ask(h, request("POST", "/-/echo", strings.Repeat("x", maxBody)))
	assert.Equal(t, 200, status)
	assert.Len(t, body, maxBody)
	status, _ = ask(h, request("POST", "/-/echo", strings.Repeat("x", maxBody+1)))
	assert.Equal(t, 413, status)
	r := request("POST", "/-/echo", "")
	r.Body = io.NopCloser(failing{strings.NewReader("half")})
	status, body = ask(h, r)
	assert.Equal(t, 400, status)
	assert.NotContains(t, body, "half")
}

// The deadline of a body is over once the body is there.
func TestBodyHasADeadline(t *testing.T) {
	t.Parallel()
	var deadlines []bool
	w := &deadlined{ResponseRecorder: httptest.NewRecorder(), set: func(zero bool) { deadlines = append(deadlines, zero) }}
	New(Options{Pages: pages()}).ServeHTTP(w, request("POST", "/-/echo", "sent"))
	require.Equal(t, 200, w.Code)
	assert.Equal(t, []bool{false, true}, deadlines)
}

// deadlined is a response writer that tells of read deadlines.
type deadlined struct {
	*httptest.ResponseRecorder
	set func(zero bool)
}

func (d *deadlined) SetReadDeadline(t time.Time) error {
	d.set(t.IsZero())
	return nil
}

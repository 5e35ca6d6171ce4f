package envoy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
)

// A judge that would grant everything: only what comes before it refuses.
func grantAll(o *envoy.Options) { o.Judge = granting }

func TestMalformedChecksAreRefused(t *testing.T) {
	s := start(t, grantAll)
	require.Zero(t, s.check(t, call("/")).GetStatus().GetCode())
	require.Zero(t, s.check(t, asList(call("/"))).GetStatus().GetCode())

	type http1 = authv3.AttributeContext_HttpRequest
	raw := func(name, value string) *corev3.HeaderValue {
		return &corev3.HeaderValue{Key: name, RawValue: []byte(value)}
	}
	for name, test := range map[string]struct {
		change func(*http1)
		want   int
	}{
		"no path":                 {func(h *http1) { h.Path = "" }, 400},
		"absolute path":           {func(h *http1) { h.Path = "https://app.example.com/" }, 400},
		"asterisk":                {func(h *http1) { h.Path = "*" }, 400},
		"fragment":                {func(h *http1) { h.Path = "/public#/../admin" }, 400},
		"space in the path":       {func(h *http1) { h.Path = "/a b" }, 400},
		"line end in the path":    {func(h *http1) { h.Path = "/a\r\nx: y" }, 400},
		"zero in the path":        {func(h *http1) { h.Path = "/a\x00" }, 400},
		"bad escape":              {func(h *http1) { h.Path = "/%zz" }, 400},
		"no host":                 {func(h *http1) { h.Host = "" }, 400},
		"user in the host":        {func(h *http1) { h.Host = "app.example.com@evil.example" }, 400},
		"path in the host":        {func(h *http1) { h.Host = "evil.example/app.example.com" }, 400},
		"two hosts":               {func(h *http1) { h.Host = "app.example.com,evil.example" }, 400},
		"empty label in the host": {func(h *http1) { h.Host = "app..example.com" }, 400},
		"port too large":          {func(h *http1) { h.Host = "app.example.com:99999" }, 400},
		"no method":               {func(h *http1) { h.Method = "" }, 400},
		"odd method":              {func(h *http1) { h.Method = "GET /" }, 400},
		"connect":                 {func(h *http1) { h.Method = http.MethodConnect }, 405},
		"trace":                   {func(h *http1) { h.Method = http.MethodTrace }, 405},
		"no scheme":               {func(h *http1) { h.Scheme = ""; delete(h.Headers, "x-forwarded-proto") }, 400},
		"odd scheme":              {func(h *http1) { h.Headers["x-forwarded-proto"] = "javascript" }, 400},
		"other path in headers":   {func(h *http1) { h.Headers[":path"] = "/other" }, 400},
		"other host in headers":   {func(h *http1) { h.Headers["host"] = "evil.example" }, 400},
		"other method in headers": {func(h *http1) { h.Headers[":method"] = "POST" }, 400},
		"header name":             {func(h *http1) { h.Headers["a b"] = "c" }, 400},
		"empty header name":       {func(h *http1) { h.Headers[""] = "c" }, 400},
		"header value":            {func(h *http1) { h.Headers["a"] = "b\r\nc: d" }, 400},
		"one header in two cases": {func(h *http1) { h.Headers["cookie"] = "a=b"; h.Headers["Cookie"] = "c=d" }, 400},
		"both forms":              {func(h *http1) { h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{raw("a", "b")}} }, 400},
		"too large":               {func(h *http1) { h.Headers["cookie"] = strings.Repeat("x", 64<<10) }, 431},
		"too long":                {func(h *http1) { h.Path = "/" + strings.Repeat("x", 64<<10) }, 431},
		"too many": {func(h *http1) {
			for i := range 300 {
				h.Headers["x-"+strings.Repeat("a", i)] = ""
			}
		}, 431},
		"two authorizations": {func(h *http1) {
			h.Headers = nil
			h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{raw("authorization", "a"), raw("Authorization", "b")}}
		}, 400},
		"two paths": {func(h *http1) {
			h.Headers = nil
			h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{raw(":path", "/"), raw(":path", "/")}}
		}, 400},
		"two values of one header": {func(h *http1) {
			h.Headers = nil
			h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", Value: "a", RawValue: []byte("b")}}}
		}, 400},
		"bytes that Envoy could not show": {func(h *http1) {
			// The path is text, so Envoy writes "!" for bytes that are not UTF-8.
			h.Headers, h.Path = nil, "/!"
			h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{raw(":path", "/\xff")}}
		}, 400},
	} {
		check := call("/")
		// The request line is said once only, so that nothing contradicts a change of it.
		for _, part := range []string{":authority", ":method", ":path", ":scheme"} {
			delete(check.GetAttributes().GetRequest().GetHttp().Headers, part)
		}
		test.change(check.GetAttributes().GetRequest().GetHttp())
		got, header, _ := answer(t, s.check(t, check))
		assert.Equal(t, test.want, got, name)
		assert.Equal(t, "no-store", header.Get("Cache-Control"), name)
	}
	for name, check := range map[string]*authv3.CheckRequest{
		"nothing": {}, "no request": {Attributes: &authv3.AttributeContext{}},
		"no http": {Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{}}},
	} {
		got, _, _ := answer(t, s.check(t, check))
		assert.Equal(t, http.StatusBadRequest, got, name)
	}
	check := call("/")
	check.GetAttributes().GetRequest().GetHttp().Body = strings.Repeat("x", 2<<20)
	_, err := s.client.Check(t.Context(), check)
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
}

func TestJudgementsThatFailAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		judge func(*gateway.Answer, *http.Request)
		want  int
	}{
		"panic":             {func(*gateway.Answer, *http.Request) { panic("planted0secret") }, 500},
		"panic after grant": {func(a *gateway.Answer, r *http.Request) { granting(a, r); panic("planted0secret") }, 500},
		"silence":           {func(a *gateway.Answer, _ *http.Request) { a.Header().Set("X-Clerk-User-Id", "user_1") }, 500},
		"early hints":       {func(a *gateway.Answer, _ *http.Request) { a.WriteHeader(http.StatusEarlyHints) }, 500},
		"flood": {func(a *gateway.Answer, r *http.Request) {
			granting(a, r)
			for range 1000 {
				_, _ = io.WriteString(a, strings.Repeat("x", 1024))
			}
		}, 500},
		"a 200 that is no grant": {func(a *gateway.Answer, _ *http.Request) { _, _ = io.WriteString(a, "{}") }, 500},
		"a preflight":            {func(a *gateway.Answer, _ *http.Request) { a.WriteHeader(http.StatusNoContent) }, 204},
		"an unheard-of status":   {func(a *gateway.Answer, _ *http.Request) { a.WriteHeader(999) }, 403},
		"a grant that is late": {func(a *gateway.Answer, r *http.Request) {
			a.WriteHeader(http.StatusForbidden)
			granting(a, r)
		}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *envoy.Options) { o.Judge = test.judge })
			got, _, _ := answer(t, s.check(t, call("/")))
			assert.Equal(t, test.want, got)
			assert.NotContains(t, s.log.String(), "planted0secret")
		})
	}
}

func TestClerkIsDown(t *testing.T) {
	s := start(t, nil)
	jane := s.clerk.SignIn("jane@example.com")
	cookies := s.clerk.Cookies(jane.ID, appOrigin)
	s.clerk.Fail(clerktest.Fault{Status: http.StatusInternalServerError})
	response := s.check(t, browse("/", cookies)) // the keys were never loaded
	got, _, _ := answer(t, response)
	assert.NotEqual(t, http.StatusOK, got)
}

// CVE-2026-40575: only trusted peers may say what a request was.
func TestStrangersAreRefused(t *testing.T) {
	s := start(t, func(o *envoy.Options) {
		grantAll(o)
		o.Trusted = netip.MustParsePrefix("10.0.0.0/8").Contains
	})
	for range 20 {
		got, _, _ := answer(t, s.check(t, call("/")))
		require.Equal(t, http.StatusForbidden, got)
	}
	assert.Contains(t, s.log.String(), "CLERKGATE_TRUSTED_PROXIES")
	assert.Equal(t, 3, strings.Count(s.log.String(), "\n"), "a stranger cannot fill the log")
}

// CVE-2024-24790: an IPv4 address in IPv6 clothes is the IPv4 address.
func TestPeerAddressIsUnmapped(t *testing.T) {
	var asked netip.Addr
	opts := envoy.Options{
		Judge:   granting,
		Trusted: func(a netip.Addr) bool { asked = a; return true },
	}
	server, err := envoy.New(opts)
	require.NoError(t, err)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "[::]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	conn, err := grpc.NewClient("127.0.0.1:"+port, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	response, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), call("/"))
	require.NoError(t, err)
	assert.Zero(t, response.GetStatus().GetCode())
	assert.Equal(t, netip.MustParseAddr("127.0.0.1"), asked)
	require.NoError(t, conn.Close())
	stop()
	require.NoError(t, <-ended)
}

// A check in flight is answered when the server stops; a new one is not taken.
func TestStopsGracefully(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server, err := envoy.New(envoy.Options{
		Trusted: func(netip.Addr) bool { return true },
		Judge: func(a *gateway.Answer, r *http.Request) {
			close(entered)
			<-release
			granting(a, r)
		},
	})
	require.NoError(t, err)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	client := authv3.NewAuthorizationClient(conn)
	type result struct {
		response *authv3.CheckResponse
		err      error
	}
	first := make(chan result, 1)
	go func() {
		response, err := client.Check(t.Context(), call("/"))
		first <- result{response, err}
	}()
	<-entered
	stop()
	require.Eventually(t, func() bool {
		probe, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			probe.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "the listener closes at once")
	close(release)
	got := <-first
	require.NoError(t, got.err)
	assert.Zero(t, got.response.GetStatus().GetCode())
	require.NoError(t, <-ended)
}

// A check that never ends is cut off after the grace.
func TestGraceEnds(t *testing.T) {
	entered := make(chan struct{})
	server, err := envoy.New(envoy.Options{
		Trusted: func(netip.Addr) bool { return true }, Grace: 10 * time.Millisecond,
		Judge: func(_ *gateway.Answer, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		},
	})
	require.NoError(t, err)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	failed := make(chan error, 1)
	go func() {
		_, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), call("/"))
		failed <- err
	}()
	<-entered
	stop()
	require.Error(t, <-failed)
	require.NoError(t, <-ended)
}

func TestOptions(t *testing.T) {
	_, err := envoy.New(envoy.Options{Grace: -1})
	require.Error(t, err)
	for _, want := range []string{"Judge is required", "Trusted is required", "must not be negative"} {
		assert.ErrorContains(t, err, want)
	}
}

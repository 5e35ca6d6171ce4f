package envoy_test

import (
	"io"
	"net/http"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
)

// CVE-2023-33189: what is judged is what Envoy was sent, to the byte.
func TestTheOriginalRequestIsJudged(t *testing.T) {
	var got *http.Request
	s := start(t, func(o *envoy.Options) {
		o.Judge = func(a *gateway.Answer, r *http.Request) {
			got = r.Clone(r.Context())
			granting(a, r)
		}
	})
	for _, path := range []string{
		"/", "/orders?a=1;b=2&c=%2f", "//evil.example/x", "/a//b/../c", "/a%2Fb%5c..;x=y", `/a\b`, "/ünï", "/x?", "/x?y#"[:4], "/?http://evil.example/",
	} {
		s.check(t, ask(http.MethodPost, path, http.Header{
			"Cookie": {"a=b; c=d"}, "Authorization": {"Bearer x"}, "Origin": {"https://app.example.com"}, "Sec-Fetch-Site": {"same-origin"},
			"Content-Length": {"12"}, "Content-Type": {"application/json"}, "Transfer-Encoding": {"chunked"}, "Expect": {"100-continue"},
			"X-Clerk-User-Id": {"user_mallory"}, "X_clerk_user_id": {"user_mallory"},
		}))
		require.NotNil(t, got, path)
		assert.Equal(t, http.MethodPost, got.Method)
		assert.Equal(t, path, got.RequestURI)
		assert.Equal(t, "app.example.com", got.Host)
		assert.Empty(t, got.URL.Host, path)
		assert.Regexp(t, `^127\.0\.0\.1:\d+$`, got.RemoteAddr)
		assert.Equal(t, http.Header{
			"Cookie": {"a=b; c=d"}, "Authorization": {"Bearer x"}, "Origin": {"https://app.example.com"}, "Sec-Fetch-Site": {"same-origin"},
			"Content-Type": {"application/json"}, "X-Request-Id": {"7f5c1c1e"},
			"X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"203.0.113.9"},
		}, got.Header)
		body, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		assert.Empty(t, body)
		got = nil
	}
}

// CVE-2026-35051 and its kin: of the X-Forwarded family only what Envoy vouches for
// is believed, although Envoy passes on the rest.
func TestForwardedHeaders(t *testing.T) {
	var got http.Header
	s := start(t, func(o *envoy.Options) {
		o.Judge = func(a *gateway.Answer, r *http.Request) {
			got = r.Header.Clone()
			granting(a, r)
		}
	})
	for name, test := range map[string]struct {
		sent       http.Header
		scheme     string
		noSource   bool
		proto, xff string
	}{
		"client's own":         {sent: http.Header{"X-Forwarded-For": {"127.0.0.1"}}, proto: "https", xff: "127.0.0.1, 203.0.113.9"},
		"completed by Envoy":   {sent: http.Header{"X-Forwarded-For": {"127.0.0.1,203.0.113.9"}}, proto: "https", xff: "127.0.0.1,203.0.113.9"},
		"garbage":              {sent: http.Header{"X-Forwarded-For": {"unknown"}}, proto: "https", xff: "unknown, 203.0.113.9"},
		"no source":            {sent: http.Header{"X-Forwarded-For": {"198.51.100.7"}}, noSource: true, proto: "https", xff: "198.51.100.7"},
		"proto before scheme":  {sent: http.Header{"X-Forwarded-Proto": {"http"}}, scheme: "https", proto: "http", xff: "203.0.113.9"},
		"empty proto":          {sent: http.Header{"X-Forwarded-Proto": {""}}, scheme: "HTTP", proto: "http", xff: "203.0.113.9"},
		"the rest of the kind": {sent: http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Uri": {"/x"}, "X-Forwarded-Method": {"GET"}, "Forwarded": {"host=evil.example"}, "X-Forwarded-Prefix": {"/x"}}, proto: "https", xff: "203.0.113.9"},
	} {
		check := ask(http.MethodGet, "/", test.sent)
		if test.scheme != "" {
			check.GetAttributes().GetRequest().GetHttp().Scheme = test.scheme
		}
		if test.noSource {
			check.GetAttributes().Source = nil
		}
		require.Zero(t, s.check(t, check).GetStatus().GetCode(), name)
		assert.Equal(t, http.Header{"X-Request-Id": {"7f5c1c1e"}, "X-Forwarded-Proto": {test.proto}, "X-Forwarded-For": {test.xff}}, got, name)
	}
}

// In the list form a header may come in several lines, as it came to Envoy.
func TestRepeatedHeaders(t *testing.T) {
	var got http.Header
	s := start(t, func(o *envoy.Options) {
		o.Judge = func(a *gateway.Answer, r *http.Request) {
			got = r.Header.Clone()
			granting(a, r)
		}
	})
	check := asList(call("/"))
	list := check.GetAttributes().GetRequest().GetHttp().GetHeaderMap()
	for _, value := range []string{"a=b", "c=d"} {
		list.Headers = append(list.Headers, &corev3.HeaderValue{Key: "cookie", RawValue: []byte(value)})
	}
	require.Zero(t, s.check(t, check).GetStatus().GetCode())
	assert.Equal(t, []string{"a=b", "c=d"}, got["Cookie"])
}

// What else a grant says goes where it belongs.
func TestGrantHeaders(t *testing.T) {
	s := start(t, func(o *envoy.Options) {
		o.Judge = func(a *gateway.Answer, r *http.Request) {
			h := a.Header()
			h.Set("Access-Control-Allow-Origin", "https://other.example")
			h.Add("Vary", "Origin")
			h.Set("Cache-Control", "no-store") // of the grant: there is no cookie
			h.Set("Content-Type", "text/plain")
			a.Grant(a, r.Header, http.Header{"X-Environment": {"production"}, "X-Odd": {"a\r\nx-clerk-user-id: b\xff"}})
		}
	})
	check := ask(http.MethodGet, "/", http.Header{"Authorization": {"Bearer x"}, "X-Environment": {"test"}})
	response := s.check(t, check)
	got := upstream(t, check, response)
	assert.NotContains(t, got, "authorization")
	assert.NotContains(t, got, "content-type")
	assert.NotContains(t, got, "cache-control")
	assert.Equal(t, []string{"production"}, got["x-environment"])
	assert.Equal(t, []string{"a  x-clerk-user-id: b?"}, got["x-odd"])
	browser := map[string]string{}
	for _, option := range response.GetOkResponse().GetResponseHeadersToAdd() {
		browser[option.GetHeader().GetKey()] = option.GetHeader().GetValue()
	}
	assert.Equal(t, map[string]string{"access-control-allow-origin": "https://other.example", "vary": "Origin"}, browser)
}

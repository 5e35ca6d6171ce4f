package wire

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNormalForm(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"X-Clerk-User-Id": "x-clerk-user-id", "x_clerk.user~id": "x-clerk-user-id", "ETag2": "etag2", "": "", "\u00fc": "--",
	} {
		assert.Equal(t, want, NormalName(name))
		assert.True(t, IsNormal(name, want), name)
		assert.True(t, HasNormalPrefix(name, want), name)
		assert.False(t, IsNormal(name+"x", want), name)
		assert.False(t, HasNormalPrefix(name, want+"x"), name)
	}
}

func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Forwarded", "X-Forwarded", "X-Forwarded-For", "X_Forwarded_Host", "x.forwarded.anything", "X-Real-IP", "X_Real-Ip"} {
		assert.True(t, ClaimsForwarded(name), name)
		assert.True(t, IsReserved(name), name)
		assert.True(t, IsUnsafeTrailer(name), name)
	}
	for _, name := range []string{"Forwarded-For", "X-Forwardedx", "X-Forward-For", "X-Real-IP2"} {
		assert.False(t, ClaimsForwarded(name), name)
	}
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade",
	} {
		assert.True(t, IsHopByHop(name), name)
		assert.True(t, IsReserved(name), "nobody may configure %s", name)
		assert.True(t, IsUnsafeTrailer(name), name)
	}
	for _, name := range []string{"Content-Length", "Expect", "Te", "Trailer", "Transfer-Encoding"} {
		assert.True(t, DescribesBody(name), name)
		assert.True(t, IsReserved(name), name)
	}
	for _, name := range []string{"X-Fine", "Accept", "X-Original-Url", "Content-Language"} {
		assert.False(t, IsHopByHop(name) || DescribesBody(name) || IsReserved(name) || IsUnsafeTrailer(name), name)
	}
	for name, want := range map[string]bool{
		"X-Forwarded-Email": true, "x_forwarded.USER": true, "X-Forwarded-Preferred-Username": true, "X-Forwarded-For": false,
		"X-Forwarded-Users": false, "X-Forwarded-": false, "X-Forwarded": false, "Forwarded-User": false,
	} {
		assert.Equal(t, want, IsForwardedUser(name), name)
	}
	assert.True(t, IsUnsafeTrailer("Set_Cookie"))
	assert.False(t, IsReserved("Set-Cookie"))
}

func TestForbidCaching(t *testing.T) {
	t.Parallel()
	h := http.Header{
		"Cache-Control": {"public"}, "Expires": {"x"}, "Pragma": {"x"}, "Surrogate-Control": {"x"}, "Cdn-Cache-Control": {"x"}, "Age": {"1"},
	}
	ForbidCaching(h)
	assert.Equal(t, http.Header{"Cache-Control": {"no-store"}, "Age": {"1"}}, h)
}

// Names in the map that net/http would not have put there.
func TestWithoutClaims(t *testing.T) {
	t.Parallel()
	r := &http.Request{Header: http.Header{
		"x-clerk-user-id": {"spoofed"}, "X_CLERK-user_ID": {"spoofed"}, "Accept": {"*/*"}, "X-Clerkish": {"stays"},
	}}
	clean := WithoutClaims(r)
	assert.Equal(t, http.Header{"Accept": {"*/*"}, "X-Clerkish": {"stays"}}, clean.Header)
	assert.Len(t, r.Header, 4, "the caller's request is not changed")
	assert.Same(t, clean, WithoutClaims(clean))
}

package http1

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCanonical(t *testing.T) { // not parallel: allocations are counted
	for _, name := range []string{
		"Content-Type", "content-type", "CONTENT-TYPE", "x-a", "X--A", "-a", "a", "ETag", "x_a-b", "x-1a", "x!a-b",
		"x-" + strings.Repeat("long-", 20) + "name", "set-cookie", "www-authenticate",
	} {
		got, ok := canonical(name)
		assert.True(t, ok)
		assert.Equal(t, http.CanonicalHeaderKey(name), got)
	}
	for _, name := range []string{
		"accept-ranges", "access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
		"access-control-allow-origin", "access-control-expose-headers", "age", "cache-control", "connection", "content-disposition",
		"content-encoding", "content-language", "content-length", "content-range", "content-security-policy", "content-type", "date",
		"etag", "expires", "keep-alive", "last-modified", "link", "location", "pragma", "referrer-policy", "server", "set-cookie",
		"strict-transport-security", "trailer", "transfer-encoding", "vary", "via", "x-content-type-options", "x-frame-options",
		"x-powered-by", "x-request-id",
	} {
		got, ok := canonical(name)
		assert.True(t, ok)
		assert.Equal(t, http.CanonicalHeaderKey(name), got)
		assert.Zero(t, testing.AllocsPerRun(1, func() { canonical(name) }), name)
	}
	for _, name := range []string{"", "a b", "a:", "a\r", "ä"} {
		_, ok := canonical(name)
		assert.False(t, ok, name)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("content-type")
	f.Fuzz(func(t *testing.T, name string) {
		if got, ok := canonical(name); ok {
			assert.Equal(t, http.CanonicalHeaderKey(name), got)
		}
	})
}

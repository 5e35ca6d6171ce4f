package http1

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/http/httpguts"
)

// Every byte at every place within a word of eight, against x/net's tables.
func TestBytes(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		s := string([]byte{byte(c)})
		assert.Equal(t, httpguts.ValidHeaderFieldName(s), isToken(s), "token %q", s)
		assert.Equal(t, httpguts.ValidHostHeader(s), isHostByte(byte(c)), "host %q", s)
		for before := range 9 {
			v := strings.Repeat("a", before) + s + "\x80\xffaaaaaaa"
			assert.Equal(t, httpguts.ValidHeaderFieldValue(v), isClean(v), "value %q", v)
		}
	}
	assert.False(t, isToken(""))
	assert.True(t, isClean(""))
}

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

func FuzzField(f *testing.F) {
	f.Add("content-type", "text/html")
	f.Fuzz(func(t *testing.T, name, value string) {
		assert.Equal(t, httpguts.ValidHeaderFieldName(name), isToken(name))
		assert.Equal(t, httpguts.ValidHeaderFieldValue(value), isClean(value))
		if got, ok := canonical(name); ok {
			assert.Equal(t, http.CanonicalHeaderKey(name), got)
		}
		assert.Equal(t, httpguts.HeaderValuesContainsToken([]string{value}, "chunked"), hasToken([]string{value}, "chunked"))
	})
}

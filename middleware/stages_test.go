package middleware

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/origin"
)

// The stages of a decision by themselves; the whole is in bench_test.go.

// browserRequest carries what a signed-in browser sends: the session twice, and
// cookies of the application.
func browserRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://app.example.com/orders/17?page=2", nil)
	session := strings.Repeat("x", 870)
	r.Header.Set("Cookie", "theme=dark; __client_uat=1790000000; __client_uat_AbCdEfGh=1790000000; __session="+session+
		"; __session_AbCdEfGh="+session+"; _ga=GA1.1.123456789.1700000000; locale=en-GB")
	return r
}

func BenchmarkReadCookies(b *testing.B) {
	r, names := browserRequest(), newCookieNames("AbCdEfGh")
	require.NotEmpty(b, readCookies(r.Header, &names).sessionSuffixed)
	b.ReportAllocs()
	for b.Loop() {
		readCookies(r.Header, &names)
	}
}

func BenchmarkBearerToken(b *testing.B) {
	header := http.Header{"Authorization": {"Bearer " + strings.Repeat("x", 870)}}
	b.ReportAllocs()
	for b.Loop() {
		bearerToken(header)
	}
}

func BenchmarkPublicURL(b *testing.B) {
	r, origins := browserRequest(), origin.New(nil)
	require.True(b, origins.Public(r).Valid())
	b.ReportAllocs()
	for b.Loop() {
		origins.Public(r)
	}
}

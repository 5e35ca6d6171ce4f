package frontend

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// The last line of defence works alone, too.
func TestSecretTransportRefusesOtherTargets(t *testing.T) {
	guard := &secretTransport{
		base: &url.URL{Scheme: "https", Host: "clerk.example.com"}, secret: "sk_live_planted0secret",
		next: kit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
			t.Error("the secret left the house")
			return nil, io.EOF
		}),
	}
	for _, target := range []string{
		"http://clerk.example.com/", "https://clerk.example.com:444/", "https://evil.example/", "https://clerk.example.com.evil.example/",
		"https://user@clerk.example.com/", "https://clerk.example.com//evil.example/", "https://clerk.example.com",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("body"))
		require.NoError(t, err)
		res, err := guard.RoundTrip(r)
		require.ErrorIs(t, err, errForeignTarget, target)
		require.Nil(t, res)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://clerk.example.com/", nil)
	require.NoError(t, err)
	r.Host = "evil.example"
	_, err = guard.RoundTrip(r) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, errForeignTarget)
	assert.Empty(t, r.Header["Clerk-Secret-Key"])
}

package kit

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reply is a response whose body was read to its end.
type Reply struct {
	*http.Response
	// Text is the body.
	Text string
}

// RoundTripFunc is an [http.RoundTripper] made of a function.
type RoundTripFunc func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f RoundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Send sends one request on a connection of its own. It follows no redirects and
// unpacks nothing.
func Send(t testing.TB, r *http.Request) Reply {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	require.NoError(t, err)
	return read(t, res)
}

// Get is [Send] for a GET of an address. The headers are name, value, name, …
func Get(t testing.TB, address string, headers ...string) Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return Send(t, r)
}

func read(t testing.TB, res *http.Response) Reply {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return Reply{res, string(text)}
}

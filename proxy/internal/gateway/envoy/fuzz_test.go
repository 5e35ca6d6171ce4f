package envoy_test

import (
	"bufio"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/peer"

	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
)

// Whatever a check says, the handler is either not asked, or about the request that
// net/http would have read off the wire (CVE-2023-33189): a second opinion on the
// request line, the host and a header.
func FuzzCheckIsTheRequestOnTheWire(f *testing.F) {
	for _, seed := range [][4]string{
		{"GET", "/orders?a=1", "app.example.com", "a=b"}, {"POST", "//evil.example/%2e%2e/x;y?#", "[::1]:80", "a,b"},
		{"GET", "/\\x", "a@b", " a "}, {"CONNECT", "/x", "a:1", ""}, {"G T", "*", "a/b", "a\r\nb: c"}, {"", "/%", "", "\x00"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	var got *http.Request
	server, err := envoy.New(envoy.Options{
		Trusted: func(netip.Addr) bool { return true },
		Judge:   func(a *gateway.Answer, r *http.Request) { got = r; granting(a, r) },
	})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, path, host, cookie string) {
		got = nil
		check := ask(method, path, http.Header{"Cookie": {cookie}})
		in := check.GetAttributes().GetRequest().GetHttp()
		in.Host, in.Headers[":authority"] = host, host
		ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}})
		response, err := server.Check(ctx, check)
		require.NoError(t, err)
		if got == nil {
			require.NotZero(t, response.GetStatus().GetCode())
			return
		}
		wire := method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nCookie: " + cookie + "\r\n\r\n"
		read, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		require.NoError(t, err, "net/http would have refused it")
		require.Equal(t, read.Method, got.Method)
		require.Equal(t, read.RequestURI, got.RequestURI)
		require.Equal(t, read.URL, got.URL)
		require.Equal(t, read.Host, got.Host)
		require.Equal(t, read.Header.Get("Cookie"), strings.Trim(got.Header.Get("Cookie"), " \t"))
	})
}

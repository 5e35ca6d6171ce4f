package origin

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWriteForwarded(t *testing.T) {
	t.Parallel()
	res := New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for name, test := range map[string]struct {
		peer, host string
		header     http.Header
		want       map[string]string
	}{
		"a stranger": {"192.0.2.1:5000", "app.example.com:8080",
			http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}},
			map[string]string{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "app.example.com:8080", "X-Forwarded-Proto": "http"}},
		"a trusted proxy": {"10.0.0.7:5000", "app.internal",
			http.Header{"X-Forwarded-For": {"evil, 203.0.113.9"}, "X-Forwarded-Host": {"app.example.com"}, "X-Forwarded-Proto": {"https"}},
			map[string]string{"X-Forwarded-For": "203.0.113.9, 10.0.0.7", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Proto": "https"}},
		"a trusted proxy for itself": {"10.0.0.7:5000", "app.example.com", nil,
			map[string]string{"X-Forwarded-For": "10.0.0.7", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Proto": "http"}},
		"a zone":       {"[fe80::1%eth0]:5000", "app.example.com", nil, map[string]string{"X-Forwarded-For": "fe80::1", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Proto": "http"}},
		"a socket":     {"@", "app.example.com", nil, map[string]string{"X-Forwarded-Host": "app.example.com", "X-Forwarded-Proto": "http"}},
		"no such host": {"192.0.2.1:5000", "app.example.com/x", nil, map[string]string{"X-Forwarded-For": "192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Method: http.MethodGet, RequestURI: "/", RemoteAddr: test.peer, Host: test.host, Header: test.header}
			got := map[string]string{}
			res.WriteForwarded(r, res.Public(r), func(header, value string) { got[header] = value })
			assert.Equal(t, test.want, got)
		})
	}
}

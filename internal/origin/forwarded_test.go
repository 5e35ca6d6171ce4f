package origin

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestForwarded(t *testing.T) {
	t.Parallel()
	res := New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for name, test := range map[string]struct {
		peer, host string
		header     http.Header
		want       Forwarded
	}{
		"a stranger": {"192.0.2.1:5000", "app.example.com:8080",
			http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"1"}},
			Forwarded{"192.0.2.1", "192.0.2.1", "http", "app.example.com:8080", "8080"}},
		"a stranger without a port": {"192.0.2.1:5000", "app.example.com", http.Header{"X-Forwarded-Port": {"1"}},
			Forwarded{"192.0.2.1", "192.0.2.1", "http", "app.example.com", "80"}},
		"a trusted proxy": {"10.0.0.7:5000", "app.internal",
			http.Header{"X-Forwarded-For": {"evil, 203.0.113.9"}, "X-Forwarded-Host": {"app.example.com"}, "X-Forwarded-Proto": {"https"}},
			Forwarded{"203.0.113.9, 10.0.0.7", "203.0.113.9", "https", "app.example.com", "443"}},
		"a trusted proxy's port": {"10.0.0.7:5000", "app.example.com", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"8443, 1"}},
			Forwarded{"10.0.0.7", "10.0.0.7", "https", "app.example.com", "8443"}},
		"a trusted proxy's text": {"10.0.0.7:5000", "[2001:db8::1]", http.Header{"X-Forwarded-Proto": {"wss"}, "X-Forwarded-Port": {"080"}},
			Forwarded{"10.0.0.7", "10.0.0.7", "wss", "[2001:db8::1]", "443"}},
		"the host's own port": {"10.0.0.7:5000", "[2001:db8::1]:81", http.Header{"X-Forwarded-Port": {"443"}},
			Forwarded{"10.0.0.7", "10.0.0.7", "http", "[2001:db8::1]:81", "81"}},
		"a trusted proxy for itself": {"10.0.0.7:5000", "app.example.com", nil,
			Forwarded{"10.0.0.7", "10.0.0.7", "http", "app.example.com", "80"}},
		"a zone":       {"[fe80::1%eth0]:5000", "app.example.com", nil, Forwarded{"fe80::1", "fe80::1", "http", "app.example.com", "80"}},
		"a socket":     {"@", "app.example.com", nil, Forwarded{Proto: "http", Host: "app.example.com", Port: "80"}},
		"no such host": {"192.0.2.1:5000", "app.example.com/x", nil, Forwarded{For: "192.0.2.1", Client: "192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Method: http.MethodGet, RequestURI: "/", RemoteAddr: test.peer, Host: test.host, Header: test.header}
			assert.Equal(t, test.want, res.Forwarded(r, res.Public(r)))
		})
	}
}

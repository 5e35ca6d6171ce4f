package origin

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTrustedPeer(t *testing.T) {
	t.Parallel()
	res := New([]netip.Prefix{
		netip.MustParsePrefix("10.1.2.3/8"),
		netip.MustParsePrefix("::ffff:172.16.0.0/108"),
		netip.MustParsePrefix("fe80::/10"),
		{},
	})
	for peer, want := range map[string]bool{
		"10.255.0.1:80": true, "11.0.0.1:80": false, "[::ffff:10.0.0.1]:80": true,
		"172.16.9.9:1": true, "172.32.0.1:1": false, "[fe80::1%eth0]:80": true, "[::1]:80": false,
		"10.0.0.1": true, "@": false, "": false, "/run/app.sock": false, "localhost:80": false,
	} {
		assert.Equal(t, want, res.TrustedPeer(&http.Request{RemoteAddr: peer}), peer)
	}
}

func TestNewCopiesItsNetworks(t *testing.T) {
	t.Parallel()
	nets := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	res := New(nets)
	nets[0] = netip.MustParsePrefix("0.0.0.0/0")
	assert.False(t, res.TrustedPeer(&http.Request{RemoteAddr: "192.0.2.1:1"}))
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, peer string
		xff        []string
		want       string
	}{
		{"no header", "10.0.0.7:1", nil, "10.0.0.7"},
		{"stranger's header is not read", "192.0.2.1:1", []string{"203.0.113.9"}, "192.0.2.1"},
		{"one hop", "10.0.0.7:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"left of the first stranger is forged", "10.0.0.7:1", []string{"1.1.1.1, 203.0.113.9, 10.0.0.8"}, "203.0.113.9"},
		{"several lines", "10.0.0.7:1", []string{"1.1.1.1, 203.0.113.9", "10.0.0.8,10.0.0.9"}, "203.0.113.9"},
		{"all trusted", "10.0.0.7:1", []string{"10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
		{"with ports", "10.0.0.7:1", []string{"[2001:db8::1]:99, 10.0.0.8:5"}, "2001:db8::1"},
		{"brackets", "10.0.0.7:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"mapped", "[::ffff:10.0.0.7]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"garbage ends the walk", "10.0.0.7:1", []string{"203.0.113.9, unknown, 10.0.0.8"}, "10.0.0.8"},
		{"empty element ends the walk", "10.0.0.7:1", []string{"203.0.113.9,"}, "10.0.0.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr, ok := trusting(t).ClientIP(&http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.xff}})
			assert.True(t, ok)
			assert.Equal(t, c.want, addr.String())
		})
	}
	_, ok := trusting(t).ClientIP(&http.Request{RemoteAddr: "@"})
	assert.False(t, ok)
	var none *Resolver
	addr, ok := none.ClientIP(&http.Request{RemoteAddr: "[::1]:1"})
	assert.True(t, ok)
	assert.Equal(t, "::1", addr.String())
}

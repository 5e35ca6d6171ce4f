package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBelievedHeadersAreWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, b := range BelievedHeaders() {
		assert.True(t, IsToken(b.Name), b.Name)
		assert.LessOrEqual(t, len(b.Name), maxInPlace, b.Name)
		assert.NotEmpty(t, b.By, b.Name)
		assert.NotEqual(t, Anybody, b.Whose, b.Name)
		assert.False(t, seen[NormalName(b.Name)], "%s twice", b.Name)
		seen[NormalName(b.Name)] = true
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	long := "X-" + strings.Repeat("Long-", 20) + "Name"
	f := NewFilter([]string{"X-Environment", long}, []string{"SCRIPT_NAME", "X-HTTP-Method-Override", "X-Clerk-User-Id", "Connection", "Remote-User"})
	plain := NewFilter(nil, nil)
	for _, b := range BelievedHeaders() {
		for _, name := range []string{b.Name, strings.ToLower(b.Name), strings.ReplaceAll(b.Name, "-", "_"), strings.ReplaceAll(b.Name, "-", ".")} {
			if b.isFamily() {
				name += "x"
			}
			assert.False(t, plain.Passes(name, false), name)
			usual := strings.EqualFold(strings.TrimSuffix(name, "x"), b.Name) || strings.EqualFold(name, b.Name)
			assert.Equal(t, b.Whose == Proxies && usual, plain.Passes(name, true), name)
		}
	}
	for name, want := range map[string]bool{
		"Accept": true, "Cookie": true, "X-Requested-With": true, "X_Fine": true, "X-Forwardedx": true, "Remote": true, "": true, "\u00fc": true,
		strings.Repeat("x", 300): true, "X-Middleware-Prefetch": true, "Sec-Fetch-Site": true, "$Version": true, "Content-Length": true,
		"X-Environment": false, "x_environment": false, long: false, strings.ToUpper(long): false, long + "x": true,
		"Script_name": true, "script_name": true, "Script-Name": false, "script.name": false, "X-Http-Method-Override": true, "X_http_method_override": false,
		"X-Clerk-User-Id": false, "Connection": false, "Te": false, "Transfer_encoding": false, "Proxy": false, "Proxy-Authorization": false,
		"Remote-User": true, "Remote-Addr": false, "Remote_User": false,
	} {
		assert.Equal(t, want, f.Passes(name, false), name)
	}
	for name, want := range map[string]Whose{
		"Accept": Anybody, "cf_connecting_ip": Proxies, "X-Original-URL": Nobody, "X-Forwarded-Anything": Us, "Upgrade": Us, "X-Environment": Us,
	} {
		assert.Equal(t, want, f.Whose(name), name)
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		assert.Equal(t, IsHopByHop(name), f.Whose(name) == Us, name)
	}
}

func TestFilterAllocatesNothing(t *testing.T) {
	f := NewFilter(nil, nil)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, name := range [...]string{"Accept", "Accept-Language", "Cookie", "X-Requested-With", "X-Real-Ip", "Cf-Connecting-Ip", "Sec-Fetch-Site"} {
			f.Passes(name, false)
		}
	}))
}

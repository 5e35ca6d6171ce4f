package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeveralAddresses(t *testing.T) {
	t.Parallel()
	cfg, _, err := load(environment(map[string]string{
		EnvListen: "127.0.0.1:8080, [::1]:8080,unix:/run/clerkgate.sock?mode=0660", EnvAdminListen: "systemd:probes",
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{"127.0.0.1:8080", "[::1]:8080", "unix:/run/clerkgate.sock?mode=0660"}, cfg.Listen)
	assert.Equal(t, []string{"systemd:probes"}, cfg.AdminListen)
}

func TestAddressesThatCannotBe(t *testing.T) {
	t.Parallel()
	for value, found := range map[string]string{
		"8080":                         `"8080"`,
		":8080, localhost":             `"localhost"`,
		"unix:clerkgate.sock":          `"unix:clerkgate.sock"`,
		"unix:/run/x.sock?mode=rw":     `"unix:/run/x.sock?mode=rw"`,
		":8080,:8080":                  `":8080" twice`,
		"systemd,systemd":              `"systemd" twice`,
		"unix:/a,unix:/a?mode=0600":    `"unix:/a?mode=0600" twice`,
		"127.0.0.1:9090,127.0.0.1:443": "",
	} {
		_, _, err := load(environment(map[string]string{EnvListen: value}))
		if found == "" {
			p := problems(t, err)[EnvAdminListen]
			assert.Equal(t, `"127.0.0.1:9090", the address of CLERKGATE_LISTEN too`, p.Found)
			continue
		}
		p := problems(t, err)[EnvListen]
		assert.Equal(t, found, p.Found, value)
		assert.NotEmpty(t, p.Want, value)
	}
	_, _, err := load(environment(map[string]string{EnvListen: "127.0.0.1:0,127.0.0.1:0"}))
	assert.NoError(t, err, "any port is another one each time")
}

func TestProxyProtocolIsForTrustedPeers(t *testing.T) {
	t.Parallel()
	_, _, err := load(environment(map[string]string{EnvProxyProtocol: "on"}))
	assert.Contains(t, problems(t, err)[EnvTrustedProxies].Found, EnvProxyProtocol)
	_, _, err = load(environment(map[string]string{EnvProxyProtocol: "true"}))
	assert.Equal(t, Problem{Where: EnvProxyProtocol, Found: `"true"`, Want: "off or on"}, problems(t, err)[EnvProxyProtocol])
	cfg, _, err := load(environment(map[string]string{EnvProxyProtocol: "on", EnvTrustedProxies: "10.0.0.0/8"}))
	require.NoError(t, err)
	assert.True(t, cfg.ProxyProtocol)
}

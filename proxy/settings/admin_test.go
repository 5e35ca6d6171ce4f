package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
)

const adminToken = "0123456789abcdef0123456789abcdef"

func TestAdminListenerIsPrivateOrProtected(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "127.0.0.1:9090", "127.8.8.8:1", "[::1]:9090", "localhost:9090", "unix:/run/admin.sock", "systemd:admin", "[::ffff:127.0.0.1]:9090"} {
		_, _, err := load(environment(map[string]string{EnvAdminListen: address}))
		assert.NoError(t, err, address)
	}
	for _, address := range []string{":9090", "0.0.0.0:9090", "[::]:9090", "192.0.2.7:9090", "clerkgate.internal:9090", "127.0.0.1:9090,:9091"} {
		_, _, err := load(environment(map[string]string{EnvAdminListen: address}))
		p := problems(t, err)[EnvAdminListen]
		assert.Contains(t, p.Found, "which other machines can reach, without CLERKGATE_ADMIN_TOKEN")
		assert.Contains(t, p.Want, "CLERKGATE_ADMIN_TOKEN_FILE")
		assert.Contains(t, p.Remedy, "CLERKGATE_ADMIN_PAGES=probes")
		for _, protection := range []map[string]string{
			{EnvAdminToken: adminToken}, {EnvAdminPages: "probes"},
		} {
			protection[EnvAdminListen] = address
			_, _, err = load(environment(protection))
			assert.NoError(t, err, "%s %v", address, protection)
		}
	}
	byHand := Config{AdminListen: []string{":9090"}}
	assert.NotEmpty(t, byHand.Problems())
}

func TestAdminToken(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(name, []byte(adminToken+"\n"), 0o600))
	cfg, _, err := load(environment(map[string]string{EnvAdminToken + "_FILE": name}))
	require.NoError(t, err)
	assert.Equal(t, adminToken, cfg.AdminToken)
	for variable, value := range map[string]string{EnvAdminToken: adminToken[1:], EnvAdminToken + "_FILE": name + "2"} {
		require.NoError(t, os.WriteFile(name+"2", []byte(adminToken[1:]), 0o600))
		_, _, err = load(environment(map[string]string{variable: value}))
		p := problems(t, err)[variable]
		assert.Contains(t, p.Want, "at least 32 random characters")
		assert.NotContains(t, p.String(), adminToken[1:])
	}
	for _, odd := range []string{adminToken + " " + adminToken, adminToken + "é"} {
		_, _, err = load(environment(map[string]string{EnvAdminToken: odd}))
		assert.Contains(t, problems(t, err), EnvAdminToken)
	}
	byHand := Config{AdminToken: "short"}
	assert.NotEmpty(t, byHand.Problems())
	_, _, err = load(environment(map[string]string{EnvAdminToken: adminToken, EnvAdminPages: "probes"}))
	assert.Contains(t, problems(t, err)[EnvAdminToken].Found, "CLERKGATE_ADMIN_PAGES=probes")
}

func TestAdminClientCertificatesNeedHTTPS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		return name
	}
	authority := certificatetest.New(t)
	cert, key := authority.Issue(t, "clerkgate.internal")
	env := map[string]string{
		EnvAdminListen: ":9090", EnvAdminClientCAFile: write("ca.pem", authority.PEM()),
		EnvTLSCertFile: write("cert.pem", cert), EnvTLSKeyFile: write("key.pem", key),
	}
	_, _, err := load(environment(env))
	require.NoError(t, err)
	read, err := LoadAdmin(func(name string) (string, bool) { value, ok := env[name]; return value, ok })
	require.NoError(t, err)
	assert.Equal(t, env[EnvTLSCertFile], read.TLSCertificateFile)

	env[EnvAdminClientCAFile] = write("none.pem", []byte("nothing"))
	_, _, err = load(environment(env))
	assert.True(t, strings.HasPrefix(problems(t, err)[EnvAdminClientCAFile].Found, env[EnvAdminClientCAFile]), err)

	_, _, err = load(environment(map[string]string{EnvAdminListen: ":9090", EnvAdminClientCAFile: write("ca.pem", authority.PEM())}))
	assert.Contains(t, problems(t, err)[EnvAdminClientCAFile].Found, "without CLERKGATE_TLS_CERT_FILE")
}

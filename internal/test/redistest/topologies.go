//go:build unix

package redistest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
)

// rights are what the documentation says that a user needs.
const rights = "~cg:v1:* -@all +hello +auth +ping +select +get +set +del +incr +pexpire +xadd +xread +xrange +xtrim +eval +evalsha +client|setname +client|id"

// TLS starts a server that serves only a user with few rights, over TLS. It returns the
// server and the store's URL.
func TLS(t testing.TB) (s *Server, url string) {
	t.Helper()
	authority := certificatetest.New(t)
	certificate, key := authority.Issue(t, "redis.internal")
	ca := File(t, "ca.pem", authority.PEM())
	port := FreePort(t)
	config := File(t, "redis.conf", fmt.Appendf(nil, "user default off\nuser app on >secret %s\n", rights))
	s = newServer(port, config, "--save", "", "--bind", "127.0.0.1", "--port", "0", "--tls-port", fmt.Sprint(port),
		"--tls-cert-file", File(t, "cert.pem", certificate), "--tls-key-file", File(t, "key.pem", key), "--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
	s.cli = append(s.cli, "--tls", "--cacert", ca, "--sni", "redis.internal")
	s.Restart(t)
	return s, fmt.Sprintf("rediss://app@127.0.0.1:%d?ca=%s&server_name=redis.internal&password_file=%s", port, ca, File(t, "password", []byte("secret\n")))
}

// Sentinel starts a master, a replica and a Sentinel that fails over after half a second. It
// returns the master and the store's URL.
func Sentinel(t testing.TB) (master *Server, url string) {
	t.Helper()
	master = Start(t)
	replica := Start(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port))
	Eventually(t, func() bool {
		return strings.Contains(replica.Must(t, "INFO", "replication"), "master_link_status:up")
	}, "the replica does not follow its master")
	port := FreePort(t)
	config := File(t, "sentinel.conf", fmt.Appendf(nil, `port %d
bind 127.0.0.1
sentinel monitor mymaster 127.0.0.1 %d 1
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 3000
`, port, master.port))
	s := newServer(port, config, "--sentinel")
	s.Restart(t)
	Eventually(t, func() bool {
		known := s.Must(t, "SENTINEL", "replicas", "mymaster")
		// On a busy machine it begins by doing nothing for half a minute ("tilt").
		return strings.Contains(known, fmt.Sprint(replica.port)) && strings.Contains(known, "master-link-status\nok") &&
			strings.Contains(s.Must(t, "INFO", "sentinel"), "sentinel_tilt:0")
	}, "the Sentinel does not find the replica")
	return master, fmt.Sprintf("redis+sentinel://127.0.0.1:%d/mymaster", port)
}

// Cluster starts three masters. It returns them and the store's URL.
func Cluster(t testing.TB) (nodes []*Server, url string) {
	t.Helper()
	create := []string{"--cluster", "create"}
	url = "redis+cluster://"
	for range 3 {
		n := Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		nodes = append(nodes, n)
		create = append(create, fmt.Sprintf("127.0.0.1:%d", n.port))
		url += fmt.Sprintf("127.0.0.1:%d,", n.port)
	}
	out, err := exec.CommandContext(t.Context(), "redis-cli", append(create, "--cluster-yes")...).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, n := range nodes {
		Eventually(t, func() bool { return strings.Contains(n.Must(t, "CLUSTER", "INFO"), "cluster_state:ok") }, "the cluster does not form")
	}
	return nodes, strings.TrimSuffix(url, ",")
}

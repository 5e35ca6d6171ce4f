//go:build unix

package replicas

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// rights are what the documentation says that a user needs.
const rights = "~cg:v1:* -@all +hello +auth +ping +select +get +set +del +incr +pexpire +xadd +xread +xrange +xtrim +eval +evalsha +client|setname +client|id"

func contract(t *testing.T, url string) {
	t.Helper()
	s := open(t, url)
	storetest.Run(t, storetest.Config{New: func(*testing.T) store.Store { return s }})
}

func TestOneServer(t *testing.T) {
	t.Parallel()
	contract(t, start(t).url())
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	socket := write(t, "redis.sock", nil)
	start(t, "--unixsocket", socket)
	contract(t, "unix:"+socket+"?db=2")
}

func TestTLSWithFewRights(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	certificate, key := authority.Issue(t, "redis.internal")
	ca := write(t, "ca.pem", authority.PEM())
	port := freePort(t)
	s := &server{port: port, cli: []string{"-p", fmt.Sprint(port), "--tls", "--cacert", ca, "--sni", "redis.internal"}}
	config := write(t, "redis.conf", fmt.Appendf(nil, "user default off\nuser app on >secret %s\n", rights))
	s.launch(t, config, "--save", "", "--bind", "127.0.0.1", "--port", "0", "--tls-port", fmt.Sprint(port),
		"--tls-cert-file", write(t, "cert.pem", certificate), "--tls-key-file", write(t, "key.pem", key), "--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
	url := fmt.Sprintf("rediss://app@127.0.0.1:%d?ca=%s&server_name=redis.internal&password_file=%s", port, ca, write(t, "password", []byte("secret\n")))
	contract(t, url)
}

// sentinel starts a master, a replica and a Sentinel, and returns the master and the store's URL.
func sentinel(t *testing.T) (master *server, url string) {
	t.Helper()
	master = start(t)
	replica := start(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port))
	eventually(t, func() bool {
		return strings.Contains(replica.must(t, "INFO", "replication"), "master_link_status:up")
	}, "the replica does not follow its master")
	port := freePort(t)
	config := write(t, "sentinel.conf", fmt.Appendf(nil, `port %d
bind 127.0.0.1
sentinel monitor mymaster 127.0.0.1 %d 1
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 3000
`, port, master.port))
	s := &server{port: port, cli: []string{"-p", fmt.Sprint(port)}}
	s.launch(t, config, "--sentinel")
	s.await(t)
	eventually(t, func() bool {
		return strings.Contains(s.must(t, "SENTINEL", "replicas", "mymaster"), fmt.Sprint(replica.port))
	}, "the Sentinel does not find the replica")
	return master, fmt.Sprintf("redis+sentinel://127.0.0.1:%d/mymaster", port)
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	_, url := sentinel(t)
	contract(t, url)
}

// A reader gets every entry that was appended before and after its server died.
func TestLogSurvivesAFailover(t *testing.T) {
	t.Parallel()
	master, url := sentinel(t)
	s := open(t, url)
	require.NoError(t, s.Append(t.Context(), "log", []byte("before"), time.Hour))
	master.must(t, "WAIT", "1", "30000")
	first, err := s.Read(t.Context(), "log", "", 0)
	require.NoError(t, err)
	master.kill()
	eventually(t, func() bool { return s.Append(t.Context(), "log", []byte("after"), time.Hour) == nil }, "the store does not work after a failover")
	rest, err := s.Read(t.Context(), "log", first[0].Position, patience)
	require.NoError(t, err)
	require.NotEmpty(t, rest)
	assert.Equal(t, "after", string(rest[0].Value))
}

// cluster starts three masters and returns them and the store's URL.
func cluster(t *testing.T) (nodes []*server, url string) {
	t.Helper()
	create := []string{"--cluster", "create"}
	url = "redis+cluster://"
	for range 3 {
		n := start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		nodes = append(nodes, n)
		create = append(create, fmt.Sprintf("127.0.0.1:%d", n.port))
		url += fmt.Sprintf("127.0.0.1:%d,", n.port)
	}
	out, err := exec.Command(binary(t, "redis-cli"), append(create, "--cluster-yes")...).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, n := range nodes {
		eventually(t, func() bool { return strings.Contains(n.must(t, "CLUSTER", "INFO"), "cluster_state:ok") }, "the cluster does not form")
	}
	return nodes, strings.TrimSuffix(url, ",")
}

func TestCluster(t *testing.T) {
	t.Parallel()
	_, url := cluster(t)
	contract(t, url)
}

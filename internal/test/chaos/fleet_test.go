//go:build linux

package chaos

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

// fleet is three clerkgate processes that share a store, behind a load balancer.
type fleet struct {
	t        *testing.T
	clerk    *clerktest.Clerk
	clerkURL string // for browsers
	app      *httptest.Server
	replicas []*replica
	balancer *balancer
	origin   string // where browsers reach the balancer
}

// fleetOptions are what scripts choose.
type fleetOptions struct {
	path  string // of clerkgate's binary
	store string // URL, "" for none
	// tokens is how long session tokens live.
	tokens time.Duration
	env    []string // for each replica
}

// replica is one of the processes. Each has addresses of its own, which it has again after a
// restart, and reaches Clerk at a URL of its own, so that its calls can be counted.
type replica struct {
	*process

	number  int
	command contender
	app     string
	calls   calls
}

// calls counts what a replica asks Clerk.
type calls struct{ all, refreshes, probes atomic.Int64 }

const replicas = 3

func newFleet(t *testing.T, o fleetOptions) *fleet {
	t.Helper()
	f := &fleet{t: t, clerk: clerktest.New(clerktest.Options{TokenLifetime: o.tokens})}
	t.Cleanup(f.clerk.Close)
	f.clerkURL = serve(t, f.clerk).URL
	f.app = serve(t, http.HandlerFunc(showSession))
	for n := range replicas {
		r := &replica{number: n, app: f.app.Listener.Addr().String()}
		url := serve(t, r.calls.count(f.clerk)).URL
		env := append([]string{
			"CLERKGATE_UPSTREAM=http://" + r.app,
			"CLERK_PROXY_URL=" + f.clerkURL, "CLERK_SIGN_IN_URL=" + f.clerkURL + "/sign-in", "CLERK_FAPI_URL=" + url,
			"CLERKGATE_LISTEN=" + freeAddress(t), "CLERKGATE_ADMIN_LISTEN=" + freeAddress(t),
			"CLERKGATE_STORE=" + o.store,
			"CLERKGATE_CLOCK_SKEW=0s", // or tokens of a few seconds would live twice as long
			"CLERKGATE_LOG_LEVEL=warn",
		}, o.env...)
		r.command = contender{name: fmt.Sprintf("replica %d", n), command: func(testing.TB, string) (*exec.Cmd, *net.TCPListener) {
			return gate(o.path, f.clerk, url, env...), nil
		}}
		r.start(t)
		f.replicas = append(f.replicas, r)
	}
	f.balancer = newBalancer(t, f.replicas)
	f.origin = f.balancer.origin
	f.awaitReady()
	return f
}

// serve serves a handler on a loopback address until the test ends.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections() // what an outage holds, too
		s.Close()
	})
	return s
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", ownLoopback()+":0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// start starts the process, at first or again.
func (r *replica) start(t testing.TB) { r.process = start(t, r.command, r.app, nil) }

// count returns Clerk for a replica.
func (c *calls) count(clerk http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.all.Add(1)
		switch {
		case strings.HasSuffix(r.URL.Path, "/refresh"):
			c.refreshes.Add(1)
		case r.URL.Path == "/v1/environment":
			c.probes.Add(1)
		}
		clerk.ServeHTTP(w, r)
	})
}

// Headers of the application's responses.
const (
	sessionHeader = "X-Session"
	staleHeader   = "X-Stale"
)

// showSession is the application: it tells whose request it got.
func showSession(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set(sessionHeader, r.Header.Get("X-Clerk-Session-Id"))
	if stale := r.Header.Get("X-Clerk-Auth-Stale"); stale != "" {
		w.Header().Set(staleHeader, stale)
	}
	_, _ = io.WriteString(w, "ok")
}

// awaitReady waits until each replica says that everything is up: keys are known, and
// the store answers.
func (f *fleet) awaitReady() {
	f.t.Helper()
	redistest.Eventually(f.t, func() bool {
		for _, r := range f.replicas {
			if !strings.Contains(kit.Get(f.t, "http://"+r.probes+"/readyz").Text, `"status":"ready"`) {
				return false
			}
		}
		return true
	}, "the replicas do not become ready")
}

// overdue counts the calls, to Clerk or the store, that the replicas have given up. While
// neither fails, the machine is too slow: a call to the store has 75 ms.
func (f *fleet) overdue() (n int) {
	for _, r := range f.replicas {
		n += strings.Count(r.log.String(), "deadline exceeded")
	}
	return n
}

// refreshes counts the refreshes that all replicas have asked Clerk for.
func (f *fleet) refreshes() (n int64) {
	for _, r := range f.replicas {
		n += r.calls.refreshes.Load()
	}
	return n
}

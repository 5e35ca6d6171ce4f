//go:build linux

package chaos

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// balancer gives each request to the next replica that is ready. It repeats nothing, so that
// what a replica loses is lost.
type balancer struct {
	origin   string
	replicas []*replica
	ready    []atomic.Bool // as /readyz said last
	turn     atomic.Uint64
}

// checkEvery is how often the balancer looks whether a replica is ready.
const checkEvery = 100 * time.Millisecond

func newBalancer(t testing.TB, all []*replica) *balancer {
	t.Helper()
	b := &balancer{replicas: all, ready: make([]atomic.Bool, len(all))}
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * browsers, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: b.next()})
		r.Out.Host = r.In.Host
	}}
	server := serve(t, proxy)
	b.origin = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // not the cookies of Clerk's host
	for n, r := range all {
		go b.watch(t.Context(), &b.ready[n], "http://"+r.probes+"/readyz")
	}
	return b
}

// next returns the address of the replica whose turn it is.
func (b *balancer) next() string {
	first := b.turn.Add(1)
	for n := range uint64(len(b.replicas)) {
		if i := (first + n) % uint64(len(b.replicas)); b.ready[i].Load() {
			return b.replicas[i].address
		}
	}
	return b.replicas[first%uint64(len(b.replicas))].address
}

func (b *balancer) watch(ctx context.Context, ready *atomic.Bool, probe string) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for ticker := time.NewTicker(checkEvery); ctx.Err() == nil; <-ticker.C {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
		if err != nil {
			return
		}
		res, err := client.Do(r)
		if err == nil {
			_ = res.Body.Close()
		}
		ready.Store(err == nil && res.StatusCode == http.StatusOK)
	}
}

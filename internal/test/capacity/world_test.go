package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// smallKey signs the tokens: a small key, since there are tens of thousands of them.
var smallKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) }) //nolint:gosec,gochecknoglobals // for a simulation

// world is real Authenticators before the local Clerk, without sockets, in a bubble of
// testing/synctest.
type world struct {
	t     *testing.T
	s     Scenario
	clerk *clerktest.Clerk
	store store.Store
	began time.Time

	mu     sync.Mutex
	counts *Counts

	replicas atomic.Pointer[[]*replica]
	browsers sync.WaitGroup
}

type replica struct {
	auth    *middleware.Authenticator
	handler http.Handler
}

// play plays a scenario with the real code.
func play(t *testing.T, s Scenario) (counts *Counts) {
	t.Helper()
	key, err := smallKey()
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, s: s, counts: newCounts(s.Until), began: time.Now()}
		w.clerk = clerktest.New(clerktest.Options{Production: true, TokenLifetime: tokenLifetime, RateLimit: s.Limit, SigningKey: key})
		defer w.clerk.Close()
		if s.Store {
			w.store = &countedStore{Store: storetest.NewMemory(nil), w: w}
		}
		w.deploy()
		for n := range s.Sessions {
			w.browsers.Go(func() { newBrowser(w, n).live() })
		}
		if s.Outage > 0 {
			time.AfterFunc(s.Outage, func() {
				w.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageError, Lasts: s.OutageFor})
			})
		}
		if s.Deploy > 0 {
			time.AfterFunc(s.Deploy, w.deploy)
		}
		w.browsers.Wait()
		for _, r := range *w.replicas.Load() {
			r.auth.Close()
		}
		counts = w.counts
	})
	return counts
}

func (w *world) now() time.Duration { return time.Since(w.began) }

func (w *world) count(k Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.add(k, w.now(), 1)
}

// drain is how long a replica that was replaced still has for its last requests.
const drain = 10 * time.Second

// deploy replaces all replicas by new ones that are ready.
func (w *world) deploy() {
	fresh := make([]*replica, w.s.Replicas)
	var ready sync.WaitGroup
	for i := range fresh {
		opts := middleware.Options{
			PublishableKey: w.clerk.PublishableKey(), SecretKey: w.clerk.SecretKey(), APIURL: "https://api.example.com",
			Transport: w, BackendRateLimit: w.s.replicaLimit(), Store: w.store,
		}
		if w.s.Lookups {
			opts.SessionLookup = middleware.LookupCached
		}
		auth, err := middleware.New(opts)
		if err != nil {
			panic(err)
		}
		app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
		fresh[i] = &replica{auth, auth.Handler(middleware.Require(middleware.Requirement{})(app))}
		ready.Go(func() { _ = auth.Ready(context.Background()) })
	}
	ready.Wait()
	old := w.replicas.Swap(&fresh)
	if old == nil {
		return
	}
	time.Sleep(drain)
	for _, r := range *old {
		r.auth.Close()
	}
}

// serve sends a request to a replica, and returns its answer and how long it took.
func (w *world) serve(rng *mrand.Rand, r *http.Request) (*http.Response, time.Duration) {
	all := *w.replicas.Load()
	began, answer := time.Now(), httptest.NewRecorder()
	all[rng.IntN(len(all))].handler.ServeHTTP(answer, r)
	return answer.Result(), time.Since(began)
}

// RoundTrip is the network between the replicas and Clerk.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	kind, latency := kindOf(r), backendLatency
	w.count(kind)
	if kind == Probes {
		latency = frontendLatency
	}
	late := time.NewTimer(latency)
	defer late.Stop()
	select {
	case <-late.C:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return w.ask(r)
}

// ask has the local Clerk answer.
func (w *world) ask(r *http.Request) (res *http.Response, err error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	defer func() {
		if broken := recover(); broken != nil {
			res, err = nil, errors.New("connection closed")
		}
	}()
	w.clerk.ServeHTTP(answer, r)
	if answer.Code == http.StatusTooManyRequests {
		w.count(Limited)
	}
	return answer.Result(), nil
}

func kindOf(r *http.Request) Kind {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/refresh"):
		return Refreshes
	case path == "/v1/jwks":
		return KeyFetches
	case path == "/v1/environment":
		return Probes
	case strings.HasSuffix(path, "/handshake_payload"):
		return Nonces
	case strings.HasPrefix(path, "/v1/sessions/"):
		return Lookups
	}
	panic("capacity: unexpected call " + r.Method + " " + r.URL.Path)
}

// countedStore counts the operations of a store.
type countedStore struct {
	store.Store
	w *world
}

func (c *countedStore) op(ctx context.Context) {
	c.w.count(StoreOps)
	late := time.NewTimer(storeLatency)
	defer late.Stop()
	select {
	case <-late.C:
	case <-ctx.Done():
	}
}

func (c *countedStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	c.op(ctx)
	return c.Store.Get(ctx, key)
}

func (c *countedStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	c.op(ctx)
	return c.Store.Put(ctx, key, value, ttl)
}

func (c *countedStore) Claim(ctx context.Context, key string, lease time.Duration) (store.Claim, error) {
	c.op(ctx)
	return c.Store.Claim(ctx, key, lease)
}

func (c *countedStore) Renew(ctx context.Context, key string, fence uint64, lease time.Duration) (bool, error) {
	c.op(ctx)
	return c.Store.Renew(ctx, key, fence, lease)
}

func (c *countedStore) Publish(ctx context.Context, key string, fence uint64, result []byte, ttl time.Duration) (bool, error) {
	c.op(ctx)
	return c.Store.Publish(ctx, key, fence, result, ttl)
}

func (c *countedStore) Wait(ctx context.Context, key string, patience time.Duration) ([]byte, error) {
	c.op(ctx)
	return c.Store.Wait(ctx, key, patience)
}

func (c *countedStore) Read(ctx context.Context, log, after string, patience time.Duration) ([]store.Entry, error) {
	c.op(ctx)
	return c.Store.Read(ctx, log, after, patience)
}

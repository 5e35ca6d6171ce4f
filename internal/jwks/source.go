package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Limits on what strangers can cause with key ids of their own invention.
const (
	maxKID           = 256              // longer ids are unknown without a look
	unknownKIDs      = 1024             // remembered ids that Clerk did not know
	unknownKIDFor    = 30 * time.Second // how long such an id is not asked about again
	unknownFetchEach = 5 * time.Second  // sustained rate of fetches for unknown ids ...
	unknownBurst     = 5                // ... after this many
	failureMemory    = time.Second      // how long a failed fetch answers for the next ones
)

// Config tells [New] where keys come from and how long they live.
type Config struct {
	// Fetch returns the JWKS document (GET /v1/jwks). Required. It must end when its
	// context does: [Source.Close] waits for it. Its error may have
	// a method ErrorCode() string (found by errors.As) that tells Clerk's error
	// code; "clerk_key_invalid" becomes [ErrSecretKeyInvalid].
	Fetch func(context.Context) ([]byte, error)
	// TTL is how long a fetched set counts as fresh. 0 means 5 minutes.
	TTL time.Duration
	// StaleFor is how long after its fetch a set serves on while Clerk can't be
	// reached. 0 means 24 hours; less than TTL means TTL.
	StaleFor time.Duration
	// FetchTimeout bounds one fetch. 0 means 5 seconds.
	FetchTimeout time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger receives warnings about failing fetches. Nil is silent.
	Logger *slog.Logger
}

// Source holds the keys of one Clerk instance. Safe for concurrent use.
//
// The set is an immutable snapshot behind an atomic pointer, parsed with
// jwkset. Its own memory storage would do the same with a lock and a linear
// search that copies every key for every look-up, and has no place for the
// generation and the age that belong to a set.
type Source struct {
	cfg     Config
	current atomic.Pointer[snapshot] // nil until the first set is loaded
	gen     atomic.Uint64
	used    atomic.Bool // somebody asked since the last tick
	stats   struct{ fetches, failures atomic.Uint64 }

	unknown *lru.Cache[string, time.Time] // kid → asked again only after
	budget  *rate.Limiter

	ctx    context.Context // life of the source: parent of every fetch
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	flight  *flight
	failed  error // what the last fetch failed with; nil after a good one
	retryAt time.Time
	closed  bool
}

type snapshot struct {
	keys    map[string]Key
	fetched time.Time
	// stale is set when nobody used the set and its renewal stopped: the next
	// caller tries a fetch before it uses these keys.
	stale bool
}

// New returns a source that loads its keys on first use. [Source.Close] ends it.
func New(cfg Config) (*Source, error) {
	if cfg.Fetch == nil {
		return nil, errors.New("jwks: Config.Fetch is required")
	}
	if cfg.TTL < 0 || cfg.StaleFor < 0 || cfg.FetchTimeout < 0 {
		return nil, errors.New("jwks: negative duration in Config")
	}
	cfg.TTL = orDefault(cfg.TTL, 5*time.Minute)
	cfg.StaleFor = max(orDefault(cfg.StaleFor, 24*time.Hour), cfg.TTL)
	cfg.FetchTimeout = orDefault(cfg.FetchTimeout, 5*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	unknown, err := lru.New[string, time.Time](unknownKIDs)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	s := &Source{cfg: cfg, unknown: unknown, budget: rate.NewLimiter(rate.Every(unknownFetchEach), unknownBurst)}
	s.gen.Store(1)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.renew)
	return s, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Key returns the key with the id kid. It fetches when no fresh set is there
// or, within a budget, when the id is unknown; it waits no longer than ctx
// lives. Errors are [ErrUnknownKey], [ErrUnavailable], [ErrSecretKeyInvalid] or
// the context's own, wrapped.
func (s *Source) Key(ctx context.Context, kid string) (Key, error) {
	s.touch()
	snap := s.current.Load()
	if snap != nil && !snap.stale {
		if key, ok := snap.keys[kid]; ok {
			return key, nil
		}
		return s.unknownKey(ctx, snap, kid)
	}
	fresh, err := s.refresh(ctx, nil)
	if err != nil {
		return s.staleKey(ctx, snap, kid, err)
	}
	if key, ok := fresh.keys[kid]; ok {
		return key, nil
	}
	return Key{}, ErrUnknownKey // what Clerk just said needs no second question
}

// staleKey answers from the last known set after a failed fetch.
func (s *Source) staleKey(ctx context.Context, snap *snapshot, kid string, cause error) (Key, error) {
	if snap != nil && ctx.Err() == nil && s.cfg.Now().Sub(snap.fetched) < s.cfg.StaleFor {
		if key, ok := snap.keys[kid]; ok {
			return key, nil
		}
	}
	return Key{}, cause
}

// unknownKey decides whether an id that the set lacks is worth a fetch.
func (s *Source) unknownKey(ctx context.Context, seen *snapshot, kid string) (Key, error) {
	if kid == "" || len(kid) > maxKID {
		return Key{}, ErrUnknownKey
	}
	now := s.cfg.Now()
	if until, ok := s.unknown.Get(kid); ok && now.Before(until) {
		return Key{}, ErrUnknownKey
	}
	snap, err := s.refresh(ctx, seen)
	if errors.Is(err, errNoBudget) {
		// Not remembered: the id gets its chance when there is budget again.
		return Key{}, ErrUnknownKey
	}
	if err != nil {
		return Key{}, err
	}
	if key, ok := snap.keys[kid]; ok {
		return key, nil
	}
	s.unknown.Add(kid, now.Add(unknownKIDFor))
	return Key{}, ErrUnknownKey
}

// Generation changes whenever the set of keys changed or may have: a result
// obtained under another generation must be obtained again.
func (s *Source) Generation() uint64 {
	s.touch() // hits in a cache of results are use, too
	return s.gen.Load()
}

// touch notes that the keys are in use. The load first keeps the cache line
// shared between cores while nothing changes.
func (s *Source) touch() {
	if !s.used.Load() {
		s.used.Store(true)
	}
}

// Ready returns nil once a set of keys is loaded, loading it if needed.
func (s *Source) Ready(ctx context.Context) error {
	if s.current.Load() != nil {
		return nil
	}
	_, err := s.refresh(ctx, nil)
	return err
}

// Stats tell how fetching goes.
type Stats struct {
	Fetches  uint64    // fetches begun since the source was made
	Failures uint64    // fetches that failed
	Fetched  time.Time // when the set in use was fetched; zero without one
}

// Stats returns the counters. A Fetched that is older than the TTL while
// Failures grows means that known keys serve on because Clerk fails.
func (s *Source) Stats() Stats {
	st := Stats{Fetches: s.stats.fetches.Load(), Failures: s.stats.failures.Load()}
	if snap := s.current.Load(); snap != nil {
		st.Fetched = snap.fetched
	}
	return st
}

// Close ends background renewal and running fetches and waits for them. Keys
// that are loaded can still be read; what would need a fetch fails.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
}

package jwks

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Limits on what strangers can cause with made-up key ids.
const (
	maxKID        = 256              // bytes; longer ids are unknown without a look-up
	unknownKIDs   = 1024             // remembered ids that Clerk did not know
	unknownKIDFor = 30 * time.Second // how long such an id is not fetched for again
	// A flood of unknown ids uses up the budget, and the first tokens of a new key then
	// wait for the next fetch: a second at most, at a hundredth of Clerk's rate limit.
	unknownFetchEach = time.Second // sustained rate of fetches for unknown ids ...
	unknownBurst     = 5           // ... after this many
	failureMemory    = time.Second // how long a failed fetch stands in for the next ones
)

// defaultTTL is what [Config] says about the zero value.
const defaultTTL = 5 * time.Minute

// Config tells [New] where keys come from and how long they live.
type Config struct {
	// Fetch returns the JWKS document (GET /v1/jwks). Required. It must return when
	// its context ends, because [Source.Close] waits for it. Its error may have a
	// method ErrorCode() string (found by errors.As) that returns Clerk's error
	// code; "clerk_key_invalid" becomes [ErrSecretKeyInvalid].
	Fetch func(context.Context) ([]byte, error)
	// Fallback returns the document as it was fetched by somebody else, and when that was. It
	// is asked if Fetch fails while no set is known. Nil is not asked.
	Fallback func(context.Context) (doc []byte, fetched time.Time, ok bool)
	// TTL is how long a fetched set is fresh. 0 means 5 minutes.
	TTL time.Duration
	// StaleFor is how long after its fetch a set is used while Clerk can't be
	// reached. 0 means 24 hours; less than TTL means TTL.
	StaleFor time.Duration
	// FetchTimeout bounds one fetch. 0 means 5 seconds.
	FetchTimeout time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Random returns a number from [0, 1). Nil means that of math/rand/v2.
	Random func() float64
	// Logger receives warnings about failing fetches. Nil is silent.
	Logger *slog.Logger
}

// Source holds the keys of one Clerk instance. It is safe for concurrent use.
//
// The key set is an immutable snapshot behind an atomic pointer: each fetched document
// has its own keyfunc and its own age.
type Source struct {
	cfg     Config
	current atomic.Pointer[snapshot] // nil until the first set is loaded
	gen     atomic.Uint64
	used    atomic.Bool // since the last tick

	unknown *lru.Cache[string, time.Time] // kid → not fetched for again before
	budget  *rate.Limiter

	ctx    context.Context // ends with Close; parent of every fetch
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	flight  *flight
	failed  error // of the last fetch; nil if it succeeded
	retryAt time.Time
	closed  bool
}

type snapshot struct {
	keys    *keySet
	fetched time.Time
	// stale is set when nobody used the set and its renewal stopped: the next
	// caller tries a fetch before it uses these keys.
	stale bool
}

// New returns a source that loads its keys on first use. Call [Source.Close] when it is
// no longer needed.
func New(cfg Config) (*Source, error) {
	if cfg.Fetch == nil {
		return nil, errors.New("jwks: Config.Fetch is required")
	}
	if cfg.TTL < 0 || cfg.StaleFor < 0 || cfg.FetchTimeout < 0 {
		return nil, errors.New("jwks: negative duration in Config")
	}
	cfg.TTL = orDefault(cfg.TTL, defaultTTL)
	cfg.StaleFor = max(orDefault(cfg.StaleFor, 24*time.Hour), cfg.TTL)
	cfg.FetchTimeout = orDefault(cfg.FetchTimeout, 5*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
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

// Key returns the key that the header of t names by its kid, if it is for the header's
// alg; the rest of t is not read. It fetches when there is no fresh set or, within a
// budget, when the id is unknown, and returns when ctx ends. The error is
// [ErrUnknownKey], [ErrAlgorithm], [ErrUnavailable], [ErrSecretKeyInvalid] or the
// context's, wrapped.
func (s *Source) Key(ctx context.Context, t *jwt.Token) (*rsa.PublicKey, error) {
	s.touch()
	snap := s.current.Load()
	if snap != nil && !snap.stale {
		key, err := snap.keys.key(ctx, t)
		if errors.Is(err, ErrUnknownKey) {
			return s.unknownKey(ctx, snap, t)
		}
		return key, err
	}
	fresh, err := s.refresh(ctx, nil)
	if err != nil {
		return s.staleKey(ctx, snap, t, err)
	}
	return fresh.keys.key(ctx, t) // a key missing from a set just fetched is unknown
}

// staleKey looks in the last known set after a failed fetch.
func (s *Source) staleKey(ctx context.Context, snap *snapshot, t *jwt.Token, cause error) (*rsa.PublicKey, error) {
	if snap != nil && ctx.Err() == nil && s.cfg.Now().Sub(snap.fetched) < s.cfg.StaleFor {
		if key, err := snap.keys.key(ctx, t); !errors.Is(err, ErrUnknownKey) {
			return key, err
		}
	}
	return nil, cause
}

// unknownKey fetches for an id that the set lacks, if the budget allows.
func (s *Source) unknownKey(ctx context.Context, seen *snapshot, t *jwt.Token) (*rsa.PublicKey, error) {
	kid := keyID(t)
	if kid == "" || len(kid) > maxKID {
		return nil, ErrUnknownKey
	}
	now := s.cfg.Now()
	if until, ok := s.unknown.Get(kid); ok && now.Before(until) {
		return nil, ErrUnknownKey
	}
	snap, err := s.refresh(ctx, seen)
	if errors.Is(err, errNoBudget) {
		// Not remembered: the id is tried again when there is budget.
		return nil, ErrUnknownKey
	}
	if err != nil {
		return nil, err
	}
	key, err := snap.keys.key(ctx, t)
	if errors.Is(err, ErrUnknownKey) {
		s.unknown.Add(strings.Clone(kid), now.Add(unknownKIDFor)) // a part of a whole token
	}
	return key, err
}

// Generation changes whenever the key set has changed or may have changed: a result
// obtained under another generation must be obtained again.
func (s *Source) Generation() uint64 {
	s.touch() // a hit in a cache of results uses the keys too
	return s.gen.Load()
}

// touch notes that the keys are in use. Loading first keeps the processor's cache
// line shared between cores while nothing changes.
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

// Known reports whether a set of keys is loaded.
func (s *Source) Known() bool { return s.current.Load() != nil }

// Fetched returns when the keys in use were fetched; zero if there are none.
func (s *Source) Fetched() time.Time {
	known := s.current.Load()
	if known == nil {
		return time.Time{}
	}
	return known.fetched
}

// Adopt takes the keys of another source of the same instance, as old as they are, and
// reports whether there were any. It does nothing if s has keys.
func (s *Source) Adopt(from *Source) bool {
	known := from.current.Load()
	if known == nil {
		return false
	}
	// Stale, so that the next caller tries a fetch before it uses them.
	if s.current.CompareAndSwap(nil, &snapshot{keys: known.keys, fetched: known.fetched, stale: true}) {
		s.gen.Add(1)
	}
	return true
}

// Close stops background refreshes and fetches in progress, and waits for them. Loaded
// keys can still be read; a call that needs a fetch fails.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
}

package once

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/clerkgate/clerkgate/internal/sweep"
)

// SweepPeriod is the longest time that an expired result stays in memory.
const SweepPeriod = 10 * time.Second

// Errors of [Memory.Do] and [Memory.DoWithin], beside those of a caller's context.
var (
	// ErrPending means that the call takes longer than the caller wants to wait. Its
	// result is cached when it comes.
	ErrPending = errors.New("once: the call is still in progress")
	// ErrClosed means that no result is cached and the memory makes no more calls.
	ErrClosed = errors.New("once: memory is closed")
)

// Config tells [New] what a memory may hold and how long a call may take.
type Config[K comparable, V any] struct {
	// Entries is how many results are cached, the most recently used ones. Required.
	Entries int
	// Bytes bounds the sum of the results' sizes; 0 means no bound. A single result
	// larger than that is not cached.
	Bytes int
	// Size returns roughly how much memory a result takes with its key, in bytes.
	// Required if Bytes is set.
	Size func(K, V) int
	// Timeout bounds a call. Required.
	Timeout time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Memory caches the results of one kind of call. It is safe for concurrent use.
type Memory[K comparable, V any] struct {
	cfg Config[K, V]

	// One lock for both, so that a key is always in one of them from its first call
	// until the result expires.
	mu      sync.Mutex
	results *simplelru.LRU[K, result[V]]
	flights map[K]*flight[V]
	bytes   int
	closed  bool

	closing context.Context // is done once the memory is closed
	end     context.CancelFunc
	calls   sync.WaitGroup

	sweeper sweep.Sweeper
}

type result[V any] struct {
	value V
	until time.Time
	size  int
}

// flight is a call in progress. Its value may be read once done is closed.
type flight[V any] struct {
	began time.Time // by the process's clock, not Config.Now
	done  chan struct{}
	value V
}

// New returns an empty memory.
func New[K comparable, V any](cfg Config[K, V]) (*Memory[K, V], error) {
	if cfg.Timeout <= 0 {
		return nil, fmt.Errorf("once: time limit of %s", cfg.Timeout)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Memory[K, V]{cfg: cfg, flights: make(map[K]*flight[V])}
	m.closing, m.end = context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	var err error
	if m.results, err = simplelru.NewLRU(cfg.Entries, m.forgotten); err != nil {
		return nil, fmt.Errorf("once: %w", err)
	}
	return m, nil
}

// Do returns the result for key: the cached one, or what ask returns to all callers
// that wait for it. The result is cached until the time that ask returns with it; with
// a time that has passed it is not cached. The context of ask has the values of ctx and
// the time limit of the memory. The error is that of ctx, if it ends before there is a
// result, or [ErrClosed].
func (m *Memory[K, V]) Do(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) (V, error) {
	value, f, err := m.join(ctx, key, ask)
	if f == nil {
		return value, err
	}
	return f.wait(ctx, nil)
}

// DoWithin is [Memory.Do] for a caller that can go on without a result: once the call
// has been in progress for as long as patience, the error is [ErrPending]. The time
// counts from the beginning of the call, whoever made it.
func (m *Memory[K, V]) DoWithin(ctx context.Context, key K, patience time.Duration, ask func(context.Context) (V, time.Time)) (V, error) {
	value, f, err := m.join(ctx, key, ask)
	if f == nil {
		return value, err
	}
	late := time.NewTimer(patience - time.Since(f.began))
	defer late.Stop()
	return f.wait(ctx, late.C)
}

// Renew makes the call for key without waiting for it. The cached result remains until
// the new one replaces it. Renew does nothing while a call for key is in progress.
func (m *Memory[K, V]) Renew(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start(ctx, key, ask)
}

// Close cancels the calls in progress and waits for them. Cached results can still be
// read; no more calls are made.
func (m *Memory[K, V]) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.end()
	m.calls.Wait()
}

// wait returns the result, or an error once ctx ends or late fires.
func (f *flight[V]) wait(ctx context.Context, late <-chan time.Time) (V, error) {
	var none V
	select {
	case <-f.done:
		return f.value, nil
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case <-late:
		return none, ErrPending
	}
}

// Remembered returns the cached result for key, if there is one.
func (m *Memory[K, V]) Remembered(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remembered(key)
}

// remembered is Remembered; m.mu is held.
func (m *Memory[K, V]) remembered(key K) (V, bool) {
	if a, ok := m.results.Get(key); ok && m.cfg.Now().Before(a.until) {
		return a.value, true
	}
	var none V
	return none, false
}

// join returns the cached result, or the flight to wait for.
func (m *Memory[K, V]) join(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) (V, *flight[V], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.remembered(key)
	if ok {
		return value, nil, nil
	}
	if err := context.Cause(ctx); err != nil {
		return value, nil, err
	}
	f := m.start(ctx, key, ask)
	if f == nil {
		return value, nil, ErrClosed
	}
	return value, f, nil
}

// start returns the flight for key, a new one if there is none, or nil if the memory is
// closed; m.mu is held.
func (m *Memory[K, V]) start(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) *flight[V] {
	if m.closed {
		return nil
	}
	f := m.flights[key]
	if f == nil {
		f = &flight[V]{began: time.Now(), done: make(chan struct{})}
		m.flights[key] = f
		m.calls.Go(func() { m.fly(context.WithoutCancel(ctx), f, key, ask) })
	}
	return f
}

func (m *Memory[K, V]) fly(ctx context.Context, f *flight[V], key K, ask func(context.Context) (V, time.Time)) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	defer context.AfterFunc(m.closing, cancel)()
	value, until := ask(ctx)
	f.value = value
	m.land(key, result[V]{value: value, until: until})
	close(f.done)
	sweep.Arm(&m.sweeper, m, SweepPeriod, (*Memory[K, V]).sweep)
}

// land replaces a flight by its result.
func (m *Memory[K, V]) land(key K, a result[V]) {
	if m.cfg.Size != nil {
		a.size = m.cfg.Size(key, a.value)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.flights, key)
	m.results.Remove(key)
	if !m.cfg.Now().Before(a.until) || m.cfg.Bytes > 0 && a.size > m.cfg.Bytes {
		return
	}
	m.bytes += a.size
	m.results.Add(key, a)
	for m.cfg.Bytes > 0 && m.bytes > m.cfg.Bytes {
		m.results.RemoveOldest()
	}
}

// forgotten is called for each result that is removed; m.mu is held.
func (m *Memory[K, V]) forgotten(_ K, a result[V]) { m.bytes -= a.size }

// sweep removes expired results, a few at a time, so that no caller waits long for the
// lock. It reports whether any results are left.
func (m *Memory[K, V]) sweep() (left bool) {
	m.mu.Lock()
	keys := m.results.Keys()
	m.mu.Unlock()
	for some := range slices.Chunk(keys, 1000) {
		m.drop(some)
	}
	return m.Len() > 0
}

// drop removes the results of keys that have expired.
func (m *Memory[K, V]) drop(keys []K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.cfg.Now()
	for _, key := range keys {
		if a, ok := m.results.Peek(key); ok && !now.Before(a.until) {
			m.results.Remove(key)
		}
	}
}

// Len returns how many results are in memory, including expired ones that have not been
// swept yet.
func (m *Memory[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.results.Len()
}

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

// SweepPeriod is how long an expired answer stays in memory at most, while answers
// come and go.
const SweepPeriod = 10 * time.Second

// Errors of [Memory.Do] and [Memory.DoWithin], beside those of a caller's context.
var (
	// ErrPending means that the question has been asked for longer than the caller
	// wants to wait. The answer is remembered when it comes.
	ErrPending = errors.New("once: no answer yet")
	// ErrClosed means that the memory asks nothing any more.
	ErrClosed = errors.New("once: closed")
)

// Config tells [New] what a memory may hold and how long a question may take.
type Config[K comparable, V any] struct {
	// Entries is how many answers are remembered, those used last. Required.
	Entries int
	// Bytes bounds the sum of what Size says of the answers; 0 means no bound. An
	// answer larger than that is not remembered.
	Bytes int
	// Size is about how much memory an answer takes, in bytes, with its key.
	// Required when Bytes is set.
	Size func(K, V) int
	// Timeout bounds a question. Required.
	Timeout time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Memory holds the answers to questions of one kind. Safe for concurrent use.
type Memory[K comparable, V any] struct {
	cfg Config[K, V]

	// One lock for both, so that a question is always in one of them from the time
	// when it is first asked until its answer expires.
	mu      sync.Mutex
	answers *simplelru.LRU[K, answer[V]]
	flights map[K]*flight[V]
	bytes   int
	closed  bool

	closing context.Context // ends every question
	end     context.CancelFunc
	asking  sync.WaitGroup

	sweeper sweep.Sweeper
}

type answer[V any] struct {
	value V
	until time.Time
	size  int
}

// flight is a question that is being asked. Its value may be read once done is closed.
type flight[V any] struct {
	began time.Time // by the process's clock, for waits
	done  chan struct{}
	value V
}

// New makes an empty memory.
func New[K comparable, V any](cfg Config[K, V]) (*Memory[K, V], error) {
	if cfg.Timeout <= 0 {
		return nil, fmt.Errorf("once: time limit of %s", cfg.Timeout)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Memory[K, V]{cfg: cfg, flights: make(map[K]*flight[V])}
	m.closing, m.end = context.WithCancel(context.Background())
	var err error
	if m.answers, err = simplelru.NewLRU(cfg.Entries, m.forgotten); err != nil {
		return nil, fmt.Errorf("once: %w", err)
	}
	return m, nil
}

// Do returns the answer to key: a remembered one, or what ask returns, which all
// callers share that wait for it. The answer is remembered until the time that ask
// returns beside it; a time that has passed keeps it out of the memory. The context
// that ask gets has the values of ctx and the time limit of the memory. The error is
// that of ctx, when it ends before there is an answer, or [ErrClosed].
func (m *Memory[K, V]) Do(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) (V, error) {
	value, f, err := m.join(ctx, key, ask)
	if f == nil {
		return value, err
	}
	return f.wait(ctx, nil)
}

// DoWithin is [Memory.Do] for a caller that goes on without an answer: once the
// question has been asked for as long as patience, the error is [ErrPending]. Those
// who come later do not wait anew.
func (m *Memory[K, V]) DoWithin(ctx context.Context, key K, patience time.Duration, ask func(context.Context) (V, time.Time)) (V, error) {
	value, f, err := m.join(ctx, key, ask)
	if f == nil {
		return value, err
	}
	late := time.NewTimer(patience - time.Since(f.began))
	defer late.Stop()
	return f.wait(ctx, late.C)
}

// Renew asks key again and does not wait. What is remembered goes on holding until
// the new answer takes its place. It does nothing while key is being asked.
func (m *Memory[K, V]) Renew(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start(ctx, key, ask)
}

// Close ends the questions that are being asked and waits for them. What is
// remembered can still be had; nothing is asked any more.
func (m *Memory[K, V]) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.end()
	m.asking.Wait()
}

// wait returns the answer, or an error once ctx ends or late fires.
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

// Remembered returns the answer to key if there is one that holds.
func (m *Memory[K, V]) Remembered(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remembered(key)
}

// remembered is Remembered; m.mu is held.
func (m *Memory[K, V]) remembered(key K) (V, bool) {
	if a, ok := m.answers.Get(key); ok && m.cfg.Now().Before(a.until) {
		return a.value, true
	}
	var none V
	return none, false
}

// join returns what is remembered, or the flight to wait for.
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

// start returns the flight of key, a new one where there is none, and nil once the
// memory is closed; m.mu is held.
func (m *Memory[K, V]) start(ctx context.Context, key K, ask func(context.Context) (V, time.Time)) *flight[V] {
	if m.closed {
		return nil
	}
	f := m.flights[key]
	if f == nil {
		f = &flight[V]{began: time.Now(), done: make(chan struct{})}
		m.flights[key] = f
		m.asking.Go(func() { m.fly(context.WithoutCancel(ctx), f, key, ask) })
	}
	return f
}

func (m *Memory[K, V]) fly(ctx context.Context, f *flight[V], key K, ask func(context.Context) (V, time.Time)) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	defer context.AfterFunc(m.closing, cancel)()
	value, until := ask(ctx)
	f.value = value
	m.land(key, answer[V]{value: value, until: until})
	close(f.done)
	sweep.Arm(&m.sweeper, m, SweepPeriod, (*Memory[K, V]).sweep)
}

// land puts an answer in the place of its flight.
func (m *Memory[K, V]) land(key K, a answer[V]) {
	if m.cfg.Size != nil {
		a.size = m.cfg.Size(key, a.value)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.flights, key)
	m.answers.Remove(key)
	if !m.cfg.Now().Before(a.until) || m.cfg.Bytes > 0 && a.size > m.cfg.Bytes {
		return
	}
	m.bytes += a.size
	m.answers.Add(key, a)
	for m.cfg.Bytes > 0 && m.bytes > m.cfg.Bytes {
		m.answers.RemoveOldest()
	}
}

// forgotten is called for each answer that leaves; m.mu is held.
func (m *Memory[K, V]) forgotten(_ K, a answer[V]) { m.bytes -= a.size }

// sweep drops what has expired, few answers at a time, so that nobody waits long.
func (m *Memory[K, V]) sweep() (left bool) {
	m.mu.Lock()
	keys := m.answers.Keys()
	m.mu.Unlock()
	for some := range slices.Chunk(keys, 1000) {
		m.drop(some)
	}
	return m.Len() > 0
}

// drop removes those of the keys whose answers have expired.
func (m *Memory[K, V]) drop(keys []K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.cfg.Now()
	for _, key := range keys {
		if a, ok := m.answers.Peek(key); ok && !now.Before(a.until) {
			m.answers.Remove(key)
		}
	}
}

// Len returns how many answers are in memory, those included that have expired and
// were not swept yet.
func (m *Memory[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers.Len()
}

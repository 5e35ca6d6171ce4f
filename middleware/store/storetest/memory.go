package storetest

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/middleware/store"
)

// Memory is a store in the memory of one process, for tests. It never fails while its
// callers' contexts last. Make it with [NewMemory].
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	values  map[string]expiring
	leases  map[string]*lease
	logs    map[string][]logged
	entries int           // appended so far
	changed chan struct{} // is closed at the next change, and replaced
}

var _ store.Store = (*Memory)(nil)

type expiring struct {
	value []byte
	until time.Time
}

type lease struct {
	fence  uint64    // of the latest lease
	until  time.Time // when that ends
	result expiring
	by     uint64 // the fence of the result
}

type logged struct {
	store.Entry
	number int
	at     time.Time
}

// NewMemory returns an empty store. now is the clock; nil means time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{
		now: now, values: make(map[string]expiring), leases: make(map[string]*lease),
		logs: make(map[string][]logged), changed: make(chan struct{}),
	}
}

// Get is [store.Store.Get].
func (m *Memory) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, found = m.live(m.values[key])
	return value, found, ctx.Err()
}

// Put is [store.Store.Put].
func (m *Memory) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = m.expiring(value, ttl)
	return nil
}

// PutIfAbsent is [store.Store.PutIfAbsent].
func (m *Memory) PutIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (stored bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.live(m.values[key]); found {
		return false, nil
	}
	m.values[key] = m.expiring(value, ttl)
	return true, nil
}

// Claim is [store.Store.Claim].
func (m *Memory) Claim(ctx context.Context, key string, ttl time.Duration) (store.Claim, error) {
	if err := ctx.Err(); err != nil {
		return store.Claim{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lease(key)
	if result, found := m.live(l.result); found {
		return store.Claim{Result: result}, nil
	}
	if m.now().Before(l.until) {
		return store.Claim{}, nil
	}
	l.fence++
	l.until = m.now().Add(ttl)
	return store.Claim{Fence: l.fence}, nil
}

// Renew is [store.Store.Renew].
func (m *Memory) Renew(ctx context.Context, key string, fence uint64, ttl time.Duration) (held bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lease(key)
	if l.fence != fence || !m.now().Before(l.until) {
		return false, nil
	}
	l.until = m.now().Add(ttl)
	return true, nil
}

// Publish is [store.Store.Publish].
func (m *Memory) Publish(ctx context.Context, key string, fence uint64, result []byte, ttl time.Duration) (published bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lease(key)
	if _, found := m.live(l.result); !found || l.by <= fence {
		l.result, l.by, published = m.expiring(result, ttl), fence, true
		m.change()
	}
	if l.fence == fence {
		l.until = time.Time{}
	}
	return published, nil
}

// Wait is [store.Store.Wait].
func (m *Memory) Wait(ctx context.Context, key string, patience time.Duration) (result []byte, err error) {
	err = m.await(ctx, patience, func() (found bool) {
		result, found = m.live(m.lease(key).result)
		return found
	})
	return result, err
}

// Append is [store.Store.Append].
func (m *Memory) Append(ctx context.Context, log string, entry []byte, keep time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries++
	all := append(m.logs[log], logged{
		Entry:  store.Entry{Position: strconv.Itoa(m.entries), Value: bytes.Clone(entry)},
		number: m.entries, at: m.now(),
	})
	for all[0].at.Before(m.now().Add(-keep)) {
		all = all[1:]
	}
	m.logs[log] = all
	m.change()
	return nil
}

// Read is [store.Store.Read].
func (m *Memory) Read(ctx context.Context, log, after string, patience time.Duration) (entries []store.Entry, err error) {
	behind := 0
	if after != "" {
		if behind, err = strconv.Atoi(after); err != nil {
			return nil, err
		}
	}
	err = m.await(ctx, patience, func() bool {
		for _, e := range m.logs[log] {
			if e.number > behind && len(entries) < 1000 {
				entries = append(entries, store.Entry{Position: e.Position, Value: bytes.Clone(e.Value)})
			}
		}
		return len(entries) > 0
	})
	return entries, err
}

// await returns once done is true, which is asked with m.mu held after each change, or
// after patience.
func (m *Memory) await(ctx context.Context, patience time.Duration, done func() bool) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.mu.Lock()
		ok, changed := done(), m.changed
		m.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return nil
		case <-ctx.Done():
		}
	}
}

// change wakes all who wait; m.mu is held.
func (m *Memory) change() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// lease returns that of key; m.mu is held.
func (m *Memory) lease(key string) *lease {
	l := m.leases[key]
	if l == nil {
		l = &lease{}
		m.leases[key] = l
	}
	return l
}

func (m *Memory) expiring(value []byte, ttl time.Duration) expiring {
	return expiring{bytes.Clone(value), m.now().Add(ttl)}
}

func (m *Memory) live(e expiring) (value []byte, found bool) {
	if !m.now().Before(e.until) {
		return nil, false
	}
	return bytes.Clone(e.value), true
}

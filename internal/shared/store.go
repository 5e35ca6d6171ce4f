package shared

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/middleware/store"
)

// CallTimeout bounds each call that does not wait for something to happen. A store that
// hangs costs that much, until the calls stop.
const CallTimeout = 75 * time.Millisecond

// Config tells [New] which store to use, and for what.
type Config struct {
	// Store is used. Required.
	Store store.Store
	// Instance is the host of the instance's Frontend API: instances that use the same
	// store do not meet. Required.
	Instance string
	// Secret is the instance's secret key. Names depend on it, and without Keys what is
	// stored is sealed by it. Required.
	Secret string
	// Keys seal what is stored: the first one seals, all open. Each has at least
	// [seal.MinSecret] bytes. Nil means one that is derived from Secret.
	Keys [][]byte
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told when the store fails, and when it no longer does; nil is silent.
	Logger *slog.Logger
}

// Store is a sealed store with deadlines. It is safe for concurrent use.
type Store struct {
	store  store.Store
	prefix string
	names  []byte // key of the names' hashes
	keys   *seal.Keys
	health *health

	closing context.Context // is done once the store is closed
	end     context.CancelFunc
	work    sync.WaitGroup
}

// New returns the store for one instance. Close it when it is no longer needed; that does
// not close cfg.Store.
func New(cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	derive := func(info string) ([]byte, error) {
		return hkdf.Key(sha256.New, []byte(cfg.Secret), []byte("clerkgate store 1"), info, seal.MinSecret)
	}
	names, err := derive("names")
	if err != nil {
		return nil, fmt.Errorf("shared: %w", err)
	}
	if len(cfg.Keys) == 0 {
		key, err := derive("values")
		if err != nil {
			return nil, fmt.Errorf("shared: %w", err)
		}
		cfg.Keys = [][]byte{key}
	}
	keys, err := seal.New(cfg.Keys...)
	if err != nil {
		return nil, fmt.Errorf("shared: %w", err)
	}
	s := &Store{store: cfg.Store, prefix: cfg.Instance + ":", names: names, keys: keys, health: newHealth(cfg.Now, cfg.Logger)}
	s.closing, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Close ends what goes on in the background, and waits for it.
func (s *Store) Close() {
	s.end()
	s.work.Wait()
}

// Hash returns a part of a name that depends on every part and tells none of them.
func (s *Store) Hash(parts ...string) string {
	h := hmac.New(sha256.New, s.names)
	var n [8]byte
	for _, part := range parts { // with their lengths, so that different parts never give the same name
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Get returns the value of a name that is bound to a secret, or to none if that is "". ok is
// false if there is no such value, or it could not be had.
func (s *Store) Get(ctx context.Context, name, bound string) (value []byte, ok bool) {
	name = s.prefix + name
	err := s.call(ctx, func(ctx context.Context) error {
		sealed, found, err := s.store.Get(ctx, name)
		if err == nil && found {
			value, err = s.open(sealed, name, bound)
			ok = err == nil
		}
		return err
	})
	return value, ok && err == nil
}

// Put gives a name a value for as long as ttl.
func (s *Store) Put(ctx context.Context, name, bound string, value []byte, ttl time.Duration) error {
	name = s.prefix + name
	sealed, err := s.keys.Seal(value, name, bound)
	if err != nil {
		return err
	}
	return s.call(ctx, func(ctx context.Context) error { return s.store.Put(ctx, name, sealed, ttl) })
}

// PutLater is Put in the background, for a value that nobody waits for.
func (s *Store) PutLater(name string, value []byte, ttl time.Duration) {
	s.work.Go(func() { _ = s.Put(context.Background(), name, "", value, ttl) }) // the log is told if the store fails
}

// PutIfAbsent marks a name for as long as ttl. It reports whether it was not marked before:
// of several concurrent callers at most one is told so, unless somebody who does not have
// the keys has marked it.
func (s *Store) PutIfAbsent(ctx context.Context, name string, ttl time.Duration) (first bool, err error) {
	name = s.prefix + name
	mark, err := s.keys.Seal(nil, name, "")
	if err != nil {
		return false, err
	}
	err = s.call(ctx, func(ctx context.Context) (err error) {
		first, err = s.store.PutIfAbsent(ctx, name, mark, ttl)
		return err
	})
	if first || err != nil {
		return first, err
	}
	err = s.call(ctx, func(ctx context.Context) error {
		sealed, found, err := s.store.Get(ctx, name)
		if err != nil {
			return err
		}
		if _, err = s.open(sealed, name, ""); !found || err != nil {
			first = true
			return s.store.Put(ctx, name, mark, ttl)
		}
		return nil
	})
	return first, err
}

// Check returns nil if the store answers now.
func (s *Store) Check(ctx context.Context) error {
	return s.call(ctx, func(ctx context.Context) error {
		_, _, err := s.store.Get(ctx, s.prefix+"check")
		return err
	})
}

// Works reports whether the last call has succeeded, without a call; true if there was none.
func (s *Store) Works() bool {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return !s.health.failing
}

// open opens a value from the store. An error does not count as a failure of the store.
func (s *Store) open(sealed []byte, name, bound string) ([]byte, error) {
	value, err := s.keys.Open(sealed, name, bound)
	if err != nil {
		s.health.tellForeign(name)
	}
	return value, err
}

// call makes one call within its time limit, unless calls are not made now.
func (s *Store) call(ctx context.Context, call func(context.Context) error) error {
	return s.limited(ctx, CallTimeout, call)
}

// limited is call with another time limit.
func (s *Store) limited(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	done, err := s.health.begin()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = call(limited)
	switch {
	case err == nil, errors.Is(err, seal.ErrNotOpened):
		done(nil)
	case ctx.Err() != nil:
		done(errGivenUp)
	default:
		done(err)
	}
	return err
}

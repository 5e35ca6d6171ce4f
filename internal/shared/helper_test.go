package shared_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

var (
	keyA = bytes.Repeat([]byte("a"), seal.MinSecret)
	keyB = bytes.Repeat([]byte("b"), seal.MinSecret)
)

// replica returns a store as one replica uses it.
func replica(t testing.TB, of store.Store, change ...func(*shared.Config)) *shared.Store {
	t.Helper()
	cfg := shared.Config{Store: of, Instance: "clerk.example.com", Secret: "sk_test_secret"}
	for _, f := range change {
		f(&cfg)
	}
	s, err := shared.New(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// broken is a store that fails, hangs, or shows what it holds, as a test wants.
type broken struct {
	store.Store
	fails, hangs atomic.Bool
	calls        atomic.Int64

	mu   sync.Mutex
	seen []string
}

var errBroken = errors.New("store is broken")

func newBroken() *broken { return &broken{Store: storetest.NewMemory(nil)} }

// met notes what a caller passes, and fails or hangs.
func (b *broken) met(ctx context.Context, texts ...string) error {
	b.calls.Add(1)
	b.mu.Lock()
	b.seen = append(b.seen, texts...)
	b.mu.Unlock()
	if b.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if b.fails.Load() {
		return errBroken
	}
	return nil
}

// all returns everything that callers have passed.
func (b *broken) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.seen, "\n")
}

func (b *broken) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := b.met(ctx, key); err != nil {
		return nil, false, err
	}
	return b.Store.Get(ctx, key)
}

func (b *broken) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := b.met(ctx, key, string(value)); err != nil {
		return err
	}
	return b.Store.Put(ctx, key, value, ttl)
}

func (b *broken) Claim(ctx context.Context, key string, lease time.Duration) (store.Claim, error) {
	if err := b.met(ctx, key); err != nil {
		return store.Claim{}, err
	}
	return b.Store.Claim(ctx, key, lease)
}

func (b *broken) Renew(ctx context.Context, key string, fence uint64, lease time.Duration) (bool, error) {
	if err := b.met(ctx, key); err != nil {
		return false, err
	}
	return b.Store.Renew(ctx, key, fence, lease)
}

func (b *broken) Publish(ctx context.Context, key string, fence uint64, result []byte, ttl time.Duration) (bool, error) {
	if err := b.met(ctx, key, string(result)); err != nil {
		return false, err
	}
	return b.Store.Publish(ctx, key, fence, result, ttl)
}

func (b *broken) Wait(ctx context.Context, key string, patience time.Duration) ([]byte, error) {
	if err := b.met(ctx, key); err != nil {
		return nil, err
	}
	return b.Store.Wait(ctx, key, patience)
}

func (b *broken) Append(ctx context.Context, log string, entry []byte, keep time.Duration) error {
	if err := b.met(ctx, log, string(entry)); err != nil {
		return err
	}
	return b.Store.Append(ctx, log, entry, keep)
}

func (b *broken) Read(ctx context.Context, log, after string, patience time.Duration) ([]store.Entry, error) {
	if err := b.met(ctx, log); err != nil {
		return nil, err
	}
	return b.Store.Read(ctx, log, after, patience)
}

// records is the handler of a log that keeps its messages.
type records struct {
	slog.Handler
	mu       sync.Mutex
	messages []string
}

func newRecords() *records { return &records{Handler: slog.DiscardHandler} }

func (r *records) Enabled(context.Context, slog.Level) bool { return true }

func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, record.Message)
	return nil
}

func (r *records) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

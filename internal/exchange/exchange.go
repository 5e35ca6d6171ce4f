package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/guard"
	"github.com/clerkgate/clerkgate/internal/once"
)

const (
	// Margin is how long before its expiry a token is no longer returned, so that it
	// outlives the request it is sent with.
	Margin = 10 * time.Second
	// FailureMemory is how long a failure is returned for the same key without
	// another call.
	FailureMemory = time.Second

	defaultTimeout = 5 * time.Second
	defaultSize    = 10_000
	maxBytes       = 16 << 20 // of cached outcomes
)

// Options configure an [Exchanger].
type Options struct {
	Client *clerkapi.Client // required
	// Size is how many tokens are cached. 0 means 10,000; negative is an error.
	Size int
	// Timeout bounds a call to Clerk, retries of the client included. 0 means 5 s;
	// negative is an error.
	Timeout time.Duration
	Now     func() time.Time // nil means time.Now
	// Guard makes the calls, unless Clerk is known to be down; nil means one of its own.
	Guard *guard.Guard
}

// Exchanger fetches template tokens and caches them. It is safe for concurrent use. A
// call that no caller waits for any more continues in the background, until its time
// limit at most.
type Exchanger struct {
	api   *clerkapi.Client
	now   func() time.Time
	known *once.Memory[Key, outcome]
	guard *guard.Guard
}

// outcome is the result for a key.
type outcome struct {
	token string
	err   error
}

// size estimates the memory that a key and its outcome take, in bytes.
func size(key Key, o outcome) int {
	return 512 + len(key.SessionID) + len(key.Template) + len(key.Version) + len(o.token)
}

// New returns an Exchanger. The error lists everything that is wrong with the options.
func New(o Options) (*Exchanger, error) {
	var problems []error
	if o.Client == nil {
		problems = append(problems, errors.New("no client"))
	}
	if o.Size < 0 {
		problems = append(problems, errors.New("size is negative"))
	}
	if o.Timeout < 0 {
		problems = append(problems, errors.New("timeout is negative"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	if o.Size == 0 {
		o.Size = defaultSize
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Guard == nil {
		o.Guard = guard.New(guard.Config{Breaker: breaker.Config{Now: o.Now}})
	}
	known, err := once.New(once.Config[Key, outcome]{Entries: o.Size, Bytes: maxBytes, Size: size, Timeout: o.Timeout, Now: o.Now})
	if err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	return &Exchanger{api: o.Client, now: o.Now, known: known, guard: o.Guard}, nil
}

// Token returns a token of the key's template for its session. It is valid for more
// than [Margin], unless Clerk issues shorter ones. The error wraps [ErrNotFound],
// [ErrUnavailable] or the context's error.
func (e *Exchanger) Token(ctx context.Context, key Key) (string, error) {
	if o, ok := e.known.Remembered(key); ok {
		return o.token, o.err
	}
	if err := key.check(); err != nil {
		return "", fmt.Errorf("exchange token: %w", err)
	}
	key = key.clone()
	o, err := e.known.Do(ctx, key, func(ctx context.Context) (outcome, time.Time) { return e.fetch(ctx, key) })
	if err != nil {
		return "", fmt.Errorf("exchange token: %w", err)
	}
	return o.token, o.err
}

package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	// Margin is how long before its end a token is no longer handed out, so that
	// it outlives the request that it goes with.
	Margin = 10 * time.Second
	// FailureMemory is how long a failure answers for the same key.
	FailureMemory = time.Second

	defaultTimeout = 5 * time.Second
	defaultSize    = 10_000
)

// Options configure an [Exchanger].
type Options struct {
	Client *clerkapi.Client // required
	// Size is how many tokens are remembered. 0 means 10 000; negative is an error.
	Size int
	// Timeout bounds a call to Clerk, retries of the client included. 0 means 5 s;
	// negative is an error.
	Timeout time.Duration
	Now     func() time.Time // nil means time.Now
}

// Exchanger fetches template tokens and remembers them. It is safe for concurrent
// use. A call that nobody waits for any more goes on in the background until its
// time limit at most.
type Exchanger struct {
	api     *clerkapi.Client
	timeout time.Duration
	now     func() time.Time

	known   *lru.Cache[Key, outcome]
	flights singleflight.Group
	// rest is the time, in Unix nanoseconds, before which Clerk wants no calls.
	rest atomic.Int64

	// epoch counts calls of Forget: a token that was asked for before one is not
	// kept after it. Changed, and compared for keeping, under mu.
	epoch atomic.Uint64
	mu    sync.Mutex
}

// outcome is an answer to a key, good until a time.
type outcome struct {
	token string
	err   error
	until time.Time
}

// New makes an Exchanger. All problems of the options come in one error.
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
	known, err := lru.New[Key, outcome](o.Size)
	if err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	return &Exchanger{api: o.Client, timeout: o.Timeout, now: o.Now, known: known}, nil
}

// Token returns a token of the key's template for its session, with more than
// [Margin] of its life left unless Clerk makes shorter ones. Errors are, by
// errors.Is, [ErrTemplate], [ErrSession], [ErrUnavailable], or the context's own.
func (e *Exchanger) Token(ctx context.Context, key Key) (string, error) {
	if o, ok := e.remembered(key); ok {
		return o.token, o.err
	}
	switch {
	case !validSession(key.SessionID):
		return "", fmt.Errorf("exchange token: malformed id: %w", ErrSession)
	case !key.valid():
		return "", fmt.Errorf("exchange token: malformed name or version: %w", ErrTemplate)
	}
	epoch := e.epoch.Load()
	done := e.flights.DoChan(key.flight(epoch), func() (any, error) {
		// Who came between the look-up above and here finds the finished one.
		if o, ok := e.remembered(key); ok {
			return o, nil
		}
		// The call belongs to all who wait, so no single one's end may end it.
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.timeout)
		defer cancel()
		o := e.fetch(shared, key)
		e.remember(key, o, epoch)
		return o, nil
	})
	select {
	case r := <-done:
		o, _ := r.Val.(outcome)
		return o.token, o.err
	case <-ctx.Done():
		return "", fmt.Errorf("exchange token: %w", ctx.Err())
	}
}

// Forget drops all tokens of a session, also one that is being fetched: who asks
// from now on gets one that was made from now on.
func (e *Exchanger) Forget(sessionID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.epoch.Add(1)
	// A session ends seldom, and an index would cost every request.
	for _, key := range e.known.Keys() {
		if key.SessionID == sessionID {
			e.known.Remove(key)
		}
	}
}

// Len returns how many answers are remembered, failures and expired ones included.
func (e *Exchanger) Len() int { return e.known.Len() }

func (e *Exchanger) remembered(key Key) (outcome, bool) {
	o, ok := e.known.Get(key)
	return o, ok && e.now().Before(o.until)
}

func (e *Exchanger) remember(key Key, o outcome, epoch uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.epoch.Load() == epoch && e.now().Before(o.until) {
		e.known.Add(key.clone(), o)
	}
}

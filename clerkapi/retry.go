package clerkapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// RetryPolicy says how long to wait before the next attempt: Base doubled per attempt, at most Max, times a random
// factor from 0.5 to 1. A Retry-After of the reply is honoured instead; when it does not fit into the time left, the
// call returns at once with the reply's error.
//
// A 429 is retried on every operation, replies 502, 503, 504 and connection errors on reads, session revocation and
// session token creation. RefreshSession (its expired token may be consumed by the attempt that failed) and
// CreateSession are never retried.
type RetryPolicy struct {
	Base time.Duration  // 0 means 200ms
	Max  time.Duration  // 0 means 5s
	Rand func() float64 // in [0,1); must be safe for concurrent use; nil means math/rand/v2
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	p.Base = orDefault(p.Base, 200*time.Millisecond)
	p.Max = orDefault(p.Max, 5*time.Second)
	if p.Rand == nil {
		p.Rand = rand.Float64
	}
	return p
}

// retryClass says what an operation may repeat.
type retryClass int

const (
	retryNever     retryClass = iota // a second try could find the first one's effect
	retryLimited                     // 429 only: the request was turned away before it had an effect
	retryTransient                   // also 502, 503, 504 and connection errors: repeating is harmless
)

func retryable(class retryClass, res *Response, err error) bool {
	if class == retryNever || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if res != nil && res.StatusCode == http.StatusTooManyRequests {
		return true
	}
	if class != retryTransient {
		return false
	}
	if res == nil {
		_, transport := errors.AsType[*TransportError](err)
		return transport
	}
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// delay is the time before the attempt after the n-th.
func (p RetryPolicy) delay(n int, res *Response) time.Duration {
	if res != nil && res.RetryAfter > 0 {
		return res.RetryAfter
	}
	d := min(p.Base<<(n-1), p.Max)
	if d <= 0 { // the shift overflowed
		d = p.Max
	}
	return time.Duration(float64(d) * (0.5 + p.Rand()/2))
}

// wait says whether d passed before the context ended; it does not begin a wait that cannot end in time.
func wait(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

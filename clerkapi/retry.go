package clerkapi

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxRetries = 10
	// The delay before the n-th retry is retryBase doubled n-1 times, at most retryMax, times a random factor from 0.5
	// to 1, so that clients that failed together do not retry together.
	retryBase = 200 * time.Millisecond
	retryMax  = 5 * time.Second
	// maxRetryAfter limits Retry-After. A longer one is a mistake, or an attempt to stop the client.
	maxRetryAfter = 24 * time.Hour
)

// retryClass says which failures of an operation may be retried.
type retryClass int

const (
	retryNever     retryClass = iota // the first attempt may have had an effect
	retryLimited                     // 429 only: the request was refused before it had an effect
	retryTransient                   // also 502, 503, 504 and connection errors: the operation is idempotent
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

// retryDelay returns the delay after the n-th attempt.
func retryDelay(n int, res *Response) time.Duration {
	if res != nil && res.RetryAfter > 0 {
		return res.RetryAfter
	}
	d := min(retryBase<<(n-1), retryMax)                  // n is at most maxRetries
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1)) //nolint:gosec // not for security
}

// wait waits for d and reports whether the context is still alive. It returns false at once if the context's deadline
// comes before.
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

// retryAfter returns the longest delay in the Retry-After headers, or 0 if none can be read. A date counts from the
// reply's own Date header, since the server's clock may differ from ours, and from now if there is none. Clerk sends
// whole seconds; proxies in between may send anything that RFC 9110, section 10.2.3, allows, and more.
func retryAfter(h http.Header, now func() time.Time) time.Duration {
	var longest float64
	for _, value := range h.Values("Retry-After") {
		value = strings.TrimSpace(value)
		if seconds, ok := decimal(value); ok {
			longest = max(longest, seconds)
		} else if date, err := http.ParseTime(value); err == nil {
			longest = max(longest, date.Sub(dateOf(h, now)).Seconds())
		}
	}
	// Rounded up: rounding half a second down would mean not waiting at all.
	return time.Duration(min(math.Ceil(longest), maxRetryAfter.Seconds())) * time.Second
}

func dateOf(h http.Header, now func() time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now()
}

// decimal reads digits with an optional fraction, without sign, exponent or infinity.
func decimal(s string) (float64, bool) {
	if strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange) // out of range is infinite
}

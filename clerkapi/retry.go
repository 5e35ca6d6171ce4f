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
	// The wait before the n-th further attempt is retryBase doubled n-1 times, at most retryMax, times a random factor
	// from 0.5 to 1, so that clients that failed together do not come back together.
	retryBase = 200 * time.Millisecond
	retryMax  = 5 * time.Second
	// maxRetryAfter is the longest wait that a reply can ask for. A longer one is a mistake, or meant to stop us.
	maxRetryAfter = 24 * time.Hour
)

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

// retryDelay is the time before the attempt after the n-th.
func retryDelay(n int, res *Response) time.Duration {
	if res != nil && res.RetryAfter > 0 {
		return res.RetryAfter
	}
	d := min(retryBase<<(n-1), retryMax)                  // n is at most maxRetries
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1)) //nolint:gosec // spreads load, guards nothing
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

// retryAfter is the longest wait that the header's Retry-After lines ask for, 0 when none can be read. A date counts
// from the reply's own Date, since the server's clock need not be ours, and from now where there is none. Clerk sends
// whole seconds; what stands between us and Clerk sends whatever RFC 9110, section 10.2.3, allows, and more.
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
	// Rounded up: half a second of waiting would be as good as none.
	return time.Duration(min(math.Ceil(longest), maxRetryAfter.Seconds())) * time.Second
}

func dateOf(h http.Header, now func() time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now()
}

// decimal reads digits with or without a fraction: no sign, exponent or infinity.
func decimal(s string) (float64, bool) {
	if strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange) // then it is infinite
}

package clerktest

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// ClerkRateLimit is the [Options.RateLimit] that Clerk documents: 1000 requests in ten seconds for a
// production instance, 100 for a development instance.
const ClerkRateLimit = -1

// rateWindow is the period in which Clerk counts requests.
const rateWindow = 10 * time.Second

// rateLimit counts the Backend API's requests in consecutive windows.
type rateLimit struct {
	mu    sync.Mutex
	most  int // 0 for no limit
	start time.Time
	count int
}

// SetRateLimit changes [Options.RateLimit] from the next request on, and resets the count.
func (c *Clerk) SetRateLimit(n int) {
	switch {
	case n < 0 && c.production:
		n = 1000
	case n < 0:
		n = 100
	}
	c.rate.mu.Lock()
	defer c.rate.mu.Unlock()
	c.rate.most, c.rate.count, c.rate.start = n, 0, time.Time{}
}

// take counts a request. Beyond the limit it returns 429, with the seconds to wait.
func (rl *rateLimit) take(now time.Time) error {
	rl.mu.Lock()
	defer rl.mu.Unlock()
	if rl.most == 0 {
		return nil
	}
	if age := now.Sub(rl.start); age < 0 || age >= rateWindow {
		rl.start, rl.count = now, 0
	}
	if rl.count < rl.most {
		rl.count++
		return nil
	}
	refused := refuse(http.StatusTooManyRequests, "too_many_requests", "too many requests, try again later")
	left := rateWindow - now.Sub(rl.start)
	refused.retryAfter = strconv.Itoa(int((left + time.Second - 1) / time.Second))
	return refused
}

package clerktest

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// ClerkRateLimit as [Options.RateLimit] stands for what Clerk documents: 1000 requests in ten seconds for a production
// instance, 100 for a development one.
const ClerkRateLimit = -1

// rateWindow is the time over which Clerk counts.
const rateWindow = 10 * time.Second

// rateLimit counts the Backend API's requests in windows that follow one another.
type rateLimit struct {
	mu    sync.Mutex
	most  int // 0: no limit
	start time.Time
	count int
}

// SetRateLimit changes [Options.RateLimit] from the next request on and forgets what was counted.
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

// take counts a request, and refuses it beyond the limit with the seconds to wait.
func (l *rateLimit) take(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most == 0 {
		return nil
	}
	if age := now.Sub(l.start); age < 0 || age >= rateWindow {
		l.start, l.count = now, 0
	}
	if l.count < l.most {
		l.count++
		return nil
	}
	refused := refuse(http.StatusTooManyRequests, "too_many_requests", "too many requests, try again later")
	left := rateWindow - now.Sub(l.start)
	refused.retryAfter = strconv.Itoa(int((left + time.Second - 1) / time.Second))
	return refused
}

package breaker

import (
	"sync"
	"time"
)

// MaxRest is the longest rest. A longer Retry-After is a mistake, or an attempt to stop
// the calls; a probe each minute harms no server.
const MaxRest = time.Minute

// leastRest is the rest where a server names no time.
const leastRest = time.Second

// MaxDoubt is the longest doubt. It outlasts the pause of a breaker, which is opened again
// after each failed probe.
const MaxDoubt = 10 * time.Second

// Server is what the breakers of one server share: until when it wants no calls, and until
// when it is doubted. It is safe for concurrent use, and its zero value is ready.
type Server struct {
	mu      sync.Mutex
	rests   uint64 // how many rests there have been
	rest    time.Time
	doubt   time.Time
	doubter *Breaker // whose opening has raised the doubt; nil if it came from elsewhere
}

// Rest begins a rest of d, from one second to [MaxRest], or makes the present one longer.
func (s *Server) Rest(now time.Time, d time.Duration) {
	until := now.Add(bounded(d))
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.After(s.rest) {
		s.rests++
		s.rest = until
	}
}

// Doubt says that the server was found to fail by calls of another kind or of another
// process. For d, [MaxDoubt] at most, a single failure is enough to open a breaker, unless
// more than half of its own calls succeed.
func (s *Server) Doubt(now time.Time, d time.Duration) { s.doubted(nil, now, d) }

func (s *Server) doubted(by *Breaker, now time.Time, d time.Duration) {
	until := now.Add(min(d, MaxDoubt))
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.After(s.doubt) {
		s.doubt, s.doubter = until, by
	}
}

// Until returns when the last rest and the last doubt end, which may have passed.
func (s *Server) Until() (rest, doubt time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rest, s.doubt
}

// lastRest returns the last rest: its number, which is 0 if there has been none, and its end.
func (s *Server) lastRest() (number uint64, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rests, s.rest
}

// isDoubted reports whether b must doubt the server. Its own opening does not count: after
// a successful probe it begins anew.
func (s *Server) isDoubted(b *Breaker, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doubter != b && now.Before(s.doubt)
}

// bounded returns how long a rest is for which a server has asked.
func bounded(d time.Duration) time.Duration { return min(max(d, leastRest), MaxRest) }

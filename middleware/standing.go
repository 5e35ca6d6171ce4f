package middleware

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// standingsSize is how many sessions are remembered, the most recently used ones. They take
// about 6 MB.
const standingsSize = 20_000

// standings knows the sessions that have had a live token here, and limits the refreshes
// of each. Only tokens signed by Clerk add a session. It is safe for concurrent use.
type standings struct {
	now   func() time.Time
	limit int // the Backend API's

	mu       sync.Mutex
	sessions *simplelru.LRU[string, *standing]
}

// standing is what is known about one session.
type standing struct {
	alive bool // a live token of it was verified here
	// refreshToken is the hash of the one that was accepted last. Requests with it have
	// a budget of their own, so that a stolen expired token alone cannot use it up.
	refreshToken   [sha256.Size]byte
	holder, others *rate.Limiter // nil until needed
}

func newStandings(o *Options) (*standings, error) {
	sessions, err := simplelru.NewLRU[string, *standing](standingsSize, nil)
	return &standings{now: o.Now, limit: o.BackendRateLimit, sessions: sessions}, err
}

// of returns the standing of a session; s.mu is held.
func (s *standings) of(sid string) *standing {
	if st, ok := s.sessions.Get(sid); ok {
		return st
	}
	st := &standing{}
	s.sessions.Add(sid, st)
	return st
}

// alive records that a live token of the session was verified.
func (s *standings) alive(sid string) {
	if sid == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(sid).alive = true
}

// refreshed records that a refresh succeeded.
func (s *standings) refreshed(q *refreshQuestion) {
	if !q.verified {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.of(q.sid)
	st.alive, st.refreshToken = true, sha256.Sum256([]byte(q.params.RefreshToken))
}

// knows reports whether the session is known.
func (s *standings) knows(q *refreshQuestion) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.sessions.Peek(q.verifiedSID)
	return ok && st.alive && q.verified
}

// mayRefresh takes one refresh from the session's budget. It reports whether there was
// one, and whether the session is known.
func (s *standings) mayRefresh(q *refreshQuestion) (known, ok bool) {
	sum := sha256.Sum256([]byte(q.params.RefreshToken))
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.of(q.verifiedSID)
	budget := &st.others
	if q.verified && subtle.ConstantTimeCompare(sum[:], st.refreshToken[:]) == 1 {
		budget = &st.holder
	}
	if *budget == nil {
		*budget = newShare(s.limit, sessionPart)
	}
	return st.alive && q.verified, (*budget).AllowN(s.now(), 1)
}

package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// invalidSecretKey is Clerk's error code for a secret key it does not accept.
const invalidSecretKey = "clerk_key_invalid"

var (
	errNoBudget = errors.New("no fetch now")
	errClosed   = fmt.Errorf("%w: source closed", ErrUnavailable)
)

// flight is one fetch, shared by all callers that wait for it.
type flight struct {
	done chan struct{}
	snap *snapshot
	err  error
}

// refresh returns a set newer than seen, from the fetch in progress or a new
// one. A non-nil seen means that the fetch is for an unknown key id, which takes
// from the budget; joining a fetch does not.
func (s *Source) refresh(ctx context.Context, seen *snapshot) (*snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wait for keys: %w", err)
	}
	f, snap, err := s.join(seen)
	if f == nil {
		return snap, err
	}
	select {
	case <-f.done:
		return f.snap, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for keys: %w", context.Cause(ctx))
	}
}

// join returns the flight to wait for, or a set or an error that is known already.
func (s *Source) join(seen *snapshot) (*flight, *snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	// Another caller's fetch may have ended between our look and this lock.
	if cur := s.current.Load(); cur != nil && !cur.stale && cur != seen {
		return nil, cur, nil
	}
	switch {
	case s.flight != nil:
		return s.flight, nil, nil
	case s.closed:
		return nil, nil, errClosed
	case s.failed != nil && now.Before(s.retryAt):
		// During an outage each request would otherwise wait for its own timeout.
		return nil, nil, s.failed
	case seen != nil && !s.budget.AllowN(now, 1):
		return nil, nil, errNoBudget
	}
	return s.start(), nil, nil
}

// start begins a flight; s.mu is held and s.closed is false. The flight uses the
// source's context, so that a caller that gives up does not cancel it for others.
func (s *Source) start() *flight {
	f := &flight{done: make(chan struct{})}
	s.flight = f
	s.wg.Go(func() {
		f.snap, f.err = s.fetch()
		s.land(f)
		close(f.done)
	})
	return f
}

func (s *Source) fetch() (*snapshot, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.FetchTimeout)
	defer cancel()
	began := s.cfg.Now() // before the call: the set's age counts from what Clerk knew then
	doc, err := s.cfg.Fetch(ctx)
	if err != nil {
		if snap := s.fallBack(ctx, err); snap != nil {
			return snap, nil
		}
		return nil, fetchError(err)
	}
	keys, skipped, err := parse(doc)
	if skipped > 0 {
		s.cfg.Logger.Warn("keys in the JWKS were skipped", "count", skipped)
	}
	if err != nil {
		return nil, err
	}
	return &snapshot{keys: keys, fetched: began}, nil
}

// fallBack returns the set that somebody else has fetched, as old as it is; nil if none is
// needed or there is none.
func (s *Source) fallBack(ctx context.Context, cause error) *snapshot {
	if s.cfg.Fallback == nil || s.current.Load() != nil || errors.Is(fetchError(cause), ErrSecretKeyInvalid) {
		return nil
	}
	doc, fetched, ok := s.cfg.Fallback(ctx)
	if !ok || s.cfg.Now().Sub(fetched) >= s.cfg.StaleFor {
		return nil
	}
	keys, _, err := parse(doc)
	if err != nil {
		return nil
	}
	s.cfg.Logger.Warn("JWKS could not be fetched; the keys that another replica has fetched are used", "error", cause, "fetched", fetched)
	return &snapshot{keys: keys, fetched: fetched}
}

// fetchError returns the error of a fetch that failed.
func fetchError(cause error) error {
	var coded interface{ ErrorCode() string }
	if errors.As(cause, &coded) && coded.ErrorCode() == invalidSecretKey {
		return fmt.Errorf("fetch JWKS: %w: %w", ErrSecretKeyInvalid, cause)
	}
	return &failedFetch{cause}
}

// failedFetch is [ErrUnavailable]. It reads as its cause alone, which says that already.
type failedFetch struct{ cause error }

func (ff *failedFetch) Error() string   { return "fetch JWKS: " + ff.cause.Error() }
func (ff *failedFetch) Unwrap() []error { return []error{ErrUnavailable, ff.cause} }

// land records the outcome of a flight.
func (s *Source) land(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	if f.err != nil {
		s.failed, s.retryAt = f.err, s.cfg.Now().Add(failureMemory)
		s.serveOn()
		if s.ctx.Err() == nil {
			s.cfg.Logger.Warn("JWKS could not be fetched", "error", f.err, "serving_known_keys", s.current.Load() != nil)
		}
		return
	}
	s.failed = nil
	old := s.current.Swap(f.snap)
	// After the swap: whoever reads the new generation reads the new keys, too.
	if old != nil && !old.keys.equal(f.snap.keys) {
		s.gen.Add(1)
		s.unknown.Purge()
	}
}

// serveOn puts a retired set back into use after the fetch that should have
// replaced it failed, so that an outage delays only that one caller; background
// refreshes keep trying. s.mu is held.
func (s *Source) serveOn() {
	snap := s.current.Load()
	if snap != nil && snap.stale && s.cfg.Now().Sub(snap.fetched) < s.cfg.StaleFor {
		s.current.CompareAndSwap(snap, &snapshot{keys: snap.keys, fetched: snap.fetched})
	}
}

// renew refreshes the set in the background, as long as it is in use: at three
// to four fifths of its TTL, at random, so that replicas that were started
// together do not fetch together for the rest of their lives. An idle source lets
// its set go stale instead, and the next caller fetches.
func (s *Source) renew() {
	timer := time.NewTimer(s.period())
	defer timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-timer.C:
		}
		if s.tick() {
			timer.Reset(s.period())
		} else {
			timer.Reset(max(s.period()/16, failureMemory)) // the fetch failed: try sooner
		}
	}
}

func (s *Source) period() time.Duration {
	fifth := s.cfg.TTL / 5
	return 4*fifth - time.Duration(s.cfg.Random()*float64(fifth))
}

// tick reports false when a fetch failed.
func (s *Source) tick() bool {
	snap := s.current.Load()
	if snap == nil {
		return true
	}
	if !s.used.Swap(false) {
		s.retire(snap)
		return true
	}
	if _, err := s.renewNow(); err != nil {
		s.used.Store(true) // the fetch is still owed to whoever used the set
		s.expire(snap)
		return false
	}
	return true
}

// renewNow fetches, whatever the age of the current set.
func (s *Source) renewNow() (*snapshot, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	f := s.flight
	if f == nil {
		f = s.start()
	}
	s.mu.Unlock()
	<-f.done // ends by itself: FetchTimeout, or Close
	return f.snap, f.err
}

// retire marks an unused set stale. The generation changes, so that results
// cached under it are checked again before they are trusted.
func (s *Source) retire(snap *snapshot) {
	if snap.stale {
		return
	}
	if s.current.CompareAndSwap(snap, &snapshot{keys: snap.keys, fetched: snap.fetched, stale: true}) {
		s.gen.Add(1)
	}
}

// expire drops a set that is older than StaleFor.
func (s *Source) expire(snap *snapshot) {
	if s.cfg.Now().Sub(snap.fetched) < s.cfg.StaleFor {
		return
	}
	if s.current.CompareAndSwap(snap, nil) {
		s.gen.Add(1)
		s.cfg.Logger.Warn("known keys dropped: they are older than allowed and Clerk can't be reached")
	}
}

package storetest

import (
	"fmt"
	"time"

	"github.com/clerkgate/clerkgate/middleware/store"
)

// leased claims key and fails unless it gets the lease.
func (s *suite) leased(key string, lease time.Duration) (fence uint64) {
	s.Helper()
	claim, err := s.Claim(s.ctx, key, lease)
	s.ok(err)
	s.want(claim.Fence > 0 && claim.Result == nil, "Claim gave no lease, though nobody has it and there is no result")
	return claim.Fence
}

// claimed claims key and returns the outcome.
func (s *suite) claimed(key string) store.Claim {
	s.Helper()
	claim, err := s.Claim(s.ctx, key, long)
	s.ok(err)
	return claim
}

// published publishes a result and reports whether it counts.
func (s *suite) published(key string, fence uint64, result string, ttl time.Duration) bool {
	s.Helper()
	published, err := s.Publish(s.ctx, key, fence, []byte(result), ttl)
	s.ok(err)
	return published
}

func (s *suite) claim() {
	key := s.name("key")
	wins := s.together(func() (bool, error) {
		claim, err := s.Claim(s.ctx, key, long)
		return claim.Fence > 0, err
	})
	s.want(wins == 1, "%d of %d callers of Claim were given the lease, instead of one", wins, callers)
	claim := s.claimed(key)
	s.want(claim.Fence == 0 && claim.Result == nil, "Claim gave a lease that somebody has, or a result that nobody published")
}

// next waits until the lease of key has ended and returns the fence of the next one.
func (s *suite) next(key string, after time.Duration) (fence uint64) {
	s.Helper()
	s.soon(after, func() bool {
		fence = s.claimed(key).Fence
		return fence > 0
	}, "the lease should have ended")
	return fence
}

func (s *suite) leaseEnds() {
	key := s.name("key")
	first := s.leased(key, brief)
	second := s.next(key, brief)
	s.want(second > first, "the fence of a later lease is %d, and that of the one before %d", second, first)
	held, err := s.Renew(s.ctx, key, first, long)
	s.ok(err)
	s.want(!held, "Renew renewed a lease that somebody else has now")
	held, err = s.Renew(s.ctx, key, second, long)
	s.ok(err)
	s.want(held, "Renew did not renew the lease")
	held, err = s.Renew(s.ctx, s.name("nobody's"), 1, long)
	s.ok(err)
	s.want(!held, "Renew renewed a lease that nobody has")
}

func (s *suite) renew() {
	const lease = 20 * brief
	key, held := "", false
	for i := 0; !held; i++ { // the lease may have ended before it could be renewed
		s.want(i < 20, "Renew does not renew a lease")
		key = s.name(fmt.Sprint("key", i))
		fence := s.leased(key, lease)
		var err error
		held, err = s.Renew(s.ctx, key, fence, long)
		s.ok(err)
	}
	later := s.name("later")
	s.leased(later, lease)
	s.next(later, lease)
	s.want(s.claimed(key).Fence == 0, "a renewed lease has ended at its old time")

	fence := s.leased(s.name("shortened"), long)
	_, err := s.Renew(s.ctx, s.name("shortened"), fence, brief)
	s.ok(err)
	s.next(s.name("shortened"), brief)
}

func (s *suite) publish() {
	key := s.name("key")
	fence := s.leased(key, long)
	type answer struct {
		result []byte
		err    error
	}
	answers := make(chan answer, callers)
	for range callers {
		go func() {
			result, err := s.Wait(s.ctx, key, patience)
			answers <- answer{result, err}
		}()
	}
	time.Sleep(waiting)
	result := anyBytes(16 << 10)
	s.want(s.published(key, fence, string(result), long), "Publish did not publish the first result")
	for range callers {
		select {
		case a := <-answers:
			s.ok(a.err)
			s.want(string(a.result) == string(result), "Wait returned another result than the published one")
		case <-time.After(patience):
			s.Fatal("Wait did not return after a result was published")
		}
	}
	got, err := s.Wait(s.ctx, key, patience)
	s.ok(err)
	s.want(string(got) == string(result), "Wait did not return a result that had been published before")
	claim := s.claimed(key)
	s.want(claim.Fence == 0 && string(claim.Result) == string(result), "Claim did not return the published result")
}

func (s *suite) fence() {
	key := s.name("key")
	first := s.leased(key, brief)
	second := s.next(key, brief)
	s.want(s.published(key, first, "first", long), "Publish did not publish the result of a lease that was lost, though there was none")
	s.want(string(s.claimed(key).Result) == "first", "Claim did not return that result")
	s.want(s.published(key, second, "second", long), "Publish did not publish a result with a greater fence")
	s.want(s.published(key, second, "again", long), "Publish did not publish a result with the same fence")
	s.want(!s.published(key, first, "first", long), "Publish says that it published a result with a smaller fence")
	s.want(string(s.claimed(key).Result) == "again", "a result with a smaller fence has replaced one with a greater")
}

func (s *suite) lateResult() {
	key := s.name("key")
	first := s.leased(key, brief)
	second := s.next(key, brief)
	s.published(key, first, "first", brief)
	var claim store.Claim
	s.soon(brief, func() bool {
		claim = s.claimed(key)
		return claim.Result == nil
	}, "the result should have expired")
	s.want(claim.Fence == 0, "a lease was ended by a result with the fence of an older one")
	s.published(key, second, "second", brief)
	third := s.next(key, brief)
	s.want(third > second, "the fence of a later lease is %d, and that of the one before %d", third, second)
}

func (s *suite) resultExpires() {
	key := s.name("key")
	s.published(key, s.leased(key, long), "result", brief)
	s.next(key, brief)
	result, err := s.Wait(s.ctx, key, waiting)
	s.ok(err)
	s.want(result == nil, "Wait returned a result that had expired")
}

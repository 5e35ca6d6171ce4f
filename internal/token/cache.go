package token

import (
	"hash/maphash"
	"maps"
	"sync"
	"time"
)

const (
	// cacheShards is a power of two. Each shard has its own lock, so that
	// requests with different tokens seldom meet.
	cacheShards = 32
	// maxCached bounds the tokens worth remembering. A browser's cookie can't be
	// longer.
	maxCached = 4 << 10
	// bytesPerToken is what a remembered token of ordinary length takes of the heap,
	// with what is derived of it. So much for each token bounds the cache in bytes;
	// of longer ones it holds fewer.
	bytesPerToken = 1536
	// overhead is the part of that which does not depend on the token's length.
	overhead = 700
	// sweepPeriod is how long an expired token stays at most.
	sweepPeriod = 10 * time.Second
)

// cache remembers verified tokens, the most recently used ones, until they expire.
// They are found by hashes under a seed of this process, so nobody can aim at one
// shard or slot; a hit compares the token itself, so that no collision hands over
// somebody else's identity.
type cache struct {
	// Kinds are checked differently and must not answer for each other, so each has
	// a seed of its own.
	seeds  [kinds]maphash.Seed
	shards [cacheShards]shard
}

// shard is a list from the most to the least recently used token, through the
// tokens themselves, and an index of it: 47 bytes a token, where golang-lru, with an
// element of its own for each, takes 103, and gives the collector 100,000 objects
// more to look at.
type shard struct {
	mu             sync.Mutex
	size, maxBytes int
	index          map[uint64]*Verified
	ends           Verified // next is the first, previous the last; no token itself
	bytes          int
	peak           int // the most tokens since the index was made
}

// links are a token's places in its shard, which guards them.
type links struct {
	next, previous *Verified
	sum            uint64
}

func newCache(size int) *cache {
	c := &cache{}
	for k := range c.seeds {
		c.seeds[k] = maphash.MakeSeed()
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.size = (size + cacheShards - 1) / cacheShards
		s.maxBytes = max(s.size*bytesPerToken, maxCached+overhead)
		s.index = make(map[uint64]*Verified)
		s.ends.next, s.ends.previous = &s.ends, &s.ends
	}
	return c
}

func (c *cache) sum(k kind, raw string) uint64 { return maphash.String(c.seeds[k], raw) }

func (c *cache) shard(sum uint64) *shard { return &c.shards[sum%cacheShards] }

func (c *cache) get(k kind, raw string) *Verified {
	sum := c.sum(k, raw)
	v := c.shard(sum).get(sum)
	if v == nil || v.kind != k || !v.token.is(raw) {
		return nil
	}
	return v
}

// add remembers v, whose token is raw. It must not have been added before.
func (c *cache) add(raw string, v *Verified) {
	if len(raw) > maxCached {
		return
	}
	sum := c.sum(v.kind, raw)
	c.shard(sum).add(sum, v)
}

// drop forgets the tokens that ended picks.
func (c *cache) drop(ended func(*Verified) bool) {
	for i := range c.shards {
		c.shards[i].drop(ended)
	}
}

func (c *cache) len() (n int) {
	for i := range c.shards {
		n += c.shards[i].len()
	}
	return n
}

// get returns the token with this sum, if any, as the one used last.
func (s *shard) get(sum uint64) *Verified {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.index[sum]
	if v != nil && s.ends.next != v {
		v.unlink()
		s.toFront(v)
	}
	return v
}

// add remembers v in place of what had its sum, and forgets the tokens that were not
// used for longest when there is no room.
func (s *shard) add(sum uint64, v *Verified) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.index[sum]; old != nil {
		s.remove(old)
	}
	for len(s.index) >= s.size || len(s.index) > 0 && s.bytes+v.size() > s.maxBytes {
		s.remove(s.ends.previous)
	}
	v.sum = sum
	s.index[sum] = v
	s.bytes += v.size()
	s.peak = max(s.peak, len(s.index))
	s.toFront(v)
}

// drop forgets the tokens that ended picks.
func (s *shard) drop(ended func(*Verified) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := s.ends.previous; v != &s.ends; {
		previous := v.previous
		if ended(v) {
			s.remove(v)
		}
		v = previous
	}
	if len(s.index) < s.peak/4 { // a map does not give memory back by itself
		index := make(map[uint64]*Verified, len(s.index))
		maps.Copy(index, s.index)
		s.index, s.peak = index, len(index)
	}
}

// remove takes v out; s.mu is held.
func (s *shard) remove(v *Verified) {
	v.unlink()
	delete(s.index, v.sum)
	s.bytes -= v.size()
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.index)
}

func (s *shard) toFront(v *Verified) {
	v.previous, v.next = &s.ends, s.ends.next
	v.next.previous = v
	s.ends.next = v
}

// unlink takes v out of its list. A request that still holds v keeps nothing else
// alive by it.
func (v *Verified) unlink() {
	v.previous.next, v.next.previous = v.next, v.previous
	v.previous, v.next = nil, nil
}

// size is about what v takes of the heap, in bytes.
func (v *Verified) size() int { return overhead + len(v.token.raw) }

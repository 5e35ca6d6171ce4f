package token

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// cacheShards is a power of two. Each shard has its own lock, so that
	// requests with different tokens seldom contend.
	cacheShards = 32
	// maxCached bounds the tokens worth remembering, in bytes: a browser's cookie
	// can't be longer.
	maxCached = 4 << 10
	// bytesPerToken is the heap that a remembered token of ordinary length takes, with
	// what is derived from it. Times the number of tokens it bounds the cache in bytes:
	// of longer tokens the cache holds fewer.
	bytesPerToken = 1536
	// overhead is the part of bytesPerToken that does not depend on the token's length.
	overhead = 700
	// sweepPeriod is how long an expired token stays at most.
	sweepPeriod = 10 * time.Second
)

// cache is an LRU cache of verified tokens, which stay until they expire. The index is
// a hash with a random seed, so that nobody can aim at one shard or slot; a hit also
// compares the token itself, so that no collision returns somebody else's identity.
type cache struct {
	// Each kind is checked differently and has its own seed, so that a token verified
	// as one kind is never found as another.
	seeds  [kinds]maphash.Seed
	shards [cacheShards]shard
}

// shard is an intrusive list, from the most to the least recently used token, and an
// index of it. It takes 47 bytes a token; golang-lru, which allocates an element for
// each, takes 103, and gives the garbage collector 100,000 more objects to scan.
type shard struct {
	mu             sync.Mutex
	hits           atomic.Uint64 // tokens that were found and counted, see [Verifier.Cached]
	size, maxBytes int
	index          map[uint64]*Verified
	ends           Verified // sentinel: next is the first token, previous the last
	bytes          int
	peak           int // the most tokens since the index was made
}

// links are a token's neighbours in its shard; the shard's mutex protects them.
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

// drop removes the tokens for which ended is true.
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

// hit counts that a token was found. The shard is the one that it was just found in, which
// this processor therefore has at hand.
func (c *cache) hit(found *Verified) { c.shard(found.sum).hits.Add(1) }

func (c *cache) hits() (n uint64) {
	for i := range c.shards {
		n += c.shards[i].hits.Load()
	}
	return n
}

// get returns the token with this sum, or nil, and makes it the most recently used.
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

// add stores v, replacing a token with the same sum, and removes the least recently used
// tokens to make room.
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

// drop removes the tokens for which ended is true.
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
	if len(s.index) < s.peak/4 { // a map never shrinks by itself
		index := make(map[uint64]*Verified, len(s.index))
		maps.Copy(index, s.index)
		s.index, s.peak = index, len(index)
	}
}

// remove removes v; s.mu is held.
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

// unlink removes the token from its list. It clears the links, so that a request that
// still holds the token keeps no other one alive.
func (vd *Verified) unlink() {
	vd.previous.next, vd.next.previous = vd.next, vd.previous
	vd.previous, vd.next = nil, nil
}

// size estimates the heap that the token takes, in bytes.
func (vd *Verified) size() int { return overhead + len(vd.token.raw) }

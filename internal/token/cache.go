package token

import (
	"hash/maphash"
	"sync"
)

const (
	// cacheShards is a power of two. Each shard has its own lock, so that
	// requests with different tokens seldom meet.
	cacheShards = 32
	// maxCached bounds the tokens worth remembering: a full cache takes about 1 KB
	// for each of ordinary size, and this keeps the worst case at some 5 KB. A
	// browser's cookie can't be longer.
	maxCached = 4 << 10
)

// cache remembers verified tokens, the most recently used ones. They are found by
// hashes under a seed of this process, so nobody can aim at one shard or slot; a
// hit compares the token itself, so that no collision hands over somebody else's
// identity.
type cache struct {
	// Kinds are checked differently and must not answer for each other, so each has
	// a seed of its own.
	seeds  [kinds]maphash.Seed
	shards [cacheShards]shard
}

// shard is a list from the most to the least recently used token, through the
// tokens themselves, and an index of it: with an element of its own for each, the
// list would take half as much as the tokens.
type shard struct {
	mu    sync.Mutex
	size  int
	index map[uint64]*Verified
	ends  Verified // next is the first, previous the last; no token itself
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
		s.purge()
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

func (c *cache) purge() {
	for i := range c.shards {
		c.shards[i].purge()
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

// add remembers v in place of what had its sum, and forgets the token that was not
// used for longest when there is no room.
func (s *shard) add(sum uint64, v *Verified) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.index[sum]; old != nil {
		old.unlink()
	} else if len(s.index) >= s.size {
		last := s.ends.previous
		last.unlink()
		delete(s.index, last.sum)
	}
	v.sum = sum
	s.index[sum] = v
	s.toFront(v)
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.index)
}

func (s *shard) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index = make(map[uint64]*Verified)
	s.ends.next, s.ends.previous = &s.ends, &s.ends
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

package token

import (
	"hash/maphash"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// cacheShards is a power of two. Each shard has its own lock, so that
	// requests with different tokens seldom meet.
	cacheShards = 32
	// maxCached bounds the tokens worth remembering: with the cache full of
	// ordinary tokens (about 1 KB) memory is about 4 KB for each, and this keeps
	// the worst case at some 20 KB. A browser's cookie can't be longer.
	maxCached = 4 << 10
)

// cache remembers verified tokens. Keys are hashes under a seed of this
// process, so nobody can aim at one shard or slot; a hit compares the token
// itself, so that no collision hands over somebody else's identity.
type cache struct {
	seed   maphash.Seed
	shards [cacheShards]*lru.Cache[cacheKey, *Verified]
}

type cacheKey struct {
	sum  uint64
	kind kind // kinds are checked differently and must not answer for each other
}

func newCache(size int) (*cache, error) {
	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		shard, err := lru.New[cacheKey, *Verified]((size + cacheShards - 1) / cacheShards)
		if err != nil {
			return nil, err
		}
		c.shards[i] = shard
	}
	return c, nil
}

func (c *cache) key(k kind, raw string) cacheKey {
	return cacheKey{maphash.String(c.seed, raw), k}
}

func (c *cache) get(k kind, raw string) *Verified {
	key := c.key(k, raw)
	v, ok := c.shards[key.sum%cacheShards].Get(key)
	if !ok || v.token.raw != raw {
		return nil
	}
	return v
}

func (c *cache) add(k kind, v *Verified) {
	if len(v.token.raw) > maxCached {
		return
	}
	key := c.key(k, v.token.raw)
	c.shards[key.sum%cacheShards].Add(key, v)
}

func (c *cache) purge() {
	for _, shard := range c.shards {
		shard.Purge()
	}
}

func (c *cache) len() (n int) {
	for _, shard := range c.shards {
		n += shard.Len()
	}
	return n
}

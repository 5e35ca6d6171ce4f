package token

import (
	"context"
	"crypto/rsa"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/internal/sweep"
)

// KeySource is where a [Verifier] finds keys; package jwks has two implementations. It
// must be safe for concurrent use.
type KeySource interface {
	// Key returns the key for the kid and the alg in the header of t. Its errors wrap
	// the error values of package jwks.
	Key(ctx context.Context, t *jwt.Token) (*rsa.PublicKey, error)
	// Generation changes whenever a key was removed or replaced.
	Generation() uint64
}

// DefaultCacheSize is how many verified tokens are cached by default. A token of
// ordinary length (about 0.9 KB) takes about 1.5 KB with what [Verified.Derived] built
// from it, and the cache as a whole never takes more than that for each token. Tokens
// longer than 4 KB are not cached.
const DefaultCacheSize = 100_000

// Config tells [New] how to verify tokens.
type Config struct {
	// Keys is the source of keys. With nil every token is refused, with the reason
	// jwk-failed-to-resolve; this is for instances that only look up opaque tokens.
	Keys KeySource
	// AuthorizedParties are the origins that azp may name. Empty allows any azp, and
	// a token without one. It does not apply to machine tokens, which have no azp.
	AuthorizedParties []string
	// Issuers are the values that iss may have; empty accepts any. Like
	// AuthorizedParties it does not apply to machine tokens.
	Issuers []string
	// Audience are the accepted audiences; empty accepts any. Session and M2M
	// tokens may lack the claim, OAuth tokens may not.
	Audience []string
	// ClockSkew is the tolerance for exp, nbf and iat. 0 means no tolerance, not
	// Clerk's default, which is 5 s. Negative is an error.
	ClockSkew time.Duration
	// CacheSize is how many verified tokens are cached. 0 means
	// [DefaultCacheSize], negative means no cache.
	CacheSize int
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Verifier verifies the tokens of one instance. It is safe for concurrent use. The
// errors of its methods are of type *[Error], except where [Verifier.Handshake] says
// otherwise.
type Verifier struct {
	cfg     Config
	cache   *cache // nil if tokens are not cached
	sweeper sweep.Sweeper
	misses  atomic.Uint64
}

// kind is a kind of token. Each has its own checks and its own part of the cache.
type kind uint8

const (
	kindSession kind = iota
	kindM2M
	kindOAuth
	kinds // how many
)

// New returns a Verifier. The error names a field of cfg that is invalid.
func New(cfg Config) (*Verifier, error) {
	if cfg.ClockSkew < 0 {
		return nil, errors.New("token: negative Config.ClockSkew")
	}
	isEmpty := func(s string) bool { return s == "" }
	cfg.AuthorizedParties = slices.Clone(cfg.AuthorizedParties)
	cfg.Audience = slices.DeleteFunc(slices.Clone(cfg.Audience), isEmpty)
	cfg.Issuers = slices.DeleteFunc(slices.Clone(cfg.Issuers), isEmpty)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v := &Verifier{cfg: cfg}
	if cfg.CacheSize >= 0 {
		if cfg.CacheSize == 0 {
			cfg.CacheSize = DefaultCacheSize
		}
		v.cache = newCache(cfg.CacheSize)
	}
	return v, nil
}

// Decode is [Decode], but a session token that was verified before is taken from the
// cache. The result counts as unverified all the same.
func (v *Verifier) Decode(raw string) (*Unverified, error) {
	if hit := v.remembered(kindSession, raw); hit != nil {
		return &hit.token, nil
	}
	return Decode(raw)
}

// Session verifies a session token (docs/protocol.md, 7).
func (v *Verifier) Session(ctx context.Context, raw string) (*Verified, error) {
	return v.verify(ctx, kindSession, raw, nil)
}

// SessionDecoded is [Verifier.Session] for a decoded token. One that
// [Verifier.Decode] took from the cache is not looked up again.
func (v *Verifier) SessionDecoded(ctx context.Context, u *Unverified) (*Verified, error) {
	// A token verified by another Verifier, with other options, does not count.
	if known := u.of; known != nil && known.by == v && known.kind == kindSession && v.isCurrent(known) {
		v.cache.hit(known)
		return v.live(known)
	}
	return v.verify(ctx, kindSession, u.Raw(), u)
}

// SessionWithSkew verifies a session token with another clock tolerance. The result is
// not cached, because it would not pass again.
func (v *Verifier) SessionWithSkew(ctx context.Context, raw string, skew time.Duration) (*Verified, error) {
	u, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	verified, refusal := v.judge(ctx, kindSession, u, skew)
	if refusal != nil {
		return nil, refusal
	}
	return verified, nil
}

// M2M verifies a machine-to-machine JWT. The reason of its errors is token-invalid or
// token-verification-failed.
func (v *Verifier) M2M(ctx context.Context, raw string) (*Verified, error) {
	return v.verify(ctx, kindM2M, raw, nil)
}

// OAuth verifies an OAuth access token that is a JWT. Its errors are those of
// [Verifier.M2M].
func (v *Verifier) OAuth(ctx context.Context, raw string) (*Verified, error) {
	return v.verify(ctx, kindOAuth, raw, nil)
}

// verify takes raw from the cache, or judges it and adds it. u is raw decoded, or nil.
// A cached token has passed every check but that of its times.
func (v *Verifier) verify(ctx context.Context, k kind, raw string, u *Unverified) (*Verified, error) {
	if hit := v.remembered(k, raw); hit != nil {
		v.cache.hit(hit)
		return v.live(hit)
	}
	v.misses.Add(1)
	if u == nil {
		var err error
		if u, err = Decode(raw); err != nil {
			return nil, err
		}
	}
	verified, refusal := v.judge(ctx, k, u, v.cfg.ClockSkew)
	if refusal != nil {
		return nil, refusal
	}
	if v.cache != nil {
		v.remember(raw, verified)
	}
	return verified, nil
}

// Cached returns how many tokens were found in the cache instead of being verified, and how
// many were not.
func (v *Verifier) Cached() (hits, misses uint64) {
	if v.cache != nil {
		hits = v.cache.hits()
	}
	return hits, v.misses.Load()
}

func (v *Verifier) remember(raw string, verified *Verified) {
	v.cache.add(raw, verified)
	sweep.Arm(&v.sweeper, v, sweepPeriod, (*Verifier).sweep)
}

// sweep removes expired tokens from the cache and reports whether any are left.
func (v *Verifier) sweep() (left bool) {
	ended := float64(v.cfg.Now().Add(-v.cfg.ClockSkew).UnixMilli())
	v.cache.drop(func(known *Verified) bool { return known.times.exp <= ended })
	return v.cache.len() > 0
}

// live returns a cached token if its times still hold.
func (v *Verifier) live(known *Verified) (*Verified, error) {
	if refusal := known.times.check(v.cfg.Now(), v.cfg.ClockSkew); refusal != nil {
		return nil, asKind(known.kind, refusal)
	}
	return known, nil
}

// remembered returns the cached token if it was verified with the current keys.
func (v *Verifier) remembered(k kind, raw string) *Verified {
	if v.cache == nil {
		return nil
	}
	hit := v.cache.get(k, raw)
	if hit == nil || !v.isCurrent(hit) {
		return nil
	}
	return hit
}

// isCurrent reports whether a token was verified with the current keys.
func (v *Verifier) isCurrent(known *Verified) bool {
	return v.cfg.Keys != nil && known.generation == v.cfg.Keys.Generation()
}

// asKind returns the error that Clerk's SDK gives for a token of kind k.
func asKind(k kind, e *Error) *Error {
	if k == kindSession {
		return e
	}
	return e.machine()
}

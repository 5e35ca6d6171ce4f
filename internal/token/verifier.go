package token

import (
	"context"
	"crypto/rsa"
	"errors"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/internal/sweep"
)

// KeySource is where a [Verifier] finds keys; the package jwks has two. Safe for concurrent use.
type KeySource interface {
	// Key returns the key for the kid and the alg in the header of t. Errors are told
	// apart by the package jwks's error values.
	Key(ctx context.Context, t *jwt.Token) (*rsa.PublicKey, error)
	// Generation changes whenever a key was removed or replaced.
	Generation() uint64
}

// DefaultCacheSize is how many verified tokens are remembered. An ordinary
// token (about 0.9 KB) takes about 1.5 KB with what [Verified.Derived] built of it, and
// the cache never takes more than so much for each; tokens above 4 KB are never
// remembered.
const DefaultCacheSize = 100_000

// Config tells [New] how to judge tokens.
type Config struct {
	// Keys is the source of keys. Nil refuses every token with
	// jwk-failed-to-resolve: it is for instances that only look up opaque tokens.
	Keys KeySource
	// AuthorizedParties are the origins that azp must be one of; empty allows
	// every azp, also none. Machine tokens have no azp and are not asked for it.
	AuthorizedParties []string
	// Audience are the accepted audiences; empty accepts any. Session and M2M
	// tokens may lack the claim, OAuth tokens may not.
	Audience []string
	// ClockSkew is the tolerance for exp, nbf and iat, as it is: 0 is none.
	// Clerk's own default is 5 s. Negative is an error.
	ClockSkew time.Duration
	// CacheSize is how many verified tokens are remembered. 0 means
	// [DefaultCacheSize], negative none.
	CacheSize int
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Verifier verifies the tokens of one instance. Safe for concurrent use.
// Errors of its methods are *[Error], but for the one that [Verifier.Handshake] names.
type Verifier struct {
	cfg     Config
	cache   *cache // nil when nothing is remembered
	sweeper sweep.Sweeper
}

// kind is a way to verify: each has its own checks and its own cache entries.
type kind uint8

const (
	kindSession kind = iota
	kindM2M
	kindOAuth
	kinds // how many
)

// New returns a Verifier.
func New(cfg Config) (*Verifier, error) {
	if cfg.ClockSkew < 0 {
		return nil, errors.New("token: negative Config.ClockSkew")
	}
	isEmpty := func(s string) bool { return s == "" }
	cfg.AuthorizedParties = slices.Clone(cfg.AuthorizedParties)
	cfg.Audience = slices.DeleteFunc(slices.Clone(cfg.Audience), isEmpty)
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

// Decode is [Decode] without its work for a session token that was verified
// before. What it returns is unverified all the same.
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

// SessionDecoded is [Verifier.Session] for a token that is decoded already. One
// that [Verifier.Decode] remembered is not looked for again.
func (v *Verifier) SessionDecoded(ctx context.Context, u *Unverified) (*Verified, error) {
	// What another verifier found good says nothing here.
	if known := u.of; known != nil && known.by == v && known.kind == kindSession && v.isCurrent(known) {
		return v.live(known)
	}
	return v.verify(ctx, kindSession, u.Raw(), u)
}

// SessionWithSkew verifies with another clock tolerance. The result is not
// remembered: it would not pass again.
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

// M2M verifies a machine-to-machine JWT. Its errors have the reasons that
// machine tokens know: token-invalid and token-verification-failed.
func (v *Verifier) M2M(ctx context.Context, raw string) (*Verified, error) {
	return v.verify(ctx, kindM2M, raw, nil)
}

// OAuth verifies an OAuth access token that is a JWT; errors as for
// [Verifier.M2M].
func (v *Verifier) OAuth(ctx context.Context, raw string) (*Verified, error) {
	return v.verify(ctx, kindOAuth, raw, nil)
}

// verify answers from the cache or judges and remembers. u is raw decoded, or
// nil. The cache knows signature and claims, never the time.
func (v *Verifier) verify(ctx context.Context, k kind, raw string, u *Unverified) (*Verified, error) {
	if hit := v.remembered(k, raw); hit != nil {
		return v.live(hit)
	}
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

func (v *Verifier) remember(raw string, verified *Verified) {
	v.cache.add(raw, verified)
	sweep.Arm(&v.sweeper, v, sweepPeriod, (*Verifier).sweep)
}

// sweep forgets what has expired.
func (v *Verifier) sweep() (left bool) {
	ended := float64(v.cfg.Now().Add(-v.cfg.ClockSkew).UnixMilli())
	v.cache.drop(func(known *Verified) bool { return known.times.exp <= ended })
	return v.cache.len() > 0
}

// live returns a token that was verified before unless its time is over.
func (v *Verifier) live(known *Verified) (*Verified, error) {
	if refusal := known.times.check(v.cfg.Now(), v.cfg.ClockSkew); refusal != nil {
		return nil, asKind(known.kind, refusal)
	}
	return known, nil
}

// remembered returns the token if it was verified with the keys of now.
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

// isCurrent reports whether a token was verified with the keys of now.
func (v *Verifier) isCurrent(known *Verified) bool {
	return v.cfg.Keys != nil && known.generation == v.cfg.Keys.Generation()
}

func asKind(k kind, e *Error) *Error {
	if k == kindSession {
		return e
	}
	return e.machine()
}

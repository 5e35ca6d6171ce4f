package token

import (
	"sync"
	"sync/atomic"
)

// Verified is a token that passed every check. Shared between requests and
// read-only.
type Verified struct {
	by         *Verifier
	kind       kind
	token      Unverified
	times      times
	generation uint64 // of the keys

	unreadable, hasParty bool
	// claims are kept from the verification until they have served to build what
	// is derived, and then let go.
	claims atomic.Pointer[Claims]

	once    sync.Once
	derived any

	links // of the cache
}

// keep takes over what u says.
func (v *Verified) keep(u *Unverified) {
	claims := parseClaims(u.document(), v.kind)
	v.token = u.forgotten(v)
	v.unreadable, v.hasParty = claims.Unreadable, claims.AuthorizedParty != ""
	v.claims.Store(claims)
}

// Token returns the token as it was decoded.
func (v *Verified) Token() *Unverified { return &v.token }

// Claims returns what the token says. Once [Verified.Derived] was called they are
// no longer held and are read from the token each time: take them within its
// build, and keep what is needed.
func (v *Verified) Claims() *Claims {
	if c := v.claims.Load(); c != nil {
		return c
	}
	return parseClaims(v.token.document(), v.kind)
}

// Unreadable is [Claims.Unreadable].
func (v *Verified) Unreadable() bool { return v.unreadable }

// HasAuthorizedParty reports whether [Claims.AuthorizedParty] is there.
func (v *Verified) HasAuthorizedParty() bool { return v.hasParty }

// Derived returns what build made of this token, building it once for as long
// as the token is remembered. All callers must build the same thing, and what
// they build must be safe to share.
func (v *Verified) Derived(build func(*Verified) any) any {
	v.once.Do(func() {
		v.derived = build(v)
		v.claims.Store(nil)
	})
	return v.derived
}

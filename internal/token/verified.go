package token

import (
	"sync"
	"sync/atomic"
)

// Verified is a token that passed every check. It is read-only, because requests share
// it.
type Verified struct {
	by         *Verifier // that verified it
	kind       kind
	token      Unverified
	times      times
	generation uint64 // of the keys

	unreadable, hasParty bool
	// claims are kept until derived has been built from them.
	claims atomic.Pointer[Claims]

	once     sync.Once
	derived  any
	attached atomic.Pointer[any]

	links // in the cache
}

// keep stores the contents of u.
func (vd *Verified) keep(u *Unverified) {
	claims := parseClaims(u.document(), vd.kind)
	vd.token = u.forgotten(vd)
	vd.unreadable, vd.hasParty = claims.Unreadable, claims.AuthorizedParty != ""
	vd.claims.Store(claims)
}

// Token returns the decoded token.
func (vd *Verified) Token() *Unverified { return &vd.token }

// Claims returns the token's claims. After a call to [Verified.Derived] they are no
// longer stored, and each call decodes the token again: read them in its build
// function and keep what is needed.
func (vd *Verified) Claims() *Claims {
	if c := vd.claims.Load(); c != nil {
		return c
	}
	return parseClaims(vd.token.document(), vd.kind)
}

// Unreadable reports [Claims.Unreadable].
func (vd *Verified) Unreadable() bool { return vd.unreadable }

// HasAuthorizedParty reports whether [Claims.AuthorizedParty] is set.
func (vd *Verified) HasAuthorizedParty() bool { return vd.hasParty }

// Derived returns the result of build for this token, which is called once and kept as
// long as the token is. All callers must pass the same function, and its result must
// be safe to share.
func (vd *Verified) Derived(build func(*Verified) any) any {
	vd.once.Do(func() {
		vd.derived = build(vd)
		vd.claims.Store(nil)
	})
	return vd.derived
}

// Attached returns what [Verified.Attach] was called with last, or nil.
func (vd *Verified) Attached() any {
	if v := vd.attached.Load(); v != nil {
		return *v
	}
	return nil
}

// Attach keeps v as long as the token, in place of what was attached before. Unlike a
// [Verified.Derived] value it can be made anew, from different inputs. The cache does not
// count its memory, so that the caller must bound it.
func (vd *Verified) Attach(v any) { vd.attached.Store(&v) }

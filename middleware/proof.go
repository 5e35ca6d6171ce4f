package middleware

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// proofMemory is the longest time that the verification of an opaque token counts while it
// cannot be repeated.
const proofMemory = time.Minute

// proofs remembers whom opaque tokens belonged to when Clerk last verified them, for
// [Options.OutageGrace]. It is safe for concurrent use.
type proofs struct {
	known *lru.Cache[opaqueKey, proof] // nil without a grace
	grace time.Duration
	now   func() time.Time
}

// proof is a verification that was successful.
type proof struct {
	auth *Auth
	at   time.Time
}

func newProofs(o *Options) (*proofs, error) {
	p := &proofs{grace: min(o.OutageGrace, proofMemory), now: o.Now}
	if p.grace == 0 {
		return p, nil
	}
	var err error
	p.known, err = lru.New[opaqueKey, proof](machineCacheSize)
	return p, err
}

// note records what Clerk has said about a token; a nil auth means that Clerk refused it.
func (p *proofs) note(key opaqueKey, auth *Auth) {
	switch {
	case p.known == nil:
	case auth == nil:
		p.known.Remove(key)
	default:
		p.known.Add(key, proof{auth, p.now()})
	}
}

// last returns whom the token belonged to, and how many seconds ago that was verified. auth
// is nil if that is not known or was too long ago.
func (p *proofs) last(key opaqueKey) (auth *Auth, age time.Duration) {
	if p.known == nil {
		return nil, 0
	}
	last, ok := p.known.Get(key)
	if age = p.now().Sub(last.at); !ok || age > p.grace {
		return nil, 0
	}
	return last.auth, max(age, time.Second)
}

package token

// HeaderIsNull reports whether the header is the JSON value null. At it, and at
// claims that are null, the reference stops with an error of its own instead of
// refusing the token (docs/protocol.md, 5.10).
func (u *Unverified) HeaderIsNull() bool { return u.traits.headerNull }

// ClaimsAreNull reports whether the claims are the JSON value null.
func (u *Unverified) ClaimsAreNull() bool { return u.traits.claimsNull }

// IssuedBefore is JavaScript's iat < seconds, which converts iat first: null is
// 0, a text is the number that it spells, an absent claim is before nothing.
func (u *Unverified) IssuedBefore(seconds float64) bool { return u.traits.issued < seconds }

// IssuedAfter is JavaScript's (iat || 0) > (other.iat || 0); either may be nil, as
// a token that could not be decoded.
func (u *Unverified) IssuedAfter(other *Unverified) bool {
	return u.issuedOrZero() > other.issuedOrZero()
}

func (u *Unverified) issuedOrZero() float64 {
	if u == nil || !u.traits.issuedIsTrue {
		return 0
	}
	return u.traits.issued
}

// ExpiresUntil is JavaScript's exp <= seconds, converted likewise.
func (u *Unverified) ExpiresUntil(seconds float64) bool { return u.traits.expires <= seconds }

package token

// HeaderIsNull reports whether the header is the JSON value null. For such a header,
// and for claims that are null, Clerk's SDK throws instead of refusing the token
// (docs/protocol.md, 5.10).
func (u *Unverified) HeaderIsNull() bool { return u.traits.headerNull }

// ClaimsAreNull reports whether the claims are the JSON value null.
func (u *Unverified) ClaimsAreNull() bool { return u.traits.claimsNull }

// IssuedBefore is JavaScript's iat < seconds, which converts iat first: null is 0, a
// string is the number that it spells, and for an absent claim the result is false.
func (u *Unverified) IssuedBefore(seconds float64) bool { return u.traits.issued < seconds }

// IssuedAfter is JavaScript's (iat || 0) > (other.iat || 0). Either token may be nil,
// for one that could not be decoded.
func (u *Unverified) IssuedAfter(other *Unverified) bool {
	return u.issuedOrZero() > other.issuedOrZero()
}

func (u *Unverified) issuedOrZero() float64 {
	if u == nil || !u.traits.issuedIsTrue {
		return 0
	}
	return u.traits.issued
}

// ExpiresUntil is JavaScript's exp <= seconds, with the conversion of
// [Unverified.IssuedBefore].
func (u *Unverified) ExpiresUntil(seconds float64) bool { return u.traits.expires <= seconds }

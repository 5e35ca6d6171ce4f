package token

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// HeaderIsNull reports whether the header is the JSON value null. At it, and at
// claims that are null, the reference stops with an error of its own instead of
// refusing the token (reference-behaviour.md, 42).
func (u *Unverified) HeaderIsNull() bool { return u.traits.headerNull }

// ClaimsAreNull reports whether the claims are the JSON value null.
func (u *Unverified) ClaimsAreNull() bool { return u.traits.claimsNull }

func isNull(doc []byte) bool { return bytes.Equal(bytes.Trim(doc, " \t\r\n"), []byte("null")) }

// IssuedBefore is JavaScript's iat < seconds, which converts iat first: null is
// 0, a text is the number that it spells, an absent claim is before nothing.
func (u *Unverified) IssuedBefore(seconds float64) bool { return u.traits.issued < seconds }

// IssuedAfter is JavaScript's (iat || 0) > (other.iat || 0); either may be nil, as
// a token that could not be decoded.
func (u *Unverified) IssuedAfter(other *Unverified) bool {
	return u.issuedOrZero() > other.issuedOrZero()
}

func (u *Unverified) issuedOrZero() float64 {
	if u == nil {
		return 0
	}
	return u.traits.issuedOrZero
}

// ExpiresUntil is JavaScript's exp <= seconds, converted likewise.
func (u *Unverified) ExpiresUntil(seconds float64) bool { return u.traits.expires <= seconds }

// converted is JavaScript's Number(v) for the values that JSON has, but for lists
// and objects, which count as not a number.
func (v Value) converted() float64 {
	if n, ok := v.Number(); ok {
		return n
	}
	if s, ok := v.Text(); ok {
		s = strings.TrimSpace(s)
		if s == "" {
			return 0
		}
		if strings.Trim(s, "0123456789.eE+-") != "" {
			return math.NaN()
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(n, 0) {
			return math.NaN()
		}
		return n
	}
	switch string(v.raw) {
	case "null", "false":
		return 0
	case "true":
		return 1
	}
	return math.NaN()
}

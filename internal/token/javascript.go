package token

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// HeaderIsNull reports whether the header is the JSON value null. At it, and at
// claims that are null, the reference stops with an error of its own instead of
// refusing the token (docs/protocol.md, 5.10).
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
	if u == nil || !u.traits.issuedIsTrue {
		return 0
	}
	return u.traits.issued
}

// ExpiresUntil is JavaScript's exp <= seconds, converted likewise.
func (u *Unverified) ExpiresUntil(seconds float64) bool { return u.traits.expires <= seconds }

// converted is JavaScript's Number(v) for the values that JSON has.
func (v Value) converted() float64 {
	if n, ok := v.Number(); ok {
		return n
	}
	if s, ok := v.Text(); ok {
		return Number(s)
	}
	if elems, ok := v.list(); ok {
		// A list is first joined to a text, so that one with a single element counts
		// as that element spelled out; only a nested list or a number can survive it.
		switch {
		case len(elems) == 0:
			return 0
		case len(elems) > 1:
			return math.NaN()
		}
		switch string(elems[0].raw) {
		case "true", "false":
			return math.NaN()
		}
		return elems[0].converted()
	}
	switch string(v.raw) {
	case "null", "false":
		return 0
	case "true":
		return 1
	}
	return math.NaN()
}

// Number is JavaScript's Number(s): white space trimmed, the whole text a decimal,
// hexadecimal, octal or binary number, or Infinity; not a number otherwise.
func Number(s string) float64 {
	s = strings.TrimFunc(s, isJSSpace)
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		switch s[1] {
		case 'x', 'X':
			return radixNumber(s[2:], 16)
		case 'o', 'O':
			return radixNumber(s[2:], 8)
		case 'b', 'B':
			return radixNumber(s[2:], 2)
		}
	}
	switch s {
	case "Infinity", "+Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	// ParseFloat also takes "inf", "nan", underscores and hexadecimal floats.
	if strings.Trim(s, "0123456789.eE+-") != "" {
		return math.NaN()
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}

// radixNumber reads digits of a base and nothing else.
func radixNumber(s string, base int) float64 {
	for i := range len(s) {
		if _, err := strconv.ParseUint(s[i:i+1], base, 8); err != nil {
			return math.NaN()
		}
	}
	s = strings.TrimLeft(s, "0")
	if len(s) > 1024 { // out of range in every base; big.Int would take long
		return math.Inf(1)
	}
	if s == "" {
		return 0
	}
	n, ok := new(big.Int).SetString(s, base)
	if !ok {
		return math.NaN()
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

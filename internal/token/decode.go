package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
)

// MaxSize bounds a token, in bytes; a longer one is refused before it is
// split. Headers and cookies of ordinary servers are smaller than this.
const MaxSize = 16 << 10

// Header is a token's header.
type Header struct {
	Alg, Kid, Typ, Cat Value
}

// Unverified is a token that was decoded and not verified: anyone may have
// written what it says. Immutable, safe for concurrent use.
type Unverified struct {
	Header Header

	raw       string
	payload   []byte // JSON text of the claims
	signature []byte
	isObject  bool
	traits    traits

	iss, sub, sid, aud, azp, iat, exp, nbf Value
	issText, sidText                       string
}

var tokenEncoding = base64.RawURLEncoding.Strict()

// Decode reads a token without verifying it. Errors are *[Error] with reason
// token-invalid. What decodes is exactly what decodes in the reference:
// base64url with any number of '=' behind and no stray bits, UTF-8 with or
// without a byte order mark, any JSON value as header and as claims.
func Decode(raw string) (*Unverified, error) {
	if len(raw) > MaxSize {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid JWT form. The token is too long."}
	}
	h, rest, _ := strings.Cut(raw, ".")
	p, s, found := strings.Cut(rest, ".")
	if !found || strings.Contains(s, ".") {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid JWT form. A JWT consists of three parts separated by dots."}
	}
	u := &Unverified{raw: raw}
	var header []byte
	var ok bool
	if header, ok = decodeJSON(h); ok {
		if u.payload, ok = decodeJSON(p); ok {
			u.signature, ok = decodePart(s)
		}
	}
	if !ok {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid JWT form. The header, payload, or signature could not be decoded."}
	}
	u.readHeader(header)
	u.readClaims()
	u.readTraits(header, isJWTFormat(h, p, s))
	return u, nil
}

func decodePart(part string) ([]byte, bool) {
	// The decoder skips line breaks, which a percent-decoded cookie can hold.
	if strings.ContainsAny(part, "\r\n") {
		return nil, false
	}
	b, err := tokenEncoding.DecodeString(strings.TrimRight(part, "="))
	return b, err == nil
}

func decodeJSON(part string) ([]byte, bool) {
	b, ok := decodePart(part)
	if !ok {
		return nil, false
	}
	b = decodeText(b)
	return b, json.Valid(b)
}

func (u *Unverified) readHeader(doc []byte) {
	walkObject(doc, func(name, raw []byte) {
		switch string(name) {
		case "alg":
			u.Header.Alg = Value{raw}
		case "kid":
			u.Header.Kid = Value{raw}
		case "typ":
			u.Header.Typ = Value{raw}
		case "cat":
			u.Header.Cat = Value{raw}
		}
	})
}

func (u *Unverified) readClaims() {
	u.isObject = walkObject(u.payload, func(name, raw []byte) {
		switch string(name) {
		case "iss":
			u.iss = Value{raw}
		case "sub":
			u.sub = Value{raw}
		case "sid":
			u.sid = Value{raw}
		case "aud":
			u.aud = Value{raw}
		case "azp":
			u.azp = Value{raw}
		case "iat":
			u.iat = Value{raw}
		case "exp":
			u.exp = Value{raw}
		case "nbf":
			u.nbf = Value{raw}
		}
	})
	u.issText, _ = u.iss.Text()
	u.sidText, _ = u.sid.Text()
}

// Raw returns the token itself. It is a secret: not for logs.
func (u *Unverified) Raw() string { return u.raw }

// ClaimsAreObject reports whether the claims are a JSON object (or array, which
// JavaScript treats alike); of null and other values every claim is absent.
func (u *Unverified) ClaimsAreObject() bool {
	return u.isObject || bytes.HasPrefix(bytes.TrimLeft(u.payload, " \t\r\n"), []byte("["))
}

// Issuer returns the iss claim: its text if it is a string (ok), and whether
// JavaScript would take it for true.
func (u *Unverified) Issuer() (iss string, ok, truthy bool) {
	return u.issText, len(u.iss.raw) > 0 && u.iss.raw[0] == '"', u.iss.Truthy()
}

// SID returns the session id, and whether JavaScript would take the claim for true.
// A true number is an id as it is spelled; anything else but text is "".
func (u *Unverified) SID() (sid string, truthy bool) {
	truthy = u.sid.Truthy()
	if _, isNumber := u.sid.Number(); isNumber && truthy {
		return string(u.sid.raw), true
	}
	return u.sidText, truthy
}

// IAT returns when the token was issued, in Unix seconds, if it says a number.
func (u *Unverified) IAT() (seconds float64, ok bool) { return u.iat.Number() }

// EXP returns when the token expires, in Unix seconds, if it says a number.
func (u *Unverified) EXP() (seconds float64, ok bool) { return u.exp.Number() }

// ExpiresMillis returns the expiry as JavaScript's Date has it, in Unix
// milliseconds; NaN when it is no number or no date.
func (u *Unverified) ExpiresMillis() float64 {
	n, ok := u.exp.Number()
	if !ok {
		return math.NaN()
	}
	return dateMillis(n)
}

// HasSubjectPrefix reports whether sub is a string that begins with prefix.
func (u *Unverified) HasSubjectPrefix(prefix string) bool {
	sub, ok := u.sub.Text()
	return ok && strings.HasPrefix(sub, prefix)
}

package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unique"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// MaxSize bounds a token, in bytes; a longer one is refused before it is
// split. The headers and cookies that ordinary servers accept are smaller than this.
const MaxSize = 16 << 10

// Unverified is a token that was decoded but not verified: anyone may have written
// its contents. It is immutable, and safe for concurrent use.
type Unverified struct {
	raw    string // in a verified token without its header, which is in parts
	parts  unique.Handle[parts]
	doc    *document // nil in a verified token, see [Unverified.document]
	of     *Verified // the verified token that this belongs to, or nil
	traits traits
}

// document holds the decoded header, claims and signature of a token.
type document struct {
	alg, kid, typ, cat javascript.Value // of the header

	payload   []byte // JSON text of the claims
	signature []byte

	iss, sub, sid, aud, azp, iat, exp, nbf javascript.Value
	issText, sidText                       string
}

// parts are equal in all tokens of one instance, so verified tokens share one copy.
type parts struct {
	header string // encoded, with the dot that follows it
	issuer string
}

var tokenEncoding = base64.RawURLEncoding.Strict()

// Decode reads a token without verifying it. The error is an *[Error] with the reason
// token-invalid. It accepts exactly what Clerk's SDK accepts: base64url followed by any
// number of '=' and without stray bits, UTF-8 with or without a byte order mark, and
// any JSON value as header and claims.
func Decode(raw string) (*Unverified, error) {
	if len(raw) > MaxSize {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid JWT form. The token is too long."}
	}
	h, rest, _ := strings.Cut(raw, ".")
	p, s, found := strings.Cut(rest, ".")
	if !found || strings.Contains(s, ".") {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid JWT form. A JWT consists of three parts separated by dots."}
	}
	decoded := &struct { // one allocation for both
		token Unverified
		doc   document
	}{}
	u, d := &decoded.token, &decoded.doc
	u.raw, u.doc = raw, d
	var header []byte
	var ok bool
	if header, ok = decodeJSON(h); ok {
		if d.payload, ok = decodeJSON(p); ok {
			d.signature, ok = decodePart(s)
		}
	}
	if !ok {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid JWT form. The header, payload, or signature could not be decoded."}
	}
	d.readHeader(header)
	d.readClaims()
	u.traits = d.traits(header, isJWTFormat(h, p, s))
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
	b = javascript.DecodeText(b)
	return b, json.Valid(b)
}

func (d *document) readHeader(doc []byte) {
	javascript.WalkObject(doc, func(name, raw []byte) {
		switch string(name) {
		case "alg":
			d.alg = javascript.Value{Raw: raw}
		case "kid":
			d.kid = javascript.Value{Raw: raw}
		case "typ":
			d.typ = javascript.Value{Raw: raw}
		case "cat":
			d.cat = javascript.Value{Raw: raw}
		}
	})
}

func (d *document) readClaims() {
	javascript.WalkObject(d.payload, func(name, raw []byte) {
		switch string(name) {
		case "iss":
			d.iss = javascript.Value{Raw: raw}
		case "sub":
			d.sub = javascript.Value{Raw: raw}
		case "sid":
			d.sid = javascript.Value{Raw: raw}
		case "aud":
			d.aud = javascript.Value{Raw: raw}
		case "azp":
			d.azp = javascript.Value{Raw: raw}
		case "iat":
			d.iat = javascript.Value{Raw: raw}
		case "exp":
			d.exp = javascript.Value{Raw: raw}
		case "nbf":
			d.nbf = javascript.Value{Raw: raw}
		}
	})
	d.issText, _ = d.iss.Text()
	d.sidText, _ = d.sid.Text()
}

// forgotten returns a copy of u for v that holds the token and its traits, and keeps
// neither the cookie header nor the document alive.
func (u *Unverified) forgotten(v *Verified) Unverified {
	d := u.document()
	raw := u.Raw()
	cut := strings.IndexByte(raw, '.') + 1
	return Unverified{
		raw:    strings.Clone(raw[cut:]),
		parts:  unique.Make(parts{raw[:cut], d.issText}),
		of:     v,
		traits: u.traits,
	}
}

// document returns the decoded token. A verified token is decoded again: its document
// would take more memory than all the rest, and is seldom needed.
func (u *Unverified) document() *document {
	if u.doc != nil {
		return u.doc
	}
	again, err := Decode(u.Raw())
	if err != nil { // it decoded before; an empty document passes no check
		return &document{}
	}
	return again.doc
}

// is reports whether raw is this token.
func (u *Unverified) is(raw string) bool {
	if u.doc != nil {
		return raw == u.raw
	}
	header := u.parts.Value().header
	return len(raw) == len(header)+len(u.raw) && raw[len(header):] == u.raw && raw[:len(header)] == header
}

// Raw returns the token itself, which is a credential: do not log it.
func (u *Unverified) Raw() string {
	if u.doc != nil {
		return u.raw
	}
	return u.parts.Value().header + u.raw
}

// Issuer returns the iss claim: its text and ok if it is a string, and whether it is
// truthy in JavaScript.
func (u *Unverified) Issuer() (iss string, ok, truthy bool) {
	t := &u.traits
	if u.doc != nil {
		return u.doc.issText, t.issuerIsText, t.issuerIsTrue
	}
	return u.parts.Value().issuer, t.issuerIsText, t.issuerIsTrue
}

// Subject returns the user id (claim sub), or "" if it is not a string.
func (u *Unverified) Subject() string {
	sub, _ := u.document().sub.Text()
	return sub
}

// SID returns the session id and whether the sid claim is truthy in JavaScript. A
// number other than 0 is returned as it is spelled; for other types the id is "".
func (u *Unverified) SID() (sid string, truthy bool) {
	d := u.document()
	truthy = d.sid.Truthy()
	if _, isNumber := d.sid.Number(); isNumber && truthy {
		return string(d.sid.Raw), true
	}
	return d.sidText, truthy
}

// IAT returns the iat claim in Unix seconds; ok is false if it is not a number.
func (u *Unverified) IAT() (seconds float64, ok bool) { return u.document().iat.Number() }

// EXP returns the exp claim in Unix seconds; ok is false if it is not a number.
func (u *Unverified) EXP() (seconds float64, ok bool) { return u.document().exp.Number() }

func (d *document) hasSubjectPrefix(prefix string) bool {
	sub, ok := d.sub.Text()
	return ok && strings.HasPrefix(sub, prefix)
}

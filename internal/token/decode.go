package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unique"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// MaxSize bounds a token, in bytes; a longer one is refused before it is
// split. Headers and cookies of ordinary servers are smaller than this.
const MaxSize = 16 << 10

// Unverified is a token that was decoded and not verified: anyone may have
// written what it says. Immutable, safe for concurrent use.
type Unverified struct {
	raw    string // without its header in a verified token, which has parts
	parts  unique.Handle[parts]
	doc    *document // nil in a verified token, see [Unverified.document]
	of     *Verified // the verified token that this is the text of, or nil
	traits traits
}

// document is what a token says.
type document struct {
	alg, kid, typ, cat javascript.Value // of the header

	payload   []byte // JSON text of the claims
	signature []byte

	iss, sub, sid, aud, azp, iat, exp, nbf javascript.Value
	issText, sidText                       string
}

// parts are what the tokens of one instance have in common. Verified tokens share
// one copy.
type parts struct {
	header string // as it is encoded, with its dot
	issuer string
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
	decoded := &struct { // in one allocation
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

// forgotten returns a copy of u for v: it holds the token itself and what
// every judgement asks, and keeps neither a whole cookie nor the document alive.
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

// document returns what the token says. A verified token is decoded again: the
// text takes more memory than all the rest, and is seldom asked for.
func (u *Unverified) document() *document {
	if u.doc != nil {
		return u.doc
	}
	again, err := Decode(u.Raw())
	if err != nil { // it decoded before; what says nothing passes no check
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

// Raw returns the token itself. It is a secret: not for logs.
func (u *Unverified) Raw() string {
	if u.doc != nil {
		return u.raw
	}
	return u.parts.Value().header + u.raw
}

// Issuer returns the iss claim: its text if it is a string (ok), and whether
// JavaScript would take it for true.
func (u *Unverified) Issuer() (iss string, ok, truthy bool) {
	t := &u.traits
	if u.doc != nil {
		return u.doc.issText, t.issuerIsText, t.issuerIsTrue
	}
	return u.parts.Value().issuer, t.issuerIsText, t.issuerIsTrue
}

// SID returns the session id, and whether JavaScript would take the claim for true.
// A true number is an id as it is spelled; anything else but text is "".
func (u *Unverified) SID() (sid string, truthy bool) {
	d := u.document()
	truthy = d.sid.Truthy()
	if _, isNumber := d.sid.Number(); isNumber && truthy {
		return string(d.sid.Raw), true
	}
	return d.sidText, truthy
}

// IAT returns when the token was issued, in Unix seconds, if it says a number.
func (u *Unverified) IAT() (seconds float64, ok bool) { return u.document().iat.Number() }

// EXP returns when the token expires, in Unix seconds, if it says a number.
func (u *Unverified) EXP() (seconds float64, ok bool) { return u.document().exp.Number() }

func (d *document) hasSubjectPrefix(prefix string) bool {
	sub, ok := d.sub.Text()
	return ok && strings.HasPrefix(sub, prefix)
}

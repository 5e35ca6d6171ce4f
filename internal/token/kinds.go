package token

import "github.com/clerkgate/clerkgate/internal/javascript"

// Categories of tokens that are signed with the instance's key, in the header "cat"
// (docs/protocol.md, 6.2 to 6.6).
const (
	categorySession = "cl_B7d4PD111AAA" // session and handshake tokens
	categoryM2M     = "cl_B7d4PD333AAA"
	// categoryIgnore is in every token of some instances, so it says nothing.
	categoryIgnore = "cl_I7d4PD111III"
)

// Kinds of machine tokens, returned by [Unverified.MachineKind].
const (
	KindM2M   = "m2m"
	KindOAuth = "oauth"
)

const machineSubject = "mch_"

// NonSessionCategory reports whether the header's category is that of a token other
// than a session or handshake token. It is false for an absent category, and true for
// an empty or null one.
func (u *Unverified) NonSessionCategory() bool { return u.traits.nonSession }

// IsMachineJWT reports whether the token has the form of an M2M or OAuth token.
func (u *Unverified) IsMachineJWT() bool { return u.traits.isM2M || u.traits.isOAuth }

// MachineKind returns [KindM2M], [KindOAuth] or "". If a token looks like both, its
// subject decides. A token padded with '=', which [Decode] accepts, is not a machine
// token, as in Clerk's SDK.
func (u *Unverified) MachineKind() string {
	switch {
	case u.traits.isM2M:
		return KindM2M
	case u.traits.isOAuth:
		return KindOAuth
	}
	return ""
}

// traits are the properties that are read with each request, computed once when the
// token is decoded.
type traits struct {
	isM2M, isOAuth             bool // at most one
	nonSession                 bool
	headerNull, claimsNull     bool
	issuerIsText, issuerIsTrue bool
	issuedIsTrue               bool    // iat is truthy
	issued, expires            float64 // converted as in JavaScript
}

func (d *document) traits(header []byte, jwtFormat bool) traits {
	isM2M := jwtFormat && d.hasSubjectPrefix(machineSubject)
	return traits{
		isM2M:        isM2M,
		isOAuth:      jwtFormat && !isM2M && d.hasOAuthType(),
		nonSession:   d.cat.Defined() && !d.cat.Is(categorySession) && !d.cat.Is(categoryIgnore),
		headerNull:   javascript.Value{Raw: header}.IsNull(),
		claimsNull:   javascript.Value{Raw: d.payload}.IsNull(),
		issuerIsText: d.iss.IsText(),
		issuerIsTrue: d.iss.Truthy(),
		issuedIsTrue: d.iat.Truthy(),
		issued:       d.iat.ToNumber(),
		expires:      d.exp.ToNumber(),
	}
}

func (d *document) hasOAuthType() bool {
	// RFC 9068, section 2.1
	return d.typ.Is("at+jwt") || d.typ.Is("application/at+jwt")
}

// IsJWTFormat reports whether raw has the form of a machine JWT: three parts of
// base64url characters without padding. It decodes nothing.
func IsJWTFormat(raw string) bool {
	if len(raw) > MaxSize {
		return false
	}
	dots, part := 0, 0
	for i := range len(raw) {
		switch c := raw[i]; {
		case isBase64URL(c):
			part++
		case c == '.' && part > 0 && dots < 2:
			dots, part = dots+1, 0
		default:
			return false
		}
	}
	return dots == 2 && part > 0
}

// isJWTFormat is [IsJWTFormat] for parts that were decoded, of which only padding and
// emptiness remain to be checked.
func isJWTFormat(parts ...string) bool {
	for _, p := range parts {
		if p == "" || p[len(p)-1] == '=' {
			return false
		}
	}
	return true
}

func isBase64URL(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

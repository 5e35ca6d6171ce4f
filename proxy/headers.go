package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// The identity headers, in net/http's canonical spelling so that they can be
// written into the map directly.
const (
	headerStatus    = "X-Clerk-Auth-Status"
	headerReason    = "X-Clerk-Auth-Reason"
	headerUserID    = "X-Clerk-User-Id"
	headerSessionID = "X-Clerk-Session-Id"
	headerOrgID     = "X-Clerk-Org-Id"
	headerOrgSlug   = "X-Clerk-Org-Slug"
	headerOrgRole   = "X-Clerk-Org-Role"
	headerTokenType = "X-Clerk-Token-Type"
	headerMachineID = "X-Clerk-Machine-Id"
	headerClientID  = "X-Clerk-Client-Id"
	headerScopes    = "X-Clerk-Scopes"
	headerAssertion = "X-Clerk-Assertion"
)

// identitySet says which identity headers the upstream gets, one bit for each of
// [routes.IdentityNames].
type identitySet uint16

const allIdentity identitySet = 1<<9 - 1

// newIdentitySet reads the names of a route: nil is all.
func newIdentitySet(names []string) identitySet {
	if names == nil {
		return allIdentity
	}
	var set identitySet
	for i, known := range routes.IdentityNames() {
		if slices.Contains(names, known) {
			set |= 1 << i
		}
	}
	return set
}

// What stands in X-Clerk-Auth-Reason for verified tokens that are signed out for
// the application all the same.
const (
	reasonPending = "session-pending"       // the session has unfinished tasks
	reasonNobody  = "token-without-subject" // the token names nobody
)

// maxIdentityValue bounds an encoded value, in bytes.
const maxIdentityValue = 1024

// claimsIdentity says whether an upstream could read name as one of X-Clerk-*.
func claimsIdentity(name string) bool { return wire.HasNormalPrefix(name, "x-clerk-") }

// withoutClaims returns r without headers that claim an identity; r itself when
// there are none.
func withoutClaims(r *http.Request) *http.Request {
	for name := range r.Header {
		if claimsIdentity(name) {
			clone := *r
			clone.Header = r.Header.Clone()
			wire.Delete(clone.Header, claimsIdentity)
			return &clone
		}
	}
	return r
}

// setIdentity writes what the middleware found onto a request for the upstream.
// What is not known has no header.
func (f *fields) setIdentity(set identitySet, state *middleware.State) {
	status, reason := verdict(state)
	f.setEncoded(headerStatus, string(status))
	f.setEncoded(headerReason, reason)
	if status != middleware.SignedIn {
		return
	}
	who := state.Auth
	for i, value := range [...]string{
		who.UserID, who.SessionID, who.OrgID, who.OrgSlug, who.OrgRole, string(who.TokenType), who.MachineID, who.ClientID,
	} {
		if set&(1<<i) != 0 {
			f.setEncoded(identityHeaders[i+2], value)
		}
	}
	if set&(1<<8) != 0 && len(who.Scopes) > 0 {
		if joined := encodeScopes(who.Scopes); len(joined) <= maxIdentityValue {
			f.set(headerScopes, joined)
		}
	}
}

// setEncoded leaves out what is too long.
func (f *fields) setEncoded(name, value string) {
	if encoded := encodeValue(value); len(encoded) <= maxIdentityValue {
		f.set(name, encoded)
	}
}

// encodeScopes encodes each scope and joins them by spaces.
func encodeScopes(scopes []string) string {
	encoded := make([]string, len(scopes))
	for i, scope := range scopes {
		encoded[i] = encodeValue(scope)
	}
	return strings.Join(encoded, " ")
}

// verdict is status and reason as the application is told. It is stricter than
// the state: a pending session and a token that names nobody are signed out.
func verdict(state *middleware.State) (status middleware.Status, reason string) {
	switch {
	case state.Status != middleware.SignedIn:
		return state.Status, string(state.Reason)
	case state.Auth.UserID != "" || state.Auth.Subject != "":
		return middleware.SignedIn, ""
	case state.Auth.SessionStatus == "pending":
		return middleware.SignedOut, reasonPending
	default:
		return middleware.SignedOut, reasonNobody
	}
}

// encodeValue is the rule of the package comment.
func encodeValue(value string) string {
	const hexDigits = "0123456789ABCDEF"
	unsafe := 0
	for i := range len(value) {
		if !headerSafe(value[i]) {
			unsafe++
		}
	}
	if unsafe == 0 {
		return value
	}
	var b strings.Builder
	b.Grow(len(value) + 2*unsafe)
	for i := range len(value) {
		if c := value[i]; headerSafe(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func headerSafe(c byte) bool { return c >= 0x21 && c <= 0x7e && c != '%' }

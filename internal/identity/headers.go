package identity

import (
	"slices"

	"github.com/clerkgate/clerkgate/middleware"
)

// The headers that are not a route's to choose, in net/http's canonical spelling.
const (
	Status    = "X-Clerk-Auth-Status" // signed-in or signed-out
	Reason    = "X-Clerk-Auth-Reason" // why it is signed out
	Assertion = "X-Clerk-Assertion"   // a token signed by clerkgate, where a route has an audience
)

// row is one header that a route can choose.
type row struct {
	word   string // in a route's identity list
	header string // in net/http's canonical spelling
	value  func(*middleware.Auth) string
}

// table has a row for each header; the order is that of [Words].
var table = [...]row{ //nolint:gochecknoglobals // it never changes
	{"user_id", "X-Clerk-User-Id", func(a *middleware.Auth) string { return Encode(a.UserID) }},
	{"session_id", "X-Clerk-Session-Id", func(a *middleware.Auth) string { return Encode(a.SessionID) }},
	{"org_id", "X-Clerk-Org-Id", func(a *middleware.Auth) string { return Encode(a.OrgID) }},
	{"org_slug", "X-Clerk-Org-Slug", func(a *middleware.Auth) string { return Encode(a.OrgSlug) }},
	{"org_role", "X-Clerk-Org-Role", func(a *middleware.Auth) string { return Encode(a.OrgRole) }},
	{"token_type", "X-Clerk-Token-Type", func(a *middleware.Auth) string { return Encode(string(a.TokenType)) }},
	{"machine_id", "X-Clerk-Machine-Id", func(a *middleware.Auth) string { return Encode(a.MachineID) }},
	{"client_id", "X-Clerk-Client-Id", func(a *middleware.Auth) string { return Encode(a.ClientID) }},
	{"scopes", "X-Clerk-Scopes", func(a *middleware.Auth) string { return encodeAll(a.Scopes) }},
}

// Words are the names by which a route chooses headers: user_id is X-Clerk-User-Id, and
// so on.
func Words() []string {
	words := make([]string, len(table))
	for i := range table {
		words[i] = table[i].word
	}
	return words
}

// Headers are the names of all identity headers.
func Headers() []string {
	headers := []string{Status, Reason}
	for i := range table {
		headers = append(headers, table[i].header)
	}
	return append(headers, Assertion)
}

// Set is a choice of identity headers, one bit for each row of the table.
type Set uint16

// NewSet is the set of the headers with these words; nil means all. It ignores what is
// not one of [Words].
func NewSet(words []string) (s Set) {
	for i := range table {
		if words == nil || slices.Contains(words, table[i].word) {
			s |= 1 << i
		}
	}
	return s
}

// Write calls set for each header that speaks of state: its status, and when it is
// signed in the headers of s. What is not known has no header, and is not set. A nil
// state, of a request that nobody judged, has none at all.
func (s Set) Write(state *middleware.State, set func(header, value string)) {
	if state == nil {
		return
	}
	status, reason := Verdict(state)
	set(Status, string(status))
	if reason = Encode(reason); reason != "" && len(reason) <= maxValue {
		set(Reason, reason)
	}
	if status != middleware.SignedIn {
		return
	}
	for i := range table {
		if s&(1<<i) == 0 {
			continue
		}
		if value := table[i].value(state.Auth); value != "" && len(value) <= maxValue {
			set(table[i].header, value)
		}
	}
}

package identity

import (
	"slices"
	"strconv"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// The headers that a route's identity list does not affect, in net/http's canonical
// spelling.
const (
	Status    = "X-Clerk-Auth-Status" // signed-in or signed-out
	Reason    = "X-Clerk-Auth-Reason" // why the request is signed out
	Stale     = "X-Clerk-Auth-Stale"  // for how many seconds the token has been stale, during an outage of Clerk
	Assertion = "X-Clerk-Assertion"   // a token signed by clerkgate, on routes with an audience
)

// row is one header that a route can select.
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

// Words returns the words by which a route selects headers: user_id for
// X-Clerk-User-Id, and so on.
func Words() []string {
	words := make([]string, len(table))
	for i := range table {
		words[i] = table[i].word
	}
	return words
}

// Headers returns the names of all identity headers.
func Headers() []string {
	headers := []string{Status, Reason, Stale}
	for i := range table {
		headers = append(headers, table[i].header)
	}
	return append(headers, Assertion)
}

// Set is a set of identity headers, with one bit for each row of the table.
type Set uint16

// NewSet returns the set of the headers with these words; nil means all. Words that are
// not in [Words] are ignored.
func NewSet(words []string) (s Set) {
	for i := range table {
		if words == nil || slices.Contains(words, table[i].word) {
			s |= 1 << i
		}
	}
	return s
}

// Write calls set for each header that describes state: the status, the reason if it is
// signed out, and the headers of s if it is signed in. Headers without a value are not
// set. A nil state, for a request that was not authenticated, sets none.
func (s Set) Write(state *middleware.State, set func(header, value string)) {
	if state == nil {
		return
	}
	status, reason := Verdict(state)
	set(Status, string(status))
	if reason = encodeReason(reason); reason != "" && len(reason) <= maxValue {
		set(Reason, reason)
	}
	if status != middleware.SignedIn {
		return
	}
	if stale := state.Stale(); stale > 0 {
		set(Stale, strconv.FormatInt(int64(stale/time.Second), 10))
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

package middleware

import (
	"math"
	"slices"
	"strings"
)

// Level says which factors a reverification requires.
type Level string

// The levels of reverification.
const (
	FirstFactor  Level = "first_factor"
	SecondFactor Level = "second_factor"
	MultiFactor  Level = "multi_factor"
)

// freshness is the requirement of a reverification: the factors of a level were verified
// less than a number of minutes ago.
type freshness struct {
	level   Level
	minutes int
}

// asksFresh reports whether q requires a recent verification, by name or by its level.
func (q *Requirement) asksFresh() bool {
	return q.Reverification != "" || q.Level != "" || q.AfterMinutes != 0
}

// freshness returns what q requires. ok is false for what nobody can meet: an unknown name
// or level, a level without minutes, or a name together with a level.
func (q *Requirement) freshness() (f freshness, ok bool) {
	if q.Level != "" || q.AfterMinutes != 0 {
		known := q.Level == FirstFactor || q.Level == SecondFactor || q.Level == MultiFactor
		return freshness{q.Level, q.AfterMinutes}, known && q.AfterMinutes > 0 && q.Reverification == ""
	}
	switch q.Reverification {
	case "strict_mfa":
		return freshness{MultiFactor, 10}, true
	case "strict":
		return freshness{SecondFactor, 10}, true
	case "moderate":
		return freshness{SecondFactor, 60}, true
	case "lax":
		return freshness{SecondFactor, 1440}, true
	}
	return freshness{}, false
}

// Has reports whether the request meets q: every field of q that is set must hold, and at
// least one must be set. Data that the token lacks counts as not met. Signed-out requests
// meet nothing. Machine tokens have scopes and nothing else of a [Requirement].
//
// A feature or plan may carry a scope (org:x, user:x); without one, the
// organization's and the user's both count.
func (a *Auth) Has(q Requirement) bool {
	switch {
	case q.isEmpty() || !a.IsSignedIn() || !a.hasScopes(q):
		return false
	case !q.asksOfSession():
		return true
	}
	return a.UserID != "" && a.TokenType == SessionToken && a.hasOrganization(q) && a.hasBilling(q) && a.hasFreshFactor(q)
}

func (q *Requirement) isEmpty() bool { return len(q.Scopes) == 0 && !q.asksOfSession() }

// asksOfSession reports whether q requires something that only a session can have.
func (q *Requirement) asksOfSession() bool {
	return q.Role != "" || q.Permission != "" || q.Feature != "" || q.Plan != "" || q.asksFresh()
}

// hasScopes reports whether a token has all scopes that q requires.
func (a *Auth) hasScopes(q Requirement) bool {
	return len(q.Scopes) == 0 || a.TokenType.isMachine() &&
		!slices.ContainsFunc(q.Scopes, func(scope string) bool { return !slices.Contains(a.Scopes, scope) })
}

// lacksScopesOnly reports whether a token with more scopes would meet q.
func (a *Auth) lacksScopesOnly(q Requirement) bool {
	return a.TokenType.isMachine() && !a.hasScopes(q) && !q.asksOfSession()
}

func (a *Auth) hasOrganization(q Requirement) bool {
	if q.Role == "" && q.Permission == "" {
		return true
	}
	switch {
	case a.OrgID == "",
		q.Role != "" && (a.OrgRole == "" || withOrgPrefix(a.OrgRole) != withOrgPrefix(q.Role)),
		q.Permission != "" && !slices.Contains(a.OrgPermissions, withOrgPrefix(q.Permission)):
		return false
	}
	return true
}

// withOrgPrefix returns a role or permission with exactly one prefix org:.
func withOrgPrefix(key string) string {
	for strings.HasPrefix(key, "org:") {
		key = key[len("org:"):]
	}
	return "org:" + key
}

func (a *Auth) hasBilling(q Requirement) bool {
	return (q.Feature == "" || claimLists(a.features, q.Feature)) && (q.Plan == "" || claimLists(a.plans, q.Plan))
}

// claimLists looks for asked in a claim such as "o:invoices,ou:reports,u:themes".
// A malformed claim lists nothing.
func claimLists(claim, asked string) bool {
	scope, id, scoped := strings.Cut(asked, ":")
	id, _, _ = strings.Cut(id, ":")
	if id == "" {
		id = scope
	}
	inOrg := !scoped || scope == "o" || scope == "org" || scope == "organization"
	inUser := !scoped || scope == "u" || scope == "user"
	if claim == "" {
		return false
	}
	found := false
	for part := range strings.SplitSeq(claim, ",") {
		of, value, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			return false
		}
		both := of == "ou" || of == "uo"
		if value == id && (inOrg && (of == "o" || both) || inUser && (of == "u" || both)) {
			found = true
		}
	}
	return found
}

// lacksFreshFactorOnly reports whether the user would meet q after verifying again.
func (a *Auth) lacksFreshFactorOnly(q Requirement) bool {
	return q.asksFresh() && a.UserID != "" && a.hasScopes(q) && a.hasOrganization(q) && a.hasBilling(q)
}

func (a *Auth) hasFreshFactor(q Requirement) bool {
	if !q.asksFresh() {
		return true
	}
	want, ok := q.freshness()
	age := a.FactorVerificationAge
	if !ok || len(age) != 2 || !validAge(age[0]) || !validAge(age[1]) {
		return false
	}
	first, second := age[0] != -1 && float64(want.minutes) > age[0], age[1] != -1 && float64(want.minutes) > age[1]
	switch {
	case want.level == FirstFactor, age[1] == -1:
		return first
	case want.level == SecondFactor:
		return second
	}
	return first && second
}

func validAge(minutes float64) bool {
	return minutes == -1 || minutes >= 0 && !math.IsInf(minutes, 0)
}

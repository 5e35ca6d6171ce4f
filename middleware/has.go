package middleware

import (
	"math"
	"slices"
	"strings"
)

// Level is what a reverification asks for.
type Level string

// The levels of reverification.
const (
	FirstFactor  Level = "first_factor"
	SecondFactor Level = "second_factor"
	MultiFactor  Level = "multi_factor"
)

// freshness is a named reverification: a level, verified less than so many
// minutes ago.
type freshness struct {
	level   Level
	minutes float64
}

// reverification returns what one of Clerk's names means.
func reverification(name string) (freshness, bool) {
	switch name {
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

// Has reports whether the user may: every field of q that is set must hold, at
// least one must be set, and data that the token lacks denies. It is false for
// signed-out requests and for machines.
//
// A feature or plan may carry a scope (org:x, user:x); without one, the
// organization's and the user's both count.
func (a *Auth) Has(q Requirement) bool {
	if a == nil || a.UserID == "" || a.TokenType != SessionToken || q.isEmpty() {
		return false
	}
	return a.hasOrganization(q) && a.hasBilling(q) && a.hasFreshFactor(q)
}

func (q *Requirement) isEmpty() bool {
	return q.Role == "" && q.Permission == "" && q.Feature == "" && q.Plan == "" && q.Reverification == ""
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

// withOrgPrefix leaves exactly one org: in front.
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

// lacksFreshFactorOnly tells a refusal that verifying the user again would mend.
func (a *Auth) lacksFreshFactorOnly(q Requirement) bool {
	return q.Reverification != "" && a.UserID != "" && a.hasOrganization(q) && a.hasBilling(q)
}

func (a *Auth) hasFreshFactor(q Requirement) bool {
	if q.Reverification == "" {
		return true
	}
	want, ok := reverification(q.Reverification)
	age := a.FactorVerificationAge
	if !ok || len(age) != 2 || !validAge(age[0]) || !validAge(age[1]) {
		return false
	}
	first, second := age[0] != -1 && want.minutes > age[0], age[1] != -1 && want.minutes > age[1]
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

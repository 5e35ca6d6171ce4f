package middleware

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestHasTruthTable asks for every combination of the five dimensions, each met,
// unmet, or asked of a token that has no data for it.
func TestHasTruthTable(t *testing.T) {
	t.Parallel()
	const (
		notAsked = iota
		met
		unmet
		missing
	)
	for n := range 4 * 4 * 4 * 4 * 4 {
		dims := [5]int{n % 4, n / 4 % 4, n / 16 % 4, n / 64 % 4, n / 256 % 4}
		role, permission, feature, plan, fresh := dims[0], dims[1], dims[2], dims[3], dims[4]
		auth := &Auth{
			TokenType: SessionToken, UserID: "user_1", OrgID: "org_1", OrgRole: "org:admin",
			OrgPermissions: []string{"org:invoices:view"}, features: "o:invoices", plans: "u:pro",
			FactorVerificationAge: []float64{1, 1},
		}
		want, asked := true, false
		var q Requirement
		ask := func(state int, field *string, good, bad string, drop func()) {
			if state == notAsked {
				return
			}
			asked = true
			want = want && state == met
			*field = good
			if state == unmet {
				*field = bad
			}
			if state == missing {
				drop()
			}
		}
		ask(role, &q.Role, "org:admin", "org:member", func() { auth.OrgRole = "" })
		ask(permission, &q.Permission, "invoices:view", "org:invoices:delete", func() { auth.OrgPermissions = nil })
		ask(feature, &q.Feature, "invoices", "exports", func() { auth.features = "" })
		ask(plan, &q.Plan, "user:pro", "org:pro", func() { auth.plans = "" })
		ask(fresh, &q.Reverification, "strict", "strict", func() { auth.FactorVerificationAge = nil })
		if fresh == unmet {
			auth.FactorVerificationAge = []float64{1, 11}
		}
		assert.Equal(t, want && asked, auth.Has(q), fmt.Sprint(dims))

		machine := *auth
		machine.TokenType = OAuthToken
		assert.False(t, machine.Has(q), "a machine never has")
		machine.TokenType, machine.UserID = SessionToken, ""
		assert.False(t, machine.Has(q), "nobody never has")
	}
}

func TestReverificationLevels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		first, second float64
		want          bool
	}{
		{"strict", -1, -1, false}, {"strict", 9, -1, true}, {"strict", 10, -1, false}, {"strict", -1, 9, true},
		{"strict", 99, 9, true}, {"strict", 9, 10, false},
		{"strict_mfa", 9, -1, true}, {"strict_mfa", -1, 9, false}, {"strict_mfa", 9, 9, true}, {"strict_mfa", 10, 9, false}, {"strict_mfa", 9, 10, false},
		{"moderate", 0, 59, true}, {"moderate", 0, 60, false}, {"lax", 0, 1439, true}, {"lax", 0, 1440, false},
		{"unheard_of", 0, 0, false}, {"strict", -2, 0, false},
	} {
		auth := &Auth{TokenType: SessionToken, UserID: "user_1", FactorVerificationAge: []float64{c.first, c.second}}
		assert.Equal(t, c.want, auth.Has(Requirement{Reverification: c.name}), "%+v", c)
	}
}

func TestClaimLists(t *testing.T) {
	t.Parallel()
	const claim = "o:invoices, ou:reports,u:themes"
	for asked, want := range map[string]bool{
		"invoices": true, "org:invoices": true, "o:invoices": true, "organization:invoices": true, "reports": true,
		"user:reports": true, "u:reports": true, "themes": true, "org:invoices:x": true,
		"user:invoices": false, "org:themes": false, "team:invoices": false, "": false, "org:": false,
	} {
		assert.Equal(t, want, claimLists(claim, asked), asked)
	}
	assert.False(t, claimLists("o:invoices,broken", "invoices"), "a malformed claim grants nothing")
}

func TestReverificationInOwnWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q    Requirement
		want bool
	}{
		{Requirement{Level: FirstFactor, AfterMinutes: 6}, true},
		{Requirement{Level: FirstFactor, AfterMinutes: 5}, false},
		{Requirement{Level: MultiFactor, AfterMinutes: 6}, false},
		{Requirement{Level: SecondFactor, AfterMinutes: 91}, true},
		{Requirement{Level: SecondFactor}, false},
		{Requirement{AfterMinutes: 6}, false},
		{Requirement{Level: "zeroth_factor", AfterMinutes: 6}, false},
		{Requirement{Level: FirstFactor, AfterMinutes: -6}, false},
		{Requirement{Level: FirstFactor, AfterMinutes: 6, Reverification: "lax"}, false},
	} {
		auth := &Auth{TokenType: SessionToken, UserID: "user_1", FactorVerificationAge: []float64{5, 90}}
		assert.Equal(t, c.want, auth.Has(c.q), "%+v", c.q)
	}
}

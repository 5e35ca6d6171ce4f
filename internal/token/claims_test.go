package token

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	const text = `{"azp":"https://app.example.com","exp":1767225660,"fva":[4,-1],"iat":1767225600.5,"iss":"https://clerk.example.com",
		"jti":"c3d1a0","nbf":1767225590,"sid":"sess_1","sub":"user_1","v":2,"sts":"pending","pla":"o:team",
		"fea":"o:invoices,u:themes","o":{"id":"org_1","slg":"acme","rol":"approver","per":"view,approve","fpm":"2,0"},
		"act":{"sub":"user_2"},"own":[1]}`
	assert.Equal(t, Claims{
		Raw: json.RawMessage(text), Subject: "user_1", SessionID: "sess_1", Issuer: "https://clerk.example.com",
		AuthorizedParty: "https://app.example.com", IssuedAt: 1767225600.5, Expires: 1767225660, NotBefore: 1767225590,
		Version: 2, Status: "pending", FactorAge: []float64{4, -1}, Actor: json.RawMessage(`{"sub":"user_2"}`),
		Features: "o:invoices,u:themes", Plans: "o:team", JTI: "c3d1a0",
		Org: Org{ID: "org_1", Slug: "acme", Role: "org:approver", Permissions: []string{"org:invoices:approve"}},
	}, claimsOf(t, text, kindSession))
}

// Claims of types that Clerk never gives them grant nothing.
func TestClaimsOfOddTypes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"fva":null,"sts":5,"act":null,"fea":["o:a"],"pla":{},"org_id":["org_1"],"org_permissions":"org:a:b","org_role":{},"jti":1}`,
		`{"fva":"4","v":2,"o":"org_1","fea":true}`,
		`{"fva":[4,"0"],"v":2,"o":{"id":5,"slg":null,"rol":["admin"],"per":["p"],"fpm":1},"fea":"o:a"}`,
		`{"v":2,"o":null}`, `{"v":2,"o":[]}`, `null`, `5`, `"text"`, `[{"sub":"x"}]`,
		`{"org_permissions":["a",1]}`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c := claimsOf(t, text, kindSession)
			assert.Nil(t, c.FactorAge)
			assert.Nil(t, c.Actor)
			assert.Empty(t, c.Status)
			assert.Equal(t, Org{}, c.Org)
			assert.Empty(t, c.JTI+c.Subject)
		})
	}
}

func TestDuplicatesDoNotMerge(t *testing.T) {
	t.Parallel()
	c := claimsOf(t, `{"v":2,"o":{"id":"org_1","rol":"admin"},"act":{"sub":"x"},"o":{"id":"org_2"},"act":null}`, kindSession)
	assert.Equal(t, Org{ID: "org_2"}, c.Org)
	assert.Nil(t, c.Actor)
}

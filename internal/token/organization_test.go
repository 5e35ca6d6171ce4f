package token

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOrganizationLikeTheReference walks answers of the reference's claims
// parser. Where that throws, nothing is granted here.
func TestOrganizationLikeTheReference(t *testing.T) {
	t.Parallel()
	type organizationCase struct {
		Claims, ID, Slug, Role string
		Permissions            []string
		Throws                 bool
	}
	for _, tt := range loadCases[organizationCase](t, "testdata/organization.json") {
		t.Run(tt.Claims, func(t *testing.T) {
			t.Parallel()
			org := claimsOf(t, tt.Claims, kindSession).Org
			assert.Equal(t, tt.ID, org.ID)
			assert.Equal(t, tt.Slug, org.Slug)
			assert.Equal(t, tt.Role, org.Role)
			if tt.Throws || len(tt.Permissions) == 0 {
				assert.Empty(t, org.Permissions)
			} else {
				assert.Equal(t, tt.Permissions, org.Permissions)
			}
		})
	}
}

func claimsOf(tb testing.TB, claims string, k kind) Claims {
	tb.Helper()
	u, err := Decode(encode(`{}`) + "." + encode(claims) + ".")
	require.NoError(tb, err)
	return *parseClaims(u.doc, k)
}

// FuzzOrgPermissions holds that a permission is granted exactly when its bit is
// set in a well-formed mask, computed the slow way.
func FuzzOrgPermissions(f *testing.F) {
	f.Add("o:invoices,ou:reports,o:exports,u:themes", "view,approve,delete", "5,1,0,0")
	f.Add("o:a", "p", "18446744073709551617")
	f.Add("o:a,o:b", "p,q", "-1,+3")
	f.Add("a", "p", "1")
	f.Fuzz(func(t *testing.T, features, names, masks string) {
		if len(masks) > 200 || len(features) > 200 || len(names) > 200 {
			t.Skip()
		}
		got := orgPermissions(features, names, masks)
		scoped, ok := orgFeatures(features)
		if !ok || names == "" || masks == "" {
			require.Empty(t, got)
			return
		}
		var want []string
		list := splitList(masks)
		for i, feature := range scoped {
			if i >= len(list) || strings.Trim(list[i], "0123456789") != "" || list[i] == "" {
				continue
			}
			rest, _ := new(big.Int).SetString(list[i], 10)
			for _, name := range splitList(names) {
				bit := new(big.Int)
				rest.DivMod(rest, big.NewInt(2), bit)
				if bit.Sign() != 0 {
					want = append(want, "org:"+feature+":"+name)
				}
			}
		}
		require.Equal(t, want, got)
	})
}

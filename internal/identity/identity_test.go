package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
)

func TestTable(t *testing.T) {
	t.Parallel()
	headers := identity.Headers()
	seen := map[string]bool{}
	for _, name := range headers {
		assert.Equal(t, http.CanonicalHeaderKey(name), name)
		assert.True(t, wire.ClaimsIdentity(name), "a client's %s must go", name)
		assert.False(t, seen[name], name)
		seen[name] = true
	}
	for _, word := range identity.Words() {
		assert.True(t, seen[http.CanonicalHeaderKey("X-Clerk-"+strings.ReplaceAll(word, "_", "-"))], word)
	}
	assert.Len(t, headers, len(identity.Words())+4)
}

func TestWrite(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1025)
	for name, test := range map[string]struct {
		words []string // nil is all
		state middleware.State
		want  map[string]string
	}{
		"signed out": {nil,
			middleware.State{Status: middleware.SignedOut, Reason: middleware.ReasonNoTokenInHeader, Auth: &middleware.Auth{}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out", "X-Clerk-Auth-Reason": "No token in header"}},
		"signed out, for a reason with a percent sign": {nil,
			middleware.State{Status: middleware.SignedOut, Reason: "session-token-expired-refresh-a%20b", Auth: &middleware.Auth{}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out", "X-Clerk-Auth-Reason": "session-token-expired-refresh-a%20b"}},
		"signed out, for a reason that is no header": {nil,
			middleware.State{Status: middleware.SignedOut, Reason: "ä\r\nX-Clerk-User-Id: user_1", Auth: &middleware.Auth{}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out", "X-Clerk-Auth-Reason": "%C3%A4%0D%0AX-Clerk-User-Id:%20user_1"}},
		"signed out, for a reason that ends in a space": {nil,
			middleware.State{Status: middleware.SignedOut, Reason: "x ", Auth: &middleware.Auth{}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out", "X-Clerk-Auth-Reason": "x%20"}},
		"signed out, for a long reason": {nil,
			middleware.State{Status: middleware.SignedOut, Reason: middleware.Reason(long), Auth: &middleware.Auth{}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out"}},
		"pending": {nil,
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{SessionStatus: "pending"}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out", "X-Clerk-Auth-Reason": "session-pending"}},
		"nobody": {nil,
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{TokenType: middleware.SessionToken, SessionID: "sess_1"}},
			map[string]string{"X-Clerk-Auth-Status": "signed-out", "X-Clerk-Auth-Reason": "token-without-subject"}},
		"organization": {nil,
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{
				TokenType: middleware.SessionToken, UserID: "user_1", SessionID: "sess_1", OrgID: "org_1", OrgSlug: "zürich 100%", OrgRole: "org:admin"}},
			map[string]string{"X-Clerk-Auth-Status": "signed-in", "X-Clerk-Token-Type": "session_token", "X-Clerk-User-Id": "user_1",
				"X-Clerk-Session-Id": "sess_1", "X-Clerk-Org-Id": "org_1", "X-Clerk-Org-Slug": "z%C3%BCrich%20100%25", "X-Clerk-Org-Role": "org:admin"}},
		"header injection": {nil,
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{
				TokenType: middleware.SessionToken, UserID: "user_1\r\nX-Clerk-Org-Role: org:admin"}},
			map[string]string{"X-Clerk-Auth-Status": "signed-in", "X-Clerk-Token-Type": "session_token",
				"X-Clerk-User-Id": "user_1%0D%0AX-Clerk-Org-Role:%20org:admin"}},
		"too long": {nil,
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{
				TokenType: middleware.SessionToken, UserID: "user_1", OrgSlug: long, Scopes: []string{long}}},
			map[string]string{"X-Clerk-Auth-Status": "signed-in", "X-Clerk-Token-Type": "session_token", "X-Clerk-User-Id": "user_1"}},
		"machine": {nil,
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{TokenType: middleware.OAuthToken, Subject: "user_1",
				UserID: "user_1", ClientID: "client_1", MachineID: "mch_1", Scopes: []string{"profile", "a b"}}},
			map[string]string{"X-Clerk-Auth-Status": "signed-in", "X-Clerk-Token-Type": "oauth_token", "X-Clerk-User-Id": "user_1",
				"X-Clerk-Client-Id": "client_1", "X-Clerk-Machine-Id": "mch_1", "X-Clerk-Scopes": "profile a%20b"}},
		"chosen": {[]string{"user_id", "scopes"},
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{
				TokenType: middleware.SessionToken, UserID: "user_1", SessionID: "sess_1", OrgID: "org_1"}},
			map[string]string{"X-Clerk-Auth-Status": "signed-in", "X-Clerk-User-Id": "user_1"}},
		"none": {[]string{},
			middleware.State{Status: middleware.SignedIn, Auth: &middleware.Auth{TokenType: middleware.SessionToken, UserID: "user_1"}},
			map[string]string{"X-Clerk-Auth-Status": "signed-in"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			identity.NewSet(test.words).Write(&test.state, func(header, value string) { got[header] = value })
			assert.Equal(t, test.want, got)
		})
	}
	identity.NewSet(nil).Write(nil, func(header, _ string) { t.Errorf("nobody judged the request: %s", header) })
}

func FuzzEncode(f *testing.F) {
	f.Add("user_1")
	f.Add("ü %\r\n")
	f.Fuzz(func(t *testing.T, value string) {
		encoded := identity.Encode(value)
		for i := range len(encoded) {
			require.True(t, encoded[i] >= 0x21 && encoded[i] <= 0x7e)
		}
		decoded, err := url.PathUnescape(encoded)
		require.NoError(t, err)
		require.Equal(t, value, decoded)
	})
}

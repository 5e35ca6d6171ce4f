package clerktest_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

func TestKeysOfBothKinds(t *testing.T) {
	t.Parallel()
	dev := clerktest.New(clerktest.Options{})
	assert.Equal(t, "pk_test_bW9jay1lbXVsYXRvci0xMy5jbGVyay5hY2NvdW50cy5kZXYk", dev.PublishableKey())
	assert.Equal(t, "7mVDern8", dev.CookieSuffix())
	assert.Equal(t, "https://mock-emulator-13.clerk.accounts.dev", dev.Issuer())
	assert.Regexp(t, `^sk_test_\w{40}$`, dev.SecretKey())
	prod := clerktest.New(clerktest.Options{Production: true})
	assert.Regexp(t, `^pk_live_`, prod.PublishableKey())
	assert.Equal(t, "https://clerk.example.com", prod.Issuer())
	assert.Regexp(t, `^sk_live_\w{40}$`, prod.SecretKey())
}

func TestSampleUsersHaveClerkIDs(t *testing.T) {
	t.Parallel()
	for _, user := range clerktest.SampleUsers() {
		assert.Regexp(t, regexp.MustCompile(`^user_\w{27}$`), user.ID)
		if user.Organization != nil {
			assert.Regexp(t, regexp.MustCompile(`^org_\w{27}$`), user.Organization.ID)
		}
	}
}

func TestSecretKeyAndVersionAreChecked(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	tests := []struct {
		name, path string
		headers    []string
		status     int
		code       string
	}{
		{"no key", "/v1/jwks", nil, 401, "clerk_key_invalid"},
		{"wrong key", "/v1/jwks", []string{"Authorization", "Bearer sk_test_x"}, 401, "clerk_key_invalid"},
		{"other scheme", "/v1/jwks", []string{"Authorization", "Basic " + f.SecretKey()}, 401, "clerk_key_invalid"},
		{"no key, unknown session", "/v1/sessions/sess_x", nil, 401, "clerk_key_invalid"},
		{"good key", "/v1/jwks", []string{"Authorization", "Bearer " + f.SecretKey()}, 200, ""},
		{
			"unknown version", "/v1/jwks",
			[]string{"Authorization", "Bearer " + f.SecretKey(), "Clerk-Api-Version", "2020-01-01"}, 400, "api_version_invalid",
		},
		{
			"version twice", "/v1/jwks?__clerk_api_version=2026-05-12",
			[]string{"Authorization", "Bearer " + f.SecretKey(), "Clerk-Api-Version", "2026-05-12"}, 400, "api_version_invalid",
		},
		{"unknown operation", "/v1/nothing", []string{"Authorization", "Bearer " + f.SecretKey()}, 501, "operation_not_emulated"},
		{"unknown page", "/nothing", nil, 404, "resource_not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := f.do(http.MethodGet, tt.path, "", tt.headers...)
			assert.Equal(t, tt.status, got.StatusCode)
			assert.Equal(t, tt.code, got.code())
			assert.Equal(t, []string{"application/json"}, got.Header.Values("Content-Type"))
		})
	}
}

func TestOperationsThatAreNotEmulated(t *testing.T) {
	f := setup(t, clerktest.Options{})
	for _, operation := range []string{"GET /v1/saml_connections", "PUT /v1/client", "GET /v1/users/user_x/mfa", "POST /v1/users/user_x", "GET /api_keys/ak_x/other", "GET /oauth_applications", "PATCH /m2m_tokens"} {
		method, path, _ := strings.Cut(operation, " ")
		got := f.backend(method, path, nil)
		assert.Equal(t, http.StatusNotImplemented, got.StatusCode, operation)
		assert.Equal(t, "operation_not_emulated", got.code(), operation)
		assert.Contains(t, string(got.body), operation)
		assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	}
	assert.Equal(t, http.StatusNotFound, f.backend(http.MethodGet, "/v1extra", nil).StatusCode)
}

func TestMethodNotAllowed(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	got := f.do(http.MethodPut, "/sign-in", "")
	assert.Equal(t, http.StatusMethodNotAllowed, got.StatusCode)
	assert.Equal(t, "method_not_allowed", got.code())
	assert.Contains(t, got.Header.Get("Allow"), "GET")
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
}

func TestSessionLife(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	path := "/v1/sessions/" + session.ID

	body := f.backend(http.MethodGet, path, nil).json(t)
	assert.Equal(t, "active", body["status"])
	assert.Equal(t, session.UserID, body["user_id"])
	assert.Equal(t, session.ClientID, body["client_id"])

	for range 2 { // idempotent
		got := f.backend(http.MethodPost, path+"/revoke", nil)
		require.Equal(t, http.StatusOK, got.StatusCode)
		assert.Equal(t, "revoked", got.json(t)["status"])
	}
	f.EndSession(session.ID)
	assert.Equal(t, "revoked", f.Session(session.ID).Status, "what is over stays as it ended")

	old := f.SignIn("omar@example.com")
	f.Advance(7 * 24 * time.Hour)
	assert.Equal(t, "expired", f.backend(http.MethodGet, "/v1/sessions/"+old.ID, nil).json(t)["status"])
	assert.Equal(t, "resource_not_found", f.backend(http.MethodGet, "/v1/sessions/sess_x", nil).code())
	assert.Equal(t, "resource_not_found", f.backend(http.MethodPost, "/v1/sessions/sess_x/revoke", nil).code())
}

func TestGetUser(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	user := f.backend(http.MethodGet, "/v1/users/"+clerktest.SampleUsers()[0].ID, nil).json(t)
	assert.Equal(t, "Jane", user["first_name"])
	assert.NotContains(t, user, "password")
	assert.Equal(t, "resource_not_found", f.backend(http.MethodGet, "/v1/users/user_x", nil).code())
}

func TestSessionTokenClaims(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_767_225_600, 0)
	f := setup(t, clerktest.Options{Now: func() time.Time { return now }, TokenLifetime: 90 * time.Second})
	session := f.SignIn("mei@example.com")
	f.Advance(4 * time.Minute)
	claims := f.claims(f.Token(session.ID, app))
	iat := float64(now.Unix() + 240)
	for name, want := range map[string]any{
		"iss": f.Issuer(), "sub": session.UserID, "sid": session.ID, "azp": app, "v": 2.0, "sts": "active",
		"iat": iat, "nbf": iat - 10, "exp": iat + 90, "fva": []any{4.0, -1.0},
		"fea": "o:invoices,o:reports",
		"o": map[string]any{
			"id": session.OrganizationID, "slg": "acme", "rol": "approver", "per": "view,delete", "fpm": "3,1",
		},
	} {
		assert.Equal(t, want, claims[name], name)
	}
	assert.NotEmpty(t, claims["jti"])

	bare := f.claims(f.Token(f.SignIn("jane@example.com").ID, ""))
	assert.NotContains(t, bare, "azp")
	assert.NotContains(t, bare, "o")
}

func TestRotation(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	kids := func() []string {
		var kids []string
		for _, key := range f.backend(http.MethodGet, "/v1/jwks", nil).json(t)["keys"].([]any) {
			kids = append(kids, key.(map[string]any)["kid"].(string))
		}
		return kids
	}
	first := kids()
	require.Len(t, first, 1)
	assert.Regexp(t, `^ins_\w{27}$`, first[0])
	f.RotateKeysKeepOld()
	both := kids()
	require.Len(t, both, 2)
	assert.Equal(t, first[0], both[1])
	f.RotateKeys()
	last := kids()
	require.Len(t, last, 1)
	assert.NotContains(t, both, last[0])
	public := f.do(http.MethodGet, "/.well-known/jwks.json", "")
	assert.JSONEq(t, string(f.backend(http.MethodGet, "/v1/jwks", nil).body), string(public.body))
}

package clerktest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// versions are those of Clerk's Backend API, oldest first.
var versions = []string{"2021-02-05", "2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"}

// requiredOfUser are the members that Clerk's specification demands of a user.
var requiredOfUser = []string{
	"id", "object", "username", "first_name", "last_name", "has_image", "primary_email_address_id", "primary_phone_number_id",
	"primary_web3_wallet_id", "password_enabled", "two_factor_enabled", "totp_enabled", "backup_code_enabled", "email_addresses",
	"phone_numbers", "web3_wallets", "passkeys", "external_accounts", "saml_accounts", "enterprise_accounts", "public_metadata",
	"external_id", "last_sign_in_at", "banned", "locked", "lockout_expires_in_seconds", "verification_attempts_remaining", "created_at",
	"updated_at", "delete_self_enabled", "create_organization_enabled", "last_active_at", "mfa_enabled_at", "mfa_disabled_at",
	"legal_accepted_at",
}

func TestUsersAreClerks(t *testing.T) {
	f := setup(t, clerktest.Options{Users: []clerktest.User{
		{ID: "user_2fNamelessUser0000000000000", Email: "nameless@example.com", Organization: &clerktest.Organization{Slug: "acme", Name: "Acme", Role: "org:billing_manager"}},
	}})
	at := f.Now().Add(-time.Second)
	f.SignIn("nameless@example.com")
	user := f.backend(http.MethodGet, "/v1/users/user_2fNamelessUser0000000000000", nil).json(t)
	for _, name := range requiredOfUser {
		assert.Contains(t, user, name)
	}
	for _, name := range []string{"username", "first_name", "last_name", "external_id", "primary_phone_number_id", "mfa_enabled_at"} {
		assert.Nil(t, user[name], "%s: null, and not an empty text", name)
	}
	assert.GreaterOrEqual(t, user["last_sign_in_at"], float64(at.UnixMilli()))

	email := user["email_addresses"].([]any)[0].(map[string]any)
	assert.Equal(t, user["primary_email_address_id"], email["id"])
	verification := email["verification"].(map[string]any)
	assert.Equal(t, "verification_otp", verification["object"])
	assert.Equal(t, "verified", verification["status"])
	assert.Greater(t, verification["expire_at"], email["created_at"])

	membership := user["organization_memberships"].([]any)[0].(map[string]any)
	assert.Equal(t, "Billing Manager", membership["role_name"])
	organization := membership["organization"].(map[string]any)
	for _, name := range []string{"id", "name", "slug", "has_image", "max_allowed_memberships", "admin_delete_enabled", "public_metadata", "created_at", "updated_at"} {
		assert.Contains(t, organization, name)
	}
}

// The Backend API, the Frontend API and the webhooks say the same of one user and one session; private metadata is the
// servers' alone.
func TestAPIsAndWebhooksAgree(t *testing.T) {
	r := newReceiver(t)
	f := setup(t, clerktest.Options{Webhooks: []clerktest.Webhook{{URL: r.URL}}, Users: []clerktest.User{{
		Email: "mei@example.com", Password: "p", FirstName: "Mei", PrivateMetadata: map[string]any{"plan": "gold"},
		PublicMetadata: map[string]any{"tier": "a"}, Organization: &clerktest.Organization{Slug: "acme", Name: "Acme", Role: "org:admin"},
	}}})
	r.secret = f.Webhooks()[0].Secret
	browser := f.do(http.MethodPost, "/v1/dev_browser", "").json(t)["id"].(string)
	f.form("/v1/client/sign_ins?__clerk_db_jwt="+browser, url.Values{"identifier": {"mei@example.com"}, "password": {"p"}})
	client := f.do(http.MethodGet, "/v1/client?__clerk_db_jwt="+browser, "").json(t)["response"].(map[string]any)
	front := client["sessions"].([]any)[0].(map[string]any)
	back := f.backend(http.MethodGet, "/v1/sessions/"+front["id"].(string), nil).json(t)
	require.NotEmpty(t, f.Deliveries())
	require.NoError(t, r.errs[0])
	var hook map[string]any
	require.NoError(t, json.Unmarshal(r.events[0].Data, &hook))

	users := []map[string]any{
		f.backend(http.MethodGet, "/v1/users/"+back["user_id"].(string), nil).json(t), front["user"].(map[string]any), hook["user"].(map[string]any),
	}
	assert.Equal(t, map[string]any{"plan": "gold"}, users[0]["private_metadata"])
	assert.NotContains(t, users[1], "private_metadata")
	assert.Equal(t, users[0]["private_metadata"], users[2]["private_metadata"])
	agree(t, users...)
	agree(t, back, front, hook)
	assert.Equal(t, users[0]["public_metadata"], map[string]any{"tier": "a"})
}

// agree holds that objects with a member in common give it one value, objects inside them too.
func agree(t *testing.T, objects ...map[string]any) {
	t.Helper()
	for i, a := range objects {
		for _, b := range objects[i+1:] {
			for name, value := range a {
				other, both := b[name]
				inner, isObject := value.(map[string]any)
				list, isList := value.([]any)
				switch {
				case !both:
				case isObject:
					agree(t, inner, other.(map[string]any))
				case isList && len(list) > 0:
					require.Len(t, other, len(list))
					first, ok := list[0].(map[string]any)
					if ok {
						agree(t, first, other.([]any)[0].(map[string]any))
					}
				default:
					assert.Equal(t, value, other, name)
				}
			}
		}
	}
}

func TestEveryVersionOfTheBackendAPI(t *testing.T) {
	f := setup(t, clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{Name: "db"}}, Users: []clerktest.User{
		{Email: "jane@example.com", FirstName: "Jane"},
		{Email: "waits@example.com", Tasks: []string{"setup-mfa"}},
	}, MachineTokens: []clerktest.MachineToken{{Kind: clerktest.KindOAuth, Token: "oat_x", Subject: "user_2fJaneSampleUser0000000000A", ClientID: "c"}}})
	jane, waits := f.SignIn("jane@example.com"), f.SignIn("waits@example.com")
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			call := func(status int, method, path string, body any) answer {
				t.Helper()
				got := f.backend(method, path, body, "Clerk-Api-Version", version)
				assert.Equal(t, status, got.StatusCode, "%s %s: %s", method, path, got.body)
				return got
			}
			call(200, "GET", "/v1/jwks", nil)
			call(200, "GET", "/v1/users/"+jane.UserID, nil)
			call(404, "GET", "/v1/users/user_unknown", nil)
			call(200, "GET", "/v1/sessions?user_id="+jane.UserID, nil)
			call(200, "GET", "/v1/sessions?paginated=true&limit=10.0&offset=0.0&user_id="+jane.UserID, nil)
			call(422, "GET", "/v1/sessions?limit=1.5&user_id="+jane.UserID, nil)
			call(200, "GET", "/v1/sessions/"+jane.ID, nil)
			made := call(200, "POST", "/v1/sessions", map[string]any{"user_id": jane.UserID}).json(t)
			call(200, "POST", "/v1/sessions/"+made["id"].(string)+"/tokens", map[string]any{"expires_in_seconds": 60.0})
			call(200, "POST", "/v1/sessions/"+made["id"].(string)+"/tokens/db", nil)
			call(200, "POST", "/v1/sessions/"+made["id"].(string)+"/revoke", nil)
			call(200, "GET", "/v1/clients/"+jane.ClientID, nil)
			call(200, "GET", "/v1/clients", nil)
			call(200, "POST", "/v1/testing_tokens", nil)
			token := call(200, "POST", "/v1/sign_in_tokens", map[string]any{"user_id": jane.UserID}).json(t)
			call(200, "POST", "/v1/sign_in_tokens/"+token["id"].(string)+"/revoke", nil)
			key := call(200, "POST", "/v1/api_keys", map[string]any{
				"name": "build", "subject": "user_2fJaneSampleUser0000000000A", "created_by": "user_2fOmarSampleUser0000000000B",
			}).json(t)
			assert.Equal(t, "user_2fOmarSampleUser0000000000B", key["created_by"])
			call(200, "POST", "/v1/api_keys/verify", map[string]any{"secret": key["secret"]})
			call(200, "GET", "/v1/api_keys?subject=user_2fJaneSampleUser0000000000A&limit=10.0", nil)
			call(200, "GET", "/v1/api_keys/"+key["id"].(string), nil)
			call(200, "POST", "/v1/oauth_applications/access_tokens/verify", map[string]any{"access_token": "oat_x"})

			pending := call(200, "GET", "/v1/sessions/"+waits.ID, nil).json(t)
			if version < "2025-03-12" { // which knows neither tasks nor the status
				assert.Equal(t, "active", pending["status"])
				assert.NotContains(t, pending, "tasks")
			} else {
				assert.Equal(t, "pending", pending["status"])
				assert.Len(t, pending["tasks"], 1)
			}
		})
	}
}

func TestEveryAnswerHasATraceID(t *testing.T) {
	f := setup(t, clerktest.Options{})
	seen := map[string]bool{}
	for _, got := range []answer{
		f.backend(http.MethodGet, "/v1/jwks", nil), f.backend(http.MethodGet, "/v1/users/user_x", nil), f.do(http.MethodGet, "/v1/environment", ""),
		f.do(http.MethodGet, "/.well-known/jwks.json", ""), f.backend(http.MethodPost, "/m2m_tokens/verify", map[string]any{"token": "x"}),
		f.do(http.MethodGet, "/v1/unknown", ""),
	} {
		trace := got.Header.Get("Clerk-Trace-Id")
		assert.Regexp(t, `^[0-9a-z]{32}$`, trace)
		assert.False(t, seen[trace])
		seen[trace] = true
		if inBody, ok := got.json(t)["clerk_trace_id"]; ok {
			assert.Equal(t, trace, inBody)
		}
	}
}

func TestUsersShareOrganizations(t *testing.T) {
	f := setup(t, clerktest.Options{Users: []clerktest.User{
		{Email: "a@example.com", Organization: &clerktest.Organization{Slug: "acme", Name: "Acme", Role: "org:admin"}},
		{Email: "b@example.com", Organization: &clerktest.Organization{Slug: "acme", Role: "org:member"}},
		{Email: "c@example.com", Organization: &clerktest.Organization{ID: "org_2fAcmeSampleOrg00000000000D", Slug: "acme", Role: "org:member"}, Organizations: []clerktest.Organization{{Slug: "other", Name: "Other", Role: "org:admin"}}},
		{Email: "d@example.com", Organizations: []clerktest.Organization{{Slug: "other", Role: "org:member"}}},
	}})
	users := f.Users()
	for _, u := range users[:3] {
		assert.Equal(t, "org_2fAcmeSampleOrg00000000000D", u.Organization.ID)
		assert.Equal(t, "Acme", u.Organization.Name)
	}
	assert.Equal(t, "org:admin", users[0].Organization.Role)
	assert.Equal(t, "org:member", users[1].Organization.Role)
	assert.Nil(t, users[3].Organization)
	require.Len(t, users[3].Organizations, 1)
	assert.Equal(t, users[2].Organizations[0].ID, users[3].Organizations[0].ID)
	assert.Empty(t, f.SignIn("d@example.com").OrganizationID, "only Organization is active from sign-in on")

	api := f.client()
	user, _, err := api.GetUser(t.Context(), users[2].ID)
	require.NoError(t, err)
	var raw struct {
		Memberships []struct {
			Organization struct {
				Slug  string
				Count int `json:"members_count"`
			}
		} `json:"organization_memberships"`
	}
	require.NoError(t, json.Unmarshal(user.Raw, &raw))
	require.Len(t, raw.Memberships, 2)
	assert.Equal(t, 3, raw.Memberships[0].Organization.Count)
	assert.Equal(t, 2, raw.Memberships[1].Organization.Count)

	// Any of them can be made active.
	made, _, err := api.CreateSession(t.Context(), &clerkapi.CreateSessionParams{UserID: users[2].ID, ActiveOrganizationID: &users[2].Organizations[0].ID})
	require.NoError(t, err)
	assert.Equal(t, users[2].Organizations[0].ID, *made.LastActiveOrganizationID)
	claims := f.claims(f.Token(made.ID, ""))
	assert.Equal(t, "other", claims["o"].(map[string]any)["slg"])

	assert.True(t, f.DeleteUser(users[3].ID))
	assert.Len(t, f.Users(), 3)
}

func TestUsersThatCannotBeTogether(t *testing.T) {
	t.Parallel()
	org := func(id, slug, name string) *clerktest.Organization {
		return &clerktest.Organization{ID: id, Slug: slug, Name: name}
	}
	for want, users := range map[string][]clerktest.User{
		"user JANE@example.com: another user has the same email address": {{Email: "jane@example.com"}, {Email: "JANE@example.com"}},
		"user b@example.com: another user has the same id":               {{ID: "user_1", Email: "a@example.com"}, {ID: "user_1", Email: "b@example.com"}},
		"user b@example.com: another user has the same username":         {{Email: "a@example.com", Username: "x"}, {Email: "b@example.com", Username: "X"}},
		"user b@example.com: another user has the same external id":      {{Email: "a@example.com", ExternalID: "x"}, {Email: "b@example.com", ExternalID: "x"}},
		`user b@example.com: organization "acme": another organization has the same slug`: {
			{Email: "a@example.com", Organization: org("org_1", "acme", "")}, {Email: "b@example.com", Organization: org("org_2", "acme", "")},
		},
		"user b@example.com: organization org_1: another user gives it a different slug or name": {
			{Email: "a@example.com", Organization: org("org_1", "acme", "")}, {Email: "b@example.com", Organization: org("org_1", "other", "")},
		},
		"user d@example.com: organization org_1: another user gives it a different slug or name": {
			{Email: "c@example.com", Organization: org("org_1", "acme", "Acme")}, {Email: "d@example.com", Organization: org("org_1", "acme", "Other")},
		},
		"user a@example.com: organization org_1: listed twice": {
			{Email: "a@example.com", Organization: org("org_1", "acme", ""), Organizations: []clerktest.Organization{{Slug: "acme"}}},
		},
	} {
		require.EqualError(t, clerktest.Options{Users: users}.Validate(), want)
		assert.Panics(t, func() { clerktest.New(clerktest.Options{Users: users}) })
	}
	require.NoError(t, clerktest.Options{Users: []clerktest.User{{}, {}}}.Validate())
}

func TestUsersAreListedAndCounted(t *testing.T) {
	f := setup(t, clerktest.Options{Users: []clerktest.User{
		{ID: "user_a", Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", Username: "annie", ExternalID: "crm-1", Organization: &clerktest.Organization{ID: "org_1", Slug: "acme", Name: "Acme"}},
		{ID: "user_b", Email: "bob@example.com", FirstName: "Bob"},
		{ID: "user_c", Email: "cat@other.test", FirstName: "Cat", Organizations: []clerktest.Organization{{Slug: "acme"}}},
	}})
	ids := func(query string) []string {
		var users []struct{ ID string }
		got := f.backend(http.MethodGet, "/v1/users?"+query, nil)
		require.Equal(t, http.StatusOK, got.StatusCode, "%s: %s", query, got.body)
		require.NoError(t, json.Unmarshal(got.body, &users))
		var list []string
		for _, u := range users {
			list = append(list, u.ID)
		}
		return list
	}
	for query, want := range map[string][]string{
		"":                              {"user_c", "user_b", "user_a"},
		"email_address=ANN@example.com": {"user_a"},
		"user_id=user_a&user_id=user_c": {"user_c", "user_a"},
		"user_id=user_a&username=other": nil,
		"username=Annie":                {"user_a"},
		"external_id=crm-1":             {"user_a"},
		"organization_id=org_1":         {"user_c", "user_a"},
		"organization_id=acme":          nil,
		"phone_number=%2B15555550100":   nil,
		"query=EXAMPLE.com":             {"user_b", "user_a"},
		"email_address_query=other":     {"user_c"},
		"name_query=ann+l":              {"user_a"},
		"username_query=nn":             {"user_a"},
		"order_by=created_at":           {"user_a", "user_b", "user_c"},
		"order_by=%2Bfirst_name":        {"user_a", "user_b", "user_c"},
		"order_by=-email_address":       {"user_c", "user_b", "user_a"},
	} {
		assert.Equal(t, want, ids(query), query)
		if count := f.backend(http.MethodGet, "/v1/users/count?"+query, nil); assert.Equal(t, http.StatusOK, count.StatusCode, query) {
			assert.Equal(t, map[string]any{"object": "total_count", "total_count": float64(len(want))}, count.json(t), query)
		}
	}
	assert.Equal(t, []string{"user_b"}, ids("limit=1.0&offset=1.0"))
	assert.Equal(t, 422, f.backend(http.MethodGet, "/v1/users?order_by=password", nil).StatusCode)
	assert.Equal(t, 501, f.backend(http.MethodGet, "/v1/users/count?banned=true", nil).StatusCode)
	page := f.backend(http.MethodGet, "/v1/users?paginated=true&limit=1", nil).json(t)
	assert.EqualValues(t, 3, page["total_count"])
}

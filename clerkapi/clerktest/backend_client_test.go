package clerktest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// client is clerkapi on the fixture, over HTTP.
func (f *fixture) client(edit ...func(*clerkapi.Options)) *clerkapi.Client {
	f.t.Helper()
	opts := clerkapi.Options{SecretKey: f.SecretKey(), BaseURL: f.URL, Transport: f.http.Transport}
	for _, e := range edit {
		e(&opts)
	}
	c, err := clerkapi.New(opts)
	require.NoError(f.t, err)
	f.t.Cleanup(c.CloseIdleConnections)
	return c
}

// refused is the status and the first code of an error from clerkapi.
func refused(t *testing.T, err error) (status int, code string) {
	t.Helper()
	var api *clerkapi.APIError
	require.ErrorAs(t, err, &api)
	require.NotEmpty(t, api.Errors)
	return api.Response.StatusCode, api.Errors[0].Code
}

func TestListSessions(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	api := f.client()
	var ids []string
	for range 12 {
		ids = append(ids, f.SignIn("jane@example.com").ID)
		f.Advance(time.Second)
	}
	f.SignIn("omar@example.com")
	f.RevokeSession(ids[0])
	jane := f.Session(ids[0]).UserID

	page, _, err := api.ListSessions(t.Context(), &clerkapi.ListSessionsParams{UserID: jane})
	require.NoError(t, err)
	assert.EqualValues(t, 12, page.TotalCount)
	require.Len(t, page.Data, 10, "the default limit")
	assert.Equal(t, ids[11], page.Data[0].ID, "newest first")

	bare, limit, offset := false, 5, 10
	page, _, err = api.ListSessions(t.Context(), &clerkapi.ListSessionsParams{
		UserID: jane, Paginated: &bare, Limit: &limit, Offset: &offset,
	})
	require.NoError(t, err)
	assert.EqualValues(t, -1, page.TotalCount, "a bare array")
	require.Len(t, page.Data, 2)
	assert.Equal(t, ids[0], page.Data[1].ID)

	page, _, err = api.ListSessions(t.Context(), &clerkapi.ListSessionsParams{UserID: jane, Status: "revoked"})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	assert.Equal(t, ids[0], page.Data[0].ID)

	page, _, err = api.ListSessions(t.Context(), &clerkapi.ListSessionsParams{ClientID: f.Session(ids[3]).ClientID})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	assert.Equal(t, ids[3], page.Data[0].ID)

	for query, want := range map[string]string{
		"":                           "missing_query_parameter",
		"user_id=u&limit=0":          "form_param_value_invalid",
		"user_id=u&limit=501":        "form_param_value_invalid",
		"user_id=u&limit=x":          "form_param_format_invalid",
		"user_id=u&offset=-1":        "form_param_value_invalid",
		"user_id=u&paginated=maybe":  "form_param_format_invalid",
		"user_id=u&status=sleeping":  "form_param_value_invalid",
		"user_id=u&offset=999999999": "",
	} {
		got := f.backend(http.MethodGet, "/v1/sessions?"+query, nil)
		assert.Equal(t, want, got.code(), query)
	}
}

func TestCreateSession(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	api := f.client()
	mei := clerktest.SampleUsers()[2]

	session, _, err := api.CreateSession(t.Context(), &clerkapi.CreateSessionParams{UserID: mei.ID})
	require.NoError(t, err)
	assert.Equal(t, "active", session.Status)
	assert.Nil(t, session.LastActiveOrganizationID)
	session, _, err = api.CreateSession(t.Context(), &clerkapi.CreateSessionParams{
		UserID: mei.ID, ActiveOrganizationID: &mei.Organization.ID,
	})
	require.NoError(t, err)
	assert.Equal(t, &mei.Organization.ID, session.LastActiveOrganizationID)

	_, _, err = api.CreateSession(t.Context(), &clerkapi.CreateSessionParams{UserID: "user_x"})
	require.ErrorIs(t, err, clerkapi.ErrNotFound)
	for body, want := range map[string]string{
		"": "form_param_missing", "null": "form_param_missing", "{}": "form_param_missing", "[]": "request_body_invalid",
		`{"user_id":1}`: "form_param_type_invalid", `{"user_id":"x","actor":{}}`: "form_param_unknown",
		`{"user_id":"` + mei.ID + `","active_organization_id":"org_x"}`: "resource_not_found",
	} {
		got := f.do(http.MethodPost, "/v1/sessions", body, "Authorization", "Bearer "+f.SecretKey(),
			"Content-Type", "application/json")
		assert.Equal(t, want, got.code(), body)
	}
	typed := f.do(http.MethodPost, "/v1/sessions", "{}", "Authorization", "Bearer "+f.SecretKey(), "Content-Type", "text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, typed.StatusCode)

	production := setup(t, clerktest.Options{Production: true})
	_, _, err = production.client().CreateSession(t.Context(), &clerkapi.CreateSessionParams{UserID: mei.ID})
	status, code := refused(t, err)
	assert.Equal(t, 400, status)
	assert.Equal(t, "request_invalid_for_environment", code)
}

func TestCreateSessionToken(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	api := f.client()
	session := f.SignIn("jane@example.com")

	token, _, err := api.CreateSessionToken(t.Context(), session.ID, nil)
	require.NoError(t, err)
	claims := f.claims(token.JWT)
	assert.Equal(t, session.ID, claims["sid"])
	assert.NotContains(t, claims, "azp")
	assert.InDelta(t, 60, claims["exp"].(float64)-claims["iat"].(float64), 0)

	seconds := int64(3600)
	token, _, err = api.CreateSessionToken(t.Context(), session.ID, &clerkapi.CreateSessionTokenParams{ExpiresInSeconds: &seconds})
	require.NoError(t, err)
	claims = f.claims(token.JWT)
	assert.InDelta(t, 3600, claims["exp"].(float64)-claims["iat"].(float64), 0)

	path := "/v1/sessions/" + session.ID + "/tokens"
	for value, want := range map[any]string{
		29: "form_param_value_invalid", 315360001: "form_param_value_invalid", "x": "form_param_type_invalid",
		30.5: "form_param_type_invalid", nil: "", 30: "", 315360000: "",
	} {
		got := f.backend(http.MethodPost, path, map[string]any{"expires_in_seconds": value})
		assert.Equal(t, want, got.code(), "%v", value)
		if want != "" {
			assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
		}
	}

	f.EndSession(session.ID)
	_, _, err = api.CreateSessionToken(t.Context(), session.ID, nil)
	require.ErrorIs(t, err, clerkapi.ErrNotFound)
}

func TestTemplateTokens(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{
		Users: []clerktest.User{{
			Email: "jane@example.com", Password: "x", FirstName: "Jane",
			PublicMetadata: map[string]any{"tier": map[string]any{"level": 3}, "beta": false},
			Organization:   &clerktest.Organization{Slug: "acme", Name: "Acme", Role: "org:admin"},
		}},
		JWTTemplates: []clerktest.JWTTemplate{{Name: "db", Lifetime: 5 * time.Minute, Claims: map[string]any{
			"aud": "db", "name": "{{user.first_name}}", "level": "{{user.public_metadata.tier.level}}",
			"greeting": "Hi {{user.first_name}} {{user.last_name}}!", "nick": "{{user.username || user.last_name || 'nobody'}}",
			"beta": "{{user.public_metadata.beta || user.username}}", "missing": "{{user.shoe_size}}", "odd": "{{open",
			"org": map[string]any{"slug": "{{org.slug}}", "roles": []any{"{{org.role}}", 7}},
		}}},
	})
	session := f.SignIn("jane@example.com")
	token, _, err := f.client().CreateSessionTokenFromTemplate(t.Context(), session.ID, "db", nil)
	require.NoError(t, err)
	claims := f.claims(token.JWT)
	for name, want := range map[string]any{
		"aud": "db", "name": "Jane", "level": 3.0, "greeting": "Hi Jane null!", "nick": "nobody", "beta": nil,
		"missing": nil, "odd": "{{open", "sub": session.UserID, "iss": f.Issuer(),
		"org": map[string]any{"slug": "acme", "roles": []any{"org:admin", 7.0}},
	} {
		assert.Equal(t, want, claims[name], name)
	}
	assert.InDelta(t, 300, claims["exp"].(float64)-claims["iat"].(float64), 0)
	assert.InDelta(t, 5, claims["iat"].(float64)-claims["nbf"].(float64), 0)
	for _, absent := range []string{"sid", "v", "sts", "o", "fva", "azp"} {
		assert.NotContains(t, claims, absent)
	}
	_, _, err = f.client().CreateSessionTokenFromTemplate(t.Context(), session.ID, "nothing", nil)
	require.ErrorIs(t, err, clerkapi.ErrNotFound)

	reserved := clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{Name: "x", Claims: map[string]any{"sub": "me"}}}}
	require.ErrorContains(t, reserved.Validate(), "reserved")
	assert.Panics(t, func() { clerktest.New(reserved) })
}

func TestVerifySession(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session, other := f.SignIn("jane@example.com"), f.SignIn("jane@example.com")
	verify := func(api *clerkapi.Client, token string) error {
		//lint:ignore SA1019 the deprecated operation is what is tested
		_, _, err := api.VerifySession(t.Context(), session.ID, &clerkapi.VerifySessionParams{Token: &token}) //nolint:staticcheck // deprecated, and tested
		return err
	}
	api := f.client()
	token := f.Token(session.ID, app)
	require.NoError(t, verify(api, token))
	for name, bad := range map[string]string{"another's": f.Token(other.ID, app), "garbage": "x"} {
		status, code := refused(t, verify(api, bad))
		assert.Equal(t, 400, status, name)
		assert.Equal(t, "invalid_session_token", code, name)
	}
	f.Advance(time.Minute)
	_, code := refused(t, verify(api, token))
	assert.Equal(t, "invalid_session_token", code, "expired")

	strict := setup(t, clerktest.Options{RetireOldOperations: true})
	session = strict.SignIn("jane@example.com")
	path, body := "/v1/sessions/"+session.ID+"/verify", map[string]any{"token": strict.Token(session.ID, app)}
	for version, want := range map[string]int{
		"": 410, "2021-02-05": 200, "2024-10-01": 200, "2025-03-12": 200, "2025-04-10": 410, "2026-05-12": 410,
	} {
		var headers []string
		if version != "" {
			headers = []string{"Clerk-Api-Version", version}
		}
		assert.Equal(t, want, strict.backend(http.MethodPost, path, body, headers...).StatusCode, version)
	}
	assert.Equal(t, "operation_deprecated", strict.backend(http.MethodGet, "/v1/clients", nil).code())
}

func TestBackendClients(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	api := f.client()
	session := f.SignIn("jane@example.com")
	got, _, err := api.GetClient(t.Context(), session.ClientID)
	require.NoError(t, err)
	assert.Equal(t, []string{session.ID}, got.SessionIDs)
	require.Len(t, got.Sessions, 1)
	assert.Equal(t, &session.ID, got.LastActiveSessionID)

	secret := f.devBrowser(session.ID)
	verified, _, err := api.VerifyClient(t.Context(), &clerkapi.VerifyClientParams{Token: secret})
	require.NoError(t, err)
	assert.Equal(t, session.ClientID, verified.ID)
	_, _, err = api.VerifyClient(t.Context(), &clerkapi.VerifyClientParams{Token: "x"})
	_, code := refused(t, err)
	assert.Equal(t, "cookie_invalid", code)
	_, _, err = api.GetClient(t.Context(), "client_x")
	require.ErrorIs(t, err, clerkapi.ErrNotFound)

	f.Advance(time.Second)
	newer := f.SignIn("omar@example.com")
	list := f.backend(http.MethodGet, "/v1/clients?paginated=true&limit=1", nil).json(t)
	assert.EqualValues(t, 2, list["total_count"])
	assert.Equal(t, newer.ClientID, list["data"].([]any)[0].(map[string]any)["id"])
}

func TestSignInTokens(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	api := f.client()
	mei := clerktest.SampleUsers()[2]
	browser := f.do(http.MethodPost, "/v1/dev_browser", "").json(t)["id"].(string)
	use := func(secret string) answer {
		return f.form("/v1/client/sign_ins?__clerk_db_jwt="+browser, url.Values{"strategy": {"ticket"}, "ticket": {secret}})
	}

	token, _, err := api.CreateSignInToken(t.Context(), &clerkapi.CreateSignInTokenParams{UserID: mei.ID})
	require.NoError(t, err)
	assert.Equal(t, clerkapi.SignInTokenPending, token.Status)
	signedIn := use(token.Token)
	require.Equal(t, http.StatusOK, signedIn.StatusCode, "%s", signedIn.body)
	client := signedIn.json(t)["client"].(map[string]any)
	assert.Equal(t, "ticket", client["last_authentication_strategy"])
	session := f.Session(client["last_active_session_id"].(string))
	assert.Equal(t, mei.ID, session.UserID)
	assert.Equal(t, "sign_in_token_already_used_code", use(token.Token).code())
	_, _, err = api.RevokeSignInToken(t.Context(), token.ID)
	_, code := refused(t, err)
	assert.Equal(t, "sign_in_token_cannot_be_revoked_code", code)

	token, _, err = api.CreateSignInToken(t.Context(), &clerkapi.CreateSignInTokenParams{UserID: mei.ID})
	require.NoError(t, err)
	revoked, _, err := api.RevokeSignInToken(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Equal(t, clerkapi.SignInTokenRevoked, revoked.Status)
	assert.Empty(t, revoked.Token)
	assert.Equal(t, "sign_in_token_revoked_code", use(token.Token).code())

	seconds := int64(5)
	token, _, err = api.CreateSignInToken(t.Context(), &clerkapi.CreateSignInTokenParams{UserID: mei.ID, ExpiresInSeconds: &seconds})
	require.NoError(t, err)
	f.Advance(5 * time.Second)
	assert.Equal(t, "ticket_expired_code", use(token.Token).code())
	assert.Equal(t, "ticket_invalid_code", use("x").code())
	assert.Equal(t, "form_param_missing", use("").code())

	org := "org_x"
	_, _, err = api.CreateSignInToken(t.Context(), &clerkapi.CreateSignInTokenParams{UserID: mei.ID, OrgID: &org})
	status, code := refused(t, err)
	assert.Equal(t, 403, status)
	assert.Equal(t, "not_a_member_in_organization", code)
	_, _, err = api.CreateSignInToken(t.Context(), &clerkapi.CreateSignInTokenParams{UserID: "user_x"})
	require.ErrorIs(t, err, clerkapi.ErrNotFound)
	_, _, err = api.RevokeSignInToken(t.Context(), "sit_x")
	require.ErrorIs(t, err, clerkapi.ErrNotFound)
}

func TestTestingToken(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true})
	token, _, err := f.client().CreateTestingToken(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `^\d+-c_\w{27}$`, token.Token)
	assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresAtTime(), 5*time.Second)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Now() // stands still: a slow machine must not reach the next window
	f := setup(t, clerktest.Options{RateLimit: 3, Now: func() time.Time { return now }})
	api := f.client()
	user := clerktest.SampleUsers()[0].ID
	for range 3 {
		_, _, err := api.GetUser(t.Context(), user)
		require.NoError(t, err)
	}
	_, res, err := api.GetUser(t.Context(), user)
	require.ErrorIs(t, err, clerkapi.ErrRateLimited)
	assert.Equal(t, 10*time.Second, res.RetryAfter)
	_, _, err = api.GetJWKS(t.Context())
	require.NoError(t, err, "the key set has no limit")
	f.Advance(10 * time.Second)
	_, _, err = api.GetUser(t.Context(), user)
	require.NoError(t, err)

	f.SetRateLimit(clerktest.ClerkRateLimit)
	for range 100 {
		require.Equal(t, 200, f.backend(http.MethodGet, "/v1/users/"+user, nil).StatusCode)
	}
	assert.Equal(t, "too_many_requests", f.backend(http.MethodGet, "/v1/users/"+user, nil).code())
	f.SetRateLimit(0)
	assert.Equal(t, 200, f.backend(http.MethodGet, "/v1/users/"+user, nil).StatusCode)
}

func TestPendingSessions(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Users: []clerktest.User{{
		Email: "jane@example.com", Tasks: []string{"choose-organization", "setup-mfa"},
		Organization: &clerktest.Organization{Slug: "acme", Role: "org:admin"},
	}}})
	session := f.SignIn("jane@example.com")
	assert.Equal(t, "pending", session.Status)
	assert.Equal(t, "pending", f.claims(f.Token(session.ID, app))["sts"])
	body := f.backend(http.MethodGet, "/v1/sessions/"+session.ID, nil).json(t)
	assert.Equal(t, []any{map[string]any{"key": "choose-organization"}, map[string]any{"key": "setup-mfa"}}, body["tasks"])
	old := f.backend(http.MethodGet, "/v1/sessions/"+session.ID, nil, "Clerk-Api-Version", "2024-10-01").json(t)
	assert.NotContains(t, old, "tasks")

	secret := f.devBrowser(session.ID)
	touched := f.form("/v1/client/sessions/"+session.ID+"/touch?__clerk_db_jwt="+secret, url.Values{"active_organization_id": {"acme"}})
	require.Equal(t, 200, touched.StatusCode, "%s", touched.body)
	assert.Equal(t, "pending", f.Session(session.ID).Status, "one task is left")
	f.CompleteTasks(session.ID)
	assert.Equal(t, "active", f.Session(session.ID).Status)
	assert.Equal(t, "active", f.claims(f.Token(session.ID, app))["sts"])
	f.CompleteTasks(session.ID) // nothing left to do
	f.CompleteTasks("sess_x")
}

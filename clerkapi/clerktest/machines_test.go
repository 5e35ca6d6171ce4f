package clerktest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

func machines(t *testing.T) (f *fixture, reader, batch clerktest.Machine) {
	t.Helper()
	const readerID = "mch_2fReaderMachine00000000000A"
	f = setup(t, clerktest.Options{Machines: []clerktest.Machine{
		{ID: readerID, Name: "reader"}, {Name: "batch", Scopes: []string{readerID}},
	}})
	list := f.Machines()
	return f, list[0], list[1]
}

func TestVerifyM2MToken(t *testing.T) {
	t.Parallel()
	f, reader, batch := machines(t)
	token := f.AddMachineToken(clerktest.MachineToken{
		Kind: clerktest.KindM2M, Subject: batch.ID, Scopes: batch.Scopes, Claims: map[string]any{"tier": "batch"},
		ExpiresAt: f.Now().Add(time.Hour),
	})
	assert.Regexp(t, `^mt_[0-9a-f]{32}$`, token.ID)
	api := f.client()
	verify := func(key string) (*clerkapi.M2MToken, error) {
		got, _, err := api.VerifyM2MToken(t.Context(), &clerkapi.VerifyM2MTokenParams{Token: token.Token, MachineSecretKey: key})
		return got, err
	}
	got, err := verify("")
	require.NoError(t, err)
	assert.Equal(t, token.ID, got.ID)
	assert.Equal(t, batch.ID, got.Subject)
	assert.JSONEq(t, `{"tier":"batch"}`, string(got.Claims))
	_, err = verify(reader.SecretKey)
	require.NoError(t, err)
	_, err = verify(batch.SecretKey)
	require.ErrorIs(t, err, clerkapi.ErrNotFound, "not granted to the caller")
	_, err = verify("ak_unknown")
	require.ErrorIs(t, err, clerkapi.ErrUnauthorized)
	f.Advance(time.Hour)
	_, err = verify("")
	require.ErrorIs(t, err, clerkapi.ErrNotFound, "expired")
}

func TestVerifyAPIKey(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	key := f.AddMachineToken(clerktest.MachineToken{
		Kind: clerktest.KindAPIKey, Token: "ak_a/b+c==", Subject: clerktest.SampleUsers()[0].ID, Name: "laptop", Scopes: []string{"read"},
	})
	got, _, err := f.client().VerifyAPIKey(t.Context(), &clerkapi.VerifyAPIKeyParams{Secret: key.Token})
	require.NoError(t, err)
	assert.Equal(t, "laptop", got.Name)
	assert.Equal(t, []string{"read"}, got.Scopes)
	for _, path := range []string{"/api_keys/verify", "/v1/api_keys/verify"} {
		assert.Equal(t, 200, f.backend(http.MethodPost, path, map[string]any{"secret": key.Token}).StatusCode)
	}
	f.RevokeMachineToken(key.ID)
	_, _, err = f.client().VerifyAPIKey(t.Context(), &clerkapi.VerifyAPIKeyParams{Secret: key.Token})
	require.ErrorIs(t, err, clerkapi.ErrNotFound)
	require.Len(t, f.MachineTokens(), 1)
	assert.True(t, f.MachineTokens()[0].Revoked)
}

func TestVerifyOAuthAccessToken(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{MachineTokens: []clerktest.MachineToken{{
		Kind: clerktest.KindOAuth, Token: "oat_x", Subject: clerktest.SampleUsers()[0].ID, ClientID: "client_app", Scopes: []string{"email"},
	}}})
	got, _, err := f.client().VerifyOAuthAccessToken(t.Context(), &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: "oat_x"})
	require.NoError(t, err)
	assert.Equal(t, "client_app", got.ClientID)
	old := f.backend(http.MethodPost, "/oauth_applications/access_tokens/verify", map[string]any{"secret": "oat_x"})
	assert.Equal(t, 200, old.StatusCode, "the deprecated name")
}

func TestMachineErrorsAreBare(t *testing.T) {
	t.Parallel()
	f, reader, _ := machines(t)
	for name, tt := range map[string]struct {
		path, key, body string
		status          int
		code            string
	}{
		"no key":             {"/m2m_tokens/verify", "", `{"token":"x"}`, 401, "clerk_key_invalid"},
		"machine's key":      {"/api_keys/verify", reader.SecretKey, `{"secret":"x"}`, 401, "clerk_key_invalid"},
		"missing":            {"/m2m_tokens/verify", f.SecretKey(), `{}`, 400, "bad_request"},
		"unknown parameter":  {"/m2m_tokens/verify", f.SecretKey(), `{"token":"x","more":1}`, 400, "bad_request"},
		"wrong type":         {"/api_keys/verify", f.SecretKey(), `{"secret":1}`, 400, "bad_request"},
		"unknown":            {"/v1/m2m_tokens/verify", reader.SecretKey, `{"token":"mt_x"}`, 404, "resource_not_found"},
		"create without key": {"/m2m_tokens", f.SecretKey(), `{}`, 403, "authorization_invalid"},
		"create, bad format": {"/m2m_tokens", reader.SecretKey, `{"token_format":"x"}`, 400, "bad_request"},
		"create, no time":    {"/m2m_tokens", reader.SecretKey, `{"seconds_until_expiration":0}`, 400, "bad_request"},
		"create, bad claims": {"/m2m_tokens", reader.SecretKey, `{"claims":[]}`, 400, "bad_request"},
		"revoke unknown":     {"/m2m_tokens/mt_x/revoke", f.SecretKey(), ``, 404, "resource_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.do(http.MethodPost, tt.path, tt.body, "Authorization", "Bearer "+tt.key, "Content-Type", "application/json")
			assert.Equal(t, tt.status, got.StatusCode, "%s", got.body)
			assert.Equal(t, tt.code, got.code())
			assert.NotContains(t, got.json(t), "clerk_trace_id")
			assert.NotContains(t, got.json(t), "meta")
		})
	}
}

func TestM2MTokenLife(t *testing.T) {
	t.Parallel()
	f, reader, batch := machines(t)
	call := func(method, path, body, key string) answer {
		return f.do(method, path, body, "Authorization", "Bearer "+key, "Content-Type", "application/json")
	}
	made := call(http.MethodPost, "/m2m_tokens", `{"seconds_until_expiration":60,"claims":{"a":1}}`, batch.SecretKey).json(t)
	secret, id := made["token"].(string), made["id"].(string)
	assert.True(t, strings.HasPrefix(secret, "mt_"))
	verify := `{"token":"` + secret + `"}`
	assert.Equal(t, 200, call(http.MethodPost, "/m2m_tokens/verify", verify, reader.SecretKey).StatusCode)

	list := func(query, key string) answer { return call(http.MethodGet, "/m2m_tokens?"+query, "", key) }
	assert.EqualValues(t, 1, list("subject="+batch.ID+"&limit=10.0&offset=0.0", batch.SecretKey).json(t)["total_count"])
	assert.Equal(t, 400, list("", batch.SecretKey).StatusCode)
	assert.Equal(t, 403, list("subject="+batch.ID, reader.SecretKey).StatusCode)
	assert.Equal(t, 400, list("", f.SecretKey()).StatusCode)
	assert.Equal(t, 400, list("subject="+batch.ID+"&limit=101", batch.SecretKey).StatusCode)
	assert.Equal(t, 400, list("subject="+batch.ID+"&limit=1.5", batch.SecretKey).StatusCode)

	assert.Equal(t, 404, call(http.MethodPost, "/m2m_tokens/"+id+"/revoke", "", reader.SecretKey).StatusCode, "another's")
	revoked := call(http.MethodPost, "/m2m_tokens/"+id+"/revoke", `{"revocation_reason":"leaked"}`, batch.SecretKey).json(t)
	assert.Equal(t, "leaked", revoked["revocation_reason"])
	assert.NotContains(t, revoked, "token")
	assert.Equal(t, 404, call(http.MethodPost, "/m2m_tokens/verify", verify, f.SecretKey()).StatusCode)
	assert.EqualValues(t, 0, list("subject="+batch.ID, f.SecretKey()).json(t)["total_count"])
	assert.EqualValues(t, 1, list("revoked=true&subject="+batch.ID, f.SecretKey()).json(t)["total_count"])

	jwt := call(http.MethodPost, "/m2m_tokens", `{"token_format":"jwt","claims":{"a":1}}`, batch.SecretKey).json(t)
	claims := f.claims(jwt["token"].(string))
	assert.Equal(t, batch.ID, claims["sub"])
	assert.Equal(t, reader.ID, claims["scopes"])
	assert.Equal(t, jwt["id"], claims["jti"])
	assert.EqualValues(t, 1, claims["a"])
}

func TestM2MTokenIsReused(t *testing.T) {
	t.Parallel()
	f, _, batch := machines(t)
	create := func(body string) (int, any) {
		got := f.do(http.MethodPost, "/m2m_tokens", body, "Authorization", "Bearer "+batch.SecretKey, "Content-Type", "application/json")
		return got.StatusCode, got.json(t)["id"]
	}
	const again = `{"seconds_until_expiration":60,"claims":{"a":1},"min_remaining_ttl_seconds":20}`
	_, first := create(again)
	_, second := create(again)
	assert.Equal(t, first, second)
	_, other := create(`{"seconds_until_expiration":60,"claims":{"a":2},"min_remaining_ttl_seconds":20}`)
	assert.NotEqual(t, first, other)
	f.Advance(40 * time.Second)
	_, third := create(again)
	assert.NotEqual(t, first, third, "it would end too soon")
	status, _ := create(`{"seconds_until_expiration":60,"min_remaining_ttl_seconds":60}`)
	assert.Equal(t, 400, status)
}

func TestAPIKeyLife(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	jane := clerktest.SampleUsers()[0].ID
	made := f.backend(http.MethodPost, "/api_keys", map[string]any{
		"name": "laptop", "subject": jane, "scopes": []string{"read"}, "claims": map[string]any{"a": 1}, "seconds_until_expiration": 60,
	}).json(t)
	secret, path := made["secret"].(string), "/api_keys/"+made["id"].(string)
	got := f.backend(http.MethodGet, path, nil).json(t)
	assert.Equal(t, "laptop", got["name"])
	assert.NotContains(t, got, "secret")
	assert.Equal(t, secret, f.backend(http.MethodGet, path+"/secret", nil).json(t)["secret"])
	list := func(query string) any {
		return f.backend(http.MethodGet, "/v1/api_keys?"+query, nil).json(t)["total_count"]
	}
	assert.EqualValues(t, 1, list("subject="+jane))
	f.Advance(time.Minute)
	assert.EqualValues(t, 0, list("subject="+jane))
	assert.EqualValues(t, 1, list("include_invalid=true&subject="+jane))
	assert.Equal(t, true, f.backend(http.MethodDelete, path, nil).json(t)["deleted"])
	for method, path := range map[string]string{"GET": path, "DELETE": path, "get": path + "/secret"} {
		assert.Equal(t, 404, f.backend(strings.ToUpper(method), path, nil).StatusCode)
	}
	for _, bad := range []map[string]any{
		{"subject": jane}, {"name": "x"}, {"name": "x", "subject": "x"}, {"name": 1, "subject": jane}, {"more": 1},
		{"name": "x", "subject": jane, "scopes": 1}, {"name": "x", "subject": jane, "seconds_until_expiration": 0},
	} {
		assert.Equal(t, 400, f.backend(http.MethodPost, "/api_keys", bad).StatusCode, "%v", bad)
	}
	assert.Nil(t, list(""))
	assert.Nil(t, list("limit=0&subject="+jane))
}

func TestMachineTokensThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]clerktest.MachineToken{
		"kind": {Kind: "session_token", Subject: "user_x"}, "subject": {Kind: clerktest.KindM2M, Subject: "user_x"},
	} {
		require.Error(t, clerktest.Options{MachineTokens: []clerktest.MachineToken{token}}.Validate(), name)
		assert.Panics(t, func() { clerktest.New(clerktest.Options{}).AddMachineToken(token) }, name)
	}
}

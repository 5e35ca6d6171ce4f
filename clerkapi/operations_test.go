package clerkapi_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

const (
	tokenJSON  = `{"object":"token","jwt":"j"}`
	clientJSON = `{"object":"client","id":"client_1","session_ids":["sess_1"],"sessions":[` + sessionJSON + `],"sign_in_id":null,
		"sign_up_id":null,"last_active_session_id":"sess_1","last_authentication_strategy":null,"updated_at":1,"created_at":2}`
	m2mJSON = `{"object":"machine_to_machine_token","id":"mt_1c9f0a4be27d4c5f8a6b3d2e1f0a9b8c","subject":"mch_1","claims":{"tier":"batch"},
		"scopes":["mch_2"],"revoked":false,"revocation_reason":null,"expired":false,"expiration":1767229200000,"last_used_at":null,
		"created_at":1767225600000,"updated_at":1767225600000}`
	apiKeyJSON = `{"object":"api_key","id":"ak_1","type":"api_key","subject":"user_1","name":"n","description":null,"claims":null,"scopes":["a"],
		"revoked":false,"expired":false,"expiration":null,"created_by":null,"last_used_at":null,"created_at":1,"updated_at":1}`
	oauthJSON = `{"object":"clerk_idp_oauth_access_token","id":"oat_1","client_id":"c","subject":"user_1","scopes":["email"],
		"revoked":false,"expired":false,"expiration":null,"created_at":1,"updated_at":1}`
	signInTokenJSON = `{"object":"sign_in_token","id":"sit_1","user_id":"user_1","status":"pending","token":"t","url":null,
		"created_at":1767225600000,"updated_at":1767225600000}`
	userJSON = `{"object":"user","id":"user_1","username":null,"primary_email_address_id":"idn_2","email_addresses":[
		{"id":"idn_1","email_address":"a@example.com","verification":null},
		{"id":"idn_2","email_address":"b@example.com","verification":{"status":"verified","strategy":"ticket"}}],
		"public_metadata":{"a":1},"created_at":1767225600000,"updated_at":1767225600000,"new_member":[1]}`
)

func TestOperations(t *testing.T) {
	t.Parallel()
	jwt, org, seconds := "jwt", "org_1", int64(30)
	cases := []struct {
		name              string
		reply             string
		call              func(context.Context, *clerkapi.Client) (any, *clerkapi.Response, error)
		method, uri, body string
		version           string
		key               string
		check             func(*testing.T, any)
	}{
		{name: "create session", reply: sessionJSON, method: "POST", uri: "/v1/sessions", body: `{"user_id":"user_1"}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.CreateSession(x, &clerkapi.CreateSessionParams{UserID: "user_1"})
			}},
		{name: "create session in organization", reply: sessionJSON, method: "POST", uri: "/v1/sessions",
			body: `{"user_id":"user_1","active_organization_id":"org_1"}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.CreateSession(x, &clerkapi.CreateSessionParams{UserID: "user_1", ActiveOrganizationID: &org})
			}},
		{name: "revoke session", reply: sessionJSON, method: "POST", uri: "/v1/sessions/s/revoke",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.RevokeSession(x, "s")
			}},
		{name: "create token", reply: tokenJSON, method: "POST", uri: "/v1/sessions/s/tokens",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.CreateSessionToken(x, "s", &clerkapi.CreateSessionTokenParams{})
			},
			check: func(t *testing.T, v any) { assert.Equal(t, "j", v.(*clerkapi.Token).JWT) }},
		{name: "create token from template", reply: tokenJSON, method: "POST", uri: "/v1/sessions/s/tokens/tpl", body: `{"expires_in_seconds":30}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.CreateSessionTokenFromTemplate(x, "s", "tpl", &clerkapi.CreateSessionTokenParams{ExpiresInSeconds: &seconds})
			}},
		{name: "verify session", reply: sessionJSON, method: "POST", uri: "/v1/sessions/s/verify", body: `{"token":"jwt"}`, version: "2024-10-01",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifySession(x, "s", &clerkapi.VerifySessionParams{Token: &jwt})
			}},
		{name: "verify session without token", reply: sessionJSON, method: "POST", uri: "/v1/sessions/s/verify", version: "2024-10-01",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifySession(x, "s", nil)
			}},
		{name: "jwks", reply: `{"keys":[{"use":"sig","kty":"RSA","kid":"ins_1","alg":"RS256","n":"yQ","e":"AQAB"},{"kty":"OKP","x":"x"}]}`,
			method: "GET", uri: "/v1/jwks",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) { return c.GetJWKS(x) },
			check: func(t *testing.T, v any) {
				assert.Equal(t, []clerkapi.JWK{{Kid: "ins_1", Kty: "RSA", Alg: "RS256", Use: "sig", N: "yQ", E: "AQAB"}, {Kty: "OKP"}}, v.(*clerkapi.JWKS).Keys)
			}},
		{name: "handshake payload", reply: `{"directives":["a=1; Path=/","b=2"]}`, method: "GET", uri: "/v1/clients/handshake_payload?nonce=n%26o%3D",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.GetHandshakePayload(x, "n&o=")
			},
			check: func(t *testing.T, v any) {
				assert.Equal(t, []string{"a=1; Path=/", "b=2"}, v.(*clerkapi.HandshakePayload).Directives)
			}},
		{name: "verify client", reply: clientJSON, method: "POST", uri: "/v1/clients/verify", body: `{"token":"jwt"}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifyClient(x, &clerkapi.VerifyClientParams{Token: jwt})
			}},
		{name: "get client", reply: clientJSON, method: "GET", uri: "/v1/clients/client_1",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.GetClient(x, "client_1")
			},
			check: func(t *testing.T, v any) {
				r := v.(*clerkapi.ClientResource)
				assert.Equal(t, sessionID, r.Sessions[0].ID)
				assert.Equal(t, "sess_1", *r.LastActiveSessionID)
				assert.Nil(t, r.SignInID)
			}},
		{name: "verify M2M", reply: m2mJSON, method: "POST", uri: "/m2m_tokens/verify", body: `{"token":"mt_x"}`, key: machineKey,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifyM2MToken(x, &clerkapi.VerifyM2MTokenParams{Token: "mt_x"})
			},
			check: func(t *testing.T, v any) {
				m := v.(*clerkapi.M2MToken)
				assert.Equal(t, "mch_1", m.Subject)
				assert.JSONEq(t, `{"tier":"batch"}`, string(m.Claims))
				assert.EqualValues(t, 1767229200000, *m.Expiration)
			}},
		{name: "verify M2M with a key of its own", reply: m2mJSON, method: "POST", uri: "/m2m_tokens/verify", body: `{"token":"mt_x"}`, key: "ak_own",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifyM2MToken(x, &clerkapi.VerifyM2MTokenParams{Token: "mt_x", MachineSecretKey: "ak_own"})
			}},
		{name: "verify API key", reply: apiKeyJSON, method: "POST", uri: "/api_keys/verify", body: `{"secret":"ak_x"}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifyAPIKey(x, &clerkapi.VerifyAPIKeyParams{Secret: "ak_x"})
			}},
		{name: "verify OAuth", reply: oauthJSON, method: "POST", uri: "/oauth_applications/access_tokens/verify", body: `{"access_token":"oat_x"}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.VerifyOAuthAccessToken(x, &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: "oat_x"})
			}},
		{name: "testing token", reply: `{"object":"testing_token","token":"1767225600-c_1","expires_at":1767229200}`, method: "POST", uri: "/v1/testing_tokens",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.CreateTestingToken(x)
			},
			check: func(t *testing.T, v any) {
				assert.Equal(t, "2026-01-01 01:00:00 +0000 UTC", v.(*clerkapi.TestingToken).ExpiresAtTime().String())
			}},
		{name: "sign-in token", reply: signInTokenJSON, method: "POST", uri: "/v1/sign_in_tokens",
			body: `{"user_id":"user_1","org_id":"org_1","expires_in_seconds":30}`,
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.CreateSignInToken(x, &clerkapi.CreateSignInTokenParams{UserID: "user_1", OrgID: &org, ExpiresInSeconds: &seconds})
			},
			check: func(t *testing.T, v any) {
				assert.Equal(t, clerkapi.SignInTokenPending, v.(*clerkapi.SignInToken).Status)
				assert.Equal(t, "2026-01-01 00:00:00 +0000 UTC", v.(*clerkapi.SignInToken).CreatedAtTime().String())
			}},
		{name: "revoke sign-in token", reply: signInTokenJSON, method: "POST", uri: "/v1/sign_in_tokens/sit_1/revoke",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.RevokeSignInToken(x, "sit_1")
			}},
		{name: "user", reply: userJSON, method: "GET", uri: "/v1/users/user_1",
			call: func(x context.Context, c *clerkapi.Client) (any, *clerkapi.Response, error) {
				return c.GetUser(x, "user_1")
			},
			check: func(t *testing.T, v any) {
				u := v.(*clerkapi.User)
				assert.Equal(t, "b@example.com", u.PrimaryEmail())
				assert.Equal(t, "verified", u.EmailAddresses[1].Verification.Status)
				assert.Nil(t, u.Username)
				assert.JSONEq(t, userJSON, string(u.Raw))
				assert.Equal(t, "2026-01-01 00:00:00 +0000 UTC", u.CreatedAtTime().String())
				assert.Equal(t, u.CreatedAtTime(), u.UpdatedAtTime())
			}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, f := setup(t, nil, ok(tc.reply), reply{404, nil, notFoundJSON}, ok(`{}`))
			v, res, err := tc.call(t.Context(), c)
			require.NoError(t, err)
			assert.Equal(t, 200, res.StatusCode)
			assert.Equal(t, tc.reply, string(res.Body))
			if tc.check != nil {
				tc.check(t, v)
			}
			r := f.got()[0]
			assert.Equal(t, tc.method, r.method)
			assert.Equal(t, tc.uri, r.uri)
			assert.Equal(t, orElse(tc.version, "2026-05-12"), r.header.Get("Clerk-Api-Version"))
			assert.Equal(t, "Bearer "+orElse(tc.key, secretKey), r.header.Get("Authorization"))
			if tc.body == "" {
				assert.Empty(t, r.body)
				assert.Empty(t, r.header["Transfer-Encoding"])
			} else {
				assert.JSONEq(t, tc.body, r.body)
			}

			v, res, err = tc.call(t.Context(), c)
			require.ErrorIs(t, err, clerkapi.ErrNotFound)
			assert.Nil(t, v)
			assert.NotNil(t, res)

			v, res, err = tc.call(t.Context(), c)
			var d *clerkapi.DecodeError
			require.ErrorAs(t, err, &d, "an empty object is no result")
			assert.Nil(t, v)
			assert.NotNil(t, res)
		})
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func TestInvalidParamsMakeNoCall(t *testing.T) {
	t.Parallel()
	x := t.Context()
	c, f := setup(t, nil, ok(`{}`))
	i64 := func(n int64) *int64 { return &n }
	num := func(n int) *int { return &n }
	for name, call := range map[string]func() error{
		"session nil":  func() error { _, _, err := c.CreateSession(x, nil); return err },
		"session user": func() error { _, _, err := c.CreateSession(x, &clerkapi.CreateSessionParams{}); return err },
		"nonce":        func() error { _, _, err := c.GetHandshakePayload(x, ""); return err },
		"client nil":   func() error { _, _, err := c.VerifyClient(x, nil); return err },
		"client":       func() error { _, _, err := c.VerifyClient(x, &clerkapi.VerifyClientParams{}); return err },
		"m2m nil":      func() error { _, _, err := c.VerifyM2MToken(x, nil); return err },
		"m2m":          func() error { _, _, err := c.VerifyM2MToken(x, &clerkapi.VerifyM2MTokenParams{}); return err },
		"api key nil":  func() error { _, _, err := c.VerifyAPIKey(x, nil); return err },
		"api key":      func() error { _, _, err := c.VerifyAPIKey(x, &clerkapi.VerifyAPIKeyParams{}); return err },
		"oauth nil":    func() error { _, _, err := c.VerifyOAuthAccessToken(x, nil); return err },
		"oauth": func() error {
			_, _, err := c.VerifyOAuthAccessToken(x, &clerkapi.VerifyOAuthAccessTokenParams{})
			return err
		},
		"sign-in nil":  func() error { _, _, err := c.CreateSignInToken(x, nil); return err },
		"sign-in user": func() error { _, _, err := c.CreateSignInToken(x, &clerkapi.CreateSignInTokenParams{}); return err },
		"limit 0":      func() error { _, _, err := c.ListSessions(x, &clerkapi.ListSessionsParams{Limit: num(0)}); return err },
		"limit 501": func() error {
			_, _, err := c.ListSessions(x, &clerkapi.ListSessionsParams{Limit: num(501)})
			return err
		},
		"offset": func() error {
			_, _, err := c.ListSessions(x, &clerkapi.ListSessionsParams{Offset: num(-1)})
			return err
		},
		"lifetime 29":   func() error { return tokenFor(x, c, 29) },
		"lifetime long": func() error { return tokenFor(x, c, 315360001) },
		"sign-in time": func() error {
			_, _, err := c.CreateSignInToken(x, &clerkapi.CreateSignInTokenParams{UserID: "u", ExpiresInSeconds: i64(0)})
			return err
		},
		"machine key": func() error {
			_, _, err := c.VerifyM2MToken(x, &clerkapi.VerifyM2MTokenParams{Token: "t", MachineSecretKey: "planted\r\nX: y"})
			noSecrets(t, err.Error())
			return err
		},
	} {
		assert.ErrorIs(t, call(), clerkapi.ErrInvalidParams, name)
	}
	assert.Empty(t, f.got())
}

func tokenFor(ctx context.Context, c *clerkapi.Client, seconds int64) error {
	_, _, err := c.CreateSessionToken(ctx, "s", &clerkapi.CreateSessionTokenParams{ExpiresInSeconds: &seconds})
	return err
}

func TestM2MKeyPrecedence(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ secret, machine, own, want string }{
		"secret alone":        {"sk", "", "", "sk"},
		"machine over secret": {"sk", "ak", "", "ak"},
		"call over both":      {"sk", "ak", "own", "own"},
		"machine alone":       {"", "ak", "", "ak"},
	} {
		c, f := setup(t, func(o *clerkapi.Options) { o.SecretKey, o.MachineSecretKey = tc.secret, tc.machine }, ok(m2mJSON))
		_, _, err := c.VerifyM2MToken(t.Context(), &clerkapi.VerifyM2MTokenParams{Token: "t", MachineSecretKey: tc.own})
		require.NoError(t, err)
		assert.Equal(t, "Bearer "+tc.want, f.got()[0].header.Get("Authorization"), name)
	}
}

func TestInactiveMachineTokens(t *testing.T) {
	t.Parallel()
	with := func(body, key string) string {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		m[key] = key != "active"
		out, err := json.Marshal(m)
		require.NoError(t, err)
		return string(out)
	}
	for _, key := range []string{"revoked", "expired"} {
		for name, call := range map[string]func() (any, *clerkapi.Response, error){
			"m2m": func() (any, *clerkapi.Response, error) {
				c, _ := setup(t, nil, ok(with(m2mJSON, key)))
				return c.VerifyM2MToken(t.Context(), &clerkapi.VerifyM2MTokenParams{Token: "t"})
			},
			"api key": func() (any, *clerkapi.Response, error) {
				c, _ := setup(t, nil, ok(with(apiKeyJSON, key)))
				return c.VerifyAPIKey(t.Context(), &clerkapi.VerifyAPIKeyParams{Secret: "t"})
			},
			"oauth": func() (any, *clerkapi.Response, error) {
				c, _ := setup(t, nil, ok(with(oauthJSON, key)))
				return c.VerifyOAuthAccessToken(t.Context(), &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: "t"})
			},
		} {
			v, res, err := call()
			require.ErrorIs(t, err, clerkapi.ErrTokenInactive, name)
			assert.Nil(t, v)
			assert.NotNil(t, res)
		}
	}
	for _, body := range []string{`{"active":false}`, with(oauthJSON, "active")} {
		c, _ := setup(t, nil, ok(body))
		_, _, err := c.VerifyOAuthAccessToken(t.Context(), &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: "t"})
		require.ErrorIs(t, err, clerkapi.ErrTokenInactive)
	}
	// {"active": true} alone names nobody.
	c, _ := setup(t, nil, ok(`{"active":true}`), ok(`{"object":"api_key","id":"ak_1"}`))
	_, _, err := c.VerifyOAuthAccessToken(t.Context(), &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: "t"})
	var d *clerkapi.DecodeError
	require.ErrorAs(t, err, &d)
	_, _, err = c.VerifyAPIKey(t.Context(), &clerkapi.VerifyAPIKeyParams{Secret: "t"})
	require.ErrorAs(t, err, &d)
	assert.ErrorContains(t, err, "subject is missing")
}

func TestPrimaryEmailMissing(t *testing.T) {
	t.Parallel()
	id := "idn_9"
	assert.Empty(t, (&clerkapi.User{}).PrimaryEmail())
	assert.Empty(t, (&clerkapi.User{PrimaryEmailAddressID: &id}).PrimaryEmail())
}

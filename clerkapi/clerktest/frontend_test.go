package clerktest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// at reaches into nested JSON; numbers in keys are indexes of lists.
func at(t *testing.T, v any, keys ...any) any {
	t.Helper()
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			require.IsType(t, map[string]any{}, v, "before %q", k)
			v = v.(map[string]any)[k]
		case int:
			require.IsType(t, []any{}, v)
			require.Greater(t, len(v.([]any)), k)
			v = v.([]any)[k]
		}
	}
	return v
}

// browserQuery makes a dev browser in development; in production the cookie jar does the work.
func (f *fixture) browserQuery(production bool) string {
	if production {
		return "?_clerk_js_version=6.40.0"
	}
	got := f.form("/v1/dev_browser", nil)
	return "?__clerk_db_jwt=" + url.QueryEscape(got.json(f.t)["id"].(string))
}

func eachKind(t *testing.T, test func(t *testing.T, f *fixture, query string, headers []string)) {
	for name, production := range map[string]bool{"development": false, "production": true} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, clerktest.Options{Production: production, AppName: "Shop"})
			headers := append(f.asProxy(app), "Origin", app)
			test(t, f, f.browserQuery(production), headers)
		})
	}
}

func TestPasswordSignIn(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, f *fixture, query string, headers []string) {
		client := f.do(http.MethodGet, "/v1/client"+query, "", headers...)
		require.Equal(t, http.StatusOK, client.StatusCode, "%s", client.body)
		assert.JSONEq(t, `{"response":null,"client":null}`, string(client.body))

		got := f.form("/v1/client/sign_ins"+query, url.Values{
			"strategy": {"password"}, "identifier": {"Jane@Example.com"}, "password": {"correct horse"}, "locale": {"en-US"},
		}, headers...)
		require.Equal(t, http.StatusOK, got.StatusCode, "%s", got.body)
		body := got.json(t)
		assert.Equal(t, "complete", at(t, body, "response", "status"))
		sid := at(t, body, "response", "created_session_id").(string)
		assert.Equal(t, sid, at(t, body, "client", "sessions", 0, "id"))
		assert.Equal(t, "jane@example.com", at(t, body, "client", "sessions", 0, "user", "email_addresses", 0, "email_address"))
		assert.Nil(t, at(t, body, "client", "sign_in"))
		claims := f.claims(at(t, body, "client", "sessions", 0, "last_active_token", "jwt").(string))
		assert.Equal(t, app, claims["azp"])

		token := f.form("/v1/client/sessions/"+sid+"/tokens"+query, url.Values{"organization_id": {""}}, headers...)
		require.Equal(t, http.StatusOK, token.StatusCode, "%s", token.body)
		assert.Equal(t, sid, f.claims(token.json(t)["jwt"].(string))["sid"])

		touched := f.form("/v1/client/sessions/"+sid+"/touch"+query, url.Values{"active_organization_id": {""}}, headers...)
		assert.Equal(t, at(t, body, "client", "updated_at"), at(t, touched.json(t), "client", "updated_at"))
		assert.Equal(t, 404, f.form("/v1/client/sessions/"+sid+"/tokens/tpl"+query, nil, headers...).StatusCode)

		out := f.form("/v1/client/sessions"+query+"&_method=DELETE", nil, headers...)
		require.Equal(t, http.StatusOK, out.StatusCode, "%s", out.body)
		assert.Empty(t, at(t, out.json(t), "response", "sessions"))
		assert.Equal(t, "removed", f.Session(sid).Status)
		gone := f.form("/v1/client/sessions/"+sid+"/tokens"+query, nil, headers...)
		assert.Equal(t, http.StatusUnauthorized, gone.StatusCode)
	})
}

func TestSignInInTwoSteps(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, f *fixture, query string, headers []string) {
		first := f.form("/v1/client/sign_ins"+query, url.Values{"identifier": {"omar@example.com"}}, headers...)
		require.Equal(t, http.StatusOK, first.StatusCode, "%s", first.body)
		assert.Equal(t, "needs_first_factor", at(t, first.json(t), "response", "status"))
		assert.Equal(t, "password", at(t, first.json(t), "client", "sign_in", "supported_first_factors", 0, "strategy"))
		path := "/v1/client/sign_ins/" + at(t, first.json(t), "response", "id").(string) + "/attempt_first_factor" + query

		wrong := f.form(path, url.Values{"strategy": {"password"}, "password": {"battery staple"}}, headers...)
		assert.Equal(t, http.StatusUnprocessableEntity, wrong.StatusCode)
		assert.Equal(t, "form_password_incorrect", wrong.code())
		right := f.form(path, url.Values{"strategy": {"password"}, "password": {"correct horse"}}, headers...)
		assert.Equal(t, "complete", at(t, right.json(t), "response", "status"))
		assert.Equal(t, http.StatusNotFound, f.form(path, nil, headers...).StatusCode, "an attempt is used once")
	})
}

func TestProductionCookies(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true})
	headers := append(f.asProxy(app), "Origin", app)
	got := f.form("/v1/client/sign_ins", url.Values{"identifier": {"jane@example.com"}}, headers...)
	before := cookiesIn(t, got.Header.Values("Set-Cookie"))["__client"]
	require.NotNil(t, before)
	got = f.form("/v1/client/sign_ins", url.Values{"identifier": {"jane@example.com"}, "password": {"correct horse"}}, headers...)
	cookies := cookiesIn(t, got.Header.Values("Set-Cookie"))
	require.Contains(t, cookies, "__client")
	assert.True(t, cookies["__client"].HttpOnly)
	assert.NotEqual(t, before.Value, cookies["__client"].Value, "a value known before sign-in is worth nothing after it")
	assert.NotEqual(t, "0", cookies["__client_uat"].Value)
	assert.Equal(t, cookies["__client_uat"].Value, cookies["__client_uat_"+f.CookieSuffix()].Value)
	shake := f.withoutCookies().do(http.MethodGet, handshakePath("format", "token"), "",
		append(f.asProxy(app), "Cookie", "__client="+before.Value)...)
	token := cookiesIn(t, shake.Header.Values("Set-Cookie"))["__clerk_handshake"].Value
	assert.Equal(t, "0", cookiesIn(t, stringList(f.claims(token)["handshake"]))["__client_uat"].Value)

	out := f.form("/v1/client/sessions?_method=DELETE", nil, headers...)
	assert.Equal(t, "0", cookiesIn(t, out.Header.Values("Set-Cookie"))["__client_uat"].Value)
}

func (f *fixture) withoutCookies() *fixture {
	client := *f.http
	client.Jar = nil
	return &fixture{Server: f.Server, t: f.t, http: &client}
}

func TestFrontendRefusals(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	query := f.browserQuery(false)
	theirs := f.SignIn("omar@example.com")
	tests := []struct {
		name, path string
		values     url.Values
		headers    []string
		status     int
		code       string
	}{
		{"no dev browser", "/v1/client/sign_ins", nil, nil, 401, "dev_browser_unauthenticated"},
		{"unknown dev browser", "/v1/client/sign_ins?__clerk_db_jwt=x", nil, nil, 401, "dev_browser_unauthenticated"},
		{"unknown user", "/v1/client/sign_ins" + query, url.Values{"identifier": {"eve@example.com"}}, nil, 422, "form_identifier_not_found"},
		{"no identifier", "/v1/client/sign_ins" + query, url.Values{"strategy": {"password"}}, nil, 422, "form_param_missing"},
		{"unknown strategy", "/v1/client/sign_ins" + query, url.Values{"strategy": {"magic"}}, nil, 422, "form_param_value_invalid"},
		{"wrong password", "/v1/client/sign_ins" + query, url.Values{"identifier": {"jane@example.com"}, "password": {"x"}}, nil, 422, "form_password_incorrect"},
		{"empty password", "/v1/client/sign_ins" + query, url.Values{"identifier": {"jane@example.com"}, "password": {""}}, nil, 422, "form_param_missing"},
		{"somebody else's session", "/v1/client/sessions/" + theirs.ID + "/tokens" + query, nil, nil, 404, "resource_not_found"},
		{"ending somebody else's session", "/v1/client/sessions/" + theirs.ID + "/end" + query, nil, nil, 404, "resource_not_found"},
		{"foreign origin", "/v1/client/sign_ins" + query, nil, []string{"Origin", "https://evil.test"}, 400, "origin_invalid"},
		{"null origin", "/v1/client/sign_ins" + query, nil, []string{"Origin", "null"}, 400, "origin_invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := f.form(tt.path, tt.values, tt.headers...)
			assert.Equal(t, tt.status, got.StatusCode, "%s", got.body)
			assert.Equal(t, tt.code, got.code())
		})
	}
	got := f.do(http.MethodPost, "/v1/client/sign_ins"+query, "{}", "Content-Type", "application/json")
	assert.Equal(t, "unsupported_content_type", got.code())
	assert.Equal(t, "active", f.Session(theirs.ID).Status)
}

func TestEndAndRemoveSession(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	for verb, status := range map[string]string{"end": "ended", "remove": "removed"} {
		session := f.SignIn("jane@example.com")
		got := f.form("/v1/client/sessions/"+session.ID+"/"+verb+"?__clerk_db_jwt="+f.devBrowser(session.ID), nil)
		require.Equal(t, http.StatusOK, got.StatusCode, "%s", got.body)
		assert.Equal(t, status, at(t, got.json(t), "response", "status"))
		assert.Empty(t, at(t, got.json(t), "client", "sessions"))
	}
	session := f.SignIn("jane@example.com")
	got := f.form("/v1/client?_method=DELETE&__clerk_db_jwt="+f.devBrowser(session.ID), nil)
	require.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, "ended", f.Session(session.ID).Status)
}

func TestEnvironmentAndCORS(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{AppName: "Shop"})
	for _, path := range []string{"/v1/environment", "/v1/environment?_method=PATCH"} {
		method := http.MethodGet
		if path != "/v1/environment" {
			method = http.MethodPost
		}
		got := f.do(method, path, "", "Origin", "http://localhost:3000")
		require.Equal(t, http.StatusOK, got.StatusCode)
		assert.Equal(t, "Shop", at(t, got.json(t), "display_config", "application_name"))
		assert.Equal(t, "development", at(t, got.json(t), "display_config", "instance_environment_type"))
		assert.Equal(t, "http://localhost:3000", got.Header.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "true", got.Header.Get("Access-Control-Allow-Credentials"))
	}
}

func TestSignInReplacesTheSessionBefore(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	first := f.SignIn("jane@example.com")
	f.Advance(time.Second)
	got := f.form("/v1/client/sign_ins?__clerk_db_jwt="+f.devBrowser(first.ID), url.Values{
		"identifier": {"omar@example.com"}, "password": {"correct horse"},
	})
	require.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, "replaced", f.Session(first.ID).Status)
	assert.Len(t, at(t, got.json(t), "client", "sessions"), 1)
}

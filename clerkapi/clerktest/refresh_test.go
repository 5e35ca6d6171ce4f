package clerktest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// refreshToken takes a fresh one from the cookies of the session's browser.
func (f *fixture) refreshToken(sessionID string) string {
	for _, cookie := range f.Cookies(sessionID, app) {
		if cookie.Name == "__refresh_"+f.CookieSuffix() {
			return cookie.Value
		}
	}
	return ""
}

// refreshBody is a request that succeeds.
func (f *fixture) refreshBody(sessionID string) map[string]any {
	return map[string]any{
		"expired_token": f.Token(sessionID, app), "refresh_token": f.refreshToken(sessionID), "request_origin": app,
		"request_headers": map[string]any{"accept": []string{"text/html"}}, "format": "cookie",
		"request_originating_ip": nil,
	}
}

func TestRefreshFormats(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	path := "/v1/sessions/" + session.ID + "/refresh"
	sfx := "_" + f.CookieSuffix()

	for _, suffixed := range []string{"", "?suffixed_cookies=true"} {
		body := f.refreshBody(session.ID)
		f.Advance(2 * time.Minute)
		got := f.backend(http.MethodPost, path+suffixed, body)
		require.Equal(t, http.StatusOK, got.StatusCode, "%s", got.body)
		assert.Equal(t, "cookies", got.json(t)["object"])
		cookies := cookiesIn(t, stringList(got.json(t)["cookies"]))
		claims := f.claims(cookies["__session"].Value)
		assert.Equal(t, session.ID, claims["sid"])
		assert.Equal(t, app, claims["azp"])
		assert.InDelta(t, f.Now().Unix(), claims["iat"], 2)
		assert.Equal(t, suffixed != "", cookies["__session"+sfx] != nil)
		require.Contains(t, cookies, "__refresh"+sfx)
		assert.NotEqual(t, body["refresh_token"], cookies["__refresh"+sfx].Value, "rotated")
	}

	body := f.refreshBody(session.ID)
	delete(body, "format")
	got := f.backend(http.MethodPost, path, body)
	require.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, "token", got.json(t)["object"])
	assert.Equal(t, session.ID, f.claims(got.json(t)["jwt"].(string))["sid"])
}

func TestRefreshRules(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	tests := []struct {
		name   string
		spoil  func(body map[string]any, session, other *clerktest.Session)
		status int
		code   string
	}{
		{"good", func(map[string]any, *clerktest.Session, *clerktest.Session) {}, 200, ""},
		{"garbage token", func(b map[string]any, _, _ *clerktest.Session) { b["expired_token"] = "x.y.z" }, 401, "expired_session_token_invalid"},
		{"forged token", func(b map[string]any, _, _ *clerktest.Session) {
			parts := strings.Split(b["expired_token"].(string), ".")
			b["expired_token"] = parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))
		}, 401, "expired_session_token_invalid"},
		{"token without azp", func(b map[string]any, s, _ *clerktest.Session) { b["expired_token"] = f.Token(s.ID, "") }, 401, "expired_session_token_missing_azp"},
		{"token of another session", func(b map[string]any, _, o *clerktest.Session) { b["expired_token"] = f.Token(o.ID, app) }, 401, "refresh_sid_mismatch"},
		{"token for another origin", func(b map[string]any, s, _ *clerktest.Session) {
			b["expired_token"] = f.Token(s.ID, "http://localhost:9999")
		}, 401, "refresh_request_origin_azp_mismatch"},
		{"another origin", func(b map[string]any, _, _ *clerktest.Session) { b["request_origin"] = "http://localhost:9999" }, 401, "refresh_request_origin_azp_mismatch"},
		{"origin with a path", func(b map[string]any, _, _ *clerktest.Session) { b["request_origin"] = app + "/" }, 401, "refresh_request_origin_invalid"},
		{"malformed origin", func(b map[string]any, _, _ *clerktest.Session) { b["request_origin"] = "localhost" }, 401, "refresh_request_origin_invalid"},
		{"unknown refresh token", func(b map[string]any, _, _ *clerktest.Session) { b["refresh_token"] = "r_x" }, 401, "refresh_token_not_found"},
		{"refresh token of another session", func(b map[string]any, _, o *clerktest.Session) { b["refresh_token"] = f.refreshToken(o.ID) }, 401, "refresh_token_not_found"},
		{"refresh tokens invalidated", func(_ map[string]any, s, _ *clerktest.Session) { f.InvalidateRefreshTokens(s.ID) }, 401, "refresh_token_not_found"},
		{"revoked session", func(_ map[string]any, s, _ *clerktest.Session) { f.RevokeSession(s.ID) }, 401, "session_refresh_inactive_session"},
		{"ended session", func(_ map[string]any, s, _ *clerktest.Session) { f.EndSession(s.ID) }, 401, "session_refresh_inactive_session"},
		{"unknown field", func(b map[string]any, _, _ *clerktest.Session) { b["extra"] = 1 }, 400, "form_param_unknown"},
		{"missing refresh token", func(b map[string]any, _, _ *clerktest.Session) { delete(b, "refresh_token") }, 400, "form_param_missing"},
		{"null token", func(b map[string]any, _, _ *clerktest.Session) { b["expired_token"] = nil }, 400, "form_param_missing"},
		{"number for origin", func(b map[string]any, _, _ *clerktest.Session) { b["request_origin"] = 7 }, 400, "form_param_type_invalid"},
		{"headers in a list", func(b map[string]any, _, _ *clerktest.Session) { b["request_headers"] = []int{} }, 400, "form_param_type_invalid"},
		{"null headers", func(b map[string]any, _, _ *clerktest.Session) { b["request_headers"] = nil }, 200, ""},
		{"unknown format", func(b map[string]any, _, _ *clerktest.Session) { b["format"] = "xml" }, 400, "form_param_value_invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			session, other := f.SignIn("jane@example.com"), f.SignIn("omar@example.com")
			body := f.refreshBody(session.ID)
			tt.spoil(body, session, other)
			got := f.backend(http.MethodPost, "/v1/sessions/"+session.ID+"/refresh", body)
			assert.Equal(t, tt.status, got.StatusCode, "%s", got.body)
			assert.Equal(t, tt.code, got.code())
			for _, secret := range []string{"expired_token", "refresh_token"} {
				if value, ok := body[secret].(string); ok && tt.status != http.StatusOK && len(value) > 10 {
					assert.NotContains(t, string(got.body), value)
				}
			}
		})
	}
}

func TestRefreshBodies(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	good, err := json.Marshal(f.refreshBody(session.ID))
	require.NoError(t, err)
	for _, tt := range []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"form", "application/x-www-form-urlencoded", string(good), 415, "unsupported_content_type"},
		{"no content type", "", string(good), 415, "unsupported_content_type"},
		{"not JSON", "application/json", "{", 400, "request_body_invalid"},
		{"a list", "application/json", "[]", 400, "request_body_invalid"},
		{"null", "application/json", "null", 400, "request_body_invalid"},
		{"empty", "application/json", "", 400, "request_body_invalid"},
		{"huge", "application/json", `{"x":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "request_body_too_large"},
		{"good", "application/json; charset=utf-8", string(good), 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := f.do(http.MethodPost, "/v1/sessions/"+session.ID+"/refresh", tt.body,
				"Authorization", "Bearer "+f.SecretKey(), "Content-Type", tt.kind)
			assert.Equal(t, tt.status, got.StatusCode, "%.200s", got.body)
			assert.Equal(t, tt.code, got.code())
		})
	}
}

func TestRefreshIsOneShot(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	path := "/v1/sessions/" + session.ID + "/refresh"
	body := f.refreshBody(session.ID)

	var won, consumed atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch got := f.backend(http.MethodPost, path, body); got.code() {
			case "":
				won.Add(1)
			case "session_refresh_expired_session_token_consumed":
				consumed.Add(1)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, int32(1), won.Load())
	assert.Equal(t, int32(19), consumed.Load())

	// Neither token of the used pair helps beside a fresh one.
	fresh := f.refreshBody(session.ID)
	fresh["expired_token"] = body["expired_token"]
	assert.Equal(t, "session_refresh_expired_session_token_consumed", f.backend(http.MethodPost, path, fresh).code())
	fresh = f.refreshBody(session.ID)
	fresh["refresh_token"] = body["refresh_token"]
	assert.Equal(t, "refresh_token_not_found", f.backend(http.MethodPost, path, fresh).code())
}

func TestRefreshAfterRotation(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	path := "/v1/sessions/" + session.ID + "/refresh"
	body := f.refreshBody(session.ID)
	f.RotateKeysKeepOld()
	assert.Equal(t, http.StatusOK, f.backend(http.MethodPost, path, body).StatusCode)
	body = f.refreshBody(session.ID)
	f.RotateKeys()
	assert.Equal(t, "expired_session_token_invalid", f.backend(http.MethodPost, path, body).code())
}

package clerktest

import (
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// refreshRequest is the body of POST /v1/sessions/{id}/refresh; no other keys are allowed.
type refreshRequest struct {
	expiredToken, refreshToken, requestOrigin string
	cookies                                   bool // format "cookie" instead of "token"
}

// refreshSession exchanges an expired session token and a refresh token for a new session token. Every failed check gets
// 401 with its own code. The order of the checks is our choice.
func (c *Clerk) refreshSession(r *http.Request) (any, error) {
	req, err := parseRefresh(r)
	if err != nil {
		return nil, err
	}
	expired, err := c.checkExpiredToken(req, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	claims, next, err := c.exchange(req, expired)
	if err != nil {
		return nil, err
	}
	token := c.keys.sign(claims)
	if !req.cookies {
		return object{"object": "token", "jwt": token}, nil
	}
	jar := c.jarFor(req.requestOrigin, "")
	cookies := jar.session(token)
	if r.URL.Query().Get("suffixed_cookies") != "true" {
		cookies = cookies[:1]
	}
	return object{"object": "cookies", "cookies": directives(append(cookies, jar.refresh(next)))}, nil
}

// checkExpiredToken makes the checks that need only the request.
func (c *Clerk) checkExpiredToken(req *refreshRequest, sessionID string) (jwt.MapClaims, error) {
	claims, err := c.keys.parse(req.expiredToken)
	if err != nil {
		return nil, denied("expired_session_token_invalid")
	}
	sid, _ := claims["sid"].(string)
	azp, _ := claims["azp"].(string)
	_, hasIAT := claims["iat"].(float64)
	origin, originErr := parseWebURL(req.requestOrigin)
	switch {
	case sid == "":
		return nil, denied("expired_session_token_missing_sid")
	case azp == "":
		return nil, denied("expired_session_token_missing_azp")
	case !hasIAT:
		return nil, denied("session_refresh_expired_session_token_missing_iat")
	case sid != sessionID:
		return nil, denied("refresh_sid_mismatch")
	case originErr != nil || originOf(origin) != req.requestOrigin:
		return nil, denied("refresh_request_origin_invalid")
	case azp != req.requestOrigin:
		return nil, denied("refresh_request_origin_azp_mismatch")
	}
	return claims, nil
}

// exchange consumes both tokens in one step: of two equal requests one succeeds, and the other finds its token consumed.
func (c *Clerk) exchange(req *refreshRequest, expired jwt.MapClaims) (claims jwt.MapClaims, refresh string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[expired["sid"].(string)]
	if s == nil {
		return nil, "", denied("session_refresh_session_not_found")
	}
	if !s.alive(c.Now()) {
		return nil, "", denied("session_refresh_inactive_session")
	}
	jti, _ := expired["jti"].(string)
	if c.state.consumed.Contains(jti) {
		return nil, "", denied("session_refresh_expired_session_token_consumed")
	}
	if !s.useRefreshToken(req.refreshToken) {
		return nil, "", denied("refresh_token_not_found")
	}
	c.state.consumed.Add(jti, struct{}{})
	s.lastActiveAt = c.Now()
	return c.sessionClaims(s, req.requestOrigin), s.newRefreshToken(), nil
}

func denied(code string) *apiError {
	return refuse(http.StatusUnauthorized, code, "the session cannot be refreshed")
}

// malformed returns a 400 where other operations return 422: Clerk's specification of this one has only 200, 400 and 401.
func malformed(code, param, message string) *apiError {
	e := refuseParam(code, param, message)
	e.status = http.StatusBadRequest
	return e
}

func parseRefresh(r *http.Request) (*refreshRequest, error) {
	fields, err := jsonBody(r)
	if err != nil {
		return nil, err
	}
	known := []string{
		"expired_token", "refresh_token", "request_origin", "request_headers", "format", "request_originating_ip",
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			return nil, malformed("form_param_unknown", name, "is not a parameter of this request")
		}
	}
	req, format, address := &refreshRequest{}, "", ""
	for _, field := range []struct {
		name     string
		to       *string
		required bool
	}{
		{"expired_token", &req.expiredToken, true},
		{"refresh_token", &req.refreshToken, true},
		{"request_origin", &req.requestOrigin, true},
		{"format", &format, false},
		{"request_originating_ip", &address, false},
	} {
		if raw, ok := fields[field.name]; ok && json.Unmarshal(raw, field.to) != nil {
			return nil, malformed("form_param_type_invalid", field.name, "must be a string")
		}
		if field.required && *field.to == "" {
			return nil, malformed("form_param_missing", field.name, "is required")
		}
	}
	var headers map[string]any
	if raw, ok := fields["request_headers"]; ok && json.Unmarshal(raw, &headers) != nil {
		return nil, malformed("form_param_type_invalid", "request_headers", "must be an object")
	}
	if !slices.Contains([]string{"", "token", "cookie"}, format) {
		return nil, malformed("form_param_value_invalid", "format", "must be token or cookie")
	}
	req.cookies = format == "cookie"
	return req, nil
}

// jsonBody reads a JSON object without decoding its members.
func jsonBody(r *http.Request) (map[string]json.RawMessage, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported_content_type", "content type must be application/json")
	}
	data, err := io.ReadAll(r.Body)
	var fields map[string]json.RawMessage
	if err != nil || json.Unmarshal(data, &fields) != nil || fields == nil {
		return nil, refuse(http.StatusBadRequest, "request_body_invalid", "the body is not a JSON object")
	}
	return fields, nil
}

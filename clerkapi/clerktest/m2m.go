package clerktest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// machineCategory is the cat header of M2M tokens that are JWTs.
const machineCategory = "cl_B7d4PD333AAA"

// createM2MToken creates a token for the calling machine: opaque, or a JWT, which cannot be revoked.
func (c *Clerk) createM2MToken(r *http.Request, caller *Machine) (any, error) {
	if caller == nil {
		return nil, refuse(http.StatusForbidden, "authorization_invalid", "a machine secret key is needed")
	}
	f, err := bodyFields(r, "token_format", "seconds_until_expiration", "claims", "min_remaining_ttl_seconds")
	if err != nil {
		return nil, badRequest(err)
	}
	format, err := f.text("token_format")
	if err == nil && !slices.Contains([]string{"", "opaque", "jwt"}, format) {
		err = refuseParam("form_param_value_invalid", "token_format", "must be opaque or jwt")
	}
	var seconds *float64
	var claims map[string]any
	for name, to := range map[string]any{"seconds_until_expiration": &seconds, "claims": &claims} {
		if raw, ok := f[name]; ok && err == nil && json.Unmarshal(raw, to) != nil {
			err = refuseParam("form_param_type_invalid", name, "has the wrong type")
		}
	}
	if err == nil && seconds != nil && (*seconds <= 0 || *seconds > maxTokenSeconds) {
		err = refuseParam("form_param_value_invalid", "seconds_until_expiration", "is out of range")
	}
	if err != nil {
		return nil, badRequest(err)
	}
	least, err := f.integer("min_remaining_ttl_seconds", 0, maxTokenSeconds)
	switch {
	case err != nil:
		return nil, badRequest(err)
	case least != nil && seconds != nil && float64(*least) >= *seconds:
		// Not even a new token would live so long.
		return nil, refuse(http.StatusBadRequest, "bad_request", "min_remaining_ttl_seconds must be less than the lifetime")
	}
	t := MachineToken{Kind: KindM2M, Subject: caller.ID, Scopes: caller.Scopes, Claims: claims}
	if seconds != nil {
		t.ExpiresAt = c.Now().Add(time.Duration(*seconds * float64(time.Second)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if format == "jwt" {
		t.ID = hexID(tokenPrefix(KindM2M))
		t.CreatedAt = c.Now()
		t.Token = c.m2mJWT(&t)
		resource := t.resource(c.Now())
		resource["token"] = t.Token
		return created{resource}, nil
	}
	made := c.reusableM2MToken(t, least)
	if made == nil {
		made = c.addMachineToken(t)
	}
	resource := made.resource(c.Now())
	resource["token"] = made.Token
	return created{resource}, nil
}

// reusableM2MToken returns a token equal to t that is valid for at least so many seconds, or nil. The caller holds c.mu.
func (c *Clerk) reusableM2MToken(t MachineToken, least *int64) *MachineToken {
	if least == nil {
		return nil
	}
	until := c.Now().Add(time.Duration(*least) * time.Second)
	for _, known := range c.state.machineTokens {
		if known.Kind == KindM2M && known.Subject == t.Subject && known.alive(until) &&
			slices.Equal(known.Scopes, t.Scopes) && reflect.DeepEqual(known.Claims, t.Claims) {
			return known
		}
	}
	return nil
}

// m2mJWT returns an M2M token as a JWT. It is valid for an hour unless t says otherwise.
func (c *Clerk) m2mJWT(t *MachineToken) string {
	claims := jwt.MapClaims{}
	for name, value := range t.Claims {
		claims[name] = value
	}
	if t.ExpiresAt.IsZero() {
		t.ExpiresAt = t.CreatedAt.Add(time.Hour)
	}
	claims["iss"], claims["sub"], claims["jti"] = c.Issuer(), t.Subject, t.ID
	issued := c.told(t.CreatedAt)
	claims["iat"], claims["nbf"] = issued.Unix(), issued.Add(-notBeforeMargin).Unix()
	claims["exp"], claims["scopes"] = issued.Add(t.ExpiresAt.Sub(t.CreatedAt)).Unix(), strings.Join(t.Scopes, " ")
	return c.keys.signAs(machineCategory, claims)
}

// listM2MTokens lists a machine's tokens, newest first; revoked and expired ones only if the query asks for them.
func (c *Clerk) listM2MTokens(r *http.Request, caller *Machine) (any, error) {
	query := r.URL.Query()
	subject := query.Get("subject")
	switch {
	case subject == "":
		return nil, refuse(http.StatusBadRequest, "bad_request", "subject is required")
	case caller != nil && subject != caller.ID:
		return nil, refuse(http.StatusForbidden, "authorization_invalid", "these are another machine's tokens")
	}
	w, err := parseWindow(query, maxMachineLimit)
	if err != nil {
		return nil, badRequest(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []object{}
	for _, t := range slices.Backward(c.state.machineTokens) {
		if t.Kind == KindM2M && t.Subject == subject &&
			(!t.Revoked || query.Get("revoked") == "true") && (!t.expired(c.Now()) || query.Get("expired") == "true") {
			found = append(found, t.resource(c.Now()))
		}
	}
	return object{"m2m_tokens": append([]object{}, cut(found, w)...), "total_count": len(found)}, nil
}

// revokeMachineToken revokes an M2M token or an API key; it is idempotent. A machine can revoke only its own.
func (c *Clerk) revokeMachineToken(kind string) machineEndpoint {
	return func(r *http.Request, caller *Machine) (any, error) {
		f, err := bodyFields(r, "revocation_reason")
		if err != nil {
			return nil, badRequest(err)
		}
		reason, err := f.text("revocation_reason")
		if err != nil {
			return nil, badRequest(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, t := range c.state.machineTokens {
			if t.Kind != kind || t.ID != r.PathValue("id") || (caller != nil && t.Subject != caller.ID) {
				continue
			}
			if !t.Revoked {
				t.Revoked, t.RevocationReason = true, reason
			}
			return t.resource(c.Now()), nil
		}
		return nil, notFound("token")
	}
}

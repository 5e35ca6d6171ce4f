package clerktest

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed environment.json templates
var files embed.FS

// environment is the instance's settings as the browser client reads them. They are fixed but for name and kind.
func (c *Clerk) environment(*frontendCall) (any, error) {
	data, err := files.ReadFile("environment.json")
	var env object
	if err == nil {
		err = json.Unmarshal(data, &env)
	}
	display, ok := env["display_config"].(object)
	if err != nil || !ok {
		return nil, fmt.Errorf("read environment: %w", err)
	}
	display["application_name"], display["instance_environment_type"] = c.appName, "development"
	if c.production {
		display["instance_environment_type"] = "production"
	}
	return env, nil
}

// clientResource is the Frontend API's Client, or null for a browser in which nobody ever began to sign in. Only live
// sessions are listed. The caller holds c.mu.
func (c *Clerk) clientResource(call *frontendCall) any {
	cl := call.client
	if cl == nil || !cl.used {
		return nil
	}
	sessions, last := []object{}, any(nil)
	for _, s := range cl.sessions {
		if s.alive(call.now) {
			sessions, last = append(sessions, c.sessionResource(call, s)), s.id
		}
	}
	var attempt any
	if cl.signIn != nil {
		attempt = signInResource(cl.signIn, nil, "")
	}
	return object{
		"object": "client", "id": cl.id, "sessions": sessions, "sign_in": attempt, "sign_up": nil,
		"last_active_session_id": last, "cookie_expires_at": nil, "captcha_bypass": false,
		"last_authentication_strategy": orNull(cl.strategy),
		"created_at":                   cl.createdAt.UnixMilli(), "updated_at": cl.updatedAt.UnixMilli(),
	}
}

// sessionResource is the Frontend API's Session, with a token for the calling page. The caller holds c.mu.
func (c *Clerk) sessionResource(call *frontendCall, s *session) object {
	u := s.user
	resource := object{
		"object": "session", "id": s.id, "status": s.statusAt(call.now),
		"expire_at": s.createdAt.Add(sessionLifetime).UnixMilli(), "abandon_at": s.createdAt.Add(abandonAfter).UnixMilli(),
		"last_active_at": s.lastActiveAt.UnixMilli(), "last_active_organization_id": s.orgID(), "actor": nil, "tasks": s.tasksOf(),
		"factor_verification_age": []int{int(call.now.Sub(s.createdAt).Minutes()), -1},
		"user":                    c.userResource(u),
		"public_user_data": object{
			"first_name": u.FirstName, "last_name": u.LastName, "image_url": "", "has_image": false,
			"identifier": u.Email, "user_id": u.ID,
		},
		"last_active_token": nil,
		"created_at":        s.createdAt.UnixMilli(), "updated_at": s.updatedAt.UnixMilli(),
	}
	if s.alive(call.now) {
		resource["last_active_token"] = object{"object": "token", "jwt": c.keys.sign(c.sessionClaims(s, call.origin))}
	}
	return resource
}

// signInResource is an attempt: open when s is nil, else complete by a strategy.
func signInResource(attempt *signIn, s *session, strategy string) object {
	u := attempt.user
	factors := []object{{
		"strategy": "email_code", "safe_identifier": u.Email, "email_address_id": u.emailID(), "primary": true,
	}}
	if u.Password != "" {
		factors = append([]object{{"strategy": "password"}}, factors...)
	}
	var verification any
	if !attempt.codeExpires.IsZero() {
		verification = object{
			"status": "unverified", "strategy": "email_code", "attempts": nil,
			"expire_at": attempt.codeExpires.UnixMilli(),
		}
	}
	resource := object{
		"object": "sign_in_attempt", "id": attempt.id, "status": "needs_first_factor", "identifier": u.Email,
		"supported_identifiers":      []string{"email_address"},
		"supported_first_factors":    factors,
		"supported_second_factors":   nil,
		"first_factor_verification":  verification,
		"second_factor_verification": nil,
		"user_data": object{
			"first_name": u.FirstName, "last_name": u.LastName, "image_url": "", "has_image": false,
		},
		"created_session_id": nil, "abandon_at": attempt.createdAt.Add(signInLifetime).UnixMilli(),
	}
	if s != nil {
		resource["status"], resource["created_session_id"] = "complete", s.id
		resource["supported_first_factors"] = nil
		resource["first_factor_verification"] = object{"status": "verified", "strategy": strategy}
	}
	return resource
}

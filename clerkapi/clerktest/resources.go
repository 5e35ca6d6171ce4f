package clerktest

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed environment.json templates
var files embed.FS

// environment returns the instance's settings for the browser client. They are fixed except for name and kind.
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

// clientResource returns the Frontend API's Client, or nil for a browser in which nobody has begun to sign in. The caller
// holds c.mu.
func (c *Clerk) clientResource(call *frontendCall) any {
	if call.client == nil || !call.client.used {
		return nil
	}
	return show(c.frontendView(call), clientFields(), call.client)
}

// sessionResource returns the Frontend API's Session, with a token for the calling page. The caller holds c.mu.
func (c *Clerk) sessionResource(call *frontendCall, s *session) object {
	return show(c.frontendView(call), sessionFields(), s)
}

// clientFields returns the fields of a client. For the Backend API it has all sessions, for browsers only the live ones.
func clientFields() []field[*client] {
	sessions := func(v view, cl *client) any {
		if v.who == backendAPI {
			return showAll(v, sessionFields(), cl.sessions)
		}
		return showAll(v, sessionFields(), cl.live(v.now))
	}
	return []field[*client]{
		{name: "object", shown: everybody, value: always[*client]("client")},
		{name: "id", shown: everybody, value: func(_ view, cl *client) any { return cl.id }},
		{name: "sessions", shown: everybody, value: sessions},
		{name: "session_ids", shown: backendAPI, value: func(_ view, cl *client) any {
			ids := make([]string, len(cl.sessions))
			for i, s := range cl.sessions {
				ids[i] = s.id
			}
			return ids
		}},
		{name: "last_active_session_id", shown: everybody, value: func(v view, cl *client) any {
			if s := cl.active(v.now); s != nil {
				return s.id
			}
			return nil
		}},
		{name: "last_authentication_strategy", shown: everybody, value: func(_ view, cl *client) any { return orNull(cl.strategy) }},
		{name: "sign_in_id", shown: backendAPI, value: func(_ view, cl *client) any {
			if cl.signIn == nil {
				return nil
			}
			return cl.signIn.id
		}},
		{name: "sign_up_id", shown: backendAPI, value: always[*client](nil)},
		{name: "sign_in", shown: frontendAPI, value: func(_ view, cl *client) any {
			if cl.signIn == nil {
				return nil
			}
			return signInResource(cl.signIn, nil, "")
		}},
		{name: "sign_up", shown: frontendAPI, value: always[*client](nil)},
		{name: "cookie_expires_at", shown: frontendAPI, value: always[*client](nil)},
		{name: "captcha_bypass", shown: frontendAPI, value: always[*client](false)},
		{name: "created_at", shown: everybody, value: func(_ view, cl *client) any { return millis(cl.createdAt) }},
		{name: "updated_at", shown: everybody, value: func(_ view, cl *client) any { return millis(cl.updatedAt) }},
	}
}

func sessionFields() []field[*session] {
	return []field[*session]{
		{name: "object", shown: everybody, value: always[*session]("session")},
		{name: "id", shown: everybody, value: func(_ view, s *session) any { return s.id }},
		{name: "user_id", shown: servers, value: func(_ view, s *session) any { return s.user.ID }},
		{name: "client_id", shown: servers, value: func(_ view, s *session) any { return s.client.id }},
		{name: "status", shown: everybody, value: sessionStatus},
		{name: "actor", shown: everybody, value: always[*session](nil)},
		{name: "last_active_organization_id", shown: everybody, value: func(_ view, s *session) any {
			if s.member == nil {
				return nil
			}
			return s.member.org.id
		}},
		{name: "latest_activity", shown: servers, value: always[*session](nil)},
		{name: "tasks", shown: backendAPI | frontendAPI, since: tasksVersion, value: func(_ view, s *session) any { return s.tasksOf() }},
		{name: "last_active_at", shown: everybody, value: func(_ view, s *session) any { return millis(s.lastActiveAt) }},
		{name: "expire_at", shown: everybody, value: func(_ view, s *session) any { return millis(s.createdAt.Add(sessionLifetime)) }},
		{name: "abandon_at", shown: everybody, value: func(_ view, s *session) any { return millis(s.createdAt.Add(abandonAfter)) }},
		{name: "factor_verification_age", shown: frontendAPI, value: func(v view, s *session) any {
			return []int{int(v.now.Sub(s.createdAt).Minutes()), -1}
		}},
		{name: "last_active_token", shown: frontendAPI, value: func(v view, s *session) any {
			if !s.alive(v.now) {
				return nil
			}
			return object{"object": "token", "jwt": v.mint(s)}
		}},
		{name: "user", shown: frontendAPI | webhooks, value: func(v view, s *session) any { return show(v, userFields(), s.user) }},
		{name: "public_user_data", shown: frontendAPI, value: func(v view, s *session) any { return show(v, publicUserFields(), s.user) }},
		{name: "created_at", shown: everybody, value: func(_ view, s *session) any { return millis(s.createdAt) }},
		{name: "updated_at", shown: everybody, value: func(_ view, s *session) any { return millis(s.updatedAt) }},
	}
}

// tasksVersion is the API version that introduced tasks and pending sessions.
const tasksVersion = "2025-03-12"

// sessionStatus returns the status of a session. A pending one is active in API versions without that status.
func sessionStatus(v view, s *session) any {
	status := s.statusAt(v.now)
	if status == "pending" && !v.knows(tasksVersion) {
		return "active"
	}
	return status
}

// signInResource returns a sign-in attempt: open if s is nil, otherwise completed by a strategy.
func signInResource(attempt *signIn, s *session, strategy string) object {
	u := attempt.user
	factors := []object{}
	if u.Password != "" {
		factors = append(factors, object{"strategy": "password"})
	}
	if u.emailID() != "" {
		factors = append(factors, object{
			"strategy": "email_code", "safe_identifier": u.Email, "email_address_id": u.emailID(), "primary": true,
		})
	}
	var proof any
	if !attempt.codeExpires.IsZero() {
		proof = verification("email_code", "unverified", attempt.codeExpires)
	}
	resource := object{
		"object": "sign_in_attempt", "id": attempt.id, "status": "needs_first_factor", "identifier": u.identifier(),
		"supported_identifiers":      []string{"email_address"},
		"supported_first_factors":    factors,
		"supported_second_factors":   nil,
		"first_factor_verification":  proof,
		"second_factor_verification": nil,
		"user_data": object{
			"first_name": orNull(u.FirstName), "last_name": orNull(u.LastName), "image_url": "", "has_image": false,
		},
		"created_session_id": nil, "abandon_at": attempt.createdAt.Add(signInLifetime).UnixMilli(),
	}
	if s != nil {
		resource["status"], resource["created_session_id"] = "complete", s.id
		resource["supported_first_factors"] = nil
		resource["first_factor_verification"] = verification(strategy, "verified", attempt.codeExpires)
	}
	return resource
}

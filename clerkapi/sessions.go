package clerkapi

import (
	"context"
	"fmt"
	"net/http"
)

// Bounds of CreateSessionTokenParams.ExpiresInSeconds.
const (
	minTokenSeconds = 30
	maxTokenSeconds = 315360000
)

// GetSession fetches a session (GET /sessions/{id}). If Clerk does not know it, the error is ErrNotFound.
func (c *Client) GetSession(ctx context.Context, sessionID string) (*Session, *Response, error) {
	return call[Session](ctx, c, operation{
		name: "get session", method: http.MethodGet, route: "/sessions/{}", ids: []string{sessionID},
		retry: retryTransient,
	})
}

// CreateSessionParams says whose session to create.
type CreateSessionParams struct {
	UserID               string  `json:"user_id"`                          // required
	ActiveOrganizationID *string `json:"active_organization_id,omitempty"` // nil means none
}

// CreateSession creates a session without a sign-in (POST /sessions). It is for tests: Clerk refuses it on production
// instances. It is never retried, because each attempt may create a session.
func (c *Client) CreateSession(ctx context.Context, p *CreateSessionParams) (*Session, *Response, error) {
	const name = "create session"
	if p == nil || p.UserID == "" {
		return nil, nil, invalidParams(name, "UserID is required")
	}
	return call[Session](ctx, c, operation{
		name: name, method: http.MethodPost, route: "/sessions", body: p, retry: retryNever,
	})
}

// RevokeSession ends a session (POST /sessions/{id}/revoke). Session tokens issued before stay valid until they expire.
func (c *Client) RevokeSession(ctx context.Context, sessionID string) (*Session, *Response, error) {
	return call[Session](ctx, c, operation{
		name: "revoke session", method: http.MethodPost, route: "/sessions/{}/revoke", ids: []string{sessionID},
		retry: retryTransient,
	})
}

// CreateSessionTokenParams are the parameters of a new session token.
type CreateSessionTokenParams struct {
	// ExpiresInSeconds is the token's lifetime, 30 to 315360000. nil means the instance's default.
	ExpiresInSeconds *int64 `json:"expires_in_seconds"`
}

// body returns the body of the request, or nil if it needs none.
func (cp *CreateSessionTokenParams) body(name string) (any, error) {
	if cp == nil || cp.ExpiresInSeconds == nil {
		return nil, nil
	}
	if n := *cp.ExpiresInSeconds; n < minTokenSeconds || n > maxTokenSeconds {
		return nil, invalidParams(name, fmt.Sprintf("ExpiresInSeconds: want %d to %d", minTokenSeconds, maxTokenSeconds))
	}
	return cp, nil
}

// CreateSessionToken creates a session token (POST /sessions/{id}/tokens). The params may be nil.
func (c *Client) CreateSessionToken(ctx context.Context, sessionID string, p *CreateSessionTokenParams) (*Token, *Response, error) {
	return c.createToken(ctx, p, operation{
		name: "create session token", route: "/sessions/{}/tokens", ids: []string{sessionID},
	})
}

// CreateSessionTokenFromTemplate creates a token with the claims of the JWT template with the given name
// (POST /sessions/{id}/tokens/{template}). Such a token has no sid and is not a session token. The params may be nil.
func (c *Client) CreateSessionTokenFromTemplate(ctx context.Context, sessionID, template string, p *CreateSessionTokenParams) (*Token, *Response, error) {
	return c.createToken(ctx, p, operation{
		name: "create session token from template", route: "/sessions/{}/tokens/{}", ids: []string{sessionID, template},
	})
}

func (c *Client) createToken(ctx context.Context, p *CreateSessionTokenParams, op operation) (*Token, *Response, error) {
	var err error
	if op.body, err = p.body(op.name); err != nil {
		return nil, nil, err
	}
	op.method, op.retry = http.MethodPost, retryTransient
	return call[Token](ctx, c, op)
}

// VerifySessionParams holds the token to verify.
type VerifySessionParams struct {
	Token *string `json:"token,omitempty"` // JWT of the session; formally optional
}

// VerifySession asks Clerk to verify a session's token (POST /sessions/{id}/verify). The params may be nil.
//
// Deprecated: Clerk removed the operation in API version 2025-04-10, so this call is sent with version 2024-10-01.
// Verify tokens locally with the key set instead.
func (c *Client) VerifySession(ctx context.Context, sessionID string, p *VerifySessionParams) (*Session, *Response, error) {
	op := operation{
		name: "verify session", method: http.MethodPost, route: "/sessions/{}/verify", ids: []string{sessionID},
		apiVersion: "2024-10-01", retry: retryLimited,
	}
	if p != nil && p.Token != nil {
		op.body = p
	}
	return call[Session](ctx, c, op)
}

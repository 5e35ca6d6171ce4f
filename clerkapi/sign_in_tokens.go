package clerkapi

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// TestingToken lets automated tests pass the Frontend API's bot detection, as query parameter __clerk_testing_token.
type TestingToken struct {
	Object    string `json:"object"` // "testing_token"
	Token     string `json:"token"`
	ExpiresAt int64  `json:"expires_at"` // Unix seconds, unlike the other times of this API
}

// UnmarshalJSON decodes the known members, by their exact names.
func (tt *TestingToken) UnmarshalJSON(data []byte) error {
	type plain TestingToken // without this method
	return decodeJSON(data, (*plain)(tt))
}

func (tt *TestingToken) validate() error {
	if tt.Token == "" {
		return errors.New("token is missing")
	}
	return nil
}

// ExpiresAtTime returns ExpiresAt as a time in UTC.
func (tt *TestingToken) ExpiresAtTime() time.Time { return time.Unix(tt.ExpiresAt, 0).UTC() }

// CreateTestingToken creates a testing token (POST /testing_tokens).
func (c *Client) CreateTestingToken(ctx context.Context) (*TestingToken, *Response, error) {
	return call[TestingToken](ctx, c, operation{
		name: "create testing token", method: http.MethodPost, route: "/testing_tokens", retry: retryLimited,
	})
}

// Values of SignInToken.Status.
const (
	SignInTokenPending  = "pending"
	SignInTokenAccepted = "accepted"
	SignInTokenRevoked  = "revoked"
)

// SignInToken signs a user in once, without a credential. Times are Unix milliseconds.
type SignInToken struct {
	Object    string  `json:"object"` // "sign_in_token"
	ID        string  `json:"id"`
	UserID    string  `json:"user_id"`
	Status    string  `json:"status"` // one of the SignInToken… constants
	Token     string  `json:"token"`  // "" except in the reply of CreateSignInToken
	URL       *string `json:"url"`    // link that contains the token
	CreatedAt int64   `json:"created_at"`
	UpdatedAt int64   `json:"updated_at"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (st *SignInToken) UnmarshalJSON(data []byte) error {
	type plain SignInToken // without this method
	return decodeJSON(data, (*plain)(st))
}

func (st *SignInToken) validate() error { return checkObject("sign_in_token", st.Object, st.ID) }

// CreatedAtTime returns CreatedAt as a time in UTC.
func (st *SignInToken) CreatedAtTime() time.Time { return time.UnixMilli(st.CreatedAt).UTC() }

// CreateSignInTokenParams says who may sign in, and for how long.
type CreateSignInTokenParams struct {
	UserID           string  `json:"user_id"`                      // required
	OrgID            *string `json:"org_id,omitempty"`             // organization to activate; nil means none
	ExpiresInSeconds *int64  `json:"expires_in_seconds,omitempty"` // at least 1; nil means the API's 30 days
}

// CreateSignInToken creates a sign-in token (POST /sign_in_tokens).
func (c *Client) CreateSignInToken(ctx context.Context, p *CreateSignInTokenParams) (*SignInToken, *Response, error) {
	const name = "create sign-in token"
	if p == nil || p.UserID == "" {
		return nil, nil, invalidParams(name, "UserID is required")
	}
	if p.ExpiresInSeconds != nil && *p.ExpiresInSeconds < 1 {
		return nil, nil, invalidParams(name, "ExpiresInSeconds: want at least 1")
	}
	return call[SignInToken](ctx, c, operation{
		name: name, method: http.MethodPost, route: "/sign_in_tokens", body: p, retry: retryLimited,
	})
}

// RevokeSignInToken revokes a pending sign-in token (POST /sign_in_tokens/{id}/revoke).
func (c *Client) RevokeSignInToken(ctx context.Context, id string) (*SignInToken, *Response, error) {
	return call[SignInToken](ctx, c, operation{
		name: "revoke sign-in token", method: http.MethodPost, route: "/sign_in_tokens/{}/revoke", ids: []string{id},
		retry: retryLimited,
	})
}

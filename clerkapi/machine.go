package clerkapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// The paths for machine tokens have no version segment, as in Clerk's own client.

// VerifyM2MTokenParams holds the machine-to-machine token to verify.
type VerifyM2MTokenParams struct {
	Token string // required: the opaque token; JWTs are verified locally, not with this call
	// MachineSecretKey takes precedence over both keys of the Client. "" means the Client's.
	MachineSecretKey string
}

// M2MToken is a machine-to-machine token. Times are Unix milliseconds.
type M2MToken struct {
	Object           string          `json:"object"`  // "machine_to_machine_token"
	ID               string          `json:"id"`      // "mt_…", not the secret
	Subject          string          `json:"subject"` // "mch_…", the machine
	Claims           json.RawMessage `json:"claims"`  // an object; nil or null if there are none
	Scopes           []string        `json:"scopes"`  // machines that it may be used with
	Revoked          bool            `json:"revoked"`
	RevocationReason *string         `json:"revocation_reason"`
	Expired          bool            `json:"expired"`
	Expiration       *int64          `json:"expiration"` // nil means never
	LastUsedAt       *int64          `json:"last_used_at"`
	CreatedAt        int64           `json:"created_at"`
	UpdatedAt        int64           `json:"updated_at"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (mt *M2MToken) UnmarshalJSON(data []byte) error {
	type plain M2MToken // without this method
	return decodeJSON(data, (*plain)(mt))
}

func (mt *M2MToken) validate() error {
	return checkMachine("machine_to_machine_token", mt.Object, mt.ID, mt.Subject)
}
func (mt *M2MToken) inactive() bool { return mt.Revoked || mt.Expired }

// VerifyM2MToken verifies an opaque M2M token (POST /m2m_tokens/verify). With a machine secret key, only tokens granted
// to that machine are verified; with the secret key, any token of the instance. For a token that is unknown, not
// granted, revoked or expired the error is ErrNotFound, or ErrTokenInactive if Clerk nevertheless returns it.
func (c *Client) VerifyM2MToken(ctx context.Context, p *VerifyM2MTokenParams) (*M2MToken, *Response, error) {
	const name = "verify M2M token"
	if p == nil || p.Token == "" {
		return nil, nil, invalidParams(name, "Token is required")
	}
	return verify[M2MToken](ctx, c, operation{
		name: name, route: "/m2m_tokens/verify", machine: true, machineKey: p.MachineSecretKey,
		body: struct {
			Token string `json:"token"`
		}{p.Token},
	})
}

// VerifyAPIKeyParams holds the API key to verify.
type VerifyAPIKeyParams struct {
	Secret string `json:"secret"` // required
}

// APIKey is an API key without its secret. Times are Unix milliseconds.
type APIKey struct {
	Object           string          `json:"object"` // "api_key"
	ID               string          `json:"id"`     // "ak_…", not the secret
	Type             string          `json:"type"`
	Subject          string          `json:"subject"` // "user_…", "org_…" or "mch_…"
	Name             string          `json:"name"`
	Description      *string         `json:"description"`
	Claims           json.RawMessage `json:"claims"` // an object; nil or null if there are none
	Scopes           []string        `json:"scopes"`
	Revoked          bool            `json:"revoked"`
	RevocationReason *string         `json:"revocation_reason"`
	Expired          bool            `json:"expired"`
	Expiration       *int64          `json:"expiration"` // nil means never
	CreatedBy        *string         `json:"created_by"` // "user_…"
	LastUsedAt       *int64          `json:"last_used_at"`
	CreatedAt        int64           `json:"created_at"`
	UpdatedAt        int64           `json:"updated_at"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (k *APIKey) UnmarshalJSON(data []byte) error {
	type plain APIKey // without this method
	return decodeJSON(data, (*plain)(k))
}

func (k *APIKey) validate() error { return checkMachine("api_key", k.Object, k.ID, k.Subject) }
func (k *APIKey) inactive() bool  { return k.Revoked || k.Expired }

// VerifyAPIKey verifies an API key (POST /api_keys/verify). For a key that is unknown, revoked or expired the error is
// ErrNotFound, or ErrTokenInactive if Clerk nevertheless returns it.
func (c *Client) VerifyAPIKey(ctx context.Context, p *VerifyAPIKeyParams) (*APIKey, *Response, error) {
	const name = "verify API key"
	if p == nil || p.Secret == "" {
		return nil, nil, invalidParams(name, "Secret is required")
	}
	return verify[APIKey](ctx, c, operation{name: name, route: "/api_keys/verify", body: p})
}

// VerifyOAuthAccessTokenParams holds the access token to verify.
type VerifyOAuthAccessTokenParams struct {
	AccessToken string `json:"access_token"` // required
}

// OAuthAccessToken is an access token that Clerk issued as an identity provider. Times are Unix milliseconds.
type OAuthAccessToken struct {
	Object           string   `json:"object"`  // "clerk_idp_oauth_access_token"
	ID               string   `json:"id"`      // "oat_…", not the secret
	Subject          string   `json:"subject"` // "user_…"
	ClientID         string   `json:"client_id"`
	Type             string   `json:"type"` // may be ""
	Name             string   `json:"name"` // may be ""
	Scopes           []string `json:"scopes"`
	Revoked          bool     `json:"revoked"`
	RevocationReason *string  `json:"revocation_reason"`
	Expired          bool     `json:"expired"`
	Expiration       *int64   `json:"expiration"` // nil means never
	CreatedAt        int64    `json:"created_at"`
	UpdatedAt        int64    `json:"updated_at"`

	Active *bool `json:"active"` // only in the other form of the reply, {"active": false}
}

// UnmarshalJSON decodes the known members, by their exact names.
func (ot *OAuthAccessToken) UnmarshalJSON(data []byte) error {
	type plain OAuthAccessToken // without this method
	return decodeJSON(data, (*plain)(ot))
}

func (ot *OAuthAccessToken) validate() error {
	if ot.inactive() { // {"active": false} has no other members
		return nil
	}
	return checkMachine("clerk_idp_oauth_access_token", ot.Object, ot.ID, ot.Subject)
}

func (ot *OAuthAccessToken) inactive() bool {
	return ot.Revoked || ot.Expired || ot.Active != nil && !*ot.Active
}

// VerifyOAuthAccessToken verifies an access token (POST /oauth_applications/access_tokens/verify). For a token that is
// unknown, revoked or expired the error is ErrNotFound, or ErrTokenInactive if Clerk nevertheless returns it.
func (c *Client) VerifyOAuthAccessToken(ctx context.Context, p *VerifyOAuthAccessTokenParams) (*OAuthAccessToken, *Response, error) {
	const name = "verify OAuth access token"
	if p == nil || p.AccessToken == "" {
		return nil, nil, invalidParams(name, "AccessToken is required")
	}
	return verify[OAuthAccessToken](ctx, c, operation{
		name: name, route: "/oauth_applications/access_tokens/verify", body: p,
	})
}

// verify calls a verification and returns ErrTokenInactive for a token that is no longer valid.
func verify[T any](ctx context.Context, c *Client, op operation) (*T, *Response, error) {
	op.method, op.unversioned, op.retry = http.MethodPost, true, retryLimited
	out, res, err := call[T](ctx, c, op)
	if err != nil {
		return nil, res, err
	}
	if t, ok := any(out).(interface{ inactive() bool }); ok && t.inactive() {
		return nil, res, fmt.Errorf("clerkapi: %s: %w", op.name, ErrTokenInactive)
	}
	return out, res, nil
}

// checkMachine is checkObject for machine tokens, which also need a subject.
func checkMachine(want, object, id, subject string) error {
	// Clerk's own client accepts a reply without an object member.
	if object == "" {
		object = want
	}
	if err := checkObject(want, object, id); err != nil {
		return err
	}
	if subject == "" {
		return errors.New("subject is missing")
	}
	return nil
}

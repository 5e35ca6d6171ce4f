package clerkapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// HandshakePayload is the payload of a handshake nonce.
type HandshakePayload struct {
	// Directives are complete Set-Cookie values, to be sent to the browser in this order. They may be empty.
	Directives []string `json:"directives"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (hp *HandshakePayload) UnmarshalJSON(data []byte) error {
	type plain HandshakePayload // without this method
	return decodeJSON(data, (*plain)(hp))
}

func (hp *HandshakePayload) validate() error {
	if hp.Directives == nil {
		return errors.New("directives are missing")
	}
	return nil
}

// GetHandshakePayload fetches the cookies of a handshake (GET /clients/handshake_payload?nonce=…). A nonce may be
// good for one call only, so only a 429 is retried.
func (c *Client) GetHandshakePayload(ctx context.Context, nonce string) (*HandshakePayload, *Response, error) {
	const name = "get handshake payload"
	if nonce == "" {
		return nil, nil, invalidParams(name, "the nonce is empty")
	}
	return call[HandshakePayload](ctx, c, operation{
		name: name, method: http.MethodGet, route: "/clients/handshake_payload",
		query: url.Values{"nonce": {nonce}}, retry: retryLimited,
	})
}

// ClientResource is what Clerk calls a client: a browser or app with its sessions. Times are Unix milliseconds.
type ClientResource struct {
	Object                     string    `json:"object"` // "client"
	ID                         string    `json:"id"`     // "client_…"
	SessionIDs                 []string  `json:"session_ids"`
	Sessions                   []Session `json:"sessions"`
	SignInID                   *string   `json:"sign_in_id"`
	SignUpID                   *string   `json:"sign_up_id"`
	LastActiveSessionID        *string   `json:"last_active_session_id"`
	LastAuthenticationStrategy *string   `json:"last_authentication_strategy"`
	UpdatedAt                  int64     `json:"updated_at"`
	CreatedAt                  int64     `json:"created_at"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (cr *ClientResource) UnmarshalJSON(data []byte) error {
	type plain ClientResource // without this method
	return decodeJSON(data, (*plain)(cr))
}

func (cr *ClientResource) validate() error { return checkObject("client", cr.Object, cr.ID) }

// VerifyClientParams holds the token to verify.
type VerifyClientParams struct {
	Token string `json:"token"` // required: JWT of the active client
}

// VerifyClient finds the client that a token belongs to (POST /clients/verify).
func (c *Client) VerifyClient(ctx context.Context, p *VerifyClientParams) (*ClientResource, *Response, error) {
	const name = "verify client"
	if p == nil || p.Token == "" {
		return nil, nil, invalidParams(name, "Token is required")
	}
	return call[ClientResource](ctx, c, operation{
		name: name, method: http.MethodPost, route: "/clients/verify", body: p, retry: retryLimited,
	})
}

// GetClient fetches a client (GET /clients/{id}).
func (c *Client) GetClient(ctx context.Context, clientID string) (*ClientResource, *Response, error) {
	const name = "get client"
	if clientID == "handshake_payload" || clientID == "verify" {
		// Other operations below /clients, so never an id.
		return nil, nil, fmt.Errorf("clerkapi: %s: %w", name, ErrInvalidID)
	}
	return call[ClientResource](ctx, c, operation{
		name: name, method: http.MethodGet, route: "/clients/{}", ids: []string{clientID}, retry: retryTransient,
	})
}

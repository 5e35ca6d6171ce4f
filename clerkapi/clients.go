package clerkapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// HandshakePayload is what a handshake nonce stands for.
type HandshakePayload struct {
	// Directives are complete Set-Cookie values, to be sent to the browser in this order. An empty list is valid.
	Directives []string `json:"directives"`
}

func (p *HandshakePayload) validate() error {
	if p.Directives == nil {
		return errors.New("directives are missing")
	}
	return nil
}

// GetHandshakePayload fetches the cookies of a handshake (GET /clients/handshake_payload?nonce=…). A nonce may be
// good for one call only, so only a 429 is retried.
func (c *Client) GetHandshakePayload(ctx context.Context, nonce string) (*HandshakePayload, *Response, error) {
	const name = "get handshake payload"
	if nonce == "" {
		return nil, nil, fmt.Errorf("clerkapi: %s: %w: the nonce is empty", name, ErrInvalidParams)
	}
	return call[HandshakePayload](ctx, c, operation{
		name: name, method: http.MethodGet, route: "/clients/handshake_payload",
		query: url.Values{"nonce": {nonce}}, retry: retryLimited,
	})
}

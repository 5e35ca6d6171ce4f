package clerkapi

import (
	"context"
	"errors"
	"net/http"
)

// JWKS is the instance's set of public keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWK is one key of the set. Kty may be other than "RSA"; such keys do not sign session tokens, and their fields are
// only in Response.Body.
type JWK struct {
	Kid string `json:"kid"` // the instance id, "ins_…"
	Kty string `json:"kty"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	N   string `json:"n"` // RSA modulus, base64url
	E   string `json:"e"` // RSA exponent, base64url
}

// UnmarshalJSON decodes the known members, by their exact names.
func (ks *JWKS) UnmarshalJSON(data []byte) error {
	type plain JWKS // without this method
	return decodeJSON(data, (*plain)(ks))
}

// validate refuses a document without keys. Treating it as an empty set would drop good keys.
func (ks *JWKS) validate() error {
	if ks.Keys == nil {
		return errors.New("keys are missing")
	}
	return nil
}

// GetJWKS fetches the instance's key set (GET /jwks). The raw bytes, for a JWK library, are in Response.Body.
func (c *Client) GetJWKS(ctx context.Context) (*JWKS, *Response, error) {
	return call[JWKS](ctx, c, operation{
		name: "get JWKS", method: http.MethodGet, route: "/jwks", retry: retryTransient,
	})
}

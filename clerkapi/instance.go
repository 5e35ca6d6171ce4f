package clerkapi

import (
	"context"
	"errors"
	"net/http"
)

// Instance is the Clerk instance that a secret key belongs to.
type Instance struct {
	ID              string `json:"id"`               // "ins_…"
	EnvironmentType string `json:"environment_type"` // "production" or "development"
}

func (in *Instance) validate() error {
	if in.ID == "" {
		return errors.New("id is missing")
	}
	return nil
}

// GetInstance fetches the instance (GET /instance).
func (c *Client) GetInstance(ctx context.Context) (*Instance, *Response, error) {
	return call[Instance](ctx, c, operation{
		name: "get instance", method: http.MethodGet, route: "/instance", retry: retryTransient,
	})
}

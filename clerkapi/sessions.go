package clerkapi

import (
	"context"
	"net/http"
)

// GetSession fetches a session (GET /sessions/{id}). A session that Clerk does not know is ErrNotFound.
func (c *Client) GetSession(ctx context.Context, sessionID string) (*Session, *Response, error) {
	return call[Session](ctx, c, operation{
		name: "get session", method: http.MethodGet, route: "/sessions/{}", ids: []string{sessionID},
		retry: retryTransient,
	})
}

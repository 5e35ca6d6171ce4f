package clerktest

import (
	"net/http"
	"slices"
	"strings"
)

// backendEndpoint is one operation of the Backend API. It returns a resource or an *apiError.
type backendEndpoint func(*http.Request) (any, error)

// backend checks the secret key, rate limit and version before an operation, and writes its response.
func (c *Clerk) backend(endpoint backendEndpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := any(nil), c.checkSecretKey(r)
		if err == nil && r.URL.Path != "/v1/jwks" {
			err = c.rate.take(c.Now())
		}
		if err == nil {
			err = checkVersion(r)
		}
		if err == nil {
			answer, err = endpoint(r)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		writeAnswer(w, answer)
	}
}

func (c *Clerk) checkSecretKey(r *http.Request) error {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !equalSecret(key, c.secretKey) {
		return refuse(http.StatusUnauthorized, "clerk_key_invalid", "the secret key is missing or invalid")
	}
	return nil
}

// checkVersion accepts one known version date, in the header or the query; Clerk refuses both at once.
func checkVersion(r *http.Request) error {
	header, query := r.Header.Get("Clerk-Api-Version"), r.URL.Query().Get("__clerk_api_version")
	version := apiVersion(r)
	known := []string{"", "2021-02-05", "2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"}
	if (header != "" && query != "") || !slices.Contains(known, version) {
		return refuse(http.StatusBadRequest, "api_version_invalid", "the API version is unknown or given twice")
	}
	return nil
}

// apiVersion returns the version that a request asks for; "" means the newest.
func apiVersion(r *http.Request) string {
	return r.Header.Get("Clerk-Api-Version") + r.URL.Query().Get("__clerk_api_version")
}

func (c *Clerk) getJWKS(*http.Request) (any, error) { return c.keys.jwks(), nil }

// publicJWKS serves the key set without authentication.
func (c *Clerk) publicJWKS(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.keys.jwks())
}

func (c *Clerk) getSession(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[r.PathValue("id")]
	if s == nil {
		return nil, notFound("session")
	}
	return show(c.backendView(r), sessionFields(), s), nil
}

// revokeSession is idempotent: a session that has ended keeps its status.
func (c *Clerk) revokeSession(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[r.PathValue("id")]
	if s == nil {
		return nil, notFound("session")
	}
	c.state.finish(s, "revoked", c.Now())
	return show(c.backendView(r), sessionFields(), s), nil
}

func (c *Clerk) getInstance(*http.Request) (any, error) {
	kind := "development"
	if c.production {
		kind = "production"
	}
	return object{"object": "instance", "id": c.instanceID, "environment_type": kind, "allowed_origins": nil}, nil
}

func (c *Clerk) getUser(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, err := c.userOf(r)
	if err != nil {
		return nil, err
	}
	return show(c.backendView(r), userFields(), u), nil
}

// userOf returns the user in the path. The caller holds c.mu.
func (c *Clerk) userOf(r *http.Request) (*user, error) {
	u := c.users.byID[r.PathValue("id")]
	if u == nil {
		return nil, notFound("user")
	}
	return u, nil
}

// getHandshakePayload returns a nonce's directives, once and within a minute.
func (c *Clerk) getHandshakePayload(r *http.Request) (any, error) {
	nonce := r.URL.Query().Get("nonce")
	if nonce == "" {
		return nil, refuse(http.StatusBadRequest, "missing_query_parameter", "nonce is missing")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.state.nonces.Get(nonce)
	c.state.nonces.Remove(nonce)
	if !ok || !c.Now().Before(p.expires) {
		return nil, refuse(http.StatusBadRequest, "invalid_nonce", "the nonce is unknown, used or expired")
	}
	return object{"directives": p.directives}, nil
}

func (c *Clerk) removeUser(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, err := c.userOf(r)
	if err != nil {
		return nil, err
	}
	c.deleteUser(u)
	return deletedUser(u), nil
}

package clerktest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of expires_in_seconds in the two token operations.
const (
	minTokenSeconds = 30
	maxTokenSeconds = 315360000
)

// sessionStatuses returns the values that a list can be filtered by.
func sessionStatuses() []string {
	return []string{"abandoned", "active", "ended", "expired", "pending", "removed", "replaced", "revoked"}
}

// listSessions lists sessions, newest first. Clerk requires a filter but does not document the error without one; this
// one is from its table of errors.
func (c *Clerk) listSessions(r *http.Request) (any, error) {
	query := r.URL.Query()
	clientID, userID, status := query.Get("client_id"), query.Get("user_id"), query.Get("status")
	if clientID == "" && userID == "" {
		return nil, refuse(http.StatusBadRequest, "missing_query_parameter", "either client_id or user_id is needed")
	}
	if status != "" && !slices.Contains(sessionStatuses(), status) {
		return nil, refuseParam("form_param_value_invalid", "status", "is not a status of sessions")
	}
	w, err := parseWindow(query, maxLimit)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	var found []*session
	for _, s := range c.state.sessions {
		if (clientID == "" || s.client.id == clientID) && (userID == "" || s.user.ID == userID) &&
			(status == "" || s.statusAt(now) == status) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, newestFirst)
	return w.page(showAll(c.backendView(r), sessionFields(), found)), nil
}

// newestFirst compares by creation time, and by the order of creation if the times are equal.
func newestFirst(a, b *session) int {
	return cmp.Or(b.createdAt.Compare(a.createdAt), cmp.Compare(b.number, a.number))
}

// createSession creates a session without a sign-in. Clerk refuses it in production.
func (c *Clerk) createSession(r *http.Request) (any, error) {
	if c.production {
		return nil, refuse(http.StatusBadRequest, "request_invalid_for_environment", "sessions cannot be created in production")
	}
	f, err := bodyFields(r, "user_id", "active_organization_id")
	if err != nil {
		return nil, err
	}
	userID, err := f.required("user_id")
	if err != nil {
		return nil, err
	}
	orgID, err := f.text("active_organization_id")
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users.byID[userID]
	if u == nil {
		return nil, notFound("user")
	}
	member := u.memberOf(orgID) // nil without an id: only a real sign-in activates an organization by itself
	if orgID != "" && (member == nil || member.org.id != orgID) {
		return nil, notFound("organization")
	}
	now := c.Now()
	s := c.state.signIn(c.state.newClient(newClientToken(false), now), u, member, now)
	return show(c.backendView(r), sessionFields(), s), nil
}

// verifySession verifies a session's token. Clerk removed the operation in API version 2025-04-10, but its JavaScript
// client calls it with newer versions too; with [Options.RetireOldOperations] these get 410.
func (c *Clerk) verifySession(r *http.Request) (any, error) {
	if err := c.checkRetired(r); err != nil {
		return nil, err
	}
	f, err := bodyFields(r, "token")
	if err != nil {
		return nil, err
	}
	token, err := f.text("token")
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[r.PathValue("id")]
	if s == nil {
		return nil, notFound("session")
	}
	invalid := refuse(http.StatusBadRequest, "invalid_session_token", "the token is missing, expired or another session's")
	claims, err := c.keys.parse(token)
	if err != nil {
		return nil, invalid
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil || !c.told(c.Now()).Before(expires.Time) || claims["sid"] != s.id || !s.alive(c.Now()) {
		return nil, invalid
	}
	return show(c.backendView(r), sessionFields(), s), nil
}

// createBackendToken creates a session token without a browser: it has no azp.
func (c *Clerk) createBackendToken(r *http.Request) (any, error) {
	return c.mint(r, func(s *session, lifetime time.Duration) (string, error) {
		claims := c.sessionClaims(s, "")
		if lifetime > 0 {
			claims["exp"] = c.told(c.Now()).Add(lifetime).Unix()
		}
		return c.keys.sign(claims), nil
	})
}

func (c *Clerk) createBackendTemplateToken(r *http.Request) (any, error) {
	return c.mint(r, func(s *session, lifetime time.Duration) (string, error) {
		return c.templateToken(s, r.PathValue("template"), "", lifetime)
	})
}

// mint is the common part of the two token operations. For a session that has ended it returns 404: Clerk's
// documentation does not say, and 401 would mean that the secret key is wrong.
func (c *Clerk) mint(r *http.Request, make func(*session, time.Duration) (string, error)) (any, error) {
	f, err := bodyFields(r, "expires_in_seconds")
	if err != nil {
		return nil, err
	}
	seconds, err := f.integer("expires_in_seconds", minTokenSeconds, maxTokenSeconds)
	if err != nil {
		return nil, err
	}
	var lifetime time.Duration
	if seconds != nil {
		lifetime = time.Duration(*seconds) * time.Second
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[r.PathValue("id")]
	if s == nil || !s.alive(c.Now()) {
		return nil, notFound("session")
	}
	token, err := make(s, lifetime)
	if err != nil {
		return nil, err
	}
	return object{"object": "token", "jwt": token}, nil
}

// checkRetired refuses an operation that newer API versions do not have, with [Options.RetireOldOperations].
func (c *Clerk) checkRetired(r *http.Request) error {
	version := apiVersion(r)
	if c.retireOld && (version == "" || strings.Compare(version, "2025-04-10") >= 0) {
		return refuse(http.StatusGone, "operation_deprecated", "this operation is not part of this API version any more")
	}
	return nil
}

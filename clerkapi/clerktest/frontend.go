package clerktest

import (
	"net/http"
	"time"
)

// frontendEndpoint is one operation of the Frontend API. It is called with c.mu held, and returns a resource or an
// *apiError.
type frontendEndpoint func(*frontendCall) (any, error)

// frontendCall is one request to the Frontend API.
type frontendCall struct {
	w      http.ResponseWriter
	r      *http.Request
	client *client // the browser; nil in production before its first sign-in
	origin string  // of the calling page; becomes azp
	jar    jar
	now    time.Time
}

// frontend identifies the caller before an operation, and writes its response.
func (c *Clerk) frontend(endpoint frontendEndpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		base, err := c.publicBase(r)
		if err == nil {
			err = c.checkOrigin(w, r, base)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		call := &frontendCall{w: w, r: r, origin: callerOrigin(r, base), now: c.Now()}
		call.jar = c.jarFor(call.origin, base.Hostname())
		answer, err := c.locked(call, endpoint)
		if err != nil {
			writeError(w, err)
			return
		}
		writeAnswer(w, answer)
	}
}

// locked runs an operation with c.mu held, so that it is atomic.
func (c *Clerk) locked(call *frontendCall, endpoint frontendEndpoint) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.production {
		call.client = c.state.clientByToken(cookieValue(call.r, "__client"))
	} else {
		call.client = c.state.clientByToken(call.r.URL.Query().Get("__clerk_db_jwt"))
		// The dev browser is the browser's identity. Only the operations needed to get one work without it.
		if call.client == nil && !matchPath("/v1/dev_browser", call.r.URL.Path) &&
			!matchPath("/v1/environment", call.r.URL.Path) {
			return nil, refuse(http.StatusUnauthorized, "dev_browser_unauthenticated", "the dev browser is missing or unknown")
		}
	}
	return endpoint(call)
}

func (c *Clerk) createDevBrowser(call *frontendCall) (any, error) {
	if c.production {
		return nil, refuse(http.StatusBadRequest, "request_invalid_for_environment", "production has no dev browsers")
	}
	cl := c.state.newClient(newClientToken(false), call.now)
	return object{"object": "dev_browser", "id": cl.token}, nil
}

func (c *Clerk) getClient(call *frontendCall) (any, error) {
	if c.production && call.client != nil && call.client.used {
		setCookies(call.w, call.jar.client(call.client.token)) // kept alive
	}
	return object{"response": c.clientResource(call), "client": nil}, nil
}

// deleteClient ends all sessions and, in production, deletes the browser's cookie.
func (c *Clerk) deleteClient(call *frontendCall) (any, error) {
	if call.client != nil {
		c.endAll(call.client, "ended", call.now)
		call.client.used = false
	}
	if c.production {
		setCookies(call.w, call.jar.client(""))
	}
	return c.signedOut(call), nil
}

func (c *Clerk) deleteSessions(call *frontendCall) (any, error) {
	if call.client != nil {
		c.endAll(call.client, "removed", call.now)
	}
	return c.signedOut(call), nil
}

// signedOut returns the response to a full sign-out. In production the Frontend API also sets client_uat.
func (c *Clerk) signedOut(call *frontendCall) object {
	if c.production {
		setCookies(call.w, call.jar.clientUAT(time.Time{})...)
	}
	return object{"response": c.clientResource(call), "client": nil}
}

func (c *Clerk) endAll(cl *client, status string, now time.Time) {
	for _, s := range cl.sessions {
		c.state.finish(s, status, now)
	}
}

func (c *Clerk) endSession(call *frontendCall) (any, error)    { return c.finishOne(call, "ended") }
func (c *Clerk) removeSession(call *frontendCall) (any, error) { return c.finishOne(call, "removed") }

func (c *Clerk) finishOne(call *frontendCall, status string) (any, error) {
	s := call.session()
	if s == nil {
		return nil, notFound("session")
	}
	c.state.finish(s, status, call.now)
	if c.production && call.client.active(call.now) == nil {
		setCookies(call.w, call.jar.clientUAT(time.Time{})...)
	}
	return object{"response": c.sessionResource(call, s), "client": c.clientResource(call)}, nil
}

// touchSession records that the session is in use. It does not change client.updated_at: if client_uat were newer than
// the token, every page would need a handshake.
func (c *Clerk) touchSession(call *frontendCall) (any, error) {
	s, err := call.activeSession()
	if err != nil {
		return nil, err
	}
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	if wanted := values.Get("active_organization_id"); values.Has("active_organization_id") {
		if !s.setOrganization(wanted) {
			return nil, notFound("organization")
		}
		if wanted != "" {
			c.completeTask(s, "choose-organization")
		}
	}
	s.lastActiveAt = call.now
	return object{"response": c.sessionResource(call, s), "client": c.clientResource(call)}, nil
}

func (c *Clerk) createToken(call *frontendCall) (any, error) {
	s, err := call.activeSession()
	if err != nil {
		return nil, err
	}
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	if values.Has("organization_id") && !s.setOrganization(values.Get("organization_id")) {
		return nil, refuse(http.StatusNotFound, "resource_not_found", "organization not found")
	}
	s.lastActiveAt = call.now
	return object{"object": "token", "jwt": c.keys.sign(c.sessionClaims(s, call.origin))}, nil
}

func (c *Clerk) createTemplateToken(call *frontendCall) (any, error) {
	s, err := call.activeSession()
	if err != nil {
		return nil, err
	}
	token, err := c.templateToken(s, call.r.PathValue("template"), call.origin, 0)
	if err != nil {
		return nil, err
	}
	return object{"object": "token", "jwt": token}, nil
}

// session returns the session in the path, or nil if it does not belong to this browser.
func (call *frontendCall) session() *session {
	if call.client == nil {
		return nil
	}
	for _, s := range call.client.sessions {
		if s.id == call.r.PathValue("id") {
			return s
		}
	}
	return nil
}

// activeSession returns the session in the path. For one that has ended it returns 401, after which Clerk's browser
// client fetches its client again and signs out.
func (call *frontendCall) activeSession() (*session, error) {
	s := call.session()
	if s == nil {
		return nil, notFound("session")
	}
	if !s.alive(call.now) {
		return nil, refuse(http.StatusUnauthorized, "authentication_invalid", "the session is over")
	}
	return s, nil
}

package clerktest

import (
	"net/http"
	"time"
)

// frontendEndpoint is one operation of the Frontend API. It runs under c.mu and answers a resource or an *apiError.
type frontendEndpoint func(*frontendCall) (any, error)

// frontendCall is what the operations need to know of a request.
type frontendCall struct {
	w      http.ResponseWriter
	r      *http.Request
	client *client // the browser; nil in production before its first sign-in
	origin string  // of the page that calls; becomes azp
	jar    jar
	now    time.Time
}

// frontend finds out who calls before an operation and writes its answer.
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

// locked keeps an operation whole: what it reads, changes and answers is one moment of the instance.
func (c *Clerk) locked(call *frontendCall, endpoint frontendEndpoint) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.production {
		call.client = c.state.clientByToken(cookieValue(call.r, "__client"))
	} else {
		call.client = c.state.clientByToken(call.r.URL.Query().Get("__clerk_db_jwt"))
		// The dev browser is the browser's identity; only what is needed to get one works without.
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

// deleteClient forgets who is signed in and, in production, the browser itself.
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

// signedOut answers a full sign-out. In production the Frontend API alone keeps client_uat.
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

// touchSession notes that the session is in use. It leaves client.updated_at alone: a newer client_uat than the token
// would cost every page a handshake.
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

// session is the session in the path, if it is one of this browser's: another's id is worth nothing.
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

// activeSession refuses with 401 what is over: the browser client then reads its client again and signs out.
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

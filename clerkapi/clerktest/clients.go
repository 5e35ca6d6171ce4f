package clerktest

import (
	"net/http"
	"slices"
)

func (c *Clerk) getBackendClient(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl, ok := c.state.clients.Peek(r.PathValue("id"))
	if !ok {
		return nil, notFound("client")
	}
	return c.backendClient(cl, apiVersion(r)), nil
}

// verifyClient finds a browser by the secret that it shows to the Frontend API: __client, or the dev browser.
func (c *Clerk) verifyClient(r *http.Request) (any, error) {
	f, err := bodyFields(r, "token")
	if err != nil {
		return nil, err
	}
	token, err := f.required("token")
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cl := c.state.clientByToken(token)
	if cl == nil {
		return nil, refuse(http.StatusBadRequest, "cookie_invalid", "the token is not that of a client")
	}
	return c.backendClient(cl, apiVersion(r)), nil
}

// listClients answers the newest first. It is deprecated, see [Options.RetireOldOperations].
func (c *Clerk) listClients(r *http.Request) (any, error) {
	if err := c.checkRetired(r); err != nil {
		return nil, err
	}
	w, err := parseWindow(r.URL.Query(), maxLimit)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clients := c.state.clients.Values() // least recently used first
	slices.Reverse(clients)
	slices.SortStableFunc(clients, func(a, b *client) int { return b.createdAt.Compare(a.createdAt) })
	list := make([]object, len(clients))
	for i, cl := range clients {
		list[i] = c.backendClient(cl, apiVersion(r))
	}
	return w.page(list), nil
}

// backendClient is the Backend API's Client, with every session that its browser ever had and that is still known. The
// caller holds c.mu.
func (c *Clerk) backendClient(cl *client, version string) object {
	ids, sessions := []string{}, []object{}
	for _, s := range cl.sessions {
		ids, sessions = append(ids, s.id), append(sessions, c.backendSession(s, version))
	}
	var signInID, last, strategy any
	if cl.signIn != nil {
		signInID = cl.signIn.id
	}
	if s := cl.active(c.Now()); s != nil {
		last = s.id
	}
	if cl.strategy != "" {
		strategy = cl.strategy
	}
	return object{
		"object": "client", "id": cl.id, "session_ids": ids, "sessions": sessions, "sign_in_id": signInID,
		"sign_up_id": nil, "last_active_session_id": last, "last_authentication_strategy": strategy,
		"created_at": cl.createdAt.UnixMilli(), "updated_at": cl.updatedAt.UnixMilli(),
	}
}

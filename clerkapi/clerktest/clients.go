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
	return show(c.backendView(r), clientFields(), cl), nil
}

// verifyClient finds a client by the secret that its browser sends to the Frontend API: __client, or the dev browser.
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
	return show(c.backendView(r), clientFields(), cl), nil
}

// listClients lists clients, newest first. It is deprecated, see [Options.RetireOldOperations].
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
	return w.page(showAll(c.backendView(r), clientFields(), clients)), nil
}

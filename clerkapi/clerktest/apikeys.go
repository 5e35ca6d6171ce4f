package clerktest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// createAPIKey creates a key for a user, an organization or a machine. Only its response contains the secret.
func (c *Clerk) createAPIKey(r *http.Request, _ *Machine) (any, error) {
	f, err := bodyFields(r, "name", "subject", "description", "claims", "scopes", "created_by", "seconds_until_expiration", "type")
	if err != nil {
		return nil, badRequest(err)
	}
	t := MachineToken{Kind: KindAPIKey}
	for name, to := range map[string]*string{"name": &t.Name, "subject": &t.Subject, "description": &t.Description, "created_by": &t.CreatedBy} {
		if *to, err = f.text(name); err != nil {
			return nil, badRequest(err)
		}
	}
	for name, to := range map[string]any{"claims": &t.Claims, "scopes": &t.Scopes} {
		if raw, ok := f[name]; ok && json.Unmarshal(raw, to) != nil {
			return nil, badRequest(refuseParam("form_param_type_invalid", name, "has the wrong type"))
		}
	}
	seconds, err := f.integer("seconds_until_expiration", 1, maxTokenSeconds)
	switch {
	case err != nil:
		return nil, badRequest(err)
	case t.Name == "":
		return nil, refuse(http.StatusBadRequest, "bad_request", "name is required")
	case t.validate() != nil:
		return nil, refuse(http.StatusBadRequest, "bad_request", strings.TrimPrefix(t.validate().Error(), "machine token: "))
	case seconds != nil:
		t.ExpiresAt = c.Now().Add(time.Duration(*seconds) * time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.addMachineToken(t)
	resource := made.resource(c.Now())
	resource["secret"] = made.Token
	return resource, nil
}

// listAPIKeys lists a subject's keys, newest first; invalid ones only if include_invalid is set.
func (c *Clerk) listAPIKeys(r *http.Request, _ *Machine) (any, error) {
	query := r.URL.Query()
	if query.Get("subject") == "" {
		return nil, refuse(http.StatusBadRequest, "bad_request", "subject is required")
	}
	w, err := parseWindow(query, maxMachineLimit)
	if err != nil {
		return nil, badRequest(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now, found := c.Now(), []object{}
	for _, t := range slices.Backward(c.state.machineTokens) {
		if t.Kind == KindAPIKey && t.Subject == query.Get("subject") &&
			(t.alive(now) || query.Get("include_invalid") == "true") {
			found = append(found, t.resource(now))
		}
	}
	w.paginated = true
	return w.page(found), nil
}

func (c *Clerk) getAPIKey(r *http.Request, _ *Machine) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.apiKey(r)
	if err != nil {
		return nil, err
	}
	return t.resource(c.Now()), nil
}

func (c *Clerk) getAPIKeySecret(r *http.Request, _ *Machine) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.apiKey(r)
	if err != nil {
		return nil, err
	}
	return object{"secret": t.Token}, nil
}

func (c *Clerk) deleteAPIKey(r *http.Request, _ *Machine) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.apiKey(r)
	if err != nil {
		return nil, err
	}
	c.state.machineTokens = slices.DeleteFunc(c.state.machineTokens, func(other *MachineToken) bool { return other == t })
	return object{"object": "api_key", "id": t.ID, "deleted": true}, nil
}

// apiKey returns the key in the path. The caller holds c.mu.
func (c *Clerk) apiKey(r *http.Request) (*MachineToken, error) {
	for _, t := range c.state.machineTokens {
		if t.Kind == KindAPIKey && t.ID == r.PathValue("id") {
			return t, nil
		}
	}
	return nil, notFound("API key")
}

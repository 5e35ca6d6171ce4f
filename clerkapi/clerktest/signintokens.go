package clerktest

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

const (
	maxTickets          = 10_000
	ticketLifetime      = 30 * 24 * time.Hour
	testingTokenSeconds = 3600
)

// ticket is a sign-in token. It signs a user in once.
type ticket struct {
	id, secret string
	user       *user
	member     *membership
	status     string // pending, accepted or revoked
	expires    time.Time
	createdAt  time.Time
	updatedAt  time.Time
}

// createTestingToken creates a token for the Frontend API's bot detection, which this Clerk does not have.
func (c *Clerk) createTestingToken(r *http.Request) (any, error) {
	if _, err := bodyFields(r); err != nil {
		return nil, err
	}
	now := c.Now().Unix()
	return object{
		"object": "testing_token", "token": fmt.Sprintf("%d-c_%s", now, randomWord(27)), // in seconds, both
		"expires_at": now + testingTokenSeconds,
	}, nil
}

func (c *Clerk) createSignInToken(r *http.Request) (any, error) {
	f, err := bodyFields(r, "user_id", "org_id", "expires_in_seconds")
	if err != nil {
		return nil, err
	}
	userID, err := f.required("user_id")
	if err != nil {
		return nil, err
	}
	orgID, err := f.text("org_id")
	if err != nil {
		return nil, err
	}
	// A longer lifetime would overflow.
	seconds, err := f.integer("expires_in_seconds", 1, math.MaxInt64/int64(time.Second))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users.byID[userID]
	if u == nil {
		return nil, notFound("user")
	}
	member := u.initial()
	if orgID != "" {
		if member = u.memberOf(orgID); member == nil || member.org.id != orgID {
			return nil, refuse(http.StatusForbidden, "not_a_member_in_organization", "the user is not a member of the organization")
		}
	}
	now := c.Now()
	t := &ticket{
		id: newID("sit"), secret: "ticket_" + randomWord(43), user: u, member: member, status: "pending",
		expires: now.Add(ticketLifetime), createdAt: now, updatedAt: now,
	}
	if seconds != nil {
		t.expires = now.Add(time.Duration(*seconds) * time.Second)
	}
	c.state.tickets.Add(t.id, t)
	resource := t.resource()
	resource["token"] = t.secret
	return resource, nil
}

func (c *Clerk) revokeSignInToken(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.state.tickets.Get(r.PathValue("id"))
	if !ok {
		return nil, notFound("sign-in token")
	}
	if t.status != "pending" {
		return nil, refuse(http.StatusBadRequest, "sign_in_token_cannot_be_revoked_code", "only a pending token can be revoked")
	}
	t.status, t.updatedAt = "revoked", c.Now()
	return t.resource(), nil
}

// resource returns the token without its secret. There is no page for it, so url is null.
func (tk *ticket) resource() object {
	return object{
		"object": "sign_in_token", "id": tk.id, "user_id": tk.user.ID, "status": tk.status, "url": nil,
		"created_at": tk.createdAt.UnixMilli(), "updated_at": tk.updatedAt.UnixMilli(),
	}
}

// useTicket consumes a sign-in token (strategy "ticket" of the Frontend API). The caller holds c.mu.
func (c *Clerk) useTicket(secret string, now time.Time) (*ticket, error) {
	if secret == "" {
		return nil, refuseParam("form_param_missing", "ticket", "is required")
	}
	for _, t := range c.state.tickets.Values() {
		if !equalSecret(t.secret, secret) {
			continue
		}
		switch {
		case t.status == "accepted":
			return nil, refuse(http.StatusBadRequest, "sign_in_token_already_used_code", "this sign-in token was used before")
		case t.status == "revoked":
			return nil, refuse(http.StatusBadRequest, "sign_in_token_revoked_code", "this sign-in token was revoked")
		case !now.Before(t.expires):
			return nil, refuse(http.StatusBadRequest, "ticket_expired_code", "this ticket is expired")
		case c.users.byID[t.user.ID] == nil:
			return nil, refuse(http.StatusBadRequest, "ticket_invalid_code", "this ticket is invalid")
		}
		t.status, t.updatedAt = "accepted", now
		return t, nil
	}
	return nil, refuse(http.StatusBadRequest, "ticket_invalid_code", "this ticket is invalid")
}

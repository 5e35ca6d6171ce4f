package webhook

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/revocation"
)

var errIncomplete = errors.New("the event does not say whom it is about")

// resource are the members of an event's data that are read, whatever the event.
type resource struct {
	ID           string `json:"id"`
	Key          string `json:"key"`    // of a role or permission
	Banned       bool   `json:"banned"` // of a user
	Organization struct {
		ID string `json:"id"`
	} `json:"organization"` // of a membership
	PublicUserData struct {
		UserID string `json:"user_id"`
	} `json:"public_user_data"` // likewise
}

// revocationOf returns the revocation that follows from an event; ok is false if none does.
func revocationOf(ev *clerkapi.WebhookEvent, now time.Time) (e revocation.Entry, ok bool, err error) {
	e.Kind, ok = kindOf(ev.Type)
	if !ok {
		return e, false, nil
	}
	var data resource
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		return e, false, errIncomplete // the error of json may quote the body
	}
	switch e.Kind {
	case revocation.Membership:
		e.ID, e.Org = data.PublicUserData.UserID, data.Organization.ID
	case revocation.Role, revocation.Permission:
		if data.Key != "" {
			e.ID = "org:" + strings.TrimPrefix(data.Key, "org:") // as tokens have it
		}
	default:
		e.ID = data.ID
	}
	e.At = timeOf(ev, now)
	if !e.Valid() {
		return e, false, errIncomplete
	}
	return e, ev.Type != "user.updated" || data.Banned, nil
}

// kindOf says what an event revokes. That a role or a permission is created concerns no
// token that exists.
func kindOf(event string) (k revocation.Kind, ok bool) {
	switch event {
	case "session.ended", "session.removed", "session.revoked":
		return revocation.Session, true
	case "user.deleted", "user.updated":
		return revocation.User, true
	case "organizationMembership.updated", "organizationMembership.deleted":
		return revocation.Membership, true
	case "organization.deleted":
		return revocation.Organization, true
	case "role.updated", "role.deleted":
		return revocation.Role, true
	case "permission.updated", "permission.deleted":
		return revocation.Permission, true
	}
	return 0, false
}

// timeOf returns when an event happened. Without a time of its own, that is when it was
// sent, which is later. A time in the future would make tokens stale that are yet to be
// issued, so that is limited.
func timeOf(ev *clerkapi.WebhookEvent, now time.Time) time.Time {
	at := ev.OccurredAt
	if at.IsZero() {
		at = ev.Timestamp
	}
	if latest := now.Add(clerkapi.WebhookTolerance); at.After(latest) {
		return latest
	}
	return at
}

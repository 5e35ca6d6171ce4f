package clerkapi

import (
	"encoding/json"
	"time"
)

// Values of Session.Status. Clerk may add others; they are passed through.
const (
	SessionActive    = "active"    // valid
	SessionPending   = "pending"   // signed in with unfinished tasks; treat as signed out
	SessionEnded     = "ended"     // user signed out, session stays on the client
	SessionRemoved   = "removed"   // user signed out, session removed from the client
	SessionRevoked   = "revoked"   // ended by the application
	SessionExpired   = "expired"   // lifetime over
	SessionAbandoned = "abandoned" // given up by the client
	SessionReplaced  = "replaced"  // replaced by another session on the client
)

// Session is a user's session on one client. Times are Unix milliseconds; the …Time methods convert them.
type Session struct {
	Object                   string           `json:"object"` // "session"
	ID                       string           `json:"id"`     // "sess_…"
	UserID                   string           `json:"user_id"`
	ClientID                 string           `json:"client_id"`
	Actor                    json.RawMessage  `json:"actor"`  // who impersonates the user, an object with at least sub; nil or null if nobody does
	Status                   string           `json:"status"` // one of the Session… constants, or a newer value
	LastActiveOrganizationID *string          `json:"last_active_organization_id"`
	LastActiveAt             int64            `json:"last_active_at"`
	LatestActivity           *SessionActivity `json:"latest_activity"`
	ExpireAt                 int64            `json:"expire_at"`
	AbandonAt                int64            `json:"abandon_at"`
	UpdatedAt                int64            `json:"updated_at"`
	CreatedAt                int64            `json:"created_at"`
	Tasks                    []SessionTask    `json:"tasks"` // outstanding work of a pending session
}

// SessionTask is work a user must finish before a pending session becomes active.
type SessionTask struct {
	Key string `json:"key"` // "choose-organization", "reset-password", "setup-mfa"
}

// SessionActivity describes the device last seen; unknown strings are "".
type SessionActivity struct {
	Object         string `json:"object"`
	ID             string `json:"id"`
	IsMobile       bool   `json:"is_mobile"`
	DeviceType     string `json:"device_type"`
	BrowserName    string `json:"browser_name"`
	BrowserVersion string `json:"browser_version"`
	IPAddress      string `json:"ip_address"`
	City           string `json:"city"`
	Country        string `json:"country"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (s *Session) UnmarshalJSON(data []byte) error {
	type plain Session // without this method
	return decodeJSON(data, (*plain)(s))
}

func (s *Session) validate() error {
	return checkObject("session", s.Object, s.ID)
}

// LastActiveAtTime returns LastActiveAt as a time in UTC.
func (s *Session) LastActiveAtTime() time.Time { return time.UnixMilli(s.LastActiveAt).UTC() }

// ExpireAtTime returns ExpireAt, the end of the allowed lifetime, as a time in UTC.
func (s *Session) ExpireAtTime() time.Time { return time.UnixMilli(s.ExpireAt).UTC() }

// AbandonAtTime returns AbandonAt as a time in UTC.
func (s *Session) AbandonAtTime() time.Time { return time.UnixMilli(s.AbandonAt).UTC() }

// UpdatedAtTime returns UpdatedAt as a time in UTC.
func (s *Session) UpdatedAtTime() time.Time { return time.UnixMilli(s.UpdatedAt).UTC() }

// CreatedAtTime returns CreatedAt as a time in UTC.
func (s *Session) CreatedAtTime() time.Time { return time.UnixMilli(s.CreatedAt).UTC() }

package clerktest

import (
	"crypto/subtle"
	"slices"
	"strings"
)

// User is somebody who can sign in.
type User struct {
	ID        string // user_ and 27 characters; made up when empty
	Email     string // the identifier, compared without regard to case
	Password  string // empty: no sign-in by password, only by the page's one click
	FirstName string
	LastName  string
	Username  string // may be empty, like ExternalID
	// ExternalID is the user's id in the application's own books.
	ExternalID string
	// PublicMetadata and UnsafeMetadata are shown to the browser and reach JWT templates; PrivateMetadata is the
	// Backend API's alone. None of them may change afterwards.
	PublicMetadata, UnsafeMetadata, PrivateMetadata map[string]any
	// Tasks are what a new session waits for before it is active: choose-organization, reset-password, setup-mfa.
	// See [Clerk.CompleteTasks].
	Tasks []string
	// Organization is active from sign-in on; nil is a user without one.
	Organization *Organization
}

// Organization is the one organization that a user is a member of.
type Organization struct {
	ID   string // org_ and 27 characters; made up when empty
	Slug string
	Name string
	// Role is the full key, such as "org:admin".
	Role string
	// Permissions are full keys "org:<feature>:<permission>", such as "org:invoices:view". They reach the session
	// token as features and bit masks (claims fea, o.per and o.fpm); a key of another shape is left out.
	Permissions []string
}

// SampleUsers are jane@example.com, omar@example.com and mei@example.com, the last one in an organization. Their
// password is "correct horse", and their ids never change.
func SampleUsers() []User {
	return []User{
		{
			ID: "user_2fJaneSampleUser0000000000A", Email: "jane@example.com", Password: "correct horse",
			FirstName: "Jane", LastName: "Doe",
		},
		{
			ID: "user_2fOmarSampleUser0000000000B", Email: "omar@example.com", Password: "correct horse",
			FirstName: "Omar", LastName: "Haddad",
		},
		{
			ID: "user_2fMeiSampleUser00000000000C", Email: "mei@example.com", Password: "correct horse",
			FirstName: "Mei", LastName: "Tanaka",
			Organization: &Organization{
				ID: "org_2fAcmeSampleOrg00000000000D", Slug: "acme", Name: "Acme", Role: "org:approver",
				Permissions: []string{"org:invoices:view", "org:invoices:delete", "org:reports:view"},
			},
		},
	}
}

// prepareUsers copies what the caller gave, so that nobody changes it behind our back, and fills in ids.
func prepareUsers(users []User) []*User {
	if users == nil {
		users = SampleUsers()
	}
	prepared := make([]*User, 0, len(users))
	for _, u := range users {
		if u.ID == "" {
			u.ID = newID("user")
		}
		if u.Organization != nil {
			org := *u.Organization
			org.Permissions = append([]string(nil), org.Permissions...)
			if org.ID == "" {
				org.ID = newID("org")
			}
			u.Organization = &org
		}
		u.Tasks = append([]string(nil), u.Tasks...)
		prepared = append(prepared, &u)
	}
	return prepared
}

func (c *Clerk) userByEmail(email string) *User {
	for _, u := range *c.users.Load() {
		if normalEmail(u.Email) == normalEmail(email) {
			return u
		}
	}
	return nil
}

func (c *Clerk) userByID(id string) *User {
	for _, u := range *c.users.Load() {
		if u.ID == id {
			return u
		}
	}
	return nil
}

// DeleteUser removes a user, whose sessions are removed with it, and says whether there was one. It sends user.deleted
// to the webhooks.
func (c *Clerk) DeleteUser(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	user := c.userByID(id)
	if user == nil {
		return false
	}
	for _, s := range c.state.sessions {
		if s.user == user {
			c.state.finish(s, "removed", c.Now())
		}
	}
	left := slices.DeleteFunc(slices.Clone(*c.users.Load()), func(u *User) bool { return u == user })
	c.users.Store(&left)
	if c.outbox.wanted("user.deleted") {
		c.emit("user.deleted", deletedUser(user))
	}
	return true
}

func deletedUser(u *User) object {
	deleted := object{"object": "user", "id": u.ID, "deleted": true}
	if u.ExternalID != "" {
		deleted["external_id"] = u.ExternalID
	}
	return deleted
}

func (u *User) passwordIs(password string) bool {
	return u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
}

// emailID is the id of the one email address.
func (u *User) emailID() string { return "idn_" + strings.TrimPrefix(u.ID, "user_") }

func (u *User) name() string {
	switch {
	case u.FirstName == "":
		return u.LastName
	case u.LastName == "":
		return u.FirstName
	}
	return u.FirstName + " " + u.LastName
}

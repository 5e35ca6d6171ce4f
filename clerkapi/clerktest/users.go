package clerktest

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
)

// User is somebody who can sign in. ID, Email, Username and ExternalID must be unique.
type User struct {
	ID        string // user_ and 27 characters; generated if empty
	Email     string // the identifier, compared ignoring case
	Password  string // "" means no sign-in with a password, only with the page's one click
	FirstName string
	LastName  string
	Username  string // may be empty, like ExternalID
	// ExternalID is the user's id in the application's database.
	ExternalID string
	// PublicMetadata and UnsafeMetadata are visible to the browser and to JWT templates, PrivateMetadata only to the
	// Backend API. None of them may be changed afterwards.
	PublicMetadata, UnsafeMetadata, PrivateMetadata map[string]any
	// Tasks must be completed before a new session becomes active: choose-organization, reset-password, setup-mfa.
	// See [Clerk.CompleteTasks].
	Tasks []string
	// Organization is active after a sign-in; nil for none.
	Organization *Organization
	// Organizations are further organizations that the user is a member of.
	Organizations []Organization
}

// SampleUsers returns jane@example.com, omar@example.com and mei@example.com, the last of whom is in an organization.
// Their password is "correct horse", and their ids never change.
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

// memberships returns Organization and Organizations in one list.
func (us *User) memberships() []Organization {
	if us.Organization == nil {
		return us.Organizations
	}
	return append([]Organization{*us.Organization}, us.Organizations...)
}

// label names a user in errors.
func (us *User) label() string { return cmp.Or(us.Email, us.Username, us.ID) }

// user is a user of the instance. Clerk.mu protects it.
type user struct {
	User    // Organization and Organizations are in members, and Email is the first of emails
	emails  []*emailAddress
	members []*membership // oldest first
	active  bool          // whether the first of members is active after a sign-in

	createdAt, updatedAt, lastSignInAt, lastActiveAt time.Time
}

type emailAddress struct {
	id, address string
	createdAt   time.Time
}

// newUser returns a user with a copy of given, and generates the id if it is empty.
func newUser(given User, now time.Time) *user {
	u := &user{User: given, active: given.Organization != nil, createdAt: now, updatedAt: now}
	u.ID = cmp.Or(u.ID, newID("user"))
	u.Tasks = slices.Clone(u.Tasks)
	u.Organization, u.Organizations = nil, nil
	if u.Email != "" {
		u.emails = []*emailAddress{{id: "idn_" + strings.TrimPrefix(u.ID, "user_"), address: u.Email, createdAt: now}}
	}
	return u
}

// asGiven returns the user in the form of the public API.
func (u *user) asGiven() User {
	given := u.User
	for i, m := range u.members {
		org := m.asGiven()
		if i == 0 && u.active {
			given.Organization = &org
			continue
		}
		given.Organizations = append(given.Organizations, org)
	}
	return given
}

// member returns the user's membership of an organization, or nil.
func (u *user) member(org *organization) *membership {
	for _, m := range u.members {
		if m.org == org {
			return m
		}
	}
	return nil
}

// memberOf returns the user's membership of the organization with the id or slug, or nil.
func (u *user) memberOf(idOrSlug string) *membership {
	for _, m := range u.members {
		if idOrSlug != "" && (m.org.id == idOrSlug || m.org.slug == idOrSlug) {
			return m
		}
	}
	return nil
}

// initial returns the membership of the organization that is active after a sign-in, or nil.
func (u *user) initial() *membership {
	if !u.active || len(u.members) == 0 {
		return nil
	}
	return u.members[0]
}

func (u *user) passwordIs(password string) bool {
	return u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
}

// emailID returns the id of the primary email address, or "".
func (u *user) emailID() string {
	if len(u.emails) == 0 {
		return ""
	}
	return u.emails[0].id
}

func (u *user) name() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// identifier returns what others see as the user's identifier.
func (u *user) identifier() string { return cmp.Or(u.Email, u.Username, u.ID) }

// maxPasswordAttempts is the number of wrong passwords after which Clerk locks a user.
const maxPasswordAttempts = 100

func userFields() []field[*user] {
	return []field[*user]{
		{name: "object", shown: everybody, value: always[*user]("user")},
		{name: "id", shown: everybody, value: func(_ view, u *user) any { return u.ID }},
		{name: "external_id", shown: everybody, value: func(_ view, u *user) any { return orNull(u.ExternalID) }},
		{name: "username", shown: everybody, value: func(_ view, u *user) any { return orNull(u.Username) }},
		{name: "first_name", shown: everybody, value: func(_ view, u *user) any { return orNull(u.FirstName) }},
		{name: "last_name", shown: everybody, value: func(_ view, u *user) any { return orNull(u.LastName) }},
		{name: "image_url", shown: everybody, value: always[*user]("")},
		{name: "has_image", shown: everybody, value: always[*user](false)},
		{name: "primary_email_address_id", shown: everybody, value: func(_ view, u *user) any { return orNull(u.emailID()) }},
		{name: "primary_phone_number_id", shown: everybody, value: always[*user](nil)},
		{name: "primary_web3_wallet_id", shown: everybody, value: always[*user](nil)},
		{name: "email_addresses", shown: everybody, value: func(v view, u *user) any { return showAll(v, emailFields(), u.emails) }},
		{name: "phone_numbers", shown: everybody, value: always[*user]([]object{})},
		{name: "web3_wallets", shown: everybody, value: always[*user]([]object{})},
		{name: "passkeys", shown: everybody, value: always[*user]([]object{})},
		{name: "external_accounts", shown: everybody, value: always[*user]([]object{})},
		{name: "saml_accounts", shown: everybody, value: always[*user]([]object{})},
		{name: "enterprise_accounts", shown: everybody, value: always[*user]([]object{})},
		{name: "organization_memberships", shown: everybody, value: func(v view, u *user) any { return showAll(v, membershipFields(), u.members) }},
		{name: "password_enabled", shown: everybody, value: func(_ view, u *user) any { return u.Password != "" }},
		{name: "two_factor_enabled", shown: everybody, value: always[*user](false)},
		{name: "totp_enabled", shown: everybody, value: always[*user](false)},
		{name: "backup_code_enabled", shown: everybody, value: always[*user](false)},
		{name: "mfa_enabled_at", shown: everybody, value: always[*user](nil)},
		{name: "mfa_disabled_at", shown: everybody, value: always[*user](nil)},
		{name: "banned", shown: everybody, value: always[*user](false)},
		{name: "locked", shown: everybody, value: always[*user](false)},
		{name: "lockout_expires_in_seconds", shown: everybody, value: always[*user](nil)},
		{name: "verification_attempts_remaining", shown: everybody, value: always[*user](maxPasswordAttempts)},
		{name: "delete_self_enabled", shown: everybody, value: always[*user](true)},
		{name: "create_organization_enabled", shown: everybody, value: always[*user](true)},
		{name: "create_organizations_limit", shown: servers, value: always[*user](nil)},
		{name: "legal_accepted_at", shown: everybody, value: always[*user](nil)},
		{name: "public_metadata", shown: everybody, value: func(_ view, u *user) any { return metadata(u.PublicMetadata) }},
		{name: "unsafe_metadata", shown: everybody, value: func(_ view, u *user) any { return metadata(u.UnsafeMetadata) }},
		{name: "private_metadata", shown: servers, value: func(_ view, u *user) any { return metadata(u.PrivateMetadata) }},
		{name: "last_sign_in_at", shown: everybody, value: func(_ view, u *user) any { return millis(u.lastSignInAt) }},
		{name: "last_active_at", shown: everybody, value: func(_ view, u *user) any { return millis(u.lastActiveAt) }},
		{name: "created_at", shown: everybody, value: func(_ view, u *user) any { return millis(u.createdAt) }},
		{name: "updated_at", shown: everybody, value: func(_ view, u *user) any { return millis(u.updatedAt) }},
	}
}

func emailFields() []field[*emailAddress] {
	return []field[*emailAddress]{
		{name: "object", shown: everybody, value: always[*emailAddress]("email_address")},
		{name: "id", shown: everybody, value: func(_ view, e *emailAddress) any { return e.id }},
		{name: "email_address", shown: everybody, value: func(_ view, e *emailAddress) any { return e.address }},
		{name: "reserved", shown: everybody, value: always[*emailAddress](false)},
		{name: "verification", shown: everybody, value: func(_ view, e *emailAddress) any {
			return verification("email_code", "verified", e.createdAt.Add(codeLifetime))
		}},
		{name: "linked_to", shown: everybody, value: always[*emailAddress]([]object{})},
		{name: "matches_sso_connection", shown: everybody, value: always[*emailAddress](false)},
		{name: "created_at", shown: everybody, value: func(_ view, e *emailAddress) any { return millis(e.createdAt) }},
		{name: "updated_at", shown: everybody, value: func(_ view, e *emailAddress) any { return millis(e.createdAt) }},
	}
}

// publicUserFields returns the fields of a user that other people can see.
func publicUserFields() []field[*user] {
	return []field[*user]{
		{name: "user_id", shown: everybody, value: func(_ view, u *user) any { return u.ID }},
		{name: "first_name", shown: everybody, value: func(_ view, u *user) any { return orNull(u.FirstName) }},
		{name: "last_name", shown: everybody, value: func(_ view, u *user) any { return orNull(u.LastName) }},
		{name: "image_url", shown: everybody, value: always[*user]("")},
		{name: "profile_image_url", shown: everybody, value: always[*user]("")},
		{name: "has_image", shown: everybody, value: always[*user](false)},
		{name: "identifier", shown: everybody, value: func(_ view, u *user) any { return u.identifier() }},
		{name: "username", shown: everybody, value: func(_ view, u *user) any { return orNull(u.Username) }},
	}
}

// deletedUser returns the resource of a deleted user.
func deletedUser(u *user) object {
	deleted := object{"object": "user", "id": u.ID, "deleted": true}
	if u.ExternalID != "" {
		deleted["external_id"] = u.ExternalID
	}
	return deleted
}

// Users returns the users who can sign in, in the order of Options.Users.
func (c *Clerk) Users() []User {
	c.mu.Lock()
	defer c.mu.Unlock()
	users := make([]User, len(c.users.users))
	for i, u := range c.users.users {
		users[i] = u.asGiven()
	}
	return users
}

// DeleteUser deletes a user with all sessions, and reports whether the user existed. It sends user.deleted to the
// webhooks.
func (c *Clerk) DeleteUser(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users.byID[id]
	if u == nil {
		return false
	}
	c.deleteUser(u)
	return true
}

// deleteUser is [Clerk.DeleteUser] for a known user. The caller holds c.mu.
func (c *Clerk) deleteUser(u *user) {
	for _, s := range c.state.sessions {
		if s.user == u {
			c.state.finish(s, "removed", c.Now())
		}
	}
	c.users.remove(u)
	if c.outbox.wanted("user.deleted") {
		c.emit("user.deleted", deletedUser(u))
	}
}

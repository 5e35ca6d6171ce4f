package clerktest

import "crypto/subtle"

// User is somebody who can sign in.
type User struct {
	ID        string // user_ and 27 characters; made up when empty
	Email     string // the identifier, compared without regard to case
	Password  string // empty: no sign-in by password, only by the page's one click
	FirstName string
	LastName  string
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
func prepareUsers(users []User) []User {
	if users == nil {
		users = SampleUsers()
	}
	prepared := make([]User, 0, len(users))
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
		prepared = append(prepared, u)
	}
	return prepared
}

func (c *Clerk) userByEmail(email string) *User {
	for i := range c.users {
		if normalEmail(c.users[i].Email) == normalEmail(email) {
			return &c.users[i]
		}
	}
	return nil
}

func (c *Clerk) userByID(id string) *User {
	for i := range c.users {
		if c.users[i].ID == id {
			return &c.users[i]
		}
	}
	return nil
}

func (u *User) passwordIs(password string) bool {
	return u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
}

func (u *User) name() string {
	switch {
	case u.FirstName == "":
		return u.LastName
	case u.LastName == "":
		return u.FirstName
	}
	return u.FirstName + " " + u.LastName
}

package clerktest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// directory holds the users and organizations. Clerk.mu protects it.
type directory struct {
	users         []*user // oldest first
	byID          map[string]*user
	byEmail       map[string]*user // by the normal form of an address
	byUsername    map[string]*user
	byExternalID  map[string]*user
	organizations []*organization
	orgByID       map[string]*organization
	orgBySlug     map[string]*organization
}

// seedTime returns the creation time of everything that exists from the start.
func seedTime() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// newDirectory returns a directory with copies of the users, and generates what they leave out. The error lists all
// users that conflict with others.
func newDirectory(users []User) (*directory, error) {
	if users == nil {
		users = SampleUsers()
	}
	d := &directory{
		byID: map[string]*user{}, byEmail: map[string]*user{}, byUsername: map[string]*user{}, byExternalID: map[string]*user{},
		orgByID: map[string]*organization{}, orgBySlug: map[string]*organization{},
	}
	ids := organizationIDs(users)
	var problems []error
	for _, given := range users {
		u := newUser(given, seedTime())
		if err := d.add(u); err != nil {
			problems = append(problems, err)
			continue
		}
		for _, org := range given.memberships() {
			org.ID = cmp.Or(org.ID, ids[org.Slug])
			if err := d.join(u, org, seedTime()); err != nil {
				problems = append(problems, err)
			}
		}
	}
	return d, errors.Join(problems...)
}

// organizationIDs maps slugs to the ids that some of the users give; other users may give only the slug.
func organizationIDs(users []User) map[string]string {
	ids := map[string]string{}
	for _, u := range users {
		for _, org := range u.memberships() {
			if org.Slug != "" && ids[org.Slug] == "" {
				ids[org.Slug] = org.ID
			}
		}
	}
	return ids
}

// add adds a user, whose id, email addresses, username and external id must be unique.
func (d *directory) add(u *user) error {
	if d.byID[u.ID] != nil {
		return fmt.Errorf("user %s: another user has the same id", u.label())
	}
	for _, e := range u.emails {
		if d.byEmail[normalEmail(e.address)] != nil {
			return fmt.Errorf("user %s: another user has the same email address", u.label())
		}
	}
	if u.Username != "" && d.byUsername[strings.ToLower(u.Username)] != nil {
		return fmt.Errorf("user %s: another user has the same username", u.label())
	}
	if u.ExternalID != "" && d.byExternalID[u.ExternalID] != nil {
		return fmt.Errorf("user %s: another user has the same external id", u.label())
	}
	d.users = append(d.users, u)
	d.index(u)
	return nil
}

func (d *directory) index(u *user) {
	d.byID[u.ID] = u
	for _, e := range u.emails {
		d.byEmail[normalEmail(e.address)] = u
	}
	if u.Username != "" {
		d.byUsername[strings.ToLower(u.Username)] = u
	}
	if u.ExternalID != "" {
		d.byExternalID[u.ExternalID] = u
	}
}

// unindex removes a user from the indexes, before their keys change or the user is deleted.
func (d *directory) unindex(u *user) {
	delete(d.byID, u.ID)
	for _, e := range u.emails {
		delete(d.byEmail, normalEmail(e.address))
	}
	delete(d.byUsername, strings.ToLower(u.Username))
	delete(d.byExternalID, u.ExternalID)
}

// remove removes a user from everything but sessions.
func (d *directory) remove(u *user) {
	d.unindex(u)
	d.users = slices.DeleteFunc(d.users, func(other *user) bool { return other == u })
	for _, m := range u.members {
		m.org.members = slices.DeleteFunc(m.org.members, func(other *membership) bool { return other == m })
	}
}

// join makes a user a member of an organization. The organization is created if none has the id or slug.
func (d *directory) join(u *user, given Organization, now time.Time) error {
	org := d.orgByID[given.ID]
	if given.ID == "" {
		org = d.orgBySlug[given.Slug]
	}
	switch {
	case org == nil && given.Slug != "" && d.orgBySlug[given.Slug] != nil:
		return fmt.Errorf("user %s: organization %q: another organization has the same slug", u.label(), given.Slug)
	case org == nil:
		org = &organization{id: cmp.Or(given.ID, newID("org")), slug: given.Slug, name: given.Name, createdAt: now, updatedAt: now}
		d.addOrganization(org)
	case given.Slug != "" && given.Slug != org.slug, given.Name != "" && org.name != "" && given.Name != org.name:
		return fmt.Errorf("user %s: organization %s: another user gives it a different slug or name", u.label(), org.id)
	case u.member(org) != nil:
		return fmt.Errorf("user %s: organization %s: listed twice", u.label(), org.id)
	}
	org.name = cmp.Or(org.name, given.Name)
	d.enroll(u, org, given.Role, given.Permissions, now)
	return nil
}

func (d *directory) addOrganization(org *organization) {
	d.organizations = append(d.organizations, org)
	d.orgByID[org.id] = org
	if org.slug != "" {
		d.orgBySlug[org.slug] = org
	}
}

func (d *directory) enroll(u *user, org *organization, role string, permissions []string, now time.Time) *membership {
	id := newID("orgmem")
	if len(u.members) == 0 {
		id = "orgmem_" + strings.TrimPrefix(u.ID, "user_")
	}
	m := &membership{
		id: id, org: org, user: u, role: role, permissions: slices.Clone(permissions), createdAt: now, updatedAt: now,
	}
	u.members, org.members = append(u.members, m), append(org.members, m)
	return m
}

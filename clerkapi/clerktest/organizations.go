package clerktest

import (
	"slices"
	"strings"
	"time"
)

// Organization is an organization with a member's role and permissions. Users whose organizations have the same ID, or
// without an ID the same slug, are members of the same organization.
type Organization struct {
	ID   string // org_ and 27 characters; generated if empty
	Slug string
	Name string
	// Role is the full key, such as "org:admin".
	Role string
	// Permissions are full keys "org:<feature>:<permission>", such as "org:invoices:view". The session token has them
	// as features and bit masks (claims fea, o.per and o.fpm), without keys of any other form.
	Permissions []string
}

// maxMembers is Clerk's limit on members of an organization without a paid plan.
const maxMembers = 5

// organization is the part of an organization that is the same for all members.
type organization struct {
	id, slug, name       string
	members              []*membership // oldest first
	createdAt, updatedAt time.Time
}

// membership is one user in one organization.
type membership struct {
	id                   string
	org                  *organization
	user                 *user
	role                 string
	permissions          []string
	createdAt, updatedAt time.Time
}

// asGiven returns the membership in the form of the public API.
func (m *membership) asGiven() Organization {
	return Organization{ID: m.org.id, Slug: m.org.slug, Name: m.org.name, Role: m.role, Permissions: slices.Clone(m.permissions)}
}

// roleName returns the name that Clerk shows for a role's key.
func (m *membership) roleName() string {
	words := strings.FieldsFunc(strings.TrimPrefix(m.role, "org:"), func(r rune) bool { return r == '_' || r == '-' })
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, " ")
}

func organizationFields() []field[*organization] {
	return []field[*organization]{
		{name: "object", shown: everybody, value: always[*organization]("organization")},
		{name: "id", shown: everybody, value: func(_ view, o *organization) any { return o.id }},
		{name: "name", shown: everybody, value: func(_ view, o *organization) any { return o.name }},
		{name: "slug", shown: everybody, value: func(_ view, o *organization) any { return o.slug }},
		{name: "image_url", shown: everybody, value: always[*organization]("")},
		{name: "has_image", shown: everybody, value: always[*organization](false)},
		{name: "members_count", shown: everybody, value: func(_ view, o *organization) any { return len(o.members) }},
		{name: "pending_invitations_count", shown: everybody, value: always[*organization](0)},
		{name: "max_allowed_memberships", shown: everybody, value: always[*organization](maxMembers)},
		{name: "admin_delete_enabled", shown: everybody, value: always[*organization](true)},
		{name: "public_metadata", shown: everybody, value: always[*organization](object{})},
		{name: "private_metadata", shown: servers, value: always[*organization](object{})},
		{name: "created_at", shown: everybody, value: func(_ view, o *organization) any { return millis(o.createdAt) }},
		{name: "updated_at", shown: everybody, value: func(_ view, o *organization) any { return millis(o.updatedAt) }},
	}
}

func membershipFields() []field[*membership] {
	return []field[*membership]{
		{name: "object", shown: everybody, value: always[*membership]("organization_membership")},
		{name: "id", shown: everybody, value: func(_ view, m *membership) any { return m.id }},
		{name: "role", shown: everybody, value: func(_ view, m *membership) any { return m.role }},
		{name: "role_name", shown: everybody, value: func(_ view, m *membership) any { return m.roleName() }},
		{name: "permissions", shown: everybody, value: func(_ view, m *membership) any { return append([]string{}, m.permissions...) }},
		{name: "public_metadata", shown: everybody, value: always[*membership](object{})},
		{name: "private_metadata", shown: servers, value: always[*membership](object{})},
		{name: "organization", shown: everybody, value: func(v view, m *membership) any { return show(v, organizationFields(), m.org) }},
		{name: "created_at", shown: everybody, value: func(_ view, m *membership) any { return millis(m.createdAt) }},
		{name: "updated_at", shown: everybody, value: func(_ view, m *membership) any { return millis(m.updatedAt) }},
	}
}

package clerktest

import (
	"slices"
	"strings"
	"time"
)

// Organization is an organization as a member sees it: what is its own, and what the member may do there. Users whose
// organizations have one ID, or without one the same slug, are members of one organization.
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

// maxMembers is how many members an organization takes unless somebody pays for more.
const maxMembers = 5

// organization is what its members share.
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

// asGiven is the membership in the form that a test reads and writes.
func (m *membership) asGiven() Organization {
	return Organization{ID: m.org.id, Slug: m.org.slug, Name: m.org.name, Role: m.role, Permissions: slices.Clone(m.permissions)}
}

// roleName is what Clerk shows for a role's key.
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

package clerktest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// listUsers lists users, newest first unless order_by says otherwise.
func (c *Clerk) listUsers(r *http.Request) (any, error) {
	w, err := parseWindow(r.URL.Query(), maxLimit)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, err := c.users.matching(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if err := sortUsers(found, r.URL.Query().Get("order_by")); err != nil {
		return nil, err
	}
	return w.page(showAll(c.backendView(r), userFields(), found)), nil
}

// countUsers counts users, with the filters of listUsers.
func (c *Clerk) countUsers(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, err := c.users.matching(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return object{"object": "total_count", "total_count": len(found)}, nil
}

// userFilter reports whether a user matches a value of a parameter.
type userFilter func(u *user, value string) bool

// listFilters returns the filters with several values, one of which must match.
func listFilters() map[string]userFilter {
	none := func(*user, string) bool { return false }
	return map[string]userFilter{
		"user_id":         func(u *user, value string) bool { return u.ID == value },
		"email_address":   func(u *user, value string) bool { return u.hasEmail(value) },
		"username":        func(u *user, value string) bool { return u.Username != "" && strings.EqualFold(u.Username, value) },
		"external_id":     func(u *user, value string) bool { return u.ExternalID != "" && u.ExternalID == value },
		"organization_id": func(u *user, value string) bool { m := u.memberOf(value); return m != nil && m.org.id == value },
		"phone_number":    none, // nobody has any
		"web3_wallet":     none,
	}
}

// textFilters returns the filters that search for a part of a text, ignoring case.
func textFilters() map[string]userFilter {
	email := func(u *user, value string) bool {
		return slices.ContainsFunc(u.emails, func(e *emailAddress) bool { return contains(e.address, value) })
	}
	username := func(u *user, value string) bool { return contains(u.Username, value) }
	name := func(u *user, value string) bool { return contains(u.name(), value) }
	return map[string]userFilter{
		"email_address_query": email,
		"username_query":      username,
		"name_query":          name,
		"phone_number_query":  func(*user, string) bool { return false },
		"query": func(u *user, value string) bool {
			return email(u, value) || username(u, value) || name(u, value) || u.ID == value
		},
	}
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func (u *user) hasEmail(address string) bool {
	return slices.ContainsFunc(u.emails, func(e *emailAddress) bool { return normalEmail(e.address) == normalEmail(address) })
}

// matching returns the users that match all filters of a query, newest first. It returns an error for a filter of Clerk's
// that is not emulated: if it were ignored, users would be returned that it excludes.
func (d *directory) matching(query url.Values) ([]*user, error) {
	for _, name := range []string{
		"banned", "last_active_at_before", "last_active_at_after", "last_active_at_since", "created_at_before", "created_at_after",
		"last_sign_in_at_before", "last_sign_in_at_after", "provider", "provider_user_id", "starting_after",
	} {
		if query.Has(name) {
			return nil, refuse(http.StatusNotImplemented, "operation_not_emulated", "the local Clerk does not have the parameter "+name)
		}
	}
	found := slices.Clone(d.users)
	slices.Reverse(found)
	for name, fits := range listFilters() {
		if values := query[name]; len(values) > 0 {
			found = slices.DeleteFunc(found, func(u *user) bool {
				return !slices.ContainsFunc(values, func(value string) bool { return fits(u, value) })
			})
		}
	}
	for name, fits := range textFilters() {
		if value := query.Get(name); value != "" {
			found = slices.DeleteFunc(found, func(u *user) bool { return !fits(u, value) })
		}
	}
	return found, nil
}

// sortUsers sorts users by order_by: a field, with a leading "-" for descending order. They must be newest first.
func sortUsers(users []*user, order string) error {
	field, descending := strings.CutPrefix(cmp.Or(order, "-created_at"), "-")
	compare, ok := map[string]func(a, b *user) int{
		"created_at":      func(a, b *user) int { return a.createdAt.Compare(b.createdAt) },
		"updated_at":      func(a, b *user) int { return a.updatedAt.Compare(b.updatedAt) },
		"last_active_at":  func(a, b *user) int { return a.lastActiveAt.Compare(b.lastActiveAt) },
		"last_sign_in_at": func(a, b *user) int { return a.lastSignInAt.Compare(b.lastSignInAt) },
		"email_address":   func(a, b *user) int { return cmp.Compare(a.Email, b.Email) },
		"username":        func(a, b *user) int { return cmp.Compare(a.Username, b.Username) },
		"first_name":      func(a, b *user) int { return cmp.Compare(a.FirstName, b.FirstName) },
		"last_name":       func(a, b *user) int { return cmp.Compare(a.LastName, b.LastName) },
	}[strings.TrimPrefix(field, "+")]
	if !ok {
		return refuseParam("form_param_value_invalid", "order_by", "is not a field that users are ordered by")
	}
	if !descending { // oldest first among equals too
		slices.Reverse(users)
	}
	slices.SortStableFunc(users, func(a, b *user) int {
		if descending {
			return compare(b, a)
		}
		return compare(a, b)
	})
	return nil
}

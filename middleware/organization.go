package middleware

// organizationTarget is the organization that a path names.
type organizationTarget struct {
	personal bool
	id, slug string
}

// name is the value of organization_id in a handshake; empty for the personal
// account.
func (t organizationTarget) name() string {
	if t.slug != "" {
		return t.slug
	}
	return t.id
}

// organizationTarget matches the request's path, undecoded, against the patterns.
func (j *judged) organizationTarget() (organizationTarget, bool) {
	if m := j.a.organizations; m != nil {
		if params, ok := m.Match(j.public.Pathname()); ok {
			if id := params["id"]; id != "" {
				return organizationTarget{id: id}, true
			}
			if slug := params["slug"]; slug != "" {
				return organizationTarget{slug: slug}, true
			}
		}
	}
	if m := j.a.personal; m != nil {
		if _, ok := m.Match(j.public.Pathname()); ok {
			return organizationTarget{personal: true}, true
		}
	}
	return organizationTarget{}, false
}

// organizationSync returns a handshake that activates the organization in the path, or nil
// if it is active already or cannot be activated.
func (j *judged) organizationSync(auth *Auth) *State {
	target, ok := j.organizationTarget()
	if !ok {
		return nil
	}
	switch {
	case target.personal && auth.OrgID == "",
		target.id != "" && target.id == auth.OrgID && !j.a.organizations.IsList(j.public.Pathname(), "id"),
		target.slug != "" && target.slug == auth.OrgSlug && !j.a.organizations.IsList(j.public.Pathname(), "slug"):
		return nil
	}
	if j.loopCounter >= redirectLimit {
		j.a.log().WarnContext(j.ctx, "organization in the path could not be activated; it may not exist, or the user may not be in it")
		return nil
	}
	if state := j.handshake(ReasonActiveOrganizationMismatch, ""); state.Status == Handshake {
		return state
	}
	return nil
}

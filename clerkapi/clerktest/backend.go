package clerktest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// backendEndpoint is one operation of the Backend API: a resource, or an *apiError.
type backendEndpoint func(*http.Request) (any, error)

// backend checks secret key and version before an operation and writes its answer.
func (c *Clerk) backend(endpoint backendEndpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := any(nil), c.checkSecretKey(r)
		if err == nil && r.URL.Path != "/v1/jwks" {
			err = c.rate.take(c.Now())
		}
		if err == nil {
			err = checkVersion(r)
		}
		if err == nil {
			answer, err = endpoint(r)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func (c *Clerk) checkSecretKey(r *http.Request) error {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !equalSecret(key, c.secretKey) {
		return refuse(http.StatusUnauthorized, "clerk_key_invalid", "the secret key is missing or invalid")
	}
	return nil
}

// checkVersion accepts one known version date in header or query; Clerk refuses both at once.
func checkVersion(r *http.Request) error {
	header, query := r.Header.Get("Clerk-Api-Version"), r.URL.Query().Get("__clerk_api_version")
	version := apiVersion(r)
	known := []string{"", "2021-02-05", "2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"}
	if (header != "" && query != "") || !slices.Contains(known, version) {
		return refuse(http.StatusBadRequest, "api_version_invalid", "the API version is unknown or given twice")
	}
	return nil
}

// apiVersion is the version that a request asks for; none means the newest.
func apiVersion(r *http.Request) string {
	return r.Header.Get("Clerk-Api-Version") + r.URL.Query().Get("__clerk_api_version")
}

func (c *Clerk) getJWKS(*http.Request) (any, error) { return c.keys.jwks(), nil }

// publicJWKS is the same set where anybody may read it.
func (c *Clerk) publicJWKS(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.keys.jwks())
}

func (c *Clerk) getSession(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[r.PathValue("id")]
	if s == nil {
		return nil, notFound("session")
	}
	return c.backendSession(s, apiVersion(r)), nil
}

// revokeSession is idempotent: what is over stays as it ended.
func (c *Clerk) revokeSession(r *http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[r.PathValue("id")]
	if s == nil {
		return nil, notFound("session")
	}
	c.state.finish(s, "revoked", c.Now())
	return c.backendSession(s, apiVersion(r)), nil
}

func (c *Clerk) getUser(r *http.Request) (any, error) {
	user := c.userByID(r.PathValue("id"))
	if user == nil {
		return nil, notFound("user")
	}
	resource := c.userResource(user)
	resource["private_metadata"] = metadata(user.PrivateMetadata) // for the Backend API's eyes alone
	return resource, nil
}

// getHandshakePayload gives a nonce's directives out once, within a minute.
func (c *Clerk) getHandshakePayload(r *http.Request) (any, error) {
	nonce := r.URL.Query().Get("nonce")
	if nonce == "" {
		return nil, refuse(http.StatusBadRequest, "missing_query_parameter", "nonce is missing")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.state.nonces.Get(nonce)
	c.state.nonces.Remove(nonce)
	if !ok || !c.Now().Before(p.expires) {
		return nil, refuse(http.StatusBadRequest, "invalid_nonce", "the nonce is unknown, used or expired")
	}
	return object{"directives": p.directives}, nil
}

func (c *Clerk) deleteUser(r *http.Request) (any, error) {
	user := c.userByID(r.PathValue("id"))
	if user == nil || !c.DeleteUser(user.ID) {
		return nil, notFound("user")
	}
	return deletedUser(user), nil
}

// backendSession is the Backend API's Session, as a version of the API shows it. The caller holds c.mu.
func (c *Clerk) backendSession(s *session, version string) object {
	resource := object{
		"object": "session", "id": s.id, "user_id": s.user.ID, "client_id": s.client.id, "actor": nil,
		"status": s.statusAt(c.Now()), "last_active_organization_id": s.orgID(), "latest_activity": nil, "tasks": s.tasksOf(),
		"last_active_at": s.lastActiveAt.UnixMilli(), "expire_at": s.createdAt.Add(sessionLifetime).UnixMilli(),
		"abandon_at": s.createdAt.Add(abandonAfter).UnixMilli(),
		"created_at": s.createdAt.UnixMilli(), "updated_at": s.updatedAt.UnixMilli(),
	}
	if version != "" && version < "2025-03-12" {
		delete(resource, "tasks")
	}
	return resource
}

// userResource serves both APIs; each ignores what it does not know.
func (c *Clerk) userResource(u *User) object {
	created := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	emailID := u.emailID()
	memberships := []object{}
	if u.Organization != nil {
		memberships = append(memberships, membershipResource(u, created))
	}
	return object{
		"object": "user", "id": u.ID, "external_id": orNull(u.ExternalID), "username": orNull(u.Username),
		"first_name": u.FirstName, "last_name": u.LastName, "primary_email_address_id": emailID,
		"email_addresses": []object{{
			"object": "email_address", "id": emailID, "email_address": u.Email, "reserved": false, "linked_to": []object{},
			"verification": object{"object": "verification", "status": "verified", "strategy": "email_code"},
			"created_at":   created, "updated_at": created,
		}},
		"phone_numbers": []object{}, "web3_wallets": []object{}, "external_accounts": []object{},
		"enterprise_accounts": []object{}, "passkeys": []object{}, "organization_memberships": memberships,
		"image_url": "", "has_image": false, "password_enabled": u.Password != "", "two_factor_enabled": false,
		"banned": false, "locked": false, "public_metadata": metadata(u.PublicMetadata),
		"unsafe_metadata": metadata(u.UnsafeMetadata), "private_metadata": nil, "created_at": created, "updated_at": created,
	}
}

func membershipResource(u *User, created int64) object {
	org := u.Organization
	permissions := append([]string{}, org.Permissions...)
	return object{
		"object": "organization_membership", "id": "orgmem_" + strings.TrimPrefix(u.ID, "user_"),
		"role": org.Role, "permissions": permissions, "public_metadata": object{},
		"organization": object{
			"object": "organization", "id": org.ID, "name": org.Name, "slug": org.Slug, "image_url": "",
			"has_image": false, "members_count": 1, "public_metadata": object{},
			"created_at": created, "updated_at": created,
		},
		"created_at": created, "updated_at": created,
	}
}

// orgID is the active organization's id, or null.
func (s *session) orgID() any {
	if s.org == nil {
		return nil
	}
	return s.org.ID
}

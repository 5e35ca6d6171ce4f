package token

import (
	"bytes"
	"encoding/json"
	"strings"
	"unique"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// Claims are the claims of a verified token. They are read-only, because requests with
// the same token share them. A claim whose type is not the one that Clerk gives it
// counts as absent, and an absent claim is the zero value.
type Claims struct {
	Raw json.RawMessage // all claims, as signed

	Subject         string  // sub
	SessionID       string  // sid
	Issuer          string  // iss
	AuthorizedParty string  // azp
	IssuedAt        float64 // iat, Unix seconds
	Expires         float64 // exp, Unix seconds
	NotBefore       float64 // nbf, Unix seconds

	Version   float64         // v; 2 means the second layout of session claims
	Status    string          // sts: "active", "pending" or absent
	FactorAge []float64       // fva, minutes; nil unless a list of numbers
	Actor     json.RawMessage // act; nil when absent or null
	Features  string          // fea, e.g. "o:invoices,u:themes"
	Plans     string          // pla
	Org       Org

	JTI      string   // jti
	Scopes   []string // of a machine token
	ClientID string   // client_id, of an OAuth token
	// Handshake is the claim of a handshake token: Set-Cookie lines.
	Handshake []string

	// Unreadable is set if a claim has a form for which Clerk's SDK throws. Nobody may
	// be signed in by such a token.
	Unreadable bool
}

// Org is the active organization. The zero value means that none is active.
type Org struct {
	ID          string
	Slug        string
	Role        string   // full key, e.g. "org:admin"
	Permissions []string // full keys, e.g. "org:invoices:approve"
}

// parseClaims reads the claims of a decoded token. The kind decides which claims hold
// the scopes.
func parseClaims(d *document, k kind) *Claims {
	c := &Claims{Raw: d.payload, SessionID: d.sidText, Issuer: d.issText}
	c.Subject, _ = d.sub.Text()
	c.AuthorizedParty, _ = d.azp.Text()
	c.IssuedAt = number(d.iat)
	c.Expires = number(d.exp)
	c.NotBefore = number(d.nbf)

	var v2 javascript.Value // o
	var orgID, orgSlug, orgRole, orgPermissions javascript.Value
	var scopes, scope, scp, features javascript.Value
	javascript.WalkObject(d.payload, func(name, raw []byte) {
		v := javascript.Value{Raw: raw}
		switch string(name) {
		case "v":
			c.Version = number(v)
		case "sts":
			c.Status = sharedText(v)
		case "fva":
			c.FactorAge = numbers(v)
		case "act":
			c.Actor = nil
			if string(raw) != "null" {
				c.Actor = bytes.Clone(raw) // kept longer than the payload
			}
		case "fea":
			features = v
			c.Features = sharedText(v)
		case "pla":
			c.Plans = sharedText(v)
		case "o":
			v2 = v
		case "org_id":
			orgID = v
		case "org_slug":
			orgSlug = v
		case "org_role":
			orgRole = v
		case "org_permissions":
			orgPermissions = v
		case "jti":
			c.JTI, _ = v.Text()
		case "client_id":
			c.ClientID, _ = v.Text()
		case "scopes":
			scopes = v
		case "scope":
			scope = v
		case "scp":
			scp = v
		case "handshake":
			c.Handshake, _ = v.Strings()
		}
	})
	// Any version but 2 is read as version 1 (jwtPayloadParser, default case).
	if c.Version == 2 {
		c.Org = orgV2(v2, c.Features)
		c.Unreadable = unreadableOrg(v2, features)
	} else {
		c.Org.ID = sharedText(orgID)
		c.Org.Slug = sharedText(orgSlug)
		c.Org.Role = sharedText(orgRole)
		c.Org.Permissions, _ = orgPermissions.Strings()
	}
	switch k {
	case kindM2M:
		c.Scopes = scopeList(scopes, d.aud)
		c.Unreadable = !isTextOrNothing(scopes)
	case kindOAuth:
		c.Unreadable = !isSomething(scp) && !isTextOrNothing(scope)
		c.Scopes = scopeList(scope, scp)
		if list, ok := scp.Strings(); ok {
			c.Scopes = list
		}
	}
	return c
}

func isSomething(v javascript.Value) bool { return v.Defined() && !v.IsNull() }

func isTextOrNothing(v javascript.Value) bool {
	_, isText := v.Text()
	return isText || !isSomething(v)
}

// scopeList splits text at spaces. If text is not a string, it returns list, which may
// also be a single string.
func scopeList(text, list javascript.Value) []string {
	if s, ok := text.Text(); ok {
		return strings.Fields(s)
	}
	if l, ok := list.Strings(); ok {
		return l
	}
	if s, ok := list.Text(); ok {
		return []string{s}
	}
	return nil
}

func number(v javascript.Value) float64 {
	n, ok := v.Number()
	if !ok {
		return 0
	}
	return n
}

// numbers returns nil unless v is a list of numbers: a factor's age of any other type
// must not pass for fresh.
func numbers(v javascript.Value) []float64 {
	elems, ok := v.List()
	if !ok {
		return nil
	}
	list := make([]float64, 0, len(elems))
	for _, e := range elems {
		n, ok := e.Number()
		if !ok {
			return nil
		}
		list = append(list, n)
	}
	return list
}

// sharedText returns the text of a claim that is the same in many tokens, or "", so
// that all cached tokens share one copy of it.
func sharedText(v javascript.Value) string {
	s, ok := v.Text()
	if !ok {
		return ""
	}
	return shared(s)
}

// shared returns the canonical copy of s. The garbage collector drops copies that are
// no longer used, so that nothing piles up.
func shared(s string) string { return unique.Make(s).Value() }

package routes

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/middleware"
)

// Resource returns the route whose metadata for OAuth clients (RFC 9728) is at u: the one
// for the path behind [middleware.ProtectedResourcePath]. ok is false if u is no such
// path, if that route is no OAuth resource (see [Route.IsOAuthResource]), or if another
// route is for these paths in particular, because then an application has metadata of its
// own. standard is what routes without Accepts accept.
func (t *Table) Resource(host string, u *url.URL, standard []middleware.TokenType) (m Match, ok bool) {
	resource, ok := resourceAt(u)
	if !ok {
		return Match{}, false
	}
	own, err := t.Match(http.MethodGet, host, u)
	if err == nil && strings.HasPrefix(own.Route.Match, middleware.ProtectedResourcePath) {
		return Match{}, false
	}
	// Clients of MCP send POST; the metadata is about the path, whatever its methods are.
	for _, method := range [...]string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if m, err = t.Match(method, host, resource); err == nil && m.Route.IsOAuthResource(standard) {
			return m, true
		}
	}
	return Match{}, false
}

// IsOAuthResource reports whether a route accepts OAuth tokens and does not hide that it
// needs one. standard is what it accepts without Accepts.
func (r *Route) IsOAuthResource(standard []middleware.TokenType) bool {
	kinds := r.Accepts
	if len(kinds) == 0 {
		kinds = standard
	}
	accepted := slices.Contains(kinds, middleware.OAuthToken) || slices.Contains(kinds, middleware.AnyToken)
	return accepted && r.Auth != AuthNone && r.Require.Unauthenticated != middleware.Unauthenticated404
}

// resourceAt returns the resource whose metadata is at u.
func resourceAt(u *url.URL) (resource *url.URL, ok bool) {
	path, canonical := urlpath.Canonical(u)
	path, below := strings.CutPrefix(path, middleware.ProtectedResourcePath)
	if !canonical || !below || path != "" && path[0] != '/' {
		return nil, false
	}
	if path == "" {
		path = "/"
	}
	resource = &url.URL{}
	urlpath.Set(resource, path)
	return resource, true
}

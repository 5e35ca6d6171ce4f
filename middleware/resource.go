package middleware

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/token"
)

// ProtectedResourcePath is where OAuth clients look for the metadata of a protected
// resource. The path of the resource follows it: that of /mcp is at
// /.well-known/oauth-protected-resource/mcp (RFC 9728, section 3.1).
const ProtectedResourcePath = "/.well-known/oauth-protected-resource"

// resourceMetadata is the document about one resource (RFC 9728, section 2).
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Scopes               []string `json:"scopes_supported"`
}

// ProtectedResourceMetadata returns the handler for [ProtectedResourcePath] and all paths
// below it, from which OAuth clients, such as those of MCP, learn that Clerk issues the
// tokens. [Require] names the document in its 401 where OAuth tokens are accepted. If a
// accepts none, the handler responds 404. scopes are what clients should ask for; without
// any they are profile and email, as in Clerk's guides for MCP servers.
//
// The handler must be reachable without authentication, and must see the path that the
// client asked for. The document names the host of the request, or the one that a trusted
// proxy forwarded, so the server should not respond for hosts other than its own.
func (a *Authenticator) ProtectedResourceMetadata(scopes ...string) http.Handler {
	scopes = slices.Clone(scopes)
	if len(scopes) == 0 {
		scopes = []string{"profile", "email"}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const methods = "GET, HEAD, OPTIONS"
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*") // the document is public
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			a.serveMetadata(w, r, scopes)
		case http.MethodOptions:
			h.Set("Allow", methods)
			h.Set("Access-Control-Allow-Methods", methods)
			h.Set("Access-Control-Allow-Headers", "*")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
		default:
			h.Set("Allow", methods)
			refused := Error{
				Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", title: "Method not allowed",
				Message: "The metadata of a resource can only be read.",
			}
			refused.WriteJSON(w)
		}
	})
}

func (a *Authenticator) serveMetadata(w http.ResponseWriter, r *http.Request, scopes []string) {
	public := a.origin.Public(r)
	path, below := strings.CutPrefix(public.Pathname(), ProtectedResourcePath)
	if !a.accepts.allows(OAuthToken) || !below || path != "" && path[0] != '/' {
		notFound().WriteJSON(w)
		return
	}
	if path == "/" { // the only slash at the end that does not count (RFC 9728, section 3.1)
		path = ""
	}
	base, ok := resourceOrigin(public)
	if !ok {
		refused := Error{Status: http.StatusBadRequest, Code: "invalid_host", title: "Invalid host", Message: "The host of this address is not a valid one."}
		refused.WriteJSON(w)
		return
	}
	data, err := json.Marshal(resourceMetadata{
		Resource:             base + path,
		AuthorizationServers: []string{"https://" + a.instance.keyHost},
		BearerMethods:        []string{"header"},
		Scopes:               scopes,
	})
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	data = append(data, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("X-Content-Type-Options", "nosniff")
	// The public URL depends on headers that a shared cache may not know about, so that the
	// cache could send clients of one host to another.
	h.Set("Cache-Control", "private, max-age=3600")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}

// resourceOrigin returns the origin of a resource; ok is false if it has none that can be
// fetched and quoted.
func resourceOrigin(public *origin.Public) (base string, ok bool) {
	base = public.PageOrigin()
	web := strings.HasPrefix(base, "https://") || strings.HasPrefix(base, "http://")
	return base, public.Valid() && web && !strings.ContainsAny(base, `"\ `)
}

// challenge returns the WWW-Authenticate header of a 401. Where OAuth tokens are accepted
// it names the metadata of the resource (RFC 9728, section 5.1) and the scopes that are
// needed, and says whether a token was refused (RFC 6750, section 3.1).
func (a *Authenticator) challenge(r *http.Request, s *State, scopes []string) string {
	params := a.metadataParam(r, s)
	if len(params) == 0 {
		return anyBearer
	}
	if HasHeaderToken(r) && s.Reason.isOfToken() {
		params = append(params, `error="invalid_token"`)
	}
	return anyBearer + " " + strings.Join(append(params, scopeParam(scopes)...), ", ")
}

// scopeChallenge returns the WWW-Authenticate header of a 403 to a token without all of
// the scopes, with which a client can ask for more (RFC 6750, section 3.1).
func (a *Authenticator) scopeChallenge(r *http.Request, s *State, scopes []string) string {
	params := append(a.metadataParam(r, s), `error="insufficient_scope"`)
	return anyBearer + " " + strings.Join(append(params, scopeParam(scopes)...), ", ")
}

// metadataParam returns the parameter that names the metadata of the resource, or "" if it
// has none.
func (a *Authenticator) metadataParam(r *http.Request, s *State) []string {
	if a == nil || !a.accepts.allows(OAuthToken) {
		return nil
	}
	public := a.publicOf(r, s)
	base, ok := resourceOrigin(public)
	if !ok {
		return nil
	}
	// A query does not name another resource, and may contain what no header should.
	path := public.Pathname()
	if path == "/" {
		path = ""
	}
	return []string{`resource_metadata="` + base + ProtectedResourcePath + path + `"`}
}

// scopeParam returns the parameter that lists scopes, or "" if there are none or one of
// them cannot be written (RFC 6749, section 3.3).
func scopeParam(scopes []string) []string {
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !isScope(s) }) {
		return nil
	}
	return []string{`scope="` + strings.Join(scopes, " ") + `"`}
}

// isScope reports whether s can be a scope: visible ASCII without a quotation mark or a
// backslash (RFC 6749, section 3.3).
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

// isOfToken reports whether the token itself was refused. A client throws away a token
// that is said to be invalid, and must keep one that could not be verified.
func (reason Reason) isOfToken() bool {
	switch reason {
	case ReasonUnexpectedError, Reason(token.ReasonSecretKeyInvalid), Reason(token.ReasonRemoteKeysFailedToLoad):
		return false
	}
	return true
}

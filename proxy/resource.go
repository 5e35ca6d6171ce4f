package proxy

import (
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/middleware"
)

// metadata serves what OAuth clients, such as those of MCP, must know about the routes that
// accept OAuth tokens. It is public, as RFC 9728 requires. Gateways' questions skip this
// station, because a gateway would take the document for a grant.
func (p *Proxy) metadata(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if strings.HasPrefix(ps.path, middleware.ProtectedResourcePath) {
			if rl := ps.site.resource(r, ps, p.accepts); rl != nil {
				ps.rule = rl
				rl.auth.ProtectedResourceMetadata(rl.requirement.Scopes...).ServeHTTP(w, r)
				return
			}
		}
		next(w, r, ps)
	}
}

// resource returns the rule of the resource whose metadata r asks for, or nil if the
// request is for the application.
func (s *site) resource(r *http.Request, ps *passage, standard []middleware.TokenType) *rule {
	m, ok := s.resources.Resource(s.hostOf(r, ps.public), r.URL, standard)
	if !ok {
		return nil
	}
	return s.rules[m.Index]
}

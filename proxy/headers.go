package proxy

import (
	"net/http"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// tell adds to h, which holds what of the client's header may pass, what the upstream
// is told.
func (rl *rule) tell(h *forward.Header, r *http.Request, ps *passage) {
	rl.origins.WriteForwarded(r, ps.public, h.Set)
	h.Set("X-Forwarded-Prefix", rl.route.StripPrefix)
	if rl.route.Authorization != routes.AuthorizationKeep {
		delete(h.Map, "Authorization")
	}
	h.Set("Authorization", ps.tokens.authorization)
	for name, values := range rl.headers {
		h.Map[name] = values
	}
	h.Set(identity.Assertion, ps.tokens.assertion)
	rl.identity.Write(ps.state, h.Set)
	h.RewriteCookies(rl.suffix, freshToken(ps.state))
}

// header is all that an upstream would be told.
func (rl *rule) header(r *http.Request, ps *passage) http.Header {
	h := forward.NewHeader(len(r.Header) + 12)
	h.Copy(r.Header, rl.ownNames)
	rl.tell(h, r, ps)
	return h.Map
}

// freshToken is the session token that came by a refresh or a handshake while
// this request was judged; "" when the request brought its own.
func freshToken(state *middleware.State) string {
	if setsCookies(state) && state.Status == middleware.SignedIn && state.TokenType == middleware.SessionToken {
		return state.Token
	}
	return ""
}

// setsCookies says whether the answer carries Clerk's cookies.
func setsCookies(state *middleware.State) bool {
	return state != nil && (state.Refreshed || len(state.Header["Set-Cookie"]) > 0)
}

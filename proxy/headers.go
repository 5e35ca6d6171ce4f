package proxy

import (
	"net/http"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// tell adds to h, which holds what of the client's header may pass, what the upstream
// is told.
func (rl *rule) tell(h *forward.Header, r *http.Request, ps *passage) {
	forwarded := rl.origins.Forwarded(r, ps.public)
	h.Set("X-Forwarded-For", forwarded.For)
	h.Set("X-Forwarded-Proto", forwarded.Proto)
	h.Set("X-Forwarded-Host", forwarded.Host)
	h.Set("X-Forwarded-Port", forwarded.Port)
	h.Set("X-Forwarded-Prefix", rl.route.StripPrefix)
	h.Set("X-Real-Ip", forwarded.Client)
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

// header is all that an upstream would be told, for a gateway to tell it. What the
// upstream would obey, such as X-HTTP-Method-Override, is there as an empty header under
// the name that the client wrote, for the gateway to overwrite.
func (rl *rule) header(r *http.Request, ps *passage) http.Header {
	h := forward.NewHeader(len(r.Header) + 12)
	h.Copy(r.Header, rl.filter, ps.public.Trusted())
	for name := range r.Header {
		if rl.filter.Whose(name) == wire.Nobody && h.Map[name] == nil {
			h.Map[name] = []string{""}
		}
	}
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

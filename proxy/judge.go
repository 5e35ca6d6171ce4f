package proxy

import (
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// The stations for requests whose rule is known.

// share applies the route's CORS policy. It comes before the other stations, so that
// browsers can read their refusals too.
func share(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if ps.rule.cors == nil {
			next(w, r, ps)
			return
		}
		ps.rule.cors.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next(w, r, ps) })).ServeHTTP(w, r)
	}
}

// authenticate judges the request by Clerk's session protocol, unless the route does not
// ask for that, or [guard] has decided already. It also sends browsers through Clerk.
func (p *Proxy) authenticate(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if ps.rule.route.Auth == routes.AuthNone {
			next(w, r, ps)
			return
		}
		if ps.state == nil {
			ps.state = ps.rule.auth.AuthenticateAt(r, ps.public)
		}
		if ps.state.Status != middleware.SignedIn {
			p.handshakes.See(r, ps.state, ps.public)
		}
		if !ps.rule.auth.Answer(w, r, ps.state) {
			next(ps.state.Writer(w), r, ps)
		}
	}
}

// permit refuses requests that do not meet the requirements of the route.
func permit(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		rl := ps.rule
		if rl.route.Auth != routes.AuthRequired || rl.auth.Permits(w, r, ps.state, &rl.requirement) {
			next(w, r, ps)
		}
	}
}

// turnAway responds in place of the middleware: people get a page, programs its JSON.
func (p *Proxy) turnAway(w http.ResponseWriter, r *http.Request, e *middleware.Error) {
	if !e.Document {
		answer.Refused(w, e.Code)
		e.WriteJSON(w)
		return
	}
	p.pages.Show(w, r, answer.Page{
		Status: e.Status, Code: e.Code, Message: e.Message, Reason: string(e.Reason), SignInURL: e.SignInURL(),
		Since: timeOfDay(e.Since), Reload: w.Header().Get("Refresh") != "", Causes: p.explain(r, e),
	})
}

// explain says why a browser was sent round in circles, to developers alone.
func (p *Proxy) explain(r *http.Request, e *middleware.Error) (sentences []string) {
	if e.Code != middleware.CodeRedirectLoop || p.handshakes.Production() {
		return nil
	}
	for _, c := range p.handshakes.CausesFor(r) {
		sentences = append(sentences, c.Message+" "+c.Remedy)
	}
	return sentences
}

// timeOfDay is how a page names a time; empty for none.
func timeOfDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("15:04 UTC")
}

// identify obtains the tokens that the route promises its application beside the identity
// headers.
func identify(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if ps.state != nil {
			tokens, failure := ps.rule.outbound.Issue(r.Context(), ps.state)
			if failure != nil {
				ps.outcome.Err = failure
				if r.Context().Err() == nil { // the client is still there
					ps.site.pages.Refuse(w, r, failure.Status, failure.Code, failure.Message)
				}
				return
			}
			ps.tokens = tokens
		}
		next(w, r, ps)
	}
}

// deliver is the end of the chain: it forwards the request to the application, or tells
// the gateway that asks that it may do so.
func deliver(w http.ResponseWriter, r *http.Request, ps *passage) {
	req := outbound.Request{
		In: r, Public: ps.public, State: ps.state, Tokens: ps.tokens, Path: ps.upstreamPath, Host: ps.host, Hops: ps.hops, ID: ps.requestID,
	}
	switch rl := ps.rule; {
	case ps.gateway != nil:
		ps.gateway.Grant(w, r.Header, rl.outbound.Header(&req), ps.site.claimNames...)
	case rl.upstream == nil:
		ps.site.pages.Refuse(w, r, http.StatusNotFound, "no_upstream", "This server answers gateways only; there is no application behind it.")
	default:
		out := rl.outbound.Request(rl.upstream, &req)
		out.Watcher = ps.watcher()
		rl.upstream.Forward(w, out, &ps.outcome)
	}
}

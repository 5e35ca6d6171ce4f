package proxy

import (
	"net/http"

	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/monitor"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// station is one stop of a request: it either responds, or calls the next station.
type station func(w http.ResponseWriter, r *http.Request, ps *passage)

// chain returns the path of a request to its application, outermost first. The limits of
// the server come before it; see [Proxy.behind]. judged is the inner part, for requests that
// a gateway asks about, and checked the same for Envoy, which asks over gRPC.
func (p *Proxy) chain() (whole, judged, checked station) {
	judged = through(deliver, // to the application (internal/forward), or a grant for the gateway
		p.route,        // the rule for host, path and method (match.go)
		share,          // CORS
		guard,          // requests made by pages of other sites
		p.authenticate, // Clerk's session protocol (middleware)
		permit,         // what the route requires
		identify,       // tokens and assertions for the application
		p.clocked,      // when clerkgate's part was done
	)
	whole = through(judged,
		p.counted,     // the metrics
		p.name,        // the request's id
		p.logged,      // the access log
		refuseMethods, // CONNECT and TRACE
		countHops,     // an upstream that leads back to clerkgate (loop.go)
		strip,         // identity headers that the client sent
		p.keys,        // the public keys of assertions
		p.webhooks,    // what Clerk tells of sessions that end
		p.gateways,    // a gateway's question: the original request goes on from judged
		p.address,     // the public URL, once
		frontendAPI,   // Clerk's Frontend API under a path
		p.signOut,     // signing out without JavaScript
		p.metadata,    // where OAuth clients get tokens (resource.go)
	)
	checked = through(func(_ http.ResponseWriter, r *http.Request, ps *passage) { p.grant(ps.gateway, r, ps) }, p.counted, p.name, p.logged)
	return whole, judged, checked
}

// through returns a chain of stations that ends in end.
func through(end station, stations ...func(next station) station) station {
	for i := len(stations) - 1; i >= 0; i-- {
		end = stations[i](end)
	}
	return end
}

// behind returns p behind the limits of a server, with its requests counted by inFlight.
func (p *Proxy) behind(limits serve.Limits, inFlight *serve.InFlight) http.Handler {
	return inFlight.Count(serve.Limit(p, limits, p.pages))
}

// ServeHTTP judges the request, and forwards it or responds itself.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.whole(w, r, &passage{method: r.Method, path: r.URL.EscapedPath(), site: p.site.Load()})
}

// grant judges a request that a gateway asks about as if it were to be forwarded. Where
// the application would get it, a becomes a grant. r is the original request, as the
// gateway described it.
func (p *Proxy) grant(a *gateway.Answer, r *http.Request, ps *passage) {
	ps.gateway, ps.site = a, p.site.Load()
	ps.method, ps.path, ps.public = r.Method, r.URL.EscapedPath(), p.origins.Public(r)
	p.judged(a, wire.WithoutClaims(r), ps)
}

// refuseMethods refuses methods that are of no use to an application behind a proxy.
// CONNECT asks for a tunnel (CVE-2026-71324); what follows on the connection must not be
// parsed as a request. TRACE returns the request as the application gets it, with identity
// headers, and with cookies that scripts must not read (RFC 9110, section 9.3.8).
func refuseMethods(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if r.Method != http.MethodConnect && r.Method != http.MethodTrace {
			next(w, r, ps)
			return
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		ps.site.pages.Refuse(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "This server has no use for the method "+r.Method+".")
	}
}

func strip(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) { next(w, wire.WithoutClaims(r), ps) }
}

func (p *Proxy) keys(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if ps.site.signer != nil && ps.path == routes.AssertionKeysPath {
			ps.place = monitor.Keys
			ps.site.jwks.ServeHTTP(w, r)
			return
		}
		next(w, r, ps)
	}
}

func (p *Proxy) webhooks(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if ps.site.webhooks != nil && ps.path == p.webhookPath {
			ps.place = monitor.Webhooks
			ps.site.webhooks.ServeHTTP(w, r)
			return
		}
		next(w, r, ps)
	}
}

func (p *Proxy) gateways(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if p.forwardAuth.Serves(ps.path) {
			p.forwardAuth.Answer(w, r, func(a *gateway.Answer, original *http.Request) { p.grant(a, original, ps) })
			return
		}
		next(w, r, ps)
	}
}

func (p *Proxy) address(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		ps.public = p.origins.Public(r)
		next(w, r, ps)
	}
}

func frontendAPI(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		api := ps.site.instance.Frontend
		if api == nil {
			next(w, r, ps)
			return
		}
		path, ok := urlpath.Canonical(r.URL)
		switch {
		case ok && api.Serves(ps.public, path):
			ps.path, ps.place = path, monitor.FrontendAPI
			api.Serve(w, urlpath.WithPath(r, path), ps.public, &ps.outcome)
		case !ok && api.Serves(ps.public, ps.path):
			refuseAmbiguous(w, r, ps)
		default:
			next(w, r, ps)
		}
	}
}

func (p *Proxy) signOut(next station) station {
	if p.signOutPath == "" {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if ps.path == p.signOutPath {
			ps.place = monitor.SignOut
			ps.site.instance.Auth.SignOut(w, r)
			return
		}
		next(w, r, ps)
	}
}

func (p *Proxy) route(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if r, ok := ps.site.match(w, r, ps); ok {
			ps.rule.requests.Add(1)
			next(w, r, ps)
		}
	}
}

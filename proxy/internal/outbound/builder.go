package outbound

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/clerkgate/clerkgate/internal/assertion"
	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/users"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// HopsHeader counts the clerkgates that have forwarded a request. Via would be the
// standard header, but servers compress less for clients that send it.
const HopsHeader = "Clerkgate-Hops"

// Options configure a [Builder]. Fields are required unless they say otherwise.
type Options struct {
	// Route says what the application gets.
	Route *routes.Route
	// Host is the Host header for the application; "" keeps the client's.
	Host string
	// CookieSuffix is the suffix of the cookies of this instance.
	CookieSuffix string
	// Filter says which of a client's headers may pass, on routes that neither add
	// headers nor keep any. It must not let ClaimNames pass.
	Filter *wire.Filter
	// Claims are the headers that the route makes of claims, by [ClaimSet]; nil for none.
	// ClaimNames are those of all routes.
	Claims     *claimheader.Set
	ClaimNames []string
	// Users fill what the claims lack; nil if nobody does.
	Users *users.Users
	// Origins writes the X-Forwarded-* headers.
	Origins *origin.Resolver
	// Exchanger issues tokens of JWT templates.
	Exchanger *exchange.Exchanger
	// Signer signs assertions; nil without them.
	Signer *assertion.Signer
}

// Builder builds what the application of one route gets. It is safe for concurrent use.
type Builder struct {
	opts     Options
	identity identity.Set
	headers  http.Header // that the route adds
	filter   *wire.Filter
}

// New returns a Builder. It does not check opts.
func New(opts Options) *Builder {
	b := &Builder{opts: opts, identity: identity.NewSet(opts.Route.Identity), filter: opts.Filter}
	own := slices.Clone(opts.ClaimNames)
	if len(opts.Route.RequestHeaders) > 0 {
		b.headers = make(http.Header, len(opts.Route.RequestHeaders))
		for name, value := range opts.Route.RequestHeaders {
			b.headers.Set(name, value)
			own = append(own, name)
		}
	}
	if len(opts.Route.RequestHeaders) > 0 || len(opts.Route.KeepHeaders) > 0 {
		b.filter = wire.NewFilter(own, opts.Route.KeepHeaders)
	}
	return b
}

// Request is a client's request, with what is known about it. It is only read.
type Request struct {
	In     *http.Request
	Public *origin.Public    // its public URL
	State  *middleware.State // nil if it was not authenticated
	Tokens Tokens            // of [Builder.Issue]
	Path   string            // without the route's prefix, if the route strips one
	Host   string            // as it was judged; "" for In's
	Hops   int               // how many clerkgates have forwarded it before
	ID     string            // X-Request-Id
}

// Request returns the request for the application u.
func (b *Builder) Request(u *forward.Upstream, req *Request) *forward.Request {
	out := u.NewRequest(req.In, b.filter, req.Public.Trusted())
	out.URL.RawQuery = publicQuery(out.URL.RawQuery)
	if b.opts.Route.StripPrefix != "" {
		urlpath.Set(&out.URL, req.Path)
	}
	if host := cmp.Or(b.opts.Host, req.Host); host != "" {
		out.Host = host
	}
	out.NoStore = setsCookies(req.State)
	b.write(&out.Header, req)
	out.Header.Set(HopsHeader, strconv.Itoa(req.Hops+1))
	return out
}

// Header returns the header that the application would get, for a gateway that sends the
// request itself. Headers that the application must not get from the client, such as
// X-HTTP-Method-Override or a spelling of a header made of claims, are empty under the name
// that the client wrote, so that the gateway overwrites them. There is no HopsHeader: it is the gateway that forwards.
func (b *Builder) Header(req *Request) http.Header {
	in := req.In.Header
	h := forward.NewHeader(len(in) + 12)
	h.Copy(in, b.filter, req.Public.Trusted())
	for name := range in {
		if h.Map[name] == nil && (b.filter.Whose(name) == wire.Nobody || b.isMadeOfClaims(name)) {
			h.Map[name] = []string{""}
		}
	}
	b.write(h, req)
	return h.Map
}

// write completes h, which holds the client's headers that may pass.
func (b *Builder) write(h *forward.Header, req *Request) {
	forwarded := b.opts.Origins.Forwarded(req.In, req.Public)
	h.Set("X-Forwarded-For", forwarded.For)
	h.Set("X-Forwarded-Proto", forwarded.Proto)
	h.Set("X-Forwarded-Host", forwarded.Host)
	h.Set("X-Forwarded-Port", forwarded.Port)
	h.Set("X-Forwarded-Prefix", b.opts.Route.StripPrefix)
	h.Set("X-Real-Ip", forwarded.Client)
	h.Set("X-Request-Id", req.ID)
	if b.opts.Route.Authorization != routes.AuthorizationKeep {
		delete(h.Map, "Authorization")
	}
	h.Set("Authorization", req.Tokens.authorization)
	for name, values := range b.headers {
		h.Map[name] = values
	}
	h.Set(identity.Assertion, req.Tokens.assertion)
	b.identity.Write(req.State, h.Set)
	if req.Tokens.claims != nil {
		req.Tokens.claims.Write(h.Set)
	}
	rewriteCookies(h.Map, b.opts.CookieSuffix, freshToken(req.State))
}

// freshToken returns the session token that a refresh or a handshake has brought while
// the request was judged, or "" if the client sent its own.
func freshToken(state *middleware.State) string {
	if setsCookies(state) && state.Status == middleware.SignedIn && state.TokenType == middleware.SessionToken {
		return state.Token
	}
	return ""
}

// setsCookies reports whether the response sets Clerk's cookies.
func setsCookies(state *middleware.State) bool {
	return state != nil && (state.Refreshed || len(state.Header["Set-Cookie"]) > 0)
}

package proxy

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// forwardAuth answers gateways that ask whether they may pass a request on. It
// makes that request again of what the gateway tells, has it judged like any other, and says the outcome as this gateway understands it.
//
// Only the peers of CLERKGATE_TRUSTED_PROXIES may ask. Whoever else could choose
// which request is judged would get a yes for one and use it for another
// (CVE-2026-40575). An answer holds what the application may see, cookies that
// scripts must not read among it, so that no browser may get here through a
// gateway either: a gateway passes on to clerkgate nothing but its own questions.
type forwardAuth struct {
	path    string // without a slash at the end; "" serves nothing
	trusted *origin.Resolver
	logger  *slog.Logger
}

func newForwardAuth(path string, trusted *origin.Resolver, logger *slog.Logger) *forwardAuth {
	return &forwardAuth{path: strings.TrimSuffix(path, "/"), trusted: trusted, logger: logger}
}

// serves says whether a path is the endpoint's or below it.
func (f *forwardAuth) serves(path string) bool {
	rest, ok := strings.CutPrefix(path, f.path)
	return ok && f.path != "" && (rest == "" || rest[0] == '/')
}

const untrustedPeer = "forward auth was asked by a peer that is not trusted; if it is your gateway, add it to " + settings.EnvTrustedProxies

// answer answers the question r. judge is given the original request, and must end in
// [gatewayAnswer.grant] where a proxied request would go to the upstream.
//
// The body is never read: it is the original's, if anything, and the gateway passes
// that on itself.
func (f *forwardAuth) answer(w http.ResponseWriter, r *http.Request, judge func(*gatewayAnswer, *http.Request)) {
	if !f.trusted.TrustedPeer(r) {
		f.logger.LogAttrs(r.Context(), slog.LevelWarn,
			untrustedPeer,
			slog.String("peer", origin.PeerIP(r)))
		answer.Refuse(w, r, http.StatusForbidden, "peer_not_trusted", "Only gateways that clerkgate trusts may ask here.")
		return
	}
	g, ok := f.gateway(r.URL.EscapedPath())
	if !ok {
		answer.Refuse(w, r, http.StatusNotFound, "gateway_unknown",
			"Below "+f.path+" there are nginx, traefik, caddy, haproxy and envoy.")
		return
	}
	a := newGatewayAnswer()
	original, err := g.original(r, f.path)
	if err != nil {
		f.logger.LogAttrs(r.Context(), slog.LevelInfo, "forward auth was asked about no usable request",
			slog.String("gateway", g.name), slog.String("error", err.Error()))
		answer.Refuse(a, r, http.StatusBadRequest, "original_request_invalid", "The request can't be judged: "+err.Error()+".")
	} else {
		judge(a, original)
	}
	g.say(w, a)
}

// gatewayKind is what there is to know about a kind of gateway.
type gatewayKind struct {
	name     string
	original func(r *http.Request, path string) (*http.Request, error)
	say      func(w http.ResponseWriter, a *gatewayAnswer)
}

// gateway finds who asks by the name behind the endpoint's path.
func (f *forwardAuth) gateway(path string) (gatewayKind, bool) {
	name, _, below := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, f.path), "/"), "/")
	g := gatewayKind{name: name, original: fromForwarded, say: sayPlainly}
	switch name {
	case "", "traefik":
		g.say = sayWithoutOtherSuccess
	case "caddy", "haproxy":
	case "nginx":
		g.original, g.say = fromOriginalURL, sayToNginx
	case "envoy":
		g.original = fromEnvoy
		return g, true
	default:
		return gatewayKind{}, false
	}
	return g, !below
}

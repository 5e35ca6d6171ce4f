package gateway

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// Options configure an [Endpoint].
type Options struct {
	// Path is where gateways ask; "" serves nothing.
	Path string
	// Trusted knows the peers that may ask. Required.
	Trusted *origin.Resolver
	// Setting is the name of the setting that lists them, for the log.
	Setting string
	// Logger receives messages about untrusted peers and malformed questions. Required.
	Logger *slog.Logger
	// Pages refuses questions that are not judged; nil does so by JSON alone.
	Pages *answer.Pages
}

// Endpoint is where gateways ask over HTTP. It is safe for concurrent use.
//
// A grant holds cookies that scripts must not read. Therefore no browser may reach the
// endpoint through a gateway: the gateway must not route requests to clerkgate, only ask
// its own questions.
type Endpoint struct{ opts Options }

// New returns an Endpoint. It does not check opts.
func New(opts Options) *Endpoint {
	opts.Path = strings.TrimSuffix(opts.Path, "/")
	return &Endpoint{opts: opts}
}

// Serves reports whether a path is the endpoint's or below it.
func (e *Endpoint) Serves(path string) bool {
	rest, ok := strings.CutPrefix(path, e.opts.Path)
	return ok && e.opts.Path != "" && (rest == "" || rest[0] == '/')
}

// Answer answers the gateway's question r. judge is called with the original request,
// and must call [Answer.Grant] where a proxied request would be forwarded to the
// application.
//
// The body of r is never read: if there is one, it is the original request's, which the
// gateway passes on itself.
func (e *Endpoint) Answer(w http.ResponseWriter, r *http.Request, judge func(*Answer, *http.Request)) {
	if !e.opts.Trusted.TrustedPeer(r) {
		e.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn,
			"forward auth request from an untrusted peer; if it is your gateway, add it to the setting",
			slog.String("setting", e.opts.Setting), slog.String("peer", origin.PeerIP(r)))
		e.opts.Pages.Refuse(w, r, http.StatusForbidden, "peer_not_trusted", "Only gateways that clerkgate trusts may ask here.")
		return
	}
	k, ok := e.kind(r.URL.EscapedPath())
	if !ok {
		e.opts.Pages.Refuse(w, r, http.StatusNotFound, "gateway_unknown",
			"The paths below "+e.opts.Path+" are nginx, traefik, caddy, haproxy and envoy.")
		return
	}
	a := NewAnswer()
	original, err := k.original(r, e.opts.Path)
	if err != nil {
		e.opts.Logger.LogAttrs(r.Context(), slog.LevelInfo, "forward auth request without a usable original request",
			slog.String("gateway", k.name), slog.String("error", err.Error()))
		e.opts.Pages.Refuse(a, r, http.StatusBadRequest, "original_request_invalid", "The request can't be judged: "+err.Error()+".")
	} else {
		judge(a, original)
	}
	k.settle(a)
	a.write(w)
}

// kind is a kind of gateway.
type kind struct {
	name     string
	original func(r *http.Request, path string) (*http.Request, error) // rebuilds the original request
	settle   func(*Answer)                                             // translates the answer for this gateway
}

// kind returns the kind of gateway that is named after the endpoint's path.
func (e *Endpoint) kind(path string) (kind, bool) {
	name, _, below := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, e.opts.Path), "/"), "/")
	k := kind{name: name, original: fromForwarded, settle: (*Answer).Settle}
	switch name {
	case "", "traefik":
		k.settle = (*Answer).settleWithoutOtherSuccess
	case "caddy", "haproxy":
	case "nginx":
		k.original, k.settle = fromOriginalURL, (*Answer).settleForNginx
	case "envoy":
		k.original = fromEnvoy
		return k, true
	default:
		return kind{}, false
	}
	return k, !below
}

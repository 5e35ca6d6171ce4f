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
	// Logger is told of peers that may not ask, and of questions that make no request.
	// Required.
	Logger *slog.Logger
}

// Endpoint is where gateways ask over HTTP. It is safe for concurrent use.
//
// A grant holds what the application may see, cookies that scripts must not read among
// it, so that no browser may get here through a gateway either: a gateway passes on to
// clerkgate nothing but its own questions.
type Endpoint struct{ opts Options }

// New makes an Endpoint. It does not check opts.
func New(opts Options) *Endpoint {
	opts.Path = strings.TrimSuffix(opts.Path, "/")
	return &Endpoint{opts: opts}
}

// Serves says whether a path is the endpoint's or below it.
func (e *Endpoint) Serves(path string) bool {
	rest, ok := strings.CutPrefix(path, e.opts.Path)
	return ok && e.opts.Path != "" && (rest == "" || rest[0] == '/')
}

// Answer answers the question r. judge is given the original request, and must end in
// [Answer.Grant] where a proxied request would go to the application.
//
// The body is never read: it is the original's, if anything, and the gateway passes
// that on itself.
func (e *Endpoint) Answer(w http.ResponseWriter, r *http.Request, judge func(*Answer, *http.Request)) {
	if !e.opts.Trusted.TrustedPeer(r) {
		e.opts.Logger.LogAttrs(r.Context(), slog.LevelWarn,
			"forward auth was asked by a peer that is not trusted; if it is your gateway, add it to the setting",
			slog.String("setting", e.opts.Setting), slog.String("peer", origin.PeerIP(r)))
		answer.Refuse(w, r, http.StatusForbidden, "peer_not_trusted", "Only gateways that clerkgate trusts may ask here.")
		return
	}
	k, ok := e.kind(r.URL.EscapedPath())
	if !ok {
		answer.Refuse(w, r, http.StatusNotFound, "gateway_unknown",
			"Below "+e.opts.Path+" there are nginx, traefik, caddy, haproxy and envoy.")
		return
	}
	a := NewAnswer()
	original, err := k.original(r, e.opts.Path)
	if err != nil {
		e.opts.Logger.LogAttrs(r.Context(), slog.LevelInfo, "forward auth was asked about no usable request",
			slog.String("gateway", k.name), slog.String("error", err.Error()))
		answer.Refuse(a, r, http.StatusBadRequest, "original_request_invalid", "The request can't be judged: "+err.Error()+".")
	} else {
		judge(a, original)
	}
	k.settle(a)
	a.write(w)
}

// kind is what there is to know about a kind of gateway.
type kind struct {
	name     string
	original func(r *http.Request, path string) (*http.Request, error)
	settle   func(*Answer) // puts the answer in this gateway's words
}

// kind finds which gateway it is by the name behind the endpoint's path.
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

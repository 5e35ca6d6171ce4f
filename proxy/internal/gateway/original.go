package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Limits on the original request, in bytes. They are generous: gateways themselves
// refuse longer ones.
const (
	maxOriginalMethod = 32
	maxOriginalURL    = 16 << 10
)

// For each gateway, the request is read from one set of headers, without a fallback to
// another: a header that the gateway does not overwrite can be set by the client.

// fromForwarded reads the headers of Traefik, Caddy, HAProxy and unknown gateways:
// X-Forwarded-Method, -Proto, -Host and -Uri.
func fromForwarded(r *http.Request, _ string) (*http.Request, error) {
	method, err1 := only(r.Header, "X-Forwarded-Method")
	scheme, err2 := only(r.Header, "X-Forwarded-Proto")
	host, err3 := only(r.Header, "X-Forwarded-Host")
	target, err4 := only(r.Header, "X-Forwarded-Uri")
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	return originalRequest(r, method, scheme, host, target)
}

// fromOriginalURL reads the headers of nginx, which ingress-nginx sends too:
// X-Original-Method and X-Original-URL, which is absolute.
func fromOriginalURL(r *http.Request, _ string) (*http.Request, error) {
	method, err1 := only(r.Header, "X-Original-Method")
	address, err2 := only(r.Header, "X-Original-Url")
	if err := cmp.Or(err1, err2); err != nil {
		return nil, err
	}
	scheme, rest, ok := strings.Cut(address, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || slash < 0 {
		return nil, errors.New("X-Original-URL is not absolute")
	}
	return originalRequest(r, method, scheme, rest[:slash], rest[slash:])
}

// fromEnvoy reads a check of Envoy's ext_authz over HTTP: the original request without
// its body, with a prefix before the path.
func fromEnvoy(r *http.Request, path string) (*http.Request, error) {
	scheme, err := only(r.Header, "X-Forwarded-Proto")
	if err != nil {
		return nil, err
	}
	target, ok := strings.CutPrefix(r.RequestURI, path+"/envoy")
	if !ok {
		return nil, errors.New("the path does not begin with " + path + "/envoy")
	}
	if strings.Contains(strings.ReplaceAll(strings.ToLower(target), "%2e", "."), "/..") {
		// If a gateway forwards paths without resolving dot segments, a client could
		// reach this path through it.
		return nil, errors.New("the path has dot segments")
	}
	return originalRequest(r, r.Method, scheme, r.Host, target)
}

// only returns the value of a header that must have exactly one.
func only(h http.Header, name string) (string, error) {
	switch values := h[name]; {
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("the gateway sent no %s", name)
	case len(values) > 1:
		return "", fmt.Errorf("the gateway sent %s more than once", name)
	case len(values[0]) > maxOriginalURL:
		return "", fmt.Errorf("%s is too long", name)
	default:
		return values[0], nil
	}
}

// originalRequest returns the request that the gateway received, as if it had come here.
// A stranger chose all parts of it, so they are checked; only the path is left to the
// check that all requests go through.
func originalRequest(r *http.Request, method, scheme, host, target string) (*http.Request, error) {
	_, _, valid := wire.CanonicalHost(host)
	switch {
	case len(method) > maxOriginalMethod || !wire.IsToken(method) || method == http.MethodConnect || method == http.MethodTrace:
		return nil, errors.New("the original method is malformed or not supported")
	case !valid:
		return nil, errors.New("the original host is not valid")
	case len(target) > maxOriginalURL || !wire.IsTarget(target):
		return nil, errors.New("the original path or query is malformed")
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https":
	case "ws", "wss": // Traefik's names for WebSocket
		scheme = "http" + scheme[2:]
	default:
		return nil, errors.New("the original scheme is neither http nor https")
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, errors.New("the original path or query is malformed") // err would quote it in the log
	}

	original := r.WithContext(r.Context())
	original.Method, original.URL, original.RequestURI, original.Host = method, u, target, host
	original.Header = originalHeader(r.Header)
	// The peer is trusted, so the public URL is made of these.
	original.Header["X-Forwarded-Proto"] = []string{scheme}
	original.Header["X-Forwarded-Host"] = []string{host}
	original.Body, original.ContentLength, original.TransferEncoding = http.NoBody, 0, nil
	original.Trailer, original.TLS = nil, nil
	return original, nil
}

// originalHeader returns the headers of the original request: those of the gateway's
// request without the ones that the gateway added.
func originalHeader(asked http.Header) http.Header {
	h := make(http.Header, len(asked)+2)
	for name, values := range asked {
		if wire.ClaimsIdentity(name) || wire.ClaimsForwarded(name) || wire.HasNormalPrefix(name, "x-original-") ||
			wire.IsHopByHop(name) || wire.DescribesBody(name) {
			continue
		}
		h[name] = values
	}
	if chain := asked["X-Forwarded-For"]; len(chain) > 0 {
		h["X-Forwarded-For"] = chain
	}
	upgrade := asked["Upgrade"]
	if len(asked["Sec-Websocket-Key"]) > 0 || len(upgrade) > 0 && wire.EqualFold(upgrade[0], "websocket") {
		// Gateways leave out Connection and Upgrade, but the cross-site guard must
		// recognize a WebSocket.
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	return h
}

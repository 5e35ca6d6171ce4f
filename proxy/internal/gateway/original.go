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

// Bounds of what a gateway may say, in bytes. They are generous: gateways refuse
// longer ones themselves.
const (
	maxOriginalMethod = 32
	maxOriginalURL    = 16 << 10
)

// Each gateway is read from one set of headers, and there is no falling back on
// another: a header that the gateway does not overwrite is the client's to choose.

// fromForwarded reads what Traefik, Caddy and HAProxy tell, and whoever asks
// without a name: X-Forwarded-Method, -Proto, -Host and -Uri.
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

// fromOriginalURL reads what nginx tells, in the headers that ingress-nginx sends
// too: X-Original-Method and X-Original-URL, which is absolute.
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

// fromEnvoy reads a check of Envoy's ext_authz over HTTP: the original request
// itself, without its body, below a path prefix.
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
		// To a gateway that passes paths on unresolved, this may have been another one
		// than that of a question.
		return nil, errors.New("the path has dot segments")
	}
	return originalRequest(r, r.Method, scheme, r.Host, target)
}

// only returns the one value of a header.
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

// originalRequest is the request that a gateway got, as if it had come here. All
// that it is made of was chosen by a stranger. Its path is not judged here: that
// is done where the path of every other request is.
func originalRequest(r *http.Request, method, scheme, host, target string) (*http.Request, error) {
	_, _, valid := wire.CanonicalHost(host)
	switch {
	case len(method) > maxOriginalMethod || !wire.IsToken(method) || method == http.MethodConnect || method == http.MethodTrace:
		return nil, errors.New("the original method can't be judged")
	case !valid:
		return nil, errors.New("the original host is no host")
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
		return nil, errors.New("the original path or query is malformed") // its text stays out of logs
	}

	original := r.WithContext(r.Context())
	original.Method, original.URL, original.RequestURI, original.Host = method, u, target, host
	original.Header = originalHeader(r.Header)
	// The peer is trusted, so that these are what its scheme and host are read from.
	original.Header["X-Forwarded-Proto"] = []string{scheme}
	original.Header["X-Forwarded-Host"] = []string{host}
	original.Body, original.ContentLength, original.TransferEncoding = http.NoBody, 0, nil
	original.Trailer, original.TLS = nil, nil
	return original, nil
}

// originalHeader is the original's headers: those of the gateway's question
// without what is about the question.
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
		// Gateways keep the upgrade to themselves, and what guards a WebSocket against
		// other sites must know it.
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	return h
}

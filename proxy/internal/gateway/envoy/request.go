package envoy

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// malformed is why a check cannot be judged, and the status for the browser. It quotes
// nothing from the client.
type malformed struct {
	status int
	what   string
}

// Error returns what is malformed.
func (m *malformed) Error() string { return m.what }

func bad(what string) error {
	return &malformed{http.StatusBadRequest, what}
}

// rebuild returns the request that Envoy received. from is Envoy's address. spoofed are
// the names of the identity headers that the client sent, in lower case.
func (s *Server) rebuild(ctx context.Context, check *authv3.CheckRequest, from string) (r *http.Request, spoofed []string, err error) {
	attributes := check.GetAttributes()
	in := attributes.GetRequest().GetHttp()
	if in == nil {
		return nil, nil, bad("the check has no HTTP request")
	}
	if err := validLine(in); err != nil {
		return nil, nil, err
	}
	u, err := url.ParseRequestURI(in.GetPath())
	if err != nil {
		return nil, nil, bad("the path cannot be parsed") // url's error quotes it, query and all
	}
	fields, err := fieldsOf(in)
	if err != nil {
		return nil, nil, err
	}
	if err := s.bound(in, fields); err != nil {
		return nil, nil, err
	}
	sent, err := readHeaders(in, fields)
	if err != nil {
		return nil, nil, err
	}

	header := http.Header{}
	for name, values := range sent {
		switch {
		case wire.ClaimsIdentity(name), wire.IsForwardedUser(name):
			spoofed = append(spoofed, strings.ToLower(name))
		case wire.DescribesBody(name), wire.ClaimsForwarded(name):
		default:
			header[name] = values
		}
	}
	if err := setForwarded(header, sent, attributes); err != nil {
		return nil, nil, err
	}
	r = (&http.Request{
		Method: in.GetMethod(), Host: in.GetHost(), URL: u, RequestURI: in.GetPath(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: http.NoBody, RemoteAddr: from,
	}).WithContext(ctx)
	return r, spoofed, nil
}

// validLine checks the request line and the host.
func validLine(in *authv3.AttributeContext_HttpRequest) error {
	method, path, host := in.GetMethod(), in.GetPath(), in.GetHost()
	switch {
	case !wire.IsToken(method):
		return bad("the method is not valid")
	case method == http.MethodConnect, method == http.MethodTrace:
		return &malformed{http.StatusMethodNotAllowed, method + " is not supported"}
	case !wire.IsTarget(path):
		return bad("the path does not begin with a slash, or has an invalid character")
	}
	if _, _, ok := wire.CanonicalHost(host); !ok {
		return bad("the host is not valid")
	}
	return nil
}

// field is one header line.
type field struct{ name, value string }

// fieldsOf returns the headers in whichever form Envoy sends them: a map of strings, or
// with encode_raw_headers a list of bytes.
func fieldsOf(in *authv3.AttributeContext_HttpRequest) ([]field, error) {
	list := in.GetHeaderMap().GetHeaders()
	if len(list) > 0 && len(in.GetHeaders()) > 0 {
		return nil, bad("the headers are sent twice, as a map and as a list")
	}
	fields := make([]field, 0, len(list)+len(in.GetHeaders()))
	for name, value := range in.GetHeaders() {
		fields = append(fields, field{name, value})
	}
	for _, h := range list {
		value, err := valueOf(h)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{h.GetKey(), value})
	}
	return fields, nil
}

func valueOf(h *corev3.HeaderValue) (string, error) {
	if h.GetValue() != "" && len(h.GetRawValue()) > 0 {
		return "", bad("a header has two values, as text and as bytes")
	}
	if raw := h.GetRawValue(); len(raw) > 0 {
		return string(raw), nil
	}
	return h.GetValue(), nil
}

// bound refuses a request that the public listener would refuse for its size.
func (s *Server) bound(in *authv3.AttributeContext_HttpRequest, fields []field) error {
	size := len(in.GetMethod()) + len(in.GetPath()) + len(in.GetHost())
	for _, f := range fields {
		size += len(f.name) + len(f.value) + 4 // ": " and the line end
	}
	if size > s.opts.MaxHeaderBytes || len(fields) > maxHeaders {
		return &malformed{http.StatusRequestHeaderFieldsTooLarge, "the request's headers are too large"}
	}
	return nil
}

// readHeaders returns the headers with canonical names. It refuses contradictions
// between headers and request line, and repeated headers that decide something: the
// application might read the other value.
func readHeaders(in *authv3.AttributeContext_HttpRequest, fields []field) (http.Header, error) {
	line := map[string]string{":method": in.GetMethod(), ":path": in.GetPath(), ":authority": in.GetHost(), "Host": in.GetHost()}
	seen := map[string]bool{}
	repeatable := len(in.GetHeaders()) == 0 // in a map, two keys for one header differ only in case
	header := http.Header{}
	for _, f := range fields {
		name := http.CanonicalHeaderKey(f.name)
		if strings.HasPrefix(f.name, ":") {
			name = f.name
		}
		if seen[name] && (!repeatable || single(name)) {
			return nil, bad("a header that must be unique is repeated")
		}
		seen[name] = true
		if value, ok := line[name]; ok {
			if value != f.value {
				return nil, bad("the headers contradict the request line")
			}
			continue
		}
		if strings.HasPrefix(f.name, ":") {
			continue
		}
		if !wire.IsToken(f.name) || !wire.IsValue(f.value) {
			return nil, bad("a header is not valid")
		}
		header[name] = append(header[name], f.value)
	}
	return header, nil
}

// single reports whether a header influences decisions and must not be repeated.
func single(name string) bool {
	switch name {
	case "Authorization", "Host", "Origin", "Content-Type", "Access-Control-Request-Method", "X-Forwarded-Proto":
		return true
	}
	return strings.HasPrefix(name, ":") || strings.HasPrefix(name, "Sec-Fetch-")
}

// setForwarded sets the X-Forwarded headers that Envoy vouches for. Envoy's
// X-Forwarded-Proto takes precedence over the request's scheme, which an HTTP/2 client
// can choose.
func setForwarded(header, sent http.Header, attributes *authv3.AttributeContext) error {
	proto := strings.ToLower(sent.Get("X-Forwarded-Proto"))
	if proto == "" {
		proto = strings.ToLower(attributes.GetRequest().GetHttp().GetScheme())
	}
	if proto != "http" && proto != "https" {
		return bad("the scheme is neither http nor https")
	}
	header["X-Forwarded-Proto"] = []string{proto}

	chain := strings.Join(sent["X-Forwarded-For"], ", ")
	// Envoy appends its client to the chain only with use_remote_address.
	if client, ok := clientOf(attributes); ok && lastOf(chain) != client {
		if chain != "" {
			chain += ", "
		}
		chain += client.String()
	}
	if chain != "" {
		header["X-Forwarded-For"] = []string{chain}
	}
	return nil
}

// clientOf returns the address of Envoy's client.
func clientOf(attributes *authv3.AttributeContext) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(attributes.GetSource().GetAddress().GetSocketAddress().GetAddress())
	return addr.Unmap().WithZone(""), err == nil
}

// lastOf returns the last address of a chain, or the zero Addr if it is not valid.
func lastOf(chain string) netip.Addr {
	addr, _ := netip.ParseAddr(strings.TrimSpace(chain[strings.LastIndexByte(chain, ',')+1:]))
	return addr.Unmap().WithZone("")
}

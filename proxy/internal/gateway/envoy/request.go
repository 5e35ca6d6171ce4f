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

// malformed says why a check cannot be judged, and what the browser is told. It
// quotes nothing that a client wrote.
type malformed struct {
	status int
	what   string
}

func (m *malformed) Error() string { return m.what }

func bad(what string) error {
	return &malformed{http.StatusBadRequest, what}
}

// rebuild makes the request that Envoy was sent out of a check. from is Envoy's
// address. spoofed are the identity headers that the client sent, as spelled.
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
		case wire.ClaimsIdentity(name):
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

// validLine looks at what an HTTP request has in its first line, and at the host.
func validLine(in *authv3.AttributeContext_HttpRequest) error {
	method, path, host := in.GetMethod(), in.GetPath(), in.GetHost()
	switch {
	case !wire.IsToken(method): // both are tokens
		return bad("the method is no token")
	case method == http.MethodConnect, method == http.MethodTrace:
		return &malformed{http.StatusMethodNotAllowed, method + " is not supported"}
	case !wire.IsTarget(path):
		return bad("the path does not begin with a slash, or has a character that cannot be in one")
	}
	if _, _, ok := wire.CanonicalHost(host); !ok {
		return bad("the host is not valid")
	}
	return nil
}

// field is one header line.
type field struct{ name, value string }

// fieldsOf reads whichever of the two forms Envoy was set to send: a map of text,
// or with encode_raw_headers a list of bytes.
func fieldsOf(in *authv3.AttributeContext_HttpRequest) ([]field, error) {
	list := in.GetHeaderMap().GetHeaders()
	if len(list) > 0 && len(in.GetHeaders()) > 0 {
		return nil, bad("the headers come twice, as a map and as a list")
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

// readHeaders returns the headers under their canonical names. What is said twice
// must not be said in two ways, or the application may believe the other one.
func readHeaders(in *authv3.AttributeContext_HttpRequest, fields []field) (http.Header, error) {
	line := map[string]string{":method": in.GetMethod(), ":path": in.GetPath(), ":authority": in.GetHost(), "Host": in.GetHost()}
	seen := map[string]bool{}
	repeatable := len(in.GetHeaders()) == 0 // in the map form, two keys differ in case alone
	header := http.Header{}
	for _, f := range fields {
		name := http.CanonicalHeaderKey(f.name)
		if strings.HasPrefix(f.name, ":") {
			name = f.name
		}
		if seen[name] && (!repeatable || single(name)) {
			return nil, bad("a header that a decision hangs on comes twice")
		}
		seen[name] = true
		if said, ok := line[name]; ok {
			if said != f.value {
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

// single names headers that a decision reads and of which a request has one.
func single(name string) bool {
	switch name {
	case "Authorization", "Host", "Origin", "Content-Type", "Access-Control-Request-Method", "X-Forwarded-Proto":
		return true
	}
	return strings.HasPrefix(name, ":") || strings.HasPrefix(name, "Sec-Fetch-")
}

// setForwarded writes what Envoy vouches for. Its X-Forwarded-Proto comes before
// the scheme of the request, which a client of HTTP/2 may write as it likes.
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
	// Envoy adds its client to the chain where it is set to use_remote_address only.
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

// clientOf is the address of the connection that Envoy got the request on.
func clientOf(attributes *authv3.AttributeContext) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(attributes.GetSource().GetAddress().GetSocketAddress().GetAddress())
	return addr.Unmap().WithZone(""), err == nil
}

// lastOf is the last address of a chain; the zero Addr when that is none.
func lastOf(chain string) netip.Addr {
	addr, _ := netip.ParseAddr(strings.TrimSpace(chain[strings.LastIndexByte(chain, ',')+1:]))
	return addr.Unmap().WithZone("")
}

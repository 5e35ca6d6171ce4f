package http1

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// checkTarget refuses what cannot be in a request line.
func checkTarget(req *http.Request) error {
	switch {
	case req.URL == nil:
		return invalid("no URL")
	case req.Header == nil:
		return invalid("no Header")
	case req.URL.Scheme != "http":
		return invalid("its scheme is not http")
	case req.URL.Host == "":
		return invalid("no host in its URL")
	case req.Method == http.MethodConnect:
		return invalid("CONNECT") // what follows would not be HTTP
	case req.Method != "" && !wire.IsToken(req.Method):
		return invalid("its method is not a token")
	}
	return nil
}

// writeHead writes the request line and the header.
func (cl *call) writeHead() (err error) {
	req := cl.req
	b := cl.out[:0]
	if req.Method == "" {
		b = append(b, http.MethodGet...)
	} else {
		b = append(b, req.Method...)
	}
	b = append(b, ' ')
	if b, err = appendTarget(b, req); err != nil {
		return err
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	if b, err = appendHost(b, req); err != nil {
		return err
	}
	b = append(b, "\r\n"...)
	if b, err = cl.appendFraming(b); err != nil {
		return err
	}
	if b, err = cl.appendHeader(b); err != nil {
		return err
	}
	if req.Close && !cl.close {
		cl.close = true
		b = append(b, "Connection: close\r\n"...)
	}
	cl.out = append(b, "\r\n"...)
	return nil
}

// appendTarget writes the request target, as [net/url.URL.RequestURI] does but for
// paths that begin with two slashes. It refuses white space, which would end it.
func appendTarget(b []byte, req *http.Request) ([]byte, error) {
	start := len(b)
	if u := req.URL; u.Opaque != "" {
		b = append(b, u.RequestURI()...)
	} else {
		path, query := u.EscapedPath(), u.ForceQuery || u.RawQuery != ""
		switch {
		case path == "":
			b = append(b, '/')
		case path[0] != '/' && (path != "*" || query):
			return b, invalid("its path does not begin with a slash")
		}
		// Two slashes at the start are sent as they are. net/http would put the scheme
		// before them, so that what follows would be a host, and the path another one than
		// was judged.
		b = append(b, path...)
		if query {
			b = append(b, '?')
			b = append(b, u.RawQuery...)
		}
	}
	for _, c := range b[start:] {
		if c <= ' ' || c == 0x7f {
			return b, invalid("white space or control characters in its URL")
		}
	}
	return b, nil
}

func appendHost(b []byte, req *http.Request) ([]byte, error) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	host = withoutZone(host)
	if !wire.HasHostBytes(host) {
		return b, invalid("a host with bytes that no host has")
	}
	return append(b, host...), nil
}

// withoutZone removes the zone of an IPv6 address, which means something on this
// machine only (RFC 6874).
func withoutZone(host string) string {
	if !strings.HasPrefix(host, "[") {
		return host
	}
	end := strings.LastIndexByte(host, ']')
	if end < 0 {
		return host
	}
	if zone := strings.IndexByte(host[:end], '%'); zone >= 0 {
		return host[:zone] + host[end:]
	}
	return host
}

// appendFraming writes how the body ends.
func (cl *call) appendFraming(b []byte) ([]byte, error) {
	if cl.length < 0 {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		return cl.appendTrailerNames(b)
	}
	if err := checkTrailer(cl.req.Trailer); err != nil {
		return b, err
	}
	if cl.length == 0 && !mostlyWithBody(cl.req.Method) {
		return b, nil
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, cl.length, 10)
	return append(b, "\r\n"...), nil
}

func (cl *call) appendTrailerNames(b []byte) ([]byte, error) {
	trailer := cl.req.Trailer
	if err := checkTrailer(trailer); err != nil || len(trailer) == 0 {
		return b, err
	}
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, name)
	}
	slices.Sort(names)
	cl.trailer = true
	b = append(b, "Trailer: "...)
	b = append(b, strings.Join(names, ",")...)
	return append(b, "\r\n"...), nil
}

// checkTrailer refuses trailers that are not valid headers, or that would frame a
// message.
func checkTrailer(trailer http.Header) error {
	for name, values := range trailer {
		if !wire.IsToken(name) || frames(name) {
			return invalid("a header that must not be a trailer")
		}
		for _, v := range values {
			if !wire.IsValue(v) {
				return invalid("control characters in trailer " + name)
			}
		}
	}
	return nil
}

// appendHeader writes the header fields, and records what they ask for.
func (cl *call) appendHeader(b []byte) ([]byte, error) {
	for name, values := range cl.req.Header {
		if !wire.IsToken(name) {
			return b, invalid("an invalid header name")
		}
		skip := false
		switch len(name) { // the lengths of the names that matter
		case 4, 6, 7, 10, 14, 17:
			var err error
			if skip, err = cl.notice(name, values); err != nil {
				return b, err
			}
		}
		for _, v := range values {
			if !wire.IsValue(v) {
				return b, invalid("control characters in header " + name)
			}
			if skip {
				continue
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, wire.Trim(v)...)
			b = append(b, "\r\n"...)
		}
	}
	return b, nil
}

// notice reads the headers that matter to this package. Those that frame the message or
// name the host are skipped in any spelling: they are written from the request's fields.
func (cl *call) notice(name string, values []string) (skip bool, err error) {
	switch {
	case wire.EqualFold(name, "connection"):
		cl.close = cl.close || wire.HasToken(values, "close")
	case wire.EqualFold(name, "expect"):
		cl.expect = cl.body != nil && wire.HasToken(values, "100-continue")
	case wire.EqualFold(name, "user-agent"):
		return len(values) > 0 && values[0] == "", nil // how ReverseProxy asks for none
	case wire.EqualFold(name, "content-length"):
		for _, v := range values {
			if cl.length < 0 || wire.Trim(v) != strconv.FormatInt(cl.length, 10) {
				return true, invalid("its Content-Length header is not its body's length")
			}
		}
		return true, nil
	default:
		return wire.EqualFold(name, "host") || frames(name), nil
	}
	return false, nil
}

// frames reports whether a header says where a message ends.
func frames(name string) bool {
	return wire.EqualFold(name, "content-length") || wire.EqualFold(name, "transfer-encoding") ||
		wire.EqualFold(name, "trailer")
}

func mostlyWithBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// usuallyBare reports whether requests with this method usually have no body. Many
// servers fail on an empty chunked one.
func usuallyBare(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND", "SEARCH":
		return true
	}
	return false
}

package http1

import "github.com/clerkgate/clerkgate/internal/wire"

// maxShortName is the longest name that is made canonical without an allocation.
const maxShortName = 40

// canonical returns a header's name in the form of [net/http.CanonicalHeaderKey];
// false if it is not a token. The result may share name's memory.
func canonical(name string) (string, bool) {
	upper, same := true, true
	for i := range len(name) {
		c := name[i]
		if !wire.IsTokenByte(c) {
			return "", false
		}
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			same = false
		}
		upper = c == '-'
	}
	if same {
		return name, name != ""
	}
	var short [maxShortName]byte
	b := append(short[:0], name...)
	upper = true
	for i, c := range b {
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			b[i] = c ^ ('a' - 'A')
		}
		upper = c == '-'
	}
	return common(b), true
}

// common returns b as a string, without an allocation for names that are often
// written in lower case.
func common(b []byte) string {
	switch string(b) {
	case "Accept-Ranges":
		return "Accept-Ranges"
	case "Access-Control-Allow-Credentials":
		return "Access-Control-Allow-Credentials"
	case "Access-Control-Allow-Headers":
		return "Access-Control-Allow-Headers"
	case "Access-Control-Allow-Methods":
		return "Access-Control-Allow-Methods"
	case "Access-Control-Allow-Origin":
		return "Access-Control-Allow-Origin"
	case "Access-Control-Expose-Headers":
		return "Access-Control-Expose-Headers"
	case "Age":
		return "Age"
	case "Cache-Control":
		return "Cache-Control"
	case "Connection":
		return "Connection"
	case "Content-Disposition":
		return "Content-Disposition"
	case "Content-Encoding":
		return "Content-Encoding"
	case "Content-Language":
		return "Content-Language"
	case "Content-Length":
		return "Content-Length"
	case "Content-Range":
		return "Content-Range"
	case "Content-Security-Policy":
		return "Content-Security-Policy"
	case "Content-Type":
		return "Content-Type"
	case "Date":
		return "Date"
	case "Etag":
		return "Etag"
	case "Expires":
		return "Expires"
	case "Keep-Alive":
		return "Keep-Alive"
	case "Last-Modified":
		return "Last-Modified"
	case "Link":
		return "Link"
	case "Location":
		return "Location"
	case "Pragma":
		return "Pragma"
	case "Referrer-Policy":
		return "Referrer-Policy"
	case "Server":
		return "Server"
	case "Set-Cookie":
		return "Set-Cookie"
	case "Strict-Transport-Security":
		return "Strict-Transport-Security"
	case "Trailer":
		return "Trailer"
	case "Transfer-Encoding":
		return "Transfer-Encoding"
	case "Vary":
		return "Vary"
	case "Via":
		return "Via"
	case "X-Content-Type-Options":
		return "X-Content-Type-Options"
	case "X-Frame-Options":
		return "X-Frame-Options"
	case "X-Powered-By":
		return "X-Powered-By"
	case "X-Request-Id":
		return "X-Request-Id"
	}
	return string(b)
}

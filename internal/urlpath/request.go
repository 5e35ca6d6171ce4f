package urlpath

import "net/http"

// WithPath returns r with an escaped path, such as that of [Canonical], or r itself if it
// has that path. The copy shares everything but the URL. Its RequestURI stays as it was:
// Clerk's decisions are about the URL as the browser wrote it.
func WithPath(r *http.Request, path string) *http.Request {
	if r.URL.EscapedPath() == path && r.URL.Host == "" {
		return r
	}
	clone := *r
	u := *r.URL
	// An absolute-form target names a host; net/http has it in r.Host already.
	u.Scheme, u.Host, u.User, u.Opaque = "", "", nil, ""
	Set(&u, path)
	clone.URL = &u
	return &clone
}

package frontend

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

var (
	errForeignTarget = errors.New("the target is not the Frontend API")
	errDown          = errors.New("the Frontend API is known to be down")
	errBusy          = errors.New("too many requests are waiting for the Frontend API")
)

// secretTransport adds the secret key to requests for one origin and refuses
// every other request. Like any RoundTripper it does not follow redirects.
type secretTransport struct {
	base   *url.URL
	secret string
	next   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *secretTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	u := r.URL
	if u.Scheme != t.base.Scheme || u.Host != t.base.Host || r.Host != t.base.Host ||
		u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.EscapedPath(), "//") {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes it in any case
		}
		return nil, errForeignTarget
	}
	clone := *r // a RoundTripper must not alter its request
	clone.Header = r.Header.Clone()
	clone.Header["Clerk-Secret-Key"] = []string{t.secret}
	return t.next.RoundTrip(&clone)
}

package kit

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Browser is a browser as far as a server can tell: a cookie jar, and the headers
// of a navigation or of a script's call. It is for one goroutine, except for
// [Browser.Try].
type Browser struct {
	// Header is sent with every request, in addition.
	Header http.Header
	// Trail is each response since the last call began, such as "307 /page". Try leaves
	// it as it is.
	Trail []string

	t      testing.TB
	client *http.Client
}

// NewBrowser returns a browser without cookies that follows redirects.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	b := &Browser{Header: http.Header{}, t: t}
	b.client = &http.Client{Jar: secureLocalhost{jar}, Timeout: 2 * Patience, Transport: RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		if r.Response != nil && r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			r = r.Clone(r.Context())
			r.Header.Del("Origin") // it was that of the form which led here
		}
		res, err := transport.RoundTrip(r)
		if err == nil && r.Context().Value(leavesTrail{}) != nil {
			b.Trail = append(b.Trail, fmt.Sprintf("%d %s", res.StatusCode, r.URL.Path))
		}
		return res, err
	})}
	return b
}

// Stay makes the browser show redirects in place of following them.
func (b *Browser) Stay() *Browser {
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// leavesTrail is the key of a context whose requests are recorded in [Browser.Trail].
type leavesTrail struct{}

// Open navigates to an address that somebody typed.
func (b *Browser) Open(address string) Reply {
	b.t.Helper()
	return b.Do(b.Page(address))
}

// Page returns the request of [Browser.Open].
func (b *Browser) Page(address string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	require.NoError(b.t, err)
	navigates(r, "none")
	return r
}

// Submit posts a form of the same origin.
func (b *Browser) Submit(address string, form url.Values) Reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	navigates(r, "same-origin")
	return b.Do(r)
}

// Fetch calls an address as a script of the same origin does.
func (b *Browser) Fetch(method, address, body string) Reply {
	b.t.Helper()
	return b.Do(b.Script(method, address, body))
}

// Script returns the request of [Browser.Fetch].
func (b *Browser) Script(method, address, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	require.NoError(b.t, err)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet {
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
		r.Header.Set("Content-Type", "text/plain")
	}
	return r
}

func navigates(r *http.Request, site string) {
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Site", site)
}

// Do sends a request with the browser's cookies, and [Browser.Header], but none of
// its other headers.
func (b *Browser) Do(r *http.Request) Reply {
	b.t.Helper()
	b.Trail = nil
	reply, err := b.Try(r.WithContext(context.WithValue(r.Context(), leavesTrail{}, true)))
	require.NoError(b.t, err)
	return reply
}

// Try is [Browser.Do] for a request that may fail. Several may be tried at the same time,
// as by the scripts of one page.
func (b *Browser) Try(r *http.Request) (Reply, error) {
	maps.Copy(r.Header, b.Header)
	res, err := b.client.Do(r)
	if err != nil {
		return Reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Reply{res, string(text)}, err
}

// SetCookies gives the browser cookies as if origin had set them.
func (b *Browser) SetCookies(origin string, cookies ...*http.Cookie) {
	b.t.Helper()
	b.client.Jar.SetCookies(b.parse(origin), cookies)
}

// Cookies returns what the browser would send to an address, by name.
func (b *Browser) Cookies(address string) map[string]string {
	b.t.Helper()
	held := map[string]string{}
	for _, cookie := range b.client.Jar.Cookies(b.parse(address)) {
		held[cookie.Name] = cookie.Value
	}
	return held
}

// CookieLine returns [Browser.Cookies] as a header line of a raw request.
func (b *Browser) CookieLine(address string) string {
	b.t.Helper()
	var pairs []string
	for _, cookie := range b.client.Jar.Cookies(b.parse(address)) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// Forget removes the cookies of an origin whose names begin with a prefix.
func (b *Browser) Forget(origin string, prefixes ...string) {
	b.t.Helper()
	for name := range b.Cookies(origin) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				b.SetCookies(origin, &http.Cookie{Name: name, Path: "/", MaxAge: -1})
			}
		}
	}
}

func (b *Browser) parse(address string) *url.URL {
	b.t.Helper()
	u, err := url.Parse(address)
	require.NoError(b.t, err)
	return u
}

// secureLocalhost is a jar that holds localhost for a secure place whatever the
// scheme, as browsers do: Secure cookies are kept and sent.
type secureLocalhost struct{ jar http.CookieJar }

func (s secureLocalhost) SetCookies(u *url.URL, cookies []*http.Cookie) {
	s.jar.SetCookies(s.secure(u), cookies)
}

func (s secureLocalhost) Cookies(u *url.URL) []*http.Cookie { return s.jar.Cookies(s.secure(u)) }

func (s secureLocalhost) secure(u *url.URL) *url.URL {
	if u.Hostname() != "localhost" {
		return u
	}
	secure := *u
	secure.Scheme = "https"
	return &secure
}

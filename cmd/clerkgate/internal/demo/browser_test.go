package demo

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// browser is a browser as far as the demo can tell: a cookie jar, and the
// headers that come with a navigation.
type browser struct {
	tb     testing.TB
	client *http.Client
	// trail is each answer since the last navigation began, such as "307 /".
	trail []string
}

// document is a page that the browser shows.
type document struct {
	status  int
	url     *url.URL
	header  http.Header
	root    *html.Node
	text    string         // what is to be read
	cookies []*http.Cookie // that came with this answer
}

func newBrowser(tb testing.TB) *browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(tb, err)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	tb.Cleanup(transport.CloseIdleConnections)
	b := &browser{tb: tb}
	b.client = &http.Client{Jar: localhostJar{jar}, Timeout: 10 * time.Second, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if r.Method == http.MethodPost {
			r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
		}
		res, err := transport.RoundTrip(r)
		if err == nil {
			b.trail = append(b.trail, fmt.Sprintf("%d %s", res.StatusCode, r.URL.Path))
		}
		return res, err
	})}
	return b
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// localhostJar treats localhost as browsers do: as a secure place, whatever the scheme.
type localhostJar struct{ *cookiejar.Jar }

func (j localhostJar) secure(u *url.URL) *url.URL {
	if u.Hostname() != "localhost" {
		return u
	}
	secure := *u
	secure.Scheme = "https"
	return &secure
}

func (j localhostJar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(j.secure(u), c) }

func (j localhostJar) Cookies(u *url.URL) []*http.Cookie { return j.Jar.Cookies(j.secure(u)) }

// open navigates to an address and follows redirects.
func (b *browser) open(address string) *document {
	b.tb.Helper()
	r, err := http.NewRequestWithContext(b.tb.Context(), http.MethodGet, address, nil)
	require.NoError(b.tb, err)
	return b.navigate(r)
}

func (b *browser) navigate(r *http.Request) *document {
	b.tb.Helper()
	b.trail = nil
	// People take longer than the two seconds for which a redirect counts.
	b.client.Jar.SetCookies(r.URL, []*http.Cookie{{Name: "__clerk_redirect_count", Path: "/", MaxAge: -1}})
	res, err := b.client.Do(r)
	require.NoError(b.tb, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(b.tb, err)
	require.NoError(b.tb, res.Body.Close())
	root, err := html.Parse(strings.NewReader(string(body)))
	require.NoError(b.tb, err)
	return &document{status: res.StatusCode, url: res.Request.URL, header: res.Header, root: root, text: textOf(root), cookies: res.Cookies()}
}

// click submits the form with a button that mentions label, or follows such a link.
func (b *browser) click(page *document, label string) *document {
	b.tb.Helper()
	for form := range page.elements("form") {
		for button := range elementsIn(form, "button") {
			if strings.Contains(textOf(button), label) {
				return b.submit(page, form, button)
			}
		}
	}
	for link := range page.elements("a") {
		if strings.Contains(textOf(link), label) {
			return b.open(b.resolve(page, attribute(link, "href")))
		}
	}
	b.tb.Fatalf("nothing to click says %q on %s:\n%s", label, page.url, page.text)
	return nil
}

func (b *browser) submit(page *document, form, button *html.Node) *document {
	b.tb.Helper()
	values := url.Values{}
	for input := range elementsIn(form, "input") {
		values.Add(attribute(input, "name"), attribute(input, "value"))
	}
	if name := attribute(button, "name"); name != "" {
		values.Add(name, attribute(button, "value"))
	}
	require.Equal(b.tb, "post", strings.ToLower(attribute(form, "method")))
	r, err := http.NewRequestWithContext(b.tb.Context(), http.MethodPost, b.resolve(page, attribute(form, "action")), strings.NewReader(values.Encode()))
	require.NoError(b.tb, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.navigate(r)
}

func (b *browser) resolve(page *document, reference string) string {
	b.tb.Helper()
	u, err := page.url.Parse(reference)
	require.NoError(b.tb, err)
	return u.String()
}

// identity is the text of #identity; "" when the page has none.
func (d *document) identity() string { return d.byID("identity") }

func (d *document) byID(id string) string {
	for n := range d.root.Descendants() {
		if attribute(n, "id") == id {
			return textOf(n)
		}
	}
	return ""
}

// cookieNames are the cookies that came with the page, sorted.
func (d *document) cookieNames() []string {
	names := make([]string, len(d.cookies))
	for i, c := range d.cookies {
		names[i] = c.Name
	}
	slices.Sort(names)
	return names
}

func (d *document) elements(tag string) func(func(*html.Node) bool) {
	return elementsIn(d.root, tag)
}

func elementsIn(root *html.Node, tag string) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for n := range root.Descendants() {
			if n.Type == html.ElementNode && n.Data == tag && !yield(n) {
				return
			}
		}
	}
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" && d.Parent.Data != "script" {
			text.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

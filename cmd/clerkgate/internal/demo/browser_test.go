package demo

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// browser is one that reads the pages it is shown, as a person at the demo does.
type browser struct {
	*kit.Browser
	tb testing.TB
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
	b := &browser{kit.NewBrowser(tb), tb}
	b.Header.Set("Sec-Fetch-Site", "same-origin")
	return b
}

// open navigates to an address and follows redirects.
func (b *browser) open(address string) *document {
	b.tb.Helper()
	b.rest(address)
	return b.read(b.Open(address))
}

// rest takes longer than the two seconds for which a redirect counts, as people do.
func (b *browser) rest(address string) {
	b.SetCookies(address, &http.Cookie{Name: "__clerk_redirect_count", Path: "/", MaxAge: -1})
}

func (b *browser) read(reply kit.Reply) *document {
	b.tb.Helper()
	root, err := html.Parse(strings.NewReader(reply.Text))
	require.NoError(b.tb, err)
	return &document{status: reply.StatusCode, url: reply.Request.URL, header: reply.Header, root: root, text: textOf(root), cookies: reply.Cookies()}
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
	address := b.resolve(page, attribute(form, "action"))
	b.rest(address)
	return b.read(b.Submit(address, values))
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

// attributeByID is an attribute of the element with an ID.
func (d *document) attributeByID(id, name string) string {
	for n := range d.root.Descendants() {
		if attribute(n, "id") == id {
			return attribute(n, name)
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

// Package page makes the pages that people see in clerkgate's own name: what the sidecar
// says in place of an application, and the middleware's few pages. They share one layout
// and one style sheet, follow the browser's light or dark scheme, and run no script.
//
// It does without html/template, which the binary of every application with the middleware
// would carry.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// Page is what a person is told. All texts are escaped.
type Page struct {
	// Title says in a few words what happened.
	Title string
	// Paragraphs say the rest. Empty ones are left out.
	Paragraphs []string
	// Actions are what a person can do, the most likely first.
	Actions []Action
	// Note is in small print, for those who are asked for help; it may be empty.
	Note string
}

// Action is a link or, with Post, a button that posts to the page's own address.
type Action struct {
	Label string
	// URL is where a link leads; "" is the page's own address. A link to anything but
	// http, https or a path is left out.
	URL    string
	NewTab bool
	Post   bool
}

//go:embed style.css
var style string

// styleHash is what the policy knows the style sheet by; a test compares them.
const styleHash = "sha256-ErfFVi0K8/biOlCDqJDnpmxd52fuIKKP8cvz1NvnCqA="

// Policy returns the content security policy of the page. A page with a button can't be
// framed, and has no form-action: Chromium applies that to the redirects that follow a
// form, which may lead to Clerk.
func (p *Page) Policy() string {
	const common = "default-src 'none'; style-src '" + styleHash + "'; base-uri 'none'; "
	for _, a := range p.Actions {
		if a.Post {
			return common + "frame-ancestors 'none'"
		}
	}
	return common + "form-action 'none'; frame-ancestors 'self'"
}

// HTML returns the page.
func (p *Page) HTML() string {
	var b strings.Builder
	title := html.EscapeString(p.Title)
	b.WriteString(head(title, style) + "<body>\n<main>\n<h1>" + title + "</h1>\n")
	for _, text := range p.Paragraphs {
		if text != "" {
			b.WriteString("<p>" + html.EscapeString(text) + "</p>\n")
		}
	}
	b.WriteString(p.actions())
	if p.Note != "" {
		b.WriteString("<p class=\"code\">" + html.EscapeString(p.Note) + "</p>\n")
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	return b.String()
}

func (p *Page) actions() string {
	var b strings.Builder
	for _, a := range p.Actions {
		label, tab := html.EscapeString(a.Label), ""
		if a.NewTab {
			tab = ` target="_blank" rel="noopener"`
		}
		switch {
		case a.Post:
			b.WriteString("<form method=\"post\"><button>" + label + "</button></form>\n")
		case isWeb(a.URL):
			b.WriteString("<a href=\"" + html.EscapeString(a.URL) + "\"" + tab + ">" + label + "</a>\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "<div class=\"next\">\n" + b.String() + "</div>\n"
}

// Document returns a page with a body of HTML that the caller has escaped, and its content
// security policy. extra is CSS behind the common style sheet.
func Document(title, extra, body string) (text []byte, policy string) {
	sheet := style + extra
	sum := sha256.Sum256([]byte(sheet))
	policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return []byte(head(html.EscapeString(title), sheet) + "<body>\n<main>\n" + body + "</main>\n</body>\n</html>\n"), policy
}

// head returns the beginning of a page with a title in HTML.
func head(title, sheet string) string {
	return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + title + "</title>\n<style>" + sheet + "</style>\n</head>\n"
}

// isWeb reports whether a browser that follows the link stays on the web: a colon before
// any slash, question mark or number sign ends a scheme, of which javascript is one.
func isWeb(link string) bool {
	scheme, _, ok := strings.Cut(link, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return true
	}
	return strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")
}

// Write answers with the page, which no cache may store. A HEAD request gets the header
// alone.
func (p *Page) Write(w http.ResponseWriter, r *http.Request, status int) {
	Write(w, r, status, []byte(p.HTML()), p.Policy())
}

// Write answers with a page that was made elsewhere.
func Write(w http.ResponseWriter, r *http.Request, status int, body []byte, policy string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// The client may have gone; there is nobody left to tell.
		_, _ = w.Write(body)
	}
}

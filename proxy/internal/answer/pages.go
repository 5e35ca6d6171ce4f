package answer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/clerkgate/clerkgate/internal/navigation"
	"github.com/clerkgate/clerkgate/internal/page"
)

// Page is the content of a page. Templates are executed with it. Only SignInURL repeats
// anything from the request: the page to return to.
type Page struct {
	// Status is the HTTP status, such as 403.
	Status int
	// Title says in a few words what happened, Message in a sentence or two. Both are
	// set on every page.
	Title, Message string
	// Advice says what to do next; it may be empty.
	Advice string
	// Code is the error's code, as programs get it, such as authorization_invalid.
	Code string
	// Reason is Clerk's reason for a request that is not signed in, such as
	// session-token-expired; it may be empty.
	Reason string
	// SignInURL is where to sign in; empty if that would not help.
	SignInURL string
	// Causes say why signing in went wrong, and what to do, for the developer: with
	// development keys alone.
	Causes []string
	// Form reports that the browser sent something that was not accepted, such as a form.
	// Opening the address again would not send it again.
	Form bool
	// Since is the time of day since when the sign-in service is down, such as 14:05 UTC; it
	// may be empty.
	Since string
	// Reload reports that the browser opens the same address again by itself.
	Reload bool
	// Retry reports that opening the same address again may help.
	Retry bool
}

// maxPage bounds a page, in bytes. A response to a gateway has the same limit.
const maxPage = 64 << 10

// ownPolicy is the content security policy of a page made from a template. It allows no
// scripts, but styles of its own, and images and fonts from its origin.
const ownPolicy = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

// Pages writes clerkgate's own responses. It is safe for concurrent use. A nil *Pages always
// sends JSON.
type Pages struct {
	own    atomic.Pointer[Templates]
	words  map[string]words
	logger *slog.Logger
}

// NewPages returns Pages that use own, which may be nil, and the standard page for statuses
// that own has no template for. The logger gets errors of templates.
func NewPages(own *Templates, logger *slog.Logger) *Pages {
	p := &Pages{words: allWords(), logger: logger}
	p.own.Store(own)
	return p
}

// Use replaces the templates.
func (p *Pages) Use(own *Templates) { p.own.Store(own) }

// Wanted reports whether a person would see the response to r, so that it should be a page.
func (p *Pages) Wanted(r *http.Request) bool { return p != nil && navigation.IsDocument(r.Header) }

// Refuse responds with a page to people, and with JSON in Clerk's error format to programs.
// It keeps what is in the header already, such as fresh cookies.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if !p.Wanted(r) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Del("Content-Length")
		RefuseJSON(w, status, code, message)
		return
	}
	p.Show(w, r, Page{Status: status, Code: code, Message: message})
}

// Show responds with a page. Status, Code and Message must be set. The words for the code,
// if there are any, replace the message and fill the other fields.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request, told Page) {
	Refused(w, told.Code)
	told.Form = r.Method != http.MethodGet && r.Method != http.MethodHead
	p.words[told.Code].complete(&told)
	body, policy := p.render(r.Context(), &told)
	page.Write(w, r, told.Status, body, policy)
}

// render returns a page and the policy for it. If a template fails, the standard page takes
// its place.
func (p *Pages) render(ctx context.Context, told *Page) (body []byte, policy string) {
	var b bounded
	if own := p.own.Load().of(told.Status); own != nil {
		err := own.Execute(&b, told)
		if err == nil {
			return b.Bytes(), ownPolicy
		}
		p.logger.LogAttrs(ctx, slog.LevelError, "page template failed; the standard page is shown instead",
			slog.String("template", own.Name()), slog.String("error", err.Error()))
	}
	standard := told.standard()
	return []byte(standard.HTML()), standard.Policy()
}

// outage says since when the sign-in service is down, and what the browser does.
func (p *Page) outage() (text string) {
	if p.Since != "" {
		text = "It has been so since " + p.Since + ". "
	}
	if p.Reload {
		text += "This page reloads itself."
	}
	return strings.TrimSpace(text)
}

// standard returns clerkgate's own page.
func (p *Page) standard() *page.Page {
	own := &page.Page{Title: p.Title, Paragraphs: []string{p.Message, p.outage(), p.Advice}, Note: "Error " + strconv.Itoa(p.Status) + ": " + p.Code}
	for _, cause := range p.Causes {
		own.Paragraphs = append(own.Paragraphs, "For the developer: "+cause)
	}
	if p.Reason != "" {
		own.Note += " (" + p.Reason + ")"
	}
	switch {
	case p.SignInURL == "":
	case p.Form:
		own.Actions = append(own.Actions, page.Action{Label: "Sign in in a new tab", URL: p.SignInURL, NewTab: true})
	default:
		own.Actions = append(own.Actions, page.Action{Label: "Sign in", URL: p.SignInURL})
	}
	if p.Retry {
		own.Actions = append(own.Actions, page.Action{Label: "Try again"})
	}
	return own
}

// bounded is a buffer that holds at most [maxPage] bytes.
type bounded struct{ bytes.Buffer }

var errTooLong = errors.New("the page is longer than " + strconv.Itoa(maxPage) + " bytes")

func (b *bounded) Write(text []byte) (int, error) {
	if b.Len()+len(text) > maxPage {
		return 0, errTooLong
	}
	return b.Buffer.Write(text)
}

package answer

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Page is what a person is told. Templates are executed with it. Nothing in it repeats
// what the request said but SignInURL, which names the page to come back to.
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
	// SignInURL is where to sign in; empty where that would not help.
	SignInURL string
	// Form reports that the browser sent something, and that it was not accepted:
	// opening the address again would not send it again.
	Form bool
	// Retry reports that opening the same address again may help.
	Retry bool
}

// maxPage bounds a page, in bytes: a gateway's answer takes no more.
const maxPage = 64 << 10

// Policies for the content of a page. No script runs on any of them. The standard page
// has one style sheet, which is named by its hash; a page of a folder may have its own
// styles, and images and fonts of its origin.
const (
	standardPolicy = "default-src 'none'; style-src 'sha256-%'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
	ownPolicy      = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)

//go:embed page.html
var standardPage string

// Pages answers in clerkgate's own name. It is safe for concurrent use. A nil *Pages
// answers everybody with JSON.
type Pages struct {
	own      atomic.Pointer[Templates]
	standard *template.Template
	policy   string // of standard
	words    map[string]words
	logger   *slog.Logger
}

// NewPages returns Pages that use own, or the standard page where own has none; nil has
// none at all. The logger is told when a template fails.
func NewPages(own *Templates, logger *slog.Logger) *Pages {
	_, style, _ := strings.Cut(standardPage, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	p := &Pages{
		standard: template.Must(template.New("standard page").Parse(standardPage)),
		policy:   strings.Replace(standardPolicy, "%", base64.StdEncoding.EncodeToString(sum[:]), 1),
		words:    allWords(),
		logger:   logger,
	}
	p.own.Store(own)
	return p
}

// Use puts other templates in place of the present ones.
func (p *Pages) Use(own *Templates) { p.own.Store(own) }

// Wanted reports whether a person would see the answer to r, so that it should be a page.
func (p *Pages) Wanted(r *http.Request) bool { return p != nil && navigation.IsDocument(r.Header) }

// Refuse answers with a page for people, and with Clerk's error shape for programs. It
// leaves what is in the header already, such as fresh cookies.
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

// Show answers with a page, whoever asked. Status, Code and Message must be set; the
// words for the code stand in place of the message, where there are any, and fill the
// rest.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request, page Page) {
	page.Form = r.Method != http.MethodGet && r.Method != http.MethodHead
	p.words[page.Code].complete(&page)
	body, policy := p.render(r.Context(), &page)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(page.Status)
	if r.Method != http.MethodHead {
		// The client may have gone; there is nobody left to tell.
		_, _ = w.Write(body)
	}
}

// render returns a page and the policy for it. A template of a folder that fails is
// replaced by the standard page.
func (p *Pages) render(ctx context.Context, page *Page) (body []byte, policy string) {
	var b bounded
	if own := p.own.Load().of(page.Status); own != nil {
		err := own.Execute(&b, page)
		if err == nil {
			return b.Bytes(), ownPolicy
		}
		p.logger.LogAttrs(ctx, slog.LevelError, "page template failed; the standard page stands in for it",
			slog.String("template", own.Name()), slog.String("error", err.Error()))
		b.Reset()
	}
	_ = p.standard.Execute(&b, page) // a template without conditions that could fail
	return b.Bytes(), p.policy
}

// bounded is a buffer that takes [maxPage] bytes.
type bounded struct{ bytes.Buffer }

var errTooLong = errors.New("the page is longer than " + strconv.Itoa(maxPage) + " bytes")

func (b *bounded) Write(text []byte) (int, error) {
	if b.Len()+len(text) > maxPage {
		return 0, errTooLong
	}
	return b.Buffer.Write(text)
}

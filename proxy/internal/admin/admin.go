package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

const (
	// maxBody bounds the body of a request.
	maxBody = 64 << 10
	// bodyTimeout bounds the time until it has arrived.
	bodyTimeout = 10 * time.Second
)

// Page is one page. Its path may have wildcards, as patterns of [http.ServeMux] have.
type Page struct {
	Method string // GET, which includes HEAD, or POST for what changes something
	Path   string // such as /-/streams
	About  string // what it is, for people: a few words
	// Handler answers. It gets a request that is allowed, with a body that has arrived. nil
	// means that the page is only listed, because the server answers it itself.
	Handler http.Handler
}

// Options configure the handler.
type Options struct {
	// Pages are listed in this order.
	Pages []Page
	// Overview is what the pages about the server as a whole show; nil leaves them out.
	Overview *Overview
	// Token is the bearer token that requests must have; "" means that none counts.
	Token string
	// ClientCertificates accepts requests over TLS with a client certificate that the
	// listener has verified.
	ClientCertificates bool
	// Acted is called for each request that is no GET, before its page; nil is not called.
	Acted func(*http.Request)
	// Logger is told of each request that is no GET; nil is silent.
	Logger *slog.Logger
}

// New returns a handler for the pages and for /-/, which lists them: for programs in JSON, and
// for people on a page with the overview.
func New(o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	if o.Overview != nil {
		o.Pages = append(o.Overview.pages(), o.Pages...)
	}
	listed := list(o.Pages)
	if o.Overview != nil {
		listed = either(newPeople(o.Overview, o.Pages), listed)
	}
	mux.Handle("GET /-/{$}", listed)
	for _, p := range o.Pages {
		switch {
		case p.Handler == nil:
		case p.Method == http.MethodGet:
			mux.Handle("GET "+p.Path, p.Handler)
		default:
			mux.Handle(p.Method+" "+p.Path, &action{Page: p, logger: o.Logger, acted: o.Acted})
		}
	}
	return newGate(&o, mux)
}

// either answers people by one handler, and programs by another.
func either(people, programs http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if wantsHTML(r) {
			people.ServeHTTP(w, r)
			return
		}
		programs.ServeHTTP(w, r)
	})
}

// list answers with a line for each page.
func list(pages []Page) http.Handler {
	type line struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		About  string `json:"about"`
	}
	lines := []line{{http.MethodGet, "/-/", "this list"}}
	for _, p := range pages {
		lines = append(lines, line{p.Method, p.Path, p.About})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, struct {
			Pages []line `json:"pages"`
		}{lines})
	})
}

// WriteJSON responds with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // the client may have gone
}

// action is a page that changes something.
type action struct {
	Page
	logger *slog.Logger
	acted  func(*http.Request)
}

func (a *action) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isOfBrowser(r.Header) {
		answer.RefuseJSON(w, http.StatusForbidden, "cross_site", "A page in a browser cannot do this.")
		return
	}
	if !readBody(w, r) {
		return
	}
	a.logger.InfoContext(r.Context(), "admin action", "method", a.Method, "path", a.Path, "remote", r.RemoteAddr)
	if a.acted != nil {
		a.acted(r)
	}
	a.Handler.ServeHTTP(w, r)
}

// readBody replaces the body by one that has arrived, or responds.
func readBody(w http.ResponseWriter, r *http.Request) bool {
	control := http.NewResponseController(w)
	// Without a deadline to set, the server's own limits have to do.
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	// The end of a deadline would end the context of a page that takes its time.
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		answer.RefuseJSON(w, http.StatusRequestEntityTooLarge, "body_too_large", "The body is too large.")
	case err != nil:
		answer.RefuseJSON(w, http.StatusBadRequest, "body_incomplete", "The body did not arrive.")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil
}

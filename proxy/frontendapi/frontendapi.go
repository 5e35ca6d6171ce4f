// Package frontendapi serves Clerk's Frontend API under a path of a Go application, such
// as /__clerk, so that browsers need no other host to sign in. It does for an application
// with the middleware what CLERK_PROXY_URL does for the sidecar.
//
//	opts, err := middleware.OptionsFromEnv(os.LookupEnv) // with CLERK_PROXY_URL=/__clerk
//	…
//	auth, err := middleware.New(opts)
//	…
//	clerk, err := frontendapi.New(frontendapi.Options{Auth: opts})
//	…
//	http.ListenAndServe(":3000", clerk.Handler(auth.Handler(mux)))
//
// The path must not be behind the middleware's Handler, which would send browsers away
// from it to Clerk, nor behind anything that asks for a session: people sign in there.
package frontendapi

import (
	"log/slog"
	"net/http"
	"net/url"

	"github.com/clerkgate/clerkgate/internal/clerkenv"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
)

// Options configures an [API].
type Options struct {
	// Auth are the options of the application's Authenticator. Its ProxyURL, a path of the
	// application or an absolute URL with a path, is where the API is served, and required;
	// PublishableKey, SecretKey, TrustedProxies and Logger count too.
	Auth middleware.Options
	// Origin is where the Frontend API is reached from here; "" means Clerk's host for
	// the publishable key. It is for tests and for a local Clerk.
	Origin string
	// Transport carries the requests; nil means a transport of its own. It must not follow
	// redirects, and [API.Close] closes its idle connections.
	Transport http.RoundTripper
}

// API serves the Frontend API. It is safe for concurrent use.
type API struct {
	api     *frontend.API
	origins *origin.Resolver
	pages   *answer.Pages
	logger  *slog.Logger
}

// New checks opts and returns an API. All problems come in one
// [*middleware.OptionsError]. No network call is made.
func New(opts Options) (*API, error) {
	target, problems := opts.check()
	if len(problems) > 0 {
		return nil, &middleware.OptionsError{Problems: problems}
	}
	a := &API{origins: origin.New(opts.Auth.TrustedProxies), logger: opts.Auth.Logger}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	a.pages = answer.NewPages(nil, a.logger)
	a.api = frontend.New(frontend.Options{
		Path: frontend.PathOf(opts.Auth.ProxyURL), ProxyURL: opts.Auth.ProxyURL, Origin: target, SecretKey: opts.Auth.SecretKey,
		Transport: opts.Transport, Origins: a.origins, Pages: a.pages,
	})
	return a, nil
}

// check returns where the Frontend API is reached, or what is wrong.
func (o *Options) check() (target *url.URL, problems []middleware.Problem) {
	const wantPath = "a path of the application such as /__clerk, or an absolute URL with one"
	target = frontend.OriginOf(o.Auth.PublishableKey)
	if err := clerkenv.CheckPublishableKey(o.Auth.PublishableKey); err != nil {
		problems = append(problems, problem.At("PublishableKey", err))
	}
	if err := clerkenv.CheckSecretKey(o.Auth.SecretKey); err != nil {
		problems = append(problems, problem.At("SecretKey", err))
	}
	switch proxyURL, err := clerkenv.ProxyURL(o.Auth.ProxyURL); {
	case o.Auth.ProxyURL == "":
		problems = append(problems, middleware.Problem{Where: "ProxyURL", Found: "nothing", Want: wantPath})
	case err != nil:
		problems = append(problems, problem.At("ProxyURL", err))
	case frontend.PathOf(proxyURL) == "":
		problems = append(problems, middleware.Problem{Where: "ProxyURL", Found: problem.QuoteURL(proxyURL) + ", without a path", Want: wantPath})
	}
	if o.Origin != "" {
		var err error
		if target, err = clerkenv.Origin(o.Origin); err != nil {
			problems = append(problems, problem.At("Origin", err))
		}
	}
	return target, problems
}

// Handler serves the Frontend API, and hands every other request to next. Where Clerk
// can't be reached, or there is nothing at the address, people get a page, and programs
// JSON.
func (a *API) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		public := a.origins.Public(r)
		path, ok := urlpath.Canonical(r.URL)
		switch {
		case ok && a.api.Serves(public, path):
			a.serve(w, withPath(r, path), public)
		case !ok && a.api.Serves(public, r.URL.EscapedPath()):
			a.pages.Refuse(w, r, http.StatusBadRequest, "ambiguous_path", "The path can be read in more than one way.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, public *origin.Public) {
	var outcome answer.Outcome
	a.api.Serve(w, r, public, &outcome)
	if outcome.Err != nil {
		a.logger.WarnContext(r.Context(), "a request to the Frontend API failed", "error", outcome.Err)
	}
}

// withPath returns r with a canonical path. An absolute-form target names a host, which
// net/http has put into r.Host.
func withPath(r *http.Request, path string) *http.Request {
	clone, u := *r, url.URL{RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	urlpath.Set(&u, path)
	clone.URL = &u
	return &clone
}

// Close closes idle connections.
func (a *API) Close() { a.api.Close() }

package crossorigin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// CORSOptions say which pages of other origins may read responses.
type CORSOptions struct {
	// Origins are exact ("https://app.example.com", with a port unless it is the
	// scheme's default), one label below a domain ("https://*.example.com"), or "*" for
	// any, which excludes Credentials. "null" is never allowed. Required.
	Origins []string
	// Methods that a page may use, in upper case. Empty means GET, HEAD and POST. The
	// list decides preflights: a simple GET, HEAD or POST has none, so that its
	// response can be read even if the method is not listed.
	Methods []string
	// Headers that a page may send in addition to the CORS-safelisted ones; "*" means
	// any. Empty means Accept, Content-Type and X-Requested-With. A page that sends
	// Authorization needs it listed here.
	Headers []string
	// Expose lists response headers that a page may read in addition to the
	// CORS-safelisted ones.
	Expose []string
	// Credentials allows requests with cookies.
	Credentials bool
	// MaxAge is how long browsers may cache a preflight, in whole seconds. 0
	// leaves it to them (5 s); negative is an error.
	MaxAge time.Duration
}

// CORS is the cross-origin policy of a route. It is immutable, and safe for concurrent
// use.
type CORS struct {
	origins origins
	policy  *cors.Cors
}

// NewCORS returns the policy for the options. The error lists everything that is wrong
// with them, and what to write instead.
func NewCORS(o CORSOptions) (*CORS, error) {
	list, err := parsePatterns(o.Origins)
	problems := []error{err}
	if len(o.Origins) == 0 {
		problems = append(problems, errors.New("no origins: name at least one"))
	}
	if list.any && o.Credentials {
		problems = append(problems, errors.New(`origin "*" with credentials would hand every site the user's data: name the origins`))
	}
	if o.MaxAge < 0 {
		problems = append(problems, errors.New("max age is negative"))
	}
	for _, m := range o.Methods {
		if !wire.IsToken(m) || m == "*" || m != strings.ToUpper(m) {
			problems = append(problems, fmt.Errorf("method %q: name each method in upper case, such as PUT", m))
		}
	}
	problems = append(problems, checkNames("header", o.Headers, true), checkNames("exposed header", o.Expose, !o.Credentials))
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("CORS: %w", err)
	}
	c := &CORS{origins: list}
	c.policy = cors.New(cors.Options{
		AllowOriginVaryRequestFunc: func(r *http.Request, _ string) (bool, []string) {
			from, ok := sender(r.Header["Origin"])
			return ok && from.known && c.origins.has(from.origin), nil
		},
		AllowedMethods:   o.Methods,
		AllowedHeaders:   o.Headers,
		ExposedHeaders:   o.Expose,
		AllowCredentials: o.Credentials,
		MaxAge:           int(o.MaxAge / time.Second),
	})
	return c, nil
}

// Handler returns a handler that responds to preflights (OPTIONS with Origin and
// Access-Control-Request-Method) with 204, and passes all other requests to next. The
// responses of next get the headers of this policy if the request's origin is allowed,
// and Vary: Origin in any case. For "*" the header names the request's origin, which
// has the same effect.
func (c *CORS) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPreflight(r) {
			c.policy.HandlerFunc(w, r)
			return
		}
		cw := &responseWriter{ResponseWriter: w}
		if from := r.Header["Origin"]; len(from) > 0 {
			// For a method that is not listed, the policy would set no headers, and a
			// page could not tell the refusal from a network error. For a plain OPTIONS
			// request it checks only the origin.
			cw.policy = headerOnly{}
			c.policy.HandlerFunc(cw.policy, &http.Request{Method: http.MethodOptions, Header: http.Header{"Origin": from}})
		}
		next.ServeHTTP(cw, r)
		cw.apply() // next may have written nothing; net/http then writes the header
	})
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) == 1 &&
		len(r.Header["Access-Control-Request-Method"]) == 1 && r.Header.Get("Access-Control-Request-Method") != ""
}

// headerOnly is a ResponseWriter that collects the headers of the policy.
type headerOnly http.Header

func (h headerOnly) Header() http.Header       { return http.Header(h) }
func (headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (headerOnly) WriteHeader(int)             {}

func checkNames(what string, names []string, anyName bool) error {
	var problems []error
	for _, n := range names {
		if !wire.IsToken(n) || n == "*" && !anyName {
			problems = append(problems, fmt.Errorf("%s %q: write a header name, such as X-Request-Id", what, n))
		}
	}
	return errors.Join(problems...)
}

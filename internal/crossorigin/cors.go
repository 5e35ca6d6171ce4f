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

// CORSOptions say which pages may read answers.
type CORSOptions struct {
	// Origins are exact ("https://app.example.com", with a port if it is not the
	// scheme's own), one label below a domain ("https://*.example.com"), or "*" for
	// any, which excludes Credentials. "null" is never allowed. Required.
	Origins []string
	// Methods a page may use, in upper case. None means GET, HEAD and POST. They
	// are what a preflight is answered by; a simple request by another of these
	// three has no preflight, and its answer can be read all the same.
	Methods []string
	// Headers a page may send beyond the harmless ones; "*" is any. None means
	// Accept, Content-Type and X-Requested-With. A page that sends
	// Authorization needs it named here.
	Headers []string
	// Expose are response headers that a page may read beyond the harmless ones.
	Expose []string
	// Credentials lets cookies go along. False is no.
	Credentials bool
	// MaxAge is how long browsers may remember a preflight, in whole seconds. 0
	// leaves it to them (5 s); negative is an error.
	MaxAge time.Duration
}

// CORS is the cross-origin policy of a route. It never changes; any number of
// goroutines may use it.
type CORS struct {
	origins origins
	policy  *cors.Cors
}

// NewCORS checks the options. All problems come in one error, each with what to
// write instead.
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

// Handler answers true preflights (OPTIONS with Origin and
// Access-Control-Request-Method) itself, with 204, and next never sees them.
// Every other answer of next gets the headers of this policy: those for the
// request's origin if it is listed, none if it is not, and Vary: Origin in both
// cases. A "*" is answered with the origin that asks, which means the same.
func (c *CORS) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPreflight(r) {
			c.policy.HandlerFunc(w, r)
			return
		}
		cw := &responseWriter{ResponseWriter: w}
		if from := r.Header["Origin"]; len(from) > 0 {
			// The policy would leave an answer to a method that is not listed bare,
			// and a page could not tell that refusal from a broken network. For a
			// plain OPTIONS it asks for the origin alone.
			cw.policy = headerOnly{}
			c.policy.HandlerFunc(cw.policy, &http.Request{Method: http.MethodOptions, Header: http.Header{"Origin": from}})
		}
		next.ServeHTTP(cw, r)
		cw.apply() // net/http writes the header of an answer that wrote nothing
	})
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) == 1 &&
		len(r.Header["Access-Control-Request-Method"]) == 1 && r.Header.Get("Access-Control-Request-Method") != ""
}

// headerOnly collects what the policy says of a request.
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

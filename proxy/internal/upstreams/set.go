package upstreams

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Options say how a [Set] sends requests.
type Options struct {
	// Former is the set that this one replaces. Applications that are configured as they
	// were keep their connections. Nil for the first.
	Former *Set
	// Direct sends requests to HTTP/1.1 applications in the goroutine of the request, by
	// package http1, rather than by net/http's transport.
	Direct bool
	// Transport sends the requests to every application; nil means a transport for each.
	Transport http.RoundTripper
	// Watch says which applications are waited for. Required.
	Watch *Watch
	// Pages answer in place of an application that fails. Required.
	Pages *answer.Pages
	// Logger and Now are required.
	Logger *slog.Logger
	Now    func() time.Time
}

// Set is the applications of one configuration by name; "" is that of the environment. It
// is immutable.
type Set struct {
	settings map[string]routes.Upstream
	made     map[string]*forward.Upstream
}

// Error says which application could not be made.
type Error struct {
	Name     string
	Upstream routes.Upstream
	Err      error
}

// Error returns the name and the cause.
func (e *Error) Error() string { return fmt.Sprintf("upstream %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns the set of the applications in settings. It makes no network call. The error
// is an [*Error].
func New(settings map[string]routes.Upstream, opts Options) (*Set, error) {
	s := &Set{settings: settings, made: make(map[string]*forward.Upstream, len(settings))}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		up := settings[name]
		// A transport reads its CA file only once, so a new set needs another one.
		if kept := opts.Former.Get(name); kept != nil && up.CAFile == "" && opts.Former.settings[name] == up {
			s.made[name] = kept
			continue
		}
		application, err := newUpstream(up, &opts)
		if err != nil {
			s.Retire(opts.Former)
			return nil, &Error{Name: name, Upstream: up, Err: err}
		}
		s.made[name] = application
	}
	return s, nil
}

func newUpstream(up routes.Upstream, opts *Options) (*forward.Upstream, error) {
	target, err := url.Parse(up.URL)
	if err != nil {
		return nil, err
	}
	protocols, err := up.Protocol.Versions(target.Scheme == "https")
	if err != nil {
		return nil, err
	}
	return forward.New(forward.Options{
		Target: target, Protocols: protocols, Direct: opts.Direct,
		CAFile: up.CAFile, CertificateFile: up.CertificateFile, KeyFile: up.KeyFile, ServerName: up.ServerName,
		ConnectTimeout: up.ConnectTimeout, ResponseTimeout: up.ResponseTimeout, BodyIdleTimeout: up.BodyIdleTimeout,
		IdleTimeout: up.IdleTimeout, MaxConnectionAge: up.MaxConnectionAge,
		Starting:  opts.Watch.starting(up.URL),
		Transport: opts.Transport, Now: opts.Now, Logger: opts.Logger, Pages: opts.Pages,
	})
}

// Get returns the application of that name, or nil if there is none, as in a nil Set.
func (s *Set) Get(name string) *forward.Upstream {
	if s == nil {
		return nil
	}
	return s.made[name]
}

// HostHeader returns the Host header for the application of that name; "" keeps the client's.
func (s *Set) HostHeader(name string) string {
	up := s.settings[name]
	return up.HostHeader()
}

// URLs returns where the applications are, each URL once, in order.
func URLs(settings map[string]routes.Upstream) []string {
	urls := make([]string, 0, len(settings))
	for _, up := range settings {
		urls = append(urls, up.URL)
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// Retire closes the idle connections of applications that next does not have; nil means
// that there is no next. Requests in flight keep theirs.
func (s *Set) Retire(next *Set) {
	for name, u := range s.made {
		if next.Get(name) != u {
			u.Close()
		}
	}
}

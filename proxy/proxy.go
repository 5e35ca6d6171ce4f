package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
)

// Deps is what a [Proxy] needs from its surroundings. The zero value works.
type Deps struct {
	// Logger gets one line for each request at level info; nil is silent.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Transport carries requests to the upstream; nil means a transport of its own.
	Transport http.RoundTripper
	// FrontendTransport carries requests to the Frontend API; nil means a
	// transport of its own. Redirects must not be followed by it.
	FrontendTransport http.RoundTripper
}

// Proxy is the sidecar as an [http.Handler]. It is safe for concurrent use. Close
// it when no request is in flight any more.
type Proxy struct {
	auth     *middleware.Authenticator
	app      http.Handler // judges and passes on
	frontend *frontend    // nil when the Frontend API is not served here
	upstream *upstream
	logger   *slog.Logger
	now      func() time.Time
	// strictPaths says that the policy looks at paths, so that each must have one
	// form only.
	strictPaths bool
}

// New makes a Proxy. Problems come as a [*ConfigError]. No network call is made.
func New(cfg Config, deps Deps) (*Proxy, error) {
	rules, problems := checkConfig(cfg)
	if len(problems) > 0 {
		return nil, &ConfigError{Problems: problems}
	}
	p := &Proxy{logger: deps.Logger, now: deps.Now, strictPaths: len(rules) > 0}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}

	opts := cfg.Auth
	opts.Now, opts.Logger, opts.Observer = p.now, p.logger, observer(opts.Observer)
	auth, err := middleware.New(opts)
	if err != nil {
		return nil, translated(err)
	}
	origins := origin.New(cfg.Auth.TrustedProxies)
	p.auth = auth
	p.upstream = newUpstream(cfg, deps.Transport, origins, auth.CookieSuffix())
	p.app = auth.Handler(p.policy(cfg.Policy, rules))
	if servesFrontend(cfg.Auth.ProxyURL) {
		p.frontend = newFrontend(cfg, deps.FrontendTransport, origins)
	}
	return p, nil
}

// checkConfig finds what a Config made by hand may lack.
func checkConfig(cfg Config) (rules []pathRule, problems []Problem) {
	if cfg.Upstream == nil || !isUnix(cfg.Upstream) && (!isHTTP(cfg.Upstream) || !isOrigin(cfg.Upstream)) {
		problems = append(problems, Problem{envUpstream, "", "an http or https URL without a path, or unix:/path/to.sock"})
	}
	if cfg.FrontendAPI != nil && (!isHTTP(cfg.FrontendAPI) || !isOrigin(cfg.FrontendAPI)) {
		problems = append(problems, Problem{envFAPIURL, "", "an http or https origin"})
	}
	if cfg.Policy != "" && cfg.Policy != PolicyRequired && cfg.Policy != PolicyOptional {
		problems = append(problems, Problem{envPolicy, quote(string(cfg.Policy)), "required or optional"})
	}
	for _, item := range cfg.PublicPaths {
		rule, ok := parsePathRule(item)
		if !ok {
			problems = append(problems, Problem{envPublicPaths, quote(item), "a path, or a prefix that ends in /*"})
		}
		rules = append(rules, rule)
	}
	if servesFrontend(cfg.Auth.ProxyURL) && cfg.Auth.SecretKey == "" {
		problems = append(problems, Problem{envSecretKey, "nothing", "the secret key, because " + envProxyURL + " needs it"})
	}
	return rules, problems
}

// translated turns the middleware's error into one that speaks of variables.
func translated(err error) error {
	var invalid *middleware.OptionsError
	if !errors.As(err, &invalid) {
		return err
	}
	problems := make([]Problem, len(invalid.Problems))
	for i, p := range invalid.Problems {
		name, ok := fieldVariables()[p.Field]
		if !ok {
			name = p.Field
		}
		problems[i] = Problem{Variable: name, Expected: expectation(p.Message)}
	}
	return &ConfigError{Problems: problems}
}

// Close releases what New made: background work and idle connections.
func (p *Proxy) Close() {
	p.auth.Close()
	p.upstream.close()
	if p.frontend != nil {
		p.frontend.close()
	}
}

// Ready returns nil once requests can be judged.
func (p *Proxy) Ready(ctx context.Context) error { return p.auth.Ready(ctx) }

// ServeHTTP judges the request and passes it on, or answers it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		// A tunnel through a proxy for one application is an attack (CVE-2026-71324);
		// what follows on the connection must not be read as a request.
		w.Header().Set("Connection", "close")
		refuse(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "This server is no tunnel.")
		return
	}
	path, ok := canonicalPath(r.URL)
	if !ok && p.needsCanonicalPath(r) {
		p.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.Int("status", http.StatusBadRequest),
			slog.String("method", r.Method), slog.String("error", "ambiguous path"))
		refuse(w, r, http.StatusBadRequest, "ambiguous_path",
			"The path of this address can be read in more than one way: it has dot segments, empty segments, or an encoded slash, dot or control character.")
		return
	}
	r = withoutClaims(r)
	next, isFrontend := p.app, ok && p.frontend != nil && p.frontend.serves(r, path)
	if isFrontend {
		next = p.frontend
	}
	if isFrontend || p.strictPaths {
		r = withPath(r, path)
	} else {
		path = r.URL.EscapedPath()
	}
	p.logged(w, r, path, next)
}

// needsCanonicalPath says whether anything is decided by the path of r: the public
// paths, or whether it is the Frontend API's. Otherwise every path is treated
// alike, so that the upstream may get it as it came.
func (p *Proxy) needsCanonicalPath(r *http.Request) bool {
	return p.strictPaths || !strings.HasPrefix(r.URL.EscapedPath(), "/") || p.frontend != nil && p.frontend.serves(r, r.URL.EscapedPath())
}

// policy stands behind the middleware's Handler: it decides whether a request
// needs somebody to be signed in. No rule looks at anything but the path.
func (p *Proxy) policy(policy Policy, public []pathRule) http.Handler {
	if policy == PolicyOptional {
		return p.upstream
	}
	required := middleware.Require(middleware.Requirement{})(p.upstream)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		for _, rule := range public {
			if rule.matches(path) {
				p.upstream.ServeHTTP(w, r)
				return
			}
		}
		required.ServeHTTP(w, r)
	})
}

package clerktest

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Clerk's cookie suffix is defined by SHA-1; nothing secret depends on it
	"encoding/base64"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	developmentHost  = "mock-emulator-13.clerk.accounts.dev"
	productionHost   = "clerk.example.com"
	productionDomain = "example.com"
)

// Options shape a [Clerk]. The zero value is a development instance with the sample users.
type Options struct {
	// Production makes a production instance (pk_live_ for clerk.example.com): no dev browser, handshake payload in
	// a cookie. False is a development instance (pk_test_ for mock-emulator-13.clerk.accounts.dev).
	Production bool
	// TokenLifetime is how long a session token lives, in whole seconds (rounded up). 0 means 60 s.
	TokenLifetime time.Duration
	// Now is the source of time. Nil means time.Now. Whatever [Clerk.Advance] adds comes on top.
	Now func() time.Time
	// Users are the people who can sign in. Nil means [SampleUsers]. A missing ID is made up.
	Users []User
	// Logger gets one debug line per call, without queries, headers or bodies. Nil is silent.
	Logger *slog.Logger
	// AppName is shown on the sign-in page. Empty means "Local app".
	AppName string
	// AllowedOrigins are further origins ("https://app.example.test") that a handshake or a sign-in may return to
	// and that may call the Frontend API. Without it: the origin of a Clerk-Proxy-Url, in development any loopback
	// host, in production https on example.com and its sub-domains.
	AllowedOrigins []string
	// SigningKey is the first key that session tokens are signed with. Nil means a fresh one, made at first use
	// (about 100 ms); tests that start many instances can share one.
	SigningKey *rsa.PrivateKey
}

// Clerk is one instance of Clerk: an [http.Handler] with its state. Make one with [New]. All methods are safe for
// concurrent use.
type Clerk struct {
	production     bool
	lifetime       time.Duration
	appName        string
	allowedOrigins []string
	host           string
	publishableKey string
	secretKey      string
	suffix         string
	users          []User

	log    *slog.Logger
	mux    *http.ServeMux
	pages  *template.Template
	clock  clock
	keys   keyring
	faults faultList
	calls  callLog

	mu    sync.Mutex
	state *state
}

// New makes an instance without a listener; serve [Clerk.Handler] or use [NewServer].
func New(opts Options) *Clerk {
	c := &Clerk{
		production:     opts.Production,
		lifetime:       wholeSeconds(cmp.Or(opts.TokenLifetime, time.Minute)),
		appName:        cmp.Or(opts.AppName, "Local app"),
		allowedOrigins: append([]string(nil), opts.AllowedOrigins...),
		users:          prepareUsers(opts.Users),
		log:            opts.Logger,
		pages:          parsePages(),
		clock:          clock{source: opts.Now},
		keys:           keyring{first: opts.SigningKey},
		state:          newState(),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.clock.source == nil {
		c.clock.source = time.Now
	}
	kind := "test"
	c.host = developmentHost
	if c.production {
		kind, c.host = "live", productionHost
	}
	c.publishableKey = "pk_" + kind + "_" + base64.RawStdEncoding.EncodeToString([]byte(c.host+"$"))
	c.secretKey = "sk_" + kind + "_" + randomWord(40)
	c.suffix = cookieSuffix(c.publishableKey)
	c.mux = c.routes()
	return c
}

// Handler is the instance as an [http.Handler]: the Backend API under /v1/, the Frontend API under /v1/client,
// /v1/environment, /v1/dev_browser and /.well-known/jwks.json, and the pages /sign-in and /sign-out.
func (c *Clerk) Handler() http.Handler { return c }

// PublishableKey is the instance's public key; it names the Frontend API host and the kind of instance.
func (c *Clerk) PublishableKey() string { return c.publishableKey }

// SecretKey is what the Backend API wants as bearer token. It is random and valid for this instance alone.
func (c *Clerk) SecretKey() string { return c.secretKey }

// CookieSuffix is what follows the underscore in the suffixed cookie names of this instance.
func (c *Clerk) CookieSuffix() string { return c.suffix }

// Issuer is the iss claim of the session tokens: https:// and the host in the publishable key.
func (c *Clerk) Issuer() string { return "https://" + c.host }

// Users are the people who can sign in, in the order of Options.Users.
func (c *Clerk) Users() []User { return append([]User(nil), c.users...) }

// cookieSuffix is the first eight characters of the URL-safe base64 of SHA-1 of the publishable key.
func cookieSuffix(publishableKey string) string {
	sum := sha1.Sum([]byte(publishableKey)) //nolint:gosec // see the import
	return base64.URLEncoding.EncodeToString(sum[:])[:8]
}

// wholeSeconds rounds up: JWT times have no fractions, and a token must not be born expired.
func wholeSeconds(d time.Duration) time.Duration {
	return max((d + time.Second - 1).Truncate(time.Second), time.Second)
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

package clerktest

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Clerk's cookie suffix is defined by SHA-1; nothing secret depends on it
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	developmentHost  = "mock-emulator-13.clerk.accounts.dev"
	productionHost   = "clerk.example.com"
	productionDomain = "example.com"
)

// Options configure a [Clerk]. The zero value is a development instance with the sample users.
type Options struct {
	// Production selects a production instance (pk_live_ for clerk.example.com), without a dev browser and with the
	// handshake payload in a cookie. False is a development instance (pk_test_ for
	// mock-emulator-13.clerk.accounts.dev).
	Production bool
	// TokenLifetime is how long a session token is valid, rounded up to whole seconds. 0 means 60 s.
	TokenLifetime time.Duration
	// Now is the clock, to which [Clerk.Advance] adds. Nil means time.Now.
	Now func() time.Time
	// RealTimeTokens is for applications whose clock does not follow [Clerk.Advance]: no token and no client_uat is
	// later than Now, because such an application would refuse it. What Clerk itself stores, such as sessions, nonces
	// and API keys, expires by the advanced clock. If the clock is moved back, tokens are in the past as usual.
	RealTimeTokens bool
	// Users are the people who can sign in. Nil means [SampleUsers]. A missing ID is generated.
	Users []User
	// Logger receives one debug line per call, without queries, headers or bodies. Nil logs nothing.
	Logger *slog.Logger
	// AppName is shown on the sign-in page. Empty means "Local app".
	AppName string
	// AllowedOrigins are further origins ("https://app.example.test") that a handshake or a sign-in may return to
	// and that may call the Frontend API. Always allowed are the origin of a Clerk-Proxy-Url, in development any
	// loopback host, and in production https on example.com and its subdomains.
	AllowedOrigins []string
	// JWTTemplates are the templates that tokens can be created from, by name.
	JWTTemplates []JWTTemplate
	// Machines can create and verify M2M tokens with their own secret keys.
	Machines []Machine
	// MachineTokens exist from the start; [Clerk.AddMachineToken] adds more.
	MachineTokens []MachineToken
	// Webhooks receive events from the start; [Clerk.AddWebhook] adds more.
	Webhooks []Webhook
	// RateLimit is how many requests the Backend API accepts in ten seconds before it responds with 429; the JWKS is
	// exempt. 0 means no limit, [ClerkRateLimit] Clerk's own.
	RateLimit int
	// Outage is in force from the start; [Clerk.SetOutage] changes it.
	Outage Outage
	// RetireOldOperations makes the verification of sessions and the list of clients respond with 410 to requests
	// with API version 2025-04-10 or later, or without a version. Otherwise they accept every version, because Clerk's
	// own JavaScript client calls them with the newest.
	RetireOldOperations bool
	// SecretKey is the Backend API's bearer token. Empty means a random one. Do not use the key of a real instance.
	SecretKey string
	// SigningKey is the first key that session tokens are signed with. Nil means a new one, generated at first use
	// (about 100 ms); tests that start many instances can share one.
	SigningKey *rsa.PrivateKey
}

// Clerk is one instance of Clerk: an [http.Handler] with its state. Create one with [New]. All methods are safe for
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
	instanceID     string
	retireOld      bool
	templates      []JWTTemplate
	machines       []Machine

	log    *slog.Logger
	mux    *http.ServeMux
	pages  *template.Template
	clock  clock
	keys   keyring
	faults faultList
	outage outageState
	calls  callLog
	rate   rateLimit
	outbox outbox

	mu    sync.Mutex
	state *state
	users *directory
}

// Validate returns an error that lists everything for which New would panic. It is for options that are read from a file.
func (o Options) Validate() error {
	_, err := newDirectory(o.Users)
	problems := []error{err, o.Outage.Validate()}
	for _, t := range o.JWTTemplates {
		problems = append(problems, t.validate())
	}
	for _, t := range o.MachineTokens {
		problems = append(problems, t.validate())
	}
	for _, w := range o.Webhooks {
		problems = append(problems, w.validate())
	}
	if strings.ContainsFunc(o.SecretKey, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		problems = append(problems, errors.New("secret key: contains white space or control characters"))
	}
	return errors.Join(problems...)
}

// New returns an instance without a listener; serve [Clerk.Handler], or use [NewServer]. It panics for options that
// [Options.Validate] rejects, because they are a mistake in the test.
func New(opts Options) *Clerk {
	if err := opts.Validate(); err != nil {
		panic("clerktest: " + err.Error())
	}
	c := &Clerk{
		production:     opts.Production,
		lifetime:       wholeSeconds(cmp.Or(opts.TokenLifetime, time.Minute)),
		appName:        cmp.Or(opts.AppName, "Local app"),
		allowedOrigins: append([]string(nil), opts.AllowedOrigins...),
		instanceID:     newID("ins"),
		retireOld:      opts.RetireOldOperations,
		templates:      slices.Clone(opts.JWTTemplates),
		machines:       prepareMachines(opts.Machines),
		log:            opts.Logger,
		pages:          parsePages(),
		clock:          clock{source: opts.Now, realTokens: opts.RealTimeTokens},
		keys:           keyring{first: opts.SigningKey},
		outbox:         outbox{client: webhookClient()},
	}
	c.state = newState(c.emitSession)
	c.users, _ = newDirectory(opts.Users) // Validate has checked for an error
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
	c.secretKey = cmp.Or(opts.SecretKey, "sk_"+kind+"_"+randomWord(40))
	c.suffix = cookieSuffix(c.publishableKey)
	c.SetRateLimit(opts.RateLimit)
	c.SetOutage(opts.Outage)
	for _, t := range opts.MachineTokens {
		c.AddMachineToken(t)
	}
	for _, w := range opts.Webhooks {
		c.AddWebhook(w)
	}
	c.mux = c.routes()
	return c
}

// Handler returns the instance as an [http.Handler]: the Backend API under /v1/, the Frontend API under /v1/client,
// /v1/environment, /v1/dev_browser and /.well-known/jwks.json, and the pages /sign-in and /sign-out. Whoever is sent to sign up, at /sign-in/create, signs in
// as one of the users, since there are no sign-ups here.
func (c *Clerk) Handler() http.Handler { return c }

// PublishableKey returns the instance's publishable key. It contains the Frontend API host and the kind of instance.
func (c *Clerk) PublishableKey() string { return c.publishableKey }

// SecretKey returns the bearer token of the Backend API: Options.SecretKey, or a random one.
func (c *Clerk) SecretKey() string { return c.secretKey }

// CookieSuffix returns the suffix of this instance's cookie names, without the underscore before it.
func (c *Clerk) CookieSuffix() string { return c.suffix }

// Issuer returns the iss claim of the session tokens: https:// and the host in the publishable key.
func (c *Clerk) Issuer() string { return "https://" + c.host }

// cookieSuffix returns the first eight characters of the URL-safe base64 of the SHA-1 of the publishable key.
func cookieSuffix(publishableKey string) string {
	sum := sha1.Sum([]byte(publishableKey)) //nolint:gosec // see the import
	return base64.URLEncoding.EncodeToString(sum[:])[:8]
}

// wholeSeconds rounds up: JWT times have no fractions, and a token must not be expired from the start.
func wholeSeconds(d time.Duration) time.Duration {
	return max((d + time.Second - 1).Truncate(time.Second), time.Second)
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

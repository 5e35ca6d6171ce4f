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

// Options shape a [Clerk]. The zero value is a development instance with the sample users.
type Options struct {
	// Production makes a production instance (pk_live_ for clerk.example.com): no dev browser, handshake payload in
	// a cookie. False is a development instance (pk_test_ for mock-emulator-13.clerk.accounts.dev).
	Production bool
	// TokenLifetime is how long a session token lives, in whole seconds (rounded up). 0 means 60 s.
	TokenLifetime time.Duration
	// Now is the source of time. Nil means time.Now. Whatever [Clerk.Advance] adds comes on top.
	Now func() time.Time
	// RealTimeTokens is for applications whose clock does not follow [Clerk.Advance]: no token and no client_uat is
	// from a later time than Now, or such an application would refuse it. What Clerk itself keeps, such as sessions,
	// nonces and API keys, grows old as ever. A clock moved back still makes tokens of the past.
	RealTimeTokens bool
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
	// JWTTemplates are the templates that tokens can be made from, by name.
	JWTTemplates []JWTTemplate
	// Machines can make and verify M2M tokens with keys of their own.
	Machines []Machine
	// MachineTokens are known from the start; [Clerk.AddMachineToken] adds more.
	MachineTokens []MachineToken
	// Webhooks get events from the start; [Clerk.AddWebhook] adds more.
	Webhooks []Webhook
	// RateLimit is how many requests the Backend API takes in ten seconds before it answers 429; the JWKS is exempt.
	// 0 means no limit, [ClerkRateLimit] Clerk's own.
	RateLimit int
	// RetireOldOperations makes verification of sessions and the list of clients answer 410 to requests of API
	// version 2025-04-10 or later, or of none. Without it they answer every version: Clerk's own JavaScript client
	// calls them with the newest.
	RetireOldOperations bool
	// SecretKey is the Backend API's bearer token. Empty means a random one. Any non-empty text without white space
	// will do, so never give it one that another instance of Clerk takes.
	SecretKey string
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
	calls  callLog
	rate   rateLimit
	outbox outbox

	mu    sync.Mutex
	state *state
	users *directory
}

// Validate finds what New cannot make an instance of, all of it in one error. It is for options that come out of a file.
func (o Options) Validate() error {
	_, err := newDirectory(o.Users)
	problems := []error{err}
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

// New makes an instance without a listener; serve [Clerk.Handler] or use [NewServer]. It panics for options that
// [Options.Validate] finds fault with: in a test they are a mistake of the test.
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
	c.users, _ = newDirectory(opts.Users) // the error was Validate's
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
	for _, t := range opts.MachineTokens {
		c.AddMachineToken(t)
	}
	for _, w := range opts.Webhooks {
		c.AddWebhook(w)
	}
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

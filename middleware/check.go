package middleware

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/pathpattern"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

const (
	nothing       = "nothing"
	fromDashboard = "Copy it from the API keys page of the Clerk dashboard."
)

// check returns everything that is wrong with the options, in the order of their fields,
// and keeps what it has parsed of the valid ones.
func (a *Authenticator) check() []Problem {
	o := &a.opts
	return slices.Concat(
		a.checkPublishableKey(),
		a.checkSecretKey(),
		checkMachineSecretKey(o.MachineSecretKey),
		a.checkJWTKey(),
		checkAPI(o),
		checkProxyURL(o.ProxyURL),
		a.checkSatellite(),
		checkPage("SignUpURL", o.SignUpURL),
		checkPage("AfterSignOutURL", o.AfterSignOutURL),
		checkDuration("ClockSkew", o.ClockSkew),
		a.checkAcceptsToken(),
		checkPatterns("OrganizationPatterns", o.OrganizationPatterns, &a.organizations),
		checkPatterns("PersonalAccountPatterns", o.PersonalAccountPatterns, &a.personal),
		checkCount("TokenCacheSize", o.TokenCacheSize, "entries"),
		checkSessionLookup(o),
		checkDuration("SessionLookupTTL", o.SessionLookupTTL),
		checkCount("SessionCacheSize", o.SessionCacheSize, "entries"),
		checkDuration("BackendTimeout", o.BackendTimeout),
		checkCount("BackendRateLimit", o.BackendRateLimit, "calls"),
		checkDuration("StaleKeys", o.StaleKeys),
		checkStoreKeys(o),
		checkOutage(o),
	)
}

// one returns a list of one problem without a remedy.
func one(where, found, want string) []Problem {
	return []Problem{{Where: where, Found: found, Want: want}}
}

func (a *Authenticator) checkPublishableKey() []Problem {
	var err error
	if a.instance, err = newInstance(&a.opts); err == nil {
		return nil
	}
	return []Problem{{
		Where: "PublishableKey", Found: foundKey(a.opts.PublishableKey),
		Want: "the instance's publishable key: pk_test_ or pk_live_ and the Frontend API's host in base64", Remedy: fromDashboard,
	}}
}

func (a *Authenticator) checkSecretKey() []Problem {
	o := &a.opts
	found := foundKey(o.SecretKey)
	switch {
	case o.SecretKey == "" && a.needsSecretKey():
		return []Problem{{Where: "SecretKey", Found: found, Want: "the instance's secret key, sk_test_… or sk_live_…", Remedy: fromDashboard}}
	case strings.HasPrefix(o.SecretKey, "pk_"):
		return one("SecretKey", found, "the secret key, which begins with sk_test_ or sk_live_")
	case !isHeader(o.SecretKey):
		return []Problem{{
			Where: "SecretKey", Found: found, Want: "a key without white space and other characters that no key has",
			Remedy: "Was it pasted with a line end?",
		}}
	case !a.instance.isKnown():
		return nil
	case strings.HasPrefix(o.SecretKey, "sk_test_") && a.instance.production, strings.HasPrefix(o.SecretKey, "sk_live_") && !a.instance.production:
		return one("SecretKey", found, "a key of the same kind of instance as the publishable key: sk_test_ with pk_test_, sk_live_ with pk_live_")
	}
	return nil
}

// needsSecretKey reports whether tokens are accepted that a machine's own key cannot
// verify.
func (a *Authenticator) needsSecretKey() bool {
	return a.opts.MachineSecretKey == "" || !slices.Equal(a.opts.AcceptsToken, []TokenType{M2MToken})
}

func checkMachineSecretKey(key string) []Problem {
	if isHeader(key) {
		return nil
	}
	return one("MachineSecretKey", foundKey(key), "a machine's secret key, ak_…, without white space")
}

func (a *Authenticator) checkJWTKey() []Problem {
	if a.opts.JWTKey == "" {
		return nil
	}
	static, err := jwks.NewStatic(a.opts.JWTKey)
	if err != nil {
		return []Problem{{
			Where: "JWTKey", Found: err.Error(), Want: "the instance's RSA public key as PEM, from BEGIN PUBLIC KEY to END PUBLIC KEY", Remedy: fromDashboard,
		}}
	}
	a.keys = static
	return nil
}

// checkAPI checks the fields for the Backend API's client with the client's own rules.
func checkAPI(o *Options) (problems []Problem) {
	accepted := func(c clerkapi.Options) bool {
		c.SecretKey, c.Transport = "sk_test_", http.DefaultTransport
		_, err := clerkapi.New(c)
		return err == nil
	}
	if !accepted(clerkapi.Options{BaseURL: o.APIURL}) {
		problems = append(problems, one("APIURL", problem.QuoteURL(o.APIURL),
			"an http or https URL without user and query, such as https://api.clerk.com")...)
	}
	if !accepted(clerkapi.Options{APIVersionPath: o.APIVersion}) {
		problems = append(problems, one("APIVersion", problem.Quote(o.APIVersion), "a segment of a path, such as v1")...)
	}
	return problems
}

func checkProxyURL(u string) []Problem {
	if u == "" || isPath(u) || isHTTPURL(u) {
		return nil
	}
	return one("ProxyURL", problem.QuoteURL(u), "an http or https URL, or a path of this application such as /__clerk")
}

// checkSatellite checks the fields from Domain to SignInURL.
func (a *Authenticator) checkSatellite() (problems []Problem) {
	o := &a.opts
	if o.IsSatellite && o.Domain == "" && o.ProxyURL == "" {
		problems = one("Domain", nothing, "the satellite's own domain, or a proxy URL")
	}
	const primary = "the absolute URL of the primary application's sign-in page, since people sign in there"
	switch {
	case !o.IsSatellite:
		return append(problems, checkPage("SignInURL", o.SignInURL)...)
	case o.SignInURL == "" && (a.instance.production || !a.instance.isKnown()):
		return problems
	case o.SignInURL == "":
		return append(problems, one("SignInURL", nothing, primary)...)
	}
	u, err := weburl.Parse(o.SignInURL)
	if err != nil || !isHTTPURL(o.SignInURL) {
		return append(problems, one("SignInURL", problem.QuoteURL(o.SignInURL), primary)...)
	}
	a.signInOrigin = u.Origin()
	return problems
}

func checkPage(where, u string) []Problem {
	if u == "" || isPath(u) || isHTTPURL(u) {
		return nil
	}
	return one(where, problem.QuoteURL(u), "an http or https URL, or a path such as /sign-in")
}

func (a *Authenticator) checkAcceptsToken() []Problem {
	kinds := a.opts.AcceptsToken
	for _, k := range kinds {
		switch {
		case k == AnyToken && len(kinds) > 1:
			return one("AcceptsToken", "any beside other kinds", "any alone, since it stands for all of them")
		case k != AnyToken && k != SessionToken && !k.isMachine():
			return one("AcceptsToken", problem.Quote(string(k)), "session_token, api_key, m2m_token, oauth_token or any")
		}
	}
	a.accepts = newAccepts(kinds)
	return nil
}

func checkPatterns(where string, patterns []string, into **pathpattern.Matcher) []Problem {
	if len(patterns) == 0 {
		return nil
	}
	matcher, err := pathpattern.Compile(patterns)
	if err != nil {
		return one(where, strings.ReplaceAll(err.Error(), "\n", "; "), "path patterns such as /orgs/:slug, in the syntax of path-to-regexp")
	}
	*into = matcher
	return nil
}

func checkSessionLookup(o *Options) []Problem {
	switch {
	case o.SessionLookup != LookupOff && o.SessionLookup != LookupCached:
		return one("SessionLookup", problem.Quote(string(o.SessionLookup)), `"cached", or "" for none`)
	case o.SessionLookup == LookupCached && o.SecretKey == "":
		return one("SessionLookup", "cached, without a secret key", "a secret key to look sessions up with")
	}
	return nil
}

// maxOutageGrace bounds Options.OutageGrace. It is also how long keys are used by default.
const maxOutageGrace = 24 * time.Hour

func checkOutage(o *Options) (problems []Problem) {
	switch {
	case o.Outage != OutageHold && o.Outage != OutageHandshake:
		problems = append(problems, one("Outage", problem.Quote(string(o.Outage)), `"handshake", or "" to hold requests`)...)
	case o.OutageGrace < 0 || o.OutageGrace > maxOutageGrace:
		problems = append(problems, one("OutageGrace", o.OutageGrace.String(), "a duration from 0s to 24h, such as 15m")...)
	case o.OutageGrace > 0 && o.Outage == OutageHandshake:
		problems = append(problems, one("OutageGrace", o.OutageGrace.String()+`, with Outage "handshake"`, "no grace, since nothing is held then")...)
	case o.OutageGraceUnsafe && o.OutageGrace == 0:
		problems = append(problems, one("OutageGraceUnsafe", "true, without a grace", "a grace for it to extend (OutageGrace)")...)
	}
	if o.FrontendAPIURL != "" && !isHTTPURL(o.FrontendAPIURL) {
		problems = append(problems, one("FrontendAPIURL", problem.QuoteURL(o.FrontendAPIURL), "an http or https URL, such as https://clerk.example.com")...)
	}
	return problems
}

func checkDuration(where string, d time.Duration) []Problem {
	if d >= 0 {
		return nil
	}
	return one(where, d.String(), "a duration that is not negative, such as 5s")
}

func checkCount(where string, n int, of string) []Problem {
	if n >= 0 {
		return nil
	}
	return one(where, strconv.Itoa(n), "a number of "+of+" that is not negative, such as 1000")
}

// foundKey describes a key by its kind alone, so that a misplaced secret is not shown.
func foundKey(key string) string {
	if key == "" {
		return nothing
	}
	for _, kind := range [...]string{"pk_test_", "pk_live_", "sk_test_", "sk_live_", "ak_", "whsec_"} {
		if strings.HasPrefix(key, kind) {
			return "a key that begins with " + kind
		}
	}
	return "text that is not a key of Clerk's"
}

// isHeader reports whether a key can be sent in a header, by the client's rules.
func isHeader(key string) bool {
	_, err := clerkapi.New(clerkapi.Options{SecretKey: "sk_test_" + key, Transport: http.DefaultTransport})
	return err == nil
}

// isPath reports whether u is a path of this application; "//" would begin another host.
func isPath(u string) bool { return strings.HasPrefix(u, "/") && !strings.HasPrefix(u, "//") }

func isHTTPURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func checkStoreKeys(o *Options) []Problem {
	if len(o.StoreKeys) > 0 && o.Store == nil {
		return one("StoreKeys", "keys without a store", "nothing, or a Store")
	}
	for _, key := range o.StoreKeys {
		if len(key) < seal.MinSecret {
			return []Problem{{
				Where: "StoreKeys", Found: fmt.Sprintf("a key of %d bytes", len(key)),
				Want: fmt.Sprintf("keys of at least %d random bytes", seal.MinSecret), Remedy: "Make one with: openssl rand -base64 32",
			}}
		}
	}
	return nil
}

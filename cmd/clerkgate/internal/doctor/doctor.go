// Package doctor finds out why a setup of clerkgate does not work, from what can be seen
// from outside: the configuration, Clerk, the application, and the public URL. It changes
// nothing anywhere. No result holds a key, a token or the value of a cookie.
package doctor

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/handshakes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// checkTimeout bounds one check with all that it asks.
const checkTimeout = 15 * time.Second

// Status is the outcome of a check.
type Status string

const (
	// Pass means that nothing is wrong.
	Pass Status = "pass"
	// Warn means that it works, but not as well or as safely as it could.
	Warn Status = "warn"
	// Fail means that people cannot sign in, or not all of them.
	Fail Status = "fail"
)

// Result is what one check has found. A check with two problems has two results.
type Result struct {
	// Name is that of the check, such as "clock".
	Name string `json:"name"`
	// Status is the outcome.
	Status Status `json:"status"`
	// Message says in one sentence what was found.
	Message string `json:"message"`
	// Detail is what the message rests on: an error, an address; "" if there is no more to
	// say.
	Detail string `json:"detail,omitempty"`
	// Remedy says what to do; "" for checks that pass.
	Remedy string `json:"remedy,omitempty"`
}

// Options say what is examined.
type Options struct {
	// Config is the configuration, which is valid. Required.
	Config settings.Config
	// PublicURL is where browsers reach the application. Checks that need it are left out if
	// it is nil.
	PublicURL *url.URL
	// Transport makes all requests to Clerk and to the public URL; nil means a new
	// [http.Transport].
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Check is a question that the doctor asks.
type Check struct {
	// Name is the one in results.
	Name string
	// About says what the check looks at, in a few words.
	About string

	examine func(*examination, context.Context) []Result
}

// Checks returns all checks, in the order of the results.
func Checks() []Check {
	return []Check{
		{"secret-key", "the Backend API accepts the secret key", (*examination).secretKey},
		{"instance", "all keys belong to one instance of Clerk", (*examination).instance},
		{"clock", "the clock agrees with Clerk's", (*examination).clock},
		{"protocol", "Clerk goes on to serve the versions that clerkgate speaks", (*examination).protocol},
		{"frontend-api", "browsers can reach Clerk's Frontend API", (*examination).frontendAPI},
		{"proxy-url", "the Frontend API is served at CLERK_PROXY_URL, and Clerk knows it", (*examination).proxyURL},
		{"handshake", "Clerk sends browsers back to the public URL", (*examination).handshake},
		{"public-url", "the public URL leads to clerkgate, as browsers write it", (*examination).publicURL},
		{"caching", "nothing on the way caches redirects", (*examination).caching},
		{"authorized-parties", "tokens of other applications are refused, and the own ones are not", (*examination).authorizedParties},
		{"trusted-proxies", "what is in front of clerkgate may say what the public URL is", (*examination).trustedProxies},
		{"sign-in", "the sign-in page can be reached signed out", (*examination).signIn},
		{"webhooks", "Clerk's webhooks reach clerkgate", (*examination).webhooks},
		{"store", "the shared store works, with the rights it needs", (*examination).store},
		{"certificate", "certificates are valid, and stay so for three weeks", (*examination).certificates},
		{"upstream", "the applications accept connections, and are not clerkgate itself", (*examination).upstreams},
		{"limits", "the system allows enough connections and memory", (*examination).limits},
	}
}

// Examine makes all checks, several at a time. A check that does not apply to the
// configuration has no result.
func Examine(ctx context.Context, o Options) []Result {
	e := newExamination(o)
	defer e.close()
	checks := Checks()
	found := make([][]Result, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			found[i] = c.examine(e, ctx)
			for j := range found[i] {
				found[i][j].Name = c.Name
			}
		})
	}
	wg.Wait()
	return slices.Concat(found...)
}

// Failed reports whether a result is [Fail].
func Failed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return r.Status == Fail })
}

// FromCauses returns what the records of handshakes show, as results that failed.
func FromCauses(causes []handshakes.Cause) []Result {
	results := make([]Result, 0, len(causes))
	for _, c := range causes {
		results = append(results, Result{Name: c.Name, Status: Fail, Message: c.Message, Detail: c.Detail, Remedy: c.Remedy})
	}
	return results
}

func pass(message string) []Result { return []Result{{Status: Pass, Message: message}} }

func warn(message, detail, remedy string) []Result {
	return []Result{{Status: Warn, Message: message, Detail: detail, Remedy: remedy}}
}

func fail(message, detail, remedy string) []Result {
	return []Result{{Status: Fail, Message: message, Detail: detail, Remedy: remedy}}
}

package clerkapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// Version is the version of this client, as sent in the User-Agent.
	Version = "0.1.0"
	// DefaultBaseURL is the origin of Clerk's Backend API.
	DefaultBaseURL = "https://api.clerk.com"
	// DefaultAPIVersionPath is the first segment of every path.
	DefaultAPIVersionPath = "v1"
	// DefaultAPIVersion is the dated API version that this client uses, sent as Clerk-API-Version.
	DefaultAPIVersion = "2026-05-12"
	// DefaultTimeout bounds a call, including retries, when Options.Timeout is zero.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxBodyBytes bounds a reply when Options.MaxBodyBytes is zero.
	DefaultMaxBodyBytes = 1 << 20
)

// Options configure a [Client]. One of the two keys is required; the zero value of every other field is a safe default.
type Options struct {
	// SecretKey ("sk_…") authenticates all calls except M2M calls made with a machine secret key. Calls that need it
	// fail with ErrMissingKey if it is empty.
	SecretKey string
	// MachineSecretKey ("ak_…") is preferred over SecretKey for M2M verification. It is used for nothing else.
	MachineSecretKey string
	// BaseURL is the origin of the Backend API, http or https, with an optional path prefix. "" means DefaultBaseURL.
	BaseURL string
	// APIVersionPath is the version segment of versioned paths. "" means DefaultAPIVersionPath.
	APIVersionPath string
	// APIVersion is the date sent as Clerk-API-Version. "" means DefaultAPIVersion.
	APIVersion string
	// Transport makes the round trips. Redirects are never followed. nil means a new transport with the settings of
	// http.DefaultTransport and a limit on reply headers.
	Transport http.RoundTripper
	// Timeout bounds one call including retries; an earlier deadline of the context takes precedence. 0 means
	// DefaultTimeout; negative is an error, so that no call can wait forever.
	Timeout time.Duration
	// MaxBodyBytes bounds a reply's body, after decompression. 0 means DefaultMaxBodyBytes; negative is an error.
	MaxBodyBytes int64
	// ExactContentType refuses replies whose Content-Type is not exactly "application/json", as Clerk's JavaScript
	// client does. If false, every JSON media type is accepted, with or without parameters. Set it where a decision
	// must be the same as that client's.
	ExactContentType bool
	// UserAgent is the User-Agent header. "" means "clerkapi/" and Version.
	UserAgent string
	// MaxRetries is the number of further attempts after a failed one, 0 to 10. 0 means no retries, which is right for
	// calls that somebody waits for; jobs and scripts may want some.
	//
	// A 429 is retried for every operation except RefreshSession, whose expired token may have been consumed by the
	// failed attempt, and CreateSession. Replies 502, 503, 504 and connection errors are retried for reads, session
	// revocation and session token creation. The delay before an attempt is the reply's Retry-After, or else 200ms
	// doubled per attempt, at most 5s, less a random part of up to half. If the delay does not fit into the time left,
	// the call ends at once with the reply's error.
	MaxRetries int
	// Now is the clock for dates in Retry-After and for the durations reported to hooks. nil means time.Now.
	Now func() time.Time
	// Hooks observe calls, for metrics and logs.
	Hooks Hooks
}

// Hooks observe calls. Functions run on the caller's goroutine, concurrently for concurrent calls; nil ones are
// skipped.
type Hooks struct {
	// Attempt is called after each attempt, successful or not.
	Attempt func(context.Context, Attempt)
}

// Attempt describes one finished round trip. It contains no id, token or key, and is safe to log.
type Attempt struct {
	Operation  string        // e.g. "get session"
	Method     string        // HTTP method
	Route      string        // path without ids, e.g. "/sessions/{}/refresh"
	Number     int           // 1 for the first attempt
	StatusCode int           // 0 if no reply arrived
	TraceID    string        // Clerk's trace id, "" if unknown
	Duration   time.Duration // by Options.Now, including reading the body
	Err        error         // nil if a 2xx reply was read; decoding is not part of the attempt
}

// Client calls Clerk's Backend API. It is safe for concurrent use and has no goroutines of its own; create one with
// [New] and share it.
type Client struct {
	secretKey        string
	machineSecretKey string
	baseURL          string // no trailing slash
	versionPath      string // "/v1"
	apiVersion       string
	userAgent        string
	transport        http.RoundTripper
	timeout          time.Duration
	maxBody          int64
	exactType        bool
	maxRetries       int
	now              func() time.Time
	hooks            Hooks
}

// New returns a Client. It makes no call. The error lists everything that is wrong with the options; it never contains
// a key.
func New(o Options) (*Client, error) {
	base, baseErr := checkBaseURL(orDefault(o.BaseURL, DefaultBaseURL))
	version, versionErr := pathSegment(orDefault(o.APIVersionPath, DefaultAPIVersionPath))
	problems := []error{baseErr, o.check()}
	if versionErr != nil {
		problems = append(problems, errors.New("Options.APIVersionPath: want one plain path segment"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("clerkapi: %w", err)
	}
	c := &Client{
		secretKey:        o.SecretKey,
		machineSecretKey: o.MachineSecretKey,
		baseURL:          base,
		versionPath:      "/" + version,
		apiVersion:       orDefault(o.APIVersion, DefaultAPIVersion),
		userAgent:        orDefault(o.UserAgent, "clerkapi/"+Version),
		transport:        o.Transport,
		timeout:          orDefault(o.Timeout, DefaultTimeout),
		maxBody:          orDefault(o.MaxBodyBytes, DefaultMaxBodyBytes),
		exactType:        o.ExactContentType,
		maxRetries:       o.MaxRetries,
		now:              o.Now,
		hooks:            o.Hooks,
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.transport == nil {
		c.transport = newTransport()
	}
	return c, nil
}

// CloseIdleConnections closes the transport's idle connections, if it supports that. Calls in progress are not affected.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// check returns everything that is wrong with the fields that need no parsing.
func (o Options) check() error {
	var problems []error
	bad := func(when bool, text string) {
		if when {
			problems = append(problems, errors.New(text))
		}
	}
	bad(o.SecretKey == "" && o.MachineSecretKey == "", "Options.SecretKey: required (or MachineSecretKey)")
	bad(!headerSafe(o.SecretKey), "Options.SecretKey: contains white space or control characters")
	bad(!headerSafe(o.MachineSecretKey), "Options.MachineSecretKey: contains white space or control characters")
	bad(!headerSafe(o.APIVersion), "Options.APIVersion: contains white space or control characters")
	bad(!headerSafe(strings.ReplaceAll(o.UserAgent, " ", "")), "Options.UserAgent: contains control characters")
	bad(o.Timeout < 0, "Options.Timeout: negative")
	bad(o.MaxBodyBytes < 0, "Options.MaxBodyBytes: negative")
	bad(o.MaxRetries < 0 || o.MaxRetries > maxRetries, fmt.Sprintf("Options.MaxRetries: want 0 to %d", maxRetries))
	return errors.Join(problems...)
}

// checkBaseURL returns the URL without trailing slashes. User information is refused because it would appear wherever
// the URL is logged, and a query or fragment because paths are appended. The error does not contain the value.
func checkBaseURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New("Options.BaseURL: want an http or https URL without user, query or fragment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // the program has replaced it; respect that
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	t.MaxIdleConnsPerHost = 16 // all calls go to one host; the default of 2 would reconnect all the time
	return t
}

// headerSafe reports whether s is printable ASCII without spaces, so that it can neither break a header nor smuggle one.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

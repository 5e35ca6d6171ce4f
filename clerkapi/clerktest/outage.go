package clerktest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Outage makes a whole part of Clerk fail, in one of the ways in which it has failed in public. [Fault] is for single
// endpoints. The zero value is no outage.
type Outage struct {
	Kind OutageKind
	// Part is what fails. Empty means both APIs, and the pages with the Frontend API.
	Part OutagePart
	// Delay is how long an OutageSlow holds each request before it is answered as usual, in real time. 0 means 2 s.
	Delay time.Duration
	// RetryAfter is what an OutageRateLimit asks clients to wait, in whole seconds. 0 means 10 s.
	RetryAfter time.Duration
	// Flapping makes the outage come and go: it lasts for this long, then all is well for as long, and so on, by the
	// instance's clock. 0 means that it does not.
	Flapping time.Duration
	// Lasts is how long it takes until the outage ends by itself, by the instance's clock. 0 means that it lasts until
	// it is ended.
	Lasts time.Duration
}

// OutageKind is how an [Outage] shows itself.
type OutageKind string

// The kinds of outages.
const (
	// OutageDown closes each connection without a response.
	OutageDown OutageKind = "down"
	// OutageHang accepts requests and never responds.
	OutageHang OutageKind = "hang"
	// OutageSlow responds as usual, after Delay.
	OutageSlow OutageKind = "slow"
	// OutageError responds with 500 to everything.
	OutageError OutageKind = "error"
	// OutageRateLimit responds with 429 and Retry-After to everything but the JWKS, which Clerk does not limit.
	OutageRateLimit OutageKind = "rate-limit"
	// OutageMaintenance is Clerk's maintenance mode: 503 with the code maintenance_mode. In production, reads and new
	// session tokens go on; a development instance responds to nothing else.
	OutageMaintenance OutageKind = "maintenance"
)

// OutagePart is one of Clerk's two APIs.
type OutagePart string

// The parts of Clerk.
const (
	BackendAPI  OutagePart = "backend"
	FrontendAPI OutagePart = "frontend" // with the pages /sign-in and /sign-out
)

// outageState is the outage in force.
type outageState struct {
	mu    sync.Mutex
	now   Outage
	began time.Time // by the instance's clock
}

// SetOutage starts an outage in place of the one in force. The zero Outage ends it; requests that it holds stay held
// until their clients give up. It panics for an outage that [Outage.Validate] rejects.
func (c *Clerk) SetOutage(o Outage) {
	if err := o.Validate(); err != nil {
		panic("clerktest: " + err.Error())
	}
	began := c.Now()
	c.outage.mu.Lock()
	defer c.outage.mu.Unlock()
	c.outage.now, c.outage.began = o, began
}

// Outage returns the outage in force, even while a flapping one lets requests through.
func (c *Clerk) Outage() Outage { return c.outage.at(c.Now()) }

// Validate returns an error if the outage is of an unknown kind or part, or has a negative time.
func (o Outage) Validate() error {
	switch o.Kind {
	case "", OutageDown, OutageHang, OutageSlow, OutageError, OutageRateLimit, OutageMaintenance:
	default:
		return fmt.Errorf("outage: kind: found %q, expected down, hang, slow, error, rate-limit or maintenance", o.Kind)
	}
	switch o.Part {
	case "", BackendAPI, FrontendAPI:
	default:
		return fmt.Errorf("outage: part: found %q, expected backend or frontend", o.Part)
	}
	if o.Delay < 0 || o.RetryAfter < 0 || o.Flapping < 0 || o.Lasts < 0 {
		return errors.New("outage: found a negative time, expected 0 or more")
	}
	return nil
}

// at returns the outage in force at a time, or the zero value.
func (os *outageState) at(now time.Time) Outage {
	os.mu.Lock()
	defer os.mu.Unlock()
	if os.now.Lasts > 0 && now.Sub(os.began) >= os.now.Lasts {
		return Outage{}
	}
	return os.now
}

// hit returns the outage that a request meets, or the zero value.
func (os *outageState) hit(r *http.Request, now time.Time) Outage {
	o := os.at(now)
	if o.Part != "" && o.Part != partOf(r.URL.Path) {
		return Outage{}
	}
	os.mu.Lock()
	defer os.mu.Unlock()
	if o.Flapping > 0 && (now.Sub(os.began)/o.Flapping)%2 != 0 {
		return Outage{}
	}
	return o
}

// partOf returns the part of Clerk that serves a path.
func partOf(path string) OutagePart {
	for _, prefix := range []string{"/v1/client", "/v1/environment", "/v1/dev_browser", "/.well-known", "/sign-in", "/sign-out"} {
		if matchPath(prefix, path) {
			return FrontendAPI
		}
	}
	return BackendAPI
}

// act lets a request meet the outage and reports whether it has been handled.
func (o Outage) act(w http.ResponseWriter, r *http.Request, production bool) bool {
	switch o.Kind {
	case OutageDown:
		panic(http.ErrAbortHandler) // closes the connection without a response
	case OutageHang:
		return (&Fault{Hang: true}).act(w, r)
	case OutageSlow:
		return (&Fault{Delay: cmp.Or(o.Delay, 2*time.Second)}).act(w, r)
	case OutageError:
		writeError(w, refuse(http.StatusInternalServerError, "internal_clerk_error", "something went wrong"))
		return true
	case OutageRateLimit:
		if isJWKS(r.URL.Path) {
			return false
		}
		refused := refuse(http.StatusTooManyRequests, "too_many_requests", "too many requests, try again later")
		refused.retryAfter = strconv.Itoa(int(wholeSeconds(cmp.Or(o.RetryAfter, 10*time.Second)).Seconds()))
		writeError(w, refused)
		return true
	case OutageMaintenance:
		if production && survivesMaintenance(r) {
			return false
		}
		writeError(w, refuse(http.StatusServiceUnavailable, "maintenance_mode", "Clerk is in maintenance mode, try again later"))
		return true
	}
	return false
}

// survivesMaintenance reports whether a production instance serves the request in maintenance mode: what changes nothing,
// and what gives a session a new token.
func survivesMaintenance(r *http.Request) bool {
	switch method := effectiveMethod(r); {
	case method == http.MethodGet, method == http.MethodHead:
		return true
	case method != http.MethodPost:
		return false
	}
	for _, pattern := range []string{
		"/v1/sessions/*/refresh", "/v1/sessions/*/tokens", "/v1/sessions/*/tokens/*",
		"/v1/client/sessions/*/tokens", "/v1/client/sessions/*/tokens/*", "/v1/client/sessions/*/touch",
	} {
		if matchPath(pattern, r.URL.Path) {
			return true
		}
	}
	return false
}

func isJWKS(path string) bool { return path == "/v1/jwks" || path == "/.well-known/jwks.json" }

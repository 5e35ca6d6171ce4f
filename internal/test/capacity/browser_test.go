package main

import (
	"encoding/json"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const (
	appOrigin   = "https://app.example.com"
	clerkOrigin = "https://clerk.example.com"
	// redirects is how often a browser follows redirects before it gives up.
	redirects = 10
)

// browser is a person with a browser: one after another, for as long as the scenario lasts.
type browser struct {
	w       *world
	rng     *mrand.Rand
	session *clerktest.Session
	app     map[string]cookie // for the application
	clerk   string            // the cookie for the Frontend API
	renewAt time.Duration     // when clerk-js renews the token; 0 while no page is open
}

type cookie struct {
	value string
	until time.Time
}

func newBrowser(w *world, n int) *browser {
	return &browser{w: w, rng: mrand.New(mrand.NewPCG(w.s.Seed, uint64(n)))}
}

// live plays visits until the scenario ends. The first begins at a random time, so that the
// scenario begins with people who are in the middle of one.
func (b *browser) live() {
	pause := away + time.Duration(b.rng.Float64()*float64(away))
	for b.w.now() < b.w.s.Until {
		b.arrive(pause)
		pause = away
		end := b.w.now() + exponential(b.rng, b.w.s.Visit)
		b.visit(end)
	}
}

// arrive makes the browser that of somebody else, whose token has expired by the time of
// the arrival.
func (b *browser) arrive(pause time.Duration) {
	b.session = b.w.clerk.SignIn("jane@example.com")
	b.app, b.renewAt = map[string]cookie{}, 0
	for _, c := range b.w.clerk.Cookies(b.session.ID, appOrigin) {
		b.set(c)
	}
	b.sleepUntil(b.w.now() + pause)
}

func (b *browser) visit(end time.Duration) {
	s := &b.w.s
	wait := b.page() // what opens a visit is a page
	for b.w.now() < min(end, s.Until) {
		next := b.w.now() + exponential(b.rng, s.Every)
		if wait > 0 {
			next = b.w.now() + wait
		}
		b.renewUntil(min(next, end, s.Until))
		if b.w.now() >= min(end, s.Until) {
			return
		}
		switch {
		case wait > 0, b.rng.Float64() < s.Pages:
			wait = b.page()
		default:
			b.calls()
		}
	}
}

// renewUntil waits, while clerk-js renews the token.
func (b *browser) renewUntil(at time.Duration) {
	for b.renewAt > 0 && b.renewAt < at {
		b.sleepUntil(b.renewAt)
		b.renewAt = b.w.now() + retryRenewal
		if b.renew() {
			b.renewAt = b.w.now() + renewEvery
		}
	}
	b.sleepUntil(at)
}

func (b *browser) sleepUntil(at time.Duration) { time.Sleep(at - b.w.now()) }

// page opens a page. It returns after how long the page reloads itself, or 0.
func (b *browser) page() (reload time.Duration) {
	began, kind := b.w.now(), Served
	for range redirects {
		res, took := b.send("document")
		if took > 0 && kind == Served {
			kind = Waited
		}
		location := res.Header.Get("Location")
		switch {
		case res.StatusCode == http.StatusOK:
			if b.w.s.ClerkJS {
				b.renewAt = b.w.now() + 1 // clerk-js gets a token of its own as it starts
			}
			b.tell(kind, began)
			return 0
		case res.StatusCode == http.StatusServiceUnavailable:
			b.tell(Held, began)
			b.renewAt = 0 // this page has no clerk-js
			seconds, _ := strconv.Atoi(res.Header.Get("Refresh"))
			return time.Duration(max(seconds, 1)) * time.Second
		case strings.HasPrefix(location, clerkOrigin+"/v1/client/handshake"):
			kind = Redirected
			if !b.handshake(location) {
				b.tell(Held, began)
				return 10 * time.Second
			}
		case res.StatusCode/100 == 3 && strings.HasPrefix(location, appOrigin): // the same page, without the nonce
		default:
			b.tell(Failed, began)
			return 0
		}
	}
	b.tell(Failed, began)
	return 0
}

// calls makes calls of a script, at the same time.
func (b *browser) calls() {
	var all sync.WaitGroup
	var mu sync.Mutex // of rng and the cookies
	for range b.w.s.Parallel {
		all.Go(func() {
			mu.Lock()
			r := b.request("empty")
			rng := mrand.New(mrand.NewPCG(b.rng.Uint64(), 0))
			mu.Unlock()
			began := b.w.now()
			res, took := b.w.serve(rng, r)
			mu.Lock()
			b.take(res)
			mu.Unlock()
			switch {
			case res.StatusCode == http.StatusOK && took == 0:
				b.tell(Served, began)
			case res.StatusCode == http.StatusOK:
				b.tell(Waited, began)
			case res.StatusCode == http.StatusServiceUnavailable:
				b.tell(Held, began)
			default:
				b.tell(Failed, began)
			}
		})
	}
	all.Wait()
}

func (b *browser) tell(k Kind, at time.Duration) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.counts.add(k, at, 1)
}

func (b *browser) request(destination string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, appOrigin+"/", nil)
	r.Header.Set("Sec-Fetch-Dest", destination)
	for name, c := range b.app {
		if time.Now().Before(c.until) {
			r.AddCookie(&http.Cookie{Name: name, Value: c.value}) //nolint:gosec // a request's
		}
	}
	return r
}

func (b *browser) send(destination string) (*http.Response, time.Duration) {
	res, took := b.w.serve(b.rng, b.request(destination))
	b.take(res)
	return res, took
}

// take keeps the cookies of a response.
func (b *browser) take(res *http.Response) {
	for _, c := range res.Cookies() {
		b.set(c)
	}
}

func (b *browser) set(c *http.Cookie) {
	switch {
	case c.Name == "__client":
		b.clerk = c.Value
	case c.MaxAge < 0:
		delete(b.app, c.Name)
	default:
		b.app[c.Name] = cookie{c.Value, time.Now().Add(time.Duration(c.MaxAge) * time.Second)}
	}
}

// handshake follows a redirect to the Frontend API. It reports whether that has answered.
func (b *browser) handshake(location string) bool {
	b.w.count(Handshakes)
	time.Sleep(frontendLatency)
	r := httptest.NewRequest(http.MethodGet, location, nil)
	r.Header.Set("Cookie", "__client="+b.clerk)
	res, err := b.w.ask(r)
	if err != nil || res.StatusCode >= http.StatusInternalServerError {
		return false
	}
	b.take(res)
	return true
}

// renew gets a new token for the page, as clerk-js does.
func (b *browser) renew() bool {
	time.Sleep(frontendLatency)
	r := httptest.NewRequest(http.MethodPost, clerkOrigin+"/v1/client/sessions/"+url.PathEscape(b.session.ID)+"/tokens", nil)
	r.Header.Set("Cookie", "__client="+b.clerk)
	r.Header.Set("Origin", appOrigin)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.w.ask(r)
	if err != nil || res.StatusCode != http.StatusOK {
		return false
	}
	body, _ := io.ReadAll(res.Body)
	var token struct{ JWT string }
	if json.Unmarshal(body, &token) != nil || token.JWT == "" {
		return false
	}
	for _, name := range []string{"__session", "__session_" + b.w.clerk.CookieSuffix()} {
		b.set(&http.Cookie{Name: name, Value: token.JWT, MaxAge: int(time.Hour / time.Second)}) //nolint:gosec // clerk-js sets it in the page
	}
	return true
}

// exponential returns a random time with a mean.
func exponential(rng *mrand.Rand, mean time.Duration) time.Duration {
	return time.Duration(rng.ExpFloat64() * float64(mean))
}

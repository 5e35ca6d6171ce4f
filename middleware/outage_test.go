package middleware_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// outages are the ways in which the Backend API fails.
var outages = map[string]func(s *slowClerk){
	"no connection": func(s *slowClerk) { s.becomes(0, true) },
	"hangs":         func(s *slowClerk) { s.becomes(forever, false) },
	"500":           func(s *slowClerk) { s.says(always(500)) },
	"503":           func(s *slowClerk) { s.says(always(503)) },
	"429":           func(s *slowClerk) { s.retryAfter = "20"; s.says(always(429)) },
}

func always(status int) func(string, string) (int, string) {
	return func(string, string) (int, string) { return status, `{"errors":[{"code":"x","message":"x"}]}` }
}

// goes breaks Clerk, and has the authenticator notice: requests that make no call themselves
// know of it only then.
func (s *slowClerk) goes(t *testing.T, a *middleware.Authenticator, breaks func(*slowClerk), frontendToo bool) {
	t.Helper()
	require.NoError(t, a.Ready(t.Context()))
	breaks(s)
	s.gone.Store(frontendToo)
	a.Authenticate(s.expiredPage(a, "sess_0", "rt_0"))
}

func as(method, dest string, r *http.Request) *http.Request {
	r.Method = method
	if r.Header.Set("Sec-Fetch-Dest", dest); dest == "empty" {
		r.Header.Set("Accept", "*/*")
	}
	return r
}

// TestHealthOfWhatWasNotAsked: what nobody has called is not called up.
func TestHealthOfWhatWasNotAsked(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.AnyToken} })
		defer a.Close()
		const up, down, notAsked = middleware.Up, middleware.Down, middleware.NotAsked
		assert.Equal(t, middleware.Health{Keys: down, BackendAPI: notAsked, MachineTokens: notAsked, FrontendAPI: notAsked, Store: up}, a.Health())
		require.NoError(t, a.Ready(t.Context()))
		assert.Equal(t, middleware.Health{Keys: up, BackendAPI: up, MachineTokens: notAsked, FrontendAPI: notAsked, Store: up}, a.Health())
		a.Authenticate(bearer("ak_unknown"))
		assert.Equal(t, up, a.Health().MachineTokens)
		s.becomes(0, true)
		a.Authenticate(bearer("ak_other"))
		assert.Equal(t, down, a.Health().MachineTokens)

		sdk := s.authenticator(func(o *middleware.Options) { o.Outage = middleware.OutageHandshake })
		defer sdk.Close()
		assert.Equal(t, up, sdk.Health().MachineTokens, "with OutageHandshake no outage is reported")
		assert.Equal(t, up, sdk.Health().BackendAPI)
	})
}

// TestWarningAboutTheKeysSaysItOnce: each layer has an error of its own for "Clerk did not
// answer", and the log needs none of them.
func TestWarningAboutTheKeysSaysItOnce(t *testing.T) {
	t.Parallel()
	log := &kit.Buffer{}
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) {
			o.Transport = kit.RoundTripFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
			o.Logger = slog.New(slog.NewTextHandler(log, nil))
		})
		defer a.Close()
		require.Error(t, a.Ready(t.Context()))
	})
	assert.Contains(t, log.String(), `msg="JWKS could not be fetched" error="fetch JWKS: clerkapi: get JWKS: no reply: connection refused"`)
}

// TestURLThatIsTooLong is not said to have a wrong host.
func TestURLThatIsTooLong(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		defer a.Close()
		r := httptest.NewRequest("GET", "/"+strings.Repeat("a", 40_000), nil)
		assert.Equal(t, "The request's URL is too long, or has too many slashes.", a.Authenticate(r).Message)
		r = httptest.NewRequest("GET", "/", nil)
		r.Host = "a/b"
		assert.Equal(t, "The request's host is not a valid one.", a.Authenticate(r).Message)
	})
}

// TestOutage is the table of docs/outage.md.
func TestOutage(t *testing.T) {
	t.Parallel()
	grace := func(o *middleware.Options) { o.OutageGrace = 5 * time.Minute }
	unsafe := func(o *middleware.Options) { o.OutageGrace, o.OutageGraceUnsafe = 5*time.Minute, true }
	short := func(o *middleware.Options) { o.OutageGrace = 30 * time.Second }
	type request = func(a *middleware.Authenticator, s *slowClerk) *http.Request
	expired := func(method, dest string) request {
		return func(a *middleware.Authenticator, s *slowClerk) *http.Request {
			return as(method, dest, s.expiredPage(a, "sess_1", "rt_1"))
		}
	}
	noCookies := func(_ *middleware.Authenticator, s *slowClerk) *http.Request {
		return as("GET", "empty", bearer(s.signed("expired sess_1", with{"sid": "sess_1", "iat": s.now.Unix() - 120, "exp": s.now.Unix() - 60})))
	}
	page, fetch, post, form := expired("GET", "document"), expired("GET", "empty"), expired("POST", "empty"), expired("POST", "document")
	const passes, handshake, unavailable, refused = 204, 307, 503, 401
	for name, test := range map[string]struct {
		options  func(*middleware.Options)
		request  request
		frontend bool // whether the Frontend API answers
		want     int
	}{
		"page, the Frontend API answers":        {nil, page, true, handshake},
		"fetch, the Frontend API answers":       {nil, fetch, true, unavailable},
		"POST, the Frontend API answers":        {nil, post, true, unavailable},
		"page, both down":                       {nil, page, false, unavailable},
		"fetch, both down":                      {nil, fetch, false, unavailable},
		"POST, both down":                       {nil, post, false, unavailable},
		"form, both down":                       {nil, form, false, unavailable},
		"header without cookies, both down":     {nil, noCookies, false, unavailable},
		"page, grace":                           {grace, page, false, passes},
		"fetch, grace":                          {grace, fetch, false, passes},
		"HEAD, grace":                           {grace, expired("HEAD", "document"), false, passes},
		"header without cookies, grace":         {grace, noCookies, false, passes},
		"page, grace, the Frontend API answers": {grace, page, true, handshake},
		"fetch, grace, Frontend API answers":    {grace, fetch, true, unavailable},
		"POST, grace":                           {grace, post, false, unavailable},
		"POST, grace for all methods":           {unsafe, post, false, passes},
		"page, outside the grace":               {short, page, false, unavailable},
		"live": {nil, func(_ *middleware.Authenticator, s *slowClerk) *http.Request {
			return s.page(s.signed("live", with{"exp": s.now.Unix() + 3600}))
		}, false, passes},
		"live, from another site": {nil, func(_ *middleware.Authenticator, s *slowClerk) *http.Request {
			r := s.page(s.signed("live", with{"exp": s.now.Unix() + 3600}))
			r.Header.Set("Referer", "https://other.example/")
			return r
		}, false, passes},
		"live, from another site, the Frontend API answers": {nil, func(_ *middleware.Authenticator, s *slowClerk) *http.Request {
			r := s.page(s.signed("live", with{"exp": s.now.Unix() + 3600}))
			r.Header.Set("Referer", "https://other.example/")
			return r
		}, true, handshake},
		"older than client_uat, both down": {nil, func(_ *middleware.Authenticator, s *slowClerk) *http.Request {
			r := s.page(s.signed("live", with{"exp": s.now.Unix() + 3600}))
			r.Header.Set("Cookie", r.Header.Get("Cookie")+"0") // a later client_uat
			return r
		}, false, unavailable},
		"bad signature, both down": {unsafe, func(a *middleware.Authenticator, s *slowClerk) *http.Request {
			r := s.expiredPage(a, "sess_1", "rt_1")
			token := s.signed("expired sess_1", nil)
			return as("GET", "empty", bearer(token[:len(token)-8]+"AAAAAAAA")).WithContext(r.Context())
		}, false, refused},
		"malformed, both down": {unsafe, func(*middleware.Authenticator, *slowClerk) *http.Request {
			return as("GET", "empty", bearer("e30.e30.AAAA"))
		}, false, refused},
		"nobody, both down": {unsafe, func(*middleware.Authenticator, *slowClerk) *http.Request {
			return as("GET", "empty", httptest.NewRequest("GET", flowOrigin+"/", nil))
		}, false, refused},
		"as the SDK, page": {func(o *middleware.Options) { o.Outage = middleware.OutageHandshake }, page, false, handshake},
		"as the SDK, POST": {func(o *middleware.Options) { o.Outage = middleware.OutageHandshake }, post, false, refused},
	} {
		for way, breaks := range outages {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				withSlowClerk(t, func(t *testing.T, s *slowClerk) {
					a := s.authenticator(test.options)
					s.goes(t, a, breaks, !test.frontend)
					w, _ := serve(a, middleware.Requirement{}, test.request(a, s))
					assert.Equal(t, test.want, w.Code)
					if w.Code == unavailable {
						assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
						assert.Equal(t, "unavailable", w.Header().Get("X-Clerk-Auth-Status"))
						wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
						assert.NoError(t, err)
						assert.Positive(t, wait)
						assert.Less(t, wait, 60)
						assert.Empty(t, w.Header()["Set-Cookie"])
						assert.Empty(t, w.Header()["Location"])
					}
				})
			})
		}
	}
}

// TestOutageIsNoticedByItsOwnCallsOnly: without a failed call, no request is answered as if
// Clerk were down, and the Frontend API is not probed.
func TestOutageIsNoticedByItsOwnCallsOnly(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		require.NoError(t, a.Ready(t.Context()))
		s.becomes(0, true)
		s.gone.Store(true)
		w, _ := serve(a, middleware.Requirement{}, as("POST", "empty", s.expiredPage(a, "sess_1", "rt_1")))
		assert.Equal(t, http.StatusUnauthorized, w.Code, "nothing was asked")
		s.becomes(0, false)
		s.says(always(http.StatusUnauthorized))
		w, _ = serve(a, middleware.Requirement{}, as("GET", "empty", s.expiredPage(a, "sess_1", "rt_1")))
		assert.Equal(t, http.StatusUnauthorized, w.Code, "Clerk has refused it")
		assert.Zero(t, s.probed.Load())
	})
}

// The Frontend API may fail some time after the Backend API. That it has answered before is no reason to send somebody
// there.
func TestFrontendAPIFailsLater(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		s.goes(t, a, outages["503"], false)
		status := func() int {
			w, _ := serve(a, middleware.Requirement{}, s.expiredPage(a, "sess_1", "rt_1"))
			return w.Code
		}
		require.Equal(t, http.StatusTemporaryRedirect, status())
		s.gone.Store(true)
		time.Sleep(6 * time.Second) // what a probe has found counts for five
		assert.Equal(t, http.StatusServiceUnavailable, status())
		assert.EqualValues(t, 2, s.probed.Load())
	})
}

// TestNobodyWaitsForAClerkThatIsDown counts the calls of an outage, and of the time after it.
func TestNobodyWaitsForAClerkThatIsDown(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		s.goes(t, a, outages["hangs"], true)
		expired := make([]*http.Request, 200)
		for i := range expired {
			expired[i] = s.expiredPage(a, fmt.Sprint("sess_", i), "rt_good")
		}
		var all sync.WaitGroup
		for _, r := range expired[:30] {
			all.Go(func() { assert.Equal(t, middleware.Unavailable, a.Authenticate(r).Status) })
		}
		all.Wait()
		began, before := time.Now(), s.asked.Load()
		slow := 0
		for time.Since(began) < 10*time.Minute {
			for _, r := range expired[:20] {
				state, d := took(a, r)
				require.Equal(t, middleware.Unavailable, state.Status)
				if d > 0 {
					slow++
				}
			}
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, s.asked.Load()-before, int64(125), "a probe each 5 s or more")
		assert.LessOrEqual(t, s.probed.Load(), int64(125))
		assert.LessOrEqual(t, slow, 130, "only the probe waits")

		s.says(s.refreshes("sess_1"))
		s.becomes(time.Second, false)
		s.gone.Store(false)
		time.Sleep(10 * time.Second)
		before = s.asked.Load()
		for _, r := range expired {
			all.Go(func() { a.Authenticate(r) })
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 1, s.asked.Load()-before, "a probe, not a herd")
		all.Wait()
		assert.Equal(t, middleware.SignedIn, a.Authenticate(expired[100]).Status)
	})
}

// TestRestIsSharedByAllCalls: Retry-After counts for calls of every kind.
func TestRestIsSharedByAllCalls(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.AnyToken} })
		s.goes(t, a, outages["429"], false)
		asked := s.asked.Load()
		for range 19 {
			assert.Equal(t, middleware.Unavailable, a.Authenticate(bearer("ak_1")).Status)
			assert.Equal(t, middleware.Unavailable, a.Authenticate(nonceRequest("n1")).Status)
			time.Sleep(time.Second)
		}
		assert.Equal(t, asked, s.asked.Load())
	})
}

func TestRefreshHasThreeSeconds(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		require.NoError(t, a.Ready(t.Context()))
		s.becomes(forever, false)
		_, d := took(a, s.expiredPage(a, "sess_1", "rt_1"))
		assert.Equal(t, 3*time.Second, d)
	})
}

func TestGrace(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) { o.OutageGrace = 10 * time.Minute })
		claims := with{"sid": "sess_1", "iat": s.now.Unix() - 300, "exp": s.now.Unix() - 240, "fva": []int{3, -1}}
		r := as("GET", "empty", bearer(s.signed("factors", claims)))
		s.goes(t, a, outages["500"], true)

		state := a.Authenticate(r)
		require.Equal(t, middleware.SignedIn, state.Status)
		assert.Equal(t, "user_1", state.Auth.UserID)
		assert.Equal(t, 4*time.Minute, state.Stale().Truncate(time.Second))
		assert.Equal(t, "no-store", state.Header.Get("Cache-Control"))
		require.Len(t, state.Auth.FactorVerificationAge, 2)
		assert.InDelta(t, 8, state.Auth.FactorVerificationAge[0], 0.1, "the factors have aged with the token")
		assert.InDelta(t, -1, state.Auth.FactorVerificationAge[1], 0)

		w, reached := serve(a, middleware.Requirement{Reverification: "lax"}, r)
		assert.False(t, reached)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code, "a recent verification takes Clerk")
		assert.NotEmpty(t, w.Header().Get("Retry-After"))

		_ = a.Revoke(t.Context(), middleware.Revocation{SessionID: "sess_1"})
		state = a.Authenticate(r)
		assert.Equal(t, middleware.SignedOut, state.Status, "a known revocation wins")
		assert.Equal(t, middleware.ReasonSessionRevoked, state.Reason)

		other := as("GET", "empty", bearer(s.signed("other", with{"sid": "sess_2", "iat": s.now.Unix() - 120, "exp": s.now.Unix() - 60})))
		require.Equal(t, middleware.SignedIn, a.Authenticate(other).Status)
		_ = a.Revoke(t.Context(), middleware.Revocation{Everyone: true})
		assert.Equal(t, middleware.Unavailable, a.Authenticate(other).Status, "what must be renewed has no grace")
	})
}

func TestMachineTokensInAnOutage(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"without a grace": 0, "with a grace": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				a := s.authenticator(func(o *middleware.Options) {
					o.AcceptsToken, o.OutageGrace = []middleware.TokenType{middleware.APIKeyToken}, grace
				})
				s.says(func(string, string) (int, string) {
					return http.StatusOK, `{"object":"api_key","id":"ak_1","subject":"user_1","name":"n","scopes":[]}`
				})
				known := as("POST", "empty", bearer("ak_1"))
				require.Equal(t, middleware.SignedIn, a.Authenticate(known).Status)
				s.becomes(0, true)
				time.Sleep(15 * time.Second)
				w, reached := serve(a, middleware.Requirement{}, known)
				assert.Equal(t, grace > 0, reached)
				if grace > 0 {
					assert.Equal(t, 15*time.Second, a.Authenticate(known).Stale())
				} else {
					assert.Equal(t, http.StatusServiceUnavailable, w.Code)
					assert.NotEmpty(t, w.Header().Get("Retry-After"))
				}
				w, _ = serve(a, middleware.Requirement{}, as("GET", "empty", bearer("ak_2")))
				assert.Equal(t, http.StatusServiceUnavailable, w.Code, "nobody has verified it")
				_, err := a.VerifyToken(t.Context(), "ak_2")
				var refused *middleware.TokenError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, middleware.ReasonVerificationUnavailable, refused.Reason)
				assert.Positive(t, refused.RetryAfter)
				time.Sleep(time.Minute)
				w, _ = serve(a, middleware.Requirement{}, known)
				assert.Equal(t, http.StatusServiceUnavailable, w.Code, "a minute is the most")
				s.becomes(0, false)
				s.says(always(http.StatusNotFound))
				time.Sleep(20 * time.Second)
				w, _ = serve(a, middleware.Requirement{}, known)
				require.Equal(t, http.StatusUnauthorized, w.Code)
				s.becomes(0, true)
				time.Sleep(15 * time.Second)
				w, _ = serve(a, middleware.Requirement{}, known)
				assert.Equal(t, http.StatusServiceUnavailable, w.Code, "what Clerk has refused since is not accepted")
			})
		})
	}
}

// TestKeysAreNotToBeHad: a token that cannot be verified may be valid.
func TestKeysAreNotToBeHad(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]vectors.Answer{
		"no connection": {Hangup: true},
		"502":           {Status: 502, ContentType: "text/html", Body: "<html>"},
		"500":           {Status: 500, ContentType: "application/json", Body: `{"errors":[{"code":"internal_clerk_error"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, 0)
			a := f.authenticator(func(o *middleware.Options) {
				o.Transport, o.AcceptsToken = keysFrom{f, answer}, []middleware.TokenType{middleware.AnyToken}
			})
			machine := f.token(with{"cat": nil}, with{"sub": "mch_1", "sid": nil, "azp": nil})
			for carrier, r := range map[string]*http.Request{
				"header": bearer(f.token(nil, nil)), "cookie": f.page(f.token(nil, nil)), "machine": bearer(machine),
			} {
				w, reached := serve(a, middleware.Requirement{}, r)
				assert.False(t, reached)
				assert.Equal(t, http.StatusServiceUnavailable, w.Code, carrier)
				assert.Equal(t, string(middleware.ReasonVerificationUnavailable), w.Header().Get("X-Clerk-Auth-Reason"), carrier)
			}
			good := f.token(nil, nil)
			for what, token := range map[string]string{
				"malformed":             "e30.e30.AAAA",
				"no token":              "x",
				"no algorithm":          f.token(with{"alg": "none"}, nil),
				"a symmetric algorithm": f.token(with{"alg": "HS256"}, nil),
				"another type":          f.token(with{"typ": "secevent+jwt"}, nil),
				"no key named":          f.token(with{"kid": nil}, nil),
				"cut short":             good[:len(good)-4],
				"unsigned":              good[:strings.LastIndexByte(good, '.')+1],
			} {
				w, _ := serve(a, middleware.Requirement{}, as("GET", "empty", bearer(token)))
				assert.Equal(t, http.StatusUnauthorized, w.Code, "%s: no key would help", what)
			}
		})
	}
}

// TestAnswersDuringAnOutage: people get a page that reloads itself, programs an error that
// tells them when to retry.
func TestAnswersDuringAnOutage(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		s.goes(t, a, outages["no connection"], true)
		time.Sleep(90 * time.Second)
		a.Authenticate(s.expiredPage(a, "sess_0", "rt_0"))

		w, _ := serve(a, middleware.Requirement{}, s.expiredPage(a, "sess_1", "rt_1"))
		reload, err := strconv.Atoi(w.Header().Get("Refresh"))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, reload, 5)
		assert.Contains(t, w.Header().Get("Content-Type"), "text/html")
		assert.Contains(t, w.Body.String(), "since "+time.Now().Add(-90*time.Second).UTC().Format("15:04 UTC"))

		w, _ = serve(a, middleware.Requirement{}, as("POST", "document", s.expiredPage(a, "sess_1", "rt_1")))
		assert.Empty(t, w.Header().Get("Refresh"), "a form is not sent again by itself")
		assert.Contains(t, w.Body.String(), "<html")

		ahead := s.expiredPage(a, "sess_1", "rt_1")
		ahead.Header.Set("Sec-Purpose", "prefetch")
		w, _ = serve(a, middleware.Requirement{}, ahead)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Empty(t, w.Header().Get("Retry-After"), "Chromium would fetch nothing ahead for as long")

		for accept, kind := range map[string]string{"*/*": "application/json", "application/problem+json": "application/problem+json"} {
			r := as("GET", "empty", s.expiredPage(a, "sess_1", "rt_1"))
			r.Header.Set("Accept", accept)
			w, _ = serve(a, middleware.Requirement{}, r)
			assert.Equal(t, kind, w.Header().Get("Content-Type"))
			assert.Empty(t, w.Header().Get("Refresh"))
			var body struct {
				Errors      []struct{ Code, Message string }
				Recoverable bool
				Status      int
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.Equal(t, "clerk_unavailable", body.Errors[0].Code)
			assert.True(t, body.Recoverable)
			assert.Equal(t, accept != "*/*", body.Status == http.StatusServiceUnavailable)
		}
	})
}

// TestHandshakeNeedsNoBackendAPI: while it is down, the Frontend API is asked for a token
// rather than for a nonce, and a nonce from before is not taken for a signed-out browser.
func TestHandshakeNeedsNoBackendAPI(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		require.NoError(t, a.Ready(t.Context()))
		assert.Contains(t, a.Authenticate(s.page("")).Location(), "format=nonce")
		s.goes(t, a, outages["500"], false)
		assert.NotContains(t, a.Authenticate(s.page("")).Location(), "format=")
		assert.Equal(t, middleware.Unavailable, a.Authenticate(nonceRequest("n1")).Status)
		s.says(func(string, string) (int, string) {
			return http.StatusOK, fmt.Sprintf(`{"directives":["__session=%s; Path=/"]}`, s.token(nil, with{"exp": s.now.Unix() + 3600}))
		})
		time.Sleep(10 * time.Second)
		assert.Equal(t, middleware.SignedIn, a.Authenticate(nonceRequest("n1")).Status, "it still works afterwards")
	})
}

// TestTooManyRefreshesAreNotSignedOut: after an outage all clients come back at once, and a
// program that cannot be served then is told to retry.
func TestTooManyRefreshesAreNotSignedOut(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) { o.BackendRateLimit = 12 })
		s.says(s.refreshes("sess_1"))
		statuses := map[middleware.Status]int{}
		for i := range 20 {
			statuses[a.Authenticate(as("GET", "empty", s.expiredPage(a, fmt.Sprint("sess_", i), "rt_good"))).Status]++
		}
		assert.Positive(t, statuses[middleware.SignedIn])
		assert.Equal(t, 20, statuses[middleware.SignedIn]+statuses[middleware.Unavailable])
		assert.Equal(t, middleware.Handshake, a.Authenticate(s.expiredPage(a, "sess_x", "rt_good")).Status)
		assert.Zero(t, s.probed.Load(), "nothing has failed")
	})
}

// keysGone is a Backend API whose JWKS can be lost.
type keysGone struct {
	*forge
	gone  *bool
	asked *int
}

func (k keysGone) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/jwks" {
		if *k.asked++; *k.gone {
			return nil, errors.New("connection refused")
		}
	}
	return k.forge.RoundTrip(r)
}

// TestNewKeyWhileTheKeysCannotBeFetched: Clerk has new keys, and its JWKS is down. The people with
// tokens of the new key would be sent to sign in again and again.
func TestNewKeyWhileTheKeysCannotBeFetched(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	gone, asked := false, 0
	a := f.authenticator(func(o *middleware.Options) { o.Transport = keysGone{f, &gone, &asked} })
	known := f.page(f.token(nil, with{"exp": f.now.Unix() + 3600}))
	require.Equal(t, middleware.SignedIn, a.Authenticate(known).Status)
	gone = true
	for i := range 60 {
		r := f.page(f.token(with{"kid": fmt.Sprint("new_", i)}, with{"exp": f.now.Unix() + 3600}))
		w, _ := serve(a, middleware.Requirement{}, r)
		require.Equal(t, http.StatusServiceUnavailable, w.Code, "request %d", i)
		require.Equal(t, middleware.SignedIn, a.Authenticate(known).Status, "known keys go on")
		f.now = f.now.Add(400 * time.Millisecond)
	}
	assert.LessOrEqual(t, asked, 20)
	gone = false
	f.now = f.now.Add(10 * time.Second)
	r := f.page(f.token(with{"kid": "new_61"}, with{"exp": f.now.Unix() + 3600}))
	f.kid = "new_61"
	assert.Equal(t, middleware.SignedIn, a.Authenticate(r).Status)
}

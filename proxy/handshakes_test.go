package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/handshakes"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// watched is clerkgate on a local Clerk, behind a gateway that a test can bend.
type watched struct {
	clerk   *clerktest.Server
	proxy   *Proxy
	gateway *httptest.Server
	log     *kit.Buffer
	answers func(*http.Request, http.Header) // changes what the gateway passes back
	asks    func(*http.Request)              // changes what it passes on
}

func watch(t *testing.T, change func(*settings.Config)) *watched {
	t.Helper()
	w := &watched{
		clerk:   clerktest.NewServer(t, clerktest.Options{SigningKey: kit.RSAKey(t, 0)}),
		answers: func(*http.Request, http.Header) {}, asks: func(*http.Request) {},
	}
	s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), func(c *settings.Config) {
		c.Auth.PublishableKey, c.Auth.SecretKey, c.Auth.Transport = w.clerk.PublishableKey(), w.clerk.SecretKey(), nil
		c.Auth.APIURL, c.Auth.ProxyURL, c.Auth.SignInURL, c.Auth.JWTKey = w.clerk.URL, w.clerk.URL, w.clerk.URL+"/sign-in", ""
		if change != nil {
			change(c)
		}
	})
	w.proxy, w.log = s.proxy, s.log
	// However slow this machine is, requests follow each other by this clock.
	var now atomic.Int64
	w.proxy.handshakes = handshakes.New(handshakes.Options{
		Origins: w.proxy.origins, Logger: w.proxy.logger,
		Now: func() time.Time { return time.Unix(1_800_000_000, now.Add(int64(1200*time.Millisecond))) },
	})
	behind, err := url.Parse(s.URL)
	require.NoError(t, err)
	w.gateway = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host
			w.asks(r.Out)
		},
		ModifyResponse: func(res *http.Response) error { w.answers(res.Request, res.Header); return nil },
	})
	t.Cleanup(w.gateway.Close)
	return w
}

// signedIn returns a browser whose session token is over.
func (w *watched) signedIn(t *testing.T) *kit.Browser {
	t.Helper()
	b := kit.NewBrowser(t)
	b.SetCookies(w.gateway.URL, w.clerk.Cookies(w.clerk.SignIn("jane@example.com").ID, w.gateway.URL)...)
	return b
}

func (w *watched) names() (names []string) {
	for _, c := range w.proxy.handshakes.Causes() {
		names = append(names, c.Name)
	}
	return names
}

// TestCausesOfLoops produces causes for real, with a browser, a local Clerk and a gateway.
func TestCausesOfLoops(t *testing.T) {
	t.Parallel()
	t.Run("a browser that signs in", func(t *testing.T) {
		t.Parallel()
		w := watch(t, nil)
		b := kit.NewBrowser(t)
		b.Open(w.gateway.URL + "/")
		b = w.signedIn(t)
		assert.Equal(t, http.StatusOK, b.Open(w.gateway.URL+"/").StatusCode)
		assert.Empty(t, w.names())
		assert.NotEmpty(t, w.proxy.handshakes.Records())
	})
	t.Run("a gateway that drops Set-Cookie", func(t *testing.T) {
		t.Parallel()
		w := watch(t, nil)
		w.answers = func(_ *http.Request, h http.Header) { h.Del("Set-Cookie") }
		b := kit.NewBrowser(t).Stay()
		for range 6 {
			b.Open(w.gateway.URL + "/")
		}
		assert.Contains(t, w.names(), handshakes.CookiesDropped)
		assert.Contains(t, w.log.String(), handshakes.CookiesDropped)
		assert.Equal(t, 1, strings.Count(w.log.String(), "cause="+handshakes.CookiesDropped), "said once")
	})
	t.Run("a scheme that nobody is trusted to say", func(t *testing.T) {
		t.Parallel()
		w := watch(t, nil)
		w.asks = func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }
		kit.NewBrowser(t).Open(w.gateway.URL + "/")
		assert.Equal(t, []string{handshakes.SchemeWrong}, w.names())
	})
	t.Run("a redirect that is cached", func(t *testing.T) {
		t.Parallel()
		w := watch(t, nil)
		// The cache answers every handshake with the first result.
		first := ""
		w.asks = func(r *http.Request) {
			if nonce := r.URL.Query().Get("__clerk_handshake_nonce"); nonce != "" && first == "" {
				first = r.URL.RawQuery
			} else if nonce != "" {
				r.URL.RawQuery = first
			}
		}
		for _, agent := range []string{"one", "two"} {
			b := kit.NewBrowser(t)
			b.Header = http.Header{"User-Agent": {agent}}
			b.Open(w.gateway.URL + "/")
		}
		assert.Contains(t, w.names(), handshakes.RedirectCached)
	})
	t.Run("tokens of another origin", func(t *testing.T) {
		t.Parallel()
		w := watch(t, func(c *settings.Config) { c.Auth.AuthorizedParties = []string{"https://app.example.com"} })
		w.signedIn(t).Open(w.gateway.URL + "/")
		assert.Contains(t, w.names(), handshakes.PartyForeign)
	})
	t.Run("one cookie twice", func(t *testing.T) {
		t.Parallel()
		w := watch(t, nil)
		w.asks = func(r *http.Request) {
			r.Header.Set("Cookie", "__client_uat=0; "+r.Header.Get("Cookie")+"; __client_uat=1")
		}
		kit.NewBrowser(t).Open(w.gateway.URL + "/")
		assert.Contains(t, w.names(), handshakes.CookieTwice)
	})
	t.Run("keys of another instance", func(t *testing.T) {
		t.Parallel()
		other := clerktest.NewServer(t, clerktest.Options{SigningKey: kit.RSAKey(t, 1)})
		w := watch(t, nil)
		b := kit.NewBrowser(t)
		b.SetCookies(w.gateway.URL, other.Cookies(other.SignIn("jane@example.com").ID, w.gateway.URL)...)
		for range 3 {
			b.Fetch(http.MethodGet, w.gateway.URL+"/", "")
		}
		assert.Contains(t, w.names(), handshakes.KeysMixed)
	})
}

// The page that ends a loop says why, in development, and the loop is counted by its cause.
func TestLoopPageSaysWhy(t *testing.T) {
	t.Parallel()
	w := watch(t, nil)
	// Cookies with more than a number are lost, so that the loop guard still counts.
	w.answers = func(_ *http.Request, h http.Header) {
		kept := h.Values("Set-Cookie")
		h.Del("Set-Cookie")
		for _, line := range kept {
			if strings.HasPrefix(line, "__clerk_redirect_count=") {
				h.Add("Set-Cookie", line)
			}
		}
	}
	reply := kit.NewBrowser(t).Open(w.gateway.URL + "/")
	assert.Contains(t, reply.Text, "sent to the sign-in service several times")
	assert.Contains(t, reply.Text, "does not keep the cookie __clerk_db_jwt")
	loops := w.proxy.handshakes.Loops()
	assert.EqualValues(t, 1, loops[handshakes.CookiesBlocked], "%v", loops)
}

func TestDoctorPageHoldsNothingSecret(t *testing.T) {
	t.Parallel()
	w := watch(t, nil)
	b := w.signedIn(t)
	b.SetCookies(w.gateway.URL, &http.Cookie{Name: "__session", Value: "planted0token"})
	b.Open(w.gateway.URL + "/?__clerk_handshake_nonce=planted0nonce")
	rec := httptest.NewRecorder()
	w.proxy.handshakes.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/-/doctor", nil))
	var told handshakes.Report
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &told))
	assert.NotEmpty(t, told.Handshakes)
	assert.NotContains(t, rec.Body.String(), "planted0")
	assert.Contains(t, told.Loops, handshakes.Unknown)
}

package doctor

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// world is a local Clerk, an application, clerkgate, and a gateway in front of it, each at a
// socket of its own.
type world struct {
	clerk   *clerktest.Server
	cfg     settings.Config
	gateway *httptest.Server
	// pass is what the gateway does in place of passing a request on; change is what it does
	// with answers.
	pass   func(http.ResponseWriter, *http.Request) bool
	change func(http.Header)
	opts   Options
}

// newWorld starts one. configure changes the configuration before clerkgate starts.
func newWorld(t *testing.T, secure bool, configure func(*world)) *world {
	t.Helper()
	w := &world{clerk: clerktest.NewServer(t, clerktest.Options{SigningKey: kit.RSAKey(t, 0)})}
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(app.Close)
	environment := map[string]string{
		"CLERK_PUBLISHABLE_KEY": w.clerk.PublishableKey(), "CLERK_SECRET_KEY": w.clerk.SecretKey(),
		"CLERK_API_URL": w.clerk.URL, "CLERK_PROXY_URL": w.clerk.URL, "CLERK_SIGN_IN_URL": w.clerk.URL + "/sign-in",
		"CLERKGATE_UPSTREAM": app.URL, "CLERKGATE_LISTEN": "127.0.0.1:0",
	}
	var err error
	w.cfg, _, err = settings.Load(func(name string) (string, bool) { s, ok := environment[name]; return s, ok }, nil)
	require.NoError(t, err)

	inner := httptest.NewUnstartedServer(nil)
	inner.Start()
	t.Cleanup(inner.Close)
	behind, err := url.Parse(inner.URL)
	require.NoError(t, err)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		ModifyResponse: func(r *http.Response) error { w.change(r.Header); return nil },
	}
	w.pass, w.change = func(http.ResponseWriter, *http.Request) bool { return false }, func(http.Header) {}
	w.gateway = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.pass(rw, r) {
			forward.ServeHTTP(rw, r)
		}
	}))
	if secure {
		w.gateway.StartTLS()
	} else {
		w.gateway.Start()
	}
	t.Cleanup(w.gateway.Close)
	public, err := url.Parse(w.gateway.URL + "/")
	require.NoError(t, err)
	w.opts = Options{PublicURL: public, Transport: w.gateway.Client().Transport}
	if configure != nil {
		configure(w)
	}
	gate, err := proxy.New(w.cfg, proxy.Deps{})
	require.NoError(t, err)
	t.Cleanup(gate.Close)
	inner.Config.Handler = gate
	w.opts.Config = w.cfg
	return w
}

// troubles returns the names of the checks that did not pass, with their status.
func troubles(results []Result) map[string]Status {
	found := make(map[string]Status)
	for _, r := range results {
		if r.Status != Pass && found[r.Name] != Fail {
			found[r.Name] = r.Status
		}
	}
	return found
}

func messages(results []Result) string {
	var all []string
	for _, r := range results {
		all = append(all, r.Name+": "+r.Message+" "+r.Detail+" "+r.Remedy)
	}
	return strings.Join(all, "\n")
}

func TestHealthySetupsPass(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "behind TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, secure, func(w *world) {
				w.cfg.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
				w.cfg.Auth.AuthorizedParties = []string{w.gateway.URL}
				w.cfg.Auth.JWTKey = strings.TrimSpace(kit.PublicPEM(t, &kit.RSAKey(t, 0).PublicKey))
			})
			results := Examine(t.Context(), w.opts)
			assert.Empty(t, troubles(results), messages(results))
			var names []string
			for _, r := range results {
				names = append(names, r.Name)
			}
			for _, expected := range []string{"secret-key", "instance", "clock", "frontend-api", "handshake", "public-url", "caching", "sign-in", "upstream"} {
				assert.Contains(t, names, expected)
			}
		})
	}
}

// TestCauses produces each cause for real, and expects the doctor to name it, and nothing else.
func TestCauses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		secure    bool
		configure func(t *testing.T, w *world)
		expect    map[string]Status
		says      string
	}{
		"a secret key of nobody": {
			configure: func(_ *testing.T, w *world) { w.cfg.Auth.SecretKey = "sk_test_of0nobody" },
			expect:    map[string]Status{"secret-key": Fail}, says: "refuses the secret key",
		},
		"keys of two instances": {
			configure: func(t *testing.T, w *world) {
				other := clerktest.NewServer(t, clerktest.Options{SigningKey: kit.RSAKey(t, 1)})
				w.cfg.Auth.APIURL, w.cfg.Auth.SecretKey = other.URL, other.SecretKey()
			},
			expect: map[string]Status{"instance": Fail}, says: "different instances",
		},
		"a PEM key of another instance": {
			configure: func(t *testing.T, w *world) {
				w.cfg.Auth.JWTKey = strings.TrimSpace(kit.PublicPEM(t, &kit.RSAKey(t, 1).PublicKey))
			},
			expect: map[string]Status{"instance": Fail}, says: "CLERK_JWT_KEY is not a key of this instance",
		},
		"a clock a bit ahead": {
			configure: func(_ *testing.T, w *world) { w.opts.Now = shifted(4 * time.Second) },
			expect:    map[string]Status{"clock": Warn}, says: "ahead of Clerk's",
		},
		"a clock far behind": {
			configure: func(_ *testing.T, w *world) { w.opts.Now = shifted(-2 * time.Minute) },
			expect:    map[string]Status{"clock": Fail}, says: "behind Clerk's",
		},
		"the end of the API version": {
			configure: func(_ *testing.T, w *world) {
				w.answers(func(r *http.Request, h http.Header) {
					if r.URL.Path == "/v1/jwks" {
						h.Set("Deprecation", "@1767225600")
						h.Set("Sunset", "Fri, 01 Jan 2027 00:00:00 GMT")
					}
				})
			},
			expect: map[string]Status{"protocol": Warn}, says: "Sunset: Fri, 01 Jan 2027",
		},
		"no Backend API": {
			configure: func(t *testing.T, w *world) { w.cfg.Auth.APIURL = "http://" + kit.Refusing(t) },
			expect:    map[string]Status{"secret-key": Fail}, says: "cannot be reached",
		},
		"no Frontend API": {
			configure: func(_ *testing.T, w *world) { w.cfg.Auth.ProxyURL = "http://clerk.invalid" },
			expect:    map[string]Status{"frontend-api": Fail, "proxy-url": Fail}, says: "does not resolve",
		},
		"a Frontend API with a certificate of nobody": {
			configure: func(t *testing.T, w *world) {
				server := httptest.NewUnstartedServer(http.NotFoundHandler())
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.StartTLS()
				t.Cleanup(server.Close)
				w.cfg.Auth.ProxyURL = server.URL
			},
			expect: map[string]Status{"frontend-api": Fail, "proxy-url": Fail}, says: "no certificate that this machine trusts",
		},
		"a page where the Frontend API should be": {
			configure: func(t *testing.T, w *world) {
				server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<p>Parked</p>")) }))
				t.Cleanup(server.Close)
				w.cfg.Auth.ProxyURL = server.URL
			},
			expect: map[string]Status{"frontend-api": Fail, "proxy-url": Fail, "handshake": Fail}, says: "is not Clerk's Frontend API",
		},
		"a proxy path that the gateway keeps": {
			configure: func(_ *testing.T, w *world) {
				w.cfg.FrontendAPI, _ = url.Parse(w.clerk.URL)
				w.cfg.Auth.ProxyURL = "/__clerk"
				w.pass = func(rw http.ResponseWriter, r *http.Request) bool {
					taken := strings.HasPrefix(r.URL.Path, "/__clerk")
					if taken {
						http.NotFound(rw, r)
					}
					return taken
				}
			},
			expect: map[string]Status{"proxy-url": Fail}, says: "must pass /__clerk/* to it",
		},
		"a host that is unknown to the instance": {
			configure: func(_ *testing.T, w *world) {
				w.opts.PublicURL = &url.URL{Scheme: "http", Host: "app.other.example", Path: "/"}
				w.leads("app.other.example")
			},
			expect: map[string]Status{"handshake": Fail}, says: "domain of this instance",
		},
		"X-Forwarded-Proto of nobody who is trusted": {
			secure:    true,
			configure: func(_ *testing.T, w *world) { w.cfg.Auth.TrustedProxies = nil },
			expect:    map[string]Status{"public-url": Fail, "trusted-proxies": Warn}, says: "takes the public URL for http",
		},
		"a gateway that writes Host anew": {
			configure: func(_ *testing.T, w *world) {
				w.cfg.Auth.TrustedProxies = nil
				w.pass = func(_ http.ResponseWriter, r *http.Request) bool { r.Host = "localhost:3000"; return false }
			},
			expect: map[string]Status{"public-url": Fail}, says: "another host",
		},
		"a gateway that drops Set-Cookie": {
			configure: func(_ *testing.T, w *world) { w.change = func(h http.Header) { h.Del("Set-Cookie") } },
			expect:    map[string]Status{"public-url": Fail}, says: "removes Set-Cookie",
		},
		"a gateway that caches": {
			configure: func(_ *testing.T, w *world) {
				w.change = func(h http.Header) { h.Set("X-Cache", "HIT from edge"); h.Set("Age", "12") }
			},
			expect: map[string]Status{"caching": Fail}, says: "A cache answers",
		},
		"a gateway that lets others cache": {
			configure: func(_ *testing.T, w *world) {
				w.change = func(h http.Header) { h.Set("Cache-Control", "public, max-age=60") }
			},
			expect: map[string]Status{"caching": Fail}, says: "removes Cache-Control: no-store",
		},
		"two hosts that redirect to each other": {
			configure: func(_ *testing.T, w *world) {
				w.pass = func(rw http.ResponseWriter, r *http.Request) bool {
					to := "http://localhost:" + w.opts.PublicURL.Port() + "/"
					if strings.HasPrefix(r.Host, "localhost") {
						to = w.gateway.URL + "/"
					}
					http.Redirect(rw, r, to, http.StatusMovedPermanently)
					return true
				}
			},
			expect: map[string]Status{"public-url": Fail}, says: "in a circle",
		},
		"an application without clerkgate": {
			configure: func(_ *testing.T, w *world) {
				w.pass = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = rw.Write([]byte("hello")); return true }
			},
			expect: map[string]Status{"public-url": Warn}, says: "may not be in front of it",
		},
		"a public URL where nobody listens": {
			configure: func(t *testing.T, w *world) {
				w.opts.PublicURL = &url.URL{Scheme: "http", Host: kit.Refusing(t), Path: "/"}
			},
			expect: map[string]Status{"public-url": Fail}, says: "The public URL cannot be reached",
		},
		"tokens of another origin": {
			configure: func(_ *testing.T, w *world) { w.cfg.Auth.AuthorizedParties = []string{"https://app.example.com"} },
			expect:    map[string]Status{"authorized-parties": Fail}, says: "Tokens of the public URL are refused",
		},
		"everybody is trusted": {
			configure: func(_ *testing.T, w *world) {
				w.cfg.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
			},
			expect: map[string]Status{"trusted-proxies": Warn}, says: "Every client",
		},
		"a sign-in page behind the gate": {
			configure: func(_ *testing.T, w *world) {
				w.pass = func(rw http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/login" {
						http.Redirect(rw, r, "/login?redirect_url=x", http.StatusTemporaryRedirect)
						return true
					}
					return false
				}
				w.cfg.Auth.SignInURL = "/login"
			},
			expect: map[string]Status{"sign-in": Fail}, says: "to itself",
		},
		"a sign-in page that is none": {
			configure: func(_ *testing.T, w *world) { w.cfg.Auth.SignInURL = w.clerk.URL + "/nothing" },
			expect:    map[string]Status{"sign-in": Fail}, says: "The sign-in page answers 404",
		},
		"webhooks that are redirected": {
			configure: func(_ *testing.T, w *world) {
				w.cfg.WebhookSecrets = []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
				w.pass = func(rw http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost {
						http.Redirect(rw, r, "https://app.example.com/login", http.StatusFound)
					}
					return r.Method == http.MethodPost
				}
			},
			expect: map[string]Status{"webhooks": Fail}, says: "follows no redirect",
		},
		"no store": {
			configure: func(t *testing.T, w *world) { w.cfg.Store = "redis://" + kit.Refusing(t) },
			expect:    map[string]Status{"store": Fail}, says: "shared store",
		},
		"an application that is not started": {
			configure: func(t *testing.T, w *world) { w.cfg.Upstream = &url.URL{Scheme: "http", Host: kit.Refusing(t)} },
			expect:    map[string]Status{"upstream": Fail}, says: "accepts no connection",
		},
		"two causes": {
			configure: func(t *testing.T, w *world) {
				w.cfg.Upstream = &url.URL{Scheme: "http", Host: kit.Refusing(t)}
				w.change = func(h http.Header) { h.Del("Set-Cookie"); h.Set("Age", "9") }
				w.opts.Now = shifted(-time.Hour)
			},
			expect: map[string]Status{"upstream": Fail, "public-url": Fail, "caching": Fail, "clock": Fail}, says: "removes Set-Cookie",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.secure, func(w *world) {
				w.cfg.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
				test.configure(t, w)
			})
			results := Examine(t.Context(), w.opts)
			assert.Equal(t, test.expect, troubles(results), messages(results))
			assert.Contains(t, messages(results), test.says)
			for _, r := range results {
				assert.Equal(t, r.Status == Pass, r.Remedy == "", "%s: what does not pass, and nothing else, has a remedy", r.Name)
			}
		})
	}
}

func shifted(by time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(by) }
}

// answers lets a test change the headers of answers to the doctor.
func (w *world) answers(change func(*http.Request, http.Header)) {
	base := w.opts.Transport
	w.opts.Transport = kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		res, err := base.RoundTrip(r)
		if err == nil {
			change(r, res.Header)
		}
		return res, err
	})
}

// leads makes the doctor find the gateway under another name.
func (w *world) leads(host string) {
	base, to := w.opts.Transport, w.gateway.Listener.Addr().String()
	w.opts.Transport = kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == host {
			r = r.Clone(r.Context())
			r.Host, r.URL.Host = host, to
		}
		return base.RoundTrip(r)
	})
}

// An upstream that is another clerkgate, which leads to the first.
func TestCircles(t *testing.T) {
	t.Parallel()
	first := newWorld(t, false, nil)
	second := newWorld(t, false, func(w *world) { w.cfg.Upstream, _ = url.Parse(first.gateway.URL) })
	results := Examine(t.Context(), second.opts)
	assert.Equal(t, map[string]Status{"upstream": Fail}, troubles(results), messages(results))
	assert.Contains(t, messages(results), "is clerkgate itself")
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"app.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	signer := kit.RSAKey(t, 0)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &signer.PublicKey, signer)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, []byte(kit.PrivatePEM(t, signer)), 0o600))
	broken := filepath.Join(folder, "broken.pem")
	require.NoError(t, os.WriteFile(broken, nil, 0o600))

	for name, test := range map[string]struct {
		file   string
		later  time.Duration
		host   string
		status Status
		says   string
	}{
		"valid":        {cert, 0, "app.example.com", Pass, "is valid"},
		"another name": {cert, 0, "app.example.org", Warn, "is not for app.example.org"},
		"an address":   {cert, 0, "192.0.2.1", Pass, "is valid"},
		"ends soon":    {cert, 80 * 24 * time.Hour, "app.example.com", Warn, "within three weeks"},
		"over":         {cert, 91 * 24 * time.Hour, "app.example.com", Fail, "is not valid now"},
		"not yet":      {cert, -2 * time.Hour, "app.example.com", Fail, "is not valid now"},
		"no file":      {filepath.Join(folder, "none.pem"), 0, "app.example.com", Fail, "cannot be used"},
		"broken":       {broken, 0, "app.example.com", Fail, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExamination(Options{Now: shifted(test.later), PublicURL: &url.URL{Scheme: "https", Host: test.host}})
			e.cfg.TLSCertificateFile, e.cfg.TLSKeyFile = test.file, key
			results := e.certificates(t.Context())
			require.Len(t, results, 1)
			assert.Equal(t, test.status, results[0].Status)
			assert.Contains(t, results[0].Message, test.says)
		})
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	results := []Result{
		{Name: "clock", Status: Pass, Message: "The clock agrees with Clerk's.", Detail: "more"},
		{Name: "store", Status: Fail, Message: "The shared store does not answer.", Detail: strings.Repeat("word ", 40), Remedy: "Start it."},
	}
	var out bytes.Buffer
	require.NoError(t, Print(&out, results, false))
	assert.Contains(t, out.String(), "pass   clock              The clock agrees with Clerk's.\n")
	assert.NotContains(t, out.String(), "more")
	assert.Contains(t, out.String(), "→ Start it.")
	assert.Contains(t, out.String(), "1 failed, 0 to look at, 1 passed.")
	out.Reset()
	require.NoError(t, Print(&out, results, true))
	assert.Contains(t, out.String(), "more")

	out.Reset()
	require.NoError(t, PrintJSON(&out, results))
	var told struct {
		OK      bool
		Results []Result
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &told))
	assert.False(t, told.OK)
	assert.Equal(t, results, told.Results)
}

// What comes from the network is neither trusted nor shown whole, and keys are not shown.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false, func(w *world) {
		w.cfg.Auth.SecretKey = "sk_test_planted0secret"
		w.cfg.Store = "redis://user:planted0password@" + kit.Refusing(t)
		w.answers(func(_ *http.Request, h http.Header) {
			h.Set("Server", "evil\x1b[31m"+strings.Repeat("x", 5000))
			h.Add("Set-Cookie", "__session=planted0token")
		})
	})
	results := Examine(t.Context(), w.opts)
	var text, document bytes.Buffer
	require.NoError(t, Print(&text, results, true))
	require.NoError(t, PrintJSON(&document, results))
	for _, out := range []string{text.String(), document.String()} {
		assert.NotContains(t, out, "planted0")
		assert.NotContains(t, out, "\x1b")
		assert.NotContains(t, out, strings.Repeat("x", 1000))
	}
}

func TestChecksHaveNamesAndSubjects(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, c := range Checks() {
		assert.NotEmpty(t, c.About)
		assert.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
	}
	assert.Greater(t, len(slices.Collect(maps.Keys(seen))), 15)
}

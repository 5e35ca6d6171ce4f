package doctor

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// maxBody bounds what is read of an answer, in bytes. The Frontend API's environment has
// some 20 KiB.
const maxBody = 1 << 20

// examination is one run of the checks. What several of them need is asked once.
type examination struct {
	cfg       settings.Config
	public    *url.URL
	now       func() time.Time
	transport http.RoundTripper
	own       *http.Transport // closed at the end; nil if the transport was given
	key       clerkapi.PublishableKey

	backendKeys  func() backendKeys
	frontendKeys func() frontendKeys
	visit        func() visit
}

func newExamination(o Options) *examination {
	e := &examination{cfg: o.Config, public: o.PublicURL, now: o.Now, transport: o.Transport}
	if e.now == nil {
		e.now = time.Now
	}
	if e.transport == nil {
		e.own = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: checkTimeout, MaxResponseHeaderBytes: 64 << 10}
		e.transport = e.own
	}
	e.key, _ = clerkapi.ParsePublishableKey(o.Config.Auth.PublishableKey) // a loaded configuration has a good one
	// Each check has a deadline of its own; what they share must not end with the first.
	e.backendKeys = sync.OnceValue(func() backendKeys { return within(e.askBackendKeys) })
	e.frontendKeys = sync.OnceValue(func() frontendKeys { return within(e.askFrontendKeys) })
	e.visit = sync.OnceValue(func() visit { return within(e.visitPublicURL) })
	return e
}

func within[T any](ask func(context.Context) T) T {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout-time.Second)
	defer cancel()
	return ask(ctx)
}

func (e *examination) close() {
	if e.own != nil {
		e.own.CloseIdleConnections()
	}
}

// reply is the answer to a request. Redirects are not followed.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// location returns where a redirect leads, or nil.
func (r *reply) location(from *url.URL) *url.URL {
	if r.status < 300 || r.status > 399 {
		return nil
	}
	to, err := from.Parse(r.header.Get("Location"))
	if err != nil || r.header.Get("Location") == "" {
		return nil
	}
	return to
}

// code returns the code of Clerk's error JSON, or "".
func (r *reply) code() string {
	var told struct {
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	if json.Unmarshal(r.body, &told) != nil || len(told.Errors) == 0 {
		return ""
	}
	return printable(told.Errors[0].Code)
}

// send makes one request with the headers given in pairs.
func (e *examination) send(ctx context.Context, method string, target *url.URL, headers ...string) (*reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "clerkgate-doctor")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := e.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, err
	}
	return &reply{status: res.StatusCode, header: res.Header, body: body}, nil
}

// asBrowser are the headers of a page that a person opens. Without them nobody gets a
// handshake.
func asBrowser(more ...string) []string {
	return append([]string{"Accept", "text/html,application/xhtml+xml", "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate"}, more...)
}

// unreachable says why a request got no answer, and what to do about it.
func unreachable(what string, target *url.URL, err error) []Result {
	var (
		dns   *net.DNSError
		where = cmp.Or(target.Hostname(), target.String())
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fail(what+" has no address: "+where+" does not resolve.", dns.Error(), "Check the name, and the DNS record of "+where+".")
	case isTLS(err):
		return fail(what+" has no certificate that this machine trusts.", plain(err),
			"Check the certificate of "+where+", and that the system's authorities are installed (package ca-certificates).")
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return fail(what+" does not answer in time.", plain(err), "Check that a firewall or an egress rule lets this machine reach "+hostPort(target)+".")
	}
	return fail(what+" cannot be reached.", plain(err), "Check that something listens at "+hostPort(target)+", and that this machine may connect to it.")
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func isTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "x509:") || strings.Contains(text, "tls:")
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// plain returns the text of an error without the URL, whose query may hold what is nobody's
// business.
func plain(err error) string {
	var told *url.Error
	if errors.As(err, &told) {
		err = told.Err
	}
	return printable(err.Error())
}

// printable bounds a text from the network, and takes control characters out of it.
func printable(s string) string {
	const most = 300
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// frontendBase is where this machine reaches the Frontend API.
func (e *examination) frontendBase() *url.URL {
	proxied, err := url.Parse(e.cfg.Auth.ProxyURL)
	switch {
	case e.cfg.FrontendAPI != nil || e.cfg.FrontendPath() != "": // clerkgate serves it
		return e.cfg.FrontendOrigin()
	case err == nil && proxied.IsAbs():
		return proxied
	}
	return &url.URL{Scheme: "https", Host: e.key.FrontendAPI}
}

// proxyHeaders are what Clerk wants of a clerkgate that serves its Frontend API.
func (e *examination) proxyHeaders() []string {
	at := e.proxyBase()
	if at == nil || e.cfg.FrontendPath() == "" {
		return nil
	}
	return []string{"Clerk-Proxy-Url", at.String(), "Clerk-Secret-Key", e.cfg.Auth.SecretKey}
}

// proxyBase is the proxy URL as browsers see it; nil if there is none, or no public URL to
// resolve a path by.
func (e *examination) proxyBase() *url.URL {
	at, err := url.Parse(e.cfg.Auth.ProxyURL)
	switch {
	case err != nil || e.cfg.Auth.ProxyURL == "":
		return nil
	case at.IsAbs():
		return at
	case e.public == nil:
		return nil
	}
	return e.public.ResolveReference(at)
}

type backendKeys struct {
	set           *clerkapi.JWKS
	header        http.Header
	before, after time.Time
	err           error
}

func (e *examination) askBackendKeys(ctx context.Context) (k backendKeys) {
	client, err := clerkapi.New(clerkapi.Options{
		SecretKey: e.cfg.Auth.SecretKey, BaseURL: e.cfg.Auth.APIURL, APIVersionPath: e.cfg.Auth.APIVersion, Transport: e.transport,
	})
	if err != nil {
		return backendKeys{err: err}
	}
	k.before = e.now()
	set, res, err := client.GetJWKS(ctx)
	k.after = e.now()
	k.set, k.err = set, err
	if res != nil {
		k.header = res.Header
	}
	return k
}

type frontendKeys struct {
	set clerkapi.JWKS
	err error
}

func (e *examination) askFrontendKeys(ctx context.Context) (k frontendKeys) {
	target := e.frontendBase().JoinPath("/.well-known/jwks.json")
	got, err := e.send(ctx, http.MethodGet, target, e.proxyHeaders()...)
	switch {
	case err != nil:
		k.err = errors.New(plain(err))
	case got.status != http.StatusOK:
		k.err = fmt.Errorf("%s answered %d", target, got.status)
	default:
		if err := json.Unmarshal(got.body, &k.set); err != nil {
			k.err = fmt.Errorf("%s is not a key set", target)
		}
	}
	return k
}

// holds reports whether a key set has the key of CLERK_JWT_KEY.
func holds(set *clerkapi.JWKS, pem string) bool {
	static, err := jwks.NewStatic(pem)
	if err != nil {
		return false
	}
	key, err := static.Key(context.Background(), jwt.New(jwt.SigningMethodRS256))
	if err != nil {
		return false
	}
	modulus := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
	return slices.ContainsFunc(set.Keys, func(k clerkapi.JWK) bool { return strings.TrimRight(k.N, "=") == modulus })
}

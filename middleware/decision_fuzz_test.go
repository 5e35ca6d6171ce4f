package middleware_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/internal/weburl"
	"github.com/clerkgate/clerkgate/middleware"
)

// FuzzDecision changes the recorded requests and Clerk's responses byte by byte, and checks
// what must be true of every answer to every request.
func FuzzDecision(f *testing.F) {
	recorded := vectors.Load(f)
	for i, file := range recorded {
		for _, c := range file.Cases {
			host, headers := "", make([]string, 0, len(c.Request.Headers))
			for _, kv := range c.Request.Headers {
				if strings.EqualFold(kv[0], "Host") {
					host = kv[1]
					continue
				}
				headers = append(headers, kv[0]+": "+kv[1])
			}
			status, answer := http.StatusNotFound, ""
			if len(c.BAPI) > 0 {
				status, answer = c.BAPI[0].Answer.Status, c.BAPI[0].Answer.Body
			}
			f.Add(i, c.Now, c.Request.Method, c.Request.Target, host, strings.Join(headers, "\n"), status, answer)
		}
	}
	for _, answer := range []string{
		`{"directives":["__session=a.b.c\r\nX-Evil: 1"]}`, `{"object":"cookies","cookies":["__session=a.b.c\nX-Evil: 1"]}`, `{"directives":["x=\u0000"]}`,
	} {
		f.Add(4, recorded[0].Now, "GET", "/?__clerk_handshake_nonce=n%0d%0aX:1", "a.example", "Accept: text/html\nCookie: __clerk_db_jwt=%0d%0aSet-Cookie:x", 200, answer)
	}
	f.Fuzz(func(t *testing.T, instance int, now int64, method, target, host, headers string, status int, answer string) {
		in := &recorded[uint(instance)%uint(len(recorded))].Instance
		backend := &fuzzBackend{jwks: in.JWKS, answer: vectors.Answer{Status: 200 + int(uint(status-200)%400), ContentType: "application/json", Body: answer}}
		opts := vectorOptions(&in.Config, now, backend)
		l := &laws{t: t, in: in, opts: &opts, backend: backend}
		opts.Observer = func(_ *http.Request, s *middleware.State) { l.state = s }
		a, err := middleware.New(opts)
		if err != nil {
			return
		}
		defer a.Close()
		r := fuzzRequest(method, target, host, headers)
		l.request = r.Clone(context.Background())
		w := httptest.NewRecorder()
		a.Handler(middleware.Require(middleware.Requirement{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l.served = true
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.WriteHeader(http.StatusNoContent)
		}))).ServeHTTP(w, r)
		l.check(w.Code, w.Header())
	})
}

func fuzzRequest(method, target, host, headers string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://x.invalid/", nil)
	u, err := url.Parse(target)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	r.Method, r.URL, r.RequestURI, r.Host, r.RemoteAddr = method, u, target, host, "127.0.0.1:40000"
	for _, line := range strings.Split(headers, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			// net/http lets no line end and no NUL through.
			r.Header.Add(name, strings.Trim(strings.NewReplacer("\r", "", "\x00", "").Replace(value), " \t"))
		}
	}
	return r
}

// fuzzBackend gives the same response to every call, except for the keys.
type fuzzBackend struct {
	jwks, answer vectors.Answer
	asked        []string // tokens that were sent for verification
}

func (b *fuzzBackend) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/jwks" {
		return b.jwks.Response()
	}
	if r.Body != nil {
		data, _ := io.ReadAll(r.Body)
		var body map[string]any
		_ = json.Unmarshal(data, &body)
		for _, name := range []string{"token", "access_token", "secret"} {
			if s, ok := body[name].(string); ok {
				b.asked = append(b.asked, s)
			}
		}
	}
	return b.answer.Response()
}

// laws checks what must hold for every request.
type laws struct {
	t       *testing.T
	in      *vectors.Instance
	opts    *middleware.Options
	backend *fuzzBackend
	request *http.Request
	state   *middleware.State
	served  bool
}

func (l *laws) check(code int, h http.Header) {
	l.nobodyWithoutASignature(code)
	for name, values := range h {
		for _, v := range values {
			require.False(l.t, strings.ContainsAny(v, "\r\n\x00"), "%s: %q", name, v)
		}
	}
	if lines := h["Set-Cookie"]; len(lines) > 0 {
		require.Equal(l.t, []string{"no-store"}, h["Cache-Control"], "beside %q", lines)
	}
	if code == http.StatusTemporaryRedirect {
		require.False(l.t, l.served)
		require.Equal(l.t, []string{"no-store"}, h["Cache-Control"])
		require.Len(l.t, h["Location"], 1)
		l.goesOnlyHome(h.Get("Location"))
	} else {
		require.Empty(l.t, h["Location"])
	}
	if l.state.RetryAfter() == 0 { // else the token could not be verified for now: 503
		require.Less(l.t, code, http.StatusInternalServerError)
	}
}

func (l *laws) nobodyWithoutASignature(code int) {
	s := l.state
	require.NotNil(l.t, s)
	require.NotNil(l.t, s.Auth)
	if s.Status != middleware.SignedIn {
		require.False(l.t, l.served)
		require.False(l.t, s.Auth.IsSignedIn())
		require.Empty(l.t, s.Token)
		require.NotEqual(l.t, http.StatusForbidden, code, "forbidden is an answer to somebody")
		return
	}
	require.Equal(l.t, l.served, code == http.StatusNoContent)
	if strings.Count(s.Token, ".") == 2 && !slices.Contains(l.backend.asked, s.Token) {
		require.True(l.t, l.signed(s.Token), "signed in by %q", s.Token)
		return
	}
	require.NotEqual(l.t, middleware.SessionToken, s.TokenType, "an opaque session")
	require.Contains(l.t, l.backend.asked, s.Token)
	require.Less(l.t, l.backend.answer.Status, 300)
}

// signed verifies with the standard library alone.
func (l *laws) signed(token string) bool {
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token[end+1:], "="))
	sum := sha256.Sum256([]byte(token[:end]))
	return err == nil && slices.ContainsFunc(l.publicKeys(), func(key *rsa.PublicKey) bool {
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	})
}

func (l *laws) publicKeys() []*rsa.PublicKey {
	if text := l.in.Config.JWTKey; text != "" {
		block, _ := pem.Decode([]byte(text))
		require.NotNil(l.t, block)
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		require.NoError(l.t, err)
		return []*rsa.PublicKey{key.(*rsa.PublicKey)}
	}
	var set struct{ Keys []struct{ N, E string } }
	_ = json.Unmarshal([]byte(l.in.JWKS.Body), &set)
	var keys []*rsa.PublicKey
	for _, k := range set.Keys {
		n, _ := base64.RawURLEncoding.DecodeString(k.N)
		e, _ := base64.RawURLEncoding.DecodeString(k.E)
		keys = append(keys, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())})
	}
	return keys
}

var devBrowserParam = regexp.MustCompile(`[?&](__clerk_db_jwt|__dev_session)(=|&|$)`)

// goesOnlyHome allows a redirect to the Frontend API, the sign-in page, this
// origin, and from a development primary back to the satellite that asked.
func (l *laws) goesOnlyHome(location string) {
	u, err := weburl.Parse(location)
	require.NoError(l.t, err, location)
	public := origin.New(l.opts.TrustedProxies).Public(l.request)
	if len(l.opts.TrustedProxies) == 0 {
		bare := l.request.Clone(context.Background())
		for name := range bare.Header {
			if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" {
				bare.Header.Del(name)
			}
		}
		require.Equal(l.t, origin.New(nil).Public(bare).Origin(), public.Origin(), "forwarded headers of a stranger")
	}
	s := l.state
	switch {
	case s.Reason == middleware.ReasonPrimaryRespondsToSyncing && s.Location() != "":
		require.True(l.t, strings.HasPrefix(l.opts.PublishableKey, "pk_test_"))
		require.False(l.t, l.opts.IsSatellite)
		back, _ := public.Query("__clerk_redirect_url")
		asked, err := weburl.Parse(back)
		require.NoError(l.t, err)
		require.Equal(l.t, pageOf(asked), pageOf(u))
	case s.Status == middleware.Handshake && hasParam(u, "__clerk_hs_reason"):
		require.Contains(l.t, l.frontendAPIs(public.Origin()), u.Origin(), location)
		require.True(l.t, strings.HasSuffix(u.Pathname(), "/v1/client/handshake"), location)
		l.comesBack(u, "redirect_url", public.Origin())
		back, _ := u.Get("redirect_url")
		require.False(l.t, devBrowserParam.MatchString(back), "the development browser is in %q", back)
	case s.Status == middleware.Handshake:
		require.Equal(l.t, middleware.ReasonSatelliteNeedsSyncing, s.Reason)
		require.Equal(l.t, originOf(l.t, l.opts.SignInURL), u.Origin())
		l.comesBack(u, "__clerk_redirect_url", public.Origin())
	case s.Location() != "":
		require.True(l.t, strings.HasPrefix(l.opts.PublishableKey, "pk_test_"))
		require.Equal(l.t, public.Origin(), u.Origin(), "%s", location)
		require.Equal(l.t, public.Pathname(), u.Pathname())
		require.False(l.t, hasParam(u, "__clerk_handshake") || hasParam(u, "__clerk_handshake_nonce") || hasParam(u, "__clerk_db_jwt"))
	default: // of Require, to the sign-in page
		want := "https://" + strings.Replace(strings.Replace(l.keyHost(), "clerk.accounts", "accounts", 1), "clerk.", "accounts.", 1)
		if l.opts.SignInURL != "" {
			want = originOf(l.t, l.opts.SignInURL)
		}
		require.Equal(l.t, want, u.Origin())
		l.comesBack(u, "redirect_url", public.Origin())
	}
}

func (l *laws) comesBack(u *weburl.URL, name, here string) {
	back, ok := u.Get(name)
	require.True(l.t, ok)
	require.Equal(l.t, here, originOf(l.t, back))
}

func (l *laws) keyHost() string {
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(l.opts.PublishableKey[len("pk_test_"):], "="))
	require.NoError(l.t, err)
	return strings.TrimSuffix(string(data), "$")
}

func (l *laws) frontendAPIs(here string) []string {
	switch o := l.opts; {
	case strings.HasPrefix(o.ProxyURL, "/"):
		return []string{here}
	case o.ProxyURL != "":
		return []string{originOf(l.t, o.ProxyURL)}
	case o.IsSatellite && o.Domain != "" && strings.HasPrefix(o.PublishableKey, "pk_live_"):
		return []string{fmt.Sprintf("https://clerk.%s", o.Domain)}
	default:
		return []string{"https://" + l.keyHost()}
	}
}

func originOf(t *testing.T, raw string) string {
	u, err := weburl.Parse(raw)
	require.NoError(t, err, raw)
	return u.Origin()
}

// pageOf is a URL without its query and fragment.
func pageOf(u *weburl.URL) string {
	page, _, _ := strings.Cut(u.Href(), "#")
	page, _, _ = strings.Cut(page, "?")
	return page
}

func hasParam(u *weburl.URL, name string) bool {
	_, ok := u.Get(name)
	return ok
}

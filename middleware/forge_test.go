package middleware_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// The categories of tokens that one instance key signs.
const (
	categorySession  = "cl_B7d4PD111AAA"
	categoryTemplate = "cl_B7d4PD222AAA"
	categoryMachine  = "cl_B7d4PD333AAA"
)

// forge is an instance whose signing key the test has: it signs whatever the test writes,
// and its Backend API responds as the test says.
type forge struct {
	tb   testing.TB
	key  *rsa.PrivateKey
	kid  string
	kind string // "test" or "live"
	host string
	now  time.Time
	// answer is the Backend API, but for the keys; nil knows nothing.
	answer     func(path, body string) (status int, answer string)
	retryAfter string // of all answers

	mu    sync.Mutex
	calls []string // method and path, but for the keys
}

// newForge makes a production instance; key 0 and 1 are two instances' keys.
func newForge(tb testing.TB, key int) *forge {
	tb.Helper()
	return &forge{tb: tb, key: kit.RSAKey(tb, key), kid: "ins_1", kind: "live", host: "clerk.example.com", now: time.Unix(1_790_000_000, 0)}
}

func (f *forge) authenticator(change func(*middleware.Options)) *middleware.Authenticator {
	f.tb.Helper()
	o := middleware.Options{
		PublishableKey: kit.PublishableKey(f.kind, f.host), SecretKey: "sk_" + f.kind + "_x",
		Transport: f, Now: func() time.Time { return f.now },
	}
	if change != nil {
		change(&o)
	}
	a, err := middleware.New(o)
	require.NoError(f.tb, err)
	f.tb.Cleanup(a.Close)
	return a
}

// RoundTrip is the Backend API.
func (f *forge) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/jwks" {
		enc := base64.RawURLEncoding
		return vectors.Answer{Status: http.StatusOK, ContentType: "application/json", Body: fmt.Sprintf(
			`{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}]}`,
			f.kid, enc.EncodeToString(f.key.N.Bytes()), enc.EncodeToString(big.NewInt(int64(f.key.E)).Bytes()))}.Response()
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.EscapedPath())
	status, answer := http.StatusNotFound, `{"errors":[{"code":"resource_not_found","message":"not found"}]}`
	if f.answer != nil {
		status, answer = f.answer(r.URL.Path, string(body))
	}
	res, err := vectors.Answer{Status: status, ContentType: "application/json", Body: answer}.Response()
	if err == nil && f.retryAfter != "" {
		res.Header.Set("Retry-After", f.retryAfter)
	}
	return res, err
}

func (f *forge) made() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.calls...)
}

// with holds the fields of a token that differ from an ordinary session's; nil leaves a
// field out.
type with map[string]any

func (f *forge) header(changes with) map[string]any {
	return change(map[string]any{"alg": "RS256", "kid": f.kid, "typ": "JWT", "cat": categorySession}, changes)
}

func (f *forge) claims(changes with) map[string]any {
	now := f.now.Unix()
	return change(map[string]any{
		"iss": "https://" + f.host, "sub": "user_1", "sid": "sess_1", "azp": flowOrigin, "iat": now, "nbf": now - 10, "exp": now + 60,
	}, changes)
}

func change(fields map[string]any, changes with) map[string]any {
	maps.Copy(fields, changes)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	return fields
}

func (f *forge) unsigned(header, claims with) string {
	return encodePart(f.tb, f.header(header)) + "." + encodePart(f.tb, f.claims(claims))
}

// token is signed with the instance's key whatever its header says.
func (f *forge) token(header, claims with) string {
	f.tb.Helper()
	input := f.unsigned(header, claims)
	signature, err := jwt.SigningMethodRS256.Sign(input, f.key)
	require.NoError(f.tb, err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func encodePart(tb testing.TB, v any) string {
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return base64.RawURLEncoding.EncodeToString(data)
}

// bearer is a program's request.
func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// page is a browser's request for a page, with the session in its cookies.
func (f *forge) page(token string, more ...string) *http.Request {
	r := pageRequest(nil)
	cookies := append([]string{"__session=" + token, fmt.Sprintf("__client_uat=%d", f.now.Unix()-3600)}, more...)
	if f.kind == "test" {
		cookies = append(cookies, "__clerk_db_jwt=dvb_1")
	}
	r.Header.Set("Cookie", strings.Join(cookies, "; "))
	return r
}

// serve sends r through a and through Require(q).
func serve(a *middleware.Authenticator, q middleware.Requirement, r *http.Request) (w *httptest.ResponseRecorder, reached bool) {
	w = httptest.NewRecorder()
	a.Handler(middleware.Require(q)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		w.WriteHeader(http.StatusNoContent)
	}))).ServeHTTP(w, r)
	return w, reached
}

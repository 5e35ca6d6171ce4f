package middleware_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// vectorFile is testdata/authenticate-request.json: decisions that Clerk's own
// SDK made at a frozen clock.
type vectorFile struct {
	Now       int64
	Instances map[string]*vectorInstance
	Cases     []*vectorCase
}

type vectorInstance struct {
	Config struct {
		PublishableKey, SecretKey, MachineSecretKey, JWTKey string
		ProxyURL, Domain, SignInURL                         string
		IsSatellite, SatelliteAutoSync, TrustForwarded      bool
		AuthorizedParties                                   []string
		Audience, AcceptsToken                              stringOrList
		OrganizationSyncOptions                             struct{ OrganizationPatterns, PersonalAccountPatterns []string }
		ClockSkewInMs                                       *int64
	}
	CookieSuffix string
	JWKS         vectorAnswer
}

type vectorAnswer struct {
	Status            int
	ContentType, Body string
	Hangup            bool
}

type vectorCase struct {
	ID, Instance string
	Now          int64
	Request      struct {
		Method, Target, URL string
		Headers             [][2]string
	}
	BAPI []struct {
		Match struct {
			Method, PathPattern, BodyField, QueryField string
			Equals                                     string
		}
		Answer vectorAnswer
	}
	Expect vectorExpect
}

type vectorExpect struct {
	Outcome, Status                            string
	Reason, TokenType, Location                *string
	MessagePresent, Pending                    bool
	UserID, SessionID, OrgID, OrgSlug, OrgRole *string
	SetCookie                                  []string
	CacheControl                               *string
	AccessControlAllowOrigin                   *string
	AccessControlAllowCredentials              *string
	BAPICalls                                  []vectorCall
}

type vectorCall struct {
	Method, Path, Authorization, APIVersion string
	Query                                   [][2]string
	Body                                    map[string]any
}

type stringOrList []string

func (s *stringOrList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = stringOrList{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// vectorBackend is the Backend API of one case.
type vectorBackend struct {
	instance *vectorInstance
	c        *vectorCase
	calls    []vectorCall
}

func (b *vectorBackend) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	if r.URL.Path == "/v1/jwks" {
		return vectorResponse(b.instance.JWKS)
	}
	call := vectorCall{Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization"), APIVersion: r.Header.Get("Clerk-API-Version"), Query: [][2]string{}}
	for name, values := range r.URL.Query() {
		for _, v := range values {
			call.Query = append(call.Query, [2]string{name, v})
		}
	}
	sort.Slice(call.Query, func(i, j int) bool { return call.Query[i][0] < call.Query[j][0] })
	if len(body) > 0 {
		_ = json.Unmarshal(body, &call.Body)
	}
	b.calls = append(b.calls, call)
	for _, rule := range b.c.BAPI {
		m := rule.Match
		value, _ := call.Body[m.BodyField].(string)
		if m.QueryField != "" {
			value = r.URL.Query().Get(m.QueryField)
		}
		if m.Method == r.Method && regexp.MustCompile(m.PathPattern).MatchString(r.URL.Path) && value == m.Equals {
			return vectorResponse(rule.Answer)
		}
	}
	return vectorResponse(vectorAnswer{Status: 404, ContentType: "application/json", Body: `{"errors":[{"code":"resource_not_found","message":"not found"}]}`})
}

func vectorResponse(a vectorAnswer) (*http.Response, error) {
	if a.Hangup {
		return nil, errors.New("connection reset")
	}
	h := http.Header{}
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	return &http.Response{StatusCode: a.Status, Header: h, Body: io.NopCloser(strings.NewReader(a.Body)), ContentLength: int64(len(a.Body))}, nil
}

func (in *vectorInstance) options(now int64, transport http.RoundTripper) middleware.Options {
	c := in.Config
	o := middleware.Options{
		PublishableKey: c.PublishableKey, SecretKey: c.SecretKey, MachineSecretKey: c.MachineSecretKey, JWTKey: c.JWTKey,
		ProxyURL: c.ProxyURL, Domain: c.Domain, SignInURL: c.SignInURL, IsSatellite: c.IsSatellite, SatelliteAutoSync: c.SatelliteAutoSync,
		AuthorizedParties: c.AuthorizedParties, Audience: c.Audience,
		OrganizationPatterns: c.OrganizationSyncOptions.OrganizationPatterns, PersonalAccountPatterns: c.OrganizationSyncOptions.PersonalAccountPatterns,
		Transport: transport, Now: func() time.Time { return time.Unix(now, 0) },
	}
	if c.ClockSkewInMs != nil {
		o.ClockSkew = max(time.Duration(*c.ClockSkewInMs)*time.Millisecond, middleware.NoClockSkew)
	}
	for _, k := range c.AcceptsToken {
		o.AcceptsToken = append(o.AcceptsToken, middleware.TokenType(k))
	}
	if c.TrustForwarded {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	return o
}

func (c *vectorCase) request(t *testing.T) *http.Request {
	u, err := url.Parse(c.Request.URL)
	if err != nil {
		u = &url.URL{Scheme: "http", Host: "unparsable.invalid", Path: "/"}
	}
	r := httptest.NewRequest(c.Request.Method, "http://x.invalid/", nil)
	r.URL, r.RequestURI, r.RemoteAddr = u, c.Request.Target, "127.0.0.1:40000"
	for _, kv := range c.Request.Headers {
		if strings.EqualFold(kv[0], "Host") {
			r.Host = kv[1]
			continue
		}
		r.Header.Add(kv[0], kv[1])
	}
	return r
}

// saysRevokedOrExpired finds machine tokens whose answer is 200 and says that they
// are not good any more. Clerk's SDK signs them in; here they are refused.
func (c *vectorCase) saysRevokedOrExpired() bool {
	for _, rule := range c.BAPI {
		body := strings.ReplaceAll(rule.Answer.Body, " ", "")
		if rule.Answer.Status == http.StatusOK && (strings.Contains(body, `"revoked":true`) || strings.Contains(body, `"expired":true`)) {
			return c.Expect.Status == "signed-in" && c.Expect.TokenType != nil && *c.Expect.TokenType != "session_token"
		}
	}
	return false
}

func loadVectors(t testing.TB) *vectorFile {
	t.Helper()
	data, err := os.ReadFile("testdata/authenticate-request.json")
	require.NoError(t, err)
	var f vectorFile
	require.NoError(t, json.Unmarshal(data, &f))
	require.GreaterOrEqual(t, len(f.Cases), 400)
	return &f
}

// TestVectors replays what Clerk's SDK decided.
func TestVectors(t *testing.T) {
	f := loadVectors(t)
	for _, c := range f.Cases {
		t.Run(c.ID, func(t *testing.T) {
			in := f.Instances[c.Instance]
			backend := &vectorBackend{instance: in, c: c}
			now := c.Now
			if now == 0 {
				now = f.Now
			}
			a, err := middleware.New(in.options(now, backend))
			if err != nil {
				// What Clerk's SDK finds out with every request stops the start here.
				require.Equal(t, "throws", c.Expect.Outcome, "%v", err)
				return
			}
			defer a.Close()
			if c.saysRevokedOrExpired() {
				require.Equal(t, middleware.SignedOut, a.Authenticate(c.request(t)).Status)
				return
			}
			checkVector(t, c, a.Authenticate(c.request(t)), backend.calls)
		})
	}
}

func checkVector(t *testing.T, c *vectorCase, s *middleware.State, calls []vectorCall) {
	e := &c.Expect
	if e.Outcome == "throws" {
		assert.NotEqual(t, middleware.SignedIn, s.Status, "fail closed")
		return
	}
	assert.Equal(t, e.Status, string(s.Status), "status")
	assert.Equal(t, deref(e.Reason), string(s.Reason), "reason")
	assert.Equal(t, deref(e.TokenType), string(s.TokenType), "token type")
	_, hasMessage := s.Header["X-Clerk-Auth-Message"]
	assert.Equal(t, e.MessagePresent, hasMessage, "message: %q", s.Message)
	if e.Status == "signed-in" {
		assert.Equal(t, deref(e.UserID), s.Auth.UserID, "user")
		assert.Equal(t, deref(e.SessionID), s.Auth.SessionID, "session")
		assert.Equal(t, deref(e.OrgID), s.Auth.OrgID, "org")
		assert.Equal(t, deref(e.OrgSlug), s.Auth.OrgSlug, "org slug")
		assert.Equal(t, deref(e.OrgRole), s.Auth.OrgRole, "org role")
	}
	assert.Equal(t, deref(e.Location), s.Location(), "location")
	assert.Equal(t, append([]string{}, e.SetCookie...), append([]string{}, s.Header["Set-Cookie"]...), "cookies")
	if len(e.SetCookie) == 0 || e.CacheControl != nil {
		assert.Equal(t, deref(e.CacheControl), s.Header.Get("Cache-Control"))
	} else {
		assert.Equal(t, "no-store", s.Header.Get("Cache-Control"), "beside Set-Cookie")
	}
	assert.Equal(t, deref(e.AccessControlAllowOrigin), s.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, deref(e.AccessControlAllowCredentials), s.Header.Get("Access-Control-Allow-Credentials"))
	checkCalls(t, e.BAPICalls, calls)
}

func checkCalls(t *testing.T, want, got []vectorCall) {
	require.Len(t, got, len(want), "calls to the Backend API")
	for i := range want {
		w, g := want[i], got[i]
		dropUnmatched(w.Body)
		dropUnmatched(g.Body)
		if w.Query == nil {
			w.Query = [][2]string{}
		}
		if len(w.Body) == 0 {
			w.Body, g.Body = nil, emptyToNil(g.Body)
		}
		assert.Equal(t, w, g)
	}
}

func emptyToNil(m map[string]any) map[string]any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// dropUnmatched removes the forwarded headers that the vectors leave open.
func dropUnmatched(body map[string]any) {
	headers, ok := body["request_headers"].(map[string]any)
	if !ok {
		return
	}
	for name := range headers {
		open := []string{"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", "proxy-authenticate", "proxy-authorization"}
		if slices.Contains(open, name) || strings.HasPrefix(name, "x-clerk-") {
			delete(headers, name)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package clerksdk_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/clerk/clerk-sdk-go/v2"
	clerkhttp "github.com/clerk/clerk-sdk-go/v2/http"
	"github.com/clerk/clerk-sdk-go/v2/jwks"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/clerksdk"
	"github.com/clerkgate/clerkgate/middleware"
)

const page = "http://localhost:8080"

// custom are claims that an application adds to its session tokens.
type custom struct {
	Plan string `json:"plan"`
}

func newCustom(context.Context) any { return new(custom) }

// bench has one application behind the official middleware and behind clerkgate's.
type bench struct {
	clerk              *clerktest.Server
	key                *rsa.PrivateKey
	official, required http.Handler // the SDK's With… and Require…HeaderAuthorization
	ours, oursRequired http.Handler // Handler alone, and with Require
}

func newBench(t *testing.T) *bench {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	b := &bench{clerk: clerktest.NewServer(t, clerktest.Options{SigningKey: key}), key: key}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	options := []clerkhttp.AuthorizationOption{
		clerkhttp.JWKSClient(jwks.NewClient(&clerk.ClientConfig{BackendConfig: clerk.BackendConfig{
			URL: clerk.String(b.clerk.URL + "/v1"), Key: clerk.String(b.clerk.SecretKey()), HTTPClient: &http.Client{Transport: transport},
		}})),
		clerkhttp.AuthorizedPartyMatches(page),
		clerkhttp.CustomClaimsConstructor(newCustom),
		clerkhttp.Clock(clock(b.clerk.Now)),
	}
	auth, err := middleware.New(middleware.Options{
		PublishableKey: b.clerk.PublishableKey(), SecretKey: b.clerk.SecretKey(), APIURL: b.clerk.URL, Now: b.clerk.Now,
		AuthorizedParties: []string{page},
	})
	require.NoError(t, err)
	t.Cleanup(auth.Close)

	app := http.HandlerFunc(application)
	b.official = clerkhttp.WithHeaderAuthorization(options...)(app)
	b.required = clerkhttp.RequireHeaderAuthorization(options...)(app)
	claims := clerksdk.WithSessionClaims(clerksdk.Options{CustomClaims: newCustom})
	b.ours = auth.Handler(claims(app))
	b.oursRequired = auth.Handler(middleware.Require(middleware.Requirement{})(claims(app)))
	return b
}

type clock func() time.Time

func (c clock) Now() time.Time { return c() }

// application is a handler for the official SDK. It shows what it reads.
func application(w http.ResponseWriter, r *http.Request) {
	claims, ok := clerk.SessionClaimsFromContext(r.Context())
	if !ok {
		_, _ = w.Write([]byte("signed out"))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"registered": claims.RegisteredClaims, "clerk": claims.Claims, "custom": claims.Custom,
		"role": claims.HasRole("org:approver"), "permission": claims.HasPermission("org:invoices:delete"),
		"live": claims.ValidateWithLeeway(time.Unix(*claims.IssuedAt, 0), 0) == nil,
	})
}

// sign returns a token with claims of the test's choice.
func (b *bench) sign(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	kid := struct {
		Keys []struct{ KID string }
	}{}
	r := httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
	w := httptest.NewRecorder()
	b.clerk.Handler().ServeHTTP(w, r)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &kid))
	now := b.clerk.Now().Unix()
	all := jwt.MapClaims{
		"iss": b.clerk.Issuer(), "sub": "user_1", "sid": "sess_1", "azp": page, "iat": now, "nbf": now - 10, "exp": now + 60,
	}
	for name, value := range claims {
		all[name] = value
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	token.Header["kid"] = kid.Keys[0].KID
	signed, err := token.SignedString(b.key)
	require.NoError(t, err)
	return signed
}

func ask(h http.Handler, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, page+"/", nil)
	change(r)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestHandlersReadTheSameClaims(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	jane, mei := b.clerk.SignIn("jane@example.com"), b.clerk.SignIn("mei@example.com")
	for name, token := range map[string]string{
		"no organization":   b.clerk.Token(jane.ID, page),
		"organization":      b.clerk.Token(mei.ID, page),
		"custom claims":     b.sign(t, jwt.MapClaims{"plan": "gold", "fva": []int{3, -1}}),
		"version 1":         b.sign(t, jwt.MapClaims{"org_id": "org_1", "org_slug": "acme", "org_role": "org:approver", "org_permissions": []string{"org:invoices:delete"}}),
		"actor":             b.sign(t, jwt.MapClaims{"act": map[string]any{"sub": "user_2"}}),
		"one audience":      b.sign(t, jwt.MapClaims{"aud": "a"}),
		"several audiences": b.sign(t, jwt.MapClaims{"aud": []string{"a", "b"}}),
	} {
		t.Run(name, func(t *testing.T) {
			official := ask(b.official, bearer(token))
			require.Equal(t, http.StatusOK, official.Code)
			require.NotEqual(t, "signed out", official.Body.String())
			for _, h := range []http.Handler{b.ours, b.oursRequired} {
				ours := ask(h, bearer(token))
				assert.Equal(t, http.StatusOK, ours.Code)
				assert.JSONEq(t, official.Body.String(), ours.Body.String())
			}
		})
	}
}

// The page about moving lists these statuses.
func TestStatuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	jane := b.clerk.SignIn("jane@example.com")
	good := b.clerk.Token(jane.ID, page)
	now := b.clerk.Now().Unix()
	document := func(r *http.Request) { r.Header.Set("Sec-Fetch-Dest", "document") }
	cookies := func(r *http.Request) {
		for _, c := range b.clerk.Cookies(jane.ID, page) {
			r.AddCookie(c)
		}
	}
	type statuses struct{ official, required, ours, oursRequired int }
	for name, c := range map[string]struct {
		request func(*http.Request)
		want    statuses
	}{
		"good token":            {bearer(good), statuses{200, 200, 200, 200}},
		"good token, no scheme": {func(r *http.Request) { r.Header.Set("Authorization", good) }, statuses{200, 200, 200, 200}},
		"no token":              {func(*http.Request) {}, statuses{200, 403, 200, 401}},
		"no token, a document":  {document, statuses{200, 403, 307, 307}},
		"not a token":           {bearer("garbage"), statuses{200, 403, 200, 401}},
		"expired":               {bearer(b.sign(t, jwt.MapClaims{"exp": now - 60})), statuses{401, 401, 200, 401}},
		"expired 3 s ago":       {bearer(b.sign(t, jwt.MapClaims{"exp": now - 3})), statuses{401, 401, 200, 200}},
		"another party":         {bearer(b.clerk.Token(jane.ID, "http://localhost:9999")), statuses{401, 401, 200, 401}},
		"no party":              {bearer(b.clerk.Token(jane.ID, "")), statuses{200, 200, 200, 401}},
		"a factor's age of another form": {
			bearer(b.sign(t, jwt.MapClaims{"fva": "3"})), statuses{401, 401, 401, 401},
		},
		"session cookies": {cookies, statuses{200, 403, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			got := statuses{
				ask(b.official, c.request).Code, ask(b.required, c.request).Code,
				ask(b.ours, c.request).Code, ask(b.oursRequired, c.request).Code,
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestOthersHaveNoClaims(t *testing.T) {
	t.Parallel()
	h := clerksdk.WithSessionClaims(clerksdk.Options{})(http.HandlerFunc(application))
	for name, auth := range map[string]*middleware.Auth{
		"nobody":  {},
		"machine": {TokenType: middleware.M2MToken, MachineID: "mch_1", Subject: "mch_1"},
		"pending": {TokenType: middleware.SessionToken, SessionStatus: "pending"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(middleware.NewContext(r.Context(), auth)))
		assert.Equal(t, "signed out", w.Body.String(), name)
	}
}

func TestClaimsBelongToTheirRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	mei := b.clerk.SignIn("mei@example.com")
	var first, second []string
	read := func(to *[]string) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			claims, _ := clerk.SessionClaimsFromContext(r.Context())
			*to = slices.Clone(claims.ActiveOrganizationPermissions)
			clear(claims.ActiveOrganizationPermissions)
		})
	}
	auth, err := middleware.New(middleware.Options{
		PublishableKey: b.clerk.PublishableKey(), SecretKey: b.clerk.SecretKey(), APIURL: b.clerk.URL, Now: b.clerk.Now,
	})
	require.NoError(t, err)
	t.Cleanup(auth.Close)
	token := bearer(b.clerk.Token(mei.ID, page))
	claims := clerksdk.WithSessionClaims(clerksdk.Options{})
	ask(auth.Handler(claims(read(&first))), token)
	ask(auth.Handler(claims(read(&second))), token)
	require.NotEmpty(t, first)
	assert.Equal(t, first, second, "a handler that changes its claims changes those of no other request")
}

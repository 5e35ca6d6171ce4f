package compat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/client"
	clerkhttp "github.com/clerk/clerk-sdk-go/v2/http"
	"github.com/clerk/clerk-sdk-go/v2/jwks"
	"github.com/clerk/clerk-sdk-go/v2/jwt"
	"github.com/clerk/clerk-sdk-go/v2/m2m_token"
	"github.com/clerk/clerk-sdk-go/v2/session"
	"github.com/clerk/clerk-sdk-go/v2/signintoken"
	"github.com/clerk/clerk-sdk-go/v2/testingtoken"
	"github.com/clerk/clerk-sdk-go/v2/user"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// setup is an instance, and what the SDK's clients need to call it with a key.
func setup(t *testing.T, opts clerktest.Options) (server *clerktest.Server, config func(key string) *clerk.ClientConfig) {
	t.Helper()
	server = clerktest.NewServer(t, opts)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return server, func(key string) *clerk.ClientConfig {
		return &clerk.ClientConfig{BackendConfig: clerk.BackendConfig{
			URL: clerk.String(server.URL + "/v1"), Key: &key, HTTPClient: &http.Client{Transport: kit.Recording(t, os.Getenv(kit.ExchangesVariable), transport)},
		}}
	}
}

// refused is the status and the first code of an error.
func refused(t *testing.T, err error) (int, string) {
	t.Helper()
	var api *clerk.APIErrorResponse
	require.ErrorAs(t, err, &api)
	require.NotEmpty(t, api.Errors)
	return api.HTTPStatusCode, api.Errors[0].Code
}

func TestSessions(t *testing.T) {
	server, config := setup(t, clerktest.Options{})
	sessions := session.NewClient(config(server.SecretKey()))
	mei := server.Users()[2]

	made, err := sessions.Create(t.Context(), &session.CreateParams{UserID: mei.ID})
	require.NoError(t, err)
	assert.Equal(t, "active", made.Status)
	got, err := sessions.Get(t.Context(), made.ID)
	require.NoError(t, err)
	assert.Equal(t, made.ClientID, got.ClientID)
	assert.Equal(t, made.CreatedAt, got.CreatedAt)

	server.Advance(time.Second)
	newer := server.SignIn(mei.Email)
	list, err := sessions.List(t.Context(), &session.ListParams{UserID: &mei.ID})
	require.NoError(t, err)
	assert.EqualValues(t, 2, list.TotalCount)
	require.Len(t, list.Sessions, 2)
	assert.Equal(t, newer.ID, list.Sessions[0].ID)
	params := &session.ListParams{ClientID: &made.ClientID, Status: clerk.String("active")}
	params.Limit = clerk.Int64(1)
	list, err = sessions.List(t.Context(), params)
	require.NoError(t, err)
	require.Len(t, list.Sessions, 1)
	assert.Equal(t, made.ID, list.Sessions[0].ID)

	revoked, err := sessions.Revoke(t.Context(), &session.RevokeParams{ID: made.ID})
	require.NoError(t, err)
	assert.Equal(t, "revoked", revoked.Status)

	_, err = sessions.Get(t.Context(), "sess_unknown")
	status, code := refused(t, err)
	assert.Equal(t, http.StatusNotFound, status)
	assert.Equal(t, "resource_not_found", code)
	_, err = session.NewClient(config("sk_test_wrong")).Get(t.Context(), made.ID)
	status, code = refused(t, err)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, "clerk_key_invalid", code)
	_, err = sessions.Verify(t.Context(), &session.VerifyParams{ID: newer.ID}) //nolint:staticcheck // deprecated, and tested
	_, code = refused(t, err)
	assert.Equal(t, "invalid_session_token", code, "the SDK never sends the token")
}

func TestTokens(t *testing.T) {
	server, config := setup(t, clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{
		Name: "db", Claims: map[string]any{"email": "{{user.primary_email_address}}"},
	}}})
	sessions := session.NewClient(config(server.SecretKey()))
	keys := jwks.NewClient(config(server.SecretKey()))
	signedIn := server.SignIn("mei@example.com")

	token, err := sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: signedIn.ID, ExpiresInSeconds: clerk.Int64(300)})
	require.NoError(t, err)
	claims, err := jwt.Verify(t.Context(), &jwt.VerifyParams{Token: token.JWT, JWKSClient: keys})
	require.NoError(t, err)
	assert.Equal(t, signedIn.UserID, claims.Subject)
	assert.Equal(t, signedIn.ID, claims.SessionID)
	assert.Equal(t, signedIn.OrganizationID, claims.ActiveOrganizationID)
	assert.True(t, claims.HasRole("org:approver"))
	assert.ElementsMatch(t, []string{"org:invoices:view", "org:invoices:delete", "org:reports:view"}, claims.ActiveOrganizationPermissions)
	assert.EqualValues(t, 300, *claims.Expiry-*claims.IssuedAt)

	type custom struct {
		Email string `json:"email"`
	}
	token, err = sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: signedIn.ID, TemplateName: "db"})
	require.NoError(t, err)
	claims, err = jwt.Verify(t.Context(), &jwt.VerifyParams{
		Token: token.JWT, JWKSClient: keys, CustomClaimsConstructor: func(_ context.Context) any { return &custom{} },
	})
	require.NoError(t, err)
	assert.Equal(t, &custom{Email: "mei@example.com"}, claims.Custom)

	_, err = sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: signedIn.ID, ExpiresInSeconds: clerk.Int64(29)})
	status, code := refused(t, err)
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Equal(t, "form_param_value_invalid", code)

	set, err := keys.Get(t.Context(), &jwks.GetParams{})
	require.NoError(t, err)
	assert.Len(t, set.Keys, 1)
	server.RotateKeys()
	_, err = jwt.Verify(t.Context(), &jwt.VerifyParams{Token: token.JWT, JWKSClient: keys})
	require.Error(t, err)
}

func TestMiddleware(t *testing.T) {
	server, config := setup(t, clerktest.Options{})
	protected := clerkhttp.RequireHeaderAuthorization(
		clerkhttp.JWKSClient(jwks.NewClient(config(server.SecretKey()))),
		clerkhttp.AuthorizedPartyMatches("http://localhost:8080"),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := clerk.SessionClaimsFromContext(r.Context())
		_, _ = w.Write([]byte(claims.Subject))
	}))
	ask := func(token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		protected.ServeHTTP(w, r)
		return w
	}
	signedIn := server.SignIn("jane@example.com")
	good := ask(server.Token(signedIn.ID, "http://localhost:8080"))
	assert.Equal(t, http.StatusOK, good.Code)
	assert.Equal(t, signedIn.UserID, good.Body.String())
	assert.Equal(t, http.StatusUnauthorized, ask(server.Token(signedIn.ID, "http://localhost:9999")).Code)
	server.Advance(-2 * time.Minute)
	assert.Equal(t, http.StatusUnauthorized, ask(server.Token(signedIn.ID, "http://localhost:8080")).Code, "expired")
	assert.Equal(t, http.StatusForbidden, ask("garbage").Code)
}

func TestClientsAndUsers(t *testing.T) {
	server, config := setup(t, clerktest.Options{})
	clients, users := client.NewClient(config(server.SecretKey())), user.NewClient(config(server.SecretKey()))
	signedIn := server.SignIn("jane@example.com")
	got, err := clients.Get(t.Context(), signedIn.ClientID)
	require.NoError(t, err)
	assert.Equal(t, []string{signedIn.ID}, got.SessionIDs)
	for _, cookie := range server.Cookies(signedIn.ID, "http://localhost:8080") {
		if cookie.Name != "__clerk_db_jwt" {
			continue
		}
		verified, err := clients.Verify(t.Context(), &client.VerifyParams{Token: &cookie.Value})
		require.NoError(t, err)
		assert.Equal(t, signedIn.ClientID, verified.ID)
	}
	// The list of clients is left out: the SDK does not ask for a page, and can read nothing else.

	jane, err := users.Get(t.Context(), signedIn.UserID)
	require.NoError(t, err)
	require.Len(t, jane.EmailAddresses, 1)
	assert.Equal(t, "jane@example.com", jane.EmailAddresses[0].EmailAddress)
	deleted, err := users.Delete(t.Context(), signedIn.UserID)
	require.NoError(t, err)
	assert.True(t, deleted.Deleted)
}

func TestOtherTokens(t *testing.T) {
	server, config := setup(t, clerktest.Options{Machines: []clerktest.Machine{{Name: "batch"}}})
	jane, batch := server.Users()[0], server.Machines()[0]

	testing, err := testingtoken.NewClient(config(server.SecretKey())).Create(t.Context())
	require.NoError(t, err)
	assert.Greater(t, testing.ExpiresAt, time.Now().Unix())

	tickets := signintoken.NewClient(config(server.SecretKey()))
	ticket, err := tickets.Create(t.Context(), &signintoken.CreateParams{UserID: &jane.ID, ExpiresInSeconds: clerk.Int64(60)})
	require.NoError(t, err)
	assert.NotEmpty(t, ticket.Token)
	revoked, err := tickets.Revoke(t.Context(), ticket.ID)
	require.NoError(t, err)
	assert.Equal(t, "revoked", revoked.Status)

	own, instance := m2m_token.NewClient(config(batch.SecretKey)), m2m_token.NewClient(config(server.SecretKey()))
	claims := json.RawMessage(`{"tier":"batch"}`)
	made, err := own.Create(t.Context(), &m2m_token.CreateParams{SecondsUntilExpiration: clerk.Int64(60), Claims: &claims})
	require.NoError(t, err)
	assert.Equal(t, batch.ID, made.Subject)
	verified, err := instance.Verify(t.Context(), &m2m_token.VerifyParams{Token: made.Token})
	require.NoError(t, err)
	assert.JSONEq(t, string(claims), string(verified.Claims))
	list, err := instance.List(t.Context(), &m2m_token.ListParams{Subject: &batch.ID})
	require.NoError(t, err)
	assert.EqualValues(t, 1, list.TotalCount)
	_, err = instance.Revoke(t.Context(), made.ID, &m2m_token.RevokeParams{RevocationReason: clerk.String("leaked")})
	require.NoError(t, err)
	_, err = instance.Verify(t.Context(), &m2m_token.VerifyParams{Token: made.Token})
	status, _ := refused(t, err)
	assert.Equal(t, http.StatusNotFound, status)
}

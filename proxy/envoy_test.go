package proxy

import (
	"context"
	"net/http"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// TestRunAnswersEnvoy asks a running server over gRPC, as Envoy does.
func TestRunAnswersEnvoy(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	cfg, _, err := load(map[string]string{
		"CLERK_PUBLISHABLE_KEY": clerk.PublishableKey(), "CLERK_SECRET_KEY": clerk.SecretKey(), "CLERK_API_URL": clerk.URL,
		"CLERKGATE_UPSTREAM": "none", "CLERKGATE_TRUSTED_PROXIES": "127.0.0.1",
		"CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0", "CLERKGATE_EXT_AUTHZ_LISTEN": "127.0.0.1:0",
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	started, done := make(chan Addresses, 1), make(chan error, 1)
	go func() { done <- Run(ctx, cfg, RunOptions{Started: func(at Addresses) { started <- at }}) }()
	at := <-started
	conn, err := grpc.NewClient(at.ExtAuthz[0].String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	envoy := authv3.NewAuthorizationClient(conn)
	check := func(headers map[string]string) *authv3.CheckResponse {
		t.Helper()
		response, err := envoy.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
				SocketAddress: &corev3.SocketAddress{Address: "192.0.2.7", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 4000}}}}},
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
				Method: http.MethodGet, Scheme: "https", Host: "app.example.com", Path: "/x", Headers: headers,
			}},
		}})
		require.NoError(t, err)
		return response
	}
	token := clerk.Token(clerk.SignIn("jane@example.com").ID, "https://app.example.com")
	allowed := check(map[string]string{"authorization": "Bearer " + token, "x-clerk-user-id": "user_evil"})
	require.Equal(t, int32(codes.OK), allowed.GetStatus().GetCode(), allowed)
	users := 0
	for _, h := range allowed.GetOkResponse().GetHeaders() {
		if http.CanonicalHeaderKey(h.GetHeader().GetKey()) == "X-Clerk-User-Id" {
			users++
			assert.NotContains(t, h.GetHeader().String(), "user_evil")
		}
	}
	assert.Equal(t, 1, users)
	assert.NotEqual(t, int32(codes.OK), check(map[string]string{"x-clerk-user-id": "user_evil"}).GetStatus().GetCode())

	require.NoError(t, conn.Close())
	stop()
	require.NoError(t, <-done)
}

func TestEnvoyNeedsATrustedPeer(t *testing.T) {
	t.Parallel()
	_, _, err := load(environment(map[string]string{"CLERKGATE_EXT_AUTHZ_LISTEN": "127.0.0.1:0"}))
	assert.Contains(t, problems(t, err), "CLERKGATE_TRUSTED_PROXIES")
}

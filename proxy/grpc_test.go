package proxy

import (
	"context"
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// identified keeps what the interceptors of a gRPC server saw.
type identified struct {
	*health.Server
	users chan string
}

func (s *identified) Check(ctx context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.users <- md.Get("x-clerk-user-id")[0]
	_ = grpc.SetTrailer(ctx, metadata.Pairs("checked", in.GetService()))
	return s.Server.Check(ctx, in)
}

// TestGRPC is Go's gRPC at both ends, over h2c and over TLS: messages, statuses
// in trailers, streams, deadlines, and refusals.
func TestGRPC(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	certFile, keyFile := issued(t, authority, t.TempDir(), "clerkgate")
	for name, test := range map[string]struct {
		upstream    func(testing.TB, http.Handler) func(*settings.Config)
		change      func(*settings.Config)
		credentials credentials.TransportCredentials
	}{
		"h2c": {overH2C, func(c *settings.Config) { c.H2C = true }, insecure.NewCredentials()},
		"TLS": {overTLS("http2"), func(c *settings.Config) { c.TLSCertificateFile, c.TLSKeyFile = certFile, keyFile },
			credentials.NewTLS(&tls.Config{RootCAs: authority.Pool()})},
	} {
		t.Run(name, func(t *testing.T) {
			service := &identified{Server: health.NewServer(), users: make(chan string, 1)}
			server := grpc.NewServer()
			healthpb.RegisterHealthServer(server, service)
			defer server.Stop()
			service.SetServingStatus("orders", healthpb.HealthCheckResponse_NOT_SERVING)

			toApp := test.upstream(t, server)
			r := run(t, http.NotFoundHandler(), func(c *settings.Config) { toApp(c); test.change(c); productionInstance(t, c) })
			conn, err := grpc.NewClient(r.Public.String(), grpc.WithTransportCredentials(test.credentials))
			require.NoError(t, err)
			client := healthpb.NewHealthClient(conn)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()

			_, err = client.Check(ctx, &healthpb.HealthCheckRequest{})
			assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)

			signedIn := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+sessionToken(t, nil), "x-clerk-user-id", "user_evil")
			var trailer metadata.MD
			answer, err := client.Check(signedIn, &healthpb.HealthCheckRequest{Service: "orders"}, grpc.Trailer(&trailer))
			require.NoError(t, err)
			assert.Equal(t, healthpb.HealthCheckResponse_NOT_SERVING, answer.GetStatus())
			assert.Equal(t, []string{"orders"}, trailer.Get("checked"))
			assert.Equal(t, "user_jane", <-service.users)

			_, err = client.Check(signedIn, &healthpb.HealthCheckRequest{Service: "nothing"})
			assert.Equal(t, codes.NotFound, status.Code(err), "the status is a trailer: %v", err)
			<-service.users

			watching, stop := context.WithCancel(signedIn)
			stream, err := client.Watch(watching, &healthpb.HealthCheckRequest{Service: "orders"})
			require.NoError(t, err)
			for _, want := range []healthpb.HealthCheckResponse_ServingStatus{
				healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING,
			} {
				service.SetServingStatus("orders", want)
				update, err := stream.Recv() // each message as it comes
				require.NoError(t, err)
				assert.Equal(t, want, update.GetStatus())
			}
			stop()
			_, err = stream.Recv()
			assert.Equal(t, codes.Canceled, status.Code(err))

			require.NoError(t, conn.Close())
			r.stop()
			require.NoError(t, <-r.done)
		})
	}
}

package envoy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
)

// Server answers Envoy's checks. It is safe for concurrent use.
type Server struct {
	authv3.UnimplementedAuthorizationServer

	opts    Options
	refused rate.Sometimes // so that a stranger cannot fill the log
}

var _ authv3.AuthorizationServer = (*Server)(nil)

// New returns a Server. The error lists everything that is wrong with opts.
func New(opts Options) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Server{opts: opts, refused: rate.Sometimes{First: 3, Interval: time.Minute}}, nil
}

// Serve answers checks, and probes of grpc.health.v1, on listener until ctx ends. Then
// it lets checks in flight finish, for Options.Grace at most, closes listener and returns
// nil. The health service is open to everybody: it reveals no more than an open port
// does, and an orchestrator's probes do not come from Envoy.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	g := grpc.NewServer(serverOptions()...)
	probes := health.NewServer()
	authv3.RegisterAuthorizationServer(g, s)
	healthv1.RegisterHealthServer(g, probes)

	ended := make(chan error, 1)
	go func() { ended <- g.Serve(listener) }()
	select {
	case err := <-ended:
		g.Stop()
		return fmt.Errorf("serve ext_authz on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	probes.Shutdown() // notifies watchers and ends their streams
	late := time.AfterFunc(s.opts.Grace, func() {
		s.opts.Logger.Warn("checks were cut off at shutdown", slog.Duration("after", s.opts.Grace))
		g.Stop()
	})
	g.GracefulStop()
	late.Stop()
	if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve ext_authz on %s: %w", listener.Addr(), err)
	}
	return nil
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxFrameHeaders),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleTimeout, Time: pingAfter, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPingInterval, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	}
}

// Check judges one request. The error is always nil: failures are refusals, which no
// setting of Envoy turns into permission.
func (s *Server) Check(ctx context.Context, check *authv3.CheckRequest) (response *authv3.CheckResponse, _ error) {
	defer func() {
		if v := recover(); v != nil {
			// The value may contain anything, even a token; its type and the stack do not.
			s.opts.Logger.ErrorContext(ctx, "panic while judging a check", slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
			response = refusal(http.StatusInternalServerError)
		}
	}()
	from, ok := s.trustedPeer(ctx)
	if !ok {
		return refusal(http.StatusForbidden), nil
	}
	r, spoofed, err := s.rebuild(ctx, check, from)
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "malformed check refused", slog.String("peer", from), slog.Any("error", err))
		var m *malformed
		if errors.As(err, &m) {
			return refusal(m.status), nil
		}
		return refusal(http.StatusBadRequest), nil
	}
	a := gateway.NewAnswer()
	s.opts.Judge(a, r)
	a.Settle()
	if a.Granted() {
		return allowed(a.Header(), spoofed), nil
	}
	return denied(a.Status(), a.Header(), a.Body()), nil
}

// trustedPeer returns the address of the connection, and whether it may ask.
func (s *Server) trustedPeer(ctx context.Context) (address string, ok bool) {
	if p, found := peer.FromContext(ctx); found && p.Addr != nil {
		address = p.Addr.String()
	}
	from, err := netip.ParseAddrPort(address)
	if err == nil && s.opts.Trusted(from.Addr().Unmap().WithZone("")) {
		return address, true
	}
	s.refused.Do(func() {
		s.opts.Logger.WarnContext(ctx, "check from an untrusted peer refused; if it is your Envoy, add it to the setting",
			slog.String("setting", s.opts.Setting), slog.String("peer", address))
	})
	return "", false
}

package envoy_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
)

func ExampleServer_Serve() {
	server, err := envoy.New(envoy.Options{
		Judge: func(a *gateway.Answer, r *http.Request) {
			a.Grant(a, r.Header, http.Header{"X-Clerk-User-Id": {"user_jane"}}) // as a real judge found out
		},
		Trusted: func(a netip.Addr) bool { return a.IsLoopback() },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	stop() // a service would stop on a signal
	fmt.Println(server.Serve(ctx, listener))
	// Output: <nil>
}

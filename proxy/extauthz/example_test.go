package extauthz_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/extauthz"
)

func ExampleServer_Serve() {
	server, err := extauthz.New(extauthz.Options{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Clerk-User-Id", "user_jane") // found out by a real handler
			w.WriteHeader(http.StatusOK)
		}),
		Trusted:  func(a netip.Addr) bool { return a.IsLoopback() },
		Identity: func(name string) bool { return strings.HasPrefix(name, "X-Clerk-") },
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

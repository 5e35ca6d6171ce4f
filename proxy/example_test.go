package proxy_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// A Proxy is a handler for a server of one's own; Run brings the server along.
func ExampleNew() {
	cfg, _, err := settings.Load(func(name string) (string, bool) {
		value, ok := map[string]string{
			"CLERK_PUBLISHABLE_KEY": "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
			"CLERK_SECRET_KEY":      "sk_live_a0b1c2d3",
			"CLERKGATE_UPSTREAM":    "http://127.0.0.1:3000",
		}[name]
		return value, ok
	}, os.Environ())
	if err != nil {
		panic(err)
	}
	p, err := proxy.New(cfg, proxy.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	defer p.Close()

	// Nobody is signed in, so that the application is not asked.
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/invoices", nil))
	fmt.Println(answer.Code, answer.Header().Get("X-Clerk-Auth-Reason"))
	// Output: 401 session-token-and-uat-missing
}

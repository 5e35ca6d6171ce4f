// Command nethttp protects one handler with Clerk sessions.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

func main() {
	auth, err := middleware.New(middleware.Options{
		PublishableKey: os.Getenv("CLERK_PUBLISHABLE_KEY"),
		SecretKey:      os.Getenv("CLERK_SECRET_KEY"),
		APIURL:         os.Getenv("CLERK_API_URL"), // these three are set to run on a local Clerk
		ProxyURL:       os.Getenv("CLERK_PROXY_URL"),
		SignInURL:      os.Getenv("CLERK_SIGN_IN_URL"),
	})
	if err != nil {
		log.Fatal(err) // every problem at once
	}
	address := "localhost:" + cmp.Or(os.Getenv("PORT"), "8081")
	server := &http.Server{Addr: address, Handler: protected(auth), ReadHeaderTimeout: 10 * time.Second}
	log.Print("open http://" + address) //nolint:gosec // whoever starts this sets PORT
	log.Fatal(server.ListenAndServe())
}

// protected is an application that only signed-in users reach.
func protected(auth *middleware.Authenticator) http.Handler {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "hello", middleware.FromContext(r.Context()).UserID)
	})
	return auth.Handler(middleware.Require(middleware.Requirement{})(hello))
}

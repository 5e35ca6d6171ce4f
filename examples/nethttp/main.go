// Command nethttp protects one handler with Clerk sessions.
package main

import (
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
	})
	if err != nil {
		log.Fatal(err) // every problem at once
	}
	server := &http.Server{Addr: "127.0.0.1:8081", Handler: protected(auth), ReadHeaderTimeout: 10 * time.Second}
	log.Print("open http://localhost:8081")
	log.Fatal(server.ListenAndServe())
}

// protected is an application that only signed-in users reach.
func protected(auth *middleware.Authenticator) http.Handler {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "hello", middleware.FromContext(r.Context()).UserID)
	})
	return auth.Handler(middleware.Require(middleware.Requirement{})(hello))
}

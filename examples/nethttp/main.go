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
	opts, err := middleware.OptionsFromEnv(os.LookupEnv)
	if err != nil {
		log.Fatal(err) // every problem at once
	}
	auth, err := middleware.New(opts)
	if err != nil {
		log.Fatal(err)
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
	return auth.Handler(middleware.RequireSignedIn(hello))
}

// Command forwarded-user is an application that reads who is signed in from the headers
// X-Forwarded-User and X-Forwarded-Email, as applications behind OAuth2 Proxy do.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	// Nobody but a proxy on this machine reaches the loopback interface.
	address := "127.0.0.1:" + cmp.Or(os.Getenv("PORT"), "3000")
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(hello), ReadHeaderTimeout: 10 * time.Second}
	log.Print("waiting for the proxy at " + address) //nolint:gosec // whoever starts this sets PORT
	log.Fatal(server.ListenAndServe())
}

func hello(w http.ResponseWriter, r *http.Request) {
	id, email := r.Header.Get("X-Forwarded-User"), r.Header.Get("X-Forwarded-Email")
	if id == "" {
		http.Error(w, "nobody is signed in", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprintf(w, "hello %s, %s\n", id, cmp.Or(email, "no verified address")) //nolint:gosec // plain text
}

package middleware_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/clerkgate/clerkgate/middleware"
)

// An application that only signed-in users reach; its administration needs a role
// and a fresh second factor.
func ExampleAuthenticator_Handler() {
	auth, err := middleware.New(middleware.Options{
		PublishableKey:    os.Getenv("CLERK_PUBLISHABLE_KEY"),
		SecretKey:         os.Getenv("CLERK_SECRET_KEY"),
		AuthorizedParties: []string{"https://app.example.com"},
	})
	if err != nil {
		log.Fatal(err) // every problem at once
	}
	defer auth.Close()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "hello", middleware.FromContext(r.Context()).UserID)
	})
	signedIn := middleware.Require(middleware.Requirement{})
	admin := middleware.Require(middleware.Requirement{Role: "org:admin", Reverification: "strict"})

	mux := http.NewServeMux()
	mux.Handle("/", signedIn(hello))
	mux.Handle("/admin/", admin(hello))
	http.Handle("/", auth.Handler(mux))
}

// API keys open the part of an application that programs use, and no other.
func ExampleAuthenticator_With() {
	auth, err := middleware.New(middleware.Options{PublishableKey: "pk_test_Y2xlcmsuZXhhbXBsZS5hY2NvdW50cy5kZXYk", SecretKey: "sk_test_1"})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	programs, err := auth.With(middleware.Variant{AcceptsToken: []middleware.TokenType{middleware.APIKeyToken}})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/orders", nil)
	fmt.Println(programs.Authenticate(r).Reason)
	// Output: No token in header
}

// A handler's test says who is signed in; no token and no Clerk is needed.
func ExampleNewContext() {
	jane := &middleware.Auth{
		TokenType: middleware.SessionToken, UserID: "user_jane",
		OrgID: "org_acme", OrgRole: "org:admin", OrgPermissions: []string{"org:invoices:view"},
	}
	jane = jane.WithClaims(json.RawMessage(`{"plan":"gold"}`))

	handler := func(w http.ResponseWriter, r *http.Request) {
		who := middleware.FromContext(r.Context())
		if !who.Has(middleware.Requirement{Permission: "org:invoices:view"}) {
			http.Error(w, "not yours", http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprintf(w, "%s sees invoices, claims %s", who.UserID, who.Claims())
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/invoices", nil)
	handler(w, r.WithContext(middleware.NewContext(r.Context(), jane)))
	fmt.Println(w.Body)
	// Output: user_jane sees invoices, claims {"plan":"gold"}
}

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
	opts, err := middleware.OptionsFromEnv(os.LookupEnv)
	if err != nil {
		log.Fatal(err) // every problem at once
	}
	opts.AuthorizedParties = []string{"https://app.example.com"}
	auth, err := middleware.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "hello", middleware.FromContext(r.Context()).UserID)
	})
	admin := middleware.Require(middleware.Requirement{Role: "org:admin", Reverification: "strict"})

	mux := http.NewServeMux()
	mux.Handle("/", middleware.RequireSignedIn(hello))
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

// The custom claims of the session token, as a type of the application.
func ExampleClaimsAs() {
	type claims struct {
		Plan string `json:"plan"`
	}
	jane := (&middleware.Auth{UserID: "user_jane"}).WithClaims(json.RawMessage(`{"sub":"user_jane","plan":"gold"}`))
	mine, err := middleware.ClaimsAs[claims](jane)
	fmt.Println(mine.Plan, err)
	// Output: gold <nil>
}

// With the guard in front, a form that is sent ten minutes after its page was loaded
// arrives: its session is renewed as a page's would be.
func ExampleOptions_refreshEveryMethod() {
	opts, err := middleware.OptionsFromEnv(os.LookupEnv)
	if err != nil {
		log.Fatal(err)
	}
	opts.RefreshEveryMethod = true
	auth, err := middleware.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, middleware.FromContext(r.Context()).UserID, "ordered", r.PostFormValue("what"))
	})
	mux := http.NewServeMux()
	mux.Handle("POST /orders", middleware.RequireSignedIn(orders))
	http.Handle("/", http.NewCrossOriginProtection().Handler(auth.Handler(mux)))
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

package crossorigin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
)

func ExampleCORS_Handler() {
	cors, err := crossorigin.NewCORS(crossorigin.CORSOptions{
		Origins: []string{"https://app.example.com"}, Headers: []string{"Authorization"}, Credentials: true,
	})
	if err != nil {
		panic(err)
	}
	refusal := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })

	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Origin", "https://app.example.com")
	w := httptest.NewRecorder()
	cors.Handler(refusal).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	// Output: 401 https://app.example.com
}

func ExampleGuard_Allows() {
	guard, err := crossorigin.NewGuard([]string{"https://admin.example.com"})
	if err != nil {
		panic(err)
	}
	for _, from := range []string{"https://app.example.com", "https://admin.example.com", "http://app.example.com"} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Origin", from)
		fmt.Println(from, guard.Allows(r, "https://app.example.com"))
	}
	// Output:
	// https://app.example.com true
	// https://admin.example.com true
	// http://app.example.com false
}

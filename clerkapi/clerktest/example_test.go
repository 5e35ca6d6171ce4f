package clerktest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// A test passes its *testing.T and needs no Close; here there is none.
func ExampleNewServer() {
	clerk := clerktest.NewServer(nil, clerktest.Options{})
	defer clerk.Close()

	session := clerk.SignIn("jane@example.com")
	for _, cookie := range clerk.Cookies(session.ID, "http://localhost:8080") {
		fmt.Println(cookie.Name)
	}
	// Output:
	// __session
	// __session_7mVDern8
	// __client_uat
	// __client_uat_7mVDern8
	// __refresh_7mVDern8
	// __clerk_db_jwt
	// __clerk_db_jwt_7mVDern8
}

func ExampleClerk_Fail() {
	clerk := clerktest.NewServer(nil, clerktest.Options{})
	defer clerk.Close()
	remove := clerk.Fail(clerktest.Fault{Path: "/v1/jwks", Status: http.StatusServiceUnavailable})

	fmt.Println(jwksStatus(clerk))
	remove()
	fmt.Println(jwksStatus(clerk))
	fmt.Println(clerk.CallCount("GET", "/v1/jwks"), "calls")
	// Output:
	// 503
	// 200
	// 2 calls
}

func jwksStatus(clerk *clerktest.Server) int {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, clerk.URL+"/v1/jwks", nil)
	if err != nil {
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+clerk.SecretKey())
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// A signed-in client in three lines; the third is the request.
func ExampleClerk_Client() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := r.Cookie("__session")
		fmt.Println("session cookie:", err == nil)
	}))
	defer app.Close()

	clerk := clerktest.New(clerktest.Options{})
	client := clerk.Client("jane@example.com", app.URL)
	res, err := client.Get(app.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	// Output: session cookie: true
}

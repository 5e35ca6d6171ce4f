package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// The application is tested on a Clerk that runs inside the test.
func TestProtected(t *testing.T) {
	clerk := clerktest.NewServer(t, clerktest.Options{})
	auth, err := middleware.New(middleware.Options{
		PublishableKey: clerk.PublishableKey(),
		SecretKey:      clerk.SecretKey(),
		APIURL:         clerk.URL,
		Now:            clerk.Now, // clerk.Advance moves both clocks
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(auth.Close)

	request := httptest.NewRequest(http.MethodGet, "http://localhost:8081/", nil)
	response := httptest.NewRecorder()
	protected(auth).ServeHTTP(response, request)
	if response.Code != http.StatusUnauthorized {
		t.Errorf("signed out: status %d", response.Code)
	}

	jane := clerk.SignIn("jane@example.com")
	for _, cookie := range clerk.Cookies(jane.ID, "http://localhost:8081") {
		request.AddCookie(cookie)
	}
	response = httptest.NewRecorder()
	protected(auth).ServeHTTP(response, request)
	if response.Code != http.StatusOK || response.Body.String() != "hello "+jane.UserID+"\n" {
		t.Errorf("signed in: status %d, body %q", response.Code, response.Body)
	}
}

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// The application stands behind clerkgate, and both on real listeners.
func TestSignedIn(t *testing.T) {
	s := start(t)
	jane := s.clerk.SignIn("jane@example.com")
	status, body := s.get(t, "/", jane.ID)
	if want := "hello " + jane.UserID + ", jane@example.com\n"; status != http.StatusOK || body != want {
		t.Errorf("status %d, body %q, want %q", status, body, want)
	}
}

func TestClientsOwnHeaders(t *testing.T) {
	s := start(t)
	jane := s.clerk.SignIn("jane@example.com")
	for _, name := range []string{
		"X-Forwarded-User", "x-forwarded-user", "X-fOrWaRdEd-uSeR", "x_forwarded_user", "X_FORWARDED_USER", "X-Forwarded_User", "X.Forwarded.User", "x_forwarded_email",
	} {
		if status, body := s.get(t, "/", jane.ID, name, "evil@example.com"); status != http.StatusOK || !strings.Contains(body, jane.UserID) {
			t.Errorf("%s: status %d, body %q", name, status, body)
		}
		s.refuseEvil(t, name)

		// Nobody is signed in, on a route where nobody needs to be.
		if status, _ := s.get(t, "/public/x", "", name, "evil@example.com"); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d from the application", name, status)
		}
		if got := s.refuseEvil(t, name); got.Get("X-Forwarded-User") != "" {
			t.Errorf("%s: signed in as %s", name, got.Get("X-Forwarded-User"))
		}

		// And on one where somebody must be, the application hears nothing.
		if status, _ := s.get(t, "/", "", name, "evil@example.com"); status != http.StatusUnauthorized || len(s.headers) != 0 {
			t.Errorf("%s: status %d, %d requests passed", name, status, len(s.headers))
		}
	}
}

// stack is a Clerk, clerkgate with this example's routes file, and the application.
type stack struct {
	clerk   *clerktest.Server
	gate    string           // its URL
	headers chan http.Header // what the application received
}

func start(t *testing.T) *stack {
	t.Helper()
	s := &stack{headers: make(chan http.Header, 1), clerk: clerktest.NewServer(t, clerktest.Options{TokenLifetime: time.Hour, Users: []clerktest.User{{Email: "jane@example.com"}}})}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers <- r.Header.Clone()
		hello(w, r)
	}))
	t.Cleanup(upstream.Close)

	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY": s.clerk.PublishableKey(), "CLERK_SECRET_KEY": s.clerk.SecretKey(), "CLERK_API_URL": s.clerk.URL,
		"CLERKGATE_CONFIG": "clerkgate.yaml", "CLERKGATE_UPSTREAM": upstream.URL, "CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0",
	}
	cfg, _, err := settings.Load(func(name string) (string, bool) { value, ok := env[name]; return value, ok }, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	started, done := make(chan proxy.Addresses, 1), make(chan error, 1)
	go func() {
		done <- proxy.Run(ctx, cfg, proxy.RunOptions{Started: func(at proxy.Addresses) { started <- at }})
	}()
	select {
	case at := <-started:
		s.gate = "http://" + at.Public[0].String()
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// get sends a request to clerkgate, with the cookies of a session, or none. The names of
// the headers are sent as they are spelled.
func (s *stack) get(t *testing.T, path, session string, headers ...string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gate+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if session != "" {
		for _, cookie := range s.clerk.Cookies(session, s.gate) {
			request.AddCookie(cookie)
		}
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header[headers[i]] = []string{headers[i+1]}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// received returns the headers of the one request that reached the application.
func (s *stack) received(t *testing.T) http.Header {
	t.Helper()
	select {
	case header := <-s.headers:
		return header
	default:
		t.Fatal("the application got no request")
		return nil
	}
}

// refuseEvil fails if what a client sent reached the application, under any name.
func (s *stack) refuseEvil(t *testing.T, sent string) http.Header {
	t.Helper()
	got := s.received(t)
	for name, values := range got {
		if strings.Contains(strings.Join(values, ""), "evil") {
			t.Errorf("%s reached the application as %s", sent, name)
		}
	}
	return got
}

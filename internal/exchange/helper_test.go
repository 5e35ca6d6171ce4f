package exchange_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/exchange"
)

const (
	tokens   = "/v1/sessions/*/tokens/*"
	lifetime = 2 * time.Minute // of template "db"
)

// fixture is a Clerk without a network, whose answers a test can hold back.
type fixture struct {
	*clerktest.Clerk
	*exchange.Exchanger
	hold chan struct{} // nil: answers come at once; else one per receive, all once it is closed
	// retryAfter is added to each answer; "" is none.
	retryAfter string
}

func setup(t testing.TB, o exchange.Options) *fixture {
	t.Helper()
	f := &fixture{Clerk: clerktest.New(clerktest.Options{
		Now: func() time.Time { return time.Unix(1_790_000_000, 0) },
		Users: []clerktest.User{
			{Email: "jane@example.com", Organization: &clerktest.Organization{Slug: "acme", Name: "Acme", Role: "org:admin"}},
			{Email: "john@example.com"},
		},
		JWTTemplates: []clerktest.JWTTemplate{
			{Name: "db", Lifetime: lifetime, Claims: map[string]any{"email": "{{user.primary_email_address}}"}},
			{Name: "short", Lifetime: exchange.Margin},
		},
	})}
	var err error
	o.Client, err = clerkapi.New(clerkapi.Options{SecretKey: f.SecretKey(), Transport: f})
	require.NoError(t, err)
	if o.Now == nil {
		o.Now = f.Now
	}
	f.Exchanger, err = exchange.New(o)
	require.NoError(t, err)
	return f
}

// RoundTrip hands a call to the Clerk beside us.
func (f *fixture) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	w := httptest.NewRecorder()
	if f.retryAfter != "" {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	f.Handler().ServeHTTP(w, r)
	return w.Result(), nil
}

func (f *fixture) fetches() int { return f.CallCount(http.MethodPost, tokens) }

func (f *fixture) db(session *clerktest.Session) exchange.Key {
	return exchange.Key{SessionID: session.ID, Template: "db"}
}

func subject(t testing.TB, raw string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(raw, claims)
	require.NoError(t, err)
	sub, err := claims.GetSubject()
	require.NoError(t, err)
	return sub
}

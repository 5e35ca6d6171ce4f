package middleware_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// The application's handler answers people; programs get the same as without it.
func TestErrorHandler(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	get := protected(t, newFlow(t, clerk, func(o *middleware.Options) {
		o.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, e *middleware.Error) {
			if !e.Document {
				e.WriteJSON(w)
				return
			}
			w.WriteHeader(e.Status)
			_, _ = fmt.Fprintf(w, "%s, %s, %s", e.Code, e.Reason, e.SignInURL())
		}
	}), ok)
	looping := []*http.Cookie{{Name: "__client_uat", Value: "1"}, {Name: "__clerk_redirect_count", Value: "3"}}

	res := get("/", nil)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	assert.Equal(t, "Bearer", res.Header.Get("WWW-Authenticate"))

	res = get("/page", looping, "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "not sent round again")
	assert.Empty(t, res.Header.Get("Location"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	var body [512]byte
	n, _ := res.Body.Read(body[:])
	assert.Contains(t, string(body[:n]), "redirect_loop, client-uat-but-no-session-token, https://")
	assert.Contains(t, string(body[:n]), "redirect_url=http%3A%2F%2Fexample.com%2Fpage")

	res = get("/page", nil, "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode, "redirects are not its business")

	plain := protected(t, newFlow(t, clerk, nil), ok)
	assert.Equal(t, http.StatusTemporaryRedirect, plain("/page", looping, "Sec-Fetch-Dest", "document").StatusCode, "without it, as in Clerk's SDK")
}

package frameworks

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/clerkgate/clerkgate/middleware"
)

// Chi takes the middleware as it is.
func Chi(auth *middleware.Authenticator) http.Handler {
	r := chi.NewRouter()
	r.Use(auth.Handler)
	r.Get("/", home)
	r.Group(func(r chi.Router) {
		r.Use(middleware.RequireSignedIn)
		r.Get("/account", account)
		r.Get("/cached", cached)
		r.Get("/stream", stream)
		r.Get("/socket", socket)
	})
	return r
}

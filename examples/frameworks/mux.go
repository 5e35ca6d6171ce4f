package frameworks

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/clerkgate/clerkgate/middleware"
)

// Mux takes the middleware as it is. gorilla/mux calls it for requests alone that match a
// route.
func Mux(auth *middleware.Authenticator) http.Handler {
	r := mux.NewRouter()
	r.Use(auth.Handler)
	r.HandleFunc("/", home)
	members := r.NewRoute().Subrouter()
	members.Use(middleware.RequireSignedIn)
	members.HandleFunc("/account", account)
	members.HandleFunc("/cached", cached)
	members.HandleFunc("/stream", stream)
	members.HandleFunc("/socket", socket)
	return r
}

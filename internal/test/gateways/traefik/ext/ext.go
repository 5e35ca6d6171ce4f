// Package ext stands in for a module inside Traefik's repository that is not
// published on its own: the place where editions of Traefik add configuration of
// theirs. Nothing is added here.
package ext

// HTTP extends the configuration of HTTP.
type HTTP struct{}

// Router extends the configuration of a router.
type Router struct{}

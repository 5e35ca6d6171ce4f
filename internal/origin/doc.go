// Package origin finds out under which URL the outside world sent a request.
//
// Behind a proxy that ends TLS the application sees "http://10.0.0.7:8080/x"
// where the browser asked for "https://app.example/x". Clerk's protocol compares
// and signs the latter. [Resolver] reads it from X-Forwarded-Host and
// X-Forwarded-Proto, but only when the connection comes from a proxy that was
// named as trusted: whoever may choose these headers chooses where a browser is
// sent with its session.
//
// Begin with [New] and [Resolver.Public]. The rules for trusted headers are those of
// deriveUrlFromHeaders in @clerk/backend 3.25.0, to the byte, with two
// exceptions that are safer: a path beginning with "//" never becomes the host,
// and a Host header that is more than host and port makes the URL invalid.
//
// Everything fails closed: an unparsable peer is not trusted, and a request
// whose URL cannot be read gives a [Public] on the reserved name
// invalid.invalid with [Public.Valid] false. Nothing here panics.
package origin

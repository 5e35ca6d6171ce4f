// Package origin works out the public URL of a request: the one the client used.
//
// Behind a proxy that terminates TLS, an application sees "http://10.0.0.7:8080/x"
// where the browser asked for "https://app.example/x". Clerk's protocol compares and
// signs the latter. [Resolver] reads it from X-Forwarded-Host and X-Forwarded-Proto, but
// only if the connection comes from a trusted proxy: whoever can choose these headers
// chooses where a browser is redirected with its session.
//
// Start with [New] and [Resolver.Public]. The rules for trusted headers are exactly
// those of deriveUrlFromHeaders in @clerk/backend 3.25.0, with two exceptions that are
// safer: a path beginning with "//" never becomes the host, and a Host header with
// anything but host and port makes the URL invalid.
//
// The package fails closed: a peer whose address cannot be parsed is not trusted, and
// a request whose URL cannot be parsed gives a [Public] with the reserved host
// invalid.invalid, for which [Public.Valid] is false. Nothing here panics.
package origin

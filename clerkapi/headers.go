package clerkapi

import (
	"context"
	"net/http"
)

type headersKey struct{}

// WithHeaders returns a context for calls that send these headers instead of the Client's own. An Authorization header
// takes precedence over both keys. The headers are copied, and replace those of an earlier WithHeaders altogether.
func WithHeaders(ctx context.Context, h http.Header) context.Context {
	own := make(http.Header, len(h))
	for name, values := range h {
		name = http.CanonicalHeaderKey(name) // a second spelling would be a second header on the wire
		own[name] = append(own[name], values...)
	}
	return context.WithValue(ctx, headersKey{}, own)
}

func headersFrom(ctx context.Context) http.Header {
	h, _ := ctx.Value(headersKey{}).(http.Header)
	return h
}

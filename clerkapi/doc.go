// Package clerkapi is a client of Clerk's Backend API, made of the standard library alone.
//
// Make one [Client] with [New] and share it:
//
//	c, err := clerkapi.New(clerkapi.Options{SecretKey: key})
//	...
//	s, res, err := c.GetSession(ctx, "sess_…")
//
// Every operation takes the context first and returns its result, the [Response] and an error. The Response is there
// whenever a reply arrived, also beside an error; the result is nil whenever there is an error.
//
// # Errors
//
// A reply other than 2xx is an [APIError], a 2xx reply that is not what the operation answers with a [DecodeError], a
// call without a complete reply a [TransportError], in which errors.Is finds context.Canceled and
// context.DeadlineExceeded. For the common questions use errors.Is with [ErrNotFound], [ErrUnauthorized] and
// [ErrRateLimited]. A problem of the arguments ([ErrInvalidID], [ErrInvalidParams], [ErrMissingKey]) is found before
// the call, which then is not made.
//
// # Guarantees
//
// Redirects are never followed. Replies are read up to a limit, calls end after a timeout. An id cannot name another
// endpoint, however it is encoded. No key, token or URL query is in the text of an error, and types that hold one
// show "[redacted]" when they are printed or logged with log/slog. Nothing is retried unless Options.MaxRetries asks
// for it, where it is also said what then is; without it, [APIError.RetryAfter] says when to come back.
//
// The package keeps no state outside a Client: clients of two instances work side by side.
package clerkapi

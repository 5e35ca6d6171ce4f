// Package clerkapi is a client of Clerk's Backend API. It depends on the standard library alone.
//
// Create one [Client] with [New] and share it:
//
//	c, err := clerkapi.New(clerkapi.Options{SecretKey: key})
//	...
//	s, res, err := c.GetSession(ctx, "sess_…")
//
// Every operation takes the context first and returns its result, the [Response] and an error. The Response is not nil
// if a reply arrived, even if there is an error; the result is nil if there is an error.
//
// # Errors
//
// A reply other than 2xx is an [APIError]. A 2xx reply that cannot be decoded is a [DecodeError]. A call without a
// complete reply is a [TransportError], in which errors.Is finds context.Canceled and context.DeadlineExceeded. For
// common cases use errors.Is with [ErrNotFound], [ErrUnauthorized] and [ErrRateLimited]. Invalid arguments
// ([ErrInvalidID], [ErrInvalidParams], [ErrMissingKey]) are reported without making the call.
//
// # Guarantees
//
// Redirects are never followed. The size of replies and the duration of calls are bounded. An id cannot name another
// endpoint, however it is encoded. The text of an error contains no key, token or URL query, and types that hold one
// show "[redacted]" when they are printed or logged with log/slog. Nothing is retried unless Options.MaxRetries is set,
// which documents what is retried; [APIError.RetryAfter] says when to try again.
//
// The package has no state outside a Client, so clients of several instances can be used side by side.
package clerkapi

// Package guard makes calls to Clerk's Backend API, unless it is known to be down.
//
// A [Guard] makes the calls of one kind. [Guard.Call] makes one through a breaker
// (internal/breaker): at once if Clerk works, or not at all while it does not, but for
// probes. It knows which outcomes mean that Clerk is down, obeys Retry-After, and repeats a
// call that found no connection, within a budget.
//
// Only what Clerk or the network did counts as a failure, never what a client sent: 4xx are
// successes, as Clerk has dealt with the call.
package guard

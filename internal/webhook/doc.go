// Package webhook receives Clerk's webhooks and makes revocations of them.
//
// A [Handler] accepts what Clerk has signed, in any order and any number of times, and
// responds once the revocations are recorded; if they cannot be, it responds with 503, so
// that Clerk sends the event again. Of an event's body, which can hold everything about a
// user, it reads ids and keys only, and logs none of it.
package webhook

// Package exchange exchanges a session for a token of a JWT template, for upstreams
// that need a token of their own, such as a database.
//
// [New] returns an [Exchanger]. [Exchanger.Token] returns a cached token until shortly
// before it expires, and otherwise calls Clerk (POST
// /v1/sessions/{id}/tokens/{template}), once for all requests that wait.
//
// # Guarantees
//
// A token is returned only for the [Key] that it was created for. A shared call has its
// own time limit and does not end with the context of the caller that started it; each
// caller returns when its own context ends. A failure is cached for [FailureMemory], and
// while Clerk is known to be down, or has asked for less traffic, no calls are made but
// probes (internal/guard). Ids are checked before they become part of a URL.
//
// The token comes from Clerk over an authenticated connection and is meant for others.
// It is not verified here, and says nothing about who is signed in; only its times are
// read.
package exchange

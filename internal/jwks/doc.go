// Package jwks holds the public keys of one Clerk instance.
//
// [New] returns a [Source] that reads the instance's JWKS through a function it
// is given, keeps the keys for the TTL, refreshes them ahead of time while they
// are in use, and shares one fetch among all callers that wait for a key.
// [NewStatic] returns a source of one PEM key, for verification without a network.
//
// Guarantees:
//   - A key that Clerk no longer lists is dropped by the next successful fetch,
//     and [Source.Generation] changes with it, so that results cached under the
//     old set can be rejected.
//   - While Clerk can't be reached, the last known keys remain in use, for
//     StaleFor at most. After that nothing verifies.
//   - Unknown key ids, which anyone can send, cause fetches only within a small
//     budget; a real rotation is found with the first of them.
//   - Nothing is shared between two sources.
package jwks

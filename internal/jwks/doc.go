// Package jwks holds the public keys of one Clerk instance.
//
// [New] makes a [Source] that reads the instance's JWKS through a function it
// is given, keeps the keys for the TTL, renews them ahead of time while they
// are in use, and joins everybody who waits for a key to one fetch.
// [NewStatic] makes a source of one PEM key for verification without a network.
//
// Guarantees:
//   - A key that Clerk no longer lists stops with the next successful fetch,
//     and [Source.Generation] changes with it, so that results remembered under
//     the old set can be refused.
//   - While Clerk can't be reached the last known keys serve on, for StaleFor
//     at most. After that nothing verifies.
//   - Unknown key ids, which anyone can send, cause fetches only within a small
//     budget; a real rotation is found with the first of them.
//   - Nothing is shared between two sources.
package jwks

// Package token decodes and verifies Clerk's JWTs: session tokens, handshake
// tokens, and the machine tokens that are JWTs.
//
// [New] returns a [Verifier] for one instance; [Verifier.Session] is what most
// requests need. [Decode] reads a token without verifying it: its claims help to
// decide what to do next (which cookies to read, which session to refresh), but never
// say who the user is.
//
// Decisions, reasons and messages are those of @clerk/backend, Clerk's JavaScript SDK
// for servers. JSON, text and times are read as in JavaScript where Go differs: names
// are compared exactly, the last of duplicate names wins, a date out of range is
// ignored. Signatures are verified by golang-jwt.
//
// Guarantees:
//   - Claims are checked only after the signature, and an error comes without a
//     usable result.
//   - The times of a cached token are checked at each use, and it is verified again
//     when the instance's keys have changed.
//   - Sizes are bounded: a token by [MaxSize], the cache in tokens and in bytes, a
//     quotation in a message by 256 bytes. Expired tokens are removed from the cache.
package token

// Package token decodes and verifies Clerk's JWTs: session tokens, handshake
// tokens, and the machine tokens that are JWTs.
//
// [New] makes a [Verifier] for one instance; [Verifier.Session] is what most
// requests need. [Decode] reads a token that nobody has verified: its claims
// help to choose what to do next (which cookies count, whose session to
// refresh), and never say who somebody is.
//
// Decisions, reasons and texts are those of Clerk's JavaScript backend package.
// JSON, text and times follow JavaScript where Go's own reading differs: names
// are compared exactly, of duplicates the last counts, a date out of range is
// none. Signatures are golang-jwt's work.
//
// Guarantees:
//   - Claims are looked at only after the signature; nothing usable comes with
//     an error.
//   - A remembered token has its times compared at each use, and is verified
//     anew when the instance's keys have changed.
//   - Sizes are bounded: a token by [MaxSize], the cache in tokens and in bytes, what
//     a message quotes by 256 bytes. An expired token leaves the cache by itself.
package token

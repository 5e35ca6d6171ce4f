// Package assertion signs short-lived JWTs that tell an upstream who is behind a
// request, so that it need not trust the network between the proxy and itself.
//
// [Load] reads the keys, [NewSigner] returns a [Signer], [Signer.Sign] returns the
// assertion for a request, and [Keys.Handler] serves the key set with which upstreams
// verify it.
//
// # What an upstream must check
//
// An upstream must check the signature with the key set, with ES256 and EdDSA as the
// only algorithms; that typ is [Type]; iss; that aud is its own; and exp. Neither the
// typ nor the keys are Clerk's, so that neither kind of token can be used as the other.
// There is no jti, because one assertion serves several requests of its subject, and no
// nbf, which only harms upstreams whose clock is behind.
//
// # Rotation
//
// The first key file signs, and all are published. To change keys without a failed
// request, add the new file in second place and wait until every upstream has fetched
// the key set again (it may be cached for [MaxAge]). Then move it to the first place,
// and remove the old file once the lifetime of an assertion has passed.
package assertion

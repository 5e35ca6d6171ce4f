// Package assertion signs short-lived JWTs that tell an upstream who is behind a
// request, so that it need not trust the network between the proxy and itself.
//
// [Load] reads the keys, [NewSigner] makes the [Signer] whose [Signer.Sign] answers
// per request, and [Keys.Handler] serves the key set by which upstreams verify.
//
// # What an upstream must check
//
// The signature by the key set with ES256 and EdDSA as the only algorithms, typ
// [Type], iss, aud (its own, no other upstream's), and exp. The typ and the keys
// are not Clerk's, and Clerk's are not taken here, so that neither token can stand
// in for the other. There is no jti, because one assertion serves several requests
// of its subject, and no nbf, which only punishes an upstream whose clock is behind.
//
// # Rotation
//
// The first key file signs, all are published. To change keys without a failed
// request: add the new file second and wait until every upstream has fetched the
// key set again (it may be kept for [MaxAge]); move it to the first place; once the
// lifetime of an assertion has passed, drop the old one.
package assertion

package token

// leastSignature is the length of the signature of a 2048-bit RSA key, in bytes. Clerk has
// no shorter keys.
const leastSignature = 256

// MayVerify reports whether some key could verify a token: whether it names one, and its type,
// algorithm and signature are of the right form. It is for tokens whose key cannot be
// had, to tell those that may be good from those that are not in any case.
func (u *Unverified) MayVerify() bool {
	d := u.document()
	kid, named := d.kid.Text()
	return named && kid != "" && len(d.signature) >= leastSignature &&
		checkAlgorithm(d.alg) == nil && (checkType(d.typ) == nil || d.hasOAuthType())
}

package token

import (
	"context"
	"errors"
	"fmt"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// errHandshakeClaim is not an [Error]: the token is good, only its contents are not.
var errHandshakeClaim = errors.New("handshake claim holds a value that is not a string")

// Handshake verifies a handshake token and returns its Set-Cookie lines. It checks
// header and signature, but neither times nor other claims: the token came with a
// redirect a moment ago, and the session token inside is verified by itself
// (docs/protocol.md, 10.10). If the handshake claim is not a list, there are no lines;
// if it is a list with anything but strings, the error is not an *[Error].
func (v *Verifier) Handshake(ctx context.Context, raw string) ([]string, error) {
	u, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	d := u.document()
	t := d.jwt(raw)
	key, refusal := v.key(ctx, d.kid, t)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := checkType(d.typ); refusal != nil {
		return nil, refusal
	}
	if refusal := checkAlgorithm(d.alg); refusal != nil {
		return nil, refusal
	}
	// A template's author chooses its claims. Were its tokens taken here, a
	// "handshake" claim of theirs would become our Set-Cookie lines.
	if u.NonSessionCategory() {
		return nil, &Error{Reason: ReasonInvalid, Message: "Invalid handshake token category.", Action: actionEnsureClerkJWT}
	}
	valid, err := signedBy(t, key)
	if err != nil {
		return nil, &Error{Reason: ReasonVerificationFailed, Err: err,
			Message: fmt.Sprintf("Error verifying handshake token. Error: %v", err)}
	}
	if !valid {
		return nil, &Error{Reason: ReasonInvalidSignature, Message: "Handshake signature is invalid."}
	}
	var directives javascript.Value
	javascript.WalkObject(d.payload, func(name, raw []byte) {
		if string(name) == "handshake" {
			directives = javascript.Value{Raw: raw}
		}
	})
	if _, ok := directives.List(); !ok {
		return nil, nil // a handshake without a list sets nothing, as in Clerk's SDK
	}
	lines, ok := directives.Strings()
	if !ok {
		return nil, errHandshakeClaim
	}
	return lines, nil
}

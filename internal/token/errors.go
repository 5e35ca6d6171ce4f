package token

import "fmt"

// Reason is the protocol's constant for why a token was refused
// (docs/protocol.md, 7).
type Reason string

// The reasons that verification answers with.
const (
	ReasonExpired                  Reason = "token-expired"
	ReasonInvalid                  Reason = "token-invalid"
	ReasonInvalidAlgorithm         Reason = "token-invalid-algorithm"
	ReasonInvalidAuthorizedParties Reason = "token-invalid-authorized-parties"
	ReasonInvalidSignature         Reason = "token-invalid-signature"
	ReasonNotActiveYet             Reason = "token-not-active-yet"
	ReasonIATInTheFuture           Reason = "token-iat-in-the-future"
	ReasonVerificationFailed       Reason = "token-verification-failed"
	ReasonSecretKeyInvalid         Reason = "secret-key-invalid"
	ReasonRemoteKeysFailedToLoad   Reason = "jwk-remote-failed-to-load"
	ReasonKeyFailedToResolve       Reason = "jwk-failed-to-resolve"
	ReasonKIDMismatch              Reason = "jwk-kid-mismatch"
)

const (
	actionContactSupport = "Contact support@clerk.com"
	actionEnsureClerkJWT = "Make sure that this is a valid Clerk-generated JWT."
	actionCheckKeys      = "Go to your Dashboard and validate your secret and public keys are correct. " +
		actionContactSupport + " if the issue persists."
)

// Error says why a token was refused. Its texts quote single header fields and
// claims, as the reference does, and never the token.
type Error struct {
	Reason  Reason
	Message string // in the reference's words
	Action  string // what to do about it; may be empty
	Err     error  // cause, may be nil
}

// Error returns message and action.
func (e *Error) Error() string {
	if e.Action == "" {
		return e.Message
	}
	return e.Message + " " + e.Action
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// FullMessage is the text of the X-Clerk-Auth-Message header for a session
// token that was carried in carrier ("header" or "cookie"; "" reads
// "undefined", as in the reference).
func (e *Error) FullMessage(carrier string) string {
	if carrier == "" {
		carrier = "undefined"
	}
	return fmt.Sprintf("%s (reason=%s, token-carrier=%s)", e.Error(), e.Reason, carrier)
}

// FullMachineMessage is the same for a machine token that was judged without
// the Backend API.
func (e *Error) FullMachineMessage() string {
	return fmt.Sprintf("%s (code=%s, status=n/a)", e.Message, e.Reason)
}

// machine returns the error as it reads for machine tokens, which know fewer
// reasons (reference: jwt/verifyMachineJwt.ts).
func (e *Error) machine() *Error {
	return &Error{Reason: ReasonVerificationFailed, Message: e.Message, Err: e}
}

package token

import "fmt"

// Reason says why a token was refused, spelled as in Clerk's SDK
// (docs/protocol.md, 7).
type Reason string

// The reasons that verification returns.
const (
	ReasonExpired                  Reason = "token-expired"
	ReasonInvalid                  Reason = "token-invalid"
	ReasonInvalidAlgorithm         Reason = "token-invalid-algorithm"
	ReasonInvalidAuthorizedParties Reason = "token-invalid-authorized-parties"
	ReasonInvalidIssuer            Reason = "token-invalid-issuer"
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

// Error says why a token was refused. Its messages quote single header fields and
// claims, as Clerk's SDK does, but never the token.
type Error struct {
	Reason  Reason
	Message string // worded as in Clerk's SDK
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

// FullMessage returns the X-Clerk-Auth-Message header for a session token that came in
// carrier: "header" or "cookie", or "", which becomes "undefined" as in Clerk's SDK.
func (e *Error) FullMessage(carrier string) string {
	if carrier == "" {
		carrier = "undefined"
	}
	return fmt.Sprintf("%s (reason=%s, token-carrier=%s)", e.Error(), e.Reason, carrier)
}

// FullMachineMessage returns the X-Clerk-Auth-Message header for a machine token that
// was verified without the Backend API.
func (e *Error) FullMachineMessage() string {
	return fmt.Sprintf("%s (code=%s, status=n/a)", e.Message, e.Reason)
}

// machine returns the error for a machine token, for which Clerk's SDK has fewer
// reasons (jwt/verifyMachineJwt.ts).
func (e *Error) machine() *Error {
	return &Error{Reason: ReasonVerificationFailed, Message: e.Message, Err: e}
}

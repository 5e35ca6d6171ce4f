package token

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// The checks, in the order of Clerk's SDK (jwt/verifyJwt.ts). Each returns nil if
// the token passes.

const supportedAlgorithms = "RS256,RS384,RS512"

func checkType(typ javascript.Value) *Error {
	if !typ.Defined() || typ.Is("JWT") {
		return nil
	}
	return &Error{Reason: ReasonInvalid, Action: actionEnsureClerkJWT,
		Message: fmt.Sprintf(`Invalid JWT type %s. Expected "JWT".`, quoted(typ))}
}

func checkOAuthType(d *document) *Error {
	if d.hasOAuthType() {
		return nil
	}
	return &Error{Reason: ReasonInvalid, Action: actionEnsureClerkJWT,
		Message: fmt.Sprintf(`Invalid JWT type %s. Expected "at+jwt, application/at+jwt".`, quoted(d.typ))}
}

func checkAlgorithm(alg javascript.Value) *Error {
	if alg.Is("RS256") || alg.Is("RS384") || alg.Is("RS512") {
		return nil
	}
	return &Error{Reason: ReasonInvalidAlgorithm, Action: actionEnsureClerkJWT,
		Message: fmt.Sprintf("Invalid JWT algorithm %s. Supported: %s.", quoted(alg), supportedAlgorithms)}
}

func checkSubject(sub javascript.Value) *Error {
	if _, ok := sub.Text(); ok {
		return nil
	}
	return &Error{Reason: ReasonVerificationFailed, Action: actionEnsureClerkJWT,
		Message: fmt.Sprintf("Subject claim (sub) is required and must be a string. Received %s.", quoted(sub))}
}

// checkAudience compares aud with the allowed audiences. It passes when either side
// names no audience, and when aud is neither a string nor a list of strings: session
// tokens carry azp instead (docs/protocol.md, 7.23).
func checkAudience(aud javascript.Value, allowed []string) *Error {
	if len(allowed) == 0 || !aud.Truthy() {
		return nil
	}
	what := "claim"
	if s, ok := aud.Text(); ok {
		if slices.Contains(allowed, s) {
			return nil
		}
	} else {
		list, ok := aud.Strings()
		if !ok || !slices.ContainsFunc(list, func(a string) bool { return a != "" }) || common(list, allowed) {
			return nil
		}
		what = "claim array"
	}
	return &Error{Reason: ReasonVerificationFailed, Action: actionEnsureClerkJWT,
		Message: fmt.Sprintf(`Invalid JWT audience %s (aud) %s. Is not included in "%s".`, what, quoted(aud), quoteList(allowed))}
}

// checkOAuthAudience is strict: if audiences are configured, the token must name
// one of them (docs/protocol.md, 12.8).
func checkOAuthAudience(aud javascript.Value, allowed []string) *Error {
	if len(allowed) == 0 {
		return nil
	}
	list, ok := aud.Strings()
	if s, isText := aud.Text(); isText {
		list, ok = []string{s}, true
	}
	if !ok || len(list) == 0 || slices.Contains(list, "") {
		return &Error{Reason: ReasonVerificationFailed,
			Message: fmt.Sprintf("Invalid OAuth audience claim (aud) %s. Expected a non-empty string or a non-empty array of non-empty strings.", quoted(aud))}
	}
	if !common(list, allowed) {
		return &Error{Reason: ReasonVerificationFailed,
			Message: fmt.Sprintf("OAuth audience mismatch. Verification expected audience %s, but incoming token has aud %s.", quoteList(allowed), quoted(aud))}
	}
	return nil
}

func common(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// checkAuthorizedParty compares azp with the configured parties. If there are any, a
// token without azp is refused.
func checkAuthorizedParty(azp javascript.Value, parties []string) *Error {
	if len(parties) == 0 {
		return nil
	}
	if s, _ := azp.Text(); s != "" && slices.Contains(parties, s) {
		return nil
	}
	return &Error{Reason: ReasonInvalidAuthorizedParties,
		Message: fmt.Sprintf(`Invalid JWT Authorized party claim (azp) %s. Expected "%s".`, quoted(azp), strings.Join(parties, ","))}
}

// checkIssuer compares iss with the configured issuers, letter by letter. If there are
// any, a token without iss is refused.
func checkIssuer(iss javascript.Value, issuers []string) *Error {
	if len(issuers) == 0 {
		return nil
	}
	if s, ok := iss.Text(); ok && slices.Contains(issuers, s) {
		return nil
	}
	return &Error{Reason: ReasonInvalidIssuer, Action: actionEnsureClerkJWT,
		Message: fmt.Sprintf(`Invalid JWT issuer claim (iss) %s. Expected "%s".`, quoted(iss), strings.Join(issuers, ","))}
}

// times are a token's time claims in Unix milliseconds, as JavaScript's Date
// holds them. NaN (absent, or out of a Date's range) compares false with
// everything: such a token never expires and is never early, as in Clerk's SDK
// (docs/protocol.md, 7.20).
type times struct{ exp, nbf, iat float64 }

// check compares in the order exp, nbf, iat.
func (t times) check(now time.Time, skew time.Duration) *Error {
	ms, leeway := float64(now.UnixMilli()), float64(skew)/1e6
	switch {
	case t.exp <= ms-leeway:
		return &Error{Reason: ReasonExpired,
			Message: fmt.Sprintf("JWT is expired. Expiry date: %s, Current date: %s.", utc(t.exp), utc(ms))}
	case t.nbf > ms+leeway:
		return &Error{Reason: ReasonNotActiveYet,
			Message: fmt.Sprintf("JWT cannot be used prior to not before date claim (nbf). Not before date: %s; Current date: %s;", utc(t.nbf), utc(ms))}
	case t.iat > ms+leeway:
		return &Error{Reason: ReasonIATInTheFuture,
			Message: fmt.Sprintf("JWT issued at date claim (iat) is in the future. Issued at date: %s; Current date: %s;", utc(t.iat), utc(ms))}
	}
	return nil
}

// checkTimes checks the type and then the time of each claim in turn, since the first
// failure gives the reason. It returns the times, which are checked again at each use.
func checkTimes(d *document, now time.Time, skew time.Duration) (times, *Error) {
	nan := math.NaN()
	t := times{exp: nan, nbf: nan, iat: nan}
	steps := [...]struct {
		claim    javascript.Value
		at       *float64
		required bool
		name     string
	}{
		{d.exp, &t.exp, true, "expiry date claim (exp)"},
		{d.nbf, &t.nbf, false, "not before date claim (nbf)"},
		{d.iat, &t.iat, false, "issued at date claim (iat)"},
	}
	for _, s := range steps {
		if !s.required && !s.claim.Defined() {
			continue
		}
		n, ok := s.claim.Number()
		if !ok {
			return t, &Error{Reason: ReasonVerificationFailed, Action: actionEnsureClerkJWT,
				Message: fmt.Sprintf("Invalid JWT %s %s. Expected number.", s.name, quoted(s.claim))}
		}
		*s.at = dateMillis(n)
		if err := t.check(now, skew); err != nil {
			return t, err
		}
	}
	return t, nil
}

// dateMillis is JavaScript's new Date(0).setUTCSeconds(seconds): fractions are cut off,
// and seconds outside a Date's range give NaN.
func dateMillis(seconds float64) float64 {
	const maxDate = 8.64e15
	ms := math.Trunc(seconds) * 1000
	if math.IsNaN(ms) || math.Abs(ms) > maxDate {
		return math.NaN()
	}
	return ms
}

// utc is JavaScript's Date.prototype.toUTCString.
func utc(ms float64) string {
	return time.UnixMilli(int64(ms)).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
}

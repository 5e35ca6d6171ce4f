package token

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/internal/javascript"
	"github.com/clerkgate/clerkgate/internal/jwks"
)

// judge verifies a decoded token in the order of Clerk's SDK: category, key, type,
// algorithm, signature, and only then claims, so that a client without a valid
// signature learns nothing about the configuration.
func (v *Verifier) judge(ctx context.Context, k kind, u *Unverified, skew time.Duration) (*Verified, *Error) {
	d := u.document()
	if refusal := checkKind(k, d); refusal != nil {
		return nil, refusal
	}
	// Read before the key: if keys change meanwhile, the result is verified again.
	var generation uint64
	if v.cfg.Keys != nil {
		generation = v.cfg.Keys.Generation()
	}
	if refusal := v.checkSigned(ctx, k, d, u); refusal != nil {
		return nil, asKind(k, refusal)
	}
	t, refusal := v.checkClaims(k, d, skew)
	if refusal != nil {
		return nil, asKind(k, refusal)
	}
	if k == kindOAuth {
		if refusal := checkOAuthAudience(d.aud, v.cfg.Audience); refusal != nil {
			return nil, refusal
		}
	}
	verified := &Verified{by: v, kind: k, times: t, generation: generation}
	verified.keep(u)
	return verified, nil
}

// checkKind refuses tokens of another kind that are signed with the same key.
func checkKind(k kind, d *document) *Error {
	cat := d.cat
	switch k {
	case kindSession:
		if cat.Is(categoryM2M) {
			return &Error{Reason: ReasonInvalid, Message: "Invalid session token category.", Action: actionEnsureClerkJWT}
		}
	case kindM2M:
		if cat.Defined() && !cat.Is(categoryM2M) {
			return &Error{Reason: ReasonInvalid, Message: "Invalid M2M JWT category."}
		}
		// Callers choose the method by these two, so this only makes sure.
		if !d.hasSubjectPrefix(machineSubject) {
			return &Error{Reason: ReasonVerificationFailed, Message: "Invalid M2M JWT subject. Expected sub starting with 'mch_'."}
		}
	case kindOAuth:
		if d.hasSubjectPrefix(machineSubject) || !d.hasOAuthType() {
			typ, ok := d.typ.Text()
			if !ok {
				typ = "missing"
			}
			return &Error{Reason: ReasonVerificationFailed, Message: fmt.Sprintf("Invalid JWT type: %s. "+
				"Expected one of: at+jwt, application/at+jwt for OAuth, or sub starting with 'mch_' for M2M", clip(typ))}
		}
	}
	return nil
}

// checkSigned looks up the key and checks header and signature.
func (v *Verifier) checkSigned(ctx context.Context, k kind, d *document, u *Unverified) *Error {
	t := d.jwt(u.Raw())
	key, refusal := v.key(ctx, d.kid, t)
	if refusal != nil {
		return refusal
	}
	if k == kindOAuth {
		refusal = checkOAuthType(d)
	} else {
		refusal = checkType(d.typ)
	}
	if refusal != nil {
		return refusal
	}
	if refusal := checkAlgorithm(d.alg); refusal != nil {
		return refusal
	}
	valid, err := signedBy(t, key)
	if err != nil {
		return &Error{Reason: ReasonVerificationFailed, Action: actionEnsureClerkJWT,
			Message: fmt.Sprintf("Error verifying JWT signature. Error: %v", err), Err: err}
	}
	if !valid {
		return &Error{Reason: ReasonInvalidSignature, Message: "JWT signature is invalid."}
	}
	return nil
}

func (v *Verifier) checkClaims(k kind, d *document, skew time.Duration) (times, *Error) {
	if refusal := checkSubject(d.sub); refusal != nil {
		return times{}, refusal
	}
	if k != kindOAuth { // judge checks the audience of OAuth tokens, after the times
		if refusal := checkAudience(d.aud, v.cfg.Audience); refusal != nil {
			return times{}, refusal
		}
	}
	if k == kindSession {
		if refusal := checkAuthorizedParty(d.azp, v.cfg.AuthorizedParties); refusal != nil {
			return times{}, refusal
		}
		if refusal := checkIssuer(d.iss, v.cfg.Issuers); refusal != nil {
			return times{}, refusal
		}
	}
	return checkTimes(d, v.cfg.Now(), skew)
}

var errAlgMismatch = errors.New(`JWK "alg" does not match the requested algorithm`)

// jwt returns the token as golang-jwt and the key source expect it. Its header holds
// alg and kid; a kid that is not a string is left out, an alg becomes "".
func (d *document) jwt(raw string) *jwt.Token {
	alg, _ := d.alg.Text()
	header := map[string]any{"alg": alg}
	if kid, ok := d.kid.Text(); ok {
		header["kid"] = kid
	}
	return &jwt.Token{Raw: raw, Method: jwt.GetSigningMethod(alg), Header: header, Signature: d.signature}
}

// signedBy checks the signature of t, whose algorithm has passed checkAlgorithm. A nil
// key means that the key is for another algorithm.
func signedBy(t *jwt.Token, key *rsa.PublicKey) (valid bool, err error) {
	if key == nil {
		return false, errAlgMismatch
	}
	err = t.Method.Verify(t.Raw[:strings.LastIndexByte(t.Raw, '.')], t.Signature, key)
	if errors.Is(err, rsa.ErrVerification) {
		return false, nil
	}
	return err == nil, err
}

// key looks up the key of t, whose key id is kid. Its errors are worded as in Clerk's
// SDK. For a key of another algorithm it returns neither a key nor an error, because
// type and algorithm are checked first.
func (v *Verifier) key(ctx context.Context, kid javascript.Value, t *jwt.Token) (*rsa.PublicKey, *Error) {
	if v.cfg.Keys == nil {
		return nil, &Error{Reason: ReasonKeyFailedToResolve,
			Message: "Failed to resolve JWK during verification.", Action: "Set the CLERK_JWT_KEY environment variable."}
	}
	key, err := v.cfg.Keys.Key(ctx, t)
	switch {
	case err == nil && key != nil:
		return key, nil
	case errors.Is(err, jwks.ErrAlgorithm):
		return nil, nil
	case err == nil:
		return nil, &Error{Reason: ReasonKeyFailedToResolve, Message: "Failed to resolve JWK during verification."}
	case errors.Is(err, jwks.ErrUnknownKey):
		id, ok := kid.Text()
		if !ok {
			id = quoted(kid)
		}
		return nil, &Error{Reason: ReasonKIDMismatch, Action: actionCheckKeys, Err: err,
			Message: fmt.Sprintf("Unable to find a signing key in JWKS that matches the kid='%s' of the provided session token. "+
				"Please make sure that the __session cookie or the HTTP authorization header contain a Clerk-generated session JWT.", clip(id))}
	case errors.Is(err, jwks.ErrSecretKeyInvalid):
		return nil, &Error{Reason: ReasonSecretKeyInvalid, Message: "The provided Clerk Secret Key is invalid.",
			Action: actionContactSupport, Err: err}
	case errors.Is(err, jwks.ErrEmpty):
		return nil, &Error{Reason: ReasonRemoteKeysFailedToLoad, Action: actionContactSupport, Err: err,
			Message: "The JWKS endpoint did not contain any signing keys. Contact support@clerk.com."}
	}
	return nil, &Error{Reason: ReasonRemoteKeysFailedToLoad, Action: actionContactSupport, Err: err,
		Message: "Failed to load JWKS from Clerk Backend or Frontend API."}
}

package middleware

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/token"
)

// The prefixes of opaque machine tokens.
const (
	prefixM2M    = "mt_"
	prefixOAuth  = "oat_"
	prefixAPIKey = "ak_"
)

// maxOpaqueToken limits the tokens that are sent to Clerk for verification, in bytes.
const maxOpaqueToken = 4096

// machineMemory is how long the verification of an opaque token is remembered. Each one
// costs a round trip and money.
const machineMemory = 10 * time.Second

// Limits on the remembered verifications.
const (
	machineCacheSize  = 10_000
	machineCacheBytes = 16 << 20
)

// accepts is Options.AcceptsToken. In Clerk's SDK one kind, a list and any are three
// policies with different reasons.
type accepts struct {
	single TokenType // "" unless exactly one kind
	any    bool
	isList bool
	list   []TokenType
}

func newAccepts(kinds []TokenType) accepts {
	switch {
	case len(kinds) == 0:
		return accepts{single: SessionToken}
	case kinds[0] == AnyToken:
		return accepts{any: true}
	case len(kinds) == 1:
		return accepts{single: kinds[0]}
	}
	return accepts{isList: true, list: slices.Clone(kinds)}
}

func (a *accepts) allows(kind TokenType) bool {
	return a.any || a.single == kind || slices.Contains(a.list, kind)
}

func (t TokenType) isMachine() bool { return t == APIKeyToken || t == M2MToken || t == OAuthToken }

// machineKind returns the kind of a machine token by its prefix or its unverified claims,
// or "" for every other token.
func (a *Authenticator) machineKind(raw string) TokenType {
	jwtKind := ""
	if t := a.unverified(raw); t != nil {
		jwtKind = t.MachineKind()
	}
	switch {
	case strings.HasPrefix(raw, prefixM2M), jwtKind == "m2m":
		return M2MToken
	case strings.HasPrefix(raw, prefixOAuth), jwtKind == "oauth":
		return OAuthToken
	case strings.HasPrefix(raw, prefixAPIKey):
		return APIKeyToken
	}
	return ""
}

// kindOfHeaderToken returns the kind that a list of accepted kinds is compared with.
// Without a token it is a session token.
func (j *judged) kindOfHeaderToken() TokenType {
	if kind := j.a.machineKind(j.headerToken); j.headerToken != "" && kind != "" {
		return kind
	}
	return SessionToken
}

// anyTokenInHeader judges a header if several kinds are accepted.
func (j *judged) anyTokenInHeader() *State {
	if kind := j.a.machineKind(j.headerToken); kind != "" {
		return j.machineToken()
	}
	if t := j.a.unverified(j.headerToken); t != nil && t.NonSessionCategory() {
		return signedOut(SessionToken, ReasonTokenTypeMismatch, "", nil)
	}
	return j.verifySessionInHeader()
}

// machineTokenInHeader judges a header if one kind of machine token is accepted.
func (j *judged) machineTokenInHeader() *State {
	if j.a.machineKind(j.headerToken) != j.a.accepts.single {
		return signedOut(j.a.accepts.single, ReasonTokenTypeMismatch, "", nil)
	}
	return j.machineToken()
}

// machineToken verifies a machine token of an accepted kind.
func (j *judged) machineToken() *State {
	raw := j.headerToken
	if !token.IsJWTFormat(raw) {
		return j.opaqueToken(raw)
	}
	t, err := j.a.decode(raw)
	if err != nil {
		return j.machineFailed(M2MToken, err)
	}
	switch t.MachineKind() {
	case "m2m":
		v, err := j.a.verifier.M2M(j.ctx, raw)
		if err != nil {
			return j.machineFailed(M2MToken, err)
		}
		if v.Unreadable() {
			return signedOut(M2MToken, ReasonUnexpectedError, "", nil)
		}
		return machineSignedIn(M2MToken, raw, v.Derived(func(v *token.Verified) any { return m2mAuth(v) }).(*Auth))
	case "oauth":
		v, err := j.a.verifier.OAuth(j.ctx, raw)
		if err != nil {
			return j.machineFailed(OAuthToken, err)
		}
		if v.Unreadable() {
			return signedOut(OAuthToken, ReasonUnexpectedError, "", nil)
		}
		if err := j.a.revokedOAuth(v); err != nil {
			return j.machineFailed(OAuthToken, err)
		}
		return machineSignedIn(OAuthToken, raw, v.Derived(func(v *token.Verified) any { return oauthAuth(v) }).(*Auth))
	}
	return signedOut(OAuthToken, Reason(token.ReasonVerificationFailed), "The JWT is neither an OAuth access token nor an M2M token.", nil)
}

func (j *judged) machineFailed(kind TokenType, err error) *State {
	if s := j.a.withoutKeys(kind, j.headerToken, err); s != nil {
		return s
	}
	var failed *token.Error
	if !errors.As(err, &failed) {
		return signedOut(kind, ReasonUnexpectedError, "", nil)
	}
	return signedOut(kind, Reason(failed.Reason), failed.FullMachineMessage(), nil)
}

func machineSignedIn(kind TokenType, raw string, auth *Auth) *State {
	return &State{Status: SignedIn, TokenType: kind, Token: raw, Auth: auth}
}

func m2mAuth(v *token.Verified) *Auth {
	c := v.Claims()
	return &Auth{TokenType: M2MToken, TokenID: c.JTI, Subject: c.Subject, MachineID: c.Subject, Scopes: c.Scopes, verified: v}
}

func oauthAuth(v *token.Verified) *Auth {
	c := v.Claims()
	return &Auth{TokenType: OAuthToken, TokenID: c.JTI, Subject: c.Subject, UserID: c.Subject, ClientID: c.ClientID, Scopes: c.Scopes,
		Audience: audienceOf(c.Raw), Actor: actorOf(c.Raw), verified: v}
}

// opaqueKey identifies an opaque token by its kind and hash.
type opaqueKey struct {
	kind TokenType
	sum  [sha256.Size]byte
}

// opaqueAnswer is the outcome of a verification: auth, or the reason why there is none.
type opaqueAnswer struct {
	auth    *Auth
	reason  Reason
	message string
	// unavailable means that Clerk could not be asked, or failed.
	unavailable bool
	// holds is how long the outcome is remembered, and retryAfter how long to wait if
	// the token could not be verified for now.
	holds, retryAfter time.Duration
}

// opaqueToken verifies an opaque token at the Backend API, once for all requests with it.
func (j *judged) opaqueToken(raw string) *State {
	kind := j.a.machineKind(raw)
	if !plausibleOpaque(raw) {
		return signedOut(kind, Reason(token.ReasonInvalid), "The token is not shaped like one of Clerk's.", nil)
	}
	answer := j.a.askOpaque(j.ctx, kind, raw)
	if answer.unavailable {
		if auth, age := j.a.proofs.last(newOpaqueKey(kind, raw)); auth != nil {
			s := machineSignedIn(kind, raw, auth)
			s.outage = &outage{stale: age}
			return s
		}
		return j.a.unavailable(kind, ReasonVerificationUnavailable, "Clerk could not be asked about the token.")
	}
	if answer.auth == nil {
		s := signedOut(kind, answer.reason, answer.message, nil)
		s.retryAfter = uint16(math.Ceil(answer.retryAfter.Seconds()))
		return s
	}
	return machineSignedIn(kind, raw, answer.auth)
}

// plausibleOpaque reports whether raw may be a token. Others are not worth a call.
func plausibleOpaque(raw string) bool {
	if len(raw) > maxOpaqueToken {
		return false
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] > '~' {
			return false
		}
	}
	return true
}

func newOpaqueKey(kind TokenType, raw string) opaqueKey {
	return opaqueKey{kind: kind, sum: sha256.Sum256([]byte(raw))}
}

func (a *Authenticator) askOpaque(ctx context.Context, kind TokenType, raw string) *opaqueAnswer {
	key := newOpaqueKey(kind, raw)
	if known, ok := a.opaque.Remembered(key); ok {
		return known
	}
	answer, err := a.opaque.Do(ctx, key, func(ctx context.Context) (*opaqueAnswer, time.Time) {
		if shared := a.sharedOpaque(ctx, key, raw); shared != nil {
			return shared, a.now().Add(shared.holds)
		}
		a.health.others.hear(ctx)
		if a.health.machines.Refuses() {
			return &opaqueAnswer{unavailable: true}, time.Time{}
		}
		leave, ok := a.budget.opaqueToken(ctx, key)
		if !ok {
			return &opaqueAnswer{reason: ReasonUnexpectedError, message: "Too many tokens are being verified.", retryAfter: rateWindow}, time.Time{}
		}
		defer leave()
		answer := &opaqueAnswer{}
		unavailable, _ := a.health.machines.Call(ctx, func() (response *clerkapi.Response, err error) {
			answer, response, err = a.callOpaque(ctx, kind, raw)
			return response, err
		})
		answer.unavailable = unavailable
		if answer.holds >= machineMemory && !answer.unavailable {
			a.budget.verified(key, answer.auth != nil)
			a.shareOpaque(ctx, key, raw, answer)
			a.proofs.note(key, answer.auth)
		}
		return answer, a.now().Add(answer.holds)
	})
	if err != nil {
		return &opaqueAnswer{reason: ReasonUnexpectedError}
	}
	return answer
}

// size returns roughly how much memory the outcome takes, in bytes.
func (o *opaqueAnswer) size() int {
	n := 512 + len(o.message)
	if o.auth != nil {
		n += len(o.auth.claims) + len(o.auth.Subject) + len(o.auth.Name) + len(o.auth.Actor)
		for _, scope := range slices.Concat(o.auth.Scopes, o.auth.Audience) {
			n += 16 + len(scope)
		}
	}
	return n
}

func (a *Authenticator) callOpaque(ctx context.Context, kind TokenType, raw string) (*opaqueAnswer, *clerkapi.Response, error) {
	switch kind {
	case M2MToken:
		t, response, err := a.api.VerifyM2MToken(ctx, &clerkapi.VerifyM2MTokenParams{Token: raw})
		if err != nil {
			return opaqueFailure(err, "Machine token not found"), response, err
		}
		return named(&Auth{TokenType: kind, TokenID: t.ID, Subject: t.Subject, MachineID: t.Subject, Scopes: t.Scopes, claims: t.Claims}), response, nil
	case OAuthToken:
		t, response, err := a.api.VerifyOAuthAccessToken(ctx, &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: raw})
		if err != nil && !errors.Is(err, clerkapi.ErrTokenInactive) {
			return opaqueFailure(err, "OAuth token not found"), response, err
		}
		// The audience of an inactive token is checked too, and first, as by Clerk's SDK.
		audience := audienceOf(response.Body)
		if !audienceMatches(audience, a.opts.Audience) {
			return &opaqueAnswer{reason: Reason(token.ReasonVerificationFailed), message: "The OAuth token is for another audience. (code=token-verification-failed, status=n/a)", holds: machineMemory}, response, err
		}
		if err != nil {
			return opaqueFailure(err, ""), response, err
		}
		return named(&Auth{TokenType: kind, TokenID: t.ID, Subject: t.Subject, UserID: t.Subject, ClientID: t.ClientID, Scopes: t.Scopes, Audience: audience, Actor: actorOf(response.Body)}), response, nil
	}
	k, response, err := a.api.VerifyAPIKey(ctx, &clerkapi.VerifyAPIKeyParams{Secret: raw})
	if err != nil {
		return opaqueFailure(err, "API key not found"), response, err
	}
	auth := &Auth{TokenType: kind, TokenID: k.ID, Subject: k.Subject, Name: k.Name, Scopes: k.Scopes, claims: k.Claims}
	switch {
	case strings.HasPrefix(k.Subject, "user_"):
		auth.UserID = k.Subject
	case strings.HasPrefix(k.Subject, "org_"):
		auth.OrgID = k.Subject
	}
	return named(auth), response, nil
}

// named refuses a token without a subject.
func named(auth *Auth) *opaqueAnswer {
	if auth.Subject == "" {
		return &opaqueAnswer{reason: ReasonUnexpectedError, holds: transientMemory}
	}
	return &opaqueAnswer{auth: auth, holds: machineMemory}
}

func opaqueFailure(err error, notFound string) *opaqueAnswer {
	// Clerk's SDK accepts a token whose response says that it is revoked or expired.
	if errors.Is(err, clerkapi.ErrTokenInactive) {
		return &opaqueAnswer{reason: Reason(token.ReasonInvalid), message: "The token is revoked or expired.", holds: machineMemory}
	}
	var refused *clerkapi.APIError
	if !errors.As(err, &refused) || unreadable(refused.Response) {
		return &opaqueAnswer{reason: ReasonUnexpectedError, message: "Unexpected error (code=unexpected-error, status=n/a)", holds: transientMemory}
	}
	reason, message := ReasonUnexpectedError, "Unexpected error"
	switch status := refused.Response.StatusCode; status {
	case http.StatusUnauthorized:
		reason, message = Reason(token.ReasonSecretKeyInvalid), "Invalid secret key"
		if len(refused.Errors) > 0 && refused.Errors[0].Message != "" {
			message = refused.Errors[0].Message
		}
	case http.StatusNotFound:
		reason, message = Reason(token.ReasonInvalid), notFound
	}
	answer := &opaqueAnswer{reason: reason, message: fmt.Sprintf("%s (code=%s, status=%d)", message, reason, refused.Response.StatusCode)}
	answer.holds = failureMemory(refused.Response, machineMemory)
	if refused.IsRateLimited() {
		answer.retryAfter = answer.holds
	}
	return answer
}

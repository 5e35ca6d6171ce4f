package outbound

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/assertion"
	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Tokens are what a route promises its application beside the identity headers. The zero
// value has none.
type Tokens struct {
	authorization string // in place of the client's Authorization header
	assertion     string
	claims        *claimheader.Values // nil if nobody is signed in, or the route makes no headers of claims
}

// Issue obtains the tokens that the route promises, for the user or machine of state. If
// one of them cannot be had, the error says how to respond: the application must never
// have to guess why a token is absent.
func (b *Builder) Issue(ctx context.Context, state *middleware.State) (Tokens, *answer.Error) {
	var tokens Tokens
	if status, _ := identity.Verdict(state); status != middleware.SignedIn {
		return tokens, nil
	}
	if b.opts.Claims != nil {
		tokens.claims = b.claims(ctx, state.Auth)
	}
	var err error
	if tokens.authorization, err = b.authorization(ctx, state); err != nil {
		return Tokens{}, &answer.Error{
			Status: http.StatusBadGateway, Code: "token_exchange_failed", Err: err,
			Message: "The token that the application needs could not be had from Clerk. Try again in a moment.",
		}
	}
	if b.opts.Signer == nil || b.opts.Route.Audience == "" {
		return tokens, nil
	}
	if tokens.assertion, err = b.opts.Signer.Sign(subject(state.Auth), b.opts.Route.Audience); err != nil {
		return Tokens{}, &answer.Error{
			Status: http.StatusInternalServerError, Code: "assertion_failed", Err: err,
			Message: "This request could not be vouched for.",
		}
	}
	return tokens, nil
}

// claims returns the values of the headers that the route makes of claims. Fields of a
// user who cannot be had are left out, so that Clerk's failure is not the application's.
func (b *Builder) claims(ctx context.Context, who *middleware.Auth) *claimheader.Values {
	values := who.ClaimHeaders(b.opts.Claims, nil)
	if values == nil || !values.Lacking || b.opts.Users == nil {
		return values
	}
	if user := b.opts.Users.Get(ctx, who.UserID); user != nil {
		return who.ClaimHeaders(b.opts.Claims, user)
	}
	return values
}

// authorization returns the Authorization header for the application, or "" for none of
// clerkgate's.
func (b *Builder) authorization(ctx context.Context, state *middleware.State) (string, error) {
	switch b.opts.Route.Authorization {
	case routes.AuthorizationSession:
		if state.TokenType == middleware.SessionToken {
			return "Bearer " + state.Token, nil
		}
	case routes.AuthorizationTemplate:
		if state.Auth.SessionID == "" {
			break // Clerk makes these tokens from sessions, which machines do not have
		}
		token, err := b.opts.Exchanger.Token(ctx, exchange.Key{
			SessionID: state.Auth.SessionID, Template: b.opts.Route.TokenTemplate, Version: state.Auth.OrgID,
		})
		if err != nil {
			return "", err
		}
		return "Bearer " + token, nil
	}
	return "", nil
}

// subject returns the subject of an assertion.
func subject(who *middleware.Auth) assertion.Subject {
	var actor struct {
		Sub string `json:"sub"`
	}
	if who.Actor != nil {
		_ = json.Unmarshal(who.Actor, &actor) // an actor without a sub is left out
	}
	return assertion.Subject{
		TokenType: string(who.TokenType), UserID: who.UserID, SessionID: who.SessionID,
		OrgID: who.OrgID, OrgSlug: who.OrgSlug, OrgRole: who.OrgRole,
		MachineID: who.MachineID, ClientID: who.ClientID, TokenID: who.TokenID,
		Scope: strings.Join(who.Scopes, " "), ActorID: actor.Sub,
	}
}

package middleware

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// sharedOpaqueAnswer is the outcome of a verification as replicas share it.
type sharedOpaqueAnswer struct {
	Until time.Time `json:"until"`

	TokenID   string          `json:"id,omitempty"`
	Subject   string          `json:"sub,omitempty"`
	UserID    string          `json:"user,omitempty"`
	OrgID     string          `json:"org,omitempty"`
	MachineID string          `json:"machine,omitempty"`
	ClientID  string          `json:"client,omitempty"`
	Name      string          `json:"name,omitempty"`
	Scopes    []string        `json:"scopes,omitempty"`
	Audience  []string        `json:"aud,omitempty"`
	Actor     json.RawMessage `json:"act,omitempty"`
	Claims    json.RawMessage `json:"claims,omitempty"`

	Reason  Reason `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// opaqueName is the name of a verification in the store. Its outcome depends on
// Options.Audience.
func (a *Authenticator) opaqueName(key opaqueKey) string {
	return "m:" + a.shared.Hash(string(key.kind), string(key.sum[:]), strings.Join(a.opts.Audience, "\x00"))
}

// sharedOpaque returns the outcome of another replica's verification; nil if there is none.
func (a *Authenticator) sharedOpaque(ctx context.Context, key opaqueKey, raw string) *opaqueAnswer {
	if a.shared == nil {
		return nil
	}
	data, ok := a.shared.Get(ctx, a.opaqueName(key), raw)
	if !ok {
		return nil
	}
	var told sharedOpaqueAnswer
	if json.Unmarshal(data, &told) != nil {
		return nil
	}
	// The other replica's clock may differ; it cannot make an outcome last longer.
	answer := &opaqueAnswer{reason: told.Reason, message: told.Message, holds: min(told.Until.Sub(a.now()), machineMemory)}
	if answer.holds <= 0 || (told.Reason == "") == (told.Subject == "") {
		return nil
	}
	if told.Reason == "" {
		answer.auth = &Auth{
			TokenType: key.kind, TokenID: told.TokenID, Subject: told.Subject, UserID: told.UserID, OrgID: told.OrgID, MachineID: told.MachineID,
			ClientID: told.ClientID, Name: told.Name, Scopes: told.Scopes, Audience: told.Audience, Actor: told.Actor, claims: told.Claims,
		}
	}
	a.budget.verified(key, answer.auth != nil)
	return answer
}

// shareOpaque tells the other replicas what Clerk has said about a token, bound to the token
// itself.
func (a *Authenticator) shareOpaque(ctx context.Context, key opaqueKey, raw string, answer *opaqueAnswer) {
	if a.shared == nil {
		return
	}
	told := sharedOpaqueAnswer{Until: a.now().Add(answer.holds), Reason: answer.reason, Message: answer.message}
	if auth := answer.auth; auth != nil {
		told.TokenID, told.Subject, told.UserID, told.OrgID, told.MachineID = auth.TokenID, auth.Subject, auth.UserID, auth.OrgID, auth.MachineID
		told.ClientID, told.Name, told.Scopes, told.Audience = auth.ClientID, auth.Name, auth.Scopes, auth.Audience
		told.Actor, told.Claims = auth.Actor, auth.claims
	}
	data, err := json.Marshal(told)
	if err == nil {
		err = a.shared.Put(ctx, a.opaqueName(key), raw, data, answer.holds)
	}
	if err != nil {
		a.log().DebugContext(ctx, "verification of a token was not shared", "error", err)
	}
}

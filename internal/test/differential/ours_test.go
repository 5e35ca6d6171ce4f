package differential_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// ours judges with this module, with one Authenticator per instance for the whole run, so
// that its caches are tested too.
type ours struct {
	authenticator *middleware.Authenticator
	backend       *backend
	refused       error // of the options
}

func newOurs(t testing.TB, in *instance, now func() time.Time) *ours {
	o := &ours{backend: &backend{jwks: in.JWKS}}
	o.authenticator, o.refused = middleware.New(in.goOptions(o.backend, now))
	if o.refused == nil {
		t.Cleanup(o.authenticator.Close)
	}
	return o
}

func (o *ours) judge(q *request) *outcome {
	o.backend.begin(q.Rules)
	s := o.authenticator.Authenticate(q.httpRequest())
	out := &outcome{
		Status: string(s.Status), Reason: string(s.Reason), TokenType: string(s.TokenType), Token: s.Token,
		HasMessage: s.Header.Get("X-Clerk-Auth-Message") != "", Calls: o.backend.made(), Auth: authOf(s.Auth),
	}
	for name, values := range s.Header {
		for _, v := range values {
			if name != "X-Clerk-Auth-Message" {
				out.Headers = append(out.Headers, [2]string{strings.ToLower(name), v})
			}
		}
	}
	return out
}

// httpRequest returns the request as net/http passes it to a handler.
func (q *request) httpRequest() *http.Request {
	r := httptest.NewRequest(q.Request.Method, "http://unused.invalid/", nil)
	r.RequestURI, r.RemoteAddr = q.Request.Target, "127.0.0.1:40000"
	if u, err := url.ParseRequestURI(q.Request.Target); err == nil {
		r.URL = u
	}
	for _, h := range q.Request.Headers {
		if h[0] == "Host" {
			r.Host = h[1]
			continue
		}
		r.Header.Add(h[0], h[1])
	}
	return r
}

// authOf returns an identity with the SDK's names, without empty fields.
func authOf(a *middleware.Auth) map[string]any {
	out := map[string]any{}
	text := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	text("userId", a.UserID)
	text("sessionId", a.SessionID)
	text("sessionStatus", a.SessionStatus)
	text("orgId", a.OrgID)
	text("orgSlug", a.OrgSlug)
	text("orgRole", a.OrgRole)
	text("machineId", a.MachineID)
	text("clientId", a.ClientID)
	text("id", a.TokenID)
	text("subject", a.Subject)
	text("name", a.Name)
	list(out, "orgPermissions", a.OrgPermissions)
	list(out, "scopes", a.Scopes)
	list(out, "factorVerificationAge", a.FactorVerificationAge)
	if a.Actor != nil && a.TokenType != middleware.OAuthToken { // the SDK has it in the token, not in the auth object
		out["actor"] = decoded(a.Actor)
	}
	if a.TokenType == middleware.SessionToken && a.Claims() != nil {
		out["sessionClaims"] = decoded(a.Claims())
	}
	return out
}

func list[T any](out map[string]any, name string, values []T) {
	if len(values) == 0 {
		return
	}
	elems := make([]any, len(values))
	for i, v := range values {
		elems[i] = v
	}
	out[name] = elems
}

func decoded(raw json.RawMessage) any {
	var v any
	_ = json.Unmarshal(raw, &v)
	return v
}

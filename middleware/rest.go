package middleware

import (
	"context"
	"encoding/json"
	"time"

	"github.com/clerkgate/clerkgate/internal/breaker"
)

// sharedRestName is the name under which replicas tell each other that Clerk has answered 429:
// its limit is for all of them together.
const sharedRestName = "rest"

// shareRest tells the other replicas to make no calls for d, as Clerk has asked.
func (a *Authenticator) shareRest(d time.Duration) {
	d = min(d, breaker.MaxRest)
	if a.shared == nil || d <= time.Second {
		return // it would be over before they noticed
	}
	if data, err := json.Marshal(a.now().Add(d)); err == nil {
		a.shared.PutLater(sharedRestName, data, d)
	}
}

// restWithOthers makes no calls either while another replica has been asked to wait.
func (a *Authenticator) restWithOthers(ctx context.Context) {
	data, ok := a.shared.Get(ctx, sharedRestName, "")
	var until time.Time
	if !ok || json.Unmarshal(data, &until) != nil {
		return
	}
	if d := until.Sub(a.now()); d > time.Second {
		a.health.sessions.RestFor(d)
	}
}

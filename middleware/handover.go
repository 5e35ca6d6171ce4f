package middleware

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/shared"
)

// How long the outcome of a refresh is shared: a new token for as long as requests with the
// old one may arrive, and a failure only while requests for it are in progress.
const (
	sharedRefreshFor = 30 * time.Second
	sharedFailureFor = 5 * time.Second
)

// newShared returns what all replicas of the instance share, or nil without a store.
func newShared(o *Options, instance string) (*shared.Store, error) {
	if o.Store == nil {
		return nil, nil
	}
	return shared.New(shared.Config{
		Store: o.Store, Instance: instance, Secret: cmp.Or(o.SecretKey, o.MachineSecretKey), Keys: o.StoreKeys, Now: o.Now, Logger: o.Logger,
	})
}

// sharedRefresh is the outcome of a refresh as replicas share it.
type sharedRefresh struct {
	Cookies []string `json:"cookies,omitempty"` // as Clerk sent them
	Why     string   `json:"why,omitempty"`
	// Unavailable means that Clerk was down when a replica asked.
	Unavailable bool `json:"unavailable,omitempty"`
}

// shareRefresh is callRefresh for all replicas: one of them makes the call, and the others
// take its outcome. If the store fails, each replica makes its own call.
func (a *Authenticator) shareRefresh(ctx context.Context, key refreshKey, q *refreshQuestion) (*refreshed, time.Duration) {
	if a.shared == nil {
		return a.callRefresh(ctx, q)
	}
	// Bound to the refresh token, so that somebody who reads the store and knows the keys
	// still has no session.
	turn := a.shared.Turn("refresh:"+a.shared.Hash(string(key[:])), q.params.RefreshToken)
	result, lease, err := turn.Take(ctx)
	if lease == nil && err == nil {
		if outcome, holds, ok := a.readSharedRefresh(ctx, q, result); ok {
			return outcome, holds
		}
	}
	outcome, holds := a.callRefresh(ctx, q)
	if outcome.why != "" && holds > 0 {
		// Clerk accepts an expired token once. If another replica has used it, that replica
		// has the new token.
		if result, ok := turn.Result(ctx, patienceFor(outcome, err)); ok {
			if theirs, theirsHold, ok := a.readSharedRefresh(ctx, q, result); ok && theirs.why == "" {
				outcome, holds = theirs, theirsHold
			}
		}
	} else if lease == nil && stumbled(err) {
		lease = turn.WithoutLease() // another replica may have found the token used
	}
	if lease != nil {
		a.publishRefresh(ctx, lease, outcome, holds)
	}
	return outcome, holds
}

// othersPatience is how long a refused refresh waits for the token of another replica: for which
// the store has failed, too, and must recover before that can publish it.
const othersPatience = 2 * time.Second

// patienceFor returns how long a failed refresh waits for another replica's result. err is why
// the replicas have not worked together, or nil.
func patienceFor(o *refreshed, err error) time.Duration {
	if stumbled(err) && o.refused() || o.why == refreshConsumed { // of the latter, the other one may not have known of this one
		return othersPatience
	}
	return 0
}

// stumbled reports whether err says that the store has just failed. One that has been failing for
// some time is no reason to wait.
func stumbled(err error) bool { return err != nil && !errors.Is(err, shared.ErrOpen) }

// publishRefresh tells the other replicas the outcome.
func (a *Authenticator) publishRefresh(ctx context.Context, lease *shared.Lease, o *refreshed, holds time.Duration) {
	if holds == 0 { // the call was not made
		lease.GiveUp(ctx)
		return
	}
	told, ttl := sharedRefresh{Why: o.why, Unavailable: o.unavailable}, min(holds, sharedFailureFor)
	if o.why == "" {
		ttl = sharedRefreshFor
		for _, line := range o.cookies {
			told.Cookies = append(told.Cookies, fromLatin1(line))
		}
	}
	data, err := json.Marshal(told)
	if err != nil {
		lease.GiveUp(ctx)
		return
	}
	lease.Publish(ctx, data, ttl)
}

// readSharedRefresh returns what another replica has published. A token in it is verified
// like one from Clerk, and must be of the user and session that the refresh is for.
func (a *Authenticator) readSharedRefresh(ctx context.Context, q *refreshQuestion, data []byte) (o *refreshed, holds time.Duration, ok bool) {
	var told sharedRefresh
	if json.Unmarshal(data, &told) != nil {
		return nil, 0, false
	}
	if told.Why != "" {
		if told.Unavailable {
			a.health.sessions.Failed() // or this replica would redirect browsers to Clerk without having tried it
		}
		return &refreshed{why: told.Why, unavailable: told.Unavailable && a.health.holds, byReplica: true}, transientMemory, true
	}
	o = a.readRefresh(ctx, &clerkapi.SessionRefresh{Cookies: &clerkapi.Cookies{Cookies: told.Cookies}})
	if o.why != "" {
		return nil, 0, false
	}
	if c := o.verified.Claims(); c.SessionID != q.sid || c.Subject != q.subject {
		a.log().WarnContext(ctx, "shared store has the token of another session; it is not used", "session_id", q.sid)
		return nil, 0, false
	}
	a.budget.sessions.refreshed(q)
	o.byReplica = true
	return o, refreshMemory, true
}

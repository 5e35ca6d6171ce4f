package middleware

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/shared"
)

// sharedRestName is the name under which replicas tell each other what they have met at
// Clerk's Backend API.
const sharedRestName = "rest"

// hearEach is how often the store is asked what other replicas have met, at most. Nothing
// shorter is shared.
const hearEach = time.Second

// others are the other replicas, as far as Clerk's health is concerned. A rest holds for all
// of them, since Clerk's limit does. That a breaker has opened elsewhere is a doubt: the
// network of that replica may be what fails, and one such replica must not stop the others.
// Their probes are their own too, since only they show what their networks do.
type others struct {
	shared *shared.Store // nil if there are none
	server *breaker.Server
	now    func() time.Time
	heard  atomic.Pointer[time.Time]
}

// sharedRest is what replicas tell each other. A zero time, or one in the past, says nothing.
type sharedRest struct {
	Rest  time.Time `json:"rest"`
	Doubt time.Time `json:"doubt"`
}

// hear learns what other replicas have met. It is called before calls to Clerk.
func (o *others) hear(ctx context.Context) {
	if o.shared == nil {
		return
	}
	now, last := o.now(), o.heard.Load()
	if last != nil && now.Sub(*last) < hearEach || !o.heard.CompareAndSwap(last, &now) {
		return
	}
	data, ok := o.shared.Get(ctx, sharedRestName, "")
	var told sharedRest
	if !ok || json.Unmarshal(data, &told) != nil {
		return
	}
	if d := told.Rest.Sub(now); d > hearEach {
		o.server.Rest(now, d)
	}
	if d := told.Doubt.Sub(now); d > 0 {
		o.server.Doubt(now, d)
	}
}

// tell tells the other replicas what is known here.
func (o *others) tell() {
	if o.shared == nil {
		return
	}
	var told sharedRest
	told.Rest, told.Doubt = o.server.Until()
	ttl := max(told.Rest.Sub(o.now()), told.Doubt.Sub(o.now()))
	if ttl <= hearEach {
		return // it would be over before they noticed
	}
	if data, err := json.Marshal(told); err == nil {
		o.shared.PutLater(sharedRestName, data, ttl)
	}
}

package middleware

import (
	"context"
	"errors"
	"time"

	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/jwks"
)

// Condition is how a part of Clerk, or the shared store, is doing.
type Condition string

// The conditions. NotAsked means that this process has not called the part yet.
const (
	Up       Condition = "up"
	Down     Condition = "down"
	NotAsked Condition = "not asked"
)

// Health says which parts of Clerk work, and the shared store, as far as this process has
// noticed by its own calls.
type Health struct {
	// Keys is whether tokens can be verified, with keys from Clerk or Options.JWTKey. It is
	// Up or Down.
	Keys Condition
	// BackendAPI is whether sessions can be renewed there.
	BackendAPI Condition
	// MachineTokens is whether opaque machine tokens can be verified there.
	MachineTokens Condition
	// FrontendAPI is whether it answers. It is asked only while the Backend API is down.
	FrontendAPI Condition
	// Store is whether what replicas share works. It is Up or Down; Up without
	// [Options.Store].
	Store Condition
}

// Health returns how Clerk is doing. It makes no call.
func (a *Authenticator) Health() Health {
	h := a.health
	source, fetches := a.keys.(*jwks.Source)
	state := Health{
		Keys:          upIf(!fetches || source.Known()),
		BackendAPI:    h.backendAPI(),
		MachineTokens: h.machineTokens(),
		FrontendAPI:   NotAsked,
		Store:         upIf(a.shared == nil || a.shared.Works()),
	}
	if known, ok := h.frontend.results.Remembered(h.frontend.url); ok && state.BackendAPI == Down {
		state.FrontendAPI = upIf(known.answers)
	}
	return state
}

func upIf(works bool) Condition {
	if works {
		return Up
	}
	return Down
}

// Breaker is the state of what keeps calls from a part of Clerk that is failing.
type Breaker struct {
	// Name says which calls: keys, sessions, machine_tokens or session_lookups.
	Name string `json:"name"`
	// Open reports that calls are not made.
	Open bool `json:"open"`
	// Since is when it opened; zero while it is closed.
	Since time.Time `json:"since,omitzero"`
	// Next is how long it is until the next call may be made; 0 if it may be made now.
	Next time.Duration `json:"-"`
}

// Breakers returns the state of the breakers between a and Clerk's Backend API.
func (a *Authenticator) Breakers() []Breaker {
	named := func(name string, s breaker.State) Breaker {
		return Breaker{Name: name, Open: s.Open, Since: s.Since, Next: s.Next}
	}
	all := []Breaker{
		named("keys", a.health.keys.State()), named("sessions", a.health.sessions.State()), named("machine_tokens", a.health.machines.State()),
	}
	if a.sessions != nil {
		all = append(all, named("session_lookups", a.sessions.breaker.State()))
	}
	return all
}

// ReadyAfter is [Authenticator.Ready] for an Authenticator that replaces former, of the same
// instance, such as one with another secret key. While Clerk is down it is ready with the
// keys that former knows, so that the change does not have to wait. A secret key that Clerk
// refuses is still an error.
func (a *Authenticator) ReadyAfter(ctx context.Context, former *Authenticator) error {
	err := a.Ready(ctx)
	if err == nil || !errors.Is(err, errClerkUnavailable) || a.instance.keyHost != former.instance.keyHost {
		return err
	}
	source, fetches := a.keys.(*jwks.Source)
	known, fetched := former.keys.(*jwks.Source)
	if fetches && fetched && (source.Adopt(known) || !known.Known()) {
		return nil
	}
	return err
}

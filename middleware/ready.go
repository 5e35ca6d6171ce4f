package middleware

import (
	"context"
	"errors"

	"github.com/clerkgate/clerkgate/internal/jwks"
)

// Health says which parts of Clerk work, and the shared store, as far as this process has noticed by its own
// calls. What has not failed counts as working.
type Health struct {
	// Keys is whether tokens can be verified, with keys from Clerk or Options.JWTKey.
	Keys bool
	// BackendAPI is whether sessions can be renewed there.
	BackendAPI bool
	// MachineTokens is whether opaque machine tokens can be verified there.
	MachineTokens bool
	// FrontendAPI is whether it answers, which is checked only while the Backend API is down.
	FrontendAPI bool
	// Store is whether what replicas share works; true without [Options.Store].
	Store bool
}

// Health returns how Clerk is doing. It makes no call.
func (a *Authenticator) Health() Health {
	h, now := a.health, a.now()
	machines := h.machines.record()
	source, fetched := a.keys.(*jwks.Source)
	up := Health{
		Store: a.shared == nil || a.shared.Works(),
		Keys:  !fetched || source.Known(), BackendAPI: !h.isDown(), MachineTokens: !h.holds || !machines.failedSince(now), FrontendAPI: true,
	}
	if known, ok := h.frontend.results.Remembered(h.frontend.url); ok && !up.BackendAPI {
		up.FrontendAPI = known.answers
	}
	return up
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

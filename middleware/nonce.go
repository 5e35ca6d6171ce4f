package middleware

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/once"
)

// maxNonce bounds, in bytes, what is sent to Clerk as a nonce.
const maxNonce = 512

// nonceMemory is how long a nonce that Clerk has refused is remembered. A used or invalid
// nonce does not become valid later.
const nonceMemory = 10 * time.Minute

// nonceCacheSize is how many of them are remembered, by their hashes. It is more than Clerk
// can be made to refuse within nonceMemory.
const nonceCacheSize = 20_000

// nonces makes one exchange per nonce and remembers those that failed.
type nonces = once.Memory[[sha256.Size]byte, payload]

// payload is the outcome of an exchange.
type payload struct {
	directives  []string
	unavailable bool // Clerk was not asked, or is down, so that the nonce may still be good
}

func newNonces(o *Options) (*nonces, error) {
	return once.New(once.Config[[sha256.Size]byte, payload]{Entries: nonceCacheSize, Timeout: o.BackendTimeout, Now: o.Now})
}

// payloadOfNonce exchanges a nonce for directives at the Backend API, once for all
// requests that wait. After a failure the payload is empty, as in Clerk's SDK: the
// browser is signed out instead of sent round in a loop.
func (a *Authenticator) payloadOfNonce(ctx context.Context, nonce string) payload {
	if !isPlausible(nonce, maxNonce) {
		return payload{}
	}
	outcome, err := a.nonces.Do(ctx, sha256.Sum256([]byte(nonce)), func(ctx context.Context) (payload, time.Time) {
		outcome, holds := a.callNonce(ctx, nonce)
		return outcome, a.now().Add(holds)
	})
	if err != nil {
		return payload{}
	}
	return outcome
}

// callNonce returns the payload and how long it is remembered: not at all if the
// exchange succeeded, since a nonce is for one use.
func (a *Authenticator) callNonce(ctx context.Context, nonce string) (payload, time.Duration) {
	a.health.others.hear(ctx)
	if a.health.sessions.Refuses() {
		return payload{unavailable: true}, 0
	}
	leave, ok := a.budget.nonce(ctx)
	if !ok {
		return payload{unavailable: a.health.holds}, 0
	}
	defer leave()
	var found *clerkapi.HandshakePayload
	var response *clerkapi.Response
	err := errClerkUnavailable
	unavailable, _ := a.health.sessions.Call(ctx, func() (*clerkapi.Response, error) {
		found, response, err = a.api.GetHandshakePayload(ctx, nonce)
		return response, err
	})
	if err != nil {
		a.log().ErrorContext(ctx, "handshake nonce could not be exchanged", "error", err)
		return payload{unavailable: unavailable}, failureMemory(response, nonceMemory)
	}
	return payload{directives: found.Directives}, 0
}

// isPlausible reports whether a value from a cookie or a URL may be one of Clerk's. Those
// that are too long, have control characters or are not UTF-8 are not worth a call.
func isPlausible(value string, most int) bool {
	return len(value) <= most && utf8.ValidString(value) &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}

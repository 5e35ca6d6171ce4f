package middleware

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clerkgate/clerkgate/internal/once"
)

// maxNonce bounds, in bytes, what is sent to Clerk as a nonce.
const maxNonce = 512

// nonceMemory is how long it is remembered that Clerk does not know a nonce. One that
// has been used, or never was one, does not become one later.
const nonceMemory = 10 * time.Minute

// nonceCacheSize is how many of those are remembered, by their hashes: a few times
// what strangers may ask about in nonceMemory.
const nonceCacheSize = 20_000

// nonces are the exchanges of nonces; those that failed are remembered.
type nonces = once.Memory[[sha256.Size]byte, []string]

func newNonces(o *Options) (*nonces, error) {
	return once.New(once.Config[[sha256.Size]byte, []string]{Entries: nonceCacheSize, Timeout: o.BackendTimeout, Now: o.Now})
}

// payloadOfNonce exchanges a nonce at the Backend API for directives, once for all
// who wait. A failure is an empty payload, as in Clerk's SDK: the browser ends signed
// out, not in a loop.
func (a *Authenticator) payloadOfNonce(ctx context.Context, nonce string) []string {
	if !isPlausible(nonce, maxNonce) {
		return nil
	}
	directives, err := a.nonces.Do(ctx, sha256.Sum256([]byte(nonce)), func(ctx context.Context) ([]string, time.Time) {
		directives, holds := a.callNonce(ctx, nonce)
		return directives, a.now().Add(holds)
	})
	if err != nil {
		return nil
	}
	return directives
}

// callNonce returns the directives and how long they hold: not at all, since they are
// for who has the nonce first.
func (a *Authenticator) callNonce(ctx context.Context, nonce string) ([]string, time.Duration) {
	leave, ok := a.budget.nonce(ctx)
	if !ok {
		return nil, 0
	}
	defer leave()
	payload, response, err := a.api.GetHandshakePayload(ctx, nonce)
	if err != nil {
		a.log().ErrorContext(ctx, "handshake nonce could not be exchanged", "error", err)
		return nil, failureMemory(response, nonceMemory)
	}
	return payload.Directives, 0
}

// isPlausible spares Clerk what cannot be a value of Clerk's that came in a cookie or
// in a URL: too long, with control characters, or not UTF-8.
func isPlausible(value string, most int) bool {
	return len(value) <= most && utf8.ValidString(value) &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}

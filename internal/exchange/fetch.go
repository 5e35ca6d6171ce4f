package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Failures of [Exchanger.Token], to be told apart by errors.Is. No error holds a
// token.
var (
	// ErrNotFound says that there is no such active session, or that it has no such
	// template; Clerk does not tell the two apart.
	ErrNotFound = errors.New("no such active session, or no such JWT template")
	// ErrUnavailable says that Clerk gave no usable answer: it could not be
	// reached, failed, limited the rate, or refused the secret key
	// ([clerkapi.ErrUnauthorized] is then in the chain).
	ErrUnavailable = errors.New("token exchange unavailable")
)

// maxRest bounds for how long a Retry-After can stop all calls.
const maxRest = 30 * time.Second

// fetch asks Clerk, and says until when the outcome holds.
func (e *Exchanger) fetch(ctx context.Context, key Key) (outcome, time.Time) {
	asked := e.now()
	raw, err := e.ask(ctx, key, asked)
	var t *token.Unverified
	if err == nil {
		if t, err = token.Decode(raw); err != nil || !token.IsJWTFormat(raw) {
			err = fmt.Errorf("%w: the answer is no JWT", ErrUnavailable)
		}
	}
	if err != nil {
		return outcome{err: fmt.Errorf("exchange token: %w", err)}, e.now().Add(FailureMemory)
	}
	return outcome{token: raw}, keepUntil(t, asked)
}

func (e *Exchanger) ask(ctx context.Context, key Key, now time.Time) (string, error) {
	if rest := e.rest.Load(); rest != nil && now.Before(*rest) {
		return "", fmt.Errorf("%w: %w: waiting as long as Clerk asked for", ErrUnavailable, clerkapi.ErrRateLimited)
	}
	created, _, err := e.api.CreateSessionTokenFromTemplate(ctx, key.SessionID, key.Template, nil)
	if errors.Is(err, clerkapi.ErrNotFound) {
		return "", fmt.Errorf("%w: template %q: %w", ErrNotFound, key.Template, err)
	}
	if err != nil {
		return "", e.unavailable(err)
	}
	return created.JWT, nil
}

func (e *Exchanger) unavailable(err error) error {
	if api, ok := errors.AsType[*clerkapi.APIError](err); ok && api.IsRateLimited() {
		// The limit is the instance's, not this session's.
		rest := e.now().Add(min(api.RetryAfter(), maxRest))
		e.rest.Store(&rest)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// keepUntil is when a token is no longer handed out, the zero time for one that
// is not kept. The lifetime counts from when it was asked for as well: if our
// clock is behind Clerk's, exp alone would let it live too long.
func keepUntil(t *token.Unverified, asked time.Time) time.Time {
	exp, ok := t.EXP()
	if !ok {
		return time.Time{}
	}
	until := instant(exp)
	if iat, ok := t.IAT(); ok && iat < exp {
		if byLifetime := asked.Add(instant(exp).Sub(instant(iat))); byLifetime.Before(until) {
			until = byLifetime
		}
	}
	return until.Add(-Margin)
}

// instant is a NumericDate, within what time can tell; a longer life is as good.
func instant(seconds float64) time.Time {
	const year2200 = 7258118400
	return time.Unix(int64(max(0, min(seconds, year2200))), 0)
}

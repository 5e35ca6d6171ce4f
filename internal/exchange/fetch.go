package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Errors of [Exchanger.Token], to be distinguished with errors.Is. They never contain a
// token.
var (
	// ErrNotFound means that there is no such active session or no such template;
	// Clerk does not distinguish the two.
	ErrNotFound = errors.New("no such active session, or no such JWT template")
	// ErrUnavailable means that Clerk gave no usable response: it could not be
	// reached, failed, limited the rate, or rejected the secret key (then the error
	// also wraps [clerkapi.ErrUnauthorized]), or was not called because it is known to be
	// down.
	ErrUnavailable = errors.New("token exchange unavailable")
)

// fetch calls Clerk, and returns the outcome and the time until which it is cached.
func (e *Exchanger) fetch(ctx context.Context, key Key) (outcome, time.Time) {
	asked := e.now()
	raw, err := e.ask(ctx, key)
	var t *token.Unverified
	if err == nil {
		if t, err = token.Decode(raw); err != nil || !token.IsJWTFormat(raw) {
			err = fmt.Errorf("%w: the response is not a JWT", ErrUnavailable)
		}
	}
	if err != nil {
		return outcome{err: fmt.Errorf("exchange token: %w", err)}, e.now().Add(FailureMemory)
	}
	return outcome{token: raw}, keepUntil(t, asked)
}

func (e *Exchanger) ask(ctx context.Context, key Key) (string, error) {
	var created *clerkapi.Token
	var err error
	_, made := e.guard.Call(ctx, func() (response *clerkapi.Response, _ error) {
		created, response, err = e.api.CreateSessionTokenFromTemplate(ctx, key.SessionID, key.Template, nil)
		return response, err
	})
	switch {
	case !made:
		return "", fmt.Errorf("%w: no calls are made until Clerk is expected to answer again", ErrUnavailable)
	case errors.Is(err, clerkapi.ErrNotFound):
		return "", fmt.Errorf("%w: template %q: %w", ErrNotFound, key.Template, err)
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return created.JWT, nil
}

// keepUntil returns the time until which a token is cached; the zero time means not at
// all. The token's lifetime also counts from the time of the call: if this clock is
// behind Clerk's, the token would be kept too long by exp alone.
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

// instant converts a NumericDate (RFC 7519, section 2), limited to the years 1970 to
// 2200, which time.Time can represent.
func instant(seconds float64) time.Time {
	const year2200 = 7258118400
	return time.Unix(int64(max(0, min(seconds, year2200))), 0)
}

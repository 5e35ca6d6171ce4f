package middleware

import (
	"context"
	"time"
)

// placePatience is how long a call waits for a place.
const placePatience = 250 * time.Millisecond

// places bounds how many calls are in flight at one time, by its capacity.
type places chan struct{}

// take waits for a place, at most for placePatience, and returns how to leave it. ok is
// false when none came free.
func (p places) take(ctx context.Context) (leave func(), ok bool) {
	leave = func() { <-p }
	select {
	case p <- struct{}{}:
		return leave, true
	default:
	}
	late := time.NewTimer(placePatience)
	defer late.Stop()
	select {
	case p <- struct{}{}:
		return leave, true
	case <-late.C:
	case <-ctx.Done():
	}
	return nil, false
}

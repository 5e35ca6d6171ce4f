package middleware

import (
	"context"
	"time"
)

// placePatience is how long a call waits for one of the places.
const placePatience = 250 * time.Millisecond

// places limits the number of concurrent calls to its capacity.
type places chan struct{}

// take waits for a place, for placePatience at most, and returns the function that frees
// it. ok is false if there was none.
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

package shared

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// errGivenUp stands for a call whose caller has ended it: it says nothing about the store.
var errGivenUp = errors.New("shared: call was given up")

// health knows whether the store answers, and tells the log of changes.
type health struct {
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	failing bool
	told    *rate.Limiter // of entries that do not open
}

func newHealth(now func() time.Time, log *slog.Logger) health {
	return health{now: now, log: log, told: rate.NewLimiter(rate.Every(time.Minute), 1)}
}

// begin returns the function that must be told how the call ended, or an error if it must
// not be made.
func (h *health) begin() (done func(error), err error) {
	return h.ended, nil
}

func (h *health) ended(err error) {
	if errors.Is(err, errGivenUp) {
		return
	}
	h.mu.Lock()
	changed := h.failing != (err != nil)
	h.failing = err != nil
	h.mu.Unlock()
	switch {
	case !changed:
	case err != nil:
		h.log.Warn("the shared store fails; this replica goes on as without one", "error", err)
	default:
		h.log.Info("the shared store answers again")
	}
}

// foreign tells the log of a value that does not open.
func (h *health) foreign(name string) {
	if h.told.AllowN(h.now(), 1) {
		h.log.Warn("a value in the shared store was not written with any of the keys; it is not used", "name", name)
	}
}

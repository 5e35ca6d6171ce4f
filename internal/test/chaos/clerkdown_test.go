//go:build linux

package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

const (
	// shortLife is how long tokens live in most scripts. The processes have the machine's
	// clock, so that an outage of ten minutes with tokens of 30 s becomes one of a minute
	// with tokens of 3 s.
	shortLife = 3 * time.Second
	// lives is how many times as long the outage lasts.
	lives = 20
	// looks is the longest pause between two looks of a visitor at the application.
	looks = 3 * time.Second
	// noticed is how long after the beginning of an outage no call is made any more but
	// probes. Those before are few, too, but as many as the requests of that time.
	noticed = 2 * shortLife
)

// clerkDown lets the browsers go on while Clerk, or a part of it, is down.
func clerkDown(part clerktest.OutagePart, grace bool) func(*testing.T, string) figures {
	return func(t *testing.T, path string) figures {
		o := fleetOptions{path: path, store: redistest.Start(t).URL(), tokens: shortLife}
		if grace {
			o.env = []string{"CLERKGATE_OUTAGE_GRACE=15m"}
		}
		f := newFleet(t, o)
		them := f.newVisitors(browsers)
		before := them.come(looks)
		f.awaitQuiet()
		during := them.next(func() { f.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageDown, Part: part}) })
		first := f.asked()
		time.Sleep(noticed)
		began, rest := time.Now(), f.asked()
		time.Sleep(lives*shortLife - noticed)
		var lasted time.Duration
		last := rest
		after := them.next(func() {
			lasted, last = time.Since(began), f.asked()
			f.clerk.SetOutage(clerktest.Outage{})
		})
		time.Sleep(2 * shortLife)
		them.leave()
		atLast := them.everybodyIsSignedIn()

		before.allIsWell(t, "before")
		during.nobodyIsSignedOut(t, "during")
		after.nobodyIsSignedOut(t, "after")
		atLast.nobodyIsSignedOut(t, "at last")
		assert.Positive(t, during.held(), "the script proves nothing")
		if grace || part != "" {
			assert.Zero(t, during.heldPages.Load(), "pages that did not pass")
		}
		if grace {
			assert.Zero(t, during.heldFetches.Load(), "fetches that did not pass")
			assert.Positive(t, during.stale.Load(), "the script proves nothing")
		}
		var all []int64
		for n := range last {
			t.Logf("replica %d made %d calls in the first %v, and %d in the %v thereafter", n, rest[n]-first[n], noticed, last[n]-rest[n], lasted)
			assert.LessOrEqual(t, float64(last[n]-rest[n]), lasted.Seconds(), "replica %d calls Clerk more often than once a second", n)
			all = append(all, last[n]-first[n])
		}
		note := fmt.Sprintf("503: %d pages, %d fetches, %d `POST`s; at most %d calls to Clerk by a replica in %d s",
			during.heldPages.Load(), during.heldFetches.Load(), during.heldPosts.Load(), slices.Max(all), int((lives * shortLife).Seconds()))
		if grace {
			note = fmt.Sprintf("passed with expired tokens: %d; ", during.stale.Load()) + note
		}
		return of(note, before, during, after, atLast)
	}
}

// awaitQuiet returns when no replica has had reason to probe the Frontend API for some time: what
// a probe has found counts for five seconds. Only a machine that is too slow is a reason.
func (f *fleet) awaitQuiet() {
	f.t.Helper()
	for range rounds {
		probes := f.probes()
		time.Sleep(2 * shortLife)
		if f.probes() == probes {
			return
		}
	}
	f.t.Skip("this machine is too slow for the time limit of calls to Clerk")
}

func (f *fleet) probes() (n int64) {
	for _, r := range f.replicas {
		n += r.calls.probes.Load()
	}
	return n
}

// asked returns how many calls each replica has made to Clerk.
func (f *fleet) asked() (calls [replicas]int64) {
	for n, r := range f.replicas {
		calls[n] = r.calls.all.Load()
	}
	return calls
}

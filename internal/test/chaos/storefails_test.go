//go:build linux

package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

// storeFails lets the browsers go on while the store fails, and is mended. start starts the
// store; fail makes it fail, and returns what mends it, nil if it mends itself.
func storeFails(start func(testing.TB) (url string, fail func() (mend func()))) func(*testing.T, string) figures {
	return func(t *testing.T, path string) figures {
		url, fail := start(t)
		f := newFleet(t, fleetOptions{path: path, store: url, tokens: shortLife})
		them := f.newVisitors(browsers)
		before := them.come(looks)
		time.Sleep(2 * shortLife)
		during := them.part() // the store fails in the middle of requests
		mend := fail()
		time.Sleep(2 * shortLife)
		if mend != nil {
			mend()
		}
		f.awaitReady()
		after := them.next(func() {})
		time.Sleep(2 * shortLife)
		them.leave()
		atLast := them.everybodyIsSignedIn()

		before.allIsWell(t, "before")
		during.nobodyIsSignedOut(t, "during")
		after.allIsWell(t, "after")
		atLast.nobodyIsSignedOut(t, "at last")
		return of(fmt.Sprintf("while it fails: 401 for %d of %d requests, all of scripts", during.refusedFetches.Load(), during.requests.Load()),
			before, during, after, atLast)
	}
}

func killed(t testing.TB) (string, func() func()) {
	s := redistest.Start(t)
	return s.URL(), func() func() {
		s.Kill()
		return func() { s.Restart(t) }
	}
}

func hung(t testing.TB) (string, func() func()) {
	s := redistest.Start(t)
	return s.URL(), func() func() { return s.Hang(t) }
}

func killedOverTLS(t testing.TB) (string, func() func()) {
	s, url := redistest.TLS(t)
	return url, func() func() {
		s.Kill()
		return func() { s.Restart(t) }
	}
}

func failedOver(t testing.TB) (string, func() func()) {
	master, url := redistest.Sentinel(t)
	return url, func() func() {
		master.Kill()
		return nil
	}
}

func nodeHung(t testing.TB) (string, func() func()) {
	nodes, url := redistest.Cluster(t)
	return url, func() func() { return nodes[0].Hang(t) }
}

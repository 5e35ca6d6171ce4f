//go:build linux

package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

// shutdownDelay is how long a replica serves after it has been told to stop: the balancer looks
// every [checkEvery], and may be late on a busy machine.
const shutdownDelay = "4s"

// rollingRestart restarts one replica after the other while the browsers go on.
func rollingRestart(t *testing.T, path string) figures {
	f := newFleet(t, fleetOptions{path: path, store: redistest.Start(t).URL(), tokens: shortLife, env: []string{"CLERKGATE_SHUTDOWN_DELAY=" + shutdownDelay}})
	them := f.newVisitors(browsers)
	all := them.come(looks)
	time.Sleep(shortLife)
	for n, r := range f.replicas {
		assert.True(t, r.ends(), "SIGTERM does not end a replica")
		r.start(t)
		redistest.Eventually(t, f.balancer.ready[n].Load, "the balancer does not find the new process")
	}
	time.Sleep(shortLife)
	them.leave()
	atLast := them.everybodyIsSignedIn()
	all.allIsWell(t, "all the time")
	atLast.allIsWell(t, "at last")
	return of("", all, atLast)
}

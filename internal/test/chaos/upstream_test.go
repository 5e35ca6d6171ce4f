//go:build linux

package chaos

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	clients = 16
	// away is how long nobody listens while the application restarts.
	away = 300 * time.Millisecond
	// awayAtMost is when this machine was too slow for a restart of that length, so
	// that nothing can be said of it. clerkgate waits for a second.
	awayAtMost = 950 * time.Millisecond
	restarts   = 5
	// raceRounds is how often each client meets a close, by each method.
	raceRounds = 5
)

// restart ends the application five times under load: its listener and its
// connections close between two answers, each client sends a request, and 300 ms
// after the close there is a new listener.
func restart(t *testing.T, c contender, header string) result {
	a := newApp(t, "")
	p := start(t, c, a.address, nil)
	them := newCrowd(clients, p.address, header, c.patience)
	defer them.close()
	var sum result
	for tries, done := 0, 0; done < restarts; tries++ {
		if tries == 4*restarts {
			t.Skipf("this machine is too slow for a restart within %v", awayAtMost)
		}
		before := them.result()
		them.load(20)
		closed := time.Now()
		a.stop()
		reopened := make(chan bool, 1)
		var written sync.WaitGroup
		written.Add(clients)
		go func() {
			written.Wait()
			time.Sleep(away - time.Since(closed))
			for a.open() != nil && time.Since(closed) < awayAtMost { // its port was taken
				time.Sleep(time.Millisecond)
			}
			reopened <- time.Since(closed) < awayAtMost
		}()
		them.volley(written.Done)
		inTime := <-reopened
		them.load(5)
		if !inTime {
			continue
		}
		done++
		sum.requests += them.result().requests - before.requests
		sum.failed += them.result().failed - before.failed
	}
	sum.twice = a.twice()
	return sum
}

// closeKept closes half of the connections whenever no request is on its way: every
// close has arrived before the next request is sent.
func closeKept(t *testing.T, c contender, header string) result {
	a := newApp(t, "")
	them := newCrowd(clients, start(t, c, a.address, nil).address, header, c.patience)
	defer them.close()
	for range 20 {
		them.volley(func() {})
		a.closeKept(0.5)
	}
	got := them.result()
	got.twice = a.twice()
	return got
}

// keepAliveHint says "Keep-Alive: timeout=1" with every answer, and after somewhat
// more than that second resets whatever comes on the connections that there are.
func keepAliveHint(t *testing.T, c contender, header string) result {
	a := newApp(t, "Keep-Alive: timeout=1\r\n")
	them := newCrowd(clients, start(t, c, a.address, nil).address, header, c.patience)
	defer them.close()
	for range 3 {
		them.load(4)
		time.Sleep(1100 * time.Millisecond)
		a.expire()
		them.volley(func() {})
	}
	got := them.result()
	got.twice = a.twice()
	return got
}

// meetTheClose resets a kept connection when a request has arrived on it. Nobody can
// know whether it was done, so that only a GET may be sent again.
func meetTheClose(t *testing.T, c contender, header string) result {
	a := newApp(t, "")
	p := start(t, c, a.address, nil)
	them := newCrowd(1, p.address, header, c.patience)
	defer them.close()
	for range raceRounds * len(methods) {
		// An odd number before it, so that each method has its turn.
		them.load(4)
		them.meetTheClose()
	}
	got := them.result()
	got.twice = a.twice()
	require.Equal(t, int64(5*raceRounds*len(methods)), got.requests)
	return got
}

//go:build linux

package chaos

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

// figures are what a script with three replicas has counted.
type figures struct {
	requests, failed, signedOut int64
	note                        string
}

// of adds the parts of a script up.
func of(note string, parts ...*tally) figures {
	sum := figures{note: note}
	for _, t := range parts {
		sum.requests += t.requests.Load()
		sum.failed += t.failed.Load()
		sum.signedOut += t.signedOut.Load()
	}
	return sum
}

// scene is a script with three replicas.
type scene struct {
	name string
	play func(t *testing.T, path string) figures
	// alone says that it does not share the machine with others.
	alone bool
}

// scenes are the scripts in the order of the table.
func scenes() []scene {
	return []scene{
		{name: "Clerk is down", play: clerkDown("", false)},
		{name: "Clerk is down, with a grace", play: clerkDown("", true)},
		{name: "Clerk's Backend API is down", play: clerkDown(clerktest.BackendAPI, false)},
		{name: "Redis is killed", play: storeFails(killed)},
		{name: "Redis hangs", play: storeFails(hung)},
		{name: "Redis over TLS is killed", play: storeFails(killedOverTLS)},
		{name: "Sentinel fails over", play: storeFails(failedOver)},
		{name: "A node of three hangs", play: storeFails(nodeHung)},
		{name: "1,000 requests of an expired session", play: oneRefresh(killed), alone: true},
		{name: "… over TLS", play: oneRefresh(killedOverTLS), alone: true},
		{name: "… with Sentinel", play: oneRefresh(failedOver), alone: true},
		{name: "… in a cluster", play: oneRefresh(nodeHung), alone: true},
		{name: "Half of the sessions end at Clerk", play: revocation},
		{name: "One replica after the other restarts", play: rollingRestart},
	}
}

func TestReplicas(t *testing.T) {
	if os.Getenv("CHAOS_REQUIRED") == "" {
		t.Skip("scripts with three replicas take minutes; set CHAOS_REQUIRED=1 to run them")
	}
	if err := redistest.Missing(); err != nil {
		t.Skip("scripts with three replicas are not run: ", err)
	}
	path := build(t)
	results := make(map[string]figures)
	var mu sync.Mutex
	t.Run("scripts", func(t *testing.T) {
		for _, s := range scenes() {
			t.Run(s.name, func(t *testing.T) {
				if !s.alone {
					t.Parallel()
				}
				got := s.play(t, path)
				mu.Lock()
				defer mu.Unlock()
				results[s.name] = got
			})
		}
	})
	table := tableOfReplicas(results)
	t.Logf("with three replicas:\n%s", table)
	if *update && !t.Failed() {
		require.Len(t, results, len(scenes()))
		writeTable(t, "TestReplicas", table)
	}
}

// The page has every one of these scripts, and none that is gone.
func TestPageShowsEveryScene(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "-run TestReplicas -update -->")
	table, _, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found)
	var shown, want []string
	for line := range strings.Lines(table) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && !strings.HasPrefix(line, "| |") && name != "---" {
			shown = append(shown, name)
		}
	}
	for _, s := range scenes() {
		want = append(want, s.name)
	}
	require.Equal(t, want, shown)
}

func tableOfReplicas(results map[string]figures) string {
	var b strings.Builder
	b.WriteString("| | requests | failed | signed out | |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range scenes() {
		if got, ran := results[s.name]; ran {
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", s.name, got.requests, orNone(got.failed), orNone(got.signedOut), got.note)
		}
	}
	return b.String()
}

func orNone(n int64) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

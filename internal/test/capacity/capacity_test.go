package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small is what both simulations can play in a moment: the limit of ten seconds is one that
// some 250 people reach.
func small(name string, change func(*Scenario)) Scenario {
	s := Scenario{
		Name: name, Replicas: 3, Sessions: 150, Every: 10 * time.Second, Pages: 0.3, Parallel: 3, Visit: 10 * time.Minute,
		Store: true, Limit: 40, Divided: true, From: 3 * time.Minute, Until: 6 * time.Minute, Seed: 1,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func smalls() []Scenario {
	return []Scenario{
		small("below the limit", nil),
		small("without a store", func(s *Scenario) { s.Store = false }),
		small("beyond the limit", func(s *Scenario) { s.Sessions = 400 }),
		small("clerk-js", func(s *Scenario) { s.ClerkJS = true }),
		small("look-ups", func(s *Scenario) { s.Lookups = true }),
		small("a deployment", func(s *Scenario) { s.Deploy = 3 * time.Minute }),
		small("an outage", func(s *Scenario) { s.Outage, s.OutageFor, s.Until = 3*time.Minute, 2*time.Minute, 8*time.Minute }),
		small("an outage with clerk-js", func(s *Scenario) {
			s.ClerkJS, s.Outage, s.OutageFor, s.Until = true, 3*time.Minute, 2*time.Minute, 8*time.Minute
		}),
	}
}

func constantsOf(t *testing.T) constants {
	t.Helper()
	c, err := readConstants(t.Context())
	require.NoError(t, err)
	return c
}

var named = map[Kind]string{ //nolint:gochecknoglobals // a table
	Refreshes: "refreshes", Lookups: "look-ups", KeyFetches: "key fetches", Limited: "calls beyond the limit", Probes: "probes",
	Handshakes: "handshakes", StoreOps: "operations of the store", Served: "served at once", Waited: "waited",
	Redirected: "redirected", Held: "held", Failed: "failed",
}

// TestTheModelAgrees plays the same scenarios with the product itself and with the model: all
// counts agree to a sixth, and so much more as small random numbers differ.
func TestTheModelAgrees(t *testing.T) {
	t.Parallel()
	c := constantsOf(t)
	for n, s := range smalls() {
		if testing.Short() && n%3 != 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			real, model := play(t, s), simulate(s, c)
			for k := range kinds {
				if k == Nonces { // the model has none, and the product next to none
					assert.LessOrEqual(t, real.Sum(k, s.From, s.Until), 40.0)
					continue
				}
				a, b := real.Sum(k, s.From, s.Until), model.Sum(k, s.From, s.Until)
				t.Logf("%-24s %8.0f by the product, %8.0f by the model", named[k], a, b)
				assert.InDelta(t, a, b, max(a, b)/6+40, named[k])
			}
			gracefully(t, &s, real)
			gracefully(t, &s, model)
		})
	}
}

// gracefully asserts what must hold of each simulation, whatever the load.
func gracefully(t *testing.T, s *Scenario, c *Counts) {
	t.Helper()
	if s.Store {
		assert.LessOrEqual(t, c.Share(Failed, s.From, s.Until), 0.002, "nobody is signed out for lack of calls")
	}
	pages := c.Asked(s.From, s.Until) * s.Pages / s.burst()
	if s.Outage == 0 {
		assert.LessOrEqual(t, c.Sum(Limited, s.From, s.Until), 0.1*c.Sum(Refreshes, s.From, s.Until)+20, "the limit is obeyed")
		assert.LessOrEqual(t, c.Sum(Held, s.From, s.Until), c.Asked(s.From, s.Until)-pages, "what is held is calls: pages have the handshake")
		return
	}
	ends := s.Outage + s.OutageFor
	assert.LessOrEqual(t, c.Sum(Refreshes, s.Outage+20*time.Second, ends), s.OutageFor.Seconds()*float64(s.Replicas)/4, "a down Clerk is probed")
	assert.LessOrEqual(t, c.Peak(Refreshes, ends, s.Until), float64(s.Limit)+10, "no herd when it is back")
	assert.Less(t, c.Share(Held, ends+time.Minute, s.Until), 0.05, "a minute later it is all but over")
}

// The limit is used while there is demand beyond it, and spent evenly.
func TestTheLimitIsUsedAndNoMore(t *testing.T) {
	t.Parallel()
	s := small("", func(s *Scenario) { s.Sessions = 1000 })
	counts := simulate(s, constantsOf(t))
	made := counts.Sum(Refreshes, s.From, s.Until) - counts.Sum(Limited, s.From, s.Until)
	allowed := float64(s.Limit) * (s.Until - s.From).Seconds() / 10
	assert.InDelta(t, allowed, made, allowed/10)
	for from := s.From; from < s.Until; from += 30 * time.Second {
		made := counts.Sum(Refreshes, from, from+30*time.Second) - counts.Sum(Limited, from, from+30*time.Second)
		assert.LessOrEqual(t, made, 4*float64(s.Limit), "in the thirty seconds from %s", from)
	}
}

// Look-ups, which can wait, take nothing away from refreshes.
func TestLookUpsYield(t *testing.T) {
	t.Parallel()
	c := constantsOf(t)
	for _, sessions := range []int{150, 200} {
		without := small("", func(s *Scenario) { s.Sessions = sessions })
		with := without
		with.Lookups = true
		a, b := simulate(without, c), simulate(with, c)
		assert.Positive(t, b.Sum(Lookups, with.From, with.Until))
		assert.InDelta(t, a.Share(Held, with.From, with.Until), b.Share(Held, with.From, with.Until), 0.02)
		assert.InDelta(t, a.Share(Redirected, with.From, with.Until), b.Share(Redirected, with.From, with.Until), 0.02)
	}
}

// Many replicas that are deployed at once fetch the keys once each, and never again together.
func TestADeploymentLeavesNoHerd(t *testing.T) {
	t.Parallel()
	s := small("", func(s *Scenario) {
		s.Replicas, s.Sessions, s.Limit, s.Deploy, s.Until = 1000, 10_000, production, 3*time.Minute, 13*time.Minute
	})
	counts := simulate(s, constantsOf(t))
	assert.GreaterOrEqual(t, counts.Peak(KeyFetches, s.Deploy, s.Deploy+time.Second), 1000.0)
	assert.Less(t, counts.Peak(KeyFetches, s.Deploy+10*time.Second, s.Until), 60.0)
	assert.Zero(t, counts.Sum(Failed, s.From, s.Until))
}

// A seed gives the same figures each time.
func TestTheModelIsDeterministic(t *testing.T) {
	t.Parallel()
	c := constantsOf(t)
	s := smalls()[6]
	assert.Equal(t, simulate(s, c), simulate(s, c))
	other := s
	other.Seed++
	assert.NotEqual(t, simulate(s, c), simulate(other, c))
}

func TestTheCommandPrintsRows(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-only", "^600 people|^5 000 people, 5 replicas, a deploy"}, &out, &progress))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2+1+2, out.String())
	for _, line := range lines {
		assert.Equal(t, strings.Count(head, "|")/2, strings.Count(line, "|"), line)
	}
	assert.Contains(t, lines[4], "five minutes after")
	require.Error(t, run(t.Context(), []string{"-only", "("}, &out, &progress))
	assert.Contains(t, progress.String(), "600 people")
}

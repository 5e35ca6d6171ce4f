package main

import (
	"time"
)

// Scenario is a situation that is played on virtual time.
type Scenario struct {
	Name     string
	Replicas int
	// Sessions is how many people use the application at a time. Who leaves is replaced by
	// somebody else, who comes with an expired token, like everybody who was away for more
	// than a minute.
	Sessions int
	// Every is the mean time between two bursts of requests of one person.
	Every time.Duration
	// Pages is the share of bursts that are a page, one request. The others are Parallel
	// calls of a script at the same time.
	Pages    float64
	Parallel int
	// Visit is how long a person stays, on average.
	Visit time.Duration
	// ClerkJS means that Clerk's front-end library renews tokens in the browser.
	ClerkJS bool
	// Lookups turns session look-ups on.
	Lookups bool
	// Store means that replicas share a store.
	Store bool
	// Limit is how many calls Clerk's Backend API takes in ten seconds.
	Limit int
	// Divided means that each replica was told its part of the limit.
	Divided bool
	// Outage is when both of Clerk's APIs fail for OutageFor; 0 means never.
	Outage, OutageFor time.Duration
	// Deploy is when all replicas are replaced at the same moment; 0 means never.
	Deploy time.Duration
	// From and Until bound what is counted.
	From, Until time.Duration
	Seed        uint64
}

// What the world beside the replicas is like.
const (
	backendLatency  = 50 * time.Millisecond
	frontendLatency = 60 * time.Millisecond
	storeLatency    = 500 * time.Microsecond
	// away is how long somebody has not used the application who comes back, so that the
	// token has expired.
	away = 70 * time.Second
	// renewEvery is when clerk-js renews a token, and retryRenewal how long it waits after a
	// failure.
	renewEvery   = 50 * time.Second
	retryRenewal = 5 * time.Second
	// tokenLifetime is that of Clerk's session tokens.
	tokenLifetime = time.Minute
)

// replicaLimit is what each replica is told of the limit.
func (s *Scenario) replicaLimit() int {
	if s.Divided {
		return max(1, s.Limit/s.Replicas)
	}
	return s.Limit
}

// burst is the mean number of requests in a burst.
func (s *Scenario) burst() float64 { return s.Pages + (1-s.Pages)*float64(s.Parallel) }

// production and development are the limits of Clerk's instances.
const (
	production  = 1000
	development = 100
)

// scenarios are the rows of the table.
func scenarios() []Scenario {
	with := func(name string, replicas, sessions int, change func(*Scenario)) Scenario {
		s := Scenario{
			Name: name, Replicas: replicas, Sessions: sessions, Every: 10 * time.Second, Pages: 0.3, Parallel: 3, Visit: 10 * time.Minute,
			Store: true, Limit: production, Divided: true, From: 5 * time.Minute, Until: 10 * time.Minute,
		}
		change(&s)
		return s
	}
	none := func(*Scenario) {}
	clerkJS := func(s *Scenario) { s.ClerkJS = true }
	outage := func(s *Scenario) {
		s.Outage, s.OutageFor, s.Until = 5*time.Minute, 10*time.Minute, 22*time.Minute
	}
	deploy := func(s *Scenario) { s.Deploy, s.Until = 5*time.Minute, 12*time.Minute }
	both := func(a, b func(*Scenario)) func(*Scenario) { return func(s *Scenario) { a(s); b(s) } }
	return []Scenario{
		with("600 people, development instance, 1 replica", 1, 600, func(s *Scenario) { s.Limit = development }),
		with("1 000 people, 2 replicas", 2, 1000, none),
		with("1 000 people, 2 replicas, no store", 2, 1000, func(s *Scenario) { s.Store = false }),
		with("6 000 people, 5 replicas", 5, 6000, none),
		with("6 000 people, 5 replicas, no store", 5, 6000, func(s *Scenario) { s.Store = false }),
		with("6 000 people, 50 replicas", 50, 6000, none),
		with("6 000 people, 500 replicas", 500, 6000, none),
		with("20 000 people, 20 replicas", 20, 20_000, none),
		with("6 000 people, 5 replicas, look-ups", 5, 6000, func(s *Scenario) { s.Lookups = true }),
		with("1 000 people, 2 replicas, look-ups", 2, 1000, func(s *Scenario) { s.Lookups = true }),
		with("6 000 people, 5 replicas, clerk-js", 5, 6000, clerkJS),
		with("60 000 people, 20 replicas, clerk-js", 20, 60_000, clerkJS),
		with("1 million people, 100 replicas, clerk-js", 100, 1_000_000, clerkJS),
		with("10 million people, 1 000 replicas, clerk-js", 1000, 10_000_000, clerkJS),
		with("5 000 people, 5 replicas, 10 minutes of outage", 5, 5000, outage),
		with("60 000 people, 20 replicas, clerk-js, 10 minutes of outage", 20, 60_000, both(clerkJS, outage)),
		with("5 000 people, 5 replicas, a deployment", 5, 5000, deploy),
		with("5 000 people, 20 replicas, a deployment", 20, 5000, deploy),
		with("1 million people, 1 000 replicas, clerk-js, a deployment", 1000, 1_000_000, both(clerkJS, deploy)),
	}
}

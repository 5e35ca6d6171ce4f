package main

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/breaker"
)

// epoch is when the model's time begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// modelClerk is the local Clerk, which is asked by the model's clock for one and the same
// thing: what counts is whether it answers.
type modelClerk struct {
	m *model
	*clerktest.Clerk
}

func newModelClerk(m *model) *modelClerk {
	c := &modelClerk{m: m}
	c.Clerk = clerktest.New(clerktest.Options{Production: true, RateLimit: m.Limit, Now: func() time.Time { return epoch.Add(m.time()) }})
	return c
}

func (c *modelClerk) fail(d time.Duration) {
	c.SetOutage(clerktest.Outage{Kind: clerktest.OutageError, Lasts: d})
}

func (c *modelClerk) down() bool { return c.Outage().Kind != "" }

// call makes one call that Clerk limits.
func (c *modelClerk) call() (o breaker.Outcome, retryAfter time.Duration) {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/v1/instance", nil)
	r.Header.Set("Authorization", "Bearer "+c.SecretKey())
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	switch {
	case w.Code == http.StatusTooManyRequests:
		c.m.count(Limited, 1)
		seconds, _ := strconv.Atoi(w.Header().Get("Retry-After"))
		return breaker.Neither, time.Duration(seconds) * time.Second
	case w.Code >= http.StatusInternalServerError:
		return breaker.Failure, 0
	}
	return breaker.Success, 0
}

// modelReplica is what a replica knows of Clerk.
type modelReplica struct {
	m       *model
	breaker *breaker.Breaker
	rest    *breaker.Server
	unknown *rate.Limiter // refreshes of sessions that it does not know
	failed  int32         // when a call last failed; 0 if one has succeeded since
	keysAt  int32         // when the keys are fetched next

	probed struct {
		up          bool
		renew, till int32
	}
	lookUps struct {
		*breaker.Breaker
		fresh [100]int // looked up, by tenths of seconds
	}
	made [11]struct{ second, calls int32 }
}

func (m *model) clock() time.Time { return epoch.Add(m.time()) }

// deploy replaces all replicas, which fetch the keys.
func (m *model) deploy() {
	m.deployed = m.now
	m.replicas = make([]*modelReplica, m.Replicas)
	half := max(1, m.replicaLimit()/m.unknownPart/2)
	for i := range m.replicas {
		r := &modelReplica{m: m, rest: &breaker.Server{}, unknown: rate.NewLimiter(rate.Limit(float64(half)/m.rateWindow.Seconds()), half)}
		r.breaker = breaker.New(breaker.Config{Now: m.clock, Random: m.rng.Float64, Server: r.rest})
		r.lookUps.Breaker = breaker.New(breaker.Config{Now: m.clock, Random: m.rng.Float64, Calls: 1, Open: m.lookUpPause, Longest: m.lookUpLongest})
		m.replicas[i] = r
		r.fetchKeys()
	}
}

// fetchKeys fetches the keys, and says when to do so next (jwks.Source).
func (r *modelReplica) fetchKeys() {
	m := r.m
	m.count(KeyFetches, 1)
	fifth := m.keysTTL / 5
	period := 4*fifth - m.uniform(fifth)
	if m.clerk.down() {
		period /= 16
		r.failed = m.now
	}
	r.keysAt = m.now + ticks(period)
}

// eachSecond does what replicas do whatever the requests are.
func (m *model) eachSecond() {
	for _, r := range m.replicas {
		if m.now >= r.keysAt {
			r.fetchKeys()
		}
	}
	if m.Store {
		m.count(StoreOps, float64(m.Replicas)/m.readPatience.Seconds())
	}
}

// ending is how an attempt to renew a token has ended at a replica.
type ending int

const (
	held    ending = iota // no call, or Clerk did not deal with it
	refused               // Clerk has taken the token already
	renewed
)

// refresh has replicas renew a token at the same time, and then says how it has ended at each.
func (m *model) refresh(p *modelSession, replicas []*modelReplica, then func([]ending)) {
	ends := make([]ending, len(replicas))
	if m.Store {
		m.refreshTogether(p, replicas, ends, 0, then)
		return
	}
	left, taken := len(replicas), false
	for n, r := range replicas {
		r.attempt(m.knows(p), func(ok, _ bool) {
			switch {
			case ok && taken:
				ends[n] = refused
			case ok:
				ends[n], taken = renewed, true
			}
			if left--; left == 0 {
				then(ends)
			}
		})
	}
}

// refreshTogether has the replicas from n on renew a token, of which one makes the call and
// the others wait. One that must not make it gives up its turn.
func (m *model) refreshTogether(p *modelSession, replicas []*modelReplica, ends []ending, n int, then func([]ending)) {
	const (
		claim            = 1
		readRest         = 1
		publish          = 1
		lookForTheOthers = 1 // after a failure, Wait for a result
		claimAndWait     = 2
	)
	m.count(StoreOps, claim)
	if !replicas[n].breaker.Refuses() {
		m.count(StoreOps, readRest)
	}
	replicas[n].attempt(m.knows(p), func(ok, called bool) {
		m.count(StoreOps, publish)
		switch {
		case ok:
			for i := n; i < len(ends); i++ {
				ends[i] = renewed
			}
			m.count(StoreOps, float64(claimAndWait*(len(ends)-n-1)))
		case called:
			m.count(StoreOps, float64(lookForTheOthers+claimAndWait*(len(ends)-n-1)))
		case n+1 < len(ends):
			m.count(StoreOps, claimAndWait)
			m.refreshTogether(p, replicas, ends, n+1, then)
			return
		}
		then(ends)
	})
}

// attempt makes a call for a refresh, unless it must not be made.
func (r *modelReplica) attempt(known bool, then func(ok, called bool)) {
	m := r.m
	if r.breaker.Refuses() || !known && !r.unknown.AllowN(m.clock(), 1) {
		m.after(0, func() { then(false, false) })
		return
	}
	call, ok := r.breaker.Allow()
	if !ok {
		m.after(0, func() { then(false, false) })
		return
	}
	m.count(Refreshes, 1)
	r.madeBelow(1 << 30)
	m.after(backendLatency, func() {
		outcome, retryAfter := m.clerk.call()
		if retryAfter > 0 {
			r.breaker.RestFor(retryAfter)
			if m.Store {
				m.restForAll(retryAfter)
			}
		}
		r.breaker.Done(call, outcome)
		if ok := outcome == breaker.Success; ok {
			r.failed = 0
		} else {
			r.failed = m.now
		}
		then(outcome == breaker.Success, true)
	})
}

// restForAll tells all replicas, as they learn it from the store before their next call.
func (m *model) restForAll(d time.Duration) {
	m.count(StoreOps, 1)
	for _, r := range m.replicas {
		r.rest.Rest(m.clock(), d)
	}
}

// madeBelow counts a call, unless there were so many in the last ten seconds.
func (r *modelReplica) madeBelow(most int32) bool {
	second, all := r.m.now/ticks(time.Second), int32(0)
	for _, c := range r.made {
		if c.second > second-int32(len(r.made)) {
			all += c.calls
		}
	}
	if all >= most {
		return false
	}
	c := &r.made[second%int32(len(r.made))]
	if c.second != second {
		c.second, c.calls = second, 0
	}
	c.calls++
	return true
}

// isDown is the middleware's.
func (r *modelReplica) isDown() bool {
	return r.failed > 0 && r.m.now-r.failed < ticks(r.m.outageMemory)
}

// isGone reports whether the Frontend API is down, as far as the replica knows, which may
// cost a probe.
func (r *modelReplica) isGone() bool {
	m, p := r.m, &r.probed
	if !r.isDown() {
		return false
	}
	probe := func() {
		m.count(Probes, 1)
		p.up, p.renew = !m.clerk.down(), m.now+ticks(m.probeEvery)
		if p.till = p.renew; !p.up {
			p.till = m.now + ticks(m.probeMemory)
		}
	}
	switch {
	case m.now < p.renew:
	case m.now < p.till:
		p.renew = m.now + ticks(m.probeEvery) // others do not probe meanwhile
		m.after(frontendLatency, probe)
	default:
		probe()
	}
	return !p.up
}

// reloadAfter returns when a page reloads itself.
func (r *modelReplica) reloadAfter() time.Duration {
	next := max(r.breaker.State().Next, 2*time.Second)
	wait := next + r.m.uniform(min(next, 10*time.Second)) + time.Second
	wait = max(wait, r.m.leastReload)
	return wait + r.m.uniform(wait)
}

// lookUps plays the look-ups of a time: of sessions that a replica has seen and whose result
// is due to be renewed.
func (m *model) lookUps(d time.Duration) {
	if !m.Lookups || m.time() < away {
		return
	}
	perSession := m.burst() / m.Every.Seconds() / float64(m.Replicas) // requests a second at one replica
	due := m.lookUpTTL - m.lookUpTTL/5
	slots, slot := int(due/d), int(m.now/ticks(d))
	here := m.Sessions * int(m.Visit/time.Second) / int((m.Visit+away)/time.Second)
	for _, r := range m.replicas {
		fresh := 0
		r.lookUps.fresh[slot%len(r.lookUps.fresh)] = 0
		for i := range slots {
			fresh += r.lookUps.fresh[(slot-i+len(r.lookUps.fresh))%len(r.lookUps.fresh)]
		}
		fresh = min(fresh, m.lookUpCache)
		for range m.poisson(perSession * d.Seconds() * float64(max(0, here-fresh))) {
			if !r.lookUp(slot % len(r.lookUps.fresh)) {
				break
			}
			// Whose last result is older than the TTL waits for the new one.
			if m.rng.Float64() < math.Exp(-perSession*(m.lookUpTTL/5).Seconds()) {
				m.count(Waited, 1)
				m.count(Served, -1)
			}
		}
	}
}

// lookUp makes a look-up, if it may be made.
func (r *modelReplica) lookUp(slot int) bool {
	m := r.m
	if r.lookUps.Refuses() || !r.madeBelow(int32(max(1, m.replicaLimit()*m.lookUpsTo/m.lookUpsOf))) { //nolint:gosec // a limit
		return false
	}
	call, ok := r.lookUps.Allow()
	if !ok {
		return false
	}
	m.count(Lookups, 1)
	outcome, retryAfter := m.clerk.call()
	if outcome != breaker.Success {
		if retryAfter > 0 {
			r.lookUps.RestFor(retryAfter)
		}
		r.lookUps.Done(call, breaker.Failure)
		return false
	}
	r.lookUps.Done(call, outcome)
	r.lookUps.fresh[slot]++
	return true
}

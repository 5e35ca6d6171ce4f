package main

import (
	"math"
	"math/rand/v2"
	"time"
)

// tick is the resolution of the model's time.
const tick = 10 * time.Millisecond

// wheelSize is how many ticks ahead of the present events are sorted; later ones are put in
// again.
const wheelSize = 1 << 15

// model plays a scenario with millions of sessions. It goes through the moments at which a
// token has expired and its session sends requests, and decides as the middleware does, with
// its constants, its circuit breaker and its kind of limiters, before the local Clerk. What
// needs no decision, requests with live tokens, is counted by its mean.
type model struct {
	Scenario
	constants
	rng      *rand.Rand
	counts   *Counts
	clerk    *modelClerk
	replicas []*modelReplica
	now      int32 // in ticks
	deployed int32
	end      int32

	sessions []modelSession
	wheel    [wheelSize]int32 // the first session of a tick, from 1; 0 is none
	later    map[int32][]func()
}

// modelSession is a person.
type modelSession struct {
	next    int32 // in its tick's list
	at      int32 // when it is due
	expires int32 // when its token is no longer accepted; 0 before its first page
	issued  int32
	leaves  int32
	seen    uint16 // how many requests with a live token the replicas have seen
	away    bool
	reload  bool // a page waits to reload itself
	open    bool // a page is open in which clerk-js runs
}

// simulate plays a scenario with the model.
func simulate(s Scenario, c constants) *Counts {
	m := &model{
		Scenario: s, constants: c, rng: rand.New(rand.NewPCG(s.Seed, 1)), counts: newCounts(s.Until), //nolint:gosec // a simulation
		sessions: make([]modelSession, s.Sessions), later: map[int32][]func(){}, end: ticks(s.Until),
	}
	m.clerk = newModelClerk(m)
	m.deploy()
	for i := range m.sessions {
		p := &m.sessions[i]
		p.away = true
		m.put(int32(i), ticks(away+m.uniform(away)))
	}
	second := ticks(time.Second)
	for m.now = 0; m.now < m.end; m.now++ {
		if m.Outage > 0 && m.now == ticks(m.Outage) {
			m.clerk.fail(m.OutageFor)
		}
		if m.Deploy > 0 && m.now == ticks(m.Deploy) {
			m.deploy()
		}
		if m.now%(second/10) == 0 {
			m.lookUps(100 * time.Millisecond)
		}
		if m.now%second == 0 {
			m.eachSecond()
		}
		for _, f := range m.later[m.now] {
			f()
		}
		delete(m.later, m.now)
		m.turn()
	}
	return m.counts
}

func ticks(d time.Duration) int32 { return int32(d / tick) } //nolint:gosec // at most hours

func (m *model) time() time.Duration { return time.Duration(m.now) * tick }

func (m *model) uniform(d time.Duration) time.Duration {
	return time.Duration(m.rng.Float64() * float64(d))
}

func (m *model) exponential(mean time.Duration) int32 {
	return max(1, ticks(time.Duration(m.rng.ExpFloat64()*float64(mean))))
}

// poisson returns a random number of events with a mean.
func (m *model) poisson(mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*m.rng.NormFloat64())))
	}
	n, p := 0, math.Exp(-mean)
	for u := m.rng.Float64(); u > p; u *= m.rng.Float64() {
		n++
	}
	return n
}

func (m *model) count(k Kind, n float64) { m.counts.add(k, m.time(), n) }

// put makes a session due.
func (m *model) put(i, at int32) {
	p := &m.sessions[i]
	p.at = max(at, m.now+1)
	slot := min(p.at, m.now+wheelSize-1) % wheelSize
	p.next, m.wheel[slot] = m.wheel[slot], i+1
}

// turn goes through the sessions of the present tick.
func (m *model) turn() {
	slot := m.now % wheelSize
	first := m.wheel[slot]
	m.wheel[slot] = 0
	for n := first; n != 0; {
		i := n - 1
		p := &m.sessions[i]
		n = p.next
		if p.at > m.now {
			m.put(i, p.at)
		} else {
			m.due(i, p)
		}
	}
}

// due plays what a session does now.
func (m *model) due(i int32, p *modelSession) {
	switch {
	case p.away:
		*p = modelSession{leaves: m.now + m.exponential(m.Visit)}
		m.page(i, p)
	case m.now >= p.leaves:
		p.away = true
		m.put(i, m.now+ticks(away))
	case m.ClerkJS && p.open && m.renewed(p):
		m.signedIn(i, p, m.now)
	case p.reload:
		p.reload = false
		m.page(i, p)
	case m.rng.Float64() < m.Pages:
		m.page(i, p)
	default:
		m.calls(i, p)
	}
}

// renewed reports whether clerk-js has renewed the token of an open page after the outage.
func (m *model) renewed(p *modelSession) bool {
	return m.Outage > 0 && p.expires >= ticks(m.Outage) && m.time() > m.Outage+m.OutageFor+m.uniform(retryRenewal)
}

// signedIn gives a session a new token, issued at a time, and counts its requests until it
// has expired.
func (m *model) signedIn(i int32, p *modelSession, at int32) {
	p.issued, p.expires = at, at+ticks(tokenLifetime+m.clockSkew)
	if m.ClerkJS {
		p.open, p.expires = true, m.keptUntil(p, at)
	}
	p.seen++
	until := min(p.expires, p.leaves)
	next := until
	if until == p.expires {
		next += m.exponential(m.Every)
	}
	if live := float64(until-at) * float64(tick) / float64(m.Every); live > 0 {
		p.seen = uint16(min(math.MaxUint16, int(p.seen)+m.poisson(live*m.burst()))) //nolint:gosec // bounded
		m.live(at, until, live*m.burst())
	}
	m.put(i, min(next, p.leaves))
}

// keptUntil returns how long clerk-js keeps the token of a page alive: until an outage, or for
// good.
func (m *model) keptUntil(p *modelSession, at int32) int32 {
	begins, ends, period := ticks(m.Outage), ticks(m.Outage+m.OutageFor), ticks(renewEvery)
	if m.Outage == 0 || at >= ends || p.leaves <= begins {
		return max(p.leaves, at)
	}
	last := at
	if at < begins {
		last = at + (begins-at)/period*period
	}
	return last + ticks(tokenLifetime+m.clockSkew)
}

// live counts requests with a live token, evenly over their time.
func (m *model) live(from, until int32, n float64) {
	first, last := time.Duration(from)*tick, time.Duration(until)*tick
	step := max(time.Second, (last-first)/8)
	parts := max(1, int((last-first)/step))
	for part := range parts {
		m.counts.add(Served, first+time.Duration(part)*step, n/float64(parts))
	}
}

// knows reports whether a replica has seen the session of p with a live token: those that have
// seen it are any of them, and each remembers the last so many.
func (m *model) knows(p *modelSession) bool {
	if p.issued < m.deployed && p.expires < m.deployed {
		p.seen = 0
	} else if p.issued < m.deployed && p.seen > 0 {
		since := float64(min(p.expires, p.leaves)-m.deployed) * float64(tick) / float64(m.Every)
		p.seen, p.issued = uint16(m.poisson(max(0, since)*m.burst())), m.deployed //nolint:gosec // small
	}
	known := 1 - math.Pow(1-1/float64(m.Replicas), float64(p.seen))
	return m.rng.Float64() < min(known, float64(m.standings)/float64(m.Sessions))
}

// page plays a page that is opened with an expired token.
func (m *model) page(i int32, p *modelSession) {
	r := m.anyReplica()
	p.open = false
	m.refresh(p, []*modelReplica{r}, func(ends []ending) {
		switch end := ends[0]; {
		case end == renewed:
			m.count(Waited, 1)
			m.signedIn(i, p, m.now)
		case !r.isGone() && m.handshake():
			m.count(Redirected, 1)
			m.signedIn(i, p, m.now+ticks(frontendLatency))
		default:
			m.count(Held, 1)
			p.reload = true
			m.put(i, m.now+ticks(r.reloadAfter()))
		}
	})
}

// handshake sends a browser to the Frontend API. It reports whether that answers.
func (m *model) handshake() bool {
	m.count(Handshakes, 1)
	return !m.clerk.down()
}

// calls plays parallel calls of a script with an expired token.
func (m *model) calls(i int32, p *modelSession) {
	var replicas []*modelReplica
	at := make([]int, m.Parallel) // the replica of each call
	for n := range at {
		r := m.anyReplica()
		for at[n] = 0; at[n] < len(replicas) && replicas[at[n]] != r; at[n]++ {
		}
		if at[n] == len(replicas) {
			replicas = append(replicas, r)
		}
	}
	m.refresh(p, replicas, func(ends []ending) {
		fresh := false
		for _, n := range at {
			switch ends[n] {
			case renewed:
				fresh = true
				m.count(Waited, 1)
			case refused:
				m.count(Failed, 1)
			default:
				m.count(Held, 1)
				replicas[n].isGone() // the middleware asks, and it may cost a probe
			}
		}
		if fresh {
			m.signedIn(i, p, m.now)
			return
		}
		m.put(i, min(m.now+m.exponential(m.Every), p.leaves))
	})
}

func (m *model) anyReplica() *modelReplica { return m.replicas[m.rng.IntN(len(m.replicas))] }

// after calls f once d is over.
func (m *model) after(d time.Duration, f func()) {
	at := m.now + max(1, ticks(d))
	m.later[at] = append(m.later[at], f)
}

package http1

import (
	"sync"
	"time"
)

// tick is how often requests in flight are checked. Most requests are over within one
// tick, and cost no timer and no callback of their context; longer ones get both.
const tick = 10 * time.Millisecond

// pool holds the connections: a stack of idle ones, and a list of those whose
// request is young (younger than two ticks), oldest first. Its lock is held for a few
// instructions only.
type pool struct {
	maxIdle     int
	idleTimeout time.Duration // 0: none
	maxAge      time.Duration // 0: none
	now         func() time.Time
	tick        time.Duration

	mu           sync.Mutex
	idle         []*conn
	first, last  *conn
	timer        *time.Timer
	ticking      bool
	refuseReturn bool      // since closeIdle, until the next request
	looked       time.Time // when connections were last checked for their age
}

// take returns the idle connection that was used last, or nil. The caller must close
// outlived, the connections that their upstream has probably closed. With fresh it only
// records that there is a request.
func (p *pool) take(fresh bool) (c *conn, outlived []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuseReturn = false
	for n := len(p.idle) - 1; !fresh && n >= 0; n-- {
		c = p.idle[n]
		p.idle[n] = nil
		p.idle = p.idle[:n]
		if c.until.IsZero() || p.now().Before(c.until) {
			p.push(c)
			return c, outlived
		}
		outlived = append(outlived, c)
	}
	return nil, outlived
}

// enter adds a new connection that a request is about to use.
func (p *pool) enter(c *conn) {
	p.mu.Lock()
	p.push(c)
	p.mu.Unlock()
}

// put takes back a connection whose request is over; it closes it when there are
// enough.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	if !c.young && p.maxAge > 0 { // it was in use for long, and no sweep has looked
		c.worn = p.now().Sub(c.born) >= p.maxAge
	}
	p.remove(c)
	full := p.refuseReturn || c.worn || len(p.idle) >= p.maxIdle
	if !full {
		c.reused, c.idleSince, c.until = true, time.Time{}, time.Time{}
		if c.keepFor > 0 {
			c.until = p.now().Add(c.keepFor)
		}
		p.idle = append(p.idle, c)
		p.wake()
	}
	p.mu.Unlock()
	if full {
		c.close()
	}
}

// leave forgets a connection that is in use.
func (p *pool) leave(c *conn) {
	p.mu.Lock()
	p.remove(c)
	p.mu.Unlock()
}

func (p *pool) closeIdle() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.refuseReturn = nil, true
	p.mu.Unlock()
	closeAll(idle)
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		c.close()
	}
}

// push appends c to the young; p.mu is held.
func (p *pool) push(c *conn) {
	c.young, c.seen = true, false
	c.prev, c.next = p.last, nil
	if p.last != nil {
		p.last.next = c
	} else {
		p.first = c
	}
	p.last = c
	p.wake()
}

// remove takes c from the young, if it is one of them; p.mu is held.
func (p *pool) remove(c *conn) {
	if !c.young {
		return
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		p.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		p.last = c.prev
	}
	c.young, c.prev, c.next = false, nil, nil
}

// wake makes sweep run soon; p.mu is held.
func (p *pool) wake() {
	if !p.ticking {
		p.ticking = true
		p.schedule(p.tick)
	}
}

func (p *pool) schedule(after time.Duration) {
	if p.timer == nil {
		p.timer = time.AfterFunc(after, p.sweep)
		return
	}
	p.timer.Reset(after)
}

// sweep arms the requests that were already there at the last sweep, and closes
// connections that were idle for too long. It runs as long as there are any of either.
func (p *pool) sweep() {
	p.mu.Lock()
	aged := p.agedLocked()
	expired := append(p.expiredLocked(), p.wornLocked()...)
	switch {
	case p.first != nil:
		p.schedule(p.tick)
	case len(p.idle) > 0 && (p.idleTimeout > 0 || p.maxAge > 0):
		p.ticking = false // a request wakes it earlier
		p.schedule(max(p.tick, p.nextEnd().Sub(p.now())))
	default:
		p.ticking = false
	}
	p.mu.Unlock()

	for _, c := range aged {
		c.arm()
	}
	closeAll(expired)
}

func (p *pool) agedLocked() (aged []*conn) {
	for c := p.first; c != nil; {
		next := c.next
		if c.seen {
			p.remove(c)
			aged = append(aged, c)
		}
		c.seen = true
		c = next
	}
	return aged
}

// expiredLocked stamps the connections that became idle since the last sweep,
// which are on top, so that no request has to read the clock; then it takes away
// those that are too old, which are at the bottom.
func (p *pool) expiredLocked() (expired []*conn) {
	if p.idleTimeout <= 0 || len(p.idle) == 0 {
		return nil
	}
	now := p.now()
	for i := len(p.idle) - 1; i >= 0 && p.idle[i].idleSince.IsZero(); i-- {
		p.idle[i].idleSince = now
	}
	old := 0
	for old < len(p.idle) && !now.Before(p.idle[old].idleEnd(p.idleTimeout)) {
		old++
	}
	if old == 0 {
		return nil
	}
	expired = append(expired, p.idle[:old]...)
	rest := copy(p.idle, p.idle[old:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
	return expired
}

// ageLook is how often connections are checked for their age.
const ageLook = time.Second

// wornLocked takes away the idle connections that are too old, and marks those in use.
func (p *pool) wornLocked() (worn []*conn) {
	if p.maxAge <= 0 {
		return nil
	}
	now := p.now()
	if now.Sub(p.looked) < min(ageLook, p.maxAge) {
		return nil
	}
	p.looked = now
	for c := p.first; c != nil; c = c.next {
		c.worn = now.Sub(c.born) >= p.maxAge
	}
	kept := p.idle[:0]
	for _, c := range p.idle {
		if now.Sub(c.born) >= p.maxAge {
			worn = append(worn, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	return worn
}

// nextEnd is when the next idle connection is to be closed if no request comes.
func (p *pool) nextEnd() (end time.Time) {
	if p.idleTimeout > 0 {
		end = p.idle[0].idleEnd(p.idleTimeout)
	}
	if p.maxAge <= 0 {
		return end
	}
	for _, c := range p.idle {
		if old := c.born.Add(p.maxAge); end.IsZero() || old.Before(end) {
			end = old
		}
	}
	if look := p.looked.Add(min(ageLook, p.maxAge)); end.Before(look) {
		return look
	}
	return end
}

// idleEnd is when an idle connection is to be closed.
func (c *conn) idleEnd(idleTimeout time.Duration) time.Time {
	end := c.idleSince.Add(idleTimeout)
	if !c.until.IsZero() && c.until.Before(end) {
		return c.until
	}
	return end
}

package revocation

import (
	"hash/maphash"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultSize is how many entries a [List] holds by default. They take at most 64 MB.
const DefaultSize = 1_000_000

// Config configures a [List].
type Config struct {
	// Size is how many entries are kept; 0 means [DefaultSize].
	Size int
	// Keep is how long an entry is kept: at least as long as a token may be believed.
	// Required.
	Keep time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told when the list is full; nil is silent.
	Logger *slog.Logger
}

// List is a deny list. It is safe for concurrent use.
type List struct {
	size int
	keep time.Duration
	now  func() time.Time
	log  *slog.Logger
	// seed makes it impossible to choose ids whose hashes collide. By chance, one of a
	// hundred thousand entries concerns a token that it does not name in one of 10¹⁴
	// checks.
	seed maphash.Seed

	some   atomic.Bool // whether anything is known at all
	tables [kinds]table
	// floor is the time, in Unix milliseconds, until which issued tokens are stale: for
	// everyone, or because entries about them may have been forgotten.
	floor atomic.Int64

	mu        sync.Mutex // held by writers
	used      int
	nextSweep time.Time

	watchers atomic.Pointer[[]*func(Entry)]
}

// New returns an empty list.
func New(c Config) *List {
	l := &List{size: c.Size, keep: c.Keep, now: c.Now, log: c.Logger, seed: maphash.MakeSeed()}
	if l.size == 0 {
		l.size = DefaultSize
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	return l
}

// Verdict is what a [List] says of a token.
type Verdict uint8

// The verdicts, from the mildest.
const (
	Live   Verdict = iota // nothing is known against it
	Stale                 // it must be renewed before it is believed
	Denied                // it must not be believed
)

// Subject is what a token says of whom it is for.
type Subject struct {
	SessionID, UserID string
	OrgID, OrgRole    string // "" without an active organization
	OrgPermissions    []string
	IssuedAt          float64 // claim iat, in Unix seconds; absent counts as long ago
}

// IsEmpty reports whether nothing has been added, so that every token is live. It is for
// callers to whom a [Subject] is work.
func (l *List) IsEmpty() bool { return !l.some.Load() }

// Check judges a verified token.
func (l *List) Check(s *Subject) Verdict {
	if l.IsEmpty() {
		return Live
	}
	issued := int64(s.IssuedAt * 1000)
	if l.changed(Session, s.SessionID, math.MinInt64) || l.changed(User, s.UserID, issued) {
		return Denied
	}
	if issued <= l.floor.Load() || s.OrgID != "" && l.stale(s, issued) {
		return Stale
	}
	return Live
}

func (l *List) stale(s *Subject, issued int64) bool {
	if l.changed(Organization, s.OrgID, issued) || l.changed(Role, s.OrgRole, issued) {
		return true
	}
	if l.tables[Membership].slots.Load() != nil {
		if at, ok := l.tables[Membership].at(l.pair(s.UserID, s.OrgID)); ok && issued <= at {
			return true
		}
	}
	if l.tables[Permission].slots.Load() == nil {
		return false
	}
	return slices.ContainsFunc(s.OrgPermissions, func(p string) bool { return l.changed(Permission, p, issued) })
}

// changed reports whether an entry about id is not older than a token.
func (l *List) changed(k Kind, id string, issued int64) bool {
	if l.tables[k].slots.Load() == nil {
		return false
	}
	at, ok := l.tables[k].at(l.key(id))
	return ok && issued <= at
}

// Add adds entries, and tells the watchers of each that is valid. An entry that is known
// is kept for longer, and its time grows.
func (l *List) Add(entries ...Entry) {
	l.mu.Lock()
	now := l.now()
	until := now.Add(l.keep).UnixMilli()
	for _, e := range entries {
		if e.Valid() {
			l.put(e, now, until)
		}
	}
	l.mu.Unlock()
	watchers := l.watchers.Load()
	if watchers == nil {
		return
	}
	for _, e := range entries {
		for _, watch := range *watchers {
			if e.Valid() {
				(*watch)(e)
			}
		}
	}
}

func (l *List) put(e Entry, now time.Time, until int64) {
	if e.Kind == Everyone {
		l.floor.Store(max(l.floor.Load(), e.At.UnixMilli()))
		l.some.Store(true)
		return
	}
	if l.used >= l.size || !now.Before(l.nextSweep) {
		l.sweep(now)
	}
	key := l.key(e.ID)
	if e.Kind == Membership {
		key = l.pair(e.ID, e.Org)
	}
	if l.tables[e.Kind].put(key, e.At.UnixMilli(), until) {
		l.used++
	}
	l.some.Store(true)
}

// sweep forgets entries that have had their time, and, if the list is full all the same,
// its oldest quarter.
func (l *List) sweep(now time.Time) {
	l.nextSweep = now.Add(l.keep / 16)
	ms := now.UnixMilli()
	l.filter(func(s *slot) bool { return ms < s.until })
	if l.used < l.size {
		return
	}
	times := make([]int64, 0, l.used)
	for i := range l.tables {
		for s := range l.tables[i].entries() {
			times = append(times, s.at.Load())
		}
	}
	slices.Sort(times)
	floor := max(times[len(times)/4], l.floor.Load())
	l.floor.Store(floor) // before the entries go
	l.filter(func(s *slot) bool { return s.at.Load() > floor })
	l.log.Warn("the list of revocations is full: its oldest entries are forgotten, and all tokens issued before them are renewed",
		"entries", len(times), "kept", l.used, "issued_until", time.UnixMilli(floor).UTC())
}

func (l *List) filter(keep func(*slot) bool) {
	l.used = 0
	for i := range l.tables {
		t := &l.tables[i]
		if t.slots.Load() == nil {
			continue
		}
		kept := 0
		for s := range t.entries() {
			if keep(s) {
				kept++
			}
		}
		if kept != t.used {
			t.rebuild(kept, keep)
		}
		l.used += t.used
	}
}

// Has reports whether a valid entry, or one about the same thing with a later time, is in
// force. Of an entry for everyone that may be due to others that were forgotten.
func (l *List) Has(e Entry) bool {
	at := e.At.UnixMilli()
	switch {
	case !e.Valid():
		return false
	case e.Kind == Everyone:
		return at <= l.floor.Load()
	case e.Kind == Membership:
		if l.tables[e.Kind].slots.Load() == nil {
			return false
		}
		known, ok := l.tables[e.Kind].at(l.pair(e.ID, e.Org))
		return ok && at <= known
	}
	return l.changed(e.Kind, e.ID, at)
}

// Watch has f called with each entry that is added from now on, on the goroutine that adds
// it. stop ends that; a call may still be in progress when it returns.
func (l *List) Watch(f func(Entry)) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setWatchers(func(all []*func(Entry)) []*func(Entry) { return append(all, &f) })
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.setWatchers(func(all []*func(Entry)) []*func(Entry) {
			return slices.DeleteFunc(all, func(one *func(Entry)) bool { return one == &f })
		})
	}
}

func (l *List) setWatchers(change func([]*func(Entry)) []*func(Entry)) {
	var all []*func(Entry)
	if watchers := l.watchers.Load(); watchers != nil {
		all = slices.Clone(*watchers)
	}
	all = change(all)
	l.watchers.Store(&all)
}

// Len returns how many entries are held, those that have had their time included.
func (l *List) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used
}

// key hashes an id. It is never 0, which marks a free slot.
func (l *List) key(id string) uint64 { return max(maphash.String(l.seed, id), 1) }

// pair hashes two ids.
func (l *List) pair(a, b string) uint64 {
	const odd = 0x9e3779b97f4a7c15 // so that a and b are not interchangeable
	return max(maphash.String(l.seed, a)*odd+maphash.String(l.seed, b), 1)
}

package revocation

import "sync/atomic"

// table is an open-addressing hash table of times, for one kind of entries. Readers take
// no lock: a slot is filled before its key is stored, is never emptied, and its time only
// grows. One writer at a time changes it.
type table struct {
	slots atomic.Pointer[[]slot] // the length is a power of two; nil while empty
	used  int
}

// slot costs 24 bytes, of which at least three eighths and at most three quarters are in
// use: 32 to 64 bytes an entry.
type slot struct {
	key   atomic.Uint64 // the hash of the id; 0 while the slot is free
	at    atomic.Int64  // in Unix milliseconds
	until int64         // when the entry is forgotten, likewise; for the writer alone
}

const minSlots = 64

// at returns the time that is stored for key; ok is false if there is none.
func (t *table) at(key uint64) (at int64, ok bool) {
	slots := t.slots.Load()
	if slots == nil {
		return 0, false
	}
	s := find(*slots, key)
	if s.key.Load() != key {
		return 0, false
	}
	return s.at.Load(), true
}

// find returns the slot of key, or the free one where it belongs. A table is never full.
func find(slots []slot, key uint64) *slot {
	mask := uint64(len(slots) - 1) //nolint:gosec // a length is not negative
	for i := key & mask; ; i = (i + 1) & mask {
		s := &slots[i]
		if is := s.key.Load(); is == key || is == 0 {
			return s
		}
	}
}

// put stores a time for key, unless a later one is stored, and reports whether key is new.
func (t *table) put(key uint64, at, until int64) (added bool) {
	slots := t.slots.Load()
	if slots == nil || 4*(t.used+1) > 3*len(*slots) {
		t.rebuild(t.used+1, func(*slot) bool { return true })
		slots = t.slots.Load()
	}
	s := find(*slots, key)
	added = s.key.Load() == 0
	s.until = max(s.until, until)
	if added || at > s.at.Load() {
		s.at.Store(at)
	}
	if added {
		s.key.Store(key) // after at, which a reader may want at once
		t.used++
	}
	return added
}

// rebuild keeps the entries for which keep returns true, in a table with room for size.
func (t *table) rebuild(size int, keep func(*slot) bool) {
	length := minSlots
	for 8*size > 3*length { // so that it is half full at most when the next entries come
		length *= 2
	}
	fresh, used := make([]slot, length), 0
	for s := range t.entries() {
		if keep(s) {
			to := find(fresh, s.key.Load())
			to.key.Store(s.key.Load())
			to.at.Store(s.at.Load())
			to.until = s.until
			used++
		}
	}
	t.used = used
	if used == 0 && size == 0 {
		t.slots.Store(nil)
		return
	}
	t.slots.Store(&fresh)
}

// entries iterates over the slots in use.
func (t *table) entries() func(yield func(*slot) bool) {
	return func(yield func(*slot) bool) {
		slots := t.slots.Load()
		if slots == nil {
			return
		}
		for i := range *slots {
			if s := &(*slots)[i]; s.key.Load() != 0 && !yield(s) {
				return
			}
		}
	}
}

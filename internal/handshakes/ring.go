package handshakes

import (
	"slices"
	"sync"
)

// Size is how many records a [Ring] keeps.
const Size = 200

// Ring keeps the last records. The zero value is empty. It is safe for concurrent use.
type Ring struct {
	mu      sync.Mutex
	records []Record
	next    int // where the oldest record is, once there are Size of them
}

// Add keeps a record, in place of the oldest if there are enough.
func (rg *Ring) Add(rec Record) {
	rg.mu.Lock()
	defer rg.mu.Unlock()
	if len(rg.records) < Size {
		rg.records = append(rg.records, rec)
		return
	}
	rg.records[rg.next] = rec
	rg.next = (rg.next + 1) % Size
}

// Records returns a copy of the records, the oldest first.
func (rg *Ring) Records() []Record {
	rg.mu.Lock()
	defer rg.mu.Unlock()
	return slices.Concat(rg.records[rg.next:], rg.records[:rg.next])
}

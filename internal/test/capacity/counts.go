package main

import "time"

// Kind is what is counted.
type Kind int

// Calls to Clerk and to the store.
const (
	Refreshes Kind = iota // calls for a new token, refused ones included
	Lookups
	Nonces
	KeyFetches
	Limited // calls of any kind that Clerk has answered with 429
	Probes  // of the Frontend API
	Handshakes
	StoreOps
	// Requests, by how they ended.
	Served     // at once
	Waited     // after waiting for Clerk or another replica
	Redirected // pages, through the Frontend API
	Held       // 503
	Failed     // 401, or as signed out
	kinds
)

// Counts are counts by second.
type Counts struct {
	seconds [kinds][]float64
}

// newCounts returns counts for so much time.
func newCounts(length time.Duration) *Counts {
	c := &Counts{}
	for k := range c.seconds {
		c.seconds[k] = make([]float64, int(length/time.Second)+2)
	}
	return c
}

// add counts n of a kind at a time.
func (c *Counts) add(k Kind, at time.Duration, n float64) {
	if second := int(at / time.Second); second >= 0 && second < len(c.seconds[k]) {
		c.seconds[k][second] += n
	}
}

// Sum returns how many there were in [from, until).
func (c *Counts) Sum(k Kind, from, until time.Duration) (sum float64) {
	for _, n := range c.window(k, from, until) {
		sum += n
	}
	return sum
}

// Peak returns the largest count of a second in [from, until).
func (c *Counts) Peak(k Kind, from, until time.Duration) (peak float64) {
	for _, n := range c.window(k, from, until) {
		peak = max(peak, n)
	}
	return peak
}

func (c *Counts) window(k Kind, from, until time.Duration) []float64 {
	all := c.seconds[k]
	return all[min(int(from/time.Second), len(all)):min(int(until/time.Second), len(all))]
}

// Asked returns how many requests ended in [from, until).
func (c *Counts) Asked(from, until time.Duration) (sum float64) {
	for k := Served; k < kinds; k++ {
		sum += c.Sum(k, from, until)
	}
	return sum
}

// Share returns the share of requests that ended in one way.
func (c *Counts) Share(k Kind, from, until time.Duration) float64 {
	return c.Sum(k, from, until) / max(1, c.Asked(from, until))
}

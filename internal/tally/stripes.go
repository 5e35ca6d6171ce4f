package tally

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// maxStripes bounds the memory of a striped counter.
const maxStripes = 16

// Stripes hand out stripes. Make them by [NewStripes].
type Stripes struct {
	// The pool has a part for each processor, which is the one property of processors that
	// Go lets programs use. What it holds is only a hint: two goroutines with the same
	// stripe count correctly, but one may wait for the other.
	pool sync.Pool
	all  []Stripe
	next atomic.Uint32
}

// Stripe is a part of counters that are striped.
type Stripe struct{ number int }

// NewStripes returns as many stripes as there are processors, 16 at most.
func NewStripes() *Stripes {
	s := &Stripes{all: make([]Stripe, min(runtime.GOMAXPROCS(0), maxStripes))}
	for i := range s.all {
		s.all[i].number = i
	}
	s.pool.New = func() any { return &s.all[int(s.next.Add(1))%len(s.all)] }
	return s
}

// Len returns how many stripes there are.
func (s *Stripes) Len() int { return len(s.all) }

// Take returns a stripe. Return it by [Stripes.Put], on the same goroutine and soon.
func (s *Stripes) Take() *Stripe {
	st, ok := s.pool.Get().(*Stripe)
	if !ok { // nothing else is in the pool
		return &s.all[0]
	}
	return st
}

// Put gives back a stripe.
func (s *Stripes) Put(st *Stripe) { s.pool.Put(st) }

// Number returns the stripe's number, from 0 to Len-1.
func (st *Stripe) Number() int { return st.number }

// Striped is a T for each stripe, made when it is first needed. Make it by [NewStriped].
type Striped[T any] struct{ parts []atomic.Pointer[T] }

// NewStriped returns an empty Striped.
func NewStriped[T any](s *Stripes) *Striped[T] {
	return &Striped[T]{parts: make([]atomic.Pointer[T], s.Len())}
}

// Of returns the part for a stripe.
func (s *Striped[T]) Of(st *Stripe) *T {
	part := &s.parts[st.number]
	if known := part.Load(); known != nil {
		return known
	}
	part.CompareAndSwap(nil, new(T))
	return part.Load()
}

// Each calls f for each part that there is.
func (s *Striped[T]) Each(f func(*T)) {
	for i := range s.parts {
		if part := s.parts[i].Load(); part != nil {
			f(part)
		}
	}
}

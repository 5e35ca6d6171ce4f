package monitor

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/internal/reason"
	"github.com/clerkgate/clerkgate/internal/tally"
)

// Place is what clerkgate answers itself, instead of a route.
type Place uint8

// The places. Unmatched is for all that has no other, such as paths without a route.
const (
	Unmatched Place = iota
	FrontendAPI
	Webhooks
	SignOut
	Keys

	numPlaces = 5
)

// places are the labels of the places. A name of a route cannot have parentheses only by
// convention; one that is equal is counted together with the place.
var places = []string{"(unmatched)", "(frontend-api)", "(webhooks)", "(sign-out)", "(keys)"}

// outcomes are the values of the label outcome, as in the access log.
var outcomes = []string{"forwarded", "granted", "answered", "redirected", "refused", "failed", "client-left", reason.Other}

// classes are the values of the label code_class, by the first digit of the status.
var classes = []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

const (
	numOutcomes = 8
	numClasses  = 6
)

// Route has the counters of one route.
type Route struct {
	label string
	parts *tally.Striped[part]
	// reasons count requests with a reason. Few routes have any.
	reasons atomic.Pointer[[numOutcomes][reason.Len][numClasses]atomic.Uint64]
}

// part is what each request writes, once for each stripe.
type part struct {
	requests [numOutcomes][numClasses]atomic.Uint64 // without a reason
	duration tally.Histogram
}

func newRoute(label string, stripes *tally.Stripes) *Route {
	return &Route{label: label, parts: tally.NewStriped[part](stripes)}
}

// Request is a request that has ended.
type Request struct {
	Outcome string // as in the access log
	Reason  string // of the access log; "" for none
	Status  int    // of the response; 0 if nothing was sent
	// Duration is how long it took; negative for an upgraded connection, whose length says
	// nothing of clerkgate or the application.
	Duration time.Duration
	// Overhead is the part of it before it was forwarded; negative if that is not counted.
	Overhead time.Duration
}

// Count counts a request. It allocates nothing.
func (m *Monitor) Count(rt *Route, r *Request) {
	st := m.stripes.Take()
	mine := rt.parts.Of(st)
	o, class := outcomeIndex(r.Outcome), classIndex(r.Status)
	if r.Reason == "" {
		mine.requests[o][class].Add(1)
	} else {
		rt.withReasons()[o][reason.Index(r.Reason)][class].Add(1)
	}
	if r.Duration >= 0 {
		mine.duration.Observe(r.Duration)
	}
	if r.Overhead >= 0 {
		m.overhead.Of(st).Observe(r.Overhead)
	}
	m.stripes.Put(st)
}

func outcomeIndex(outcome string) int {
	for i, o := range outcomes {
		if o == outcome {
			return i
		}
	}
	return numOutcomes - 1
}

func classIndex(status int) int {
	if class := status / 100; class > 0 && class < numClasses {
		return class
	}
	return 0
}

// withReasons returns reasons, made when they are first needed.
func (rt *Route) withReasons() *[numOutcomes][reason.Len][numClasses]atomic.Uint64 {
	if known := rt.reasons.Load(); known != nil {
		return known
	}
	rt.reasons.CompareAndSwap(nil, new([numOutcomes][reason.Len][numClasses]atomic.Uint64))
	return rt.reasons.Load()
}

func (rt *Route) collect(set *exposition.Set, to chan<- prometheus.Metric) {
	var duration tally.Distribution
	var requests [numOutcomes][numClasses]uint64
	rt.parts.Each(func(p *part) {
		p.duration.AddTo(&duration)
		for o := range p.requests {
			for class := range p.requests[o] {
				requests[o][class] += p.requests[o][class].Load()
			}
		}
	})
	emit := func(n uint64, o, r, class int) {
		if n > 0 {
			set.Count(to, exposition.Requests, n, rt.label, outcomes[o], reason.Name(r), classes[class])
		}
	}
	reasons := rt.reasons.Load()
	for o := range requests {
		for class, n := range requests[o] {
			emit(n, o, 0, class)
		}
		if reasons == nil {
			continue
		}
		for r := range reasons[o] {
			for class := range reasons[o][r] {
				emit(reasons[o][r][class].Load(), o, r, class)
			}
		}
	}
	if duration.Count > 0 {
		set.Distribution(to, exposition.RequestDuration, &duration, rt.label)
	}
}

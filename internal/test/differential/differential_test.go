package differential_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	defaultRequests = 500
	// repeatPercent of the requests are made twice in a row, because caches must not
	// change a decision.
	repeatPercent = 10
	// maxReports is how many requests that differ in the same way are printed.
	maxReports = 2
)

func TestDifferential(t *testing.T) {
	skipWithout(t)
	requests := defaultRequests
	if text := os.Getenv("DIFFERENTIAL_REQUESTS"); text != "" {
		var err error
		requests, err = strconv.Atoi(text)
		require.NoError(t, err, "DIFFERENTIAL_REQUESTS")
	}
	seeds := os.Getenv("DIFFERENTIAL_SEEDS")
	if seeds == "" {
		seeds = "1"
	}
	keys := newKeyring(t)
	for text := range strings.SplitSeq(seeds, ",") {
		t.Run("seed="+text, func(t *testing.T) {
			t.Parallel()
			seed, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
			require.NoError(t, err, "DIFFERENTIAL_SEEDS")
			newRun(t, seed, keys).compareAll(t, requests)
		})
	}
}

// run compares all requests of one seed.
type run struct {
	generator *generator
	reference *reference
	ours      map[string]*ours

	byOutcome, exempted map[string]int
	differing           int
	alike               map[string]int // by the kind of difference
}

func newRun(t *testing.T, seed uint64, keys *keyring) *run {
	r := &run{generator: newGenerator(seed, keys), ours: map[string]*ours{}, byOutcome: map[string]int{}, exempted: map[string]int{}, alike: map[string]int{}}
	clock := time.UnixMilli(r.generator.nowMillis)
	for _, in := range r.generator.instances {
		r.ours[in.id] = newOurs(t, in, func() time.Time { return clock })
	}
	r.reference = startReference(t, r.generator.instances)
	return r
}

func (r *run) compareAll(t *testing.T, requests int) {
	repeats := 0
	for range requests {
		q := r.generator.next()
		r.compareOne(t, q, false)
		if r.generator.percent(repeatPercent) {
			repeats++
			r.compareOne(t, q, true)
		}
	}
	exempt := 0
	for _, n := range r.exempted {
		exempt += n
	}
	t.Logf("%d requests (and %d repeats) over %d instances: %v; %d differ; %d exempt: %v",
		requests, repeats, len(r.ours), r.byOutcome, r.differing, exempt, r.exempted)
	if r.differing > 0 {
		t.Errorf("%d requests differ: %v", r.differing, r.alike)
	}
}

func (r *run) compareOne(t *testing.T, q *request, repeated bool) {
	in := r.instance(q.Instance)
	want, err := r.reference.judge(q, in.trusted)
	require.NoError(t, err)
	mine := r.ours[q.Instance]
	if mine.refused != nil {
		// For these options the SDK fails at each request, and this module at startup.
		r.byOutcome["refused options"]++
		t.Log(mine.refused)
		if want.Status == "signed-in" {
			r.report(t, q, []difference{{"options", want.Status, mine.refused}}, want)
		}
		return
	}
	got := mine.judge(q)
	if want.Throws != "" {
		r.byOutcome["throws"]++
	} else {
		r.byOutcome[want.Status]++
	}
	found := r.withoutWanted(compare(want, got, repeated), want, got)
	if len(found) == 0 {
		return
	}
	for _, e := range exemptions {
		if e.holds(q, want, got, found) {
			r.exempted[e.name]++
			return
		}
	}
	r.report(t, q, found, want)
}

// withoutWanted removes the intended differences.
func (r *run) withoutWanted(found []difference, want, got *outcome) []difference {
	return slices.DeleteFunc(found, func(d difference) bool {
		for _, e := range fieldExemptions {
			if e.holds(d, want, got) {
				r.exempted[e.name]++
				return true
			}
		}
		return false
	})
}

func (r *run) instance(id string) *instance {
	for _, in := range r.generator.instances {
		if in.id == id {
			return in
		}
	}
	return nil
}

// kindOf returns a key that is equal for requests that differ for the same cause.
func kindOf(found []difference) string {
	var b strings.Builder
	for _, d := range found {
		fmt.Fprintf(&b, "[%s", d.field)
		if d.field == "status" || d.field == "reason" {
			fmt.Fprintf(&b, " %v, not %v", d.ours, d.reference)
		}
		b.WriteString("]")
	}
	return b.String()
}

func (r *run) report(t *testing.T, q *request, found []difference, want *outcome) {
	r.differing++
	kind := kindOf(found)
	if r.alike[kind]++; r.alike[kind] > maxReports {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "request %s of %s differs: %s\n", q.id, q.Instance, strings.Join(q.labels, ", "))
	if want.Throws != "" {
		fmt.Fprintf(&b, "    reference throws: %s\n", want.Throws)
	}
	for _, d := range found {
		fmt.Fprintf(&b, "    %v\n", d)
	}
	in := r.instance(q.Instance)
	fmt.Fprintf(&b, "    options %s\n    keys %d %.60s\n    request %s %s\n", compact(in.Options), in.JWKS.Status, in.JWKS.Body, q.Request.Method, q.Request.Target)
	for _, h := range q.Request.Headers {
		fmt.Fprintf(&b, "      %s: %s\n", h[0], h[1])
	}
	t.Error(b.String())
}

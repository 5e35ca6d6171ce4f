package revocation_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/revocation"
)

var start = time.UnixMilli(1_767_225_655_123)

// clock is moved by tests.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newList(c *clock, size int) *revocation.List {
	return revocation.New(revocation.Config{Size: size, Keep: 24 * time.Hour, Now: c.now})
}

// issued is a token of jane for acme, issued so long after start.
func issued(after time.Duration) *revocation.Subject {
	return &revocation.Subject{
		SessionID: "sess_1", UserID: "user_jane", OrgID: "org_acme", OrgRole: "org:admin",
		OrgPermissions: []string{"org:invoices:view", "org:invoices:pay"},
		IssuedAt:       float64(start.Add(after).Unix()),
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const before, after = -time.Minute, time.Minute
	for name, tc := range map[string]struct {
		entry         revocation.Entry
		before, after revocation.Verdict
	}{
		"its session":        {revocation.Entry{Kind: revocation.Session, ID: "sess_1"}, revocation.Denied, revocation.Denied},
		"its user":           {revocation.Entry{Kind: revocation.User, ID: "user_jane"}, revocation.Denied, revocation.Live},
		"its membership":     {revocation.Entry{Kind: revocation.Membership, ID: "user_jane", Org: "org_acme"}, revocation.Stale, revocation.Live},
		"its organization":   {revocation.Entry{Kind: revocation.Organization, ID: "org_acme"}, revocation.Stale, revocation.Live},
		"its role":           {revocation.Entry{Kind: revocation.Role, ID: "org:admin"}, revocation.Stale, revocation.Live},
		"a permission of it": {revocation.Entry{Kind: revocation.Permission, ID: "org:invoices:pay"}, revocation.Stale, revocation.Live},

		"everyone": {revocation.Entry{Kind: revocation.Everyone}, revocation.Stale, revocation.Live},

		"another session":             {revocation.Entry{Kind: revocation.Session, ID: "sess_2"}, revocation.Live, revocation.Live},
		"another user":                {revocation.Entry{Kind: revocation.User, ID: "user_mei"}, revocation.Live, revocation.Live},
		"a user with its session":     {revocation.Entry{Kind: revocation.User, ID: "sess_1"}, revocation.Live, revocation.Live},
		"its user elsewhere":          {revocation.Entry{Kind: revocation.Membership, ID: "user_jane", Org: "org_other"}, revocation.Live, revocation.Live},
		"another user there":          {revocation.Entry{Kind: revocation.Membership, ID: "user_mei", Org: "org_acme"}, revocation.Live, revocation.Live},
		"a membership, the wrong way": {revocation.Entry{Kind: revocation.Membership, ID: "org_acme", Org: "user_jane"}, revocation.Live, revocation.Live},
		"another role":                {revocation.Entry{Kind: revocation.Role, ID: "org:member"}, revocation.Live, revocation.Live},
		"another permission":          {revocation.Entry{Kind: revocation.Permission, ID: "org:invoices:delete"}, revocation.Live, revocation.Live},
		"nothing":                     {revocation.Entry{Kind: revocation.Session}, revocation.Live, revocation.Live},
		"a kind that is not known":    {revocation.Entry{Kind: 99, ID: "sess_1"}, revocation.Live, revocation.Live},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newList(&clock{start}, 0)
			tc.entry.At = start
			require.Equal(t, revocation.Live, l.Check(issued(before)))
			l.Add(tc.entry)
			assert.Equal(t, tc.before, l.Check(issued(before)))
			assert.Equal(t, tc.after, l.Check(issued(after)))
		})
	}
}

// A token says its time in whole seconds: what was issued in the second of an event may
// have been issued before it.
func TestSecondOfTheEvent(t *testing.T) {
	t.Parallel()
	l := newList(&clock{start}, 0)
	l.Add(revocation.Entry{Kind: revocation.User, ID: "user_jane", At: start})
	assert.Equal(t, revocation.Denied, l.Check(issued(0)))
	assert.Equal(t, revocation.Live, l.Check(issued(time.Second)))
	unknown := issued(0)
	unknown.IssuedAt = 0
	assert.Equal(t, revocation.Denied, l.Check(unknown), "a token that does not say when it was issued")
}

func TestTimesOnlyGrow(t *testing.T) {
	t.Parallel()
	l := newList(&clock{start}, 0)
	for _, at := range []time.Duration{time.Hour, 0, time.Minute} {
		l.Add(revocation.Entry{Kind: revocation.User, ID: "user_jane", At: start.Add(at)})
	}
	assert.Equal(t, revocation.Denied, l.Check(issued(time.Hour)), "an older event came later")
	assert.Equal(t, 1, l.Len())
}

func TestDeniedWinsOverStale(t *testing.T) {
	t.Parallel()
	l := newList(&clock{start}, 0)
	l.Add(
		revocation.Entry{Kind: revocation.Organization, ID: "org_acme", At: start},
		revocation.Entry{Kind: revocation.Session, ID: "sess_1", At: start},
	)
	assert.Equal(t, revocation.Denied, l.Check(issued(-time.Minute)))
}

func TestEntriesAreForgotten(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	l := newList(c, 0)
	for i := range 1000 {
		l.Add(revocation.Entry{Kind: revocation.Session, ID: fmt.Sprint("sess_", i), At: start})
	}
	c.at = start.Add(24*time.Hour - time.Second)
	l.Add(revocation.Entry{Kind: revocation.Session, ID: "sess_a", At: c.at})
	assert.Equal(t, revocation.Denied, l.Check(issued(0)), "until its time has come")
	assert.Equal(t, 1001, l.Len())
	c.at = start.Add(27 * time.Hour)
	l.Add(revocation.Entry{Kind: revocation.Session, ID: "sess_b", At: c.at})
	assert.Equal(t, 2, l.Len())
	assert.Equal(t, revocation.Live, l.Check(issued(0)))
}

// A full list may forget, but never so that a revoked token counts as live.
func TestFullListHasTokensRenewed(t *testing.T) {
	t.Parallel()
	const size = 1000
	c := &clock{start}
	var log bytes.Buffer
	l := revocation.New(revocation.Config{Size: size, Keep: time.Hour, Now: c.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	id := func(i int) *revocation.Subject {
		return &revocation.Subject{SessionID: fmt.Sprint("sess_", i), IssuedAt: float64(start.Add(time.Duration(i-1) * time.Second).Unix())}
	}
	for i := range 10 * size {
		c.at = start.Add(time.Duration(i) * time.Second / 100)
		l.Add(revocation.Entry{Kind: revocation.Session, ID: fmt.Sprint("sess_", i), At: start.Add(time.Duration(i) * time.Second)})
		require.LessOrEqual(t, l.Len(), size)
	}
	denied := 0
	for i := range 10 * size {
		verdict := l.Check(id(i))
		require.NotEqual(t, revocation.Live, verdict, i)
		if verdict == revocation.Denied {
			denied++
		}
	}
	assert.GreaterOrEqual(t, denied, size/2)
	assert.Equal(t, revocation.Live, l.Check(&revocation.Subject{SessionID: "sess_new", IssuedAt: float64(start.Unix() + 10*size)}))
	assert.Contains(t, log.String(), "full")
}

func TestWatch(t *testing.T) {
	t.Parallel()
	l := newList(&clock{start}, 0)
	var seen []revocation.Entry
	stop := l.Watch(func(e revocation.Entry) {
		assert.Equal(t, revocation.Denied, l.Check(issued(0)), "it is in force when a watcher hears of it")
		seen = append(seen, e)
	})
	e := revocation.Entry{Kind: revocation.Session, ID: "sess_1", At: start}
	l.Add(e, revocation.Entry{Kind: revocation.Session})
	assert.Equal(t, []revocation.Entry{e}, seen)
	stop()
	l.Add(e)
	assert.Len(t, seen, 1)
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	l := newList(&clock{start}, 5000)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 2000 {
				id := fmt.Sprintf("sess_%d_%d", g, i)
				l.Add(revocation.Entry{Kind: revocation.Session, ID: id, At: start})
				assert.NotEqual(t, revocation.Live, l.Check(&revocation.Subject{SessionID: id, IssuedAt: float64(start.Unix())}))
			}
		})
	}
	all.Wait()
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, e := range []revocation.Entry{
		{Kind: revocation.Session, ID: "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J", At: start},
		{Kind: revocation.Membership, ID: "user_1", Org: "org_1", At: start},
		{Kind: revocation.Permission, ID: "org:invoices:view", At: start},
		{Kind: revocation.Everyone, At: start},
	} {
		b := e.Append(nil)
		back, err := revocation.Decode(b)
		require.NoError(t, err)
		assert.Equal(t, e.At.UnixMilli(), back.At.UnixMilli())
		back.At = e.At
		assert.Equal(t, e, back)
		for n := range b {
			_, err := revocation.Decode(b[:n])
			require.Error(t, err, "cut to %d bytes", n)
		}
		_, err = revocation.Decode(append(b, 0))
		require.ErrorIs(t, err, revocation.ErrMalformed)
		b[0] = 2
		_, err = revocation.Decode(b)
		require.ErrorIs(t, err, revocation.ErrFormat)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(revocation.Entry{Kind: revocation.Membership, ID: "user_1", Org: "org_1", At: start}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := revocation.Decode(b)
		if err != nil {
			assert.Zero(t, e)
			return
		}
		assert.True(t, e.Valid())
		assert.Equal(t, b, e.Append(nil))
	})
}

func TestCheckAllocatesNothing(t *testing.T) {
	l := newList(&clock{start}, 0)
	l.Add(revocation.Entry{Kind: revocation.Session, ID: "sess_2", At: start}, revocation.Entry{Kind: revocation.Permission, ID: "org:a:b", At: start})
	s := issued(0)
	assert.Zero(t, testing.AllocsPerRun(100, func() { l.Check(s) }))
}

func BenchmarkCheck(b *testing.B) {
	full := func(kinds ...revocation.Kind) *revocation.List {
		l := newList(&clock{start}, 0)
		for i := range 100_000 {
			for _, k := range kinds {
				e := revocation.Entry{Kind: k, ID: fmt.Sprint("sess_3aQm8XcVtb2LpR9dWz7YkEf", i), At: start}
				if k == revocation.Membership {
					e.Org = "org_3aQm8XcVtb2LpR9dWz7YkEf"
				}
				l.Add(e)
			}
		}
		return l
	}
	for _, bc := range []struct {
		name  string
		kinds []revocation.Kind
	}{
		{name: "empty"},
		{"sessions", []revocation.Kind{revocation.Session}},
		{"all", []revocation.Kind{revocation.Session, revocation.User, revocation.Membership, revocation.Organization, revocation.Role}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			before := heap()
			l := full(bc.kinds...)
			size := heap() - before
			s := issued(0)
			s.SessionID, s.UserID, s.OrgID = "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J", "user_3aQm8XcVtb2LpR9dWz7YkEfHs1J", "org_3aQm8XcVtb2LpR9dWz7YkEfHs1J"
			b.ReportAllocs()
			for b.Loop() {
				l.Check(s)
			}
			if n := l.Len(); n > 0 {
				b.ReportMetric(float64(size)/float64(n), "heap-B/entry")
			}
		})
	}
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // it is not that large
}

// An entry that is added again counts as new: its session may have been ended anew.
func TestRepeatedEntryIsKeptForLonger(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	l := newList(c, 0)
	for _, after := range []time.Duration{0, 20 * time.Hour} {
		c.at = start.Add(after)
		l.Add(revocation.Entry{Kind: revocation.Session, ID: "sess_1", At: start})
	}
	c.at = start.Add(30 * time.Hour)
	l.Add(revocation.Entry{Kind: revocation.Session, ID: "sess_2", At: start})
	assert.Equal(t, revocation.Denied, l.Check(issued(0)))
}

func TestEveryonesTimeOnlyGrows(t *testing.T) {
	t.Parallel()
	l := newList(&clock{start}, 0)
	for _, at := range []time.Duration{time.Hour, 0} {
		l.Add(revocation.Entry{Kind: revocation.Everyone, At: start.Add(at)})
	}
	assert.Equal(t, revocation.Stale, l.Check(issued(30*time.Minute)), "an older one came later")
	assert.Equal(t, revocation.Live, l.Check(issued(2*time.Hour)))
}

func TestInvalidEntriesAreNotDecoded(t *testing.T) {
	t.Parallel()
	for _, e := range []revocation.Entry{
		{Kind: 0, ID: "sess_1", At: start}, {Kind: 8, ID: "sess_1", At: start}, {Kind: revocation.Session, At: start},
		{Kind: revocation.Everyone, ID: "user_1", At: start}, {Kind: revocation.Membership, ID: "user_1", At: start},
		{Kind: revocation.User, ID: "user_1", Org: "org_1", At: start},
	} {
		_, err := revocation.Decode(e.Append(nil))
		assert.ErrorIs(t, err, revocation.ErrMalformed, "%+v", e)
	}
}

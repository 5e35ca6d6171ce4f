package exchange_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/exchange"
)

func TestOneFetchForAllWhoAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, exchange.Options{})
		f.hold = make(chan struct{})
		session := f.SignIn("jane@example.com")
		got := make([]string, 1000)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				var err error
				got[i], err = f.Exchanger.Token(t.Context(), f.db(session))
				assert.NoError(t, err)
			})
		}
		synctest.Wait() // every one of them waits now
		close(f.hold)
		all.Wait()
		assert.Equal(t, 1, f.fetches())
		for _, raw := range got {
			assert.Equal(t, got[0], raw)
		}
		assert.Equal(t, session.UserID, subject(t, got[0]))
	})
}

func TestTokensAreKeptUntilShortlyBeforeTheyExpire(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{})
	session := f.SignIn("jane@example.com")
	ask := func() string {
		raw, err := f.Exchanger.Token(t.Context(), f.db(session))
		require.NoError(t, err)
		return raw
	}
	first := ask()
	f.Advance(lifetime - exchange.Margin - 1)
	assert.Equal(t, first, ask())
	assert.Equal(t, 1, f.fetches())
	f.Advance(1)
	assert.NotEqual(t, first, ask())
	assert.Equal(t, 2, f.fetches())
}

func TestAClockBehindClerksDoesNotProlong(t *testing.T) {
	t.Parallel()
	clerksNow := func() time.Time { return time.Unix(1_790_000_000, 0) }
	f := setup(t, exchange.Options{Now: func() time.Time { return clerksNow().Add(-time.Hour) }})
	clerksNow = f.Now
	session := f.SignIn("jane@example.com")
	for _, step := range []time.Duration{0, lifetime - exchange.Margin - time.Second, time.Second} {
		f.Advance(step)
		_, err := f.Exchanger.Token(t.Context(), f.db(session))
		require.NoError(t, err)
	}
	assert.Equal(t, 2, f.fetches())
}

func TestWhatIsNotKept(t *testing.T) {
	t.Parallel()
	jwtOf := func(claims string) string { return `{"object":"token","jwt":"e30.` + encode(claims) + `.c2ln"}` }
	now := time.Unix(1_790_000_000, 0).Unix()
	for name, body := range map[string]string{
		"no exp":               jwtOf(`{"sub":"x"}`),
		"exp is no number":     jwtOf(`{"exp":"soon"}`),
		"exp is null":          jwtOf(`{"exp":null}`),
		"exp is long past":     jwtOf(`{"exp":-1e300}`),
		"exp within margin":    jwtOf(fmt.Sprintf(`{"exp":%d}`, now+10)),
		"claims are no object": jwtOf(`[]`),
		"lifetime in margin":   jwtOf(fmt.Sprintf(`{"iat":%d,"exp":%d}`, now+3600, now+3610)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, exchange.Options{})
			session := f.SignIn("jane@example.com")
			f.Fail(clerktest.Fault{Path: tokens, Body: body})
			for range 2 {
				raw, err := f.Exchanger.Token(t.Context(), f.db(session))
				require.NoError(t, err)
				assert.Contains(t, body, raw)
			}
			assert.Equal(t, 2, f.fetches())
			assert.Zero(t, f.Len())
		})
	}

	t.Run("template as short as the margin", func(t *testing.T) {
		t.Parallel()
		f := setup(t, exchange.Options{})
		session := f.SignIn("jane@example.com")
		for range 2 {
			_, err := f.Exchanger.Token(t.Context(), exchange.Key{SessionID: session.ID, Template: "short"})
			require.NoError(t, err)
		}
		assert.Equal(t, 2, f.fetches())
	})
	t.Run("an exp beyond time is kept", func(t *testing.T) {
		t.Parallel()
		f := setup(t, exchange.Options{})
		session := f.SignIn("jane@example.com")
		f.Fail(clerktest.Fault{Path: tokens, Body: jwtOf(`{"exp":1e300}`)})
		for range 2 {
			_, err := f.Exchanger.Token(t.Context(), f.db(session))
			require.NoError(t, err)
		}
		assert.Equal(t, 1, f.fetches())
	})
}

func TestAnotherVersionIsAnotherToken(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{})
	session := f.SignIn("jane@example.com")
	seen := map[string]bool{}
	for _, version := range []string{"", "org_1", "org_2", "org_1"} {
		key := f.db(session)
		key.Version = version
		raw, err := f.Exchanger.Token(t.Context(), key)
		require.NoError(t, err)
		seen[raw] = true
	}
	assert.Len(t, seen, 3)
	assert.Equal(t, 3, f.fetches())
}

// A shared call whose key is made of several parts must not meet another one, or one
// user gets the other's token.
func TestCVE_2026_71326_UsersNeverCross(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{Size: 64}) // smaller than the crowd, so that fetches go on
	sessions := make([]*clerktest.Session, 100)
	for i := range sessions {
		sessions[i] = f.SignIn([]string{"jane@example.com", "john@example.com"}[i%2])
	}
	var all sync.WaitGroup
	for worker := range 20 {
		all.Go(func() {
			for i := range 100 {
				session := sessions[(worker*7+i)%len(sessions)]
				raw, err := f.Exchanger.Token(t.Context(), f.db(session))
				if assert.NoError(t, err) {
					assert.Equal(t, session.UserID, subject(t, raw))
				}
			}
		})
	}
	all.Wait()
	assert.LessOrEqual(t, f.Len(), 64)
}

func TestAWaiterLeavesAndTheCallGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, exchange.Options{})
		f.hold = make(chan struct{})
		session := f.SignIn("jane@example.com")
		first, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := f.Exchanger.Token(first, f.db(session))
			left <- err
		}()
		synctest.Wait()
		stayed := make(chan error, 1)
		go func() {
			_, err := f.Exchanger.Token(t.Context(), f.db(session))
			stayed <- err
		}()
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		close(f.hold)
		require.NoError(t, <-stayed)
		assert.Equal(t, 1, f.fetches())
	})
}

func TestIDsAreCheckedBeforeTheyEnterAURL(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{})
	good := f.SignIn("jane@example.com").ID
	for _, bad := range []string{
		"", "sess_", "sess", "user_1", good + "/../x", good + "%2f", "sess_..", "sess_a b", "sess_a\n", "SESS_1", "sess_é",
		"sess_" + strings.Repeat("a", 128),
	} {
		_, err := f.Exchanger.Token(t.Context(), exchange.Key{SessionID: bad, Template: "db"})
		require.ErrorIs(t, err, exchange.ErrNotFound, "%q", bad)
	}
	for _, bad := range []string{"", ".", "..", "-", "_x", "a/b", "a%2fb", "a b", "a?b", "a\x00", "é", strings.Repeat("a", 129)} {
		assert.False(t, exchange.ValidTemplate(bad), "%q", bad)
		_, err := f.Exchanger.Token(t.Context(), exchange.Key{SessionID: good, Template: bad})
		require.ErrorIs(t, err, exchange.ErrNotFound, "%q", bad)
	}
	_, err := f.Exchanger.Token(t.Context(), exchange.Key{SessionID: good, Template: "db", Version: strings.Repeat("v", 257)})
	require.Error(t, err)
	assert.Empty(t, f.Calls())
	assert.Zero(t, f.Len())
	for _, fine := range []string{"db", "integration_firebase", "my-template", "v1.2", "A", "0"} {
		assert.True(t, exchange.ValidTemplate(fine), fine)
	}
}

func TestOptionsNameEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := exchange.New(exchange.Options{Size: -1, Timeout: -1})
	for _, want := range []string{"no client", "size", "timeout"} {
		require.ErrorContains(t, err, want)
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	f := setup(t, exchange.Options{})
	key := f.db(f.SignIn("jane@example.com"))
	_, err := f.Exchanger.Token(t.Context(), key)
	require.NoError(t, err)
	f.ResetCalls()
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := f.Exchanger.Token(ctx, key); err != nil {
			t.Error(err)
		}
	}))
	assert.Empty(t, f.Calls())
}

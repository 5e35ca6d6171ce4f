package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newPooled makes a transport for an upstream that answers everything, with a clock
// that the test moves. No sweep runs but those that the test asks for.
func newPooled(t *testing.T, opts Options) (tr *Transport, clock *time.Time) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				for br := bufio.NewReader(c); ; {
					if _, err := http.ReadRequest(br); err != nil {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			})
		}
	})
	clock = new(time.Time)
	*clock = time.Unix(1_700_000_000, 0)
	opts.Dial = func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
	opts.Now = func() time.Time { return *clock }
	tr = New(opts)
	tr.pool.ticking = true
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		l.Close()
		serving.Wait()
	})
	return tr, clock
}

// open sends n requests and leaves their bodies unread.
func open(t *testing.T, tr *Transport, n int) (bodies []io.ReadCloser) {
	t.Helper()
	for range n {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://upstream/", nil)
		require.NoError(t, err)
		res, err := tr.RoundTrip(req)
		require.NoError(t, err)
		bodies = append(bodies, res.Body)
	}
	return bodies
}

func read(t *testing.T, bodies []io.ReadCloser) {
	t.Helper()
	for _, body := range bodies {
		_, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
	}
}

func TestMaxIdle(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{2: 2, -1: 0, 0: 5} {
		tr, _ := newPooled(t, Options{MaxIdle: limit})
		read(t, open(t, tr, 5))
		assert.LessOrEqual(t, len(tr.pool.idle), want)
		bodies := open(t, tr, 5)
		read(t, bodies)
		assert.Len(t, tr.pool.idle, want)
		assert.Nil(t, tr.pool.first, "none is in use")
	}
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	tr, clock := newPooled(t, Options{IdleTimeout: time.Minute})
	read(t, open(t, tr, 3)) // one after the other, on three connections
	tr.pool.sweep()         // notices them
	require.Len(t, tr.pool.idle, 3)
	*clock = clock.Add(40 * time.Second)
	read(t, open(t, tr, 1)) // the last one
	tr.pool.sweep()
	require.Len(t, tr.pool.idle, 3)
	*clock = clock.Add(20 * time.Second)
	tr.pool.sweep()
	require.Len(t, tr.pool.idle, 1, "two have been idle for a minute")
	*clock = clock.Add(40 * time.Second)
	tr.pool.sweep()
	assert.Empty(t, tr.pool.idle)
}

// A name that has come to stand for another address is looked up again, however busy
// the connections are.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	tr, clock := newPooled(t, Options{MaxAge: time.Minute, IdleTimeout: -1})
	busy := open(t, tr, 1)
	read(t, open(t, tr, 1))
	tr.pool.sweep()
	require.Len(t, tr.pool.idle, 1)
	assert.Equal(t, clock.Add(time.Minute), tr.pool.nextEnd())
	*clock = clock.Add(40 * time.Second)
	read(t, open(t, tr, 2)) // the idle one, and a new one
	tr.pool.sweep()
	*clock = clock.Add(20 * time.Second)
	tr.pool.sweep()
	for _, c := range tr.pool.idle {
		assert.Less(t, clock.Sub(c.born), time.Minute)
	}
	idle := len(tr.pool.idle)
	read(t, busy)
	assert.Len(t, tr.pool.idle, idle, "one in use is closed when it becomes idle")
}

func TestIdleConnectionsMayStayWithoutEnd(t *testing.T) {
	t.Parallel()
	tr, clock := newPooled(t, Options{IdleTimeout: -1})
	read(t, open(t, tr, 1))
	tr.pool.sweep()
	*clock = clock.Add(1000 * time.Hour)
	tr.pool.sweep()
	assert.Len(t, tr.pool.idle, 1)
}

func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	tr, _ := newPooled(t, Options{})
	bodies := open(t, tr, 2)
	read(t, bodies[:1])
	require.Len(t, tr.pool.idle, 1)
	tr.CloseIdleConnections()
	assert.Empty(t, tr.pool.idle)
	read(t, bodies[1:])
	assert.Empty(t, tr.pool.idle, "those in use are closed later")
	read(t, open(t, tr, 1))
	assert.Len(t, tr.pool.idle, 1, "a request ends that")
}

// A request gets its callback when a second sweep finds it, and loses it at its end.
func TestArming(t *testing.T) {
	t.Parallel()
	tr, _ := newPooled(t, Options{ResponseHeaderTimeout: time.Hour})
	bodies := open(t, tr, 1)
	c := tr.pool.first
	require.NotNil(t, c)
	tr.pool.sweep()
	assert.False(t, c.watch.armed)
	tr.pool.sweep()
	assert.True(t, c.watch.armed)
	assert.NotNil(t, c.watch.stop)
	assert.Nil(t, tr.pool.first, "no sweep looks at it again")
	read(t, bodies)
	assert.False(t, c.watch.armed)
	assert.False(t, c.watch.limited)
	assert.Nil(t, c.watch.ctx)

	c.cut(c.watch.turn, io.ErrClosedPipe) // a callback that comes too late
	require.NoError(t, c.watch.cause)
	open(t, tr, 1)
	c.cut(c.watch.turn-1, io.ErrClosedPipe)
	require.NoError(t, c.watch.cause)
	c.cut(c.watch.turn, io.ErrClosedPipe)
	require.ErrorIs(t, c.watch.cause, io.ErrClosedPipe)
}

// A buffer that a large header made grow does not stay large.
func TestBufferShrinks(t *testing.T) {
	t.Parallel()
	tr, _ := newPooled(t, Options{})
	bodies := open(t, tr, 1)
	c := tr.pool.first
	c.in = append(c.in, make([]byte, 100_000)...)
	read(t, bodies)
	assert.Len(t, c.in, bufferSize)
}

func TestNewNeedsDial(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { New(Options{}) })
}

// An upstream that says how long it keeps idle connections resets what comes later,
// and a POST that meets the reset cannot be sent again.
func TestKeepAliveHint(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hint   string
		reused time.Duration // the longest that the connection is used after
		never  bool
	}{
		"node":             {hint: "timeout=5", reused: 4*time.Second - 1},
		"apache":           {hint: "timeout=5, max=100", reused: 4*time.Second - 1},
		"one second":       {hint: "timeout=1", reused: time.Second/2 - 1},
		"capitals, spaces": {hint: "max=3 , Timeout = 5", reused: 4*time.Second - 1},
		"none at all":      {hint: "timeout=0", never: true},
		"longer than ours": {hint: "timeout=7200", reused: time.Minute - 1},
		"no number":        {hint: "timeout=soon", reused: time.Minute - 1},
		"too large":        {hint: "timeout=99999999999999999999", reused: time.Minute - 1},
		"something else":   {hint: "max=3", reused: time.Minute - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &conn{}
			kept := c.heedKeepAlive(http.Header{"Keep-Alive": {tc.hint}})
			require.Equal(t, !tc.never, kept)
			if tc.never {
				return
			}
			now := time.Unix(1_700_000_000, 0)
			p := &pool{maxIdle: 1, idleTimeout: time.Minute, now: func() time.Time { return now }, ticking: true}
			for _, again := range []bool{true, false} {
				c.nc, _ = net.Pipe()
				p.put(c)
				p.expiredLocked() // as a sweep does
				now = now.Add(tc.reused)
				if !again {
					now = now.Add(1)
				}
				closeAll(p.expiredLocked())
				got, outlived := p.take(false)
				if again {
					require.Same(t, c, got)
					require.Empty(t, outlived)
					continue
				}
				assert.Nil(t, got)
			}
		})
	}
}

// Without a sweep in time, the hint is looked at before the connection is used.
func TestKeepAliveHintIsHeededBeforeUse(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	p := &pool{maxIdle: 2, idleTimeout: time.Minute, now: func() time.Time { return now }, ticking: true}
	hinted, other := &conn{keepFor: time.Second}, &conn{}
	p.put(other)
	p.put(hinted)
	now = now.Add(2 * time.Second)
	got, outlived := p.take(false)
	assert.Same(t, other, got)
	assert.Equal(t, []*conn{hinted}, outlived)
}

package serve

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// A flood is an HTTP/2 client that sends what costs it little and a server much. It goes on
// until the server closes the connection, or until everything is sent.
type flood func(f *frames) error

func floods() map[string]flood {
	return map[string]flood{
		"rapid reset (CVE-2023-39325)": func(f *frames) error {
			for i := range uint32(20_000) {
				if err := f.tryRequest(2*i+1, "GET", "/wait", true); err != nil {
					return err
				}
				if err := f.WriteRSTStream(2*i+1, http2.ErrCodeCancel); err != nil {
					return err
				}
			}
			return nil
		},
		"CONTINUATION (CVE-2023-45288)": func(f *frames) error {
			field := f.fields("GET", "/")
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: field, EndStream: true}); err != nil {
				return err
			}
			filler := f.fields("GET", "/", "x-filler", strings.Repeat("x", 4000))
			for range 20_000 {
				if err := f.WriteContinuation(1, false, filler); err != nil {
					return err
				}
			}
			return nil
		},
		"SETTINGS, answers unread": func(f *frames) error {
			for range 50_000 {
				if err := f.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0}); err != nil {
					return err
				}
			}
			return nil
		},
		"PING, answers unread": func(f *frames) error {
			for range 200_000 {
				if err := f.WritePing(false, [8]byte{}); err != nil {
					return err
				}
			}
			return nil
		},
		"empty DATA": func(f *frames) error {
			if err := f.tryRequest(1, "POST", "/wait", false); err != nil {
				return err
			}
			for range 50_000 {
				if err := f.WriteData(1, false, nil); err != nil {
					return err
				}
			}
			return nil
		},
		"cookie crumbs": func(f *frames) error {
			headers := make([]string, 0, 20_000)
			for range 10_000 {
				headers = append(headers, "cookie", "a=b")
			}
			for i := range uint32(20) {
				if err := f.splitRequest(2*i+1, f.fields("GET", "/", headers...)); err != nil {
					return err
				}
			}
			return nil
		},
		"header bomb: a large field, named again and again": func(f *frames) error {
			headers := []string{"x-bomb", strings.Repeat("x", 3900)}
			for range 2000 {
				headers = append(headers, headers[0], headers[1]) // one byte each, by the dynamic table
			}
			for i := range uint32(50) {
				if err := f.splitRequest(2*i+1, f.fields("GET", "/", headers...)); err != nil {
					return err
				}
			}
			return nil
		},
		"more streams than allowed": func(f *frames) error {
			for i := range uint32(5_000) {
				if err := f.tryRequest(2*i+1, "GET", "/wait", true); err != nil {
					return err
				}
			}
			return nil
		},
		"window of nothing, many large answers": func(f *frames) error {
			if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
				return err
			}
			for i := range uint32(200) {
				if err := f.tryRequest(2*i+1, "GET", "/large", true); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// splitRequest sends a header block in as many frames as it needs.
func (f *frames) splitRequest(stream uint32, block []byte) error {
	const most = 16 << 10
	first := block[:min(most, len(block))]
	rest := block[len(first):]
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndStream: true, EndHeaders: len(rest) == 0})
	for err == nil && len(rest) > 0 {
		next := rest[:min(most, len(rest))]
		rest = rest[len(next):]
		err = f.WriteContinuation(stream, len(rest) == 0, next)
	}
	return err
}

// CVE-2021-39162, CVE-2023-39325, CVE-2023-45288 and others: during and after each flood
// other clients are served, and its memory is released.
func TestHTTP2Floods(t *testing.T) {
	var flooded []*running
	for name, flood := range floods() {
		release := make(chan struct{})
		atOnce, large := &gauge{}, make([]byte, 1<<20)
		r := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/wait":
				atOnce.add(1)
				select {
				case <-r.Context().Done():
				case <-release:
				}
				atOnce.add(-1)
			case "/large":
				_, _ = w.Write(large)
			}
		}), func(o *Options) { o.H2C, o.Limits.MaxStreams = true, 100 })
		flooded = append(flooded, r)
		t.Run(name, func(t *testing.T) {
			before := heap()

			conn := r.dial(t)
			f := speakHTTP2(t, conn)
			if strings.Contains(name, "unread") {
				_ = conn.(*net.TCPConn).SetReadBuffer(1)
			}
			flooding := make(chan error, 1)
			go func() { flooding <- flood(f) }()
			for done := false; !done; {
				select {
				case <-flooding:
					done = true
				default:
				}
				assert.Equal(t, http.StatusOK, r.get(t, false).StatusCode)
			}
			assert.LessOrEqual(t, atOnce.most(), 100, "no more at a time than MAX_CONCURRENT_STREAMS")
			assert.Less(t, heap()-before, int64(64<<20))
			close(release)
			require.NoError(t, conn.Close())
			assert.Equal(t, http.StatusOK, r.get(t, true).StatusCode)
		})
	}
	for _, r := range flooded { // all shutdowns at the same time, since each takes a while
		r.stop()
	}
	for _, r := range flooded {
		require.NoError(t, <-r.done)
	}
}

// heap is what is in use once garbage is gone.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A header that is too large gets 431, or ends its connection, but never reaches the handler.
func TestHTTP2HeaderLimit(t *testing.T) {
	t.Parallel()
	reached := false
	r := run(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), func(o *Options) {
		o.H2C, o.Limits.MaxHeaderBytes = true, 8<<10
	})
	conn := r.dial(t)
	f := speakHTTP2(t, conn)
	require.NoError(t, f.splitRequest(1, f.fields("GET", "/", "x-large", strings.Repeat("x", 9<<10))))
	assert.Contains(t, []string{"431", ""}, f.status(1))
	assert.False(t, reached)
	r.stop()
	require.NoError(t, <-r.done)
}

// GOAWAY tells clients of HTTP/2 to go elsewhere; what they have begun ends well.
func TestShutdownFinishesStreams(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	r := run(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "finished")
	}), func(o *Options) { o.H2C = true })
	conn := r.dial(t)
	f := speakHTTP2(t, conn)
	f.request(t, 1, "GET", "/", true)
	<-entered
	r.stop()
	goAway, ok := f.until(func(e frameEvent) bool { return e.kind == http2.FrameGoAway })
	require.True(t, ok)
	assert.Equal(t, http2.ErrCodeNo, goAway.code)
	close(release)
	answer, ok := f.until(func(e frameEvent) bool { return e.stream == 1 && e.status != "" })
	require.True(t, ok)
	assert.Equal(t, "200", answer.status)
	_, ok = f.until(func(e frameEvent) bool { return e.stream == 1 && e.end })
	assert.True(t, ok)
	require.NoError(t, <-r.done)
}

// gauge remembers how high it stood.
type gauge struct {
	mu        sync.Mutex
	now, high int
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.high = max(g.high, g.now)
}

func (g *gauge) most() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.high
}

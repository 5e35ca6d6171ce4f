package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// heap is what is in use once garbage is gone.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// hostile is an upstream that speaks HTTP/2 as it likes. play gets each connection
// once the client's preface has been read.
func hostile(t testing.TB, play func(*http2.Framer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var playing sync.WaitGroup
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		close(ended)
		playing.Wait()
	})
	playing.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			playing.Go(func() { <-ended; _ = conn.Close() }) // whatever the client makes of it
			playing.Go(func() {
				defer conn.Close()
				if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
					return
				}
				play(http2.NewFramer(conn, conn))
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	return "http://" + l.Addr().String()
}

// CVE-2026-33814 and kin: an upstream that breaks the protocol gives a 502, and
// hangs nothing.
func TestHostileHTTP2Upstream(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(*http2.Framer){
		"MAX_FRAME_SIZE of 0":    func(f *http2.Framer) { _ = f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0}) },
		"MAX_FRAME_SIZE of 1":    func(f *http2.Framer) { _ = f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1}) },
		"MAX_FRAME_SIZE of 2^24": func(f *http2.Framer) { _ = f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 24}) },
		"window beyond 2^31": func(f *http2.Framer) {
			_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		},
		"no settings first":          func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{}) },
		"data for a stream unopened": func(f *http2.Framer) { _ = f.WriteSettings(); _ = f.WriteData(99, true, []byte("x")) },
		"window update by 0": func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, make([]byte, 4))
		},
		"broken header block": func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true})
		},
		"GOAWAY before anything": func(f *http2.Framer) { _ = f.WriteSettings(); _ = f.WriteGoAway(0, http2.ErrCodeInternal, nil) },
		"CONTINUATION without end": func(f *http2.Framer) {
			_ = f.WriteSettings()
			if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}}) != nil {
				return
			}
			for f.WriteContinuation(1, false, []byte(strings.Repeat("\x00\x01x\x01y", 1000))) == nil {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &received{}, func(c *settings.Config) {
				optional(c)
				upstreamAt(t, c, hostile(t, play))
				c.UpstreamSettings.Protocol = "h2c"
			})
			r := httptest.NewRequest(http.MethodPost, s.URL+"/", strings.NewReader(strings.Repeat("x", 100_000)))
			r.RequestURI = ""
			res, body := send(t, r)
			assert.Equal(t, http.StatusBadGateway, res.StatusCode)
			assert.Contains(t, body, "upstream_unavailable")
		})
	}
}

// upstreamAt points a configuration elsewhere.
func upstreamAt(t testing.TB, c *settings.Config, address string) {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	c.Upstream = target
}

package hardening

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// heap returns the heap in use after garbage collection.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// allocated returns the bytes allocated so far, which include those that have been freed.
func allocated() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}

// CVE-2025-58186 (cookies), CVE-2025-61726 (query parameters): a flood of either is
// refused, or passed on unchanged, and does not retain memory.
func TestCVE_2025_58186_CVE_2025_61726_Floods(t *testing.T) { // alone, since it measures memory
	g := start(t, setup{env: map[string]string{"CLERKGATE_POLICY": "optional"}})
	floods := map[string]struct {
		line string
		want int
	}{
		"10 000 cookies":          {"GET / HTTP/1.1\r\nCookie: " + strings.Repeat("a=b; ", 10_000), 431},
		"10 000 cookies, short":   {"GET / HTTP/1.1\r\nCookie: " + strings.Repeat("a;", 10_000), 431},
		"cookies on many lines":   {"GET / HTTP/1.1" + strings.Repeat("\r\nCookie: a=b; c=d; e=f", 200), 431},
		"300 headers":             {"GET / HTTP/1.1" + strings.Repeat("\r\nX-A: b", 300), 431},
		"one large header":        {"GET / HTTP/1.1\r\nX-A: " + strings.Repeat("b", 80<<10), 431},
		"a header without end":    {"GET / HTTP/1.1\r\nX-A: " + strings.Repeat("b", 4<<20), 431},
		"a name without end":      {"GET / HTTP/1.1\r\n" + strings.Repeat("b", 4<<20), 431},
		"a target without end":    {"GET /" + strings.Repeat("b", 4<<20), 431},
		"20 000 parameters":       {"GET /?" + strings.Repeat("&a", 20_000) + " HTTP/1.1", 200},
		"20 000 semicolons":       {"GET /?" + strings.Repeat(";a", 20_000) + " HTTP/1.1", 200},
		"20 000 segments":         {"GET " + strings.Repeat("/a", 20_000) + " HTTP/1.1", 200},
		"200 cookies, as allowed": {"GET / HTTP/1.1\r\nCookie: " + strings.Repeat("a=b; ", 200), 200},
	}
	before := heap()
	for name, c := range floods {
		answers, _ := kit.Replay(g.dial(t), c.line+"\r\nHost: "+appHost+"\r\nConnection: close\r\n\r\n")
		if assert.NotEmpty(t, answers, name) {
			assert.Equal(t, c.want, answers[0].StatusCode, name)
		}
		passed := len(g.app.take())
		assert.Equal(t, c.want == 200, passed == 1, name)
	}
	assert.Less(t, heap()-before, int64(32<<20))
}

// CVE-2026-26998: endless responses of Clerk or an upstream are read up to a limit, or
// passed on without being stored.
func TestCVE_2026_26998_EndlessAnswers(t *testing.T) { // alone, since it measures memory
	endless := func(head string, unit string) (net.Listener, func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_ = conn.SetDeadline(time.Now().Add(kit.Patience))
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, err = io.WriteString(conn, head)
				text := strings.Repeat(unit, 32<<10/len(unit))
				for sent := 0; err == nil && sent < 96<<20; sent += len(text) { // enough to be seen
					_, err = io.WriteString(conn, text)
				}
				_ = conn.Close()
			}
		}()
		return l, func() { _ = l.Close(); <-done }
	}
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, kind := range map[string]struct{ head, unit string }{
		"body":         {ok + "\r\n{\"keys\":[", `{"kty":"RSA"},`},
		"white space":  {ok + "\r\n", " "},
		"one string":   {ok + "\r\n\"", "x"},
		"nesting":      {ok + "\r\n", "["},
		"header":       {ok, "X-A: b\r\n"},
		"header line":  {ok + "X-A: ", "b"},
		"status line":  {"HTTP/1.1 200 ", "x"},
		"1xx":          {"", "HTTP/1.1 103 Early Hints\r\n\r\n"},
		"chunk header": {ok + "Transfer-Encoding: chunked\r\n\r\n1;", "x"},
		"trailers":     {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-A: b\r\n"},
	} {
		l, stop := endless(kind.head, kind.unit)
		for _, direct := range []bool{false, true} {
			// From the Backend API: nothing can be verified.
			api := start(t, setup{env: map[string]string{"CLERK_JWT_KEY": "", "CLERK_API_URL": "http://" + l.Addr().String(), "CLERKGATE_ACCEPTS_TOKEN": "any"}, direct: direct})
			session := api.clerk.SignIn(jane)
			before := allocated()
			if !direct {
				assert.GreaterOrEqual(t, api.get(t, "/", api.bearer(session.ID)).StatusCode, 400, name)
				assert.GreaterOrEqual(t, api.get(t, "/", "Authorization: Bearer ak_x").StatusCode, 400, name)
			}
			assert.Less(t, allocated()-before, int64(64<<20), "%s: Clerk", name)
			api.stop()
			// From the upstream: a body is passed on, everything else is limited.
			app := start(t, setup{env: map[string]string{"CLERKGATE_POLICY": "optional", "CLERKGATE_UPSTREAM": "http://" + l.Addr().String(), "CLERKGATE_UPSTREAM_TIMEOUT": "3s"}, direct: direct})
			before = allocated()
			conn := app.dial(t)
			_, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", appHost)
			require.NoError(t, err)
			_, _ = io.CopyN(io.Discard, conn, 8<<20)
			assert.Less(t, allocated()-before, int64(64<<20), "%s: upstream, direct %t", name, direct)
			_ = conn.Close()
			app.stop()
		}
		stop()
	}
}

// CVE-2026-33814: an upstream that violates HTTP/2 in its settings causes no more than one
// failed request, and does not hang the proxy.
func TestCVE_2026_33814_HostileHTTP2Upstream(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]http2.Setting{
		"frame size 0":       {{ID: http2.SettingMaxFrameSize, Val: 0}},
		"frame size 1":       {{ID: http2.SettingMaxFrameSize, Val: 1}},
		"frame size max":     {{ID: http2.SettingMaxFrameSize, Val: 1<<32 - 1}},
		"window overflow":    {{ID: http2.SettingInitialWindowSize, Val: 1<<32 - 1}},
		"no window":          {{ID: http2.SettingInitialWindowSize, Val: 0}},
		"no streams":         {{ID: http2.SettingMaxConcurrentStreams, Val: 0}},
		"no header table":    {{ID: http2.SettingHeaderTableSize, Val: 0}},
		"header list size 1": {{ID: http2.SettingMaxHeaderListSize, Val: 1}},
		"push by a server":   {{ID: http2.SettingEnablePush, Val: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_ = conn.SetDeadline(time.Now().Add(kit.Patience))
					_, _ = io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
					f := http2.NewFramer(conn, conn)
					f.AllowIllegalWrites = true
					_ = f.WriteSettings(settings...)
					for err == nil {
						_, err = f.ReadFrame()
					}
					_ = conn.Close()
				}
			}()
			g := start(t, setup{env: map[string]string{
				"CLERKGATE_POLICY": "optional", "CLERKGATE_UPSTREAM": "http://" + l.Addr().String(), "CLERKGATE_UPSTREAM_PROTOCOL": "h2c", "CLERKGATE_UPSTREAM_TIMEOUT": "300ms",
			}})
			for _, body := range []string{"", "abc"} {
				if name == "no window" && body != "" {
					continue // it waits for as long as the upstream holds the connection
				}
				answers, err := kit.Replay(g.dial(t), fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", appHost, len(body), body))
				if assert.Len(t, answers, 1, "%v", err) {
					assert.Contains(t, []int{502, 504}, answers[0].StatusCode)
				}
			}
			g.stop()
			require.NoError(t, l.Close())
			<-done
		})
	}
}

// CVE-2021-36221: clients that disconnect at any moment harm nobody else, and cause no
// data race.
func TestCVE_2021_36221_ClientsThatGoAway(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{direct: direct, env: map[string]string{"CLERKGATE_POLICY": "optional"}})
		text := "POST /x HTTP/1.1\r\nHost: " + appHost + "\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n" + strings.Repeat("a\r\n0123456789\r\n", 20) + "0\r\nX-End: 1\r\n\r\n"
		for i := 0; i <= len(text); i += 7 {
			conn := g.dial(t)
			_, err := io.WriteString(conn, text[:i])
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
		answers := g.raw(t, strings.Replace(text, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
		require.Len(t, answers, 1)
		assert.Equal(t, 200, answers[0].StatusCode)
		g.stop()
		for _, got := range g.app.take() { // of those that came whole
			assert.Equal(t, strings.Repeat("0123456789", 20), got.Body)
		}
	}
}

package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// streamingApp is an application that streams in every way.
func streamingApp(t testing.TB, events <-chan string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		assert.NoError(t, http.NewResponseController(w).Flush())
		for event := range events {
			if event == "" {
				return
			}
			_, _ = io.WriteString(w, event)
			assert.NoError(t, http.NewResponseController(w).Flush())
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, http.NewResponseController(w).EnableFullDuplex())
		w.WriteHeader(http.StatusOK)
		assert.NoError(t, http.NewResponseController(w).Flush())
		for lines := bufio.NewReader(r.Body); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				assert.Equal(t, io.EOF, err)
				return
			}
			_, _ = io.WriteString(w, line)
			assert.NoError(t, http.NewResponseController(w).Flush())
		}
	})
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		assert.NoError(t, err)
		_, _ = fmt.Fprintf(w, "%d bytes", n)
	})
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/version", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.ProtoMajor) })
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		defer c.CloseNow()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if c.Write(r.Context(), kind, append([]byte(r.Header.Get("X-Clerk-User-Id")+": "), message...)) != nil {
				return
			}
		}
	})
	return mux
}

// TestStreaming asks for every way to stream, through every way in and out.
func TestStreaming(t *testing.T) {
	t.Parallel()
	for _, kind := range upstreamKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			events := make(chan string)
			change := kind.serve(t, streamingApp(t, events))
			r := run(t, http.NotFoundHandler(), func(c *settings.Config) { change(c); c.H2C = true; productionInstance(t, c) })
			address := "http://" + r.Public.String()
			for version, client := range clientKinds(t) {
				t.Run(version, func(t *testing.T) {
					t.Run("version", func(t *testing.T) {
						_, body := ask(t, client, http.MethodGet, address+"/version", nil)
						assert.Equal(t, fmt.Sprint(kind.major), body)
					})
					t.Run("events", func(t *testing.T) { eventsArriveAtOnce(t, client, address, events) })
					t.Run("both ways", func(t *testing.T) { linesComeBack(t, client, address) })
				})
			}
			t.Run("100-continue", func(t *testing.T) { continueIsTheUpstreams(t, r.Public.String()) })
			t.Run("WebSocket", func(t *testing.T) { webSocketEchoes(t, address) })
			r.stop()
			require.NoError(t, <-r.done)
		})
	}
}

// productionInstance gives a Config the keys that [sessionToken] is signed for.
func productionInstance(t testing.TB, c *settings.Config) {
	c.Auth.PublishableKey, c.Auth.SecretKey = kit.PublishableKey("live", "clerk.example.com"), "sk_live_planted0secret"
	c.Auth.JWTKey = testPEM(t)
}

func ask(t testing.TB, client *http.Client, method, url string, body io.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+sessionToken(t, nil))
	res, err := client.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(got)
}

func begin(t testing.TB, client *http.Client, method, url string, body io.Reader) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+sessionToken(t, nil))
	res, err := client.Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	return res
}

func eventsArriveAtOnce(t *testing.T, client *http.Client, address string, events chan<- string) {
	res := begin(t, client, http.MethodGet, address+"/events", nil)
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i := range 3 {
		want := fmt.Sprintf("data: %d\n", i)
		events <- want
		got, err := lines.ReadString('\n') // before the next one is made
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	events <- ""
	_, err := lines.ReadByte()
	assert.Equal(t, io.EOF, err)
}

func linesComeBack(t *testing.T, client *http.Client, address string) {
	body, write := io.Pipe()
	res := begin(t, client, http.MethodPost, address+"/echo", body) // the header is here, the body is not
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i := range 3 {
		want := fmt.Sprintln("line", i)
		_, err := io.WriteString(write, want)
		require.NoError(t, err)
		got, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	require.NoError(t, write.Close())
	_, err := lines.ReadByte()
	assert.Equal(t, io.EOF, err)
}

// A body is never held whole: large bodies go up and come down within what two hops
// of HTTP/2 may have under way, 4 MiB for each stream and direction, with the
// client's and the application's own buffers.
const (
	largeBody  = 48 << 20
	heldAtMost = 24 << 20
)

// TestLargeBodies runs alone: the heap is everybody's.
func TestLargeBodies(t *testing.T) { //nolint:paralleltest // it measures the heap
	if testing.Short() {
		t.Skip("not run with -short: it takes seconds, and all others wait")
	}
	for _, kind := range upstreamKinds() {
		if kind.name != "http1, direct" && kind.name != "unix" && kind.name != "TLS" {
			continue // the same code as one of these, and each takes a second
		}
		change := kind.serve(t, largeBodiesApp(t))
		r := run(t, http.NotFoundHandler(), func(c *settings.Config) { change(c); c.H2C = true; productionInstance(t, c) })
		for version, client := range clientKinds(t) {
			t.Run(kind.name+", "+version, func(t *testing.T) { largeBodiesPass(t, client, "http://"+r.Public.String()) })
		}
		r.stop()
		require.NoError(t, <-r.done)
	}
}

// largeBodiesApp reads a large body, and answers with one.
func largeBodiesApp(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		start, count := heap(), int64(0)
		for {
			n, err := io.CopyN(io.Discard, r.Body, 4<<20)
			count += n
			if grown := heap() - start; grown > heldAtMost {
				t.Errorf("%d bytes are held in memory after %d were read", grown, count)
			}
			if err != nil {
				assert.Equal(t, io.EOF, err)
				break
			}
		}
		w.Header().Set("X-Count", fmt.Sprint(count))
		for range largeBody / (4 << 20) {
			_, _ = w.Write(make([]byte, 4<<20))
		}
	})
	return mux
}

func largeBodiesPass(t *testing.T, client *http.Client, address string) {
	const size = largeBody
	res := begin(t, client, http.MethodPost, address+"/large", io.LimitReader(zeros{}, size))
	defer res.Body.Close()
	assert.Equal(t, fmt.Sprint(size), res.Header.Get("X-Count"))
	start := heap()
	n, err := io.CopyN(io.Discard, res.Body, size/2)
	require.NoError(t, err)
	assert.Less(t, heap()-start, int64(heldAtMost))
	rest, err := io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	assert.Equal(t, int64(size), n+rest)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The upstream decides whether a body is worth sending, and its answer without one
// is final.
func continueIsTheUpstreams(t *testing.T, address string) {
	for path, want := range map[string]string{"/upload": "HTTP/1.1 100 Continue\r\n", "/refuse": "HTTP/1.1 418 I'm a teapot\r\n"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: app.example.com\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: 6\r\nConnection: close\r\n\r\n",
			path, sessionToken(t, nil))
		require.NoError(t, err)
		r := bufio.NewReader(conn)
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, want, line, path)
		if path == "/upload" {
			_, err = io.WriteString(conn, "abcdef")
			require.NoError(t, err)
			rest, err := io.ReadAll(r)
			require.NoError(t, err)
			assert.Contains(t, string(rest), "HTTP/1.1 200 OK")
			assert.Contains(t, string(rest), "6 bytes")
		}
	}
}

func webSocketEchoes(t *testing.T, address string) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, res, err := websocket.Dial(ctx, address+"/ws", nil)
	require.Error(t, err, "signed out")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)

	c, _, err := websocket.Dial(ctx, address+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + sessionToken(t, nil)}},
	})
	require.NoError(t, err)
	defer c.CloseNow()
	for _, message := range [][]byte{[]byte("hello"), bytes.Repeat([]byte("x"), 20_000)} {
		require.NoError(t, c.Write(ctx, websocket.MessageText, message))
		_, got, err := c.Read(ctx)
		require.NoError(t, err)
		assert.Equal(t, "user_jane: "+string(message), string(got))
	}
	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
}

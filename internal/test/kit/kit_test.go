package kit_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestBufferTellsWhatWasWritten(t *testing.T) {
	t.Parallel()
	var log kit.Buffer
	go func() {
		_, _ = io.WriteString(&log, "began; ")
		_, _ = io.WriteString(&log, "ended")
	}()
	log.Await(t, "; ended")
	assert.Equal(t, "began; ended", log.String())
}

func TestBrowserKeepsCookiesAndFollows(t *testing.T) {
	t.Parallel()
	var seen []*http.Request
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Clone(r.Context()))
		mux.ServeHTTP(w, r)
	}))
	defer server.Close()
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Secure: true, Path: "/"})
		http.Redirect(w, r, "/page", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	origin := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	b := kit.NewBrowser(t)
	b.Header.Set("X-Extra", "1")
	page := b.Submit(origin+"/form", url.Values{"x": {"y"}})
	assert.Equal(t, "hello", page.Text)
	assert.Equal(t, []string{"303 /form", "200 /page"}, b.Trail)
	require.Len(t, seen, 2)
	assert.Equal(t, origin, seen[0].Header.Get("Origin"))
	assert.Empty(t, seen[1].Header.Get("Origin"))
	assert.Equal(t, "a=1", seen[1].Header.Get("Cookie"), "localhost is a secure place")
	assert.Equal(t, "1", seen[1].Header.Get("X-Extra"))
	assert.Equal(t, map[string]string{"a": "1"}, b.Cookies(origin))

	b.Forget(origin, "a")
	assert.Empty(t, b.Cookies(origin))
	assert.Equal(t, http.StatusSeeOther, b.Stay().Submit(origin+"/form", nil).StatusCode)
}

func TestReplayReadsToTheEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	defer server.Close()
	address := server.Listener.Addr().String()
	replies, err := kit.Replay(kit.Dial(t, address),
		"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, replies, 2)
	assert.Equal(t, "/1", replies[0].Text)
	assert.Equal(t, "/2", replies[1].Text)
	assert.Equal(t, "/3", kit.Raw(t, address, "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n").Text)
}

func TestRefusingRefuses(t *testing.T) {
	t.Parallel()
	_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", kit.Refusing(t))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

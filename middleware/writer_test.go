package middleware_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// refreshing is a server whose first request is refreshed, and the request's cookies. app
// gets the server's own writer too.
func refreshing(t *testing.T, app func(w, own http.ResponseWriter, r *http.Request)) (*httptest.Server, []*http.Cookie) {
	t.Helper()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	server := httptest.NewServer(http.HandlerFunc(func(own http.ResponseWriter, r *http.Request) {
		a.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app(w, own, r) })).ServeHTTP(own, r)
	}))
	t.Cleanup(server.Close)
	cookies := clerk.Cookies(clerk.SignIn("jane@example.com").ID, server.URL)
	clerk.Advance(2 * time.Minute)
	return server, cookies
}

func getPage(t *testing.T, server *httptest.Server, cookies []*http.Cookie) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	r.Header.Set("Sec-Fetch-Dest", "document")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// However a response is written, one that a cache may store contains none of Clerk's cookies.
func TestCookiesNeverComeWithoutNoStore(t *testing.T) {
	t.Parallel()
	public := func(w http.ResponseWriter) { w.Header().Set("Cache-Control", "public, max-age=60") }
	for name, c := range map[string]struct {
		app     func(w, own http.ResponseWriter, r *http.Request)
		cookies bool
	}{
		"written":         {func(w, _ http.ResponseWriter, _ *http.Request) { public(w); _, _ = io.WriteString(w, "page") }, true},
		"nothing written": {func(w, _ http.ResponseWriter, _ *http.Request) { public(w) }, true},
		"flushed":         {func(w, _ http.ResponseWriter, _ *http.Request) { public(w); _ = http.NewResponseController(w).Flush() }, true},
		"copied from a file": {func(w, _ http.ResponseWriter, r *http.Request) {
			public(w)
			http.ServeContent(w, r, "page.txt", time.Time{}, strings.NewReader("page"))
		}, true},
		"after early hints": {func(w, _ http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			public(w)
			w.WriteHeader(http.StatusOK)
		}, true},
		"the application replaces all cookies": {func(w, _ http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "theme=dark")
			public(w)
			w.WriteHeader(http.StatusOK)
		}, true},
		// As a framework does that has kept the writer from before Handler. The cookies get
		// lost, which costs another refresh.
		"written past the middleware": {func(_, own http.ResponseWriter, _ *http.Request) { public(own); _, _ = io.WriteString(own, "page") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, cookies := refreshing(t, c.app)
			res := getPage(t, server, cookies)
			require.Equal(t, http.StatusOK, res.StatusCode)
			ours := strings.Contains(strings.Join(res.Header["Set-Cookie"], "\n"), "__session")
			assert.Equal(t, c.cookies, ours, "cookies of ours")
			if ours {
				assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"])
			}
		})
	}
}

// The application's own changes to Clerk's cookies come after the middleware's.
func TestTheApplicationsCookiesCountLast(t *testing.T) {
	t.Parallel()
	server, cookies := refreshing(t, func(w, _ http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__session", Path: "/", MaxAge: -1})
		w.WriteHeader(http.StatusNoContent)
	})
	set := getPage(t, server, cookies).Header["Set-Cookie"]
	require.NotEmpty(t, set)
	assert.Equal(t, "__session=; Path=/; Max-Age=0", set[len(set)-1])
}

// Frameworks expect every writer to do what net/http's own can.
func TestRefreshedAnswersCanBeHijacked(t *testing.T) {
	t.Parallel()
	server, cookies := refreshing(t, func(w, _ http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		res := http.Response{StatusCode: http.StatusTeapot, ProtoMajor: 1, ProtoMinor: 1, Header: w.Header()}
		_ = res.Write(buffered)
		_ = buffered.Flush()
	})
	res := getPage(t, server, cookies)
	assert.Equal(t, http.StatusTeapot, res.StatusCode)
	assert.NotEmpty(t, res.Header["Set-Cookie"], "who writes the header on the connection finds them")
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
}

func TestRefreshedAnswersTellThatTheClientHasGone(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	server, cookies := refreshing(t, func(w, _ http.ResponseWriter, _ *http.Request) {
		//lint:ignore SA1019 Gin asserts it
		notifier, ok := w.(http.CloseNotifier) //nolint:staticcheck // Gin asserts it
		if !assert.True(t, ok) {
			close(gone)
			return
		}
		notified := notifier.CloseNotify()
		_, _ = io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		<-notified
		close(gone)
	})
	res := getPage(t, server, cookies)
	_, _ = bufio.NewReader(res.Body).ReadString('\n')
	_ = res.Body.Close()
	<-gone
}

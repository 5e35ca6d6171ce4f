package frameworks

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// site is an application on a local Clerk, and what jane's browser holds.
type site struct {
	*httptest.Server
	clerk   *clerktest.Server
	user    string
	cookies []*http.Cookie
}

func start(t *testing.T, app func(*middleware.Authenticator) http.Handler) *site {
	t.Helper()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	auth, err := middleware.New(middleware.Options{
		PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now,
	})
	require.NoError(t, err)
	t.Cleanup(auth.Close)
	s := &site{Server: httptest.NewServer(app(auth)), clerk: clerk}
	t.Cleanup(s.Close)
	jane := clerk.SignIn("jane@example.com")
	s.user, s.cookies = jane.UserID, clerk.Cookies(jane.ID, s.URL)
	return s
}

// header is what jane's browser sends for a document, or a script of her page.
func (s *site) header(dest string, cookies []*http.Cookie) http.Header {
	r := http.Request{Header: http.Header{"Sec-Fetch-Dest": {dest}, "Sec-Fetch-Site": {"same-origin"}}}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r.Header
}

func (s *site) get(t *testing.T, path string, header http.Header) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	require.NoError(t, err)
	r.Header = header
	res, err := s.Client().Transport.RoundTrip(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

// sealed checks that an answer has fresh cookies, and may not be stored.
func sealed(t *testing.T, res *http.Response) {
	t.Helper()
	assert.Contains(t, strings.Join(res.Header["Set-Cookie"], "\n"), "__session=")
	assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"])
}

func TestFrameworks(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.ReleaseMode)
	for name, app := range map[string]func(*middleware.Authenticator) http.Handler{"chi": Chi, "gorilla/mux": Mux, "echo": Echo, "Gin": Gin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, app)
			document := func() http.Header { return s.header("document", s.cookies) }

			t.Run("signed out", func(t *testing.T) {
				assert.Equal(t, "welcome", text(t, s.get(t, "/", s.header("document", nil))))
				res := s.get(t, "/account", s.header("document", nil))
				assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
				assert.Contains(t, res.Header.Get("Location"), "/sign-in?redirect_url=")
				res = s.get(t, "/account", s.header("empty", nil))
				assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
				assert.NotContains(t, text(t, res), "hello")
			})
			t.Run("signed in", func(t *testing.T) {
				res := s.get(t, "/account", document())
				assert.Equal(t, "hello "+s.user, text(t, res))
				assert.Empty(t, res.Header["Set-Cookie"])
				assert.Equal(t, "public, max-age=60", s.get(t, "/cached", document()).Header.Get("Cache-Control"), "nothing of ours is in it")
			})
			s.clerk.Advance(2 * time.Minute) // the session token has expired, the session has not
			t.Run("refreshed", func(t *testing.T) {
				res := s.get(t, "/account", document())
				assert.Equal(t, "hello "+s.user, text(t, res))
				sealed(t, res)
				res = s.get(t, "/cached", document())
				assert.Equal(t, http.StatusOK, res.StatusCode)
				sealed(t, res)
			})
			t.Run("stream", func(t *testing.T) {
				res := s.get(t, "/stream", document())
				line, err := bufio.NewReader(res.Body).ReadString('\n')
				require.NoError(t, err)
				assert.Equal(t, "first\n", line, "before the answer has ended")
				sealed(t, res)
			})
			t.Run("WebSocket", func(t *testing.T) {
				header := s.header("websocket", s.cookies)
				header.Set("Origin", s.URL)
				conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/socket", header)
				require.NoError(t, err)
				defer conn.Close()
				_, message, err := conn.ReadMessage()
				require.NoError(t, err)
				assert.Equal(t, "hello "+s.user, string(message))
				sealed(t, res)
			})
		})
	}
}

package frontendapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/frontendapi"
)

// application is a Go application that serves the Frontend API of a local Clerk.
func application(t *testing.T, clerk *clerktest.Server, change func(*frontendapi.Options)) *httptest.Server {
	t.Helper()
	opts := frontendapi.Options{Origin: clerk.URL, Auth: middleware.Options{
		PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now, ProxyURL: "/__clerk",
	}}
	if change != nil {
		change(&opts)
	}
	auth, err := middleware.New(opts.Auth)
	require.NoError(t, err)
	t.Cleanup(auth.Close)
	api, err := frontendapi.New(opts)
	require.NoError(t, err)
	t.Cleanup(api.Close)
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+middleware.FromContext(r.Context()).UserID)
	})
	server := httptest.NewServer(api.Handler(auth.Handler(hello)))
	t.Cleanup(server.Close)
	return server
}

// A browser whose session cookie has gone gets it back through the application's own
// path.
func TestHandshakeThroughTheApplication(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	app := application(t, clerk, nil)
	jane := clerk.SignIn("jane@example.com")
	browser := kit.NewBrowser(t)
	browser.SetCookies(app.URL, clerk.Cookies(jane.ID, app.URL)...)
	browser.Forget(app.URL, "__session")
	reply := browser.Open(app.URL + "/page")
	assert.Equal(t, "hello "+jane.UserID, reply.Text)
	assert.Equal(t, []string{"307 /page", "307 /__clerk/v1/client/handshake", "307 /page", "200 /page"}, browser.Trail)
}

// The path is Clerk's, to the segment; the secret key goes there and is the application's.
func TestWhatGoesToClerk(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	var asked []*http.Request
	app := application(t, clerk, func(o *frontendapi.Options) {
		o.Transport = kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r)
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		})
	})
	for path, want := range map[string]string{"/__clerk/v1/client?a=b": "/v1/client?a=b", "/%5f_clerk/v1": "/v1"} {
		asked = nil
		assert.Equal(t, http.StatusNoContent, kit.Get(t, app.URL+path, "Clerk-Secret-Key", "spoofed").StatusCode, path)
		if assert.Len(t, asked, 1, path) {
			assert.Equal(t, clerk.URL+want, asked[0].URL.String())
			assert.Equal(t, []string{clerk.SecretKey()}, asked[0].Header["Clerk-Secret-Key"])
			assert.Equal(t, app.URL+"/__clerk", asked[0].Header.Get("Clerk-Proxy-Url"))
		}
	}
	asked = nil
	for _, path := range []string{"/", "/__clerkx/v1", "/x/__clerk/v1"} {
		assert.Equal(t, "hello ", kit.Get(t, app.URL+path).Text, path)
	}
	for _, path := range []string{"/__clerk/v1/../../x", "/__clerk//evil.example", "/__clerk/%2e%2e/x"} {
		assert.Equal(t, http.StatusBadRequest, kit.Get(t, app.URL+path).StatusCode, path)
	}
	assert.Empty(t, asked)
}

func TestFailuresAreAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	var log bytes.Buffer
	app := application(t, clerk, func(o *frontendapi.Options) {
		o.Auth.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Transport = kit.RoundTripFunc(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	})
	failed := kit.Get(t, app.URL+"/__clerk/v1/client")
	assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
	assert.Contains(t, failed.Text, `"code":"proxy_request_failed"`)
	for path, want := range map[string]int{"/__clerk/v1/client/handshake": http.StatusServiceUnavailable, "/__clerk//v1": http.StatusBadRequest} {
		page := kit.NewBrowser(t).Open(app.URL + path)
		assert.Equal(t, want, page.StatusCode)
		assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
		assert.Contains(t, page.Text, "<main>", "people get a page")
	}
	app.Close() // the log is whole
	assert.Contains(t, log.String(), io.ErrUnexpectedEOF.Error())
	assert.NotContains(t, log.String(), clerk.SecretKey())
}

func TestOptionsProblems(t *testing.T) {
	t.Parallel()
	good := middleware.Options{PublishableKey: kit.PublishableKey("test", "clerk.example.accounts.dev"), SecretKey: "sk_test_x", ProxyURL: "/__clerk"}
	for name, c := range map[string]struct {
		change func(*frontendapi.Options)
		want   []string
	}{
		"nothing":     {func(o *frontendapi.Options) { o.Auth = middleware.Options{} }, []string{"PublishableKey", "SecretKey", "ProxyURL"}},
		"no path":     {func(o *frontendapi.Options) { o.Auth.ProxyURL = "https://clerk.example.com" }, []string{"ProxyURL"}},
		"no such URL": {func(o *frontendapi.Options) { o.Auth.ProxyURL = "//evil" }, []string{"ProxyURL"}},
		"no origin":   {func(o *frontendapi.Options) { o.Origin = "http://127.0.0.1/x" }, []string{"Origin"}},
		"good":        {func(*frontendapi.Options) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := frontendapi.Options{Auth: good}
			c.change(&opts)
			api, err := frontendapi.New(opts)
			if c.want == nil {
				require.NoError(t, err)
				api.Close()
				return
			}
			var invalid *middleware.OptionsError
			require.ErrorAs(t, err, &invalid)
			var got []string
			for _, p := range invalid.Problems {
				got = append(got, p.Where)
				assert.NotEmpty(t, p.Want)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

package proxy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// A sign-in page that is the application's own must not send people to itself.
func TestSignInPageBehindTheGate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signIn, signUp string
		open, shut     []string
	}{
		"a path":             {"/sign-in", "", []string{"/sign-in", "/sign-in?redirect_url=x", "/sign-in/", "/sign-in/factor-one", "/sign-in/sso-callback"}, []string{"/", "/sign-inx", "/sign-up", "/x/../sign-in"}},
		"a path and a query": {"/sign-in?from=app", "", []string{"/sign-in"}, []string{"/"}},
		"a slash at the end": {"/sign-in/", "", []string{"/sign-in/", "/sign-in"}, []string{"/"}},
		"a hash":             {"/#/sign-in", "", []string{"/"}, []string{"/x", "/sign-in"}},
		"the same origin":    {"http://app.example.com/sign-in", "", []string{"/sign-in"}, []string{"/"}},
		"the same host":      {"https://APP.example.com:8443/sign-in#/", "", []string{"/sign-in"}, []string{"/"}},
		"a local Clerk":      {"http://127.0.0.1:4321/sign-in", "", nil, []string{"/", "/sign-in"}},
		"another origin":     {"https://accounts.example.com/sign-in", "", nil, []string{"/", "/sign-in"}},
		"a page to sign up":  {"https://accounts.example.com/sign-in", "/sign-up", []string{"/sign-up", "/sign-up/verify"}, []string{"/sign-in"}},
		"an escape":          {"/einlo%67gen", "", []string{"/einloggen"}, []string{"/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := &received{}
			s := start(t, app, func(cfg *settings.Config) { cfg.Auth.SignInURL, cfg.Auth.SignUpURL = c.signIn, c.signUp })
			host := "app.example.com"
			if strings.HasPrefix(c.signIn, "http://127") {
				host = "127.0.0.1:8080"
			}
			ask := func(target string) int {
				return s.raw(t, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\nAccept: text/html\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n").StatusCode
			}
			for _, target := range c.open {
				assert.Equal(t, http.StatusOK, ask(target), target)
				assert.Equal(t, []string{"signed-out"}, app.last(t).Header["X-Clerk-Auth-Status"])
			}
			for _, target := range c.shut {
				assert.NotEqual(t, http.StatusOK, ask(target), target)
			}
		})
	}
}

// A routes file says itself what is open: one that keeps its own sign-in page shut is
// refused.
func TestSignInPageOfARoutesFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signIn, parties, routes, found, remedy string
	}{
		"shut":               {"/sign-in", "", `[{match: "/*"}]`, "the route in line 1", "match: /sign-in"},
		"open":               {"/sign-in", "", `[{match: "/sign-in", auth: public}, {match: "/*"}]`, "", ""},
		"open below too":     {"/sign-in/", "", `[{match: "/sign-in/*", auth: public}, {match: "/*"}]`, "", ""},
		"not looked at":      {"/sign-in", "", `[{match: "/sign-in", auth: none}, {match: "/*"}]`, "", ""},
		"for programs":       {"/sign-in", "", `[{match: "/*", unauthenticated: "401"}]`, "", ""},
		"not served":         {"/sign-in", "", `[{match: "/api/*"}]`, "", ""},
		"other hosts":        {"/sign-in", "", `[{match: "/*", hosts: ["*.example.com"]}, {match: "/*", auth: public}]`, "the route in line 1", "match: /sign-in"},
		"another origin":     {"https://accounts.example.com/sign-in", "", `[{match: "/*"}]`, "", ""},
		"an own origin":      {"https://app.example.com/sign-in", "https://app.example.com", `[{match: "/*"}]`, "the route in line 1", "hosts: [app.example.com]"},
		"a host of a route":  {"https://app.example.com/sign-in", "", `[{match: "/*", hosts: ["app.example.com"]}]`, "the route in line 1", "hosts: [app.example.com]"},
		"a host of no route": {"https://accounts.example.com/sign-in", "", `[{match: "/*", hosts: ["app.example.com"]}]`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "routes.yaml")
			require.NoError(t, os.WriteFile(file, []byte("routes: "+c.routes), 0o600))
			_, _, err := load(environment(map[string]string{"CLERKGATE_CONFIG": file, "CLERK_SIGN_IN_URL": c.signIn, "CLERKGATE_AUTHORIZED_PARTIES": c.parties}))
			if c.found == "" {
				require.NoError(t, err)
				return
			}
			p := problems(t, err)["CLERK_SIGN_IN_URL"]
			assert.Contains(t, p.Found, c.found)
			assert.Contains(t, p.Remedy, c.remedy)
			assert.Contains(t, p.Remedy, "auth: public")
		})
	}
}

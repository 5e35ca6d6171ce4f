package proxy

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Where a route sends people. Programs get what they got before, and every answer that is
// a redirect is one for a document.
func TestRoutesSendPeople(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/open/*", auth: public, upstream: app }
  - { match: "/join", unauthenticated: sign-up, upstream: app }
  - { match: "/staff", require: { role: "org:staff" }, unauthenticated_url: "/open/welcome?a=b", forbidden_url: https://help.example.com/access, upstream: app }
`)
	person := []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Accept", "text/html"}
	// In development a browser without dev browser is sent through Clerk first.
	known := append([]string{"Cookie", "__clerk_db_jwt=dvb_1; __client_uat=0"}, person...)
	signedIn, cookies := r.cookie("jane@example.com")
	jane := append([]string{signedIn, cookies}, person...)
	back := func(path string) string { return "redirect_url=" + url.QueryEscape(r.URL+path) }
	for name, c := range map[string]struct {
		path, method string
		headers      []string
		status       int
		location     string
	}{
		"sign-up":              {"/join?x=1", "GET", known, 307, "https://mock-emulator-13.accounts.dev/sign-up?" + back("/join?x=1") + "&__clerk_db_jwt=dvb_1"},
		"sign-up, program":     {"/join", "GET", []string{"Accept", "application/json"}, 401, ""},
		"sign-up, form":        {"/join", "POST", known, 401, ""},
		"signed out":           {"/staff?x=1&y", "GET", known, 307, r.URL + "/open/welcome?a=b&" + back("/staff?x=1&y")},
		"signed out, program":  {"/staff", "GET", nil, 401, ""},
		"forbidden":            {"/staff?q", "GET", jane, 307, "https://help.example.com/access?" + back("/staff?q")},
		"forbidden, script":    {"/staff", "GET", []string{signedIn, cookies, "Sec-Fetch-Dest", "empty"}, 403, ""},
		"forbidden, form":      {"/staff", "POST", jane, 403, ""},
		"forbidden, by header": {"/staff", "GET", bearerOf(r), 403, ""},
		"the page":             {"/open/welcome", "GET", known, 200, ""},
	} {
		res, _ := r.do(t, c.method, c.path, c.headers...)
		assert.Equal(t, c.status, res.StatusCode, name)
		assert.Equal(t, c.location, res.Header.Get("Location"), name)
		if c.status != http.StatusOK {
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"), name)
		}
	}
}

func bearerOf(r *routed) []string {
	name, value := r.bearer("jane@example.com")
	return []string{name, value}
}

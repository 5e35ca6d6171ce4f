package hardening

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// document returns the headers of a browser that opens a page.
func document(more ...string) []string {
	return append([]string{"Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Accept: text/html"}, more...)
}

// elsewhere are ways to name another site in a path or a query.
func elsewhere() []string {
	return []string{
		"/", "//evil.example", "//evil.example/", `/\evil.example`, `/\/evil.example`, "/%2f%2fevil.example", "/%5cevil.example", "/\tevil.example", "/%09/evil.example",
		"/%0d%0aLocation:%20https://evil.example", "/%00//evil.example", "/;@evil.example", "/@evil.example", "/.evil.example", "/..//evil.example", "///evil.example", "/https://evil.example",
		"/https:evil.example", "/javascript:alert(1)", "/?redirect_url=https://evil.example", "/?__clerk_redirect_url=https://evil.example", "/?redirect_url=//evil.example&redirect_url=https://evil.example",
		"/?__clerk_satellite_url=https://evil.example", "/?__clerk_synced=https://evil.example", "/?__clerk_hs_reason=x&redirect_url=https://evil.example", "/?sign_in_url=https://evil.example",
		"/?__clerk_db_jwt=https://evil.example", "/?__clerk_help=https://evil.example", "/#https://evil.example", "/?#@evil.example", "/?a=%0d%0aSet-Cookie:%20x=planted", "/?x=\xff\xfe",
		"http://evil.example/", "http://app.example.com@evil.example/", "http://evil.example:80\\@app.example.com/", "https://evil.example", "//app.example.com@evil.example/",
	}
}

// CVE-2021-21291, GHSA-qqxw-m5fj-f7gv and similar ones, CVE-2021-29651: a redirect leads to
// the instance's own Frontend API or sign-in page, and back to the address that was
// requested, whatever else the request names.
func TestCVE_2021_21291_GHSA_qqxw_m5fj_f7gv_RedirectsStayAtHome(t *testing.T) {
	t.Parallel()
	const signIn = "https://accounts.example.com/sign-in"
	seen := map[string]bool{}
	for _, production := range []bool{false, true} {
		g := start(t, setup{
			clerk: clerktest.Options{Production: production},
			env:   map[string]string{"CLERK_SIGN_IN_URL": signIn},
		})
		session := g.clerk.SignIn(jane)
		stale := g.cookies(session.ID)
		stale = strings.ReplaceAll(stale, g.clerk.Token(session.ID, appOrigin), "planted")
		frontend, _ := strings.CutPrefix(g.clerk.Issuer(), "https://")
		for _, target := range elsewhere() {
			if strings.Contains(target, "?__clerk_redirect_url") && !production {
				// In Clerk's protocol, a primary domain of a development instance
				// redirects the browser back to any satellite. In production it does
				// not.
				continue
			}
			for _, spoof := range [][]string{
				nil,
				{"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Port: 8443", "X-Forwarded-Uri: //evil.example", "Forwarded: host=evil.example;proto=https"},
				{"X_Forwarded_Host: evil.example", "X-Original-URL: //evil.example", "X-Rewrite-URL: https://evil.example", "Referer: https://evil.example/", "Origin: https://evil.example"},
			} {
				for _, cookies := range []string{"", "__client_uat=1", "__client_uat=1; __clerk_db_jwt=dvb_planted", stale} {
					headers := document(spoof...)
					if cookies != "" {
						headers = append(headers, "Cookie: "+cookies)
					}
					res := g.get(t, target, headers...)
					if res.StatusCode/100 != 3 {
						continue
					}
					locations := res.Header["Location"]
					require.Len(t, locations, 1)
					assert.NotContains(t, locations[0], g.clerk.SecretKey())
					// As a browser reads it, relative to the page.
					to, err := weburl.ParseRef(locations[0], appOrigin+"/")
					require.NoError(t, err)
					u, err := url.Parse(to.Href())
					require.NoError(t, err)
					back := u.Query()["redirect_url"]
					switch {
					case u.Scheme == "https" && u.Host == frontend && u.Path == "/v1/client/handshake":
						seen["handshake"] = true
					case strings.HasPrefix(to.Href(), signIn+"?"):
						seen["sign-in"] = true
						assert.NotContains(t, to.Href(), "__session", "no session token to the sign-in page")
					default:
						t.Errorf("%q %v leads to %s", target, spoof, to.Href())
					}
					require.Len(t, back, 1, to.Href())
					returned, err := weburl.ParseRef(back[0], appOrigin+"/")
					require.NoError(t, err, back[0])
					home, err := url.Parse(returned.Href())
					require.NoError(t, err)
					want := appHost // of the request
					if absolute, err := url.Parse(target); err == nil && absolute.Scheme != "" && absolute.Host != "" {
						want = absolute.Host
					}
					assert.Equal(t, "http://"+want, home.Scheme+"://"+home.Host, "%q %v comes back to %s", target, spoof, back[0])
				}
			}
		}
	}
	assert.Equal(t, map[string]bool{"handshake": true, "sign-in": true}, seen)
}

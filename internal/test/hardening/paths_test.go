package hardening

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// corpus are targets for which a policy and an application have seen different paths in
// published vulnerabilities: each leads some careless server to /private.
func corpus() []string {
	return []string{
		"/private", "/private/x", "//private", "///private/x", "/./private", "/public/../private", "/public/./../private",
		"/public/..;/private", "/public/..;a=b/private", "/public;/../private", "/;/private", "/.;/private", "/public/;x/../../private",
		"/public/%2e%2e/private", "/public/%2E./private", "/public/.%2e/private", "/public/%2e%2e%2fprivate", "/public%2f..%2fprivate",
		"/public/..%2fprivate", "/public/..%2Fprivate", "/public/..%5cprivate", `/public/..\private`, `\private`, `/\private`, "/%5cprivate",
		"/public%5c..%5cprivate", "/%2fprivate", "/%2Fprivate", "/public/%252e%252e/private", "/public/%252e%252e%252fprivate",
		"/public/%25252e%25252e/private", "/public/%2525252e%2525252e/private", "/%70rivate", "/%50rivate", "/p%72ivate", "/%2570rivate", "/%252570rivate",
		"/public/%c0%ae%c0%ae/private", "/public/%c0%ae%c0%ae%c0%afprivate", "/%e0%80%afprivate", "/public/%u002e%u002e/private",
		"/private%00", "/public%00/../private", "/private%0a", "/private%0d%0aX-Clerk-User-Id:%20planted", "/private%20", "/private%09", "/private\t",
		"/private;", "/private;x", "/private;/x", "/private%3b", "/private%3bx", "/private/", "/private//", "/private/.", "/private%2f", "/private/%2e", "/private..;/",
		"/private?x=/public", "/private?/public/", "/public?/../private", "/private#/public/", "/public/#/../../private", "/public%23/../private",
		"/public%3f/../private", "/private%23", "/private%3f", "/private%3fx", "/public/%3f/../../private", "/public/x%2f..%2f..%2fprivate",
		"/public/x/../../private", "/public/x/..%2f../private", "/PRIVATE", "/Private/x", "/publi%63/../private", "/public/%2e%2e;/private", "/public/%2e%2e%3b/private",
		"/public/%zz/../private", "/public/%2/private", "/public/%", "/%", "/private%", "*", "private", "?private", "", "/public//../private", "/public/x//../../private",
		"/public/\xc3\xa9/../private", "/public/%ff/private", "/public/.../private", "/public/..../private", "/public/.. /private", "/public/..%20/private",
		"/public/%ef%bc%8f..%ef%bc%8fprivate", "/public/%ef%bc%8e%ef%bc%8e/private", "/public/..%c1%9cprivate", "/public/..%01/private", "/public/..\x7f/private",
		"http://app.example.com/private", "http://app.example.com/public/../private", "http://app.example.com//private", "http://other.example.com/private",
		"HTTP://APP.EXAMPLE.COM/private", "http://app.example.com:80/private", "http://user:pw@app.example.com/private", "http:/private", "http:private", "http:///private",
		// If a prefix is removed, these leave the rest.
		"/private/public/../../private/public/x", "/private/public/%2e%2e/%2e%2e/private/public/x", "/private/public/..;/..;/private/public/x",
		"//app.example.com/private", "//other.example.com/public/../private", "http://app.example.com?/private", "http://app.example.com/%2e%2e/private", "http:\\\\app.example.com\\private",
	}
}

const pathRoutes = `
routes:
  - { match: "/private/public/*", auth: public, strip_prefix: /private, ambiguous_paths: true }
  - { match: "/private/*", auth: required }
  - { match: "/private", auth: required }
  - { match: "/odd/*", auth: public, ambiguous_paths: true }
  - { match: "/strip/public/*", auth: public, strip_prefix: /strip }
  - { match: "/oddstrip/public/*", auth: public, strip_prefix: /oddstrip, ambiguous_paths: true }
  - { match: "/public/*", auth: public }
  - { match: "/public", auth: public }
  - { match: "/*", auth: required }
`

// listedRoutes are routes of the opposite kind, with a list of protected paths, which is
// what CVE-2026-41248 is about.
const listedRoutes = `
routes:
  - { match: "/private/*", auth: required }
  - { match: "/private", auth: required }
  - { match: "/*", auth: public, ambiguous_paths: true }
`

// applicationReadings returns the paths that applications could read from a target: each
// step is what some server does, and up to three are chained in any order. It is
// intentionally different from clerkgate's implementation.
func applicationReadings(target string) []string {
	first, _, _ := strings.Cut(target, "?") // every server removes the query first
	all := []string{first}
	for range 3 {
		for _, s := range slices.Clone(all) {
			for _, step := range applicationSteps {
				if next := step(s); !slices.Contains(all, next) {
					all = append(all, next)
				}
			}
		}
	}
	return all
}

var (
	escape     = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	slashes    = regexp.MustCompile(`/{2,}`)
	parameters = regexp.MustCompile(`;[^/]*`)
	ending     = regexp.MustCompile("[?#\x00].*")

	applicationSteps = []func(string) string{
		func(s string) string { // decode valid escapes, as lenient servers do
			return escape.ReplaceAllStringFunc(s, func(m string) string {
				b, _ := hex.DecodeString(m[1:])
				return string(b)
			})
		},
		func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
		func(s string) string { return slashes.ReplaceAllString(s, "/") },
		func(s string) string { return parameters.ReplaceAllString(s, "") },
		func(s string) string { return ending.ReplaceAllString(s, "") },
		func(s string) string { return strings.ReplaceAll(s, "\x00", "") },
		func(s string) string {
			return strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", `\`).Replace(s)
		},
		withoutDots,
	}
)

// withoutDots resolves dot segments, with another algorithm than clerkgate's.
func withoutDots(s string) string {
	if !strings.HasPrefix(s, "/") {
		return s
	}
	resolved := path.Clean(s)
	if strings.HasPrefix(s, "//") {
		return s // path.Clean would merge the slashes, which is another step
	}
	if last := s[strings.LastIndexByte(s, '/')+1:]; resolved != "/" && (last == "" || last == "." || last == "..") {
		resolved += "/"
	}
	return resolved
}

func isPrivate(path string) bool { return path == "/private" || strings.HasPrefix(path, "/private/") }

// leavesPublic reports whether a path that was forwarded by a public route could be read
// as a path of another route.
func leavesPublic(path string, allowed []string) bool {
	for _, a := range allowed {
		if path == a || strings.HasPrefix(path, a+"/") {
			return false
		}
	}
	return true
}

// CVE-2025-54576 and CVE-2026-41059 (query and fragment), CVE-2026-33494
// (traversal), CVE-2025-66490 and kin (encoded characters), CVE-2026-41248
// (percent-encoding and double slashes), CVE-2026-27587 (case of escapes): a signed-out
// request never reaches a path that could be read as /private.
func TestCVE_2026_33494_CVE_2026_41248_CVE_2025_66490_PathCorpus(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{routes: pathRoutes, direct: direct})
		environment := start(t, setup{env: map[string]string{"CLERKGATE_PUBLIC_PATHS": "/public,/public/*"}, direct: direct})
		listed := start(t, setup{routes: listedRoutes, direct: direct})
		for _, target := range corpus() {
			checkSignedOut(t, listed, target)
			targets := []string{target}
			for _, prefix := range []string{"/odd", "/strip/public", "/oddstrip/public"} {
				targets = append(targets, prefix+target)
			}
			for _, target := range targets {
				checkSignedOut(t, g, target, "/public", "/odd")
			}
			checkSignedOut(t, environment, target, "/public", "/odd")
		}
		for _, forged := range []string{"/private?x=/public", "/private"} { // and there is something to protect
			assert.NotEqual(t, 200, g.get(t, forged).StatusCode)
		}
		session := g.clerk.SignIn(jane)
		assert.Equal(t, 200, g.get(t, "/private?x=/public#", g.bearer(session.ID)).StatusCode)
	}
}

// checkSignedOut requests a target without a session: if it reaches the upstream, it must
// be public in every reading.
func checkSignedOut(t testing.TB, g *gate, target string, public ...string) {
	t.Helper()
	g.app.take()
	all := g.raw(t, "GET "+target+" HTTP/1.1\r\nHost: "+appHost+"\r\nConnection: close\r\n\r\n")
	require.NotEmpty(t, all, "%q", target)
	status, got := all[0].StatusCode, g.app.take()
	if status != 200 {
		assert.Empty(t, got, "%q was answered %d and reached the upstream", target, status)
		return
	}
	require.Len(t, got, 1, "%q", target)
	require.Equal(t, "signed-out", got[0].one(t, "X-Clerk-Auth-Status"), "%q", target)
	for _, reading := range applicationReadings(got[0].Target) {
		if isPrivate(reading) || len(public) > 0 && leavesPublic(reading, public) {
			t.Errorf("%q went out as %q, which can be read as %q", target, got[0].Target, reading)
		}
	}
}

// A differential fuzz test: the upstream gets what the policy decided about. Each route
// adds its own header, by which the upstream's request shows which route applied; that
// route's pattern must match every reading of the target by the application.
func TestCVE_2023_33189_PolicyAndUpstreamSeeTheSame(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(20261123, 5))
	words := []string{"a", "b", "private", "public", "admin", "%61", "%2e", "%2e%2e", "..", ".", "", "%2f", "%5c", `\`, ";", ";x", "..;", "%3b", "%00", "%25", "%252e", "%252f", "%2561",
		"%c0%ae", "%c3%a9", "%E9", "é", "?", "#", "%23", "%3f", " ", "%20", "%", "%zz", "A", "a.b", "~", "*", ":", "@", "&=", "%0a", "+", "!", "'", "(", "|", "^", "{", "<", `"`}
	for table := range 4 {
		var yaml strings.Builder
		yaml.WriteString("routes:\n")
		var patterns []string
		for i := range 4 {
			pattern := ""
			for range 1 + rng.IntN(2) {
				pattern += "/" + []string{"a", "b", "private", "public"}[rng.IntN(4)]
			}
			if rng.IntN(2) == 0 {
				pattern += "/*"
			}
			if slices.Contains(patterns, pattern) {
				pattern = fmt.Sprintf("/unique%d/*", i)
			}
			patterns = append(patterns, pattern)
		}
		// A pattern after one that covers it is refused as unreachable.
		slices.SortFunc(patterns, func(a, b string) int { return len(b) - len(a) })
		patterns = append(patterns, "/*")
		odd := rng.IntN(2) == 0
		for i, p := range patterns {
			fmt.Fprintf(&yaml, "  - { match: %q, auth: public, ambiguous_paths: %t, request_headers: { X-Route: \"%d\" } }\n", p, odd && i%2 == 0, i)
		}
		g := start(t, setup{routes: yaml.String(), direct: table%2 == 0})
		passed := 0
		for range 200 {
			var target strings.Builder
			for range 1 + rng.IntN(4) {
				target.WriteString("/")
				for range 1 + rng.IntN(2) {
					target.WriteString(words[rng.IntN(len(words))])
				}
			}
			text := target.String()
			switch rng.IntN(12) {
			case 0:
				text = "http://" + appHost + text
			case 1:
				text += "?x=/private"
			}
			all := g.raw(t, "GET "+text+" HTTP/1.1\r\nHost: "+appHost+"\r\nConnection: close\r\n\r\n")
			require.NotEmpty(t, all)
			got := g.app.take()
			if all[0].StatusCode != 200 {
				require.Empty(t, got, "%q", text)
				continue
			}
			passed++
			require.Len(t, got, 1, "%q", text)
			var route int
			_, err := fmt.Sscan(got[0].one(t, "X-Route"), &route)
			require.NoError(t, err)
			for _, reading := range applicationReadings(got[0].Target) {
				if first := firstMatch(patterns, reading); first != route {
					t.Errorf("%q was judged by %s and went out as %q, which can be read as %q of %s\n%s",
						text, patterns[route], got[0].Target, reading, patterns[max(first, 0)], yaml.String())
				}
			}
		}
		assert.Greater(t, passed, 20, "too few targets pass to learn anything")
	}
}

func firstMatch(patterns []string, path string) int {
	return slices.IndexFunc(patterns, func(p string) bool {
		prefix, below := strings.CutSuffix(p, "*")
		return path == p || below && strings.HasPrefix(path, prefix)
	})
}

// CVE-2022-2880 and CVE-2026-39825: no rule depends on the query, so the application gets it
// unchanged, even if Go cannot parse it or it has 20,000 parameters. Only Clerk's own
// parameters are removed, in any spelling.
func TestCVE_2022_2880_CVE_2026_39825_QueryPassesAsItCame(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{routes: pathRoutes, direct: direct, env: map[string]string{"CLERKGATE_MAX_HEADER_BYTES": "256KiB"}})
		for _, query := range []string{
			"a=1&b=2", "a=%zz&b", "a;b=1;c", "&&&", "?", "??x", "a=/../private", "=", "%", "a=1&a=2", "\xff", "a=%00", "x=/public&y=%23", "{}|^",
			strings.Repeat("a=b&", 20_000),
		} {
			res := g.get(t, "/public/x?"+query)
			require.Equal(t, 200, res.StatusCode, "%.50q: %s", query, res.Text)
			_, after, _ := strings.Cut(g.app.only(t).Target, "?")
			assert.Equal(t, query, after)
			assert.NotEqual(t, 200, g.get(t, "/private/x?"+query).StatusCode, "%.50q", query)
			g.app.take()
		}
		for _, private := range []string{"__clerk_handshake=planted", "__clerk_handshake_nonce=planted", "__clerk_db_jwt=planted", "__clerk_d%62_jwt=planted", "%5f_clerk_handshake=planted"} {
			g.get(t, "/public/x?a=1&"+private+"&b=2")
			for _, got := range g.app.take() {
				assert.NotContains(t, got.Target, planted)
			}
		}
	}
}

// What can be read in two ways is refused where no route asks for it, though every
// reading may lead to the same route; where one does, it passes as it came.
func TestAmbiguousFormsAreRefused(t *testing.T) {
	t.Parallel()
	g := start(t, setup{routes: pathRoutes})
	for _, form := range []string{
		"/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, "/a%3bb", "/a%2eb", "/a//b", "//a", "/./a", "/b/../a", "/b/..", "/..;/public/a", "/;x/a", "/a%252fb", "/a%25252fb", "/%252e/a", "/a%ff", "/a%c0%af",
	} {
		res := g.get(t, "/public"+form)
		assert.Equal(t, 400, res.StatusCode, form)
		assert.Contains(t, res.Text, "ambiguous_path", form)
		assert.Empty(t, g.app.take(), form)
	}
	for _, form := range []string{"/a%2fb", "/a%5cb", "/a//b", "/./a", "/a%252fb"} {
		assert.Equal(t, 200, g.get(t, "/odd"+form).StatusCode, form)
		assert.Equal(t, "/odd"+form, g.app.only(t).Target)
	}
	for _, form := range []string{"/a%00", "/a%0ab", "/a%7f", "/a%2500", "/%zz", "/../public/a", "/a%2525252fb"} {
		assert.Equal(t, 400, g.get(t, "/odd"+form).StatusCode, form)
	}
	assert.Empty(t, g.app.take())
}

package hardening

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// planted is part of every value from the attacker.
const planted = "planted"

// claims are the headers that tell an upstream who sends a request, how and from where.
func claims() []string {
	return []string{
		"X-Clerk-Auth-Status", "X-Clerk-Auth-Reason", "X-Clerk-User-Id", "X-Clerk-Session-Id", "X-Clerk-Org-Id",
		"X-Clerk-Org-Slug", "X-Clerk-Org-Role", "X-Clerk-Token-Type", "X-Clerk-Machine-Id", "X-Clerk-Client-Id",
		"X-Clerk-Scopes", "X-Clerk-Assertion", "X-Clerk-Anything-New",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
		"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Ssl",
		"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Access-Token", "X-Forwarded-Tls-Client-Cert",
		"X-Environment", // which a route sets
	}
}

// spellings are spellings of a name that some servers treat as equal.
func spellings() map[string]func(string) string {
	each := func(with string) func(string) string {
		return func(name string) string { return strings.ReplaceAll(name, "-", with) }
	}
	return map[string]func(string) string{
		"as it is":   func(name string) string { return name },
		"lower":      strings.ToLower,
		"upper":      strings.ToUpper,
		"underscore": each("_"),
		"dot":        each("."),
		"other":      each("~"),
		"mixed": func(name string) string {
			return strings.Replace(strings.Replace(strings.ToLower(name), "-", "_", 1), "c", "C", 1)
		},
		"last only": func(name string) string {
			i := strings.LastIndexByte(name, '-')
			return name[:max(i, 0)] + strings.ReplaceAll(name[max(i, 0):], "-", "_")
		},
		"odd case": func(name string) string {
			b := []byte(strings.ToLower(name))
			for i := 1; i < len(b); i += 2 {
				b[i] = strings.ToUpper(string(b[i]))[0]
			}
			return string(b)
		},
	}
}

// ways are the ways to send a header in HTTP/1.1. Each takes spelled names.
func ways() map[string]func(names []string) string {
	said := func(names []string) string {
		var b strings.Builder
		for i, name := range names {
			fmt.Fprintf(&b, "%s: %s-%d\r\n", name, planted, i)
		}
		return b.String()
	}
	trailers := func(announce bool) func([]string) string {
		return func(names []string) string {
			head := "Transfer-Encoding: chunked\r\n"
			if announce {
				head += "Trailer: " + strings.Join(names, ", ") + "\r\n"
			}
			return head + "\r\n3\r\nabc\r\n0\r\n" + said(names)
		}
	}
	return map[string]func([]string) string{
		"once":     said,
		"repeated": func(names []string) string { return said(names) + said(names) },
		"listed": func(names []string) string {
			return "Connection: " + strings.Join(names, ",") + "\r\n" + said(names)
		},
		"listed, not said": func(names []string) string {
			return "connection: ," + strings.ToLower(strings.Join(names, " ,, ")) + ",\r\n"
		},
		"listed on several lines": func(names []string) string {
			var b strings.Builder
			for _, name := range names {
				b.WriteString("CONNECTION: , " + strings.ToUpper(name) + "\t,\r\n")
			}
			return b.String() + said(names)
		},
		"trailer":              trailers(false),
		"trailer, as was said": trailers(true),
	}
}

// asCGI returns a header's name as in CGI and similar interfaces.
func asCGI(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z':
			return c - 'a' + 'A'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			return c
		}
		return '_'
	}, name)
}

// believed returns the claims that an upstream sees if it normalizes names. It includes
// trailers, because some servers merge them.
func believed(r request) map[string][]string {
	all := map[string][]string{}
	for _, f := range slices.Concat(r.Header, r.Trailer) {
		name := asCGI(f.Name)
		if strings.HasPrefix(name, "X_CLERK_") || strings.HasPrefix(name, "X_FORWARDED_") || name == "FORWARDED" || name == "X_ENVIRONMENT" {
			all[name] = append(all[name], f.Value)
		}
	}
	return all
}

const matrixRoutes = `
assertion: { key_files: [$DIR/assertion.pem], issuer: https://gate.example.com }
routes:
  - { match: "/none/*", auth: none, request_headers: { X-Environment: production } }
  - { match: "/public/*", auth: public, request_headers: { X-Environment: production } }
  - { match: "/few/*", identity: [user_id], request_headers: { X-Environment: production } }
  - { match: "/stripped/*", strip_prefix: /stripped, request_headers: { X-Environment: production } }
  - { match: "/*", audience: "https://api.internal", request_headers: { X-Environment: production } }
`

// A matrix of spoofed headers: GHSA-w9mr-28mw-j8hg and CVE-2021-33197 (headers listed in
// Connection), CVE-2025-64484 and CVE-2026-39858 (spellings), CVE-2026-35051 (unlisted
// members of the family), in all combinations.
func TestCVE_2025_64484_GHSA_w9mr_28mw_j8hg_HeaderSpoofMatrix(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		t.Run(fmt.Sprint("direct ", direct), func(t *testing.T) {
			t.Parallel()
			g := start(t, setup{routes: matrixRoutes, direct: direct, files: map[string]string{"assertion.pem": kit.PrivatePEM(t, kit.ECKey(t))}})
			session := g.clerk.SignIn(jane)
			for _, who := range []struct{ name, path, header string }{
				{"signed in", "/all", g.bearer(session.ID)},
				{"signed in by cookies", "/all", "Cookie: " + g.cookies(session.ID)},
				{"signed in, few headers", "/few/x", g.bearer(session.ID)},
				{"signed in, stripped", "/stripped/x", g.bearer(session.ID)},
				{"signed in, public", "/public/x", g.bearer(session.ID)},
				{"signed out, public", "/public/x", "X-Nobody: here"},
				{"bad token, public", "/public/x", "Authorization: Bearer a.b.c"},
				{"not judged", "/none/x", g.bearer(session.ID)},
			} {
				head := "POST " + who.path + " HTTP/1.1\r\nHost: " + appHost + "\r\n" + who.header + "\r\nConnection: close\r\n"
				send := func(more string) (kit.Reply, map[string][]string) {
					if !strings.Contains(more, "Transfer-Encoding") {
						more += "Content-Length: 0\r\n"
					}
					all := g.raw(t, head+more+"\r\n")
					require.Len(t, all, 1)
					require.Equal(t, 200, all[0].StatusCode, "%s: %s", who.name, all[0].Text)
					got := g.app.only(t)
					known := believed(got)
					if _, ok := known["X_CLERK_ASSERTION"]; ok {
						require.Len(t, known["X_CLERK_ASSERTION"], 1)
						assert.Equal(t, 2, strings.Count(known["X_CLERK_ASSERTION"][0], "."))
						known["X_CLERK_ASSERTION"] = []string{"ours"}
					}
					return all[0], known
				}
				_, want := send("")
				require.Contains(t, want, "X_FORWARDED_FOR")
				require.Equal(t, []string{"production"}, want["X_ENVIRONMENT"])
				require.Equal(t, strings.HasPrefix(who.name, "signed in"), want["X_CLERK_USER_ID"] != nil, who.name)
				for spelling, spell := range spellings() {
					names := claims()
					for i, name := range names {
						names[i] = spell(name)
					}
					for way, say := range ways() {
						res, got := send(say(names))
						assert.Equal(t, want, got, "%s, %s, %s", who.name, spelling, way)
						assert.NotContains(t, fmt.Sprint(res.Header), planted)
					}
				}
			}
		})
	}
}

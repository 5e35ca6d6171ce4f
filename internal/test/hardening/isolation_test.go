package hardening

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// CVE-2026-71326, GHSA-6765-c87h-8mrf: a thousand people at the same time use everything
// that is shared: cached tokens, refreshes, token exchange and assertions. Nobody gets
// another user's, in any header or cookie.
func TestCVE_2026_71326_GHSA_6765_c87h_8mrf_ThousandIdentities(t *testing.T) {
	t.Parallel()
	const people = 1000
	users := make([]clerktest.User, people)
	for i := range users {
		users[i] = clerktest.User{ID: fmt.Sprintf("user_%04d", i), Email: fmt.Sprintf("u%04d@example.com", i)}
	}
	g := start(t, setup{
		routes: `
assertion: { key_files: [$DIR/assertion.pem], issuer: https://gate.example.com }
routes:
  - { match: "/template/*", authorization: template, token_template: mine, audience: "https://api.internal", refresh: all }
  - { match: "/plain/*", authorization: session, audience: "https://api.internal", refresh: all }
`,
		files: map[string]string{"assertion.pem": kit.PrivatePEM(t, kit.ECKey(t))}, direct: true,
		clerk: clerktest.Options{Users: users, JWTTemplates: []clerktest.JWTTemplate{{Name: "mine"}}},
	})
	cookies := make([]string, people)
	suffix := "__refresh_" + g.clerk.CookieSuffix()
	sessions := make([]*clerktest.Session, people)
	for i := range users {
		sessions[i] = g.clerk.SignIn(users[i].Email)
		if i%8 == 0 { // one token in eight will have expired
			cookies[i] = g.cookies(sessions[i].ID)
			require.Contains(t, cookies[i], suffix)
		}
	}
	g.clerk.Advance(2 * time.Minute)
	for i := range users {
		if cookies[i] == "" {
			cookies[i] = "__client_uat=1; __clerk_db_jwt=dvb_1; __session=" + g.clerk.Token(sessions[i].ID, appOrigin)
		}
	}

	const lanes = 20
	kinds := [...]string{"template", "plain", "plain", "plain", "plain"} // signing takes the fake Clerk long
	var all sync.WaitGroup
	for lane := range lanes {
		all.Go(func() {
			conn := g.dial(t)
			r := bufio.NewReader(conn)
			for range 2 {
				for i := lane; i < people; i += lanes {
					_ = conn.SetDeadline(time.Now().Add(2 * kit.Patience))
					_, err := fmt.Fprintf(conn, "GET /%s/%d HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", kinds[i%len(kinds)], i, appHost, cookies[i])
					if !assert.NoError(t, err) {
						return
					}
					res, err := http.ReadResponse(r, nil)
					if !assert.NoError(t, err) {
						return
					}
					body, err := io.ReadAll(res.Body)
					_ = res.Body.Close()
					if !assert.NoError(t, err) || !assert.Equal(t, 200, res.StatusCode, "%s", body) {
						return
					}
					for _, c := range res.Cookies() {
						if strings.HasPrefix(c.Name, "__session") {
							assert.Equal(t, users[i].ID, subjectOf(c.Value), "a cookie of somebody else")
							cookies[i] = "__client_uat=1; " + c.Name + "=" + c.Value + "; " + cookies[i]
						}
					}
				}
			}
		})
	}
	all.Wait()
	got := g.app.take()
	require.Equal(t, 2*people, len(got))
	for _, r := range got {
		var who int
		_, err := fmt.Sscan(r.Target[strings.LastIndexByte(r.Target, '/')+1:], &who)
		require.NoError(t, err)
		want := users[who].ID
		assert.Equal(t, want, r.one(t, "X-Clerk-User-Id"))
		assert.Equal(t, sessions[who].ID, r.one(t, "X-Clerk-Session-Id"))
		assert.Equal(t, want, subjectOf(strings.TrimPrefix(r.one(t, "Authorization"), "Bearer ")), "authorization")
		assert.Equal(t, want, subjectOf(r.one(t, "X-Clerk-Assertion")), "assertion")
		for pair := range strings.SplitSeq(r.one(t, "Cookie"), "; ") {
			if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "__session") {
				assert.Equal(t, want, subjectOf(value), "session")
			}
		}
	}
}

// subjectOf reads a token without verifying it.
func subjectOf(token string) string {
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return err.Error()
	}
	subject, _ := claims.GetSubject()
	return subject
}

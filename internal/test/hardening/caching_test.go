package hardening

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A response with a browser's session must not be cached, whatever the application says:
// a cache would hand one person's session to another.
func TestAnswersWithCookiesAreNotCached(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{direct: direct, answer: func(request) string {
			return "HTTP/1.1 200 OK\r\nCache-Control: public, s-maxage=600\r\nExpires: Fri, 31 Dec 2100 00:00:00 GMT\r\nPragma: cache\r\n" +
				"Surrogate-Control: max-age=600\r\nCDN-Cache-Control: max-age=600\r\nContent-Length: 2\r\n\r\nok"
		}})
		session := g.clerk.SignIn(jane)
		cookies := "Cookie: " + g.cookies(session.ID)
		assert.Equal(t, "public, s-maxage=600", g.get(t, "/", cookies).Header.Get("Cache-Control"), "the application's own business")
		g.clerk.Advance(2 * time.Minute)
		res := g.get(t, "/", document(cookies)...)
		require.Equal(t, 200, res.StatusCode)
		require.NotEmpty(t, res.Header["Set-Cookie"])
		assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"])
		for _, name := range []string{"Expires", "Pragma", "Surrogate-Control", "Cdn-Cache-Control"} {
			assert.Empty(t, res.Header[name], name)
		}
	}
}

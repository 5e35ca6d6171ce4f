package gateways

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// documented returns the lines that docs/claim-headers.md adds to a gateway's recipe, for
// X-Forwarded-Email: what stands in code there, without the names of files.
func documented(t testing.TB, gateway string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "claim-headers.md"))
	require.NoError(t, err)
	_, row, found := strings.Cut(string(page), "\n| "+gateway+" | ")
	require.True(t, found)
	row, _, _ = strings.Cut(row, "\n")
	var lines strings.Builder
	for i, part := range strings.Split(row, "`") {
		if i%2 == 1 && strings.HasSuffix(part, ";") {
			lines.WriteString(part + "\n")
		}
	}
	require.NotEmpty(t, lines.String())
	return lines.String()
}

// testClaimHeader expects X-Forwarded-Email of clerkgate's at the application, and none of
// a client's, whether or not somebody is signed in.
func testClaimHeader(t *testing.T, s *stack) {
	host, cookies := strings.TrimPrefix(s.origin, "http://"), s.signIn(t, jane, 0).CookieLine(s.origin)
	for _, line := range []string{
		"", "X-Forwarded-Email: evil\r\n", "x-forwarded-email: evil\r\n", "x_forwarded_email: evil\r\n", "X_FORWARDED_EMAIL: evil\r\n",
		"X-fOrWaRdEd-EMAIL: evil\r\nX-Forwarded-Email: evil\r\n", "X-Forwarded-Email:\r\nX-Forwarded-Email: evil\r\n",
		"X-Forwarded-Email: evil\r\nConnection: X-Forwarded-Email\r\n",
	} {
		for path, test := range map[string]struct{ cookies, want string }{"/page": {cookies, jane}, "/public": {"", ""}} {
			answer := kit.Raw(t, s.address, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+test.cookies+line+"\r\n")
			require.Equal(t, http.StatusOK, answer.StatusCode, line)
			assert.NotContains(t, answer.Text, "evil", line)
			got := echoed(t, answer).Header
			assert.Equal(t, test.want, got.Get("X-Forwarded-Email"), "%s %s", path, line)
			assert.LessOrEqual(t, len(got["X-Forwarded-Email"]), 1, line)
		}
	}
}

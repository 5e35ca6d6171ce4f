package gateways

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// testObeyedHeaders sends every header that makes another request of the one that was
// judged, and the address that most applications believe. Those in except are the ones
// that the gateway cannot remove.
func testObeyedHeaders(t *testing.T, s *stack, except ...string) {
	cookies := s.signIn(t, jane, 0).CookieLine(s.origin)
	for _, header := range wire.BelievedHeaders() {
		if header.Whose != wire.Nobody && header.Name != "X-Real-IP" || slices.Contains(except, header.Name) {
			continue
		}
		for _, spelling := range []string{header.Name, strings.ToLower(header.Name), strings.ReplaceAll(header.Name, "-", "_")} {
			if strings.HasSuffix(header.Name, "-") { // a family
				spelling += "cookie"
			}
			answer := kit.Raw(t, s.address, "GET /page HTTP/1.1\r\nHost: "+strings.TrimPrefix(s.origin, "http://")+"\r\n"+
				cookies+spelling+": evil\r\n\r\n")
			require.Equal(t, http.StatusOK, answer.StatusCode, spelling)
			assert.NotContains(t, answer.Text, "evil", "%s reaches the application", spelling)
		}
	}
}

package proxy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNothingOfARequestIsLeftForTheNext: the memory of an outgoing request is reused, and
// the identity of one request must not appear in the next.
func TestNothingOfARequestIsLeftForTheNext(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, optional)
	token := "Bearer " + sessionToken(t, nil)
	for range 20 {
		_, _ = s.get(t, "/", "Authorization", token, "X-Secret", "jane's", "Cookie", "a=1")
		assert.Equal(t, "user_jane", app.last(t).Header.Get("X-Clerk-User-Id"))
		_, _ = s.get(t, "/")
		got := app.last(t).Header
		assert.Equal(t, "signed-out", got.Get("X-Clerk-Auth-Status"))
		for _, name := range []string{"X-Clerk-User-Id", "X-Clerk-Session-Id", "X-Clerk-Token-Type", "Authorization", "X-Secret", "Cookie"} {
			assert.Empty(t, got.Values(name), name)
		}
	}
	assert.Equal(t, 40, app.count())
}

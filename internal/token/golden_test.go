package token

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/jwks"
)

// TestSessionLikeTheReference walks answers of the reference's verifyToken with
// a PEM key and the clock stopped: reason and text must be the same, and a
// token that the reference accepts must be accepted.
func TestSessionLikeTheReference(t *testing.T) {
	t.Parallel()
	var golden struct {
		PEM   string
		Cases []struct {
			Token    string
			OK       string // the claims, when accepted
			Reason   string // "THROW" and more where the reference has no reason
			Message  string
			Parties  []string
			Audience []string
			Skew     int // milliseconds
		}
	}
	text, err := os.ReadFile("testdata/session.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &golden))
	require.NotEmpty(t, golden.Cases)
	source, err := jwks.NewStatic(golden.PEM)
	require.NoError(t, err)
	for _, c := range golden.Cases {
		v, err := New(Config{
			Keys: source, AuthorizedParties: c.Parties, Audience: c.Audience,
			ClockSkew: time.Duration(c.Skew) * time.Millisecond, Now: func() time.Time { return now },
		})
		require.NoError(t, err)
		for range 2 { // the second answer may come from the cache
			got, err := v.Session(t.Context(), c.Token)
			if c.OK != "" {
				require.NoError(t, err, c.Token)
				assert.JSONEq(t, c.OK, string(got.Claims().Raw))
				continue
			}
			var e *Error
			require.ErrorAs(t, err, &e, c.Token)
			require.Nil(t, got)
			if !strings.HasPrefix(c.Reason, "THROW") {
				assert.Equal(t, c.Reason, string(e.Reason), c.Token)
				assert.Equal(t, c.Message, e.FullMessage(""), c.Token)
			}
		}
	}
}
